//! The switch: the one process that starts and stops collections. `agent/README.md` is its specification.
//!
//! - `words`: the messages on the pipe. `disk`: the state machine of one disk. `core`: all of them, the journal and
//!   the heartbeat. These are pure.
//! - `run`: carries out what they decide. `link`: the collector's end of the pipe. `successor`: who waits. `silence`: how
//!   long the other side has said nothing.

mod core;
mod disk;
mod link;
mod run;
mod silence;
mod successor;
mod words;

use std::collections::BTreeSet;
use std::io;
use std::os::unix::process::CommandExt as _;
use std::process::{self, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use signal_hook::consts::SIGHUP;

use crate::boot::BootId;
use crate::clock::{Clock as _, SystemClock};
use crate::command::{ProcessRunner, Programs};
use crate::host::{DiskKey, Host};
use crate::journal::{Journal, SwitchId};
use crate::lock::lock;
use crate::options::Options;
use crate::{random, sys, wait};

pub use core::{Command, Core, Effect};
pub use disk::{ENDED_MS, LIST_AGAIN_MS, RunId};
pub use link::{Link, Said, Switching, Wake};
pub use words::{Ask, Order, Report, State, Told};

pub(crate) use successor::Successor;

use core::LATE_MS;
pub(crate) use run::LOCK;
use run::{Event, Runner};
use silence::Silence;

/// How often a switch without the lock looks whether it can have it.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// How often an unreadable journal is tried.
const READ_AGAIN: Duration = Duration::from_secs(1);

/// Bytes of randomness in a start.
const START_BYTES: usize = 16;

/// A name by which a switch is told from every other.
///
/// # Errors
/// When no random bytes can be read.
pub(crate) fn draw_start() -> io::Result<String> {
    random::hexadecimal(START_BYTES)
}

/// How a switch is started.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Begin {
    /// The name it is to have, where its collector has told it to somebody.
    pub start: Option<String>,
    /// It has no collector, and stops what the journal names.
    pub alone: bool,
}

/// Runs the switch until its collector is gone and nothing is left to stop.
///
/// # Errors
/// When its threads cannot be started, or the state directory cannot be used.
pub fn switch(options: &Options, begin: &Begin) -> io::Result<()> {
    sys::private_files();
    // Fails only when this process leads its group already; then it is out of the agent's group as well.
    let _ = sys::start_session();
    // A switch that was stopped gets one when its collector dies, just when it is needed most.
    signal_hook::flag::register(SIGHUP, Arc::default())?;
    let id = SwitchId {
        process: process::id(),
        start: begin.start.clone().map_or_else(draw_start, Ok)?,
    };
    let host = Host::new(Arc::new(ProcessRunner::default()), Programs::below(&options.host_root));
    let mut runner = Runner::new(id.clone(), host, &options.state_directory)?;
    runner.converse(io::stdin(), io::stdout())?;
    runner.say(&Report::Hello {
        process: id.process,
        start: id.start.clone(),
    });
    if wait_for_lock(&mut runner, &id, options, begin.alone)? {
        while runner.turn() {}
    }
    Ok(())
}

/// Waits until the lock is this switch's: by a handover to it, or, once the collector says that the agent before is gone,
/// as soon as it is free. Where the collector goes or says nothing any more, a lock that is free is taken to stop what the
/// journal names: the switch before may have died with it. `false` when somebody holds it, who then stops everything.
fn wait_for_lock(runner: &mut Runner, id: &SwitchId, options: &Options, alone: bool) -> io::Result<bool> {
    let directory = options.state_directory.as_path();
    let waiting = Successor {
        process: id.process,
        start: id.start.clone(),
    };
    let (mut may_take, mut gone, mut asked) = (alone, false, false);
    let mut over = None;
    let mut early = Vec::new();
    let mut silence = Silence::from(SystemClock.monotonic_ms());
    loop {
        match runner.wait(LOOK_EVERY) {
            Some(Event::Line(line)) => {
                silence.is_broken();
                if let Some(Order::Take { over: said, .. }) = Order::parse(&line) {
                    over = said;
                    may_take = true;
                }
                early.push(Event::Line(line));
                continue;
            }
            Some(Event::Closed) => gone = true,
            _ => {}
        }
        gone |= silence.lasts_ms(SystemClock.monotonic_ms()) >= LATE_MS;
        let is_ours =
            |journal: &Journal| may_take || journal.is_handed_to(&id.start) || (gone && journal.handover.is_none());
        let lock = if may_take || Journal::peek(directory).is_some_and(|journal| is_ours(&journal)) {
            lock(directory, LOCK)?
        } else {
            None
        };
        let Some(lock) = lock else {
            if gone && !alone {
                waiting.remove(directory);
                return Ok(false);
            }
            if may_take && !asked {
                asked = true;
                // A switch without a collector looks for it, and where it cannot be written that one ends by itself.
                let _ = waiting.save(directory);
            }
            continue;
        };
        match Journal::load(directory) {
            Ok((journal, problem)) if is_ours(&journal) => {
                waiting.remove(directory);
                if let Some(problem) = problem {
                    runner.say(&Report::Journal(Some(problem)));
                }
                runner.locked(lock, journal, over.as_deref());
                for event in early {
                    runner.take(event);
                }
                if gone {
                    runner.take(Event::Closed);
                }
                return Ok(true);
            }
            Ok(_) => {}
            Err(error) => {
                let problem = format!("cannot read the journal: {error}; it is tried again");
                runner.say(&Report::Journal(Some(problem)));
                drop(lock);
                std::thread::sleep(READ_AGAIN);
            }
        }
    }
}

/// What [`stop_what_is_left`] found and did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stopped {
    /// Collections that were to be stopped.
    pub(crate) found: usize,
    /// Those that a user asked to keep and that may run on.
    pub(crate) kept: usize,
    /// Those that may still be collected. A switch that goes on by itself has been started for them.
    pub(crate) left: BTreeSet<DiskKey>,
}

/// Takes the lock and stops what the journal names; with `all` also what a user asked to keep. `None` when whoever holds
/// the lock does not let go of it for `patience`.
///
/// # Errors
/// When the state directory cannot be used.
pub(crate) fn stop_what_is_left(
    options: &Options,
    boot: Option<&BootId>,
    all: bool,
    patience: Duration,
) -> io::Result<Option<Stopped>> {
    let directory = options.state_directory.as_path();
    let id = SwitchId {
        process: process::id(),
        start: draw_start()?,
    };
    let waiting = Successor {
        process: id.process,
        start: id.start.clone(),
    };
    let host = Host::new(Arc::new(ProcessRunner::default()), Programs::below(&options.host_root));
    let mut runner = Runner::new(id, host, directory)?;
    let mut found = lock(directory, LOCK)?;
    if found.is_none() {
        waiting.save(directory)?;
        found = wait::until(patience, LOOK_EVERY, || lock(directory, LOCK).transpose()).transpose()?;
        waiting.remove(directory);
    }
    let Some(lock) = found else { return Ok(None) };
    let (journal, _) = Journal::load(directory)?;
    runner.locked(lock, journal, boot.and_then(BootId::over));
    let now_ms = SystemClock.monotonic_ms();
    if let Some(boot) = boot {
        let take = Order::Take {
            boot: boot.id.clone(),
            over: None,
        };
        runner.core.hear(take, now_ms);
    }
    if all {
        runner.core.release_kept(now_ms);
    }
    runner.core.collector_gone(now_ms);
    let (found, kept) = (runner.core.to_stop().len(), runner.core.kept().len());
    let until = Instant::now() + patience;
    let mut goes_on = runner.perform();
    while goes_on && Instant::now() < until {
        goes_on = runner.turn();
    }
    let left = runner.core.to_stop();
    runner.flush();
    drop(runner);
    if !left.is_empty() {
        process::Command::new(&options.program)
            .args(["switch", "--alone", "--state-dir"])
            .arg(directory)
            .arg("--host-root")
            .arg(&options.host_root)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()?;
    }
    Ok(Some(Stopped { found, kept, left }))
}
