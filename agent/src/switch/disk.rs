//! One disk: what is asked for it, what is known of it, and the one thing to do next. The table of states and events
//! in `agent/README.md` is this file in words.
//!
//! Pure: moments come in, steps go out. Two rules carry the rest. A `-s` is a step only when the journal names the disk
//! as one to stop. And a disk is forgotten only after a `-x` that was begun when no `-s` could follow it any more, or when
//! its collection has certainly ended in another way.

use super::words::{Ask, State, Told};
use crate::host::DiskKey;
use crate::journal::Armed;

/// A collection whose last `-s` is older than this has certainly ended by itself, milliseconds.
pub const ENDED_MS: u64 = 31 * 60 * 1000;

/// How long a killed `-s` is waited for before `-x` is run beside it, milliseconds.
const KILLED_MS: u64 = 200;

/// How long a `-s` of a switch that died may still take effect: its deadline and some more, milliseconds.
const UNSEEN_MS: u64 = 15_000;

/// How far apart two listings that lack a disk have to be to prove that it is gone, milliseconds.
///
/// One alone proves nothing: a host prints it in the middle of a change, too.
pub const LIST_AGAIN_MS: u64 = 500;

/// Rest after the first `-x` that failed, milliseconds; each later one rests twice as long, up to [`LONGEST_REST_MS`].
const FIRST_REST_MS: u64 = 1000;

/// Longest rest between two attempts, milliseconds.
const LONGEST_REST_MS: u64 = 30_000;

/// Killed `-x` of a disk that may linger in the kernel before no other is run: each holds memory of the host.
const LINGERING_AT_MOST: usize = 2;

/// Names a command that the switch runs.
pub type RunId = u64;

/// What somebody asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wish {
    /// Found in the journal, and nobody has said yet whether it is needed.
    Unclaimed,
    Wanted,
    /// Somebody else's: used, never stopped.
    Foreign,
    Kept,
    Nobody,
}

/// An order on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pending {
    /// `-s`; whether it was on before.
    Start { was_on: bool },
    /// `-x`, then `-s`; whether the `-x` has succeeded.
    Restart { stopped: bool },
    /// The journal is to say that it is kept.
    Keep,
}

/// A command that has not been seen to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Run {
    id: RunId,
    /// When it was begun, monotonic milliseconds.
    begun_ms: u64,
    /// When it was killed.
    killed_ms: Option<u64>,
    /// No `-s` can follow it that was begun before it.
    is_last: bool,
}

impl Run {
    /// It should have been seen to end by now.
    fn is_overdue(self, now_ms: u64) -> bool {
        self.killed_ms
            .is_some_and(|killed_ms| now_ms >= killed_ms.saturating_add(KILLED_MS))
    }
}

/// What the journal on disk says of the disk as it is now in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OnFile {
    /// The same.
    Same,
    /// Not yet the same.
    Behind,
    /// It could not be written; whether it names the disk as one to stop all the same.
    Refused { named: bool },
}

/// What is to be done for a disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// Run `-s`.
    Start,
    /// Run `-x`.
    Stop,
    /// Kill this command and its group.
    Kill(RunId),
}

/// A disk in the hands of the switch.
#[derive(Debug, Clone)]
pub(super) struct Disk {
    wish: Wish,
    pending: Option<Pending>,
    /// A collection that our `-s` started, or may have, and that was not certainly stopped since.
    may_run: bool,
    /// The last `-s` succeeded.
    started: bool,
    /// When `-s` was issued last, or is about to be, monotonic milliseconds.
    issued_ms: u64,
    /// The last `-s` that succeeded.
    succeeded_ms: Option<u64>,
    /// The last order, and the last that was done or has failed.
    order: u64,
    done: u64,
    reason: Option<String>,
    start: Option<Run>,
    stop: Option<Run>,
    late_stops: Vec<RunId>,
    /// Until then a `-s` that nobody sees may take effect.
    unseen_until_ms: u64,
    rest_until_ms: u64,
    failures: u32,
    /// Why the last `-x` failed; it counts once a listing has the disk.
    stop_failure: Option<String>,
    wants_listing: bool,
    /// The first listing in a row that lacked it.
    unlisted_ms: Option<u64>,
    /// For the log.
    news: Option<&'static str>,
    /// As it was told last.
    told: Option<Told>,
}

impl Disk {
    pub(super) fn new() -> Self {
        Self {
            wish: Wish::Nobody,
            pending: None,
            may_run: false,
            started: false,
            issued_ms: 0,
            succeeded_ms: None,
            order: 0,
            done: 0,
            reason: None,
            start: None,
            stop: None,
            late_stops: Vec::new(),
            unseen_until_ms: 0,
            rest_until_ms: 0,
            failures: 0,
            stop_failure: None,
            wants_listing: false,
            unlisted_ms: None,
            news: None,
            told: None,
        }
    }

    /// As the journal names it. A moment ahead of `now_ms` was read on another clock and is taken for now.
    pub(super) fn found(entry: &Armed, now_ms: u64) -> Self {
        let issued_ms = entry.armed_ms.min(now_ms);
        Self {
            wish: if entry.kept { Wish::Kept } else { Wish::Unclaimed },
            may_run: true,
            started: entry.started,
            issued_ms,
            succeeded_ms: entry.started.then_some(issued_ms),
            reason: (!entry.started).then(|| "it is not known whether `-s` was run".to_owned()),
            unseen_until_ms: if entry.started { 0 } else { now_ms + UNSEEN_MS },
            ..Self::new()
        }
    }

    pub(super) fn state(&self) -> State {
        match self.wish {
            Wish::Foreign => State::Foreign,
            Wish::Kept if self.pending.is_none() => State::Kept,
            Wish::Nobody if self.may_run => State::Stopping,
            Wish::Nobody => State::Off,
            Wish::Unclaimed | Wish::Wanted | Wish::Kept => match self.pending {
                Some(Pending::Restart { .. }) => State::Starting,
                Some(Pending::Start { .. }) if self.start.is_some() => State::Starting,
                Some(Pending::Start { .. }) => State::Entering,
                Some(Pending::Keep) | None if self.started => State::On,
                Some(Pending::Keep) | None => State::Failed,
            },
        }
    }

    /// What is new of it since it was asked last.
    pub(super) fn tell(&mut self, now_ms: u64) -> Option<Told> {
        let told = Told {
            state: self.state(),
            age_ms: self.succeeded_ms.map_or(0, |moment| now_ms.saturating_sub(moment)),
            done: self.done,
            reason: self.reason.clone(),
        };
        let same =
            |before: &Told| before.state == told.state && before.done == told.done && before.reason == told.reason;
        if self.told.as_ref().is_some_and(same) {
            return None;
        }
        self.told = Some(told.clone());
        Some(told)
    }

    /// What the journal is to say of it.
    pub(super) fn entry(&self, disk: DiskKey) -> Option<Armed> {
        let asked = self.wish == Wish::Wanted && self.pending.is_some();
        (self.wish != Wish::Foreign && (self.may_run || asked)).then(|| Armed {
            disk,
            armed_ms: self.issued_ms,
            started: self.started,
            kept: self.wish == Wish::Kept,
        })
    }

    /// Nothing of it is left to remember.
    pub(super) fn is_over(&self) -> bool {
        self.state() == State::Off && self.start.is_none() && self.stop.is_none() && self.late_stops.is_empty()
    }

    /// It is to be stopped.
    pub(super) fn is_to_stop(&self) -> bool {
        self.wish == Wish::Nobody && (self.may_run || self.start.is_some())
    }

    /// A command on it may still take effect.
    pub(super) fn is_busy(&self) -> bool {
        let running = |run: &Option<Run>| run.is_some_and(|run| run.killed_ms.is_none());
        running(&self.start) || running(&self.stop)
    }

    /// This command is one of its own.
    pub(super) fn has_run(&self, id: RunId) -> bool {
        let running = |run: &Option<Run>| run.is_some_and(|run| run.id == id);
        running(&self.start) || running(&self.stop) || self.late_stops.contains(&id)
    }

    pub(super) fn wants_listing(&self) -> bool {
        self.wants_listing
    }

    pub(super) fn take_news(&mut self) -> Option<&'static str> {
        self.news.take()
    }

    pub(super) fn stop_failure(&self) -> Option<&str> {
        self.stop_failure.as_deref()
    }

    /// The collector asks for something.
    pub(super) fn ask(&mut self, ask: Ask, number: u64, now_ms: u64) {
        self.order = number;
        match ask {
            Ask::Want if self.wish == Wish::Wanted && (self.started || self.pending.is_some()) => {
                if self.pending.is_none() {
                    self.finish(None);
                }
            }
            // A `keep` that nobody was told of yet is taken back.
            Ask::Want if self.started && (self.wish == Wish::Unclaimed || self.pending == Some(Pending::Keep)) => {
                self.wish = Wish::Wanted;
                self.finish(None);
            }
            Ask::Want => {
                self.wish = Wish::Wanted;
                // A `-s` that was to extend somebody else's collection begins ours.
                self.may_run |= self.start.is_some();
                self.begin(Pending::Start { was_on: false }, now_ms);
            }
            Ask::Again if matches!(self.wish, Wish::Wanted | Wish::Foreign) => {
                if self.pending.is_none() {
                    self.begin(Pending::Start { was_on: self.started }, now_ms);
                }
            }
            Ask::Restart if self.wish == Wish::Wanted => {
                if self.pending.is_none() {
                    self.begin(Pending::Restart { stopped: false }, now_ms);
                }
            }
            Ask::Foreign if matches!(self.state(), State::Off | State::Foreign) => {
                self.wish = Wish::Foreign;
                self.finish(None);
            }
            Ask::Drop => {
                self.release(now_ms);
                if !self.is_to_stop() {
                    self.finish(None);
                }
            }
            Ask::Keep if self.may_run => {
                self.wish = Wish::Kept;
                if self.start.is_none_or(|start| start.killed_ms.is_some()) {
                    self.pending = Some(Pending::Keep);
                }
            }
            Ask::Again | Ask::Restart | Ask::Foreign | Ask::Keep => {
                self.finish(Some(format!("the disk is {:?}", self.state()).to_lowercase()));
            }
        }
    }

    fn begin(&mut self, pending: Pending, now_ms: u64) {
        self.pending = Some(pending);
        self.issued_ms = now_ms;
        self.started = false;
        self.reason = None;
        self.unlisted_ms = None;
        self.stop_failure = None;
    }

    fn finish(&mut self, reason: Option<String>) {
        self.pending = None;
        self.done = self.order;
        self.reason = reason;
    }

    /// Nobody asks for it any more.
    pub(super) fn release(&mut self, now_ms: u64) {
        self.wish = Wish::Nobody;
        self.pending = None;
        self.reason = None;
        self.failures = 0;
        self.rest_until_ms = now_ms;
    }

    /// The collector has gone, or is late.
    pub(super) fn collector_gone(&mut self, now_ms: u64) {
        match self.wish {
            Wish::Unclaimed | Wish::Wanted | Wish::Foreign => self.release(now_ms),
            Wish::Kept | Wish::Nobody => {}
        }
    }

    /// All that is wanted has been said.
    pub(super) fn all_said(&mut self, now_ms: u64) {
        if self.wish == Wish::Unclaimed {
            self.release(now_ms);
        }
    }

    /// The one thing to do now.
    pub(super) fn next(&mut self, now_ms: u64, file: OnFile) -> Option<Step> {
        match self.wish {
            Wish::Wanted | Wish::Foreign => self.next_of_order(now_ms, file),
            Wish::Kept => {
                self.keep(file);
                self.lapse(now_ms);
                None
            }
            Wish::Unclaimed => {
                self.lapse(now_ms);
                None
            }
            Wish::Nobody => self.next_of_stop(now_ms),
        }
    }

    fn next_of_order(&mut self, now_ms: u64, file: OnFile) -> Option<Step> {
        let pending = self.pending?;
        if self.is_busy() {
            return None;
        }
        if self.start.is_some_and(|start| !start.is_overdue(now_ms)) {
            return None;
        }
        if self.start.is_some() || !self.late_stops.is_empty() {
            self.fail("a command that was killed has not ended, and may still take effect");
            return None;
        }
        match (pending, file) {
            (Pending::Keep, _) => None,
            // Whoever takes over from here is to know that it may not collect.
            (Pending::Restart { stopped: false }, OnFile::Same | OnFile::Refused { named: true }) => Some(Step::Stop),
            _ if self.wish == Wish::Foreign => Some(Step::Start),
            (_, OnFile::Same | OnFile::Refused { named: true }) => Some(Step::Start),
            (_, OnFile::Behind) => None,
            (_, OnFile::Refused { named: false }) => {
                self.fail("cannot write the journal, so nothing was started");
                None
            }
        }
    }

    /// The order has failed.
    fn fail(&mut self, reason: &str) {
        match self.pending {
            Some(Pending::Start { was_on }) => self.started = was_on,
            Some(Pending::Restart { stopped: false }) => self.started = self.succeeded_ms.is_some(),
            Some(Pending::Restart { stopped: true } | Pending::Keep) | None => {}
        }
        if !self.may_run && self.wish == Wish::Wanted {
            self.wish = Wish::Nobody;
        }
        self.finish(Some(reason.to_owned()));
    }

    fn keep(&mut self, file: OnFile) {
        match (self.pending, file) {
            (Some(Pending::Keep), OnFile::Same) => self.finish(None),
            (Some(Pending::Keep), OnFile::Refused { .. }) => {
                self.wish = Wish::Wanted;
                self.finish(Some("cannot write the journal".to_owned()));
            }
            _ => {}
        }
    }

    /// vscsiStats has stopped by itself.
    fn lapse(&mut self, now_ms: u64) -> bool {
        let ended = self.issued_ms.saturating_add(ENDED_MS) <= now_ms;
        let lapses = ended && self.may_run && self.start.is_none() && self.stop.is_none();
        if lapses {
            self.off("has ended by itself");
        }
        lapses
    }

    fn off(&mut self, news: &'static str) {
        self.wish = Wish::Nobody;
        self.may_run = false;
        self.started = false;
        self.succeeded_ms = None;
        self.wants_listing = false;
        self.stop_failure = None;
        self.news = Some(news);
        self.finish(None);
    }

    fn next_of_stop(&mut self, now_ms: u64) -> Option<Step> {
        if self.lapse(now_ms) {
            return None;
        }
        match &mut self.start {
            Some(start) if start.killed_ms.is_none() => {
                start.killed_ms = Some(now_ms);
                return Some(Step::Kill(start.id));
            }
            Some(start) if !start.is_overdue(now_ms) => return None,
            _ => {}
        }
        let resting = now_ms < self.rest_until_ms || self.wants_listing;
        let waits = self.stop.is_some() || self.late_stops.len() >= LINGERING_AT_MOST;
        (self.may_run && !resting && !waits).then_some(Step::Stop)
    }

    /// A step was taken: this command runs.
    pub(super) fn began(&mut self, step: Step, id: RunId, now_ms: u64) {
        let run = Some(Run {
            id,
            begun_ms: now_ms,
            killed_ms: None,
            is_last: self.start.is_none() && now_ms >= self.unseen_until_ms,
        });
        match step {
            Step::Start => {
                self.start = run;
                self.may_run |= self.wish != Wish::Foreign;
            }
            Step::Stop => self.stop = run,
            Step::Kill(_) => {}
        }
    }

    /// A command of this disk has been seen to end.
    pub(super) fn ended(&mut self, id: RunId, how: Result<(), String>, now_ms: u64) {
        if let Some(position) = self.late_stops.iter().position(|late| *late == id) {
            self.late_stops.remove(position);
            return;
        }
        if let Some(start) = self.start.take_if(|start| start.id == id) {
            self.rest_until_ms = now_ms;
            if start.killed_ms.is_none() {
                self.start_ended(start, how);
            }
            if self.wish == Wish::Nobody && !self.may_run {
                self.finish(None);
            }
        } else if let Some(stop) = self.stop.take_if(|stop| stop.id == id) {
            self.stop_ended(stop, how, now_ms);
        }
    }

    /// A command of this disk was killed at its deadline and has not been seen to end.
    pub(super) fn overdue(&mut self, id: RunId, reason: String, now_ms: u64) {
        if let Some(start) = self.start.as_mut().filter(|start| start.id == id) {
            let first = start.killed_ms.replace(now_ms).is_none();
            let start = *start;
            if first {
                self.start_ended(start, Err(reason));
            }
        } else if let Some(stop) = self.stop.take_if(|stop| stop.id == id) {
            self.late_stops.push(id);
            self.stop_ended(stop, Err(reason), now_ms);
        }
    }

    fn start_ended(&mut self, start: Run, how: Result<(), String>) {
        match (how, self.wish) {
            (_, Wish::Nobody | Wish::Unclaimed) => {}
            (Ok(()), wish) => {
                self.started = true;
                self.succeeded_ms = Some(start.begun_ms);
                self.finish(None);
                if wish == Wish::Kept {
                    self.pending = Some(Pending::Keep);
                }
            }
            (Err(reason), _) => self.fail(&reason),
        }
    }

    fn stop_ended(&mut self, stop: Run, how: Result<(), String>, now_ms: u64) {
        match (how, self.wish) {
            (Ok(()), Wish::Nobody) if stop.is_last => self.off("stopped"),
            (Ok(()), Wish::Nobody) => {
                // The end of the `-s` asks for the next `-x`; where nobody will see it, time does.
                let rest_ms = self.next_rest_ms();
                self.rest_until_ms = self.unseen_until_ms.max(now_ms + rest_ms);
                self.finish(Some(
                    "a `-s` that was killed has not ended and may still start a collection".to_owned(),
                ));
            }
            (Err(reason), Wish::Nobody) => {
                self.rest_until_ms = now_ms + self.next_rest_ms();
                self.stop_failure = Some(reason);
                self.wants_listing = true;
            }
            (how, Wish::Wanted) => {
                if let Some(Pending::Restart { stopped }) = &mut self.pending {
                    match how {
                        Ok(()) => *stopped = true,
                        Err(reason) => {
                            // Nothing has changed: it counts on.
                            self.started = self.succeeded_ms.is_some();
                            self.finish(Some(reason));
                        }
                    }
                }
            }
            (_, Wish::Unclaimed | Wish::Foreign | Wish::Kept) => {}
        }
    }

    fn next_rest_ms(&mut self) -> u64 {
        let rest_ms = FIRST_REST_MS << self.failures.min(5);
        self.failures = self.failures.saturating_add(1);
        rest_ms.min(LONGEST_REST_MS)
    }

    /// A listing after a `-x` that failed: whether it lacks the disk; `None` when it could not be read whole, which
    /// proves nothing and begins the proof anew.
    pub(super) fn listed(&mut self, lacks: Option<bool>, now_ms: u64) {
        self.wants_listing = false;
        self.unlisted_ms = (lacks == Some(true)).then(|| self.unlisted_ms.unwrap_or(now_ms));
        let gone = self
            .unlisted_ms
            .is_some_and(|first_ms| now_ms.saturating_sub(first_ms) >= LIST_AGAIN_MS);
        if self.wish != Wish::Nobody {
            return;
        }
        if gone && self.stop.is_none() && self.start.is_none() {
            self.off("is gone, and its collection with it");
        } else if self.unlisted_ms.is_some() {
            self.rest_until_ms = self.rest_until_ms.min(now_ms + LIST_AGAIN_MS);
            self.finish(None);
        } else {
            let failure = self.stop_failure.clone();
            self.finish(failure);
        }
    }

    /// When something will be due without anything happening, monotonic milliseconds.
    pub(super) fn wake_ms(&self, now_ms: u64) -> Option<u64> {
        let lapses_ms = self.may_run.then(|| self.issued_ms.saturating_add(ENDED_MS));
        let killed_ms = self.start.and_then(|start| start.killed_ms);
        let overdue_ms = killed_ms.map(|killed_ms| killed_ms.saturating_add(KILLED_MS));
        let rested_ms = self.is_to_stop().then_some(self.rest_until_ms);
        let lapses_ms = lapses_ms.filter(|_| !matches!(self.wish, Wish::Wanted | Wish::Foreign));
        let moments = [lapses_ms, overdue_ms, rested_ms].into_iter().flatten();
        moments.filter(|moment| *moment > now_ms).min()
    }
}
