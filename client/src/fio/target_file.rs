//! `NAME.target.json`: what a generated job is to reproduce, kept beside it so that a verification needs nothing else.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use vscsi_shared::exit_code;
use vscsi_shared::histogram::{HistogramKind, Interval, IntervalSet, Limits, Metric, Operation};

use super::job::{FioJob, LogCourse, Phase, PhaseFidelity, is_whole};
use super::options::{FioOptions, Layout, Pace, Style};
use super::phase::Replayed;
use crate::analysis::Provenance;
use crate::failure::Failure;
use crate::stream::Observed;

/// Version of the file's format.
const FORMAT_VERSION: u32 = 1;

/// What a job is to reproduce.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TargetFile {
    /// Version of the format.
    pub format_version: u32,
    /// The job the numbers come from.
    pub job: String,
    /// The filter, as text; those of the phases when there are some.
    pub filter: String,
    /// How it is written.
    pub style: Style,
    /// How fast it goes.
    pub pace: Pace,
    /// What its targets stand for.
    pub layout: Layout,
    /// Length of the replay, seconds.
    pub duration_seconds: u32,
    /// The phases in order; one when there are none.
    pub phases: Vec<TargetPhase>,
    /// How much shorter gaps are than measured.
    #[serde(default = "no_compression")]
    pub compression: f64,
    /// The course of the replay logs of each phase; empty for jobs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub courses: Vec<LogCourse>,
    /// Static fidelity of each phase.
    pub static_fidelity: Vec<PhaseFidelity>,
}

/// What files say that were made before there was a choice.
fn no_compression() -> f64 {
    1.0
}

/// What one phase did.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TargetPhase {
    /// Its name; empty when there are no phases.
    pub name: String,
    /// Time it was observed, seconds.
    pub seconds: f64,
    /// Number of disks its histograms were merged from.
    pub disks: usize,
    /// The histograms.
    pub histograms: Vec<TargetHistogram>,
    /// Those of each sample that a replay log follows, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub samples: Vec<Vec<TargetHistogram>>,
}

/// One histogram.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TargetHistogram {
    /// What it measures.
    pub metric: Metric,
    /// The commands it counts.
    pub operation: Operation,
    /// Upper bucket limits.
    pub limits: Vec<i64>,
    /// Counters, overflow last.
    pub counts: Vec<u64>,
    /// Bounds of the sum of the values.
    pub sum: [i64; 2],
    /// Bounds of the values; absent when there are none.
    pub values: Option<[i64; 2]>,
}

/// A file is not a target file of this version.
#[derive(Debug, thiserror::Error)]
pub enum UnreadableTarget {
    /// It cannot be read.
    #[error("cannot read `{}`", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// It is no target file.
    #[error("`{}` does not hold what a fio job is to reproduce", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// It holds histograms that are none, or another version's.
    #[error("`{}` holds no usable histograms", path.display())]
    Unusable {
        /// The file.
        path: PathBuf,
    },
}

impl TargetFile {
    /// The file's name for a job file: `NAME.target.json` beside `NAME.fio`.
    pub fn path_for(job_file: &Path) -> PathBuf {
        job_file.with_extension("target.json")
    }

    /// What `job` reproduces: the phases that it was made from, less those without a command.
    pub fn new(provenance: &Provenance, phases: &[Phase], options: &FioOptions, job: &FioJob) -> Self {
        let replayed = || phases.iter().filter(|phase| phase.is_replayable());
        let filters: Vec<&str> = if is_whole(phases) {
            vec![&provenance.filter]
        } else {
            replayed()
                .map(|phase| phase.workload.provenance.filter.as_str())
                .collect()
        };
        Self {
            format_version: FORMAT_VERSION,
            job: provenance.job.clone(),
            filter: filters.join(", "),
            style: options.style,
            pace: options.pace,
            layout: options.layout,
            duration_seconds: options.seconds(),
            phases: (0..)
                .zip(replayed())
                .map(|(index, phase)| TargetPhase::new(phase, job.courses.get(index)))
                .collect(),
            compression: options.compression(),
            courses: job.courses.clone(),
            static_fidelity: job.fidelity.clone(),
        }
    }

    /// What a phase's replay is held against: its histograms, in the time that the chosen speed and intensity leave.
    pub(crate) fn asked(&self, phase: &TargetPhase) -> Option<Observed> {
        let observed = phase.observed()?;
        Some(Observed {
            seconds: observed.seconds / self.compression,
            ..observed
        })
    }

    /// What decides which parts of a phase the replay can bring back.
    pub(crate) fn replayed(&self, phase: &TargetPhase) -> Replayed {
        Replayed {
            style: self.style,
            pace: self.pace,
            layout: self.layout,
            disks: phase.disks,
            compression: self.compression,
        }
    }

    /// Reads the target of a job file.
    ///
    /// # Errors
    /// [`UnreadableTarget`].
    pub fn read(path: &Path) -> Result<Self, UnreadableTarget> {
        let path = path.to_owned();
        let bytes = match std::fs::read(&path) {
            Ok(bytes) => bytes,
            Err(source) => return Err(UnreadableTarget::Read { path, source }),
        };
        let target: Self = match serde_json::from_slice(&bytes) {
            Ok(target) => target,
            Err(source) => return Err(UnreadableTarget::Malformed { path, source }),
        };
        let usable = target.format_version == FORMAT_VERSION
            && !target.phases.is_empty()
            && target.phases.iter().all(|phase| phase.observed().is_some());
        if usable {
            Ok(target)
        } else {
            Err(UnreadableTarget::Unusable { path })
        }
    }
}

impl TargetPhase {
    fn new(phase: &Phase, course: Option<&LogCourse>) -> Self {
        let followed = course.map_or(0, |course| course.samples.len());
        Self {
            name: phase.name.to_owned(),
            seconds: phase.workload.seconds,
            disks: phase.workload.disks.len(),
            histograms: TargetHistogram::all(&phase.workload.histograms),
            samples: phase
                .samples
                .iter()
                .take(followed)
                .map(|sample| TargetHistogram::all(&sample.workload.histograms))
                .collect(),
        }
    }

    /// The histograms as the rest of the program holds them; `None` when one of them is none.
    pub fn observed(&self) -> Option<Observed> {
        let histograms = TargetHistogram::set(&self.histograms)?;
        (self.seconds > 0.0).then_some(Observed {
            histograms,
            seconds: self.seconds,
        })
    }

    /// The histograms of the samples that a replay log follows; `None` when one of them is none.
    pub(crate) fn followed(&self) -> Option<Vec<IntervalSet>> {
        self.samples.iter().map(|sample| TargetHistogram::set(sample)).collect()
    }
}

impl TargetHistogram {
    fn all(histograms: &IntervalSet) -> Vec<Self> {
        let all = histograms.iter();
        all.map(|(kind, interval)| Self::new(kind, interval)).collect()
    }

    fn set(all: &[Self]) -> Option<IntervalSet> {
        let mut histograms = IntervalSet::default();
        for histogram in all {
            let (kind, interval) = histogram.interval()?;
            histograms.insert(kind, interval);
        }
        Some(histograms)
    }

    fn new(kind: HistogramKind, interval: &Interval) -> Self {
        let clamped = |sum: i128| i64::try_from(sum).unwrap_or(if sum < 0 { i64::MIN } else { i64::MAX });
        Self {
            metric: kind.metric(),
            operation: kind.operation(),
            limits: interval.limits.as_slice().to_vec(),
            counts: interval.counts.clone(),
            sum: [clamped(interval.sum_at_least), clamped(interval.sum_at_most)],
            values: interval
                .values_at_least
                .zip(interval.values_at_most)
                .map(|(least, most)| [least, most]),
        }
    }

    fn interval(&self) -> Option<(HistogramKind, Interval)> {
        let kind = HistogramKind::new(self.metric, self.operation)?;
        let limits = Limits::from_input(self.metric, &self.limits).ok()?;
        if self.counts.len() != self.limits.len() + 1 {
            return None;
        }
        let mut interval = Interval {
            limits,
            counts: self.counts.clone(),
            count: 0,
            sum_at_least: i128::from(self.sum[0]),
            sum_at_most: i128::from(self.sum[1]),
            values_at_least: self.values.map(|values| values[0]),
            values_at_most: self.values.map(|values| values[1]),
            end_slack: 0,
        };
        interval.count = interval.total();
        Some((kind, interval))
    }
}

impl Failure for UnreadableTarget {
    fn exit_code(&self) -> u8 {
        exit_code::FAILED
    }

    fn hint(&self) -> Option<String> {
        Some("keep NAME.target.json beside NAME.fio; `analyze` writes both".to_owned())
    }
}
