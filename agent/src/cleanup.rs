//! `vscsi-agent cleanup`: for cron, boot hooks and hands.

use std::io;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use crate::boot::BootId;
use crate::clock::SystemClock;
use crate::command::{ProcessRunner, Programs};
use crate::guard::{self, stop_journaled};
use crate::host::{Host, stop_by_hand};
use crate::journal::Journal;
use crate::lock::lock;
use crate::log::Log;
use crate::options::Options;
use crate::running::RunningAgent;
use crate::{files, sys};

/// How long a living agent gets to end its jobs, and a guard to do its work.
const PATIENCE: Duration = Duration::from_secs(20);

/// Collections may still run.
#[derive(Debug, thiserror::Error)]
pub enum CleanupError {
    /// Some could not be stopped.
    #[error("{count} collections could not be stopped; run on the host: {command}")]
    NotStopped {
        /// How many.
        count: usize,
        /// The command.
        command: String,
    },
    /// The agent does not end.
    #[error("the agent, process {0}, does not end; end it by hand and run cleanup again")]
    AgentStays(u32),
    /// The state directory cannot be used.
    #[error("cannot use the state directory: {0}")]
    Io(#[from] io::Error),
}

/// Stops what a dead agent has left; a living one is left alone unless `all` is asked for. Says what it did.
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
    let mut instance = lock(state_directory, "agent.lock")?;
    if instance.is_none() {
        let process = RunningAgent::load(state_directory).map(|agent| agent.process);
        if !all {
            let who = process.map_or_else(
                || "an agent".to_owned(),
                |process| format!("the agent, process {process},"),
            );
            return Ok(format!(
                "{who} is running and looks after its collections; end it with `cleanup --all`"
            ));
        }
        if let Some(process) = process {
            // It may have ended in the meantime, which is what is wanted.
            let _ = sys::signal_process(process, libc::SIGTERM);
        }
        instance = wait_for(|| lock(state_directory, "agent.lock"))?;
        if instance.is_none() {
            return Err(CleanupError::AgentStays(process.unwrap_or(0)));
        }
    }
    // A guard at work does the same; the journal is read when it has finished.
    let guard = wait_for(|| lock(state_directory, guard::LOCK))?;
    let boot = BootId::look(state_directory, &options.host_root, &SystemClock).ok();
    let journal = Journal::load(state_directory)?;
    let of_this_boot = !boot.as_ref().is_some_and(|boot| boot.is_after(journal.boot_id()));
    let found = if of_this_boot { journal.to_stop().len() } else { 0 };
    let host = Host::new(Arc::new(ProcessRunner::default()), Programs::below(&options.host_root));
    let log = Log::open(state_directory, false);
    let left = stop_journaled(state_directory, boot.as_ref(), &host, &log)?;
    if found > 0 {
        host.tell_syslog("cleanup stopped what a dead agent had left running");
    }
    drop((guard, instance));
    if left > 0 {
        let disks = Journal::load(state_directory)?.to_stop().into_iter().collect();
        return Err(CleanupError::NotStopped {
            count: left,
            command: stop_by_hand(&disks),
        });
    }
    Ok(match found {
        0 => "nothing was left running".to_owned(),
        1 => "stopped 1 collection that was left running".to_owned(),
        found => format!("stopped {found} collections that were left running"),
    })
}

fn wait_for<T>(mut ready: impl FnMut() -> io::Result<Option<T>>) -> io::Result<Option<T>> {
    let until = Instant::now() + PATIENCE;
    loop {
        let found = ready()?;
        if found.is_some() || Instant::now() >= until {
            return Ok(found);
        }
        thread::sleep(Duration::from_millis(50));
    }
}
