//! From a job directory to its [`Series`]: snapshot files are read and parsed in parallel, a batch at a time, and
//! assembled in order. Memory holds the samples and one batch of snapshots, never the raw files of a job.

mod artefact;
mod assemble;
mod chain;
mod check;
mod duration;
mod files;
mod reading;

use std::path::Path;

use rayon::prelude::*;
use vscsi_shared::vscsistats::Print;

pub use files::{SnapshotFile, read_snapshot_bytes, snapshot_files};

use super::finding::{Code, Finding, Findings, Severity};
use super::{AnalysisError, Series};
use assemble::Assembler;
use reading::Reading;

/// Snapshots parsed at once: enough to keep every core busy, few enough to stay small beside the samples.
const BATCH: usize = 256;

/// How long the disks of a print were watched, by the times between their I/Os; `None` when there are too few.
pub fn seconds_of_print(print: &Print) -> Option<f64> {
    print
        .disks
        .iter()
        .filter_map(|disk| duration::seconds_by_interarrival(&chain::whole(disk, None).0))
        .max_by(f64::total_cmp)
}

/// A job's samples with everything noticed on the way.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Loaded {
    /// The samples.
    pub series: Series,
    /// What was noticed, the gravest first.
    pub findings: Vec<Finding>,
}

/// Reads the samples of the job in `job_dir`.
///
/// A file that cannot be used is reported as a finding and left out, and the next difference spans it.
///
/// # Errors
/// [`AnalysisError::File`] when the directory of samples cannot be listed.
pub fn load(job_dir: &Path) -> Result<Loaded, AnalysisError> {
    let files = snapshot_files(job_dir)?;
    let mut findings = Findings::default();
    let mut assembler = Assembler::default();
    let mut expected = files.first().map_or(0, |file| file.sequence);
    for batch in files.chunks(BATCH) {
        let readings: Vec<_> = batch.par_iter().map(|file| (file, Reading::of_file(file))).collect();
        for (file, reading) in readings {
            if file.sequence > expected {
                let missing = file.sequence - expected;
                findings.add(
                    Severity::Warning,
                    Code::MissingSnapshot,
                    Some(expected),
                    None,
                    format!(
                        "{missing} snapshots before {} are missing; the sample after them spans the time",
                        file.name
                    ),
                );
            }
            expected = file.sequence.saturating_add(1);
            match reading {
                Ok(reading) => assembler.push(reading, &mut findings),
                Err(error) => findings.add(
                    Severity::Error,
                    Code::UnreadableSnapshot,
                    Some(file.sequence),
                    None,
                    format!("{} is left out: {error}", file.name),
                ),
            }
        }
    }
    let series = assembler.finish();
    check::series(&series, &mut findings);
    Ok(Loaded {
        series,
        findings: findings.into_sorted(),
    })
}
