//! The beginning of a job: look whether somebody else collects, have the collection started, fix the due times.

use std::collections::BTreeMap;

use vscsi_shared::identifier::Name;
use vscsi_shared::job::Status;
use vscsi_shared::snapshot::SnapshotFlag;

use super::job::Phase;
use super::{Collector, RETRY_MS};
use crate::fault::fault_point;
use crate::host::DiskKey;
use crate::switch::{Ask, State};

/// Time between the two looks at counters that were there before us.
///
/// Histograms outlive the end of their collection, so counters alone prove nothing; counters that grow do. A
/// collection over a disk that is idle for this long is not noticed, and is then treated as ours.
const LOOK_AGAIN_MS: u64 = 1000;

/// Looks of a foreign collection that are further apart prove nothing about now, milliseconds.
const LOOKS_APART_MS: u64 = 3000;

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
        let mut unclear = BTreeMap::new();
        let mut failure = None;
        for (disk, earlier) in before {
            if failure.is_some() {
                // Asked again with the one that failed: where vscsiStats hangs, each question holds everybody up.
                unclear.insert(disk, earlier);
                continue;
            }
            let counted = match (self.count(disk), earlier) {
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
                (Ok(counted @ Some(_)), None) => {
                    unclear.insert(disk, counted);
                }
                // Somebody zeroed them, which does not tell whether they run.
                (Ok(Some(counted)), Some(earlier)) if counted < earlier && !self.is_armed(disk) => {
                    unclear.insert(disk, Some(counted));
                }
                (Ok(counted), Some(_)) if counted != earlier && !self.is_armed(disk) => {
                    self.log(&format!(
                        "{name}: somebody else is collecting {disk}; that collection is used and left running"
                    ));
                    self.ask(disk, Ask::Foreign);
                    if let Some(seen) = self.disks.get_mut(&disk) {
                        seen.armed_ms = Some(self.equipment.clock.monotonic_ms());
                    }
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

    /// The commands counted of a disk.
    pub(super) fn count(&self, disk: DiskKey) -> Result<Option<u64>, crate::host::HostError> {
        self.equipment.switch.beat();
        let counted = self.equipment.host.commands_counted(disk);
        self.equipment.switch.beat();
        counted
    }

    fn begin(&mut self, name: &Name) {
        let Some(state) = self.jobs.get(name) else { return };
        let disks = state.disks();
        let foreign = disks.iter().any(|disk| self.is_foreign(*disk));
        if foreign && state.restarts() {
            let reason = "restart mode would end a collection that somebody else started on this disk; \
                          use cumulative counters, or wait until theirs has ended";
            self.end(name, Status::Failed, reason);
            return;
        }
        if let Some(state) = self.jobs.get_mut(name) {
            state.phase = Phase::Starting;
            state.document.job.collection.foreign = foreign;
        }
        self.publish(name);
        for disk in disks {
            if !self.is_foreign(disk) {
                self.ask(disk, Ask::Want);
            }
        }
        self.attend_switch();
    }

    /// Lets the jobs begin whose disks are all collected, and fails those of which one could not be started.
    pub(super) fn commence_started(&mut self) {
        let starting: Vec<Name> = self
            .jobs
            .iter()
            .filter(|(_, state)| state.phase == Phase::Starting)
            .map(|(name, _)| name.clone())
            .collect();
        for name in starting {
            let disks = self
                .jobs
                .get(&name)
                .map(super::job::JobState::disks)
                .unwrap_or_default();
            let seen = || disks.iter().filter_map(|disk| self.disks.get(disk));
            let all_run = seen().filter(|seen| seen.runs() && !seen.is_pending()).count() == disks.len();
            let failed = seen().find(|seen| !seen.is_pending() && !seen.runs());
            let failed = failed.map(|seen| seen.reason.clone().unwrap_or_default());
            if all_run {
                self.commence(&name);
            } else if !self.ready {
                let reason = "collection did not start: the process that starts collections does not run";
                self.end(&name, Status::Failed, reason);
            } else if let Some(reason) = failed {
                self.end(&name, Status::Failed, &format!("collection did not start: {reason}"));
            }
        }
    }

    fn commence(&mut self, name: &Name) {
        let (wall, now) = (self.equipment.clock.wall(), self.now());
        let Some(state) = self.jobs.get_mut(name) else { return };
        state.record.first_due_ms = Some(now);
        state.phase = Phase::Sampling;
        if state.document.job.collection.foreign {
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

    /// Extends somebody else's collection, when it has counted something since a look just before: what its owner has
    /// stopped is not to be revived.
    pub(super) fn look_at_foreign(&mut self, disk: DiskKey) {
        let counted = self.count(disk).ok().flatten();
        let now = self.now();
        let Some(seen) = self.disks.get_mut(&disk) else { return };
        seen.look_again_ms = now + LOOK_AGAIN_MS;
        let Some(counted) = counted else {
            seen.look_again_ms = now + RETRY_MS;
            return;
        };
        let before = seen.looked.replace((counted, now));
        let grew = before.is_some_and(|(earlier, at_ms)| earlier < counted && now - at_ms <= LOOKS_APART_MS);
        if grew && seen.state == State::Foreign {
            seen.looked = None;
            self.ask(disk, Ask::Again);
        }
    }
}
