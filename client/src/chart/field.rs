//! A quantity over buckets and slices of time: what surfaces and heat maps show.

use vscsi_shared::histogram::{HistogramKind, Interval, Limits, Metric, Operation};

use super::extent::Extent;
use super::kind::Surface;
use super::labels;
use super::slices::Slices;

/// Values by slice and bucket.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Field {
    /// One label per bucket.
    pub(super) labels: Vec<String>,
    /// One row per slice, each with one value per bucket.
    pub(super) rows: Vec<Vec<f64>>,
    /// Whether any slice has the histogram.
    pub(super) measured: bool,
    /// Unit of the values.
    pub(super) unit: &'static str,
    /// What the axes have to hold as well: the values of the same chart of another job.
    pub(super) also: Option<Extent>,
    /// The buckets that readers look for first, and whose labels go before others: sequential seeks, exact powers of two.
    pub(super) landmarks: Vec<usize>,
}

impl Field {
    /// The values of a surface for the commands of one direction or all.
    pub(super) fn of(slices: &Slices, surface: Surface, operation: Operation) -> Self {
        let metric = surface.metric();
        let known = Limits::known(metric);
        let found = HistogramKind::new(metric, operation).and_then(|kind| slices.limits(kind));
        let limits = found.unwrap_or(known.as_slice());
        let buckets = limits.len() + 1;
        let rows = slices
            .slices
            .iter()
            .map(|slice| {
                let interval = slice.histograms().of(metric, operation);
                let counts = interval.map_or(&[][..], |interval| interval.counts.as_slice());
                let divisor = match surface {
                    Surface::BlockSize => interval.map_or(0, Interval::total).max(1) as f64 / 100.0,
                    _ => slice.seconds,
                };
                let mut row: Vec<f64> = counts.iter().map(|&count| count as f64 / divisor).collect();
                row.resize(buckets, 0.0);
                row
            })
            .collect();
        Self {
            labels: labels::buckets(metric, limits),
            rows,
            measured: found.is_some(),
            unit: match surface {
                Surface::BlockSize => "% of I/Os",
                _ => "I/Os per second",
            },
            also: None,
            landmarks: match metric {
                Metric::SeekDistance => limits.iter().position(|&limit| limit == 1).into_iter().collect(),
                Metric::IoLength => exact_sizes(limits),
                _ => Vec::new(),
            },
        }
    }

    /// Number of buckets.
    pub(super) fn buckets(&self) -> usize {
        self.labels.len()
    }

    /// The largest value that the axes hold.
    pub(super) fn maximum(&self) -> f64 {
        self.values().fold(0.0, f64::max)
    }

    /// The values that the axes hold.
    pub(super) fn values(&self) -> impl Iterator<Item = f64> {
        self.rows.iter().flatten().copied().chain(Extent::ends(self.also))
    }

    /// The extent of its own values.
    pub(super) fn extent(&self) -> Option<Extent> {
        Extent::of(self.rows.iter().flatten().copied())
    }
}

/// Buckets that hold one size only, such as 4096 after 4095.
pub(super) fn exact_sizes(limits: &[i64]) -> Vec<usize> {
    limits
        .windows(2)
        .enumerate()
        .filter_map(|(index, pair)| matches!(pair, [below, limit] if below + 1 == *limit).then_some(index + 1))
        .collect()
}
