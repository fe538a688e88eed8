//! The guard: a small process that outlives the agent and stops what it has left running.
//!
//! It holds the reading end of a pipe whose other end only the agent has. The kernel closes that end however the
//! agent dies, so the guard needs no polling and cannot be deceived by a process number that is used again. An agent
//! that ends in order says so first. The agent starts another guard when this one dies.

use std::fs::File;
use std::io::{self, BufRead as _};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use crate::boot::BootId;
use crate::clock::{Clock, SystemClock};
use crate::command::{GuardLine, Heard, ProcessRunner, Programs};
use crate::host::{DiskKey, Host, Unlisted};
use crate::journal::{HANDOVER_MS, Journal};
use crate::lock::lock;
use crate::log::Log;
use crate::options::Options;
use crate::sys;

/// How often a waiting guard looks whether a successor has come.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// How often a failed `-x` is tried before it is left to the automatic stop and the next start.
const ATTEMPTS: u32 = 5;

/// Time between two attempts: long enough for the listings of both to prove that a disk is gone.
const BETWEEN_ATTEMPTS: Duration = Duration::from_secs(1);

/// The lock a guard holds while it lives; a starting agent waits for it, so that the two never work at one time.
pub(crate) const LOCK: &str = "guard.lock";

/// The agent's side: the guard as a child process.
#[derive(Debug)]
pub struct Guard {
    child: Child,
    line: GuardLine,
}

impl Guard {
    /// Starts a guard that is this same program, at the other end of `line`.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(options: &Options, line: &GuardLine) -> io::Result<Self> {
        let mut child = Command::new(&options.program)
            .args(["guard", "--state-dir"])
            .arg(&options.state_directory)
            .arg("--host-root")
            .arg(&options.host_root)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // Not in the group of the agent: a signal to that group must not end both.
            .process_group(0)
            .spawn()?;
        if let Some(pipe) = child.stdin.take() {
            line.connect(pipe);
        }
        let line = line.clone();
        Ok(Self { child, line })
    }

    /// It lives.
    pub fn is_alive(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Tells it that the agent ends in order, and waits for its end.
    pub fn dismiss(mut self) {
        self.line.hang_up(true);
        let _ = self.child.wait();
    }

    /// Leaves it to its work: it stops what the journal still names, or finds a handover there and waits for the
    /// successor.
    pub fn leave(self) {
        self.line.hang_up(false);
    }
}

/// The guard's side: waits for the end of the agent and stops what it left.
///
/// # Errors
/// When the state directory cannot be used.
pub fn guard(options: &Options) -> io::Result<()> {
    sys::private_files();
    // Fails only when this process leads its group already; then it is out of the agent's group as well.
    let _ = sys::start_session();
    let state_directory = options.state_directory.as_path();
    // A guard before this one, of an agent that has just died, may still be at work.
    let _lock = wait_for_lock(state_directory)?;
    // It knows its own boot: what happens to the files that tell one until the agent dies is no matter.
    let boot = BootId::look(state_directory, &options.host_root, &SystemClock).ok();
    let mut heard = Heard::default();
    let mut line = String::new();
    let mut pipe = io::stdin().lock();
    // A line that cannot be read ends the watch like the end of the agent.
    while pipe.read_line(&mut line).is_ok_and(|length| length > 0) {
        heard.hear(&line);
        line.clear();
    }
    if heard.in_order {
        return Ok(());
    }
    for process in heard.running {
        // It has mostly ended with its work by now.
        let _ = sys::signal_group(process, libc::SIGKILL);
    }
    let log = Log::open(state_directory, false);
    if !successor_came(state_directory)? {
        let host = Host::new(Arc::new(ProcessRunner::default()), Programs::below(&options.host_root));
        let message = "the agent died; its guard stops the collections it started";
        log.line(message);
        let to_stop = Journal::to_stop;
        stop_journaled(state_directory, boot.as_ref(), &SystemClock, to_stop, &host, &log)?;
        host.tell_syslog(message);
    }
    Ok(())
}

fn wait_for_lock(state_directory: &Path) -> io::Result<File> {
    loop {
        if let Some(file) = lock(state_directory, LOCK)? {
            return Ok(file);
        }
        thread::sleep(LOOK_EVERY);
    }
}

/// After a handover, waits for the successor; without one there is nobody to wait for.
fn successor_came(state_directory: &Path) -> io::Result<bool> {
    let journal = Journal::load(state_directory)?;
    let (Some(handover), owner) = (journal.handover(), journal.owner()) else {
        return Ok(false);
    };
    while SystemClock.monotonic_ms().saturating_sub(handover.at_ms) <= HANDOVER_MS {
        if Journal::load(state_directory)?.owner() != owner {
            return Ok(true);
        }
        thread::sleep(LOOK_EVERY);
    }
    Ok(false)
}

/// Issues `-x` for those `disks` of the journal, and clears what is certainly stopped; gives those that may still be
/// collected. A journal that is certainly of a boot before `boot` names nothing that runs.
///
/// # Errors
/// When the journal cannot be read. One that cannot be written is reported in the log: whoever reads it next stops once
/// more what it still names, which does no harm, whereas giving up here would leave the other disks running.
pub fn stop_journaled(
    state_directory: &Path,
    boot: Option<&BootId>,
    clock: &dyn Clock,
    disks: impl Fn(&Journal) -> Vec<DiskKey>,
    host: &Host,
    log: &Log,
) -> io::Result<Vec<DiskKey>> {
    let mut journal = Journal::load(state_directory)?;
    if journal.is_of_an_earlier_boot(boot, clock.monotonic_ms()) {
        return Ok(Vec::new());
    }
    let mut unlisted = Unlisted::default();
    for attempt in 1..=ATTEMPTS {
        for disk in disks(&journal) {
            let Err(error) = host.stop_for_good(disk) else {
                clear(&mut journal, disk, log);
                log.line(&format!("stopped the collection of {disk}"));
                continue;
            };
            let listed = host.list().map(|listing| {
                unlisted.take_in(&listing, clock.monotonic_ms(), disks(&journal));
            });
            if listed.is_ok() && unlisted.is_certainly_gone(disk) {
                clear(&mut journal, disk, log);
                log.line(&format!("{disk} is gone, and its collection with it"));
            } else {
                log.line(&format!("cannot stop {disk}: {error}"));
            }
        }
        if disks(&journal).is_empty() {
            break;
        }
        if attempt < ATTEMPTS {
            clock.sleep(BETWEEN_ATTEMPTS);
        }
    }
    Ok(disks(&journal))
}

fn clear(journal: &mut Journal, disk: DiskKey, log: &Log) {
    if let Err(error) = journal.clear(disk) {
        log.line(&format!("cannot write the journal: {error}"));
    }
}
