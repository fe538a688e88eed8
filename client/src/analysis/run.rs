//! The whole analysis of one job, from its samples to its profile.

use jiff::Timestamp;
use rayon::prelude::*;
use vscsi_shared::histogram::{Metric, Operation};
use vscsi_shared::job::Job;

use super::estimate;
use super::filter::{Filter, advice};
use super::finding::Finding;
use super::load::Loaded;
use super::options::Options;
use super::profile::{Counts, Profile, Rates, SequentialGap};
use super::select;
use super::{AnalysisError, DiskKey, Partial, Provenance, Sample, Selected, Series, Workload};

/// Version of the method, part of every output: it grows when a number changes its meaning.
pub const METHOD_VERSION: u32 = 1;

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
    /// What the job lacks; `None` when it is whole.
    pub partial: Option<Partial>,
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
    /// It rests on part of the data that the job was to have.
    pub fn is_partial(&self) -> bool {
        self.partial.is_some()
    }
}

/// Analyses the samples of a job.
///
/// # Errors
/// [`AnalysisError`] when there is no sample, or none is left by disks, period or filter.
pub fn analyze(job: Job, loaded: Loaded, options: &Options, now: Timestamp) -> Result<Analysis, AnalysisError> {
    Selected::of(job, loaded, options)?.analyze(now)
}

impl Selected {
    /// Filters the samples and describes those that are kept.
    ///
    /// # Errors
    /// [`AnalysisError`] when the filter cannot be used or leaves none, or samples cannot be merged.
    pub fn analyze(self, now: Timestamp) -> Result<Analysis, AnalysisError> {
        let Self {
            job,
            options,
            series,
            findings,
            partial,
        } = self;
        let filter = options.filter.checked()?;
        let iops: Vec<f64> = series.samples.par_iter().map(Sample::iops).collect();
        let selection = filter.select(&iops);
        if !selection.kept.contains(&true) {
            return Err(AnalysisError::NothingLeft {
                filter,
                total: iops.len(),
                busiest_iops: iops.iter().copied().fold(0.0, f64::max),
                alternatives: advice::thresholds(&iops),
            });
        }
        let shares = Shares::of(&series, &selection.kept);
        let provenance = provenance(&job, &series, filter, &selection.kept, shares, now);
        let Described {
            workload,
            profile,
            disks,
        } = Described::of(&series, &selection.kept, provenance, options.sequential_gap)?;
        Ok(Analysis {
            profile,
            job,
            options,
            series,
            kept: selection.kept,
            cut_iops: selection.cut_iops,
            shares,
            workload,
            disks,
            findings,
            partial,
        })
    }
}

/// What some of the samples of a series do.
#[derive(Debug, Clone, PartialEq)]
pub struct Described {
    /// The samples, merged.
    pub workload: Workload,
    /// What they do.
    pub profile: Profile,
    /// What each disk does in them.
    pub disks: Vec<(DiskKey, Profile)>,
}

impl Described {
    /// Describes the kept samples.
    ///
    /// # Errors
    /// [`AnalysisError::LimitsChanged`] when they cannot be merged.
    pub fn of(
        series: &Series,
        kept: &[bool],
        provenance: Provenance,
        gap: SequentialGap,
    ) -> Result<Self, AnalysisError> {
        let workload = Workload::of(series, kept, provenance)?;
        let disks = workload.disks.iter().map(|disk| {
            let profile = Profile::over(&disk.histograms, disk.seconds, disk.edge_ios, gap);
            (disk.disk.clone(), profile)
        });
        Ok(Self {
            disks: disks.collect(),
            profile: Profile::of(&workload, gap),
            workload,
        })
    }
}

fn provenance(
    job: &Job,
    series: &Series,
    filter: Filter,
    kept: &[bool],
    shares: Shares,
    analyzed_at: Timestamp,
) -> Provenance {
    let ends = series.samples.first().zip(series.samples.last());
    let ends = ends.filter(|_| series.is_dated());
    Provenance {
        job: job.job_id.to_string(),
        // It stands beside the job, for whoever opens that.
        note: None,
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

/// What each sample of a series has of the things that [`Shares`] tells the shares of.
#[derive(Debug, Clone)]
pub struct Amounts(Vec<Amount>);

#[derive(Debug, Clone)]
struct Amount {
    seconds: f64,
    ios: f64,
    bytes: f64,
}

impl Amounts {
    /// Those of every sample.
    pub fn of(series: &Series) -> Self {
        let amount = |sample: &Sample| Amount {
            seconds: sample.seconds,
            ios: sample.ios() as f64,
            bytes: sample.bytes(),
        };
        Self(series.samples.par_iter().map(amount).collect())
    }

    /// The shares of the kept samples. A share of nothing is everything: a job without I/O loses none.
    pub fn shares(&self, kept: &[bool]) -> Shares {
        let share = |amount: fn(&Amount) -> f64| {
            let total: f64 = self.0.iter().map(amount).sum();
            let kept = self.0.iter().zip(kept).filter(|(_, kept)| **kept);
            // The sum of no floating-point numbers is a negative zero, which would be printed as such.
            let part = kept.fold(0.0, |part, (amounts, _)| part + amount(amounts));
            if total > 0.0 { part / total } else { 1.0 }
        };
        Shares {
            time: share(|amount| amount.seconds),
            ios: share(|amount| amount.ios),
            bytes: share(|amount| amount.bytes),
        }
    }
}

impl Shares {
    /// The shares of the kept samples (see [`Amounts::shares`]).
    pub fn of(series: &Series, kept: &[bool]) -> Self {
        Amounts::of(series).shares(kept)
    }
}

impl Sample {
    /// I/Os of all its disks that count them; `None` when none does.
    pub fn known_ios(&self) -> Option<u64> {
        let counts = self.disks.iter().map(|disk| Counts::of(&disk.histograms).total);
        counts.flatten().reduce(u64::saturating_add)
    }

    /// I/Os of all its disks, 0 where they are unknown.
    pub fn ios(&self) -> u64 {
        self.known_ios().unwrap_or(0)
    }

    /// I/Os at the edge of its time (see [`DiskSample::edge_ios`](super::DiskSample::edge_ios)), of all its disks.
    pub fn edge_ios(&self) -> u64 {
        self.disks.iter().map(|disk| disk.edge_ios).sum()
    }

    /// I/Os per second over all its disks: what filters look at.
    pub fn iops(&self) -> f64 {
        Rates::total(self.ios(), self.seconds, self.edge_ios())
    }

    /// Bytes moved by all its disks that tell sizes, estimated; `None` when none does.
    pub fn known_bytes(&self) -> Option<f64> {
        let bytes = self.disks.iter().map(|disk| {
            let sum = |operation| {
                let sizes = disk.histograms.of(Metric::IoLength, operation)?;
                Some(estimate::sum(sizes, Metric::IoLength).est)
            };
            sum(Operation::All).or_else(|| Some(sum(Operation::Read)? + sum(Operation::Write)?))
        });
        bytes.flatten().reduce(|one, two| one + two)
    }

    /// Bytes moved by all its disks, estimated, 0 where they are unknown.
    pub fn bytes(&self) -> f64 {
        self.known_bytes().unwrap_or(0.0)
    }
}
