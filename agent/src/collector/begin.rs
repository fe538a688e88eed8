//! The beginning of a job: look whether somebody else collects, start the collection, fix the due times.

use std::collections::{BTreeMap, BTreeSet};

use vscsi_shared::identifier::Name;
use vscsi_shared::job::Status;
use vscsi_shared::snapshot::SnapshotFlag;

use super::job::Phase;
use super::{Collector, LAPSED_MS, RETRY_MS};
use crate::fault::fault_point;
use crate::journal::{Armed, DiskKey};

/// Time between the two looks at counters that were there before us.
///
/// Histograms outlive the end of their collection, so counters alone prove nothing; counters that grow do. A
/// collection over a disk that is idle for this long is not noticed, and is then treated as ours.
const LOOK_AGAIN_MS: u64 = 1000;

impl Collector {
    /// First look: a disk with counters that we did not start is looked at again, the others are started at once.
    pub(super) fn look_first(&mut self, name: &Name) {
        let Some(state) = self.jobs.get(name) else { return };
        let unknown: Vec<DiskKey> = state
            .disks()
            .into_iter()
            .filter(|disk| !self.journal.armed().contains_key(disk) && !self.foreign.contains_key(disk))
            .collect();
        let first: BTreeMap<DiskKey, u64> = unknown
            .into_iter()
            .filter_map(|disk| Some((disk, self.counted(disk).filter(|count| *count > 0)?)))
            .collect();
        if first.is_empty() {
            self.begin(name);
            return;
        }
        let again_ms = self.now() + LOOK_AGAIN_MS;
        if let Some(state) = self.jobs.get_mut(name) {
            state.phase = Phase::Looking { first, again_ms };
        }
        self.publish(name);
    }

    /// Second look: counters that grew belong to a collection that runs.
    pub(super) fn look_again(&mut self, name: &Name) {
        let Some(Phase::Looking { first, .. }) = self.jobs.get(name).map(|state| state.phase.clone()) else {
            return;
        };
        let now = self.now();
        for (disk, before) in first {
            if self.counted(disk).is_some_and(|count| count > before) && !self.journal.armed().contains_key(&disk) {
                self.log(&format!(
                    "{name}: disk {} of world group {} is being collected by somebody else; it is used and left running",
                    disk.1, disk.0
                ));
                self.foreign.insert(disk, now);
            }
        }
        self.begin(name);
    }

    fn counted(&self, (vm, disk): DiskKey) -> Option<u64> {
        match self.equipment.host.commands_counted(vm, disk) {
            Ok(count) => count,
            Err(error) => {
                self.log(&format!("cannot look at disk {disk} of world group {vm}: {error}"));
                None
            }
        }
    }

    fn begin(&mut self, name: &Name) {
        let Some(state) = self.jobs.get(name) else { return };
        let disks = state.disks();
        let foreign = disks.iter().any(|disk| self.foreign.contains_key(disk));
        if foreign && state.restarts() {
            let reason = "restart mode would end a collection that somebody else has started on this disk; \
                          collect with cumulative counters, or wait until theirs has ended";
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
        if let Some(armed) = self.journal.armed().get(&disk).filter(|armed| !armed.kept) {
            let _ = armed;
            return Ok(());
        }
        fault_point("arm-before-journal");
        let entry = Armed {
            world_group_id: disk.0,
            handle_id: disk.1,
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

    fn start_disk(&self, (vm, disk): DiskKey) -> Result<(), String> {
        self.equipment
            .host
            .start(vm, disk)
            .map_err(|error| format!("collection did not start: {error}"))
    }

    /// Issues `-s` again, which defers the automatic stop.
    pub(super) fn rearm(&mut self, disk: DiskKey) {
        let now = self.now();
        fault_point("rearm-before-start");
        let started = self.start_disk(disk);
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
                self.log(&format!("cannot extend the collection of disk {}: {reason}", disk.1));
                self.note_to_users(disk, &format!("the collection could not be extended: {reason}"));
                self.resting.insert(disk, (now + RETRY_MS, reason));
            }
        }
    }

    /// After a long standstill the collection had ended by itself, and `-s` has begun another one.
    fn note_lapse(&mut self, disk: DiskKey, now: u64) {
        let ours = self.journal.armed().get(&disk).map(|armed| armed.armed_ms);
        let armed_ms = ours.or_else(|| self.foreign.get(&disk).copied()).unwrap_or(now);
        if now.saturating_sub(armed_ms) < LAPSED_MS {
            return;
        }
        let message = "neither agent nor host ran for so long that the collection ended by itself: counters begin anew";
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
