//! From a job directory to its [`Series`]: snapshot files are read and parsed in parallel, a batch at a time, and
//! assembled in order. Memory holds the samples and one batch of snapshots, never the raw files of a job.

mod artefact;
mod assemble;
mod chain;
mod check;
mod compress;
mod disks;
mod duration;
mod files;
mod reading;

use std::fs;
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use vscsi_shared::vscsistats::Print;

pub use compress::{Compressed, compress};
pub use files::{SnapshotFile, read_snapshot_bytes, snapshot_files};

use super::finding::{Code, Finding, Findings, Severity};
use super::{AnalysisError, Series};
use crate::failure::FileError;
use crate::table::{self, CacheKey};
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
    /// Sequence of the last snapshot file, usable or not; `None` when there is none.
    pub last_sequence: Option<u32>,
    /// The snapshot files as they were before they were read; `None` when one could not be looked at.
    pub key: Option<CacheKey>,
}

/// The samples of the job in `job_dir`: from its cache where that is still true, and from its snapshots otherwise.
///
/// # Errors
/// [`AnalysisError::File`] when the directory of samples cannot be listed.
pub fn load(job_dir: &Path) -> Result<Loaded, AnalysisError> {
    let files = snapshot_files(job_dir)?;
    let key = CacheKey::of(&files);
    let cached = key
        .as_ref()
        .and_then(|key| table::read_cache(&cache_folder(job_dir), key));
    let loaded = match cached {
        Some((series, findings)) => Loaded {
            series,
            findings,
            last_sequence: files.last().map(|file| file.sequence),
            key: None,
        },
        None => load_snapshots(&files),
    };
    Ok(Loaded { key, ..loaded })
}

/// Keeps what [`load`] found, so that the next run need not parse the snapshots. Does nothing where the cache is true.
/// It is kept for the files that were read: what a pull brings meanwhile is read by the next run. Where a file could
/// not be read nothing is kept, because the reason may go without a trace on the file.
///
/// # Errors
/// When the cache cannot be written.
pub fn keep(job_dir: &Path, loaded: &Loaded) -> Result<(), AnalysisError> {
    let folder = cache_folder(job_dir);
    let unreadable = |finding: &Finding| finding.code == Code::UnreadableSnapshot;
    let Some(key) = loaded.key.as_ref().filter(|_| !loaded.findings.iter().any(unreadable)) else {
        return Ok(());
    };
    if !table::is_cached(&folder, key) {
        fs::create_dir_all(&folder).map_err(FileError::new("create", &folder))?;
        table::write_cache(&folder, loaded, key.clone())?;
    }
    Ok(())
}

fn cache_folder(job_dir: &Path) -> PathBuf {
    job_dir.join("analysis")
}

/// Reads the samples from snapshot files.
///
/// A file that cannot be used is reported as a finding and left out, and the next difference spans it.
pub fn load_snapshots(files: &[SnapshotFile]) -> Loaded {
    let mut findings = Findings::default();
    let mut assembler = Assembler::default();
    let mut expected = 0;
    for batch in files.chunks(BATCH) {
        let readings: Vec<_> = batch.par_iter().map(|file| (file, Reading::of_file(file))).collect();
        for (file, reading) in readings {
            if file.sequence > expected {
                findings.add(
                    Severity::Warning,
                    Code::MissingSnapshot,
                    Some(expected),
                    None,
                    missing_before(file, expected),
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
    let series = assembler.finish(&mut findings);
    check::series(&series, &mut findings);
    Loaded {
        series,
        findings: findings.into_sorted(),
        last_sequence: files.last().map(|file| file.sequence),
        key: None,
    }
}

fn missing_before(file: &SnapshotFile, expected: u32) -> String {
    let missing = match file.sequence - expected {
        1 => "1 snapshot is".to_owned(),
        several => format!("{several} snapshots are"),
    };
    let outcome = if expected == 0 {
        "what was counted until then is not in the samples"
    } else {
        "the sample after spans the time"
    };
    format!("{missing} missing before {}; {outcome}", file.name)
}
