//! The end of a job and of the collection behind it, and what job.json says about both.

use std::collections::BTreeSet;

use vscsi_shared::identifier::Name;
use vscsi_shared::job::{Cleanup, Status};

use super::job::JobState;
use super::job::Phase;
use super::{ANSWER_MS, Collector, RETRY_MS};
use crate::fault::fault_point;
use crate::host::{DiskKey, stop_by_hand};
use crate::switch::State;

/// Time between two rewrites of the job.json of a running job whose progress alone has changed, milliseconds:
/// renaming is expensive on VMFS, and progress is recounted from the snapshots after a crash.
const SAVE_PROGRESS_MS: u64 = 10_000;

impl Collector {
    /// Ends a job. Its disks are stopped right after, unless another job uses them.
    pub(super) fn end(&mut self, name: &Name, status: Status, reason: &str) {
        let (wall, now) = (self.equipment.clock.wall(), self.now());
        let still = self.jobs.get(name).map(|state| self.still(state)).unwrap_or_default();
        let Some(state) = self.jobs.get_mut(name) else { return };
        if state.document.job.transition(status, wall).is_err() {
            return;
        }
        for (disk, seconds, is_foreign) in still {
            let whose = if is_foreign {
                ", which somebody else collects,"
            } else {
                ""
            };
            let message = format!(
                "the counters of {disk}{whose} had not moved for {seconds} s when the job ended: either nothing was read \
                 or written, or somebody else has stopped that collection, and I/O since then is missing"
            );
            state.note(wall, None, message);
        }
        if status != Status::Completed {
            state.note(wall, None, reason.to_owned());
        }
        state.phase = Phase::Ended;
        state.ended_ms = Some(now);
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
        self.give_orders();
        self.settle();
        self.publish(name);
    }

    /// Disks of a job whose counters stood still at the last print, for how many seconds, and whether they are somebody
    /// else's: those that no `-s` has been run for since, which would have shown that they were stopped.
    fn still(&self, state: &JobState) -> Vec<(DiskKey, u64, bool)> {
        let still = state.disks().into_iter().filter_map(|disk| {
            let seen = self.disks.get(&disk)?;
            let (_, printed_ms) = seen.counted?;
            let is_foreign = self.is_foreign(disk);
            let unproved = seen.runs() && seen.restarts_while_still == 0 && seen.counts_on(state.restarts());
            let stands = unproved && seen.moved_ms < printed_ms;
            stands.then(|| (disk, (printed_ms - seen.moved_ms) / 1000, is_foreign))
        });
        still.collect()
    }

    /// The disks of an ended job of which it is not certain that their collection has ended.
    pub(super) fn outstanding(&self, state: &JobState) -> BTreeSet<DiskKey> {
        let ours = |disk: &DiskKey| {
            let seen = self.disks.get(disk);
            seen.is_some_and(|seen| !matches!(seen.state, State::Off | State::Foreign)) && !self.is_used(*disk)
        };
        state.all_disks().into_iter().filter(ours).collect()
    }

    /// The switch is at the first attempt to stop what an ended job has left.
    pub(super) fn is_being_stopped(&self, state: &JobState) -> bool {
        let recent = state
            .ended_ms
            // A job that ended under an earlier agent keeps nobody waiting.
            .is_some_and(|ended_ms| self.now().saturating_sub(ended_ms) < ANSWER_MS);
        let is_pending = |disk: &DiskKey| self.disks.get(disk).is_some_and(super::Seen::is_pending);
        !state.is_active() && recent && self.outstanding(state).iter().any(is_pending)
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
            let outstanding = self.outstanding(state);
            let cleanup = if outstanding.is_empty() {
                Cleanup {
                    vscsi_stats_stopped: true,
                    stopped_at: Some(wall),
                    ..Cleanup::default()
                }
            } else {
                let kept = outstanding
                    .iter()
                    .all(|disk| self.disks.get(disk).is_some_and(|seen| seen.state == State::Kept));
                let failure = self.failure_of(&outstanding);
                Cleanup {
                    vscsi_stats_stopped: false,
                    stopped_at: None,
                    manual_cleanup_required: kept || failure.is_some(),
                    cleanup_error: failure.map(str::to_owned),
                    manual_cleanup_command: Some(stop_by_hand(&outstanding)),
                }
            };
            // Whoever sees the end also sees whether the collection has ended.
            if self.is_being_stopped(state) {
                continue;
            }
            let changed = state.job().cleanup != cleanup || self.equipment.views.shows_active(&name);
            if let Some(state) = self.jobs.get_mut(&name).filter(|_| changed) {
                state.document.job.cleanup = cleanup;
                self.save(&name);
            }
        }
    }

    /// Why the collection of one of `disks` could not be stopped or extended.
    pub(super) fn failure_of(&self, disks: &BTreeSet<DiskKey>) -> Option<&str> {
        let mut failures = disks.iter().filter_map(|disk| self.disks.get(disk)?.reason.as_deref());
        let lost = (!self.ready && !disks.is_empty()).then_some("the process that stops collections does not run");
        failures.next().or(lost)
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
        if self.lags() {
            self.save_again_ms = self.now() + RETRY_MS;
        }
    }

    pub(super) fn next_save_ms(&self) -> Option<u64> {
        self.lags().then_some(self.save_again_ms)
    }

    /// The files hold less than they should.
    fn lags(&self) -> bool {
        self.unsaved().next().is_some()
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
        self.attend_switch();
    }
}
