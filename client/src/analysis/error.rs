//! Why a job cannot be analysed.

use vscsi_shared::exit_code;
use vscsi_shared::job::UnreadableJob;

use super::filter::{Filter, InvalidThreshold};
use super::select::NoSuchDisk;
use crate::failure::{Failure, FileError};
use crate::table::TableError;

/// Why a job cannot be analysed.
#[derive(Debug, thiserror::Error)]
pub enum AnalysisError {
    /// A file or directory of the job cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// The cache cannot be written.
    #[error(transparent)]
    Table(#[from] TableError),
    /// `job.json` cannot be used.
    #[error("cannot use `{path}`")]
    Job {
        /// The file.
        path: String,
        /// Why.
        #[source]
        source: UnreadableJob,
    },
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
    /// No sample lies in the period.
    #[error(
        "no sample of job `{job}` lies wholly in that period; its samples reach over {seconds:.0} s, from {from} to {to}"
    )]
    EmptyPeriod {
        /// The job.
        job: String,
        /// Where the first sample begins.
        from: String,
        /// Where the last sample ends.
        to: String,
        /// How long they reach.
        seconds: f64,
    },
    /// A named phase holds no sample.
    #[error("no sample lies wholly in the phase `{name}`")]
    EmptyPhase {
        /// Its name.
        name: String,
    },
    /// The filter dropped every sample.
    #[error("the filter {filter} leaves none of {total} samples; the busiest has {busiest_iops:.1} IOPS")]
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
    /// A disk name that fits none, for this job.
    pub(super) fn no_such_disk(job: &str, error: NoSuchDisk) -> Self {
        let disks: Vec<String> = error.disks.into_iter().map(|disk| disk.0).collect();
        Self::NoSuchDisk {
            job: job.to_owned(),
            name: error.name,
            disks: disks.join(", "),
        }
    }
}

impl Failure for AnalysisError {
    fn exit_code(&self) -> u8 {
        match self {
            Self::File(error) => error.exit_code(),
            Self::Table(error) => error.exit_code(),
            Self::Job { .. } | Self::NoSamples { .. } | Self::LimitsChanged { .. } => exit_code::FAILED,
            Self::NoSuchDisk { .. } => exit_code::NO_SUCH_TARGET,
            Self::EmptyPeriod { .. } | Self::EmptyPhase { .. } | Self::NothingLeft { .. } => exit_code::NOTHING_LEFT,
            Self::Threshold(_) => exit_code::USAGE,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::File(error) => error.hint(),
            Self::Table(error) => error.hint(),
            Self::Job { .. } => Some("pull the job again; its snapshots are untouched".to_owned()),
            Self::NoSamples { job, .. } => Some(format!(
                "a sample needs two usable snapshots; `vscsi-helper pull {job}` brings those taken since"
            )),
            Self::NoSuchDisk { .. } => {
                Some("name a disk by its node, its handle, or the name it was started with".to_owned())
            }
            Self::EmptyPeriod { .. } => Some("widen `--from` and `--to`".to_owned()),
            Self::EmptyPhase { .. } => Some("a sample that crosses the edge of a phase lies outside it".to_owned()),
            Self::NothingLeft { alternatives, .. } => Some(alternatives.clone()),
            Self::Threshold(_) => None,
            Self::LimitsChanged { .. } => {
                Some("analyse the time before and after it apart, with `--from` and `--to`".to_owned())
            }
        }
    }
}
