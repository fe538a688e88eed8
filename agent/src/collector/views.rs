//! What HTTP threads read without asking the collector.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};
use vscsi_shared::identifier::Name;
use vscsi_shared::job::Job;
use vscsi_shared::wire::v1::{JobView, ScheduleView};

use super::job::{JobState, Phase};
use super::{Collector, Grid};
use crate::clock::Clock;

/// The published state; cloning shares it.
#[derive(Debug, Clone, Default)]
pub struct Views {
    inner: Arc<Mutex<Published>>,
}

#[derive(Debug, Default)]
struct Published {
    jobs: BTreeMap<Name, JobFacts>,
    schedules: BTreeMap<Name, ScheduleView>,
    problems: BTreeMap<String, String>,
}

#[derive(Debug, Clone)]
struct JobFacts {
    job: Job,
    grid: Option<Grid>,
    next: u32,
    acknowledged: Option<u32>,
}

impl JobFacts {
    fn view(&self, clock: &dyn Clock) -> JobView {
        let (now, now_ms) = (clock.wall(), clock.monotonic_ms());
        // Due times are kept on the monotonic clock; people see them on the wall clock of this moment.
        let on_the_wall = |due_ms: u64| -> Option<Timestamp> {
            let ahead = i64::try_from(due_ms).ok()?.checked_sub(i64::try_from(now_ms).ok()?)?;
            now.checked_add(SignedDuration::from_millis(ahead)).ok()
        };
        let due = self.grid.filter(|grid| self.next <= grid.samples);
        JobView {
            job: self.job.clone(),
            next_due_at: due.and_then(|grid| on_the_wall(grid.due_ms(self.next))),
            expected_completion_at: due.and_then(|grid| on_the_wall(grid.due_ms(grid.samples))),
            now,
            last_sequence: self.next.checked_sub(1),
            acknowledged_sequence: self.acknowledged,
        }
    }
}

impl Views {
    fn with<T>(&self, use_it: impl FnOnce(&mut Published) -> T) -> T {
        use_it(&mut self.inner.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// All jobs, oldest first.
    pub fn jobs(&self, clock: &dyn Clock) -> Vec<JobView> {
        let mut views: Vec<JobView> =
            self.with(|published| published.jobs.values().map(|facts| facts.view(clock)).collect());
        views.sort_by_key(|view| view.job.created_at);
        views
    }

    /// One job.
    pub fn job(&self, name: &Name, clock: &dyn Clock) -> Option<JobView> {
        self.with(|published| published.jobs.get(name).map(|facts| facts.view(clock)))
    }

    /// The job is shown as one that has not ended.
    pub(super) fn shows_active(&self, name: &Name) -> bool {
        self.with(|published| {
            published
                .jobs
                .get(name)
                .is_some_and(|facts| !facts.job.status.is_final())
        })
    }

    /// All schedules, by name.
    pub fn schedules(&self) -> Vec<ScheduleView> {
        self.with(|published| published.schedules.values().cloned().collect())
    }

    /// What is wrong now.
    pub fn problems(&self) -> Vec<String> {
        self.with(|published| published.problems.values().cloned().collect())
    }

    /// Says that something is wrong with `subject`, or with `None` that nothing is any more.
    pub(crate) fn set_problem(&self, subject: &str, problem: Option<String>) {
        self.with(|published| match problem {
            Some(problem) => published.problems.insert(subject.to_owned(), problem),
            None => published.problems.remove(subject),
        });
    }

    pub(super) fn set_schedules(&self, schedules: BTreeMap<Name, ScheduleView>) {
        self.with(|published| published.schedules = schedules);
    }
}

impl Collector {
    /// Publishes a job after a change; the end of one that was seen running once it is known whether its collection has
    /// ended.
    pub(super) fn publish(&self, name: &Name) {
        let waits = self.jobs.get(name).is_some_and(|state| self.is_being_stopped(state));
        let facts = self.jobs.get(name).map(facts_of);
        self.equipment.views.with(|published| match facts {
            Some(_) if waits && published.jobs.contains_key(name) => None,
            Some(facts) => published.jobs.insert(name.clone(), facts),
            None => published.jobs.remove(name),
        });
    }
}

fn facts_of(state: &JobState) -> JobFacts {
    JobFacts {
        job: state.job().clone(),
        grid: state.grid().filter(|_| state.phase == Phase::Sampling),
        next: state.next,
        acknowledged: state.record.acknowledged,
    }
}
