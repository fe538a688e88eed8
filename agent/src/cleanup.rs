//! `vscsi-agent cleanup`: for cron, boot scripts and people.

use std::fs::File;
use std::io;
use std::path::Path;
use std::time::Duration;

use crate::boot::BootId;
use crate::clock::SystemClock;
use crate::host::stop_by_hand;
use crate::journal::Journal;
use crate::lock::lock;
use crate::options::Options;
use crate::running::RunningAgent;
use crate::switch::{LOCK as SWITCH_LOCK, Successor, stop_what_is_left};
use crate::{files, sys, wait};

/// How long a running agent gets to end its jobs, and a switch to pass its work on or to do it.
const END_TIMEOUT: Duration = Duration::from_secs(20);

/// A lock that is held for so long is held by an agent.
const LOCKED_TIMEOUT: Duration = Duration::from_millis(500);

/// How long an agent that takes over gets to do it.
const SUCCESSOR_TIMEOUT: Duration = Duration::from_secs(2);

/// How long a killed process gets to be gone.
const KILLED_TIMEOUT: Duration = Duration::from_secs(5);

/// How often it is looked whether they have ended.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Collections may still run.
#[derive(Debug, thiserror::Error)]
pub enum CleanupError {
    /// Some could not be stopped.
    #[error(
        "{count} collections could not be stopped yet; it is tried until they have ended by themselves. \
         To stop them by hand, run on the host: {command}"
    )]
    NotStopped {
        /// How many.
        count: usize,
        /// The command.
        command: String,
    },
    /// The agent was killed and does not end.
    #[error("the agent (process {0}) was killed and does not end: it waits for its storage; run cleanup again")]
    AgentStays(u32),
    /// The process that stops collections does not let go of its work.
    #[error(
        "process {0} is stopping collections and does not come to an end; wait, or run `cleanup --all`, which kills it"
    )]
    SwitchStays(u32),
    /// The state directory cannot be used.
    #[error("cannot use the state directory: {0}; is its volume there and writable?")]
    Io(#[from] io::Error),
}

/// Stops what a dead agent has left; with `all` ends a running one first, and also stops what a user asked to keep.
/// Says what it did.
///
/// # Errors
/// [`CleanupError`] when a collection may still run.
pub fn cleanup(options: &Options, all: bool) -> Result<String, CleanupError> {
    sys::private_files();
    let state_directory = options.state_directory.as_path();
    if !state_directory.is_dir() {
        return Ok("no agent has run here: nothing to clean up".to_owned());
    }
    files::create_directory(state_directory)?;
    // A program that an agent was just starting when it was killed has its lock for a moment longer.
    let free = || lock(state_directory, "agent.lock").transpose();
    let mut instance = wait::until(LOCKED_TIMEOUT, LOOK_EVERY, free).transpose()?;
    if instance.is_some() && lock(state_directory, SWITCH_LOCK)?.is_none() {
        // Its collector may be about to take over from an agent that has just gone.
        drop(instance.take());
        instance = give_way(state_directory)?;
    }
    if instance.is_none() {
        let process = RunningAgent::load(options).map(|agent| agent.process);
        if !all {
            let who = process.map_or_else(
                || "an agent".to_owned(),
                |process| format!("the agent (process {process})"),
            );
            return Ok(format!(
                "{who} is running and will stop its collections itself; to end it now, run `cleanup --all`"
            ));
        }
        instance = end_agent(state_directory, process)?;
        if instance.is_none() {
            return Err(CleanupError::AgentStays(process.unwrap_or(0)));
        }
    }
    let boot = BootId::look(state_directory, &options.host_root, &SystemClock).ok();
    let mut done = stop_what_is_left(options, boot.as_ref(), all, END_TIMEOUT)?;
    if done.is_none() {
        let holder = Journal::peek(state_directory).map_or(0, |journal| journal.switch.process);
        if !all || holder == 0 {
            return Err(CleanupError::SwitchStays(holder));
        }
        // It may have been stopped, or hang; what it left is in the journal.
        let _ = sys::signal_process(holder, libc::SIGKILL);
        done = stop_what_is_left(options, boot.as_ref(), all, END_TIMEOUT)?;
        if done.is_none() {
            return Err(CleanupError::SwitchStays(holder));
        }
    }
    let Some(done) = done else {
        return Err(CleanupError::SwitchStays(0));
    };
    if all && done.left.is_empty() {
        RunningAgent::forget(options);
        Successor::forget(state_directory);
        files::remove_temporary(state_directory);
        if let Some(boot) = &boot {
            boot.remove_marker(&options.host_root);
        }
    }
    drop(instance);
    if !done.left.is_empty() {
        return Err(CleanupError::NotStopped {
            count: done.left.len(),
            command: stop_by_hand(&done.left),
        });
    }
    let stopped = match done.found {
        0 if done.kept > 0 => "nothing else was left running".to_owned(),
        0 => "nothing was left running".to_owned(),
        1 => "stopped 1 collection that was left running".to_owned(),
        found => format!("stopped {found} collections that were left running"),
    };
    Ok(match done.kept {
        0 => stopped,
        kept => format!("{stopped}; {kept} that a user asked to keep may run on: `cleanup --all` stops them"),
    })
}

/// Lets an agent take its lock for which a switch waits or works already. Gives the lock where none does.
fn give_way(state_directory: &Path) -> io::Result<Option<File>> {
    wait::until(SUCCESSOR_TIMEOUT, LOOK_EVERY, || {
        let is_free = |name| lock(state_directory, name).map(|lock| lock.is_some());
        match (is_free("agent.lock"), is_free(SWITCH_LOCK)) {
            (Ok(true), Ok(false)) => None,
            _ => Some(()),
        }
    });
    lock(state_directory, "agent.lock")
}

/// Asks the agent to end, and kills one that does not answer, as when it was stopped or its storage is gone: its switch
/// then stops everything. Gives its lock; `None` when it stays all the same.
fn end_agent(state_directory: &Path, process: Option<u32>) -> io::Result<Option<File>> {
    let ended = |timeout| {
        let lock = || lock(state_directory, "agent.lock").transpose();
        wait::until(timeout, LOOK_EVERY, lock).transpose()
    };
    for (signal, timeout) in [(libc::SIGTERM, END_TIMEOUT), (libc::SIGKILL, KILLED_TIMEOUT)] {
        if let Some(process) = process {
            // It may have ended in the meantime, which is what is wanted.
            let _ = sys::signal_process(process, signal);
        }
        if let Some(lock) = ended(timeout)? {
            return Ok(Some(lock));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::clock::Clock as _;
    use crate::options::Invocation;

    /// A host whose vscsiStats writes down its arguments, and a journal with one collection that a user asked to keep.
    fn host_with_a_kept_collection() -> (tempfile::TempDir, Options) {
        let directory = tempfile::tempdir().unwrap();
        let (root, state) = (directory.path().join("host"), directory.path().join("state"));
        fs::create_dir_all(root.join("sbin")).unwrap();
        fs::create_dir(&state).unwrap();
        let program = root.join("sbin/vscsiStats");
        let calls = directory.path().join("calls");
        fs::write(&program, format!("#!/bin/sh\necho \"$@\" >> '{}'\n", calls.display())).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o700)).unwrap();
        let armed_ms = SystemClock.monotonic_ms();
        let journal = format!(
            r#"{{"boot_id":"b","owner":1,"armed":[{{"world_group_id":7,"handle_id":8,"armed_ms":{armed_ms},"kept":true}}]}}"#
        );
        fs::write(state.join("journal.json"), journal).unwrap();
        let options = Options {
            program: directory.path().join("vscsi-agent"),
            invocation: Invocation::Help,
            state_directory: state,
            host_root: root,
            idle_exit: Duration::ZERO,
            spool_limit_bytes: 0,
        };
        (directory, options)
    }

    fn calls(directory: &tempfile::TempDir) -> String {
        fs::read_to_string(directory.path().join("calls")).unwrap_or_default()
    }

    #[test]
    fn all_means_also_what_a_user_asked_to_keep() {
        let (directory, options) = host_with_a_kept_collection();
        let said = cleanup(&options, true).unwrap();
        assert_eq!(calls(&directory), "-x -w 7 -i 8\n");
        assert_eq!(said, "stopped 1 collection that was left running");
    }

    #[test]
    fn all_leaves_nothing_below_var_run() {
        let (_directory, options) = host_with_a_kept_collection();
        BootId::recognise(&options.state_directory, &options.host_root, &SystemClock).unwrap();
        let run = options.host_root.join("var/run");
        cleanup(&options, false).unwrap();
        assert_eq!(fs::read_dir(&run).unwrap().count(), 1);
        cleanup(&options, true).unwrap();
        assert_eq!(fs::read_dir(&run).unwrap().count(), 0);
    }

    #[test]
    fn without_all_it_says_what_a_user_asked_to_keep() {
        let (directory, options) = host_with_a_kept_collection();
        let said = cleanup(&options, false).unwrap();
        assert_eq!(calls(&directory), "");
        assert!(said.contains("1 that a user asked to keep"), "{said}");
    }
}
