//! The beginning of a job: look whether somebody else collects, start the collection, fix the due times.

use std::collections::{BTreeMap, BTreeSet};

use vscsi_shared::identifier::Name;
use vscsi_shared::job::Status;
use vscsi_shared::snapshot::SnapshotFlag;

use super::job::Phase;
use super::{Collector, LAPSED_MS, Rest};
use crate::fault::fault_point;
use crate::host::DiskKey;
use crate::journal::Armed;

/// Time between the two looks at counters that were there before us.
///
/// Histograms outlive the end of their collection, so counters alone prove nothing; counters that grow do. A
/// collection over a disk that is idle for this long is not noticed, and is then treated as ours.
const LOOK_AGAIN_MS: u64 = 1000;

/// After this many looks that failed the job fails.
const FAILED_LOOKS_AT_MOST: u32 = 3;

impl Collector {
    /// First look at disks whose collection we did not start.
    pub(super) fn look_first(&mut self, name: &Name) {
        let Some(state) = self.jobs.get(name) else { return };
        let unknown = state.disks().into_iter().filter(|disk| !self.is_armed(*disk));
        let before = unknown.map(|disk| (disk, None)).collect();
        if let Some(state) = self.jobs.get_mut(name) {
            state.phase = Phase::Looking {
                before,
                again_ms: u64::MAX,
                failures: 0,
            };
        }
        self.look(name);
    }

    /// One look: a disk without counters is collected by nobody, counters that have grown since the look before
    /// belong to a collection that runs, and where nobody could look it is tried again.
    pub(super) fn look(&mut self, name: &Name) {
        let Some(Phase::Looking { before, failures, .. }) = self.jobs.get(name).map(|state| state.phase.clone()) else {
            return;
        };
        let now = self.now();
        let mut unclear = BTreeMap::new();
        let mut failure = None;
        for (disk, earlier) in before {
            if failure.is_some() {
                // Asked again with the one that failed: where vscsiStats hangs, each question holds everybody up.
                unclear.insert(disk, earlier);
                continue;
            }
            let counted = match (self.equipment.host.commands_counted(disk), earlier) {
                (Ok(None), Some(_)) => Err("vscsiStats printed counters before and prints none now".to_owned()),
                (counted, _) => counted.map_err(|error| error.to_string()),
            };
            match (counted, earlier) {
                (Err(problem), earlier) => {
                    failure = Some(format!(
                        "cannot tell whether somebody else is collecting {disk}: {problem}"
                    ));
                    unclear.insert(disk, earlier);
                }
                (Ok(counted @ Some(1..)), None) => {
                    unclear.insert(disk, counted);
                }
                (Ok(counted), Some(_)) if counted > earlier && !self.is_armed(disk) => {
                    self.log(&format!(
                        "{name}: somebody else is collecting {disk}; that collection is used and left running"
                    ));
                    self.foreign.insert(disk, now);
                }
                (Ok(_), _) => {}
            }
        }
        let failures = failures + u32::from(failure.is_some());
        match failure {
            Some(reason) if failures >= FAILED_LOOKS_AT_MOST => {
                let reason = format!("{reason}; nothing was started, because ending it would also end theirs");
                self.end(name, Status::Failed, &reason);
                return;
            }
            Some(reason) => self.log(&format!("{name}: {reason}")),
            None => {}
        }
        if unclear.is_empty() {
            self.begin(name);
            return;
        }
        // Counted from the end of the commands, which may take longer than counters need to grow.
        let again_ms = self.now() + LOOK_AGAIN_MS;
        if let Some(state) = self.jobs.get_mut(name) {
            state.phase = Phase::Looking {
                before: unclear,
                again_ms,
                failures,
            };
        }
        self.publish(name);
    }

    fn begin(&mut self, name: &Name) {
        let Some(state) = self.jobs.get(name) else { return };
        let disks = state.disks();
        let foreign = disks.iter().any(|disk| self.foreign.contains_key(disk));
        if foreign && state.restarts() {
            let reason = "restart mode would end a collection that somebody else started on this disk; \
                          use cumulative counters, or wait until theirs has ended";
            self.end(name, Status::Failed, reason);
            return;
        }
        for disk in &disks {
            if let Err(reason) = self.arm(*disk) {
                self.end(name, Status::Failed, &reason);
                return;
            }
        }
        let (wall, now) = (self.equipment.clock.wall(), self.now());
        let Some(state) = self.jobs.get_mut(name) else { return };
        state.record.first_due_ms = Some(now);
        state.phase = Phase::Sampling;
        state.document.job.collection.foreign = foreign;
        if foreign {
            state.flags.insert(SnapshotFlag::Foreign);
        }
        // The state machine allows this way from the only status a new job has.
        let moved = state.document.job.transition(Status::Running, wall);
        debug_assert!(moved.is_ok());
        let record = state.record.clone();
        if let Err(error) = self.equipment.spool.save_record(&record) {
            self.end(name, Status::Failed, &error.to_string());
            return;
        }
        fault_point("running-after-record");
        self.save(name);
        fault_point("running-after-job");
        self.log(&format!("{name}: collecting"));
    }

    /// Has the collection of `disk` run: nothing to do when another job has started it.
    pub(super) fn arm(&mut self, disk: DiskKey) -> Result<(), String> {
        let now = self.now();
        if self.foreign.contains_key(&disk) {
            return self.start_disk(disk).map(|()| {
                self.foreign.insert(disk, now);
            });
        }
        if self.journal.armed().get(&disk).is_some_and(|armed| !armed.kept) {
            return Ok(());
        }
        fault_point("arm-before-journal");
        let entry = Armed {
            disk,
            armed_ms: now,
            kept: false,
        };
        self.journal
            .enter(entry)
            .map_err(|error| format!("cannot write the journal, so nothing was started: {error}"))?;
        fault_point("arm-after-journal");
        let started = self.start_disk(disk);
        fault_point("arm-after-start");
        // After a failed start the entry stays: what did start in spite of the failure is stopped by it.
        started
    }

    fn start_disk(&self, disk: DiskKey) -> Result<(), String> {
        self.equipment
            .host
            .start(disk)
            .map_err(|error| format!("collection did not start: {error}"))
    }

    /// Issues `-s` again, which defers the automatic stop.
    pub(super) fn rearm(&mut self, disk: DiskKey) {
        let now = self.now();
        fault_point("rearm-before-start");
        let started = self.start_again(disk);
        fault_point("rearm-after-start");
        match started {
            Ok(()) => {
                self.resting.remove(&disk);
                self.note_lapse(disk, now);
                if let Some(armed_ms) = self.foreign.get_mut(&disk) {
                    *armed_ms = now;
                } else if let Some(armed) = self.journal.armed().get(&disk).cloned() {
                    let renewed = Armed { armed_ms: now, ..armed };
                    let entered = self.journal.enter(renewed);
                    self.tell_journal(entered);
                }
            }
            Err(reason) => {
                self.log(&format!("cannot extend the collection of {disk}: {reason}"));
                self.note_to_users(disk, &format!("the collection could not be extended: {reason}"));
                self.resting.insert(disk, Rest::after_failure(now, reason));
            }
        }
    }

    /// Issues `-s` on a disk that is somebody else's or that the journal names durably.
    fn start_again(&mut self, disk: DiskKey) -> Result<(), String> {
        if !self.foreign.contains_key(&disk) {
            let durable = self.journal.make_durable(disk);
            durable.map_err(|error| format!("cannot write the journal, so nothing was started: {error}"))?;
        }
        self.start_disk(disk)
    }

    /// After a long standstill the collection had ended by itself, and `-s` has begun another one.
    fn note_lapse(&mut self, disk: DiskKey, now: u64) {
        let ours = self.journal.armed().get(&disk).map(|armed| armed.armed_ms);
        let armed_ms = ours.or_else(|| self.foreign.get(&disk).copied()).unwrap_or(now);
        if now.saturating_sub(armed_ms) < LAPSED_MS {
            return;
        }
        let message = "the agent or the host was not running for so long that the collection ended by itself: \
                       counters start from zero";
        self.note_to_users(disk, message);
        for state in self.jobs.values_mut() {
            if state.is_active() && state.disks().contains(&disk) {
                state.flags.insert(SnapshotFlag::NewBaseline);
            }
        }
    }

    fn note_to_users(&mut self, disk: DiskKey, message: &str) {
        let wall = self.equipment.clock.wall();
        let users: BTreeSet<Name> = self
            .jobs
            .iter()
            .filter(|(_, state)| state.is_active() && state.disks().contains(&disk))
            .map(|(name, _)| name.clone())
            .collect();
        for name in users {
            if let Some(state) = self.jobs.get_mut(&name) {
                state.note(wall, None, message.to_owned());
            }
            self.publish(&name);
        }
    }
}
