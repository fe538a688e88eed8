//! Opening a job: its samples, from its snapshots or from the cache of them, and what they say.

mod error;

use std::time::Instant;

use jiff::Timestamp;

pub use error::SamplesError;

use crate::analysis::load::{self, Loaded};
use crate::analysis::{self, Analysis, Code, Finding, Options};
use crate::failure::FileError;
use crate::number::counted;
use crate::store::{JobFiles, snapshot_files};
use crate::table::{self, CacheKey};

/// A job's samples, and what they were made of.
#[derive(Debug, Clone, PartialEq)]
pub struct Samples {
    /// The samples, with everything noticed on the way.
    pub loaded: Loaded,
    /// The snapshot files as they were before they were read; `None` when one could not be looked at.
    key: Option<CacheKey>,
}

/// The samples of a job: from its cache where that is still true, and from its snapshots otherwise.
///
/// # Errors
/// When the directory of samples cannot be listed.
pub fn load(job: &JobFiles) -> Result<Samples, FileError> {
    let files = snapshot_files(job)?;
    let key = CacheKey::of(&files);
    let cached = key.as_ref().and_then(|key| table::read_cache(&job.analysis(), key));
    let begun = Instant::now();
    let from = if cached.is_some() { "the cache" } else { "the snapshots" };
    let loaded = match cached {
        Some((series, findings)) => Loaded {
            series,
            findings,
            last_sequence: files.last().map(|file| file.sequence),
        },
        None => load::load_snapshots(&files, &job.sums()?),
    };
    log::debug!(
        "{}: read {} of {} from {from} in {} ms; {}",
        job.path().display(),
        counted(loaded.series.samples.len(), "sample"),
        counted(files.len(), "snapshot file"),
        begun.elapsed().as_millis(),
        counted(loaded.findings.len(), "finding")
    );
    for finding in &loaded.findings {
        let disk = finding
            .disk
            .as_ref()
            .map_or_else(String::new, |disk| format!(" {disk}:"));
        log::debug!(
            "  {:?}:{disk} {} ({} times)",
            finding.code,
            finding.message,
            finding.occurrences
        );
    }
    Ok(Samples { loaded, key })
}

/// Keeps what [`load()`] found, so that the next run need not parse the snapshots. Does nothing where the cache is true.
/// It is kept for the files that were read: what a pull brings meanwhile is read by the next run. Where a file could
/// not be read nothing is kept, because the reason may go without a trace on the file.
///
/// # Errors
/// When the cache cannot be written.
pub fn keep(job: &JobFiles, samples: &Samples) -> Result<(), SamplesError> {
    let folder = job.analysis();
    let unreadable = |finding: &Finding| finding.code == Code::UnreadableSnapshot;
    let is_whole = !samples.loaded.findings.iter().any(unreadable);
    let Some(key) = samples.key.as_ref().filter(|_| is_whole) else {
        return Ok(());
    };
    if !table::is_cached(&folder, key) {
        job.make(&folder)?;
        table::write_cache(&folder, &samples.loaded, key.clone())?;
    }
    Ok(())
}

/// Analyses a job.
///
/// # Errors
/// [`SamplesError`] when the job cannot be read, has no sample, or none is left by disks, period or filter.
pub fn analyze_job(job: &JobFiles, options: &Options, now: Timestamp) -> Result<Analysis, SamplesError> {
    let document = job.read_job()?;
    let samples = load(job)?;
    Ok(analysis::analyze(document.job, samples.loaded, options, now)?)
}
