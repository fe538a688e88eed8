//! The beginning of the agent: what the spool and the journal of the agent before it ask for.

use std::io;

use vscsi_shared::identifier::Name;
use vscsi_shared::job::Status;
use vscsi_shared::snapshot::SnapshotFlag;

use super::job::{JobState, Phase};
use super::schedules::Schedules;
use super::{Collector, Equipment, REARM_AT_LATEST_MS};
use crate::journal::Journal;
use crate::spool::Stored;

/// How the agent before this one ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Before {
    /// It handed over: its jobs go on.
    HandedOver,
    /// It died, and its collections were stopped or are stopped now.
    Died,
    /// The host has been started since.
    Rebooted,
}

impl Collector {
    /// Takes over spool and journal.
    ///
    /// # Errors
    /// When the spool or the schedules cannot be read.
    pub fn start(equipment: Equipment, mut journal: Journal, owner: u32) -> io::Result<Self> {
        let now_ms = equipment.clock.monotonic_ms();
        // Where it is not certain that the host was started again, the journal is stopped rather than forgotten.
        let before = if journal.is_of_an_earlier_boot(Some(&equipment.boot), now_ms) {
            Before::Rebooted
        } else if equipment.boot.clocks_agree && journal.was_handed_over(&equipment.boot.id, now_ms) {
            Before::HandedOver
        } else {
            Before::Died
        };
        let (stored, notes) = equipment.spool.load().map_err(io::Error::other)?;
        for note in &notes {
            equipment.log.line(note);
        }
        equipment
            .views
            .set_problem("spool at start", (!notes.is_empty()).then(|| notes.join("; ")));
        if let Some(problem) = journal.problem() {
            equipment.log.line(problem);
            equipment.views.set_problem("journal", Some(problem.to_owned()));
        }
        if before == Before::Rebooted && !journal.armed().is_empty() {
            // Handles of another boot name nothing, or something else: vscsiStats does not collect across a boot.
            equipment
                .log
                .line("the host was started again: nothing of the journal runs any more");
            journal.forget_all();
        }
        let taken_over = journal.take_over(&equipment.boot.id, owner);
        let (schedules, problem) = Schedules::load(&equipment.state_directory, equipment.clock.wall())?;
        if let Some(problem) = problem {
            equipment.log.line(&problem);
            equipment.views.set_problem("schedules", Some(problem));
        }
        let mut collector = Self {
            equipment,
            journal,
            jobs: std::collections::BTreeMap::new(),
            schedules,
            foreign: std::collections::BTreeMap::new(),
            resting: std::collections::BTreeMap::new(),
            listing: None,
            volumes: None,
        };
        for stored in stored {
            collector.adopt(stored, before);
        }
        // On a full volume, too, samples are there to be pulled; nothing is started before the journal can be written.
        collector.tell_journal(taken_over);
        collector.keep_up_with_clocks();
        collector.publish_schedules();
        collector.stop_unused();
        collector.settle();
        Ok(collector)
    }

    fn adopt(&mut self, stored: Stored, before: Before) {
        let name = stored.document.job.job_id.clone();
        let status = stored.document.job.status;
        let mut state = JobState::new(stored.document, stored.record, Phase::Ended);
        let manifest = self.equipment.spool.manifest(&name);
        state.next = manifest.samples.last().map_or(0, |last| last.sequence + 1);
        state.taken = state.next.checked_sub(1);
        state.usable = stored.usable;
        state.document.job.collection.samples_collected = stored.usable.saturating_sub(1);
        state.saved_ms = Some(self.now());
        let resumes = before == Before::HandedOver
            && status == Status::Running
            && state.record.boot_id == self.equipment.boot.id
            && state.record.first_due_ms.is_some();
        if resumes {
            state.phase = Phase::Sampling;
            state.flags.insert(SnapshotFlag::Resumed);
            if state.restarts() {
                // Whether the counters were restarted after the last snapshot is not known any more.
                state.flags.insert(SnapshotFlag::NewBaseline);
            }
            if state.document.job.collection.foreign {
                // When it was extended last is not known, so it is extended at once.
                let long_ago = self.now().saturating_sub(REARM_AT_LATEST_MS);
                for disk in state.disks() {
                    if !self.journal.armed().contains_key(&disk) {
                        self.foreign.insert(disk, long_ago);
                    }
                }
            }
        }
        self.jobs.insert(name.clone(), state);
        if resumes {
            self.log(&format!("{name}: goes on after a handover"));
            self.publish(&name);
        } else if status.is_final() {
            self.publish(&name);
        } else {
            self.fail_after(&name, before);
        }
    }

    fn fail_after(&mut self, name: &Name, before: Before) {
        let reason = match before {
            Before::Rebooted => "the host was started again while the job ran; its samples are kept",
            Before::Died | Before::HandedOver => {
                "the agent ended without warning while the job ran; its collection was stopped and its samples are kept"
            }
        };
        if let Some(state) = self.jobs.get_mut(name) {
            // Only an active job can end; this one was active when its agent died.
            state.phase = Phase::Sampling;
        }
        self.end(name, Status::Failed, reason);
    }

    /// Leaves jobs and collections to a successor.
    ///
    /// # Errors
    /// When the journal cannot be written; nothing has changed then.
    pub fn hand_over(&mut self) -> io::Result<()> {
        self.keep_up_with_clocks();
        let now = self.now();
        self.journal.hand_over(now)?;
        self.log("handing over to a successor");
        let active: Vec<Name> = self
            .jobs
            .iter()
            .filter(|(_, state)| state.is_active())
            .map(|(name, _)| name.clone())
            .collect();
        for name in active {
            self.save(&name);
        }
        Ok(())
    }
}
