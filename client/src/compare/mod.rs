//! Two workloads side by side: a baseline and a candidate, such as before and after a migration.
//!
//! Every measure and every histogram is judged whether or not a limit asks for it; limits decide how a command ends.

mod difference;
mod histogram;
mod judgement;
mod limit;
mod measure;

use serde::Serialize;
use vscsi_shared::histogram::Metric;

pub(crate) use difference::{Difference, Row};
pub(crate) use histogram::shown_percent;
pub use histogram::{ComparedHistogram, Likeness, MeanShift};
pub use judgement::Judgement;
pub use limit::{JudgedLimit, Limit, Verdict};
pub use measure::Measure;

use crate::analysis::Analysis;
use crate::number::{count, counted};

/// What a side of a comparison was taken from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Selection {
    /// The filter as text, such as `percentile (75th)`.
    pub filter: String,
    /// Samples that it kept.
    pub samples_kept: usize,
    /// Samples before it.
    pub samples_total: usize,
    /// I/Os in those kept; `None` where no histogram counts them.
    pub ios: Option<u64>,
}

impl Selection {
    fn of(analysis: &Analysis) -> Self {
        let provenance = &analysis.workload.provenance;
        Self {
            filter: provenance.filter.clone(),
            samples_kept: provenance.samples_kept,
            samples_total: provenance.samples_total,
            ios: analysis.profile.ios.total,
        }
    }

    /// `filter percentile (75th) kept 8 of 30 samples with 4,000 I/Os`.
    pub(crate) fn sentence(&self) -> String {
        let ios = self
            .ios
            .map_or_else(String::new, |ios| format!(" with {} I/Os", count(ios as f64)));
        format!(
            "filter {} kept {} of {}{ios}",
            self.filter,
            count(self.samples_kept as f64),
            counted(self.samples_total, "sample"),
        )
    }
}

/// A comparison.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Comparison {
    /// What baseline and candidate were taken from.
    pub selections: [Selection; 2],
    /// Every measure.
    pub rows: Vec<Row>,
    /// Every histogram in which one of the two has values.
    pub histograms: Vec<ComparedHistogram>,
    /// Every limit with how it came out.
    pub limits: Vec<JudgedLimit>,
}

impl Comparison {
    /// Compares a candidate with a baseline.
    pub(crate) fn of(baseline: &Analysis, candidate: &Analysis, limits: &[Limit]) -> Self {
        let (before, after) = (&baseline.profile, &candidate.profile);
        let rows = Measure::ALL.into_iter().map(|measure| Row::of(measure, before, after));
        let limits = limits.iter().map(|limit| JudgedLimit::of(*limit, before, after));
        Self {
            selections: [baseline, candidate].map(Selection::of),
            rows: rows.collect(),
            histograms: ComparedHistogram::all(&baseline.workload.histograms, &candidate.workload.histograms),
            limits: limits.collect(),
        }
    }

    /// What the limits come to; without one nothing is missed.
    pub(crate) fn judgement(&self) -> Judgement {
        Judgement::of(self.limits.iter().map(|limit| limit.verdict))
    }

    /// The histograms of latencies.
    pub(crate) fn latencies(&self) -> impl Iterator<Item = &ComparedHistogram> {
        let latencies = self.histograms.iter();
        latencies.filter(|histogram| histogram.kind.metric() == Metric::Latency)
    }
}
