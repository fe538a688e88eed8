//! The end of a job and of the collection behind it, and what job.json says about both.

use std::collections::BTreeSet;
use std::io;

use vscsi_shared::identifier::Name;
use vscsi_shared::job::{Cleanup, Status};

use super::job::Phase;
use super::{Collector, ENDED_MS, RETRY_MS, Rest};
use crate::fault::fault_point;
use crate::host::{DiskKey, LIST_AGAIN_MS, stop_by_hand};

/// Time between two rewrites of the job.json of a running job whose progress alone has changed, milliseconds:
/// renaming is expensive on VMFS, and progress is recounted from the snapshots after a crash.
const SAVE_PROGRESS_MS: u64 = 10_000;

impl Collector {
    /// Ends a job. Its disks are stopped right after, unless another job uses them.
    pub(super) fn end(&mut self, name: &Name, status: Status, reason: &str) {
        let wall = self.equipment.clock.wall();
        let Some(state) = self.jobs.get_mut(name) else { return };
        if state.document.job.transition(status, wall).is_err() {
            return;
        }
        if status != Status::Completed {
            state.note(wall, None, reason.to_owned());
        }
        state.phase = Phase::Ended;
        fault_point("end-before-job");
        // Published only after the stop, so that whoever sees the end also sees whether the collection has ended.
        self.write(name);
        fault_point("end-after-job");
        let tail = if reason.is_empty() {
            String::new()
        } else {
            format!(": {reason}")
        };
        self.log(&format!("{name}: {status}{tail}"));
        self.foreign_without_users();
        self.stop_unused();
        self.settle();
        self.publish(name);
    }

    /// Stops every disk that no job uses and that is not resting after a failure.
    pub(super) fn stop_unused(&mut self) {
        let now = self.now();
        let unused: Vec<DiskKey> = self
            .armed_facts()
            .into_iter()
            .filter(|fact| !fact.used && now >= fact.not_before_ms)
            .map(|fact| fact.disk)
            .collect();
        for disk in unused {
            self.stop_one(disk);
        }
    }

    fn foreign_without_users(&mut self) {
        let unused: Vec<DiskKey> = self
            .foreign
            .keys()
            .copied()
            .filter(|disk| !self.is_used(*disk))
            .collect();
        for disk in unused {
            self.foreign.remove(&disk);
        }
    }

    /// Stops the collection of a disk and has its jobs say so.
    pub(super) fn stop_disk(&mut self, disk: DiskKey) {
        self.stop_one(disk);
        self.settle();
    }

    /// Issues `-x` and clears the journal when it is certain that the collection has ended.
    fn stop_one(&mut self, disk: DiskKey) {
        if self.foreign.remove(&disk).is_some() {
            return;
        }
        fault_point("stop-before-stop");
        let stopped = self.equipment.host.stop_for_good(disk);
        fault_point("stop-after-stop");
        let Err(error) = stopped else {
            self.has_ended(disk, &format!("stopped the collection of {disk}"));
            return;
        };
        // A disk that is not listed any more has no collection: its VM was powered off or has moved away.
        let is_unlisted = self.list().is_ok_and(|_| self.unlisted.contains(disk));
        if is_unlisted && self.unlisted.is_certainly_gone(disk) {
            self.has_ended(disk, &format!("{disk} is gone, and its collection with it"));
            return;
        }
        self.log(&format!("cannot stop {disk}: {error}"));
        let rest = if is_unlisted {
            Rest {
                until_ms: self.now() + LIST_AGAIN_MS,
                failure: None,
            }
        } else {
            Rest::after_failure(self.now(), error.to_string())
        };
        self.resting.insert(disk, rest);
    }

    /// It is certain that nothing collects `disk` for us any more.
    fn has_ended(&mut self, disk: DiskKey, how: &str) {
        self.resting.remove(&disk);
        let cleared = self.journal.clear(disk);
        self.tell_journal(cleared);
        fault_point("stop-after-journal");
        self.log(how);
    }

    /// Forgets collections that a user asked to keep, once they have ended by themselves: another one on such a disk
    /// is somebody else's.
    pub(super) fn drop_lapsed(&mut self) {
        let now = self.now();
        let lapsed: Vec<DiskKey> = self
            .lapses()
            .filter(|(lapses_ms, _)| *lapses_ms <= now)
            .map(|(_, disk)| disk)
            .collect();
        for disk in &lapsed {
            let cleared = self.journal.clear(*disk);
            self.tell_journal(cleared);
        }
        if !lapsed.is_empty() {
            self.settle();
        }
    }

    pub(super) fn next_lapse_ms(&self) -> Option<u64> {
        self.lapses().map(|(lapses_ms, _)| lapses_ms).min()
    }

    /// When each collection that was kept has certainly ended by itself, monotonic milliseconds.
    fn lapses(&self) -> impl Iterator<Item = (u64, DiskKey)> {
        let kept = self.journal.armed().iter().filter(|(_, armed)| armed.kept);
        kept.map(|(disk, armed)| (armed.armed_ms.saturating_add(ENDED_MS), *disk))
    }

    /// Has the cleanup block of every ended job tell the truth.
    pub(super) fn settle(&mut self) {
        let wall = self.equipment.clock.wall();
        let ended: Vec<Name> = self
            .jobs
            .iter()
            .filter(|(_, state)| !state.is_active() && !state.job().cleanup.vscsi_stats_stopped)
            .map(|(name, _)| name.clone())
            .collect();
        for name in ended {
            let Some(state) = self.jobs.get(&name) else { continue };
            let outstanding: BTreeSet<DiskKey> = state
                .all_disks()
                .into_iter()
                .filter(|disk| self.journal.armed().contains_key(disk) && !self.is_used(*disk))
                .collect();
            let cleanup = if outstanding.is_empty() {
                Cleanup {
                    vscsi_stats_stopped: true,
                    stopped_at: Some(wall),
                    ..Cleanup::default()
                }
            } else {
                let kept = outstanding
                    .iter()
                    .all(|disk| self.journal.armed().get(disk).is_some_and(|armed| armed.kept));
                let failure = self.failure_of(&outstanding);
                Cleanup {
                    vscsi_stats_stopped: false,
                    stopped_at: None,
                    manual_cleanup_required: kept || failure.is_some(),
                    cleanup_error: failure.map(str::to_owned),
                    manual_cleanup_command: Some(stop_by_hand(&outstanding)),
                }
            };
            let changed = state.job().cleanup != cleanup;
            if let Some(state) = self.jobs.get_mut(&name).filter(|_| changed) {
                state.document.job.cleanup = cleanup;
                self.save(&name);
            }
        }
    }

    /// Why the collection of one of `disks` could not be stopped or extended.
    pub(super) fn failure_of(&self, disks: &BTreeSet<DiskKey>) -> Option<&str> {
        let mut failures = disks
            .iter()
            .filter_map(|disk| self.resting.get(disk)?.failure.as_deref());
        failures.next()
    }

    /// Writes job.json and publishes the job.
    pub(super) fn save(&mut self, name: &Name) {
        self.write(name);
        self.publish(name);
    }

    /// Writes job.json; a failure is retried until it succeeds.
    fn write(&mut self, name: &Name) {
        let (wall, now) = (self.equipment.clock.wall(), self.now());
        let Some(state) = self.jobs.get_mut(name) else { return };
        state.document.job.updated_at = wall;
        match self.equipment.spool.save_job(&state.document) {
            Ok(()) => {
                state.saved_ms = Some(now);
                self.equipment.views.set_problem("job.json", None);
            }
            Err(error) => {
                state.saved_ms = None;
                let problem = format!("{error}; the agent tries again");
                self.equipment.log.line(&problem);
                self.equipment.views.set_problem("job.json", Some(problem));
            }
        }
    }

    /// Writes job.json now when it is old, and otherwise only publishes.
    pub(super) fn save_progress(&mut self, name: &Name) {
        let now = self.now();
        let fresh = self
            .jobs
            .get(name)
            .and_then(|state| state.saved_ms)
            .is_some_and(|saved| now.saturating_sub(saved) < SAVE_PROGRESS_MS);
        if fresh {
            self.publish(name);
        } else {
            self.save(name);
        }
    }

    /// Tries again what could not be written, unless that failed only just now.
    pub(super) fn save_unsaved(&mut self) {
        if self.lags() && self.now() < self.save_again_ms {
            return;
        }
        let unsaved: Vec<Name> = self.unsaved().cloned().collect();
        for name in unsaved {
            self.save(&name);
        }
        if self.journal.is_unsaved() {
            let saved = self.journal.save_unsaved();
            self.tell_journal(saved);
        } else {
            self.equipment.views.set_problem("journal.json", None);
        }
        if self.lags() {
            self.save_again_ms = self.now() + RETRY_MS;
        }
    }

    /// Has log and health tell how writing the journal went; what failed is tried again.
    pub(super) fn tell_journal(&self, written: io::Result<()>) {
        let problem = written
            .err()
            .map(|error| format!("cannot write the journal: {error}; the agent tries again"));
        if let Some(problem) = &problem {
            self.log(problem);
        }
        self.equipment.views.set_problem("journal.json", problem);
    }

    pub(super) fn next_save_ms(&self) -> Option<u64> {
        self.lags().then_some(self.save_again_ms)
    }

    /// The files hold less than they should.
    fn lags(&self) -> bool {
        self.journal.is_unsaved() || self.unsaved().next().is_some()
    }

    fn unsaved(&self) -> impl Iterator<Item = &Name> {
        self.jobs
            .iter()
            .filter(|(_, state)| state.saved_ms.is_none())
            .map(|(name, _)| name)
    }

    /// Ends every job and every collection: the agent has been told to end.
    pub fn end_all(&mut self, reason: &str) {
        let active: Vec<Name> = self
            .jobs
            .iter()
            .filter(|(_, state)| state.is_active())
            .map(|(name, _)| name.clone())
            .collect();
        for name in active {
            self.end(&name, Status::Failed, reason);
        }
        self.stop_unused();
    }
}
