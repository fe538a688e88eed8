//! Everything that is shown, and what changes it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use vscsi_shared::histogram::{Metric, Operation};

use super::Watched;

/// The metrics, in the order in which they are stepped through.
const METRICS: [Metric; 6] = [
    Metric::Latency,
    Metric::IoLength,
    Metric::OutstandingIos,
    Metric::Interarrival,
    Metric::SeekDistance,
    Metric::SeekDistanceClosest16,
];

const OPERATIONS: [Operation; 3] = [Operation::All, Operation::Read, Operation::Write];

/// What a key asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Key {
    NextJob,
    PreviousJob,
    NextDisk,
    PreviousDisk,
    NextMetric,
    NextOperation,
    NextTimeline,
    Quit,
}

/// What is known of a host.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct HostState {
    /// When it last answered.
    pub(super) heard_at: Option<Timestamp>,
    /// Why it does not answer now.
    pub(super) trouble: Option<String>,
}

/// What is drawn over time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Timeline {
    Iops,
    Throughput,
    Latency,
}

const TIMELINES: [Timeline; 3] = [Timeline::Iops, Timeline::Throughput, Timeline::Latency];

/// The names of a host and of a job there.
pub(super) type JobKey = (String, String);

/// The state of the view.
#[derive(Debug)]
pub(crate) struct View {
    pub(super) now: Timestamp,
    pub(super) hosts: BTreeMap<String, HostState>,
    pub(super) jobs: BTreeMap<JobKey, Watched>,
    /// The job that was chosen; the first one where none was.
    job: Option<JobKey>,
    /// 0 for all disks, else one more than the place of the one.
    disk: usize,
    metric: usize,
    operation: usize,
    timeline: usize,
}

impl View {
    /// A view of hosts that have not answered yet.
    pub(crate) fn new(hosts: impl IntoIterator<Item = String>, now: Timestamp) -> Self {
        Self {
            now,
            hosts: hosts.into_iter().map(|host| (host, HostState::default())).collect(),
            jobs: BTreeMap::new(),
            job: None,
            disk: 0,
            metric: 0,
            operation: 0,
            timeline: 0,
        }
    }

    /// It is now `now`.
    pub(crate) fn tick(&mut self, now: Timestamp) {
        self.now = now;
    }

    /// Takes in what came of asking `host`: its jobs as they are now, and why it, or one of them, could not be followed.
    pub(crate) fn hear(&mut self, host: &str, jobs: Vec<Watched>, trouble: Option<String>) {
        let state = self.hosts.entry(host.to_owned()).or_default();
        if trouble.is_none() || !jobs.is_empty() {
            state.heard_at = Some(self.now);
        }
        state.trouble = trouble;
        for job in jobs {
            self.jobs.insert((host.to_owned(), job.name.clone()), job);
        }
    }

    /// Does what a key asks for; `false` when it asks to leave.
    pub(crate) fn press(&mut self, key: Key) -> bool {
        let disks = self.selected().map_or(0, |job| job.disks().len());
        match key {
            Key::NextJob => self.choose(next(self.place(), self.jobs.len())),
            Key::PreviousJob => self.choose(previous(self.place(), self.jobs.len())),
            Key::NextDisk => self.disk = next(self.disk, disks + 1),
            Key::PreviousDisk => self.disk = previous(self.disk, disks + 1),
            Key::NextMetric => self.metric = next(self.metric, METRICS.len()),
            Key::NextOperation => self.operation = next(self.operation, OPERATIONS.len()),
            Key::NextTimeline => self.timeline = next(self.timeline, TIMELINES.len()),
            Key::Quit => return false,
        }
        true
    }

    /// Every job has ended, and there is one.
    pub(crate) fn is_over(&self) -> bool {
        !self.jobs.is_empty() && self.jobs.values().all(|watched| watched.job.status.is_final())
    }

    /// The hosts.
    pub(crate) fn hosts(&self) -> impl Iterator<Item = &str> {
        self.hosts.keys().map(String::as_str)
    }

    /// The jobs.
    pub(crate) fn jobs(&self) -> impl Iterator<Item = &Watched> {
        self.jobs.values()
    }

    fn choose(&mut self, place: usize) {
        self.job = self.jobs.keys().nth(place).cloned();
        self.disk = 0;
    }

    /// The place of the job that is looked at.
    pub(super) fn place(&self) -> usize {
        let chosen = self.job.as_ref();
        let place = chosen.and_then(|chosen| self.jobs.keys().position(|key| key == chosen));
        place.unwrap_or(0)
    }

    /// The job that is looked at.
    pub(super) fn selected(&self) -> Option<&Watched> {
        self.jobs.values().nth(self.place())
    }

    /// The disk of it that is looked at; `None` for all of them.
    pub(super) fn disk(&self) -> Option<usize> {
        let disks = self.selected().map_or(0, |job| job.disks().len());
        self.disk.checked_sub(1).filter(|disk| *disk < disks)
    }

    /// The histogram that the heat map shows.
    pub(super) fn histogram(&self) -> (Metric, Operation) {
        let metric = METRICS.get(self.metric).copied().unwrap_or(Metric::Latency);
        (
            metric,
            OPERATIONS.get(self.operation).copied().unwrap_or(Operation::All),
        )
    }

    /// What is drawn over time, the most wanted first.
    pub(super) fn timelines(&self) -> impl Iterator<Item = Timeline> {
        TIMELINES.into_iter().cycle().skip(self.timeline).take(TIMELINES.len())
    }
}

fn next(place: usize, of: usize) -> usize {
    (place + 1) % of.max(1)
}

fn previous(place: usize, of: usize) -> usize {
    place.checked_sub(1).unwrap_or(of.saturating_sub(1))
}
