//! The beginning of the agent: what the spool and the journal of the agent before it ask for.

use std::io;

use vscsi_shared::identifier::Name;
use vscsi_shared::job::Status;
use vscsi_shared::snapshot::SnapshotFlag;

use super::job::{JobState, Phase};
use super::schedules::Schedules;
use super::{Collector, Equipment, REARM_AT_LATEST_MS};
use crate::host::Unlisted;
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

/// What becomes of a job that was found in the spool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// It had ended.
    Over,
    /// It takes snapshots where the agent before left off.
    GoesOn,
    /// It had not begun to collect, and looks once more whether somebody else does.
    LooksAgain,
    /// It ended with its agent.
    Fails,
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
                .line("the host was rebooted: nothing in the journal is running any more");
            journal.forget_all();
        }
        let taken_over = journal.take_over(&equipment.boot.id, owner);
        let (schedules, problem) = Schedules::load(&equipment.state_directory)?;
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
            unlisted: Unlisted::default(),
            save_again_ms: 0,
            listing: None,
            volumes: None,
        };
        // All are there before one of them fails, which stops the disks that no other one uses.
        let adopted: Vec<(Name, Fate)> = stored
            .into_iter()
            .map(|stored| collector.adopt(stored, before))
            .collect();
        for (name, fate) in adopted {
            collector.go_on(&name, fate, before);
        }
        // On a full volume, too, samples are there to be pulled; nothing is started before the journal can be written.
        collector.tell_journal(taken_over);
        collector.keep_up_with_clocks();
        collector.publish_schedules();
        collector.stop_unused();
        collector.settle();
        Ok(collector)
    }

    /// Takes a job in as it was, and says what becomes of it.
    fn adopt(&mut self, stored: Stored, before: Before) -> (Name, Fate) {
        let name = stored.document.job.job_id.clone();
        let status = stored.document.job.status;
        let mut state = JobState::new(stored.document, stored.record, Phase::Ended);
        state.next = self.equipment.spool.last_sequence(&name).map_or(0, |last| last + 1);
        state.taken = state.next.checked_sub(1);
        state.usable = stored.usable;
        state.document.job.collection.samples_collected = stored.usable.saturating_sub(1);
        state.saved_ms = Some(self.now());
        let handed_over = before == Before::HandedOver && state.record.boot_id == self.equipment.boot.id;
        let fate = match (status, state.record.first_due_ms) {
            (status, _) if status.is_final() => Fate::Over,
            (Status::Pending, None) if handed_over => Fate::LooksAgain,
            (Status::Running, Some(_)) if handed_over => Fate::GoesOn,
            _ => Fate::Fails,
        };
        if fate != Fate::Over {
            state.phase = Phase::Sampling;
        }
        if fate == Fate::GoesOn {
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
        (name, fate)
    }

    fn go_on(&mut self, name: &Name, fate: Fate, before: Before) {
        match fate {
            Fate::Over => self.publish(name),
            Fate::GoesOn => {
                self.log(&format!("{name}: resumed after a handover"));
                self.publish(name);
            }
            Fate::LooksAgain => {
                self.log(&format!("{name}: starts over after a handover"));
                self.look_first(name);
            }
            Fate::Fails => {
                let reason = match before {
                    Before::Rebooted => "the host was rebooted while the job ran; its samples are kept",
                    Before::Died | Before::HandedOver => {
                        "the agent died while the job ran; its collection was stopped and its samples are kept"
                    }
                };
                self.end(name, Status::Failed, reason);
            }
        }
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
