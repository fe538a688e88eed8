//! The collector: one thread that starts and stops collections, takes snapshots, and owns the journal and the state of
//! every job. HTTP threads pass actions to it, read views, and list the inventory.
//!
//! It converges. `decide` is a pure function from the state to the one thing to do next; performing it changes the
//! state; when nothing is due it waits. Requests of clients only change the state. A disk in the journal that no job
//! uses is stopped, whatever brought it there: the end of a job, a failure, or a crash of the agent before this one.

mod begin;
mod decide;
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
use vscsi_shared::vscsistats::Listing;

use crate::action::{Action, Outcome, Refusal};
use crate::boot::BootId;
use crate::clock::Clock;
use crate::host::{DiskKey, Host, HostError, Unlisted, Volumes};
use crate::journal::Journal;
use crate::log::Log;
use crate::spool::Spool;

use decide::{ArmedFact, Decision, decide};
use job::JobState;
use schedules::Schedules;

pub use decide::{ENDED_MS, LAPSED_MS, REARM_AT_LATEST_MS, REARM_AT_LEISURE_MS};
pub use timing::{Due, Grid};
pub use views::Views;

/// How long a failed `-x` or `-s` rests before it is tried again.
const RETRY_MS: u64 = 10_000;

/// What the collector works with.
#[derive(Clone)]
pub struct Equipment {
    /// The clocks.
    pub clock: Arc<dyn Clock>,
    /// The host's commands.
    pub host: Host,
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

/// Nothing is tried on a disk for a while, because the last attempt failed.
#[derive(Debug)]
struct Rest {
    /// When to try again, monotonic milliseconds.
    until_ms: u64,
    /// Why it failed; `None` where the disk seems to be gone, and only a second listing is awaited.
    failure: Option<String>,
}

impl Rest {
    fn after_failure(now_ms: u64, failure: String) -> Self {
        Self {
            until_ms: now_ms + RETRY_MS,
            failure: Some(failure),
        }
    }
}

/// Owns all state that changes.
#[derive(Debug)]
pub struct Collector {
    equipment: Equipment,
    journal: Journal,
    jobs: BTreeMap<Name, JobState>,
    schedules: Schedules,
    /// Somebody else's collections that our jobs use, with the time of our last `-s`: extended, never stopped.
    foreign: BTreeMap<DiskKey, u64>,
    /// Disks on which the last `-s` or `-x` failed.
    resting: BTreeMap<DiskKey, Rest>,
    /// Disks of the journal that the last listing lacked.
    unlisted: Unlisted,
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
        let started_job = self.run_schedules();
        let now = self.now();
        match decide(now, &self.waiting_jobs(), &self.armed_facts()) {
            Decision::Take {
                job,
                missed,
                sequence,
                late,
            } => self.take(&job, missed, sequence, late),
            Decision::Look(job) => self.look(&job),
            Decision::Rearm(disk) => self.rearm(disk),
            Decision::Stop(disk) => self.stop_disk(disk),
            Decision::Wait(wake) if !started_job => {
                self.drop_lapsed();
                self.save_unsaved();
                let moments = [wake, self.next_schedule_ms(), self.next_save_ms(), self.next_lapse_ms()];
                return moments.into_iter().flatten().min();
            }
            Decision::Wait(_) => {}
        }
        Some(now)
    }

    /// Performs what a client asked for.
    ///
    /// # Errors
    /// A refusal with its reason and what to do.
    pub fn perform(&mut self, action: Action) -> Result<Outcome, Refusal> {
        match action {
            Action::Create(request) => self.create(request),
            Action::Stop(job, how) => self.stop(&job, how),
            Action::Cleanup(job) => self.cleanup(&job),
            Action::Delete(job) => self.delete(&job),
            Action::Acknowledge(job, acknowledged) => self.acknowledge(&job, acknowledged),
            Action::CreateSchedule(request) => self.create_schedule(request),
            Action::DeleteSchedule(name) => self.delete_schedule(&name),
        }
    }

    /// Collections may still run that the guard has to stop: their `-x` failed, and no user asked to keep them.
    pub fn leaves_collections(&self) -> bool {
        !self.journal.to_stop().is_empty()
    }

    /// There is a reason to stay: a job that runs, a collection to stop, or a schedule.
    pub fn is_busy(&self) -> bool {
        let stopping = self.armed_facts().iter().any(|fact| !fact.used);
        stopping || !self.schedules.is_empty() || self.jobs.values().any(JobState::is_active)
    }

    /// Has the next agent recognise this boot even when somebody has set the wall clock.
    fn keep_up_with_clocks(&mut self) {
        self.equipment.boot.keep_up(self.equipment.clock.as_ref());
        let problem = self.equipment.boot.problem.clone();
        self.equipment.views.set_problem("boot.json", problem);
    }

    /// Lists what runs, and notes which disks of the journal do not any more.
    fn list(&mut self) -> Result<Arc<Listing>, HostError> {
        let listing = Arc::new(self.equipment.host.list()?);
        let now = self.now();
        self.unlisted
            .take_in(&listing, now, self.journal.armed().keys().copied());
        self.listing = Some((now, Arc::clone(&listing)));
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

    fn armed_facts(&self) -> Vec<ArmedFact> {
        let ours = self
            .journal
            .armed()
            .iter()
            .map(|(disk, armed)| (*disk, armed.armed_ms, armed.kept));
        let foreign = self.foreign.iter().map(|(disk, armed_ms)| (*disk, *armed_ms, false));
        ours.chain(foreign)
            .filter_map(|(disk, armed_ms, kept)| {
                let used = self.is_used(disk);
                (used || !kept).then(|| ArmedFact {
                    disk,
                    armed_ms,
                    used,
                    not_before_ms: self.resting.get(&disk).map_or(0, |rest| rest.until_ms),
                    failed: self.resting.contains_key(&disk),
                })
            })
            .collect()
    }

    /// Its collection was started, by us or by somebody else.
    fn is_armed(&self, disk: DiskKey) -> bool {
        self.journal.armed().contains_key(&disk) || self.foreign.contains_key(&disk)
    }

    /// A job that has not ended uses this disk.
    fn is_used(&self, disk: DiskKey) -> bool {
        self.jobs
            .values()
            .any(|job| job.is_active() && job.disks().contains(&disk))
    }
}
