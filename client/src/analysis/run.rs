//! The whole analysis of one job, from its directory to its profile.

use std::fs;
use std::path::Path;

use jiff::Timestamp;
use rayon::prelude::*;
use vscsi_shared::histogram::{Metric, Operation};
use vscsi_shared::job::{Job, JobDocument, Status};
use vscsi_shared::snapshot::SnapshotFlag;

use super::estimate;
use super::filter::Filter;
use super::finding::Finding;
use super::load::{self, Loaded};
use super::profile::{Counts, Profile, Rates, SequentialGap};
use super::select::{self, Period};
use super::{AnalysisError, DiskKey, Provenance, Sample, Series, Workload};
use crate::failure::FileError;

/// Version of the method, part of every output: it grows when a number changes its meaning.
pub const METHOD_VERSION: u32 = 1;

/// What to look at, and how.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// Which samples make the profile.
    pub filter: Filter,
    /// Disks by node, handle, or the name they were selected by; none means all.
    pub disks: Vec<String>,
    /// The time to look at.
    pub period: Period,
    /// Blocks that may lie between two sequential I/Os.
    pub sequential_gap: SequentialGap,
}

impl Default for Options {
    /// The 75 % most active samples of all disks.
    fn default() -> Self {
        Self {
            filter: Filter::Percentile(75.0),
            disks: Vec::new(),
            period: Period::default(),
            sequential_gap: SequentialGap::default(),
        }
    }
}

/// What a job's samples say.
#[derive(Debug, Clone, PartialEq)]
pub struct Analysis {
    /// The job.
    pub job: Job,
    /// What was asked for.
    pub options: Options,
    /// Every sample of the selected disks and time, before the filter.
    pub series: Series,
    /// Per sample of the series: did the filter keep it?
    pub kept: Vec<bool>,
    /// The IOPS from which samples were kept; `None` when the filter drew no line.
    pub cut_iops: Option<f64>,
    /// How much of the series the filter kept.
    pub shares: Shares,
    /// The kept samples, merged.
    pub workload: Workload,
    /// What they do.
    pub profile: Profile,
    /// What each disk does in them.
    pub disks: Vec<(DiskKey, Profile)>,
    /// What was noticed about the data, the gravest first.
    pub findings: Vec<Finding>,
}

/// How much of a series was kept, each 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Shares {
    /// Of the time.
    pub time: f64,
    /// Of the I/Os.
    pub ios: f64,
    /// Of the bytes, estimated.
    pub bytes: f64,
}

impl Analysis {
    /// The job did not take all the samples it was asked for, so its data is partial.
    pub fn is_partial(&self) -> bool {
        let collection = &self.job.collection;
        self.job.status != Status::Completed || collection.samples_collected < collection.samples_expected
    }
}

/// Analyses the job in `job_dir`.
///
/// # Errors
/// [`AnalysisError`] when the job cannot be read, has no sample, or none is left by disks, period or filter.
pub fn analyze_job(job_dir: &Path, options: &Options, now: Timestamp) -> Result<Analysis, AnalysisError> {
    let job = read_job(job_dir)?;
    let loaded = load::load(job_dir)?;
    analyze(job, loaded, options, now)
}

/// Reads the `job.json` of a job directory.
///
/// # Errors
/// [`AnalysisError::File`] and [`AnalysisError::Job`].
pub fn read_job(job_dir: &Path) -> Result<Job, AnalysisError> {
    let path = job_dir.join("job.json");
    let bytes = fs::read(&path).map_err(FileError::new("read", &path))?;
    let document = JobDocument::from_json(&bytes).map_err(|source| AnalysisError::Job {
        path: path.display().to_string(),
        source,
    })?;
    Ok(document.job)
}

/// Analyses samples that were loaded before.
///
/// # Errors
/// [`AnalysisError`] when there is no sample, or none is left by disks, period or filter.
pub fn analyze(job: Job, loaded: Loaded, options: &Options, now: Timestamp) -> Result<Analysis, AnalysisError> {
    let filter = options.filter.checked()?;
    let name = job.job_id.to_string();
    let Loaded { series, findings } = loaded;
    let Some((first, last)) = series.samples.first().zip(series.samples.last()) else {
        return Err(no_samples(name, &findings));
    };
    let (from, to) = (select::begin(first).to_string(), last.taken_at.to_string());
    let seconds = last.start_seconds + last.seconds;
    let selected = select::disks(&series, Some(&job), &options.disks)
        .map_err(|error| AnalysisError::no_such_disk(&name, error))?;
    let series = select::restrict(series, &selected, &options.period);
    if series.samples.is_empty() {
        return Err(AnalysisError::EmptyPeriod {
            job: name,
            from,
            to,
            seconds,
        });
    }
    let iops: Vec<f64> = series.samples.par_iter().map(Sample::iops).collect();
    let selection = filter.select(&iops);
    if !selection.kept.contains(&true) {
        return Err(nothing_left(filter, &iops));
    }
    let shares = Shares::of(&series, &selection.kept);
    let provenance = provenance(&job, &series, filter, &selection.kept, shares, now);
    let workload = Workload::of(&series, &selection.kept, provenance)?;
    let disks = workload
        .disks
        .iter()
        .map(|disk| {
            let profile = Profile::over(&disk.histograms, disk.seconds, disk.edge_ios, options.sequential_gap);
            (disk.disk.clone(), profile)
        })
        .collect();
    Ok(Analysis {
        profile: Profile::of(&workload, options.sequential_gap),
        job,
        options: options.clone(),
        series,
        kept: selection.kept,
        cut_iops: selection.cut_iops,
        shares,
        workload,
        disks,
        findings,
    })
}

fn provenance(
    job: &Job,
    series: &Series,
    filter: Filter,
    kept: &[bool],
    shares: Shares,
    analyzed_at: Timestamp,
) -> Provenance {
    let undated = |sample: &Sample| sample.flags.contains(&SnapshotFlag::Undated);
    let ends = series.samples.first().zip(series.samples.last());
    let ends = ends.filter(|_| !series.samples.iter().any(undated));
    Provenance {
        job: job.job_id.to_string(),
        vm_name: job.target.vm_name.clone(),
        host: job.host.hostname.clone(),
        filter: filter.to_string(),
        samples_total: series.samples.len(),
        samples_kept: kept.iter().filter(|kept| **kept).count(),
        io_share_kept: shares.ios,
        period: ends.map(|(first, last)| (select::begin(first), last.taken_at)),
        analyzed_at,
        method_version: METHOD_VERSION,
    }
}

/// What one sample has of each thing that [`Shares`] tells the share of.
struct Amounts {
    seconds: f64,
    ios: f64,
    bytes: f64,
}

impl Shares {
    /// The shares of the kept samples. A share of nothing is everything: a job without I/O loses none.
    pub fn of(series: &Series, kept: &[bool]) -> Self {
        let amounts = |sample: &Sample| Amounts {
            seconds: sample.seconds,
            ios: sample.ios() as f64,
            bytes: sample.bytes(),
        };
        let amounts: Vec<Amounts> = series.samples.par_iter().map(amounts).collect();
        let share = |amount: fn(&Amounts) -> f64| {
            let total: f64 = amounts.iter().map(amount).sum();
            let kept = amounts.iter().zip(kept).filter(|(_, kept)| **kept);
            let part: f64 = kept.map(|(amounts, _)| amount(amounts)).sum();
            if total > 0.0 { part / total } else { 1.0 }
        };
        Self {
            time: share(|amounts| amounts.seconds),
            ios: share(|amounts| amounts.ios),
            bytes: share(|amounts| amounts.bytes),
        }
    }
}

impl Sample {
    /// I/Os of all its disks.
    pub fn ios(&self) -> u64 {
        self.disks
            .iter()
            .map(|disk| Counts::of(&disk.histograms).total)
            .fold(0, u64::saturating_add)
    }

    /// I/Os at the edge of its time (see [`DiskSample::edge_ios`](super::DiskSample::edge_ios)), of all its disks.
    pub fn edge_ios(&self) -> u64 {
        self.disks.iter().map(|disk| disk.edge_ios).sum()
    }

    /// I/Os per second over all its disks: what filters look at.
    pub fn iops(&self) -> f64 {
        let total = Counts {
            total: self.ios(),
            ..Counts::default()
        };
        Rates::of(total, self.seconds, self.edge_ios()).total
    }

    /// Bytes moved by all its disks, estimated.
    pub fn bytes(&self) -> f64 {
        self.disks
            .iter()
            .filter_map(|disk| disk.histograms.of(Metric::IoLength, Operation::All))
            .map(|interval| estimate::sum(interval, Metric::IoLength).est)
            .sum()
    }
}

fn no_samples(job: String, findings: &[Finding]) -> AnalysisError {
    let worst = findings.first().map_or_else(
        || "fewer than two snapshots of it are here".to_owned(),
        |finding| finding.message.clone(),
    );
    AnalysisError::NoSamples { job, reason: worst }
}

/// The thresholds at which one sample, a quarter and half of them would be left.
fn nothing_left(filter: Filter, iops: &[f64]) -> AnalysisError {
    let mut sorted = iops.to_vec();
    sorted.sort_by(|one, two| two.total_cmp(one));
    let mut numbers = vec![1, iops.len().div_ceil(4), iops.len().div_ceil(2)];
    numbers.dedup();
    let alternatives: Vec<String> = numbers
        .into_iter()
        .filter_map(|number| {
            let limit = sorted.get(number - 1)?;
            Some(format!("{number} of {} at {}", iops.len(), floor_to_one_digit(*limit)))
        })
        .collect();
    AnalysisError::NothingLeft {
        filter,
        total: iops.len(),
        busiest_iops: sorted.first().copied().unwrap_or(0.0),
        alternatives: format!(
            "`--filter absolute --threshold X` would leave {}",
            alternatives.join(", ")
        ),
    }
}

/// Rounded down, so that the threshold printed keeps the sample it was taken from.
fn floor_to_one_digit(value: f64) -> f64 {
    (value * 10.0).floor() / 10.0
}
