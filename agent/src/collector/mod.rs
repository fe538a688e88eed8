//! The collector: one thread that takes snapshots, decides which disks are to be collected, and owns the state of every
//! job. HTTP threads pass actions to it, read views, and list the inventory.
//!
//! It converges. `decide` is a pure function from the state to the one thing to do next; performing it changes the
//! state; when nothing is due it waits. Requests of clients only change the state. What the jobs need of the disks is
//! asked of the switch, which alone starts and stops collections: a disk that no job needs is dropped, whatever brought
//! it there.

mod begin;
mod decide;
mod disks;
mod end;
mod job;
mod record;
mod recover;
mod requests;
mod schedules;
mod take;
mod timing;
mod views;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use vscsi_shared::identifier::Name;
use vscsi_shared::inventory::Volumes;
use vscsi_shared::vscsistats::Listing;

use crate::action::{Action, Outcome, Refusal};
use crate::boot::BootId;
use crate::clock::Clock;
use crate::host::{DiskKey, Host, HostError};
use crate::log::Log;
use crate::spool::Spool;
use crate::switch::{State, Switching};

use decide::{Decision, decide};
use disks::{Passing, Seen};
use job::{JobState, Phase};
use schedules::Schedules;

pub use decide::{REARM_AFTER_PRINT_MS, REARM_AT_LATEST_MS};
pub use timing::{Due, Grid};
pub use views::Views;

/// How long a failed `-s` or write rests before it is tried again.
const RETRY_MS: u64 = 10_000;

/// How long whoever asks for something waits until the switch has done it: a command and its deadline.
const ANSWER_MS: u64 = 12_000;

/// How long the collector itself waits for the switch where it cannot go on without: as long as a command takes that
/// does not hang.
const AWAIT_MS: u64 = 1000;

/// What the collector works with.
#[derive(Clone)]
pub struct Equipment {
    /// The clocks.
    pub clock: Arc<dyn Clock>,
    /// The host's commands.
    pub host: Host,
    /// The process that starts and stops collections.
    pub switch: Arc<dyn Switching>,
    /// The spool.
    pub spool: Arc<dyn Spool>,
    /// The log.
    pub log: Log,
    /// What HTTP threads read.
    pub views: Views,
    /// This boot.
    pub boot: BootId,
    /// The host's own name.
    pub hostname: String,
    /// Where journal and schedules are.
    pub state_directory: PathBuf,
}

impl std::fmt::Debug for Equipment {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Equipment")
            .field("boot", &self.boot)
            .finish_non_exhaustive()
    }
}

/// An answer that has to wait for the switch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ticket {
    job: Name,
    asked: Awaited,
    until_ms: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Awaited {
    Created,
    Ended,
    CleanedUp,
}

/// What came of an action.
#[derive(Debug, Clone, PartialEq)]
pub enum Performed {
    /// It is done, or refused.
    Done(Box<Result<Outcome, Refusal>>),
    /// The switch has been asked; [`Collector::answer`] knows when it has done it.
    Waits(Ticket),
}

/// Owns all state that changes.
#[derive(Debug)]
pub struct Collector {
    equipment: Equipment,
    jobs: BTreeMap<Name, JobState>,
    schedules: Schedules,
    disks: BTreeMap<DiskKey, Seen>,
    /// Counts the orders to the switch.
    orders: u64,
    /// The switch holds the lock, and does what it is asked.
    ready: bool,
    /// The switch had everything passed on to it by the one of the agent before.
    was_handed_over: bool,
    /// The jobs of the agent before have been taken in, so that what none of them needs can be dropped.
    recovered: bool,
    passing: Passing,
    /// The switch that everything is to pass to, once a successor waits.
    successor: Option<String>,
    /// When to write again what could not be written, monotonic milliseconds.
    save_again_ms: u64,
    /// The last listing and when it was taken.
    listing: Option<(u64, Arc<Listing>)>,
    volumes: Option<Volumes>,
}

impl Collector {
    /// Does the one thing that is most due; returns when it wants to be called again, monotonic milliseconds.
    ///
    /// One at a time, because a host that answers slowly may have something due always, and the agent must hear
    /// signals and clients all the same.
    pub fn step(&mut self) -> Option<u64> {
        self.keep_up_with_clocks();
        self.attend_switch();
        let started_job = self.run_schedules();
        let now = self.now();
        match decide(now, &self.waiting_jobs(), &self.disk_facts()) {
            Decision::Take {
                job,
                missed,
                sequence,
                late,
            } => self.take(&job, missed, sequence, late),
            Decision::Look(job) => self.look(&job),
            Decision::LookAtForeign(disk) => self.look_at_foreign(disk),
            Decision::Wait(wake) if !started_job => {
                self.save_unsaved();
                let moments = [wake, self.next_schedule_ms(), self.next_save_ms()];
                return moments.into_iter().flatten().min();
            }
            Decision::Wait(_) => {}
        }
        // A print or a look may be followed by an order at once.
        self.attend_switch();
        Some(now)
    }

    /// Performs what a client asked for.
    pub fn perform(&mut self, action: Action) -> Performed {
        let outcome = match action {
            Action::Create(request) => return self.wait_where_asked(Awaited::Created, |this| this.create(request)),
            Action::Stop(job, how) => return self.wait_where_asked(Awaited::Ended, |this| this.stop(&job, how)),
            Action::Cleanup(job) => return self.wait_where_asked(Awaited::CleanedUp, |this| this.cleanup(&job)),
            Action::Delete(job) => self.delete(&job),
            Action::Acknowledge(job, acknowledged) => self.acknowledge(&job, acknowledged),
            Action::CreateSchedule(request) => self.create_schedule(request),
            Action::DeleteSchedule(name) => self.delete_schedule(&name),
        };
        Performed::Done(Box::new(outcome))
    }

    fn wait_where_asked(
        &mut self,
        asked: Awaited,
        perform: impl FnOnce(&mut Self) -> Result<Outcome, Refusal>,
    ) -> Performed {
        let outcome = perform(self);
        self.attend_switch();
        let job = match &outcome {
            Ok(Outcome::Created(view) | Outcome::Job(view)) => view.job.job_id.clone(),
            _ => return Performed::Done(Box::new(outcome)),
        };
        if asked == Awaited::Created && !matches!(outcome, Ok(Outcome::Created(_))) {
            return Performed::Done(Box::new(outcome));
        }
        let ticket = Ticket {
            job,
            asked,
            until_ms: self.now() + ANSWER_MS,
        };
        match self.answer(&ticket) {
            Some(answer) => Performed::Done(Box::new(answer)),
            None => Performed::Waits(ticket),
        }
    }

    /// The answer that a ticket waits for; `None` while the switch is at it.
    pub fn answer(&mut self, ticket: &Ticket) -> Option<Result<Outcome, Refusal>> {
        let state = self.jobs.get(&ticket.job);
        let waits = state.is_some_and(|state| match ticket.asked {
            Awaited::Created => state.phase == Phase::Starting || self.is_being_stopped(state),
            Awaited::Ended | Awaited::CleanedUp => self.is_being_stopped(state),
        });
        if waits && self.now() < ticket.until_ms {
            return None;
        }
        Some(match ticket.asked {
            Awaited::Created => self.view(&ticket.job).map(Outcome::Created),
            Awaited::Ended => self.view(&ticket.job).map(Outcome::Job),
            Awaited::CleanedUp => self.cleaned_up(&ticket.job),
        })
    }

    /// There is a reason to stay: a job that runs, a collection to stop, or a schedule.
    pub fn is_busy(&self) -> bool {
        let collecting = self.disks.values().any(|seen| seen.state != State::Kept);
        collecting || !self.schedules.is_empty() || self.jobs.values().any(JobState::is_active)
    }

    /// Has the next agent recognise this boot even when somebody has set the wall clock.
    fn keep_up_with_clocks(&mut self) {
        self.equipment.boot.keep_up(self.equipment.clock.as_ref());
        let problem = self.equipment.boot.problem.clone();
        self.equipment.views.set_problem("boot.json", problem);
    }

    /// Lists what runs.
    fn list(&mut self) -> Result<Arc<Listing>, HostError> {
        self.equipment.switch.beat();
        let listing = Arc::new(self.equipment.host.list()?);
        self.equipment.switch.beat();
        self.listing = Some((self.now(), Arc::clone(&listing)));
        Ok(listing)
    }

    fn now(&self) -> u64 {
        self.equipment.clock.monotonic_ms()
    }

    fn log(&self, message: &str) {
        self.equipment.log.line(message);
    }

    fn waiting_jobs(&self) -> Vec<(Name, decide::Waiting)> {
        self.jobs
            .iter()
            .filter_map(|(name, job)| Some((name.clone(), job.waiting()?)))
            .collect()
    }
}
