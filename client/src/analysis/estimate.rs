//! What a histogram says about a number that it does not hold: a range that contains the truth, and an estimate.
//!
//! Formulas and their sources stand in `METHODS.md`, section "Estimates and their ranges".

use std::fmt;

use serde::{Deserialize, Serialize};
use vscsi_shared::histogram::{Interval, Metric};

/// How an estimate inside a [`Range`] was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// The bucket holds one value only, or both bounds meet.
    Exact,
    /// Values are taken as spread evenly over the logarithm of the bucket.
    LogLinear,
    /// Values are taken as spread evenly over the bucket.
    Linear,
    /// From the printed, truncated mean, moved inside the bounds where it lies outside.
    Mean,
    /// The middle of the bounds, where nothing better is known.
    Midpoint,
    /// The lower bound: nothing is known about the upper one.
    LowerBound,
}

/// A number known by its bounds. Invariant: `lo <= est`, and `est <= hi` where `hi` is known.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Range {
    /// The true value is not below this.
    pub lo: f64,
    /// The true value is not above this; `None` when nothing bounds it.
    pub hi: Option<f64>,
    /// The best guess.
    pub est: f64,
    /// How the guess was made.
    pub method: Method,
}

impl Range {
    /// A number that is known.
    pub fn exact(value: f64) -> Self {
        Self {
            lo: value,
            hi: Some(value),
            est: value,
            method: Method::Exact,
        }
    }

    /// A number of which only the lower bound is known.
    pub fn at_least(lo: f64) -> Self {
        Self {
            lo,
            hi: None,
            est: lo,
            method: Method::LowerBound,
        }
    }

    /// A guess between two bounds, moved inside them.
    pub fn between(lo: f64, hi: f64, guess: f64, method: Method) -> Self {
        let hi = hi.max(lo);
        let method = if hi - lo <= 0.0 { Method::Exact } else { method };
        Self {
            lo,
            hi: Some(hi),
            est: guess.clamp(lo, hi),
            method,
        }
    }

    /// The sum of two numbers.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            lo: self.lo + other.lo,
            hi: self.hi.zip(other.hi).map(|(one, two)| one + two),
            est: self.est + other.est,
            method: if self.method == Method::Exact {
                other.method
            } else {
                self.method
            },
        }
    }

    /// The same number in another unit; `factor` is positive.
    #[must_use]
    pub fn times(self, factor: f64) -> Self {
        Self {
            lo: self.lo * factor,
            hi: self.hi.map(|hi| hi * factor),
            est: self.est * factor,
            method: self.method,
        }
    }

    /// `2.1ms (1ms-5ms)`, or `>100ms (max 51s)` in the overflow bucket; `value` writes a number with its unit.
    pub(crate) fn shown(&self, last_limit: f64, value: impl Fn(f64) -> String) -> String {
        if self.lo >= last_limit {
            return match self.hi {
                Some(hi) => format!(">{} (max {})", value(last_limit), value(hi)),
                None => format!(">{}", value(last_limit)),
            };
        }
        let (est, lo) = (value(self.est), value(self.lo));
        match self.hi.map(&value) {
            Some(hi) if hi == lo => est,
            Some(hi) => format!("{est} ({lo}-{hi})"),
            None => format!("{est} (from {lo})"),
        }
    }
}

/// A percentile in parts per thousand, so that its rank is computed without rounding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct PerMille(pub u16);

impl PerMille {
    /// The median.
    pub const P50: Self = Self(500);
    /// 95 of 100 values are at most this.
    pub const P95: Self = Self(950);
    /// 99 of 100 values are at most this.
    pub const P99: Self = Self(990);
    /// 999 of 1000 values are at most this.
    pub const P999: Self = Self(999);

    /// The nearest rank among `count` values in ascending order, from 1: the smallest rank at which at least this
    /// share of the values is covered. 0 only when there is no value.
    pub fn rank(self, count: u64) -> u64 {
        let covered = u128::from(count) * u128::from(self.0);
        let rank = covered
            .div_ceil(1000)
            .clamp(u128::from(count.min(1)), u128::from(count));
        u64::try_from(rank).unwrap_or(count)
    }
}

/// `p50`, `p99.9`.
impl fmt::Display for PerMille {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "p{}", f64::from(self.0) / 10.0)
    }
}

/// The value at the nearest rank of `percentile`, in the metric's own unit; `None` when the interval is empty.
///
/// The true value always lies in `[lo, hi]`, as long as the host's own minimum, maximum and mean are true. `lo` is the
/// (exclusive) lower edge of the bucket, or the known minimum.
pub fn percentile(interval: &Interval, metric: Metric, percentile: PerMille) -> Option<Range> {
    let total = interval.total();
    if total == 0 {
        return None;
    }
    let rank = percentile.rank(total);
    let mut below = 0_u64;
    let bucket = buckets(interval, metric).find(|bucket| {
        let reached = below.saturating_add(bucket.count) >= rank;
        if !reached {
            below = below.saturating_add(bucket.count);
        }
        reached
    })?;
    let smallest = bucket.smallest();
    // A bound below the bucket means that the host's summary contradicts its buckets; the buckets are then right.
    let largest = bucket
        .largest()
        .into_iter()
        .chain(largest_at_rank(interval, metric, rank, total).filter(|largest| *largest >= smallest))
        .min();
    // The edge itself belongs to the bucket below, but it is what vscsiStats prints and what a reader knows.
    let floor = bucket.above.filter(|above| *above >= 0 || metric.is_signed());
    let floor = floor
        .filter(|above| above.saturating_add(1) == smallest)
        .unwrap_or(smallest);
    Some(match largest {
        Some(largest) if largest == smallest => Range::exact(smallest as f64),
        Some(largest) => {
            let share = ((rank - below) as f64 - 0.5) / bucket.count as f64;
            inside_bucket(metric, floor as f64, largest as f64, share)
        }
        None => Range::at_least(floor as f64),
    })
}

/// The estimate at `share` (0 to 1) of the values of a bucket that reaches from `lo` to `hi`.
fn inside_bucket(metric: Metric, lo: f64, hi: f64, share: f64) -> Range {
    if is_logarithmic(metric) && lo > 0.0 {
        Range::between(lo, hi, lo * (hi / lo).powf(share), Method::LogLinear)
    } else {
        Range::between(lo, hi, lo + (hi - lo) * share, Method::Linear)
    }
}

fn is_logarithmic(metric: Metric) -> bool {
    match metric {
        Metric::IoLength | Metric::Latency | Metric::Interarrival => true,
        Metric::SeekDistance | Metric::SeekDistanceClosest16 | Metric::OutstandingIos => false,
    }
}

/// Largest value that the summed values allow at `rank`: the values from there on are not smaller than it, and the
/// values before it are not smaller than their buckets allow. Metrics with negative values have no such bound.
fn largest_at_rank(interval: &Interval, metric: Metric, rank: u64, total: u64) -> Option<i64> {
    if metric.is_signed() || interval.count != total {
        return None;
    }
    let mut left = rank - 1;
    let mut least_before = 0_i128;
    for bucket in buckets(interval, metric) {
        let taken = left.min(bucket.count);
        least_before = least_before.saturating_add(i128::from(bucket.smallest()) * i128::from(taken));
        left -= taken;
    }
    let (_, sum_at_most) = interval.sum_bounds()?;
    let from_here = i128::from(total - rank) + 1;
    i64::try_from(sum_at_most.saturating_sub(least_before).div_euclid(from_here)).ok()
}

/// The sum of the values of a metric that has no negative values, in the metric's own unit.
///
/// It is the intersection of what the buckets allow and what the truncated means allow. Where the two contradict each
/// other the buckets are used, and the cross-checks report it. So they are where no mean is known.
pub fn sum(interval: &Interval, metric: Metric) -> Range {
    let (bucket_low, bucket_high) = bucket_sum_bounds(interval, metric);
    let by_means = interval.sum_bounds().filter(|_| !contradicts_buckets(interval, metric));
    let Some((mean_low, mean_high)) = by_means else {
        let low = bucket_low as f64;
        return bucket_high.map_or(Range::at_least(low), |high| {
            Range::between(low, high as f64, f64::midpoint(low, high as f64), Method::Midpoint)
        });
    };
    let guess = f64::midpoint(mean_low as f64, mean_high as f64);
    let low = bucket_low.max(mean_low);
    let high = bucket_high.map_or(mean_high, |high| high.min(mean_high));
    Range::between(low as f64, high as f64, guess, Method::Mean)
}

/// The printed means and the buckets cannot both be true.
pub fn contradicts_buckets(interval: &Interval, metric: Metric) -> bool {
    let (low, high) = bucket_sum_bounds(interval, metric);
    interval.count != interval.total()
        || interval.sum_at_most < low
        || high.is_some_and(|high| interval.sum_at_least > high)
}

/// The mean of a metric that has no negative values; `None` when the interval is empty.
pub fn mean(interval: &Interval, metric: Metric) -> Option<Range> {
    let total = interval.total();
    (total > 0).then(|| sum(interval, metric).times(1.0 / total as f64))
}

/// Smallest and largest sum that the buckets and the known minimum and maximum allow.
pub(super) fn bucket_sum_bounds(interval: &Interval, metric: Metric) -> (i128, Option<i128>) {
    let mut low = 0_i128;
    let mut high = Some(0_i128);
    for bucket in buckets(interval, metric).filter(|bucket| bucket.count > 0) {
        let count = i128::from(bucket.count);
        low = low.saturating_add(i128::from(bucket.smallest()) * count);
        high = high
            .zip(bucket.largest())
            .map(|(sum, largest)| sum.saturating_add(i128::from(largest) * count));
    }
    (low, high)
}

/// A bucket with everything that bounds its values.
#[derive(Debug, Clone, Copy)]
pub(super) struct BoundedBucket {
    /// Exclusive lower edge; a metric without negative values has one in its first bucket too.
    pub(super) above: Option<i64>,
    /// Inclusive upper edge; `None` in the overflow.
    pub(super) up_to: Option<i64>,
    /// No value of the whole histogram is below.
    at_least: Option<i64>,
    /// No value of the whole histogram is above.
    at_most: Option<i64>,
    /// Number of values.
    pub(super) count: u64,
}

impl BoundedBucket {
    /// No value in it is below this.
    pub(super) fn smallest(&self) -> i64 {
        let edge = self.above.map_or(i64::MIN, |above| above.saturating_add(1));
        let known = self
            .at_least
            .filter(|least| self.up_to.is_none_or(|up_to| *least <= up_to));
        known.map_or(edge, |least| least.max(edge))
    }

    /// No value in it is above this.
    pub(super) fn largest(&self) -> Option<i64> {
        let known = self.at_most.filter(|most| *most >= self.smallest());
        self.up_to.into_iter().chain(known).min()
    }
}

/// The buckets in order.
pub(super) fn buckets(interval: &Interval, metric: Metric) -> impl Iterator<Item = BoundedBucket> {
    // Sizes, times and numbers of commands are not negative, and a value of zero stays possible.
    let first_edge = if metric.is_signed() { None } else { Some(-1) };
    interval.buckets().map(move |bucket| BoundedBucket {
        above: bucket.above.or(first_edge),
        up_to: bucket.up_to,
        at_least: interval.values_at_least,
        at_most: interval.values_at_most,
        count: bucket.count,
    })
}

/// Upper edge of the lowest bucket that holds values and (exclusive) lower edge of the highest; each `None` when that
/// bucket is open there. `None` for an empty interval.
pub(super) fn bucket_extremes(interval: &Interval) -> Option<(Option<i64>, Option<i64>)> {
    let mut filled = interval.buckets().filter(|bucket| bucket.count > 0);
    let lowest = filled.next()?;
    let highest = filled.next_back().unwrap_or(lowest);
    Some((lowest.up_to, highest.above))
}

#[cfg(test)]
mod tests {
    use vscsi_shared::histogram::{Histogram, Limits, Summary};

    use super::*;
    use crate::number::duration_ms;

    /// Latencies in the buckets (100, 500] and (500, 1000], as vscsiStats would print them.
    fn latencies(low: u64, high: u64, summary: Summary) -> Interval {
        let limits = Limits::known(Metric::Latency);
        let mut counts = vec![0; limits.as_slice().len() + 1];
        counts[3] = low;
        counts[4] = high;
        Histogram::new(limits, counts, summary).unwrap().whole()
    }

    fn summary(min: i64, max: i64, mean: i64, count: u64) -> Summary {
        Summary::exact(min, max, mean, count)
    }

    #[test]
    fn ranks_are_nearest_ranks() {
        let rank = |per_mille, count| PerMille(per_mille).rank(count);
        // The median of 10 values is the fifth, of 11 the sixth; the 95th percentile of 20 is the nineteenth.
        assert_eq!(
            [
                rank(500, 10),
                rank(500, 11),
                rank(950, 20),
                rank(990, 4),
                rank(999, 1000)
            ],
            [5, 6, 19, 4, 999]
        );
        assert_eq!([rank(500, 1), rank(0, 7), rank(500, 0)], [1, 1, 0]);
    }

    #[test]
    fn a_percentile_lies_between_the_edges_of_its_bucket_moved_in_by_extremes_and_sum() {
        let interval = latencies(90, 10, summary(110, 900, 300, 100));
        let median = percentile(&interval, Metric::Latency, PerMille::P50).unwrap();
        // The sum is at most 30 099, and 49 values before the median take at least 110 each: 24 709 are left for 51.
        assert_eq!((median.lo, median.hi), (110.0, Some(484.0)));
        // Rank 50 of 90 values that are spread evenly over the logarithm: 110 * (484 / 110)^((50 - 0.5) / 90).
        assert!((median.est - 110.0 * (484.0_f64 / 110.0).powf(0.55)).abs() < 1e-9);
        let p95 = percentile(&interval, Metric::Latency, PerMille::P95).unwrap();
        assert_eq!((p95.lo, p95.hi), (500.0, Some(900.0)));
    }

    #[test]
    fn the_sum_bounds_a_percentile_whose_maximum_is_meaningless() {
        // One value above 100 ms among ten, and a maximum that is the uptime: ten times the mean is all there is.
        let limits = Limits::known(Metric::Interarrival);
        let mut counts = vec![0; limits.as_slice().len() + 1];
        counts[2] = 9;
        counts[10] = 1;
        let mut interval = Histogram::new(limits, counts, summary(20, 581_013_626_718, 20_000, 10))
            .unwrap()
            .whole();
        interval.values_at_most = Some(581_013_626_718);
        let largest = percentile(&interval, Metric::Interarrival, PerMille::P999).unwrap();
        // At most 200 009 in all, of which nine take at least 20 each.
        assert_eq!((largest.lo, largest.hi), (100_000.0, Some(200_009.0 - 9.0 * 20.0)));
    }

    #[test]
    fn a_bucket_of_one_size_is_exact() {
        let limits = Limits::known(Metric::IoLength);
        let mut counts = vec![0; limits.as_slice().len() + 1];
        counts[4] = 3;
        let interval = Histogram::new(limits, counts, summary(4096, 4096, 4096, 3))
            .unwrap()
            .whole();
        assert_eq!(
            percentile(&interval, Metric::IoLength, PerMille::P50),
            Some(Range::exact(4096.0))
        );
        assert_eq!(sum(&interval, Metric::IoLength), Range::exact(3.0 * 4096.0));
    }

    #[test]
    fn a_sum_is_the_intersection_of_buckets_and_mean() {
        // By the mean 300 to 300.99 each; by the buckets 90 of 110 to 500 and 10 of 501 to 900.
        let interval = latencies(90, 10, summary(110, 900, 300, 100));
        let sum = sum(&interval, Metric::Latency);
        assert_eq!((sum.lo, sum.hi, sum.est), (30_000.0, Some(30_099.0), 30_049.5));
    }

    #[test]
    fn a_mean_that_no_bucket_allows_gives_way_to_the_buckets() {
        let interval = latencies(90, 10, summary(110, 900, 5000, 100));
        assert!(contradicts_buckets(&interval, Metric::Latency));
        let sum = sum(&interval, Metric::Latency);
        assert_eq!(
            (sum.lo, sum.hi),
            (90.0 * 110.0 + 10.0 * 501.0, Some(90.0 * 500.0 + 10.0 * 900.0))
        );
    }

    #[test]
    fn an_empty_interval_has_no_percentile() {
        let interval = Interval::empty(Limits::known(Metric::Latency));
        assert_eq!(percentile(&interval, Metric::Latency, PerMille::P50), None);
        assert_eq!(mean(&interval, Metric::Latency), None);
    }

    #[test]
    fn percentiles_are_named_as_people_write_them() {
        let names =
            [PerMille::P50, PerMille::P95, PerMille::P99, PerMille::P999].map(|percentile| percentile.to_string());
        assert_eq!(names, ["p50", "p95", "p99", "p99.9"]);
    }

    #[test]
    fn a_percentile_in_the_overflow_is_shown_as_beyond_the_last_limit() {
        let range = Range::between(100.0, 51_000.0, 2000.0, Method::LogLinear);
        assert_eq!(range.shown(100.0, duration_ms), ">100ms (max 51s)");
    }

    #[test]
    fn a_range_stands_behind_its_estimate() {
        let range = Range::between(1.0, 5.0, 2.1, Method::LogLinear);
        assert_eq!(range.shown(100.0, duration_ms), "2.1ms (1ms-5ms)");
    }
}
