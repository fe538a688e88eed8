//! The switch as a whole: all disks, the journal, the collector's heartbeat, and the passing on to a successor.
//!
//! Pure: events and moments come in, effects go out, and whoever drives it carries them out in their order. Nothing
//! here waits. The program drives it with processes and threads, a test with a simulated host.

use std::collections::{BTreeMap, BTreeSet};

use vscsi_shared::vscsistats::Listing;

use super::disk::{Disk, OnFile, RunId, Step};
use super::silence::Silence;
use super::words::{Ask, Order, Report, State};
use crate::command::Child;
use crate::host::{DiskKey, lists};
use crate::journal::{Handover, Journal, SwitchId};

/// A collector that has said nothing for so long is late, milliseconds of time in which the switch itself ran.
pub(super) const LATE_MS: u64 = 30_000;

/// How often the switch says that it is there, milliseconds.
pub(super) const ALIVE_MS: u64 = 1000;

/// How long a failed write of the journal rests, milliseconds.
const WRITE_AGAIN_MS: u64 = 10_000;

/// A command of the switch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Command {
    /// `-s`.
    Start(DiskKey),
    /// `-x`.
    Stop(DiskKey),
    /// `-l`.
    List,
}

/// What is to be done outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Run a command; its end is told with [`Core::ended`], [`Core::overdue`] or [`Core::listed`].
    Run(RunId, Command),
    /// Kill a command and its group.
    Kill(RunId),
    /// Kill the group of a program of a collector that is gone.
    KillGroup(u32),
    /// Write the journal; how that went is told with [`Core::written`].
    Write(Journal),
    /// Release the lock, and tell with [`Core::passed`] or [`Core::took_back`] what came of it.
    Release(String),
    /// Tell the collector.
    Say(Report),
    /// Tell the log.
    Log(String),
    /// Tell the log and the host's own.
    Tell(String),
    /// Exit.
    Exit,
}

/// Whoever asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asker {
    There,
    /// Has said nothing for too long.
    Late,
    /// Has asked for the end.
    Ending,
    /// Its end of the pipe is closed.
    Gone,
}

/// The way from one holder of the lock to the next.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Passing {
    No,
    /// Commands that run are let end.
    Ending(String),
    /// The journal is to say who the successor is.
    Writing(String),
    /// The lock is free, or the successor's.
    Released(String),
}

/// The switch.
#[derive(Debug)]
pub struct Core {
    id: SwitchId,
    boot_id: String,
    disks: BTreeMap<DiskKey, Disk>,
    listing: Option<RunId>,
    last_run: RunId,
    holding: bool,
    /// The lock was handed over whole, and goes back unless the journal can be written: until then nothing is done.
    taking: bool,
    passing: Passing,
    /// The file as it was written last, and what is being written.
    on_file: Journal,
    writing: Option<Journal>,
    /// What could not be written, and when that is tried again.
    refused: Option<(Journal, u64)>,
    asker: Asker,
    silence: Silence,
    said_alive_ms: u64,
    collector_runs: Vec<u32>,
    effects: Vec<Effect>,
}

impl Core {
    /// A switch that holds no lock yet.
    pub fn new(id: SwitchId, now_ms: u64) -> Self {
        Self {
            id,
            boot_id: String::new(),
            disks: BTreeMap::new(),
            listing: None,
            last_run: 0,
            holding: false,
            taking: false,
            passing: Passing::No,
            on_file: Journal::default(),
            writing: None,
            refused: None,
            asker: Asker::There,
            silence: Silence::from(now_ms),
            said_alive_ms: now_ms,
            collector_runs: Vec::new(),
            effects: Vec::new(),
        }
    }

    /// It holds the lock, and this is what the journal said; `over` is a boot that is certainly over.
    pub fn locked(&mut self, journal: Journal, over: Option<&str>, now_ms: u64) {
        self.holding = true;
        let whole = journal.is_whole_for(&self.id.start);
        if self.boot_id.is_empty() {
            self.boot_id.clone_from(&journal.boot_id);
        }
        if over.is_some_and(|over| over == journal.boot_id) && !journal.armed.is_empty() {
            self.log("the host was rebooted: nothing in the journal is running any more");
        } else {
            let found = journal
                .armed
                .iter()
                .map(|entry| (entry.disk, Disk::found(entry, now_ms)));
            self.disks = found.collect();
        }
        self.on_file = journal;
        self.taking = whole;
        self.tell_changes(now_ms);
        if !whole {
            self.effects.push(Effect::Say(Report::Ready { whole }));
        }
        self.silence = Silence::from(now_ms);
        self.go_on(now_ms);
    }

    /// The collector said something.
    pub fn hear(&mut self, order: Order, now_ms: u64) {
        self.silence.is_broken();
        if self.asker == Asker::Late {
            self.asker = Asker::There;
        }
        match order {
            Order::Take { boot, .. } => self.boot_id = boot,
            Order::Disk { ask, number, disk } => {
                let known = self.disks.entry(disk).or_insert_with(Disk::new);
                known.ask(ask, number, now_ms);
            }
            Order::All => {
                for disk in self.disks.values_mut() {
                    disk.all_said(now_ms);
                }
            }
            Order::Alive => {}
            Order::Child(Child::Runs(process)) => self.collector_runs.push(process),
            Order::Child(Child::Done(process)) => self.collector_runs.retain(|running| *running != process),
            Order::HandOver(to) => self.pass_on(to),
            Order::End => self.asker = Asker::Ending,
        }
        self.go_on(now_ms);
    }

    /// The collector's end of the pipe was closed.
    pub fn collector_gone(&mut self, now_ms: u64) {
        let before = std::mem::replace(&mut self.asker, Asker::Gone);
        for process in std::mem::take(&mut self.collector_runs) {
            self.effects.push(Effect::KillGroup(process));
        }
        if matches!(self.passing, Passing::Ending(_)) {
            self.passing = Passing::No;
        }
        if self.disks.values().any(|disk| disk.state() != State::Kept) && before != Asker::Ending {
            let message = "the agent died: what it collected is stopped".to_owned();
            self.effects.push(Effect::Tell(message));
        }
        self.go_on(now_ms);
    }

    /// Also what a user asked to keep is to be stopped.
    pub fn release_kept(&mut self, now_ms: u64) {
        for disk in self.disks.values_mut() {
            disk.ask(Ask::Drop, 0, now_ms);
        }
        self.go_on(now_ms);
    }

    /// A command ended.
    pub fn ended(&mut self, run: RunId, how: Result<(), String>, now_ms: u64) {
        if let Some(disk) = self.disks.values_mut().find(|disk| disk.has_run(run)) {
            disk.ended(run, how, now_ms);
        }
        self.go_on(now_ms);
    }

    /// A command was killed at its deadline and has not been seen to end.
    pub fn overdue(&mut self, run: RunId, reason: String, now_ms: u64) {
        if let Some(disk) = self.disks.values_mut().find(|disk| disk.has_run(run)) {
            disk.overdue(run, reason, now_ms);
        }
        self.go_on(now_ms);
    }

    /// What is listed; `None` when the listing failed.
    pub fn listed(&mut self, run: RunId, listing: Option<&Listing>, now_ms: u64) {
        self.listing.take_if(|listing| *listing == run);
        let whole = listing.filter(|listing| listing.diagnostics.is_empty());
        for (key, disk) in &mut self.disks {
            if disk.wants_listing() {
                disk.listed(whole.map(|listing| !lists(listing, *key)), now_ms);
                if let Some(failure) = disk.stop_failure() {
                    self.effects.push(Effect::Log(format!("cannot stop {key}: {failure}")));
                }
            }
        }
        self.go_on(now_ms);
    }

    /// The journal was written, or why it was not.
    pub fn written(&mut self, how: Result<(), String>, now_ms: u64) {
        let Some(journal) = self.writing.take() else { return };
        match how {
            Ok(()) => {
                self.on_file = journal;
                if self.refused.take().is_some() {
                    self.effects.push(Effect::Say(Report::Journal(None)));
                }
                if std::mem::take(&mut self.taking) {
                    self.effects.push(Effect::Say(Report::Ready { whole: true }));
                }
                if let Passing::Writing(to) = &self.passing
                    && self.on_file.is_handed_to(to)
                {
                    self.holding = false;
                    self.effects.push(Effect::Release(to.clone()));
                    self.passing = Passing::Released(to.clone());
                }
            }
            Err(reason) if self.taking => {
                self.log(&format!("cannot take over: cannot write the journal: {reason}"));
                self.holding = false;
                self.effects.push(Effect::Exit);
            }
            Err(reason) => {
                let problem = format!("cannot write the journal: {reason}; the agent tries again");
                self.log(&problem);
                self.effects.push(Effect::Say(Report::Journal(Some(problem))));
                self.refused = Some((journal, now_ms + WRITE_AGAIN_MS));
                if matches!(self.passing, Passing::Writing(_)) {
                    self.passing = Passing::No;
                    self.effects.push(Effect::Say(Report::Remains(reason)));
                }
            }
        }
        self.go_on(now_ms);
    }

    /// A switch is there that is to have everything.
    pub fn pass_on(&mut self, to: String) {
        if self.passing == Passing::No && self.holding {
            self.passing = Passing::Ending(to);
        }
    }

    /// The successor holds the lock.
    pub fn passed(&mut self) {
        if let Passing::Released(to) = &self.passing {
            self.effects.push(Effect::Say(Report::Passed(to.clone())));
            self.effects.push(Effect::Exit);
        }
    }

    /// The successor did not take the lock, and it is ours again.
    pub fn took_back(&mut self, reason: String, now_ms: u64) {
        self.passing = Passing::No;
        self.holding = true;
        self.log(&format!("the successor did not take over: {reason}"));
        self.effects.push(Effect::Say(Report::Remains(reason)));
        self.go_on(now_ms);
    }

    /// Nobody has asked for anything for a while: time alone may have made something due.
    pub fn tick(&mut self, now_ms: u64) {
        if self.silence.lasts_ms(now_ms) >= LATE_MS && self.asker == Asker::There {
            self.asker = Asker::Late;
            if !self.disks.is_empty() {
                let message = "the agent does not answer: what it collected is stopped".to_owned();
                self.effects.push(Effect::Tell(message));
            }
        }
        if now_ms.saturating_sub(self.said_alive_ms) >= ALIVE_MS {
            self.said_alive_ms = now_ms;
            self.effects.push(Effect::Say(Report::Alive));
        }
        self.go_on(now_ms);
    }

    /// What has become due since; empties the list.
    pub fn take_effects(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.effects)
    }

    /// When to call [`Self::tick`] at the latest, but for the heartbeats, monotonic milliseconds.
    pub fn wake_ms(&self, now_ms: u64) -> Option<u64> {
        let disks = self.disks.values().filter_map(|disk| disk.wake_ms(now_ms));
        let write = self.refused.as_ref().map(|(_, again_ms)| *again_ms);
        disks.chain(write).filter(|moment| *moment > now_ms).min()
    }

    /// The collector is gone, and there is still something to stop.
    pub fn is_orphan(&self) -> bool {
        self.asker == Asker::Gone && self.holding
    }

    /// The disks that are to be stopped.
    pub fn to_stop(&self) -> BTreeSet<DiskKey> {
        let disks = self.disks.iter().filter(|(_, disk)| disk.is_to_stop());
        disks.map(|(key, _)| *key).collect()
    }

    /// The disks that a user asked to keep.
    pub fn kept(&self) -> BTreeSet<DiskKey> {
        let disks = self.disks.iter().filter(|(_, disk)| disk.state() == State::Kept);
        disks.map(|(key, _)| *key).collect()
    }

    fn log(&mut self, message: &str) {
        self.effects.push(Effect::Log(message.to_owned()));
    }

    /// Does what is due until nothing is.
    fn go_on(&mut self, now_ms: u64) {
        if self.asker != Asker::There {
            for disk in self.disks.values_mut() {
                disk.collector_gone(now_ms);
            }
        }
        if self.holding {
            self.write(now_ms);
            if self.passing == Passing::No && !self.taking {
                self.take_steps(now_ms);
                // What the steps have changed is to be known before anybody is told.
                self.write(now_ms);
            }
        }
        self.tell_changes(now_ms);
        self.disks.retain(|_, disk| !disk.is_over());
        self.end_commands_before_passing(now_ms);
        let nothing_left = self.disks.values().all(|disk| disk.state() == State::Kept);
        let at_rest = self.writing.is_none() && (self.refused.is_some() || self.on_file == self.content());
        let over = matches!(self.asker, Asker::Ending | Asker::Gone);
        if over && self.holding && self.passing == Passing::No && nothing_left && at_rest {
            self.effects.push(Effect::Exit);
        }
    }

    fn take_steps(&mut self, now_ms: u64) {
        for (key, disk) in &mut self.disks {
            loop {
                let entry = disk.entry(*key);
                let on_file = match (&self.refused, self.on_file.of(*key)) {
                    (_, on_file) if on_file == entry.as_ref() => OnFile::Same,
                    (Some((refused, _)), on_file) if refused.of(*key) == entry.as_ref() => OnFile::Refused {
                        named: on_file.is_some_and(|armed| !armed.kept),
                    },
                    _ => OnFile::Behind,
                };
                let Some(step) = disk.next(now_ms, on_file) else { break };
                match step {
                    Step::Kill(run) => self.effects.push(Effect::Kill(run)),
                    Step::Start | Step::Stop => {
                        self.last_run += 1;
                        disk.began(step, self.last_run, now_ms);
                        let command = match step {
                            Step::Start => Command::Start(*key),
                            _ => Command::Stop(*key),
                        };
                        self.effects.push(Effect::Run(self.last_run, command));
                    }
                }
            }
        }
        if self.listing.is_none() && self.disks.values().any(Disk::wants_listing) {
            self.last_run += 1;
            self.listing = Some(self.last_run);
            self.effects.push(Effect::Run(self.last_run, Command::List));
        }
    }

    /// Says what is new of each disk.
    fn tell_changes(&mut self, now_ms: u64) {
        for (key, disk) in &mut self.disks {
            if let Some(news) = disk.take_news() {
                let message = match news {
                    "stopped" => format!("stopped the collection of {key}"),
                    news => format!("{key} {news}"),
                };
                self.effects.push(Effect::Log(message));
            }
            if let Some(told) = disk.tell(now_ms) {
                self.effects.push(Effect::Say(Report::Disk(*key, told)));
            }
        }
    }

    fn content(&self) -> Journal {
        let handover = match &self.passing {
            Passing::No | Passing::Ending(_) => None,
            Passing::Writing(to) | Passing::Released(to) => Some(Handover {
                to: to.clone(),
                whole: self.asker != Asker::Gone,
            }),
        };
        Journal {
            boot_id: self.boot_id.clone(),
            switch: self.id.clone(),
            handover,
            armed: self.disks.iter().filter_map(|(key, disk)| disk.entry(*key)).collect(),
        }
    }

    fn write(&mut self, now_ms: u64) {
        if self.writing.is_some() {
            return;
        }
        let content = self.content();
        let rests = self
            .refused
            .as_ref()
            .is_some_and(|(refused, again_ms)| *refused == content && now_ms < *again_ms);
        if content != self.on_file && !rests {
            self.writing = Some(content.clone());
            self.effects.push(Effect::Write(content));
        }
    }

    fn end_commands_before_passing(&mut self, now_ms: u64) {
        let busy = self.listing.is_some() || self.disks.values().any(Disk::is_busy);
        if let Passing::Ending(to) = &self.passing
            && !busy
            && self.writing.is_none()
        {
            self.passing = Passing::Writing(to.clone());
            self.write(now_ms);
        }
    }
}
