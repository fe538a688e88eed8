//! Mean and percentiles of one histogram.

use vscsi_shared::histogram::{Interval, Metric};

use crate::analysis::estimate::{self, PerMille, Range};

/// How many values a percentile needs before it is more than the largest of a few: with fewer than 10 values above
/// it, a percentile is mostly chance.
const VALUES_ABOVE_A_FIRM_PERCENTILE: u64 = 10;

/// Mean and percentiles, in the unit of the metric or in the one it was scaled to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Distribution {
    /// Number of values.
    pub count: u64,
    /// Their mean.
    pub mean: Range,
    /// The median.
    pub p50: Range,
    /// The 95th percentile.
    pub p95: Range,
    /// The 99th percentile.
    pub p99: Range,
    /// The 99.9th percentile.
    pub p999: Range,
    /// No value is above this; from the maximum the host keeps, or from the mean.
    pub at_most: Option<f64>,
    /// The last finite bucket limit.
    pub last_limit: f64,
    /// Values in the overflow bucket.
    pub overflow: u64,
}

impl Distribution {
    /// Describes a histogram of values that are not negative; `None` when it is empty.
    pub fn of(interval: &Interval, metric: Metric) -> Option<Self> {
        let at = |per_mille| estimate::percentile(interval, metric, per_mille);
        Some(Self {
            count: interval.total(),
            mean: estimate::mean(interval, metric)?,
            p50: at(PerMille::P50)?,
            p95: at(PerMille::P95)?,
            p99: at(PerMille::P99)?,
            p999: at(PerMille::P999)?,
            at_most: at(PerMille(1000))?.hi,
            last_limit: interval.limits.as_slice().last().copied().unwrap_or(0) as f64,
            overflow: interval.counts.last().copied().unwrap_or(0),
        })
    }

    /// The same in another unit.
    #[must_use]
    pub fn times(self, factor: f64) -> Self {
        Self {
            count: self.count,
            mean: self.mean.times(factor),
            p50: self.p50.times(factor),
            p95: self.p95.times(factor),
            p99: self.p99.times(factor),
            p999: self.p999.times(factor),
            at_most: self.at_most.map(|at_most| at_most * factor),
            last_limit: self.last_limit * factor,
            overflow: self.overflow,
        }
    }

    /// What to keep in mind about this percentile when there are few values: which of them it is.
    pub fn few_values(&self, per_mille: PerMille) -> Option<String> {
        let rank = per_mille.rank(self.count);
        if self.count - rank >= VALUES_ABOVE_A_FIRM_PERCENTILE {
            return None;
        }
        let percent = f64::from(per_mille.0) / 10.0;
        Some(match self.count - rank {
            _ if self.count == 1 => format!("p{percent} is the only I/O"),
            0 => format!("p{percent} of {} I/Os is the largest", self.count),
            above => format!("p{percent} of {} I/Os has only {above} above it", self.count),
        })
    }
}
