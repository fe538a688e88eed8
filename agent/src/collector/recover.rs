//! The beginning of the agent: what the spool of the agent before it asks for, and the end: what it leaves to the next.

use std::collections::BTreeMap;
use std::io;

use vscsi_shared::identifier::Name;
use vscsi_shared::job::Status;
use vscsi_shared::snapshot::SnapshotFlag;

use super::job::{JobState, Phase};
use super::schedules::Schedules;
use super::{Collector, Equipment, Passing};
use crate::journal::Journal;
use crate::spool::Stored;
use crate::switch::{Ask, Order, State};

/// How long the start waits for the switch, which may have to wait for the one before it.
const READY_MS: u64 = 5000;

/// How long the start waits until what the agent before has left is stopped.
const STOPPED_MS: u64 = 2500;

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
    /// Takes over the spool, and from the switch what the journal names. Where no switch is ready in time the samples are
    /// there all the same, and nothing is started before one is.
    ///
    /// # Errors
    /// When the spool or the schedules cannot be read.
    pub fn start(equipment: Equipment) -> io::Result<Self> {
        let (schedules, problem) = Schedules::load(&equipment.state_directory)?;
        if let Some(problem) = problem {
            equipment.log.line(&problem);
            equipment.views.set_problem("schedules", Some(problem));
        }
        let mut collector = Self {
            equipment,
            jobs: BTreeMap::new(),
            schedules,
            disks: BTreeMap::new(),
            orders: 0,
            ready: false,
            was_handed_over: false,
            recovered: false,
            passing: Passing::No,
            successor: None,
            save_again_ms: 0,
            listing: None,
            volumes: None,
        };
        collector.await_switch(READY_MS, |this| this.ready);
        if !collector.ready {
            let problem = "the process that starts and stops collections is not ready yet".to_owned();
            collector.equipment.views.set_problem("switch", Some(problem));
        }
        let (stored, notes) = collector.equipment.spool.load().map_err(io::Error::other)?;
        for note in &notes {
            collector.log(note);
        }
        let problem = (!notes.is_empty()).then(|| notes.join("; "));
        collector.equipment.views.set_problem("spool at start", problem);
        // All are there before it is told what becomes of one: they may share disks.
        let adopted: Vec<(Name, Fate)> = stored.into_iter().map(|stored| collector.adopt(stored)).collect();
        for (name, fate) in adopted {
            collector.go_on(&name, fate);
        }
        collector.recovered = true;
        if collector.ready {
            collector.claim();
        }
        collector.give_orders();
        collector.keep_up_with_clocks();
        collector.publish_schedules();
        let at_rest = |this: &Self| {
            let stopping = |seen: &super::Seen| seen.state == State::Stopping && seen.reason.is_none();
            !this.disks.values().any(stopping)
        };
        collector.await_switch(STOPPED_MS, at_rest);
        collector.attend_switch();
        collector.settle();
        Ok(collector)
    }

    /// Takes a job in as it was, and says what becomes of it.
    fn adopt(&mut self, stored: Stored) -> (Name, Fate) {
        self.equipment.switch.beat();
        let name = stored.document.job.job_id.clone();
        let status = stored.document.job.status;
        let mut state = JobState::new(stored.document, stored.record, Phase::Ended);
        state.next = self.equipment.spool.last_sequence(&name).map_or(0, |last| last + 1);
        state.taken = state.next.checked_sub(1);
        state.usable = stored.usable;
        state.document.job.collection.samples_collected = stored.usable.saturating_sub(1);
        state.saved_ms = Some(self.now());
        let same_boot = state.record.boot_id == self.equipment.boot.id;
        let handed_over = self.was_handed_over && self.equipment.boot.clocks_agree && same_boot;
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
                // When it was extended last is not known, so that it is looked at at once.
                for disk in state.disks() {
                    if !self.is_armed(disk) {
                        self.ask(disk, Ask::Foreign);
                    }
                }
            }
        }
        self.jobs.insert(name.clone(), state);
        (name, fate)
    }

    fn go_on(&mut self, name: &Name, fate: Fate) {
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
                let now = self.now();
                let of_this_boot = |state: &JobState| {
                    state.record.boot_id == self.equipment.boot.id
                        && state.record.first_due_ms.is_none_or(|due| due <= now)
                };
                let reason = if self.jobs.get(name).is_none_or(of_this_boot) {
                    "the agent died while the job ran; its collection was stopped and its samples are kept"
                } else {
                    "the host was rebooted while the job ran; its samples are kept"
                };
                self.end(name, Status::Failed, reason);
            }
        }
    }

    /// Has the switch pass everything on to the switch `start`; [`Self::has_passed`] tells when it has. Until then
    /// nothing else has changed, and nothing is asked of the switch. `false` when there is no switch that is ready, or
    /// one is passing on already: nothing was asked.
    pub fn pass_on(&mut self, start: &str) -> bool {
        self.successor = Some(start.to_owned());
        let can = self.ready && self.passing == Passing::No;
        if can {
            self.log("handing over to a successor");
            self.keep_up_with_clocks();
            self.passing = Passing::Asked;
            self.equipment.switch.say(Order::HandOver(start.to_owned()));
        }
        can
    }

    /// The successor's switch holds the lock: this agent is to end and leave its jobs as they are.
    ///
    /// Its own switch says so, unless that is frozen or has died on the way; the journal says so always.
    pub fn has_passed(&self) -> bool {
        let holds = |start: &String| {
            Journal::peek(&self.equipment.state_directory).is_some_and(|journal| journal.switch.start == *start)
        };
        self.passing == Passing::Passed || self.successor.as_ref().is_some_and(holds)
    }

    /// Writes what is to be left to the successor.
    pub fn save_for_successor(&mut self) {
        let active: Vec<Name> = self
            .jobs
            .iter()
            .filter(|(_, state)| state.is_active())
            .map(|(name, _)| name.clone())
            .collect();
        for name in active {
            self.save(&name);
        }
    }
}
