//! Why a job cannot be analysed.

use jiff::Timestamp;
use jiff::civil::Time;
use vscsi_shared::exit_code;
use vscsi_shared::job::Job;

use super::Series;
use super::filter::{Filter, InvalidThreshold};
use super::select::{self, UnusableDisk};
use crate::failure::Failure;
use crate::number::rate;

/// Why a job cannot be analysed.
#[derive(Debug, thiserror::Error)]
pub enum AnalysisError {
    /// There is no sample at all.
    #[error("job `{job}` has no sample to analyse: {reason}")]
    NoSamples {
        /// The job.
        job: String,
        /// How many snapshots there are, and what is wrong with them.
        reason: String,
    },
    /// A disk was named that the job does not have.
    #[error("job `{job}` has no disk `{name}`; it has {disks}")]
    NoSuchDisk {
        /// The job.
        job: String,
        /// What was asked for.
        name: String,
        /// The disks there are.
        disks: String,
    },
    /// A disk was named that the job has, but no sample does.
    #[error("disk `{disk}` of job `{job}` has no data: no two snapshots hold usable counters of it")]
    NoDataForDisk {
        /// The job.
        job: String,
        /// The disk.
        disk: String,
    },
    /// No sample lies in the period.
    #[error("no sample of job `{job}` has its middle in that period; its samples reach over {seconds:.0} s{dates}")]
    EmptyPeriod {
        /// The job.
        job: String,
        /// How long its samples reach.
        seconds: f64,
        /// From when to when, as the end of a sentence; empty where the samples have no date.
        dates: String,
    },
    /// A period of the wall clock was named, and the samples have none.
    #[error("job `{job}` was imported from files that do not say when they were printed, so no sample has a date")]
    Undated {
        /// The job.
        job: String,
    },
    /// A time of day lies in the samples more than once.
    #[error("the job has {time} on {} days", moments.len())]
    SeveralDays {
        /// The time of day.
        time: Time,
        /// The moments that it may be.
        moments: Vec<Timestamp>,
    },
    /// A named phase holds no sample.
    #[error("no sample has its middle in phase `{name}`")]
    EmptyPhase {
        /// Its name.
        name: String,
    },
    /// The filter dropped every sample.
    #[error(
        "the filter {filter} leaves none of {total} samples; the busiest has {} IOPS",
        rate(*busiest_iops)
    )]
    NothingLeft {
        /// The filter.
        filter: Filter,
        /// Samples before it.
        total: usize,
        /// IOPS of the busiest sample.
        busiest_iops: f64,
        /// What would be left at which threshold.
        alternatives: String,
    },
    /// The threshold makes no sense.
    #[error(transparent)]
    Threshold(#[from] InvalidThreshold),
    /// Samples with different bucket limits cannot be merged.
    #[error("the bucket limits changed at sample {sequence}, so the samples cannot be merged")]
    LimitsChanged {
        /// The first sample with other limits.
        sequence: u32,
    },
}

impl AnalysisError {
    /// Why a disk of this job cannot be looked at alone.
    pub(super) fn unusable_disk(job: &Job, series: &Series, error: UnusableDisk) -> Self {
        let job = job.job_id.to_string();
        match error {
            UnusableDisk::NoData(disk) => Self::NoDataForDisk { job, disk: disk.0 },
            UnusableDisk::NoSuchDisk(name) => {
                let disks: Vec<&str> = series.disks.iter().map(|disk| disk.0.as_str()).collect();
                Self::NoSuchDisk {
                    job,
                    name,
                    disks: disks.join(", "),
                }
            }
        }
    }

    /// No sample of these lies in a period.
    pub(super) fn empty_period(job: &Job, series: &Series) -> Self {
        let ends = series.samples.first().zip(series.samples.last());
        let dated = ends.filter(|_| series.is_dated());
        Self::EmptyPeriod {
            job: job.job_id.to_string(),
            seconds: ends.map_or(0.0, |(_, last)| last.start_seconds + last.seconds),
            dates: dated.map_or_else(String::new, |(first, last)| {
                // To the second, in the form that `--from` takes.
                let [first, last] =
                    [select::begin(first), last.taken_at].map(|time| time.strftime("%Y-%m-%dT%H:%M:%SZ"));
                format!(", from {first} to {last}")
            }),
        }
    }
}

impl Failure for AnalysisError {
    fn exit_code(&self) -> u8 {
        match self {
            Self::NoSamples { .. } | Self::NoDataForDisk { .. } | Self::LimitsChanged { .. } => exit_code::FAILED,
            Self::NoSuchDisk { .. } => exit_code::NO_SUCH_TARGET,
            Self::EmptyPeriod { .. } | Self::EmptyPhase { .. } | Self::NothingLeft { .. } => exit_code::NOTHING_LEFT,
            Self::Threshold(_) | Self::Undated { .. } | Self::SeveralDays { .. } => exit_code::USAGE,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::NoSamples { job, .. } => Some(format!(
                "a sample needs two usable snapshots; `vscsi-helper pull {job}` brings those taken since"
            )),
            Self::NoSuchDisk { .. } => {
                Some("name a disk by its node, its handle, or the name it was started with".to_owned())
            }
            Self::EmptyPeriod { .. } => Some("widen `--from` and `--to`".to_owned()),
            Self::EmptyPhase { .. } => Some("make the phase at least as long as the sampling interval".to_owned()),
            Self::Undated { .. } => {
                Some("give a duration since the first sample began, such as 15m, instead of a time".to_owned())
            }
            Self::SeveralDays { moments, .. } => moments.first().map(|at| format!("write the day too, such as {at}")),
            Self::NoDataForDisk { .. } => Some(
                "without `--disk` the other disks are analysed, and what was found about this one is said".to_owned(),
            ),
            Self::NothingLeft { alternatives, .. } => Some(alternatives.clone()),
            Self::Threshold(_) => None,
            Self::LimitsChanged { .. } => {
                Some("analyse the time before and after it apart, with `--from` and `--to`".to_owned())
            }
        }
    }
}
