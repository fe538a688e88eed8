//! Why an analysis rests on part of a job.

use vscsi_shared::histogram::IntervalSet;
use vscsi_shared::job::{Job, Status};

use super::coverage;
use super::finding::{Code, Finding, Severity};
use super::load::Loaded;

/// What a job lacks. Whatever it has is analysed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Partial {
    /// Snapshots that its host took are not here.
    NotPulled {
        /// The first that is missing.
        from: u32,
        /// The last that is missing.
        to: u32,
    },
    /// Snapshot files that were here are damaged or gone.
    FilesDamaged,
    /// It still runs, ended early, or missed samples.
    NotCollected,
    /// It was imported from a capture of which histograms were lost.
    CaptureDamaged,
}

impl Partial {
    /// What a job lacks, by what it says of itself and what of it was loaded; `None` when it is whole.
    ///
    /// `job.json` arrives before the snapshots do, so it cannot tell whether they are here. A completed job has taken
    /// the last snapshot of its profile, usable or not; any other has at least as many as hold samples.
    pub(super) fn of(job: &Job, loaded: &Loaded) -> Option<Self> {
        let collection = &job.collection;
        if !loaded.series.is_dated() {
            if has_damaged_files(loaded) {
                return Some(Self::FilesDamaged);
            }
            let lost = !collection.errors.is_empty() || is_damaged(loaded);
            return lost.then_some(Self::CaptureDamaged);
        }
        let taken = if job.status == Status::Completed {
            job.profile.samples
        } else {
            collection.samples_collected
        };
        match loaded.last_sequence {
            Some(last) if last < taken => Some(Self::NotPulled {
                from: last + 1,
                to: taken,
            }),
            _ if has_damaged_files(loaded) => Some(Self::FilesDamaged),
            _ if job.status != Status::Completed || collection.samples_collected < collection.samples_expected => {
                Some(Self::NotCollected)
            }
            _ => None,
        }
    }

    /// What is said about it beside the data; `None` where the job or other findings say it.
    pub(super) fn finding(self, job: &Job) -> Option<Finding> {
        let Self::NotPulled { from, to } = self else {
            return None;
        };
        let snapshots = if from == to {
            format!("snapshot {to} is not here")
        } else {
            format!("snapshots {from} to {to} are not here")
        };
        Some(Finding {
            severity: Severity::Warning,
            code: Code::MissingSnapshot,
            message: format!(
                "{snapshots}: `vscsi-helper pull {}` fetches what its host has",
                job.job_id
            ),
            sequence: Some(from),
            disk: None,
            occurrences: 1,
        })
    }
}

/// Snapshots that cannot be read, and holes in their row: an agent leaves none.
fn has_damaged_files(loaded: &Loaded) -> bool {
    let is_of_a_file = |finding: &Finding| matches!(finding.code, Code::UnreadableSnapshot | Code::MissingSnapshot);
    loaded.findings.iter().any(is_of_a_file)
}

/// A print of an import was left out, or lacks some of the histograms that vscsiStats prints together: those of one
/// metric, such as with `-p latency`. A capture that holds whole metrics is what somebody asked for.
fn is_damaged(loaded: &Loaded) -> bool {
    let left_out = |finding: &Finding| finding.code == Code::IncompleteDisk;
    let mut disks = loaded.series.samples.iter().flat_map(|sample| &sample.disks);
    loaded.findings.iter().any(left_out) || disks.any(|disk| is_torn(&disk.histograms))
}

/// Some histograms of a metric are there and others are not.
fn is_torn(histograms: &IntervalSet) -> bool {
    coverage::missing(histograms).any(|missing| histograms.iter().any(|(kind, _)| kind.metric() == missing.metric()))
}
