//! How the storage of a run served the workload, beside the storage that was measured.

use std::fmt;

use serde::Serialize;
use vscsi_shared::histogram::Metric;

use super::keeping_up::Behind;
use crate::analysis::Profile;
use crate::analysis::profile::SequentialGap;
use crate::compare::{ComparedHistogram, JudgedLimit, Limit};
use crate::stream::Observation;

/// What the storage made of one phase.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Storage {
    /// The phase; `None` when the file has no phases.
    pub phase: Option<String>,
    /// The latencies of the run against those measured, on the measured edges.
    pub latencies: Vec<ComparedHistogram>,
    /// The limits of the run, in percent of what was measured.
    pub limits: Vec<JudgedLimit>,
    /// How far it fell behind; `None` where it kept up, or nothing tells.
    pub behind: Option<Behind>,
}

impl Storage {
    /// Judges what a run did by what was measured.
    pub(super) fn of(
        phase: Option<String>,
        measured: Observation,
        run: Observation,
        limits: &[Limit],
        behind: Option<Behind>,
    ) -> Self {
        let profile = |side: Observation| Profile::over(side.histograms, side.seconds, 0, SequentialGap::default());
        let (baseline, candidate) = (profile(measured), profile(run));
        let mut histograms = ComparedHistogram::all(measured.histograms, run.histograms);
        histograms.retain(|histogram| histogram.kind.metric() == Metric::Latency);
        let limits = limits
            .iter()
            .map(|limit| JudgedLimit::of(*limit, &baseline, &candidate));
        Self {
            phase,
            latencies: histograms,
            limits: limits.collect(),
            behind,
        }
    }

    /// How many times as long as those measured the commands of the slower direction took, on average.
    pub(super) fn slowdown(&self) -> Option<f64> {
        let means = self.latencies.iter().filter_map(|latency| latency.mean);
        means.map(|mean| mean.percent.lo / 100.0).reduce(f64::max)
    }
}

/// A line for each latency and each limit, and one where the storage did not keep up.
impl fmt::Display for Storage {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let latencies = self
            .latencies
            .iter()
            .map(|latency| latency.sentence("what was measured"));
        let limits = self.limits.iter().map(|limit| format!("limit {limit}"));
        let behind = self.behind.iter().map(Behind::to_string);
        let lines: Vec<String> = latencies.chain(limits).chain(behind).collect();
        out.write_str(&lines.join("\n"))
    }
}
