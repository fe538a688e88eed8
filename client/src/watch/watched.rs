//! One job, as far as its samples are here.

use jiff::Timestamp;
use vscsi_shared::histogram::IntervalSet;
use vscsi_shared::job::Job;

use crate::analysis::load::Loaded;
use crate::analysis::{Analysis, AnalysisError, DiskKey, Finding, Options, Profile, Sample, Selected, Severity};

/// A job with the samples that have come.
#[derive(Debug, Clone)]
pub(crate) struct Watched {
    /// What the user calls it: `NAME`, or `NAME@HOST`.
    pub(crate) name: String,
    /// The job as its host sees it.
    pub(crate) job: Job,
    /// When the next snapshot is due, by this workstation's clock.
    pub(crate) due_at: Option<Timestamp>,
    options: Options,
    selected: Option<Selected>,
    kept: Vec<bool>,
    cut_iops: Option<f64>,
}

impl Watched {
    /// A job of which `loaded` is here. That no sample has come yet, or none of the period that is looked at, is no
    /// error.
    ///
    /// # Errors
    /// When the samples have no such disk, or the period is none of theirs.
    pub(crate) fn new(
        name: String,
        mut job: Job,
        due_at: Option<Timestamp>,
        loaded: Loaded,
        options: &Options,
    ) -> Result<Self, AnalysisError> {
        if let Some(last) = loaded.last_sequence.filter(|_| !job.status.is_final()) {
            // The host may have taken another one since it was asked for its samples; that one is not missing.
            let collected = &mut job.collection.samples_collected;
            *collected = last.min(*collected);
        }
        let selected = match Selected::of(job.clone(), loaded, options) {
            Ok(selected) => Some(selected),
            Err(AnalysisError::NoSamples { .. } | AnalysisError::EmptyPeriod { .. }) => None,
            Err(error) => return Err(error),
        };
        let iops: Vec<f64> = samples_of(selected.as_ref()).iter().map(Sample::iops).collect();
        let selection = options.filter.checked()?.select(&iops);
        Ok(Self {
            name,
            job,
            due_at,
            options: options.clone(),
            selected,
            kept: selection.kept,
            cut_iops: selection.cut_iops,
        })
    }

    /// The samples, in order of time.
    pub(crate) fn samples(&self) -> &[Sample] {
        samples_of(self.selected.as_ref())
    }

    /// The disks that occur in them.
    pub(crate) fn disks(&self) -> &[DiskKey] {
        self.selected.as_ref().map_or(&[], |selected| &selected.series.disks)
    }

    /// Would the filter keep this sample, of those that are here?
    pub(super) fn is_kept(&self, sample: usize) -> bool {
        self.kept.get(sample).copied().unwrap_or(true)
    }

    /// The IOPS from which samples are kept.
    pub(super) fn cut_iops(&self) -> Option<f64> {
        self.cut_iops
    }

    /// The filter, as texts show it.
    pub(super) fn filter(&self) -> String {
        self.options.filter.to_string()
    }

    /// What the samples that are here say; `None` before the first.
    pub(super) fn analysis(&self, now: Timestamp) -> Option<Result<Analysis, AnalysisError>> {
        Some(self.selected.clone()?.analyze(now))
    }

    /// What was noticed that matters to the numbers, the gravest first.
    pub(super) fn findings(&self) -> impl Iterator<Item = &Finding> {
        let findings = self.selected.iter().flat_map(|selected| &selected.findings);
        findings.filter(|finding| finding.severity > Severity::Info)
    }

    /// What one disk did in a sample, or all of them together; `None` where the sample has nothing of it.
    pub(crate) fn moment(&self, sample: &Sample, disk: Option<usize>) -> Option<Moment> {
        let parts = || {
            sample
                .disks
                .iter()
                .filter(|part| disk.is_none_or(|disk| part.disk == disk))
        };
        let mut all = parts();
        let mut histograms = all.next()?.histograms.clone();
        for part in all {
            // Disks of one host have the same limits; what does not fit is not shown as if it did.
            histograms.merge(&part.histograms).ok()?;
        }
        let edge_ios = parts().map(|part| part.edge_ios).sum();
        let profile = Profile::over(&histograms, sample.seconds, edge_ios, self.options.sequential_gap);
        Some(Moment { histograms, profile })
    }
}

/// One sample, as it is looked at.
#[derive(Debug, Clone)]
pub(crate) struct Moment {
    pub(super) histograms: IntervalSet,
    pub(super) profile: Profile,
}

fn samples_of(selected: Option<&Selected>) -> &[Sample] {
    selected.map_or(&[], |selected| &selected.series.samples)
}
