//! The disks as the collector knows them: what the switch last said of each, and what was asked of it.
//!
//! One map, and no state of its own: the states are the switch's. The collector compares them with what its jobs need
//! and asks for the difference, so that whatever made them differ, the end of a job, a failure, a switch or a host that
//! stood still, is mended in the same way.

use std::collections::BTreeSet;
use std::time::Duration;

use vscsi_shared::identifier::Name;
use vscsi_shared::snapshot::SnapshotFlag;

use super::decide::{DiskFact, LAPSED_MS, order_for};
use super::job::Phase;
use super::{Collector, RETRY_MS};
use crate::fault::fault_point;
use crate::host::DiskKey;
use crate::switch::{Ask, Order, Report, Said, State, Told};

/// What is known of a disk.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    pub(super) state: State,
    /// Our clock at the last `-s` that succeeded, monotonic milliseconds.
    pub(super) armed_ms: Option<u64>,
    pub(super) reason: Option<String>,
    /// The last order, and the last that was done or has failed.
    asked: u64,
    done: u64,
    /// The last order that a print has waited for.
    awaited: u64,
    asked_what: Option<Ask>,
    /// Nothing is asked for before this moment, because it has just failed.
    not_before_ms: u64,
    /// It was said since the switch was lost.
    is_current: bool,
    /// What was counted at the last print, and when.
    pub(super) counted: Option<(u64, u64)>,
    /// When its counters were last seen to have moved.
    pub(super) moved_ms: u64,
    /// `-s` because its counters stood still, since they last moved.
    pub(super) restarts_while_still: u32,
    /// A look at a foreign collection: what was counted, and when.
    pub(super) looked: Option<(u64, u64)>,
    pub(super) look_again_ms: u64,
}

impl Seen {
    fn new(now_ms: u64) -> Self {
        Self {
            state: State::Off,
            armed_ms: None,
            reason: None,
            asked: 0,
            done: 0,
            awaited: 0,
            asked_what: None,
            not_before_ms: 0,
            is_current: true,
            counted: None,
            moved_ms: now_ms,
            restarts_while_still: 0,
            looked: None,
            look_again_ms: 0,
        }
    }

    /// An order is on its way.
    pub(super) fn is_pending(&self) -> bool {
        self.asked > self.done
    }

    /// Its collection runs, as far as is known.
    pub(super) fn runs(&self) -> bool {
        matches!(self.state, State::On | State::Foreign)
    }

    /// Its counters run on from the print before: in restart mode only where the restart has failed.
    pub(super) fn counts_on(&self, in_restart_mode: bool) -> bool {
        !in_restart_mode || self.reason.is_some()
    }

    fn take_in(&mut self, told: &Told, now_ms: u64) {
        self.state = told.state;
        self.done = told.done.max(self.done);
        self.reason.clone_from(&told.reason);
        self.is_current = true;
        self.armed_ms = match told.state {
            // A command is on its way, and of somebody else's collection the switch knows when it extended it last.
            State::Foreign | State::Entering | State::Starting => self.armed_ms,
            State::On => Some(now_ms.saturating_sub(told.age_ms)),
            _ => None,
        };
    }
}

impl Collector {
    /// Hears what the switch has said, and asks it for what is missing.
    pub(super) fn attend_switch(&mut self) {
        self.equipment.switch.beat();
        let heard = self.hear_switch();
        self.commence_started();
        self.give_orders();
        if heard {
            self.settle();
        }
    }

    /// Hears the switch and has the jobs tell what came of it, and does nothing else: at the end of the agent.
    pub fn attend(&mut self) {
        self.equipment.switch.beat();
        if self.hear_switch() {
            self.settle();
        }
    }

    /// The switch holds the lock, and does what it is asked.
    pub fn is_ready(&self) -> bool {
        self.ready
    }

    fn take_report(&mut self, report: Report) {
        match report {
            Report::Disk(disk, told) => self.take_disk(disk, &told),
            Report::Ready { whole } => {
                self.log(if whole {
                    "the switch took over from its predecessor"
                } else {
                    "the switch is ready"
                });
                self.was_handed_over = whole;
                self.become_ready(whole);
            }
            Report::Journal(problem) => self.equipment.views.set_problem("journal.json", problem),
            Report::Passed(_) => self.passing = Passing::Passed,
            Report::Remains(reason) => {
                self.log(&format!("the successor did not take over: {reason}"));
                self.passing = Passing::No;
            }
            Report::Hello { .. } | Report::Child(_) | Report::Alive => {}
        }
    }

    fn take_disk(&mut self, disk: DiskKey, told: &Told) {
        let now = self.now();
        let seen = self.disks.entry(disk).or_insert_with(|| Seen::new(now));
        let (before, was_pending, asked) = (seen.state, seen.is_pending(), seen.asked_what);
        let age_ms = seen.armed_ms.map_or(0, |armed_ms| now.saturating_sub(armed_ms));
        seen.take_in(told, now);
        let answered = was_pending && !seen.is_pending();
        if seen.state == State::Foreign && asked == Some(Ask::Again) && answered && told.reason.is_none() {
            seen.armed_ms = Some(now);
        }
        if let (true, Some(reason), Some(Ask::Want | Ask::Again)) = (answered, &told.reason, asked) {
            seen.not_before_ms = now + RETRY_MS;
            let reason = format!("the collection of {disk} was not started: {reason}");
            self.log(&reason);
            self.note_to_users(disk, &reason);
        } else if answered && asked == Some(Ask::Again) && age_ms >= LAPSED_MS {
            self.lost_collection(
                disk,
                "the agent or the host was not running for so long that it ended by itself",
            );
        } else if before == State::On
            && matches!(told.state, State::Off | State::Stopping)
            && asked != Some(Ask::Drop)
            && self.is_needed(disk)
        {
            self.lost_collection(
                disk,
                "it was stopped because the agent did not answer, or has ended by itself",
            );
        }
        if before != State::On && told.state == State::On && asked == Some(Ask::Want) && answered {
            self.begin_anew(disk);
        }
        let over = told.state == State::Off && self.disks.get(&disk).is_some_and(|seen| !seen.is_pending());
        if over && !self.is_used(disk) {
            self.disks.remove(&disk);
        }
    }

    fn become_ready(&mut self, whole: bool) {
        self.ready = true;
        self.equipment.views.set_problem("switch", None);
        let unsaid: Vec<DiskKey> = self
            .disks
            .iter()
            .filter(|(_, seen)| !seen.is_current)
            .map(|(disk, _)| *disk)
            .collect();
        for disk in unsaid {
            let Some(seen) = self.disks.get_mut(&disk) else {
                continue;
            };
            if seen.state == State::Foreign {
                seen.is_current = true;
                self.ask(disk, Ask::Foreign);
            } else if self.is_needed(disk) {
                let told = Told {
                    state: State::Off,
                    age_ms: 0,
                    done: 0,
                    reason: None,
                };
                self.take_disk(disk, &told);
            } else {
                self.disks.remove(&disk);
            }
        }
        // After a handover it is not known before the spool was read what is needed.
        if self.recovered || !whole {
            self.claim();
        }
    }

    /// Says what is needed of what the switch has found in the journal, and that there is nothing else.
    pub(super) fn claim(&mut self) {
        let found = |seen: &Seen| matches!(seen.state, State::On | State::Failed) && !seen.is_pending();
        let disks = self.disks.iter().filter(|(_, seen)| found(seen));
        let held: Vec<DiskKey> = disks
            .map(|(disk, _)| *disk)
            .filter(|disk| self.is_held(*disk))
            .collect();
        for disk in held {
            self.ask(disk, Ask::Want);
        }
        self.equipment.switch.say(Order::All);
    }

    fn lose_switch(&mut self, problem: String) {
        self.ready = false;
        self.passing = Passing::No;
        self.equipment.views.set_problem("switch", Some(problem));
        for seen in self.disks.values_mut() {
            seen.done = seen.asked;
            seen.is_current = false;
        }
    }

    /// Asks the switch for everything that differs from what jobs need, which is not known before it was recovered what
    /// becomes of each.
    pub(super) fn give_orders(&mut self) {
        if !self.ready || !self.recovered || self.passing != Passing::No {
            return;
        }
        let now = self.now();
        let orders: Vec<(DiskKey, Ask)> = self
            .disk_facts()
            .into_iter()
            .filter_map(|fact| Some((fact.disk, order_for(now, &fact)?)))
            .collect();
        for (disk, ask) in orders {
            self.ask(disk, ask);
        }
    }

    /// Asks for something and does not wait for it.
    pub(super) fn ask(&mut self, disk: DiskKey, ask: Ask) {
        let now = self.now();
        self.orders += 1;
        let seen = self.disks.entry(disk).or_insert_with(|| Seen::new(now));
        seen.asked = self.orders;
        seen.asked_what = Some(ask);
        seen.reason = None;
        fault_point("order-before");
        self.equipment.switch.say(Order::Disk {
            ask,
            number: self.orders,
            disk,
        });
        fault_point("order-after");
    }

    /// Waits until the orders for these disks are done or have failed, within reason: a command that hangs holds nobody
    /// up for longer than `at_most_ms`.
    pub(super) fn await_orders(&mut self, disks: &BTreeSet<DiskKey>, at_most_ms: u64) {
        self.await_switch(at_most_ms, |this| {
            let pending = |disk: &DiskKey| this.disks.get(disk).is_some_and(Seen::is_pending);
            !disks.iter().any(pending)
        });
    }

    /// Waits for what is on its way on these disks before they are printed, once for each order: a print beside a `-s`
    /// may show the counters before it or after it.
    pub(super) fn await_commands(&mut self, disks: &BTreeSet<DiskKey>, at_most_ms: u64) {
        let pending: BTreeSet<DiskKey> = self
            .disks
            .iter_mut()
            .filter(|(disk, seen)| disks.contains(disk) && seen.is_pending() && seen.awaited < seen.asked)
            .map(|(disk, seen)| {
                seen.awaited = seen.asked;
                *disk
            })
            .collect();
        self.await_orders(&pending, at_most_ms);
    }

    /// Hears the switch until `enough`, but not for longer than `at_most_ms`.
    pub(super) fn await_switch(&mut self, at_most_ms: u64, enough: impl Fn(&Self) -> bool) {
        let until = self.now() + at_most_ms;
        loop {
            self.hear_switch();
            let now = self.now();
            if enough(self) || now >= until {
                return;
            }
            self.equipment.switch.beat();
            self.equipment
                .switch
                .wait(Duration::from_millis((until - now).min(1000)));
        }
    }

    /// Takes in what the switch has said; whether it has said anything.
    fn hear_switch(&mut self) -> bool {
        let said = self.equipment.switch.hear();
        let heard = !said.is_empty();
        for said in said {
            match said {
                Said::Report(report) => self.take_report(report),
                Said::Lost(problem) => self.lose_switch(problem),
            }
        }
        heard
    }

    /// The facts of every disk, for the pure decisions.
    pub(super) fn disk_facts(&self) -> Vec<DiskFact> {
        let next_print = |disk: &DiskKey| {
            let sampling = self.jobs.values().filter(|job| job.phase == Phase::Sampling);
            let printing = sampling.filter(|job| job.uses(*disk));
            printing.filter_map(|job| Some(job.grid()?.due_ms(job.next))).min()
        };
        let fact = |(disk, seen): (&DiskKey, &Seen)| DiskFact {
            disk: *disk,
            state: seen.state,
            pending: seen.is_pending(),
            needed: self.is_needed(*disk),
            held: self.is_held(*disk),
            armed_ms: seen.armed_ms,
            not_before_ms: seen.not_before_ms,
            printed_ms: seen.counted.map(|(_, at_ms)| at_ms),
            next_print_ms: next_print(disk),
            look_again_ms: seen.look_again_ms,
        };
        self.disks.iter().map(fact).collect()
    }

    /// A job that has begun to collect, or is about to, uses it.
    pub(super) fn is_needed(&self, disk: DiskKey) -> bool {
        self.jobs.values().any(|job| job.needs_collection() && job.uses(disk))
    }

    /// A job that has not ended uses it.
    pub(super) fn is_held(&self, disk: DiskKey) -> bool {
        self.jobs.values().any(|job| job.is_active() && job.uses(disk))
    }

    pub(super) fn is_used(&self, disk: DiskKey) -> bool {
        self.is_held(disk)
    }

    /// Its collection was started, by us or by somebody else.
    pub(super) fn is_armed(&self, disk: DiskKey) -> bool {
        self.disks
            .get(&disk)
            .is_some_and(|seen| seen.state != State::Off || seen.is_pending())
    }

    /// Somebody else's.
    pub(super) fn is_foreign(&self, disk: DiskKey) -> bool {
        self.disks.get(&disk).is_some_and(|seen| {
            seen.state == State::Foreign || (seen.is_pending() && seen.asked_what == Some(Ask::Foreign))
        })
    }

    /// The collection of a disk did not run on: its counters begin anew.
    pub(super) fn lost_collection(&mut self, disk: DiskKey, how: &str) {
        let message = format!("the collection of {disk} did not run on: {how}; counters start from zero");
        self.log(&message);
        self.note_to_users(disk, &message);
        self.begin_anew(disk);
    }

    /// What was not collected for a while lies between the last snapshots of a disk and the next.
    fn begin_anew(&mut self, disk: DiskKey) {
        for state in self.jobs.values_mut() {
            if state.phase == Phase::Sampling && state.uses(disk) {
                state.flags.insert(SnapshotFlag::NewBaseline);
            }
        }
    }

    pub(super) fn note_to_users(&mut self, disk: DiskKey, message: &str) {
        let wall = self.equipment.clock.wall();
        let users: BTreeSet<Name> = self
            .jobs
            .iter()
            .filter(|(_, state)| state.phase == Phase::Sampling && state.uses(disk))
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

/// Whether a successor is to have everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Passing {
    No,
    /// The switch was told, and nothing is asked of it until it answers.
    Asked,
    /// The successor has it.
    Passed,
}
