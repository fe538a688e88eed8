//! Carries out what [`Core`] decides: threads for the commands, for the journal and for the pipe, and the lock.
//!
//! Nothing that may hang is done in the thread that decides: not a command, not a write to the storage, not a word to
//! the collector.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver, Sender, SyncSender, TrySendError};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use vscsi_shared::vscsistats::{self, Listing};

use super::core::{ALIVE_MS, Command, Core, Effect};
use super::disk::RunId;
use super::successor::Successor;
use super::words::{Order, Report};
use crate::clock::{Clock as _, SystemClock};
use crate::command::{CommandOutput, CommandSpec, RunError, Running, Watcher, kill_group};
use crate::fault::fault_point;
use crate::host::Host;
use crate::journal::{Journal, SwitchId};
use crate::lock::lock;
use crate::log::Log;
use crate::threads;

/// The lock of the one switch that may run `-s` and `-x`.
pub(crate) const LOCK: &str = "switch.lock";

/// Lines that may wait for the other side to read them.
pub(super) const QUEUE_LINES: usize = 1024;

/// Notes that may wait for the storage.
const QUEUE_NOTES: usize = 256;

/// How long a successor gets to take the lock.
const TAKES_MS: u64 = 5000;

/// How often it is looked whether it has.
const LOOK_AT_SUCCESSOR: Duration = Duration::from_millis(50);

/// How often a switch without a collector looks whether somebody waits for its lock.
const LOOK_FOR_SUCCESSOR: Duration = Duration::from_millis(200);

/// How long the log gets at the end.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(1);

/// What happens.
#[derive(Debug)]
pub(super) enum Event {
    /// A line of the collector.
    Line(String),
    /// The collector has closed its end.
    Closed,
    Ended(RunId, Result<(), String>),
    Overdue(RunId, String),
    Listed(RunId, Option<Listing>),
    Written(Result<(), String>),
}

/// For the thread that writes to the storage.
enum Note {
    Journal(Journal),
    Log(String),
    Flush(Sender<()>),
}

/// A command that runs, or is about to.
struct Slot {
    run: RunId,
    process: Option<u32>,
    kill: bool,
}

/// The lock is somebody else's for the moment.
struct Released {
    to: String,
    since_ms: u64,
}

/// Drives a [`Core`].
pub(super) struct Runner {
    pub(super) core: Core,
    id: SwitchId,
    host: Host,
    state_directory: PathBuf,
    events: Sender<Event>,
    inbox: Receiver<Event>,
    scribe: SyncSender<Note>,
    /// To the collector, where there is one.
    mouth: Option<SyncSender<String>>,
    watcher: Option<Watcher>,
    slots: Arc<Mutex<Vec<Slot>>>,
    lock: Option<File>,
    released: Option<Released>,
    /// Successors that did not take the lock when it was theirs.
    refused: Option<String>,
    looked_ms: u64,
}

impl Runner {
    pub(super) fn new(id: SwitchId, host: Host, state_directory: &Path) -> std::io::Result<Self> {
        let (events, inbox) = mpsc::channel();
        let (scribe, notes) = mpsc::sync_channel(QUEUE_NOTES);
        let (directory, done) = (state_directory.to_path_buf(), events.clone());
        threads::start("scribe", move || write_notes(&directory, &notes, &done))?;
        Ok(Self {
            core: Core::new(id.clone(), SystemClock.monotonic_ms()),
            id,
            host,
            state_directory: state_directory.to_path_buf(),
            events,
            inbox,
            scribe,
            mouth: None,
            watcher: None,
            slots: Arc::default(),
            lock: None,
            released: None,
            refused: None,
            looked_ms: 0,
        })
    }

    /// Connects the collector.
    pub(super) fn converse(
        &mut self,
        input: impl Read + Send + 'static,
        output: impl Write + Send + 'static,
    ) -> std::io::Result<()> {
        let events = self.events.clone();
        threads::start("ear", move || {
            for_each_line(input, |line| events.send(Event::Line(line)).is_ok());
            // Nobody listens any more at the end of the process.
            let _ = events.send(Event::Closed);
        })?;
        let mouth = speak(output)?;
        let told = mouth.clone();
        self.watcher = Some(Arc::new(move |child| {
            let _ = told.try_send(Report::Child(child).to_string());
        }));
        self.mouth = Some(mouth);
        Ok(())
    }

    /// The lock, and the journal under it.
    pub(super) fn locked(&mut self, lock: File, journal: Journal, over: Option<&str>) {
        self.lock = Some(lock);
        self.core.locked(journal, over, SystemClock.monotonic_ms());
    }

    pub(super) fn say(&mut self, report: &Report) {
        let Some(mouth) = &self.mouth else { return };
        match mouth.try_send(report.to_string()) {
            Ok(()) => {}
            Err(TrySendError::Full(_)) => {
                // It does not read, so that nothing it asks for can be answered.
                self.mouth = None;
                self.core.collector_gone(SystemClock.monotonic_ms());
            }
            Err(TrySendError::Disconnected(_)) => self.mouth = None,
        }
    }

    /// The next event within `timeout`.
    pub(super) fn wait(&self, timeout: Duration) -> Option<Event> {
        self.inbox.recv_timeout(timeout).ok()
    }

    /// One turn: waits for what happens, and does what follows from it. `false` at the end.
    pub(super) fn turn(&mut self) -> bool {
        let mut next = self.wait(self.patience());
        while let Some(event) = next {
            self.take(event);
            next = self.inbox.try_recv().ok();
        }
        self.watch_successor();
        self.core.tick(SystemClock.monotonic_ms());
        self.perform()
    }

    /// Carries out what is due; `false` at the end.
    pub(super) fn perform(&mut self) -> bool {
        loop {
            let effects = self.core.take_effects();
            if effects.is_empty() {
                return true;
            }
            for effect in effects {
                match effect {
                    Effect::Run(run, command) => self.run(run, command),
                    Effect::Kill(run) => self.kill(run),
                    Effect::KillGroup(process) => kill_group(process),
                    Effect::Write(journal) => {
                        if self.scribe.try_send(Note::Journal(journal)).is_err() {
                            let reason = "the storage does not answer".to_owned();
                            self.core.written(Err(reason), SystemClock.monotonic_ms());
                        }
                    }
                    Effect::Release(to) => {
                        self.lock = None;
                        let since_ms = SystemClock.monotonic_ms();
                        self.released = Some(Released { to, since_ms });
                    }
                    Effect::Say(report) => self.say(&report),
                    Effect::Log(message) => self.log(message),
                    Effect::Tell(message) => {
                        self.tell_syslog(message.clone());
                        self.log(message);
                    }
                    Effect::Exit => {
                        self.flush();
                        return false;
                    }
                }
            }
        }
    }

    pub(super) fn flush(&self) {
        let (sender, written) = mpsc::channel();
        if self.scribe.try_send(Note::Flush(sender)).is_ok() {
            let _ = written.recv_timeout(FLUSH_TIMEOUT);
        }
    }

    fn log(&self, message: String) {
        // On storage that hangs the log has gaps.
        let _ = self.scribe.try_send(Note::Log(message));
    }

    fn tell_syslog(&self, message: String) {
        let host = self.host.clone();
        // Where no thread can be had, the host's log lacks a line.
        let _ = threads::start("syslog", move || host.tell_syslog(&message));
    }

    fn patience(&self) -> Duration {
        let now_ms = SystemClock.monotonic_ms();
        let due_ms = self.core.wake_ms(now_ms).map_or(ALIVE_MS, |wake_ms| wake_ms - now_ms);
        let longest = if self.released.is_some() {
            LOOK_AT_SUCCESSOR
        } else if self.core.is_orphan() {
            LOOK_FOR_SUCCESSOR
        } else {
            Duration::from_millis(ALIVE_MS)
        };
        Duration::from_millis(due_ms).min(longest)
    }

    pub(super) fn take(&mut self, event: Event) {
        let now_ms = SystemClock.monotonic_ms();
        match event {
            Event::Line(line) => {
                if let Some(order) = Order::parse(&line) {
                    self.core.hear(order, now_ms);
                }
            }
            Event::Closed => self.core.collector_gone(now_ms),
            Event::Ended(run, how) => {
                self.slots().retain(|slot| slot.run != run);
                self.core.ended(run, how, now_ms);
            }
            Event::Overdue(run, reason) => self.core.overdue(run, reason, now_ms),
            Event::Listed(run, listing) => {
                self.slots().retain(|slot| slot.run != run);
                self.core.listed(run, listing.as_ref(), now_ms);
            }
            Event::Written(how) => self.core.written(how, now_ms),
        }
    }

    fn slots(&self) -> std::sync::MutexGuard<'_, Vec<Slot>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn kill(&self, run: RunId) {
        if let Some(slot) = self.slots().iter_mut().find(|slot| slot.run == run) {
            slot.kill = true;
            if let Some(process) = slot.process {
                kill_group(process);
            }
        }
    }

    fn run(&self, run: RunId, command: Command) {
        self.slots().push(Slot {
            run,
            process: None,
            kill: false,
        });
        let spec = match command {
            Command::Start(disk) => self.host.start(disk),
            Command::Stop(disk) => self.host.stop(disk),
            Command::List => self.host.listing(),
        };
        let (events, slots, watcher) = (self.events.clone(), Arc::clone(&self.slots), self.watcher.clone());
        let done = self.events.clone();
        let spawned = threads::start("command", move || {
            let registered = |process| {
                let mut slots = slots.lock().unwrap_or_else(PoisonError::into_inner);
                if let Some(slot) = slots.iter_mut().find(|slot| slot.run == run) {
                    slot.process = Some(process);
                    if slot.kill {
                        kill_group(process);
                    }
                }
            };
            carry_out(run, command, spec, watcher.as_ref(), registered, &events);
        });
        if let Err(error) = spawned {
            let _ = done.send(end_of(run, command, Err(format!("cannot start a thread: {error}"))));
        }
    }

    /// Passes the lock on to whoever waits for it, or takes it back.
    fn watch_successor(&mut self) {
        let now_ms = SystemClock.monotonic_ms();
        if let Some(Released { to, since_ms }) = &self.released {
            let taken = Journal::peek(&self.state_directory).is_some_and(|journal| journal.switch.start == *to);
            let waits = Successor::load(&self.state_directory).is_some_and(|found| found.start == *to && found.lives());
            let reason = if taken {
                self.released = None;
                self.core.passed();
                return;
            } else if !waits {
                "its process is gone"
            } else if now_ms.saturating_sub(*since_ms) >= TAKES_MS {
                "it did not take the lock in time"
            } else {
                return;
            };
            if let Ok(Some(lock)) = lock(&self.state_directory, LOCK) {
                // It may have had the lock for a moment and gone with it.
                self.refused = Some(to.clone());
                self.released = None;
                self.lock = Some(lock);
                self.core.took_back(reason.to_owned(), now_ms);
            }
        } else if self.core.is_orphan() && now_ms.saturating_sub(self.looked_ms) >= 200 {
            self.looked_ms = now_ms;
            let successor = Successor::load(&self.state_directory).filter(|found| {
                found.start != self.id.start && Some(&found.start) != self.refused.as_ref() && found.lives()
            });
            if let Some(successor) = successor {
                self.core.pass_on(successor.start);
            }
        }
    }
}

fn carry_out(
    run: RunId,
    command: Command,
    spec: Result<CommandSpec, RunError>,
    watcher: Option<&Watcher>,
    registered: impl FnOnce(u32),
    events: &Sender<Event>,
) {
    fault_point("switch-before-command");
    let running = match spec.and_then(|spec| Ok((Running::start(&spec, watcher)?, spec.to_string()))) {
        Ok((running, words)) => {
            registered(running.process());
            Ok((running, words))
        }
        Err(error) => Err(error.to_string()),
    };
    let (output, left) = match running {
        Ok((running, words)) => {
            let (output, left) = running.finish();
            let output = match output.complaint() {
                None => Ok(output),
                Some(complaint) => Err(format!("`{words}` {complaint}")),
            };
            (output, left)
        }
        Err(reason) => (Err(reason), None),
    };
    fault_point("switch-after-command");
    // Nobody listens any more at the end of the process.
    match left {
        None => drop(events.send(end_of(run, command, output))),
        Some(left) => {
            let reason = output.err().unwrap_or_default();
            if command == Command::List {
                let _ = events.send(Event::Listed(run, None));
                return left.wait();
            }
            let _ = events.send(Event::Overdue(run, reason.clone()));
            left.wait();
            let _ = events.send(Event::Ended(run, Err(reason)));
        }
    }
}

fn end_of(run: RunId, command: Command, output: Result<CommandOutput, String>) -> Event {
    match command {
        Command::List => {
            let listing = output.ok().map(|output| vscsistats::parse_listing(&output.stdout));
            Event::Listed(run, listing)
        }
        Command::Start(_) | Command::Stop(_) => Event::Ended(run, output.map(drop)),
    }
}

fn write_notes(state_directory: &Path, notes: &Receiver<Note>, done: &Sender<Event>) {
    let log = Log::open(state_directory, false);
    while let Ok(note) = notes.recv() {
        match note {
            Note::Journal(journal) => {
                fault_point("switch-before-write");
                let written = journal.save(state_directory).map_err(|error| error.to_string());
                fault_point("switch-after-write");
                let _ = done.send(Event::Written(written));
            }
            Note::Log(message) => log.line(&message),
            Note::Flush(written) => drop(written.send(())),
        }
    }
}

/// Gives every whole line; one without its end is none.
pub(super) fn for_each_line(input: impl Read, mut take: impl FnMut(String) -> bool) {
    let mut input = BufReader::with_capacity(4096, input);
    let mut line = String::new();
    while input.read_line(&mut line).is_ok_and(|length| length > 0) {
        let Some(whole) = line.strip_suffix('\n') else { return };
        if !take(whole.to_owned()) {
            return;
        }
        line.clear();
    }
}

/// A thread that writes lines, and the queue before it.
pub(super) fn speak(mut output: impl Write + Send + 'static) -> std::io::Result<SyncSender<String>> {
    let (mouth, lines) = mpsc::sync_channel::<String>(QUEUE_LINES);
    threads::start("mouth", move || {
        while let Ok(mut line) = lines.recv() {
            line.push('\n');
            if output.write_all(line.as_bytes()).and_then(|()| output.flush()).is_err() {
                return;
            }
        }
    })?;
    Ok(mouth)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_last_line_without_its_end_is_no_message() {
        let mut lines = Vec::new();
        for_each_line(&b"run 123\ndone 123\nrun 12"[..], |line| {
            lines.push(line);
            true
        });
        assert_eq!(lines, ["run 123", "done 123"]);
    }
}
