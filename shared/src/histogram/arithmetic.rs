//! Difference, merge and reset detection.

use super::{Bucket, Figure, Histogram, Limits, Summary, bucket};

/// Two histograms whose bucket limits differ cannot be added or subtracted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the bucket limits of the two histograms differ")]
pub struct Incompatible;

/// What happened to a cumulative histogram between two snapshots.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// No counter fell: the interval's own histogram.
    Difference(Interval),
    /// A counter fell, so somebody reset the counters in between: the later snapshot stands alone.
    Reset,
}

/// The values counted in one interval, or in several merged ones.
///
/// Invariant: one counter more than limits. Merging is associative and commutative, and every bound stays valid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interval {
    /// The finite bucket limits, shared with the snapshots.
    pub limits: Limits,
    /// Counters of the interval, overflow last.
    pub counts: Vec<u64>,
    /// Number of values by the printed counts.
    pub count: u64,
    /// Smallest sum of the values that the truncated means allow; see [`sum_bounds`](Self::sum_bounds).
    pub sum_at_least: i128,
    /// Largest sum of the values that the truncated means allow.
    pub sum_at_most: i128,
    /// No value is below this. The kernel keeps the minimum of the whole collection, which bounds each interval;
    /// `None` when the interval is empty, or no minimum was printed.
    pub values_at_least: Option<i64>,
    /// No value is above this; `None` when the interval is empty, or no maximum was printed.
    pub values_at_most: Option<i64>,
    /// How much the truncated mean of the print at its end leaves open about the cumulative sum there, which
    /// [`extend`](Self::extend) cancels; 0 when the interval does not end with a print, or that is not known.
    pub end_slack: u64,
}

impl Interval {
    /// An interval without values.
    pub fn empty(limits: Limits) -> Self {
        let counts = vec![0; limits.as_slice().len() + 1];
        Self {
            limits,
            counts,
            count: 0,
            sum_at_least: 0,
            sum_at_most: 0,
            values_at_least: None,
            values_at_most: None,
            end_slack: 0,
        }
    }

    /// The sum of the counters, saturating: a host that prints nonsense must not stop the analysis.
    pub fn total(&self) -> u64 {
        bucket::total(&self.counts)
    }

    /// Buckets in order, each with its range.
    pub fn buckets(&self) -> impl ExactSizeIterator<Item = Bucket> + DoubleEndedIterator + '_ {
        bucket::buckets(&self.limits, &self.counts)
    }

    /// Smallest and largest sum of the values that the printed means allow; `None` when no mean says anything about it.
    pub fn sum_bounds(&self) -> Option<(i128, i128)> {
        let bounds = (self.sum_at_least, self.sum_at_most);
        (-MOST < bounds.0 && bounds.1 < MOST).then_some(bounds)
    }

    /// Adds the values of `other`, which may come from any time and any disk.
    ///
    /// # Errors
    /// [`Incompatible`] when the bucket limits differ; `self` is then unchanged.
    pub fn merge(&mut self, other: &Self) -> Result<(), Incompatible> {
        if self.limits != other.limits {
            return Err(Incompatible);
        }
        for (count, added) in self.counts.iter_mut().zip(&other.counts) {
            *count = count.saturating_add(*added);
        }
        self.count = self.count.saturating_add(other.count);
        self.sum_at_least = self.sum_at_least.saturating_add(other.sum_at_least);
        self.sum_at_most = self.sum_at_most.saturating_add(other.sum_at_most);
        // An empty interval has no value bounds, so the one that is there wins.
        self.values_at_least = self.values_at_least.into_iter().chain(other.values_at_least).min();
        self.values_at_most = self.values_at_most.into_iter().chain(other.values_at_most).max();
        self.end_slack = 0;
        Ok(())
    }

    /// Adds the values of `next`, the interval that begins with the print that this one ends with.
    ///
    /// What that print leaves open is part of both sums, once added and once subtracted, so it cancels: a row of
    /// intervals is bounded by its first print and its last alone, however many lie between.
    ///
    /// # Errors
    /// [`Incompatible`] when the bucket limits differ; `self` is then unchanged.
    pub fn extend(&mut self, next: &Self) -> Result<(), Incompatible> {
        let shared = i128::from(self.end_slack);
        self.merge(next)?;
        self.sum_at_least = self.sum_at_least.saturating_add(shared);
        self.sum_at_most = self.sum_at_most.saturating_sub(shared);
        self.end_slack = next.end_slack;
        Ok(())
    }
}

/// The sum of the values when nothing bounds it: no arithmetic on it overflows, and none makes it a bound again.
const UNBOUNDED: (i128, i128) = (i128::MIN, i128::MAX);

/// No sum that means anything is so large: it takes more values than fit 62 bits, each as large as 64 bits allow.
const MOST: i128 = 1 << 125;

/// The distance of two bounds. Beyond 64 bits less of it cancels, and the bounds stay valid.
fn slack((low, high): (i128, i128)) -> u64 {
    u64::try_from(high.saturating_sub(low)).unwrap_or(u64::MAX)
}

impl Summary {
    /// Smallest and largest sum of `count` values that this truncated mean allows, both inclusive; without bounds when no
    /// mean is known.
    ///
    /// Truncation is toward zero, so `sum / count` lies in `(mean-1, mean+1)` around a zero mean, in
    /// `[mean, mean+1)` above it and in `(mean-1, mean]` below it. No values have the sum 0.
    fn sum_bounds(self, count: u64) -> (i128, i128) {
        let slack = i128::from(count) - 1;
        if slack < 0 {
            return (0, 0);
        }
        let Some(mean) = self.mean else { return UNBOUNDED };
        let (least, most) = (mean.at_least(), mean.at_most());
        let product = |mean: i64| i128::from(mean).saturating_mul(i128::from(count));
        let low = product(least).saturating_sub(if least > 0 { 0 } else { slack });
        let high = product(most).saturating_add(if most < 0 { 0 } else { slack });
        (low, high)
    }
}

impl Histogram {
    /// The step from `earlier` to `self`, both cumulative.
    ///
    /// # Errors
    /// [`Incompatible`] when the bucket limits differ, as they may after an upgrade of the host.
    pub fn since(&self, earlier: &Self) -> Result<Step, Incompatible> {
        if self.limits != earlier.limits {
            return Err(Incompatible);
        }
        let counts: Option<Vec<u64>> = self
            .counts
            .iter()
            .zip(&earlier.counts)
            .map(|(later, earlier)| later.checked_sub(*earlier))
            .collect();
        let count = self.count().checked_sub(earlier.count());
        let (Some(counts), Some(count)) = (counts, count) else {
            return Ok(Step::Reset);
        };
        let (low, high) = self.sum_bounds();
        let (earlier_low, earlier_high) = earlier.sum_bounds();
        let bounds = (low.saturating_sub(earlier_high), high.saturating_sub(earlier_low));
        Ok(Step::Difference(Interval {
            counts,
            ..self.interval(count, bounds)
        }))
    }

    /// Everything counted since the collection started, as an interval of its own.
    pub fn whole(&self) -> Interval {
        Interval {
            counts: self.counts.clone(),
            ..self.interval(self.count(), self.sum_bounds())
        }
    }

    /// Smallest and largest sum of the values by the printed mean.
    fn sum_bounds(&self) -> (i128, i128) {
        self.summary.sum_bounds(self.count())
    }

    /// An interval of `count` values that ends with this print, without its counters.
    fn interval(&self, count: u64, (sum_at_least, sum_at_most): (i128, i128)) -> Interval {
        let has_values = |_: &Figure| count > 0;
        Interval {
            limits: self.limits.clone(),
            counts: Vec::new(),
            count,
            sum_at_least,
            sum_at_most,
            values_at_least: self.summary.min.filter(has_values).map(Figure::at_least),
            values_at_most: self.summary.max.filter(has_values).map(Figure::at_most),
            end_slack: slack(self.sum_bounds()),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::histogram::Metric;

    /// Builds the histogram of `values` the slow and obvious way.
    fn histogram_of(values: &[i64]) -> Histogram {
        let limits = Limits::known(Metric::SeekDistance);
        let mut counts = vec![0; limits.as_slice().len() + 1];
        for value in values {
            let index = limits
                .as_slice()
                .iter()
                .position(|limit| value <= limit)
                .unwrap_or(limits.as_slice().len());
            counts[index] += 1;
        }
        let count = values.len() as u64;
        let sum: i128 = values.iter().map(|&value| i128::from(value)).sum();
        let mean = if count == 0 {
            0
        } else {
            i64::try_from(sum / i128::from(count)).unwrap()
        };
        let min = values.iter().copied().min().unwrap_or(0);
        let max = values.iter().copied().max().unwrap_or(0);
        Histogram::new(limits, counts, Summary::exact(min, max, mean, count)).unwrap()
    }

    fn histogram_of_latencies(values: &[i64]) -> Histogram {
        let limits = Limits::known(Metric::Latency);
        let mut counts = vec![0; limits.as_slice().len() + 1];
        for value in values {
            counts[limits.as_slice().partition_point(|limit| limit < value)] += 1;
        }
        let count = values.len() as u64;
        let mean = values.iter().sum::<i64>() / i64::try_from(count).unwrap();
        let summary = Summary::exact(
            *values.iter().min().unwrap(),
            *values.iter().max().unwrap(),
            mean,
            count,
        );
        Histogram::new(limits, counts, summary).unwrap()
    }

    fn values() -> impl Strategy<Value = Vec<i64>> {
        prop::collection::vec(-1_000_000_i64..1_000_000, 0..40)
    }

    #[test]
    fn a_positive_mean_of_5332_over_793_values_bounds_their_sum() {
        // 5332 * 793 = 4_228_276, and truncation hides less than one unit of each value.
        let summary = Summary::exact(512, 65536, 5332, 793);
        assert_eq!(summary.sum_bounds(793), (4_228_276, 4_228_276 + 792));
    }

    #[test]
    fn a_mean_of_zero_bounds_the_sum_on_both_sides() {
        assert_eq!(Summary::exact(-2, 2, 0, 3).sum_bounds(3), (-2, 2));
    }

    #[test]
    fn a_rounded_mean_bounds_the_sum_by_what_it_may_have_been() {
        let mean = Figure::rounded(145_482, 6);
        let summary = Summary {
            mean,
            ..Summary::exact(0, 0, 0, 4)
        };
        // 145 481 500 000 to 145 482 500 000, four times, and less than one unit of each value on top.
        assert_eq!(summary.sum_bounds(4), (581_926_000_000, 581_930_000_003));
    }

    #[test]
    fn without_a_mean_nothing_bounds_the_sum_of_what_it_is_part_of() {
        let limits = Limits::known(Metric::Latency);
        let counts = vec![1; limits.as_slice().len() + 1];
        let silent = Histogram::new(limits, counts, Summary::default()).unwrap();
        let mut whole = silent.whole();
        assert_eq!((whole.count, whole.sum_bounds()), (11, None));
        assert_eq!((whole.values_at_least, whole.values_at_most), (None, None));
        let told = histogram_of_latencies(&[5, 7]).whole();
        assert_eq!(told.sum_bounds(), Some((12, 13)));
        for _ in 0..3 {
            whole.merge(&told).unwrap();
            whole.extend(&told).unwrap();
        }
        assert_eq!(whole.sum_bounds(), None);
    }

    #[test]
    fn numbers_at_the_ends_of_64_bits_overflow_nothing() {
        let limits = Limits::known(Metric::Latency);
        let extremes = [i64::MIN, -1, 0, 1, i64::MAX];
        for count in [0, 1, u64::MAX] {
            for mean in extremes {
                for bucket in [0, u64::MAX] {
                    let counts = vec![bucket; limits.as_slice().len() + 1];
                    let summary = Summary::exact(i64::MIN, i64::MAX, mean, count);
                    let print = Histogram::new(limits.clone(), counts, summary).unwrap();
                    let mut whole = print.whole();
                    whole.merge(&print.whole()).unwrap();
                    whole.extend(&print.whole()).unwrap();
                    let _ = print.since(&Histogram::empty(limits.clone())).unwrap();
                    let _ = (print.total(), whole.total(), whole.sum_bounds());
                }
            }
        }
    }

    #[test]
    fn a_fallen_counter_is_a_reset() {
        let earlier = histogram_of(&[1, 1, 5]);
        let later = histogram_of(&[1]);
        assert_eq!(later.since(&earlier).unwrap(), Step::Reset);
    }

    #[test]
    fn different_limits_cannot_be_subtracted() {
        let seeks = histogram_of(&[1]);
        let sizes = Histogram::empty(Limits::known(Metric::IoLength));
        assert_eq!(seeks.since(&sizes), Err(Incompatible));
    }

    proptest! {
        #[test]
        fn the_difference_counts_exactly_the_later_values(first in values(), second in values()) {
            let earlier = histogram_of(&first);
            let later = histogram_of(&[first, second.clone()].concat());
            let Step::Difference(interval) = later.since(&earlier).unwrap() else { panic!("no reset happened") };
            let alone = histogram_of(&second);
            prop_assert_eq!(&interval.counts[..], alone.counts());
            prop_assert_eq!(interval.count, second.len() as u64);
        }

        #[test]
        fn the_true_sum_lies_inside_the_bounds_of_the_difference(first in values(), second in values()) {
            let earlier = histogram_of(&first);
            let later = histogram_of(&[first, second.clone()].concat());
            let Step::Difference(interval) = later.since(&earlier).unwrap() else { panic!("no reset happened") };
            let sum: i128 = second.iter().map(|&value| i128::from(value)).sum();
            prop_assert!(interval.sum_at_least <= sum && sum <= interval.sum_at_most);
        }

        #[test]
        fn every_value_lies_inside_the_value_bounds_of_the_difference(first in values(), second in values()) {
            let earlier = histogram_of(&first);
            let later = histogram_of(&[first, second.clone()].concat());
            let Step::Difference(interval) = later.since(&earlier).unwrap() else { panic!("no reset happened") };
            for value in second {
                prop_assert!(interval.values_at_least.unwrap() <= value);
                prop_assert!(value <= interval.values_at_most.unwrap());
            }
        }

        #[test]
        fn a_row_of_intervals_is_bounded_as_tightly_as_its_first_print_and_its_last(
            parts in prop::collection::vec(values(), 2..12),
        ) {
            let print = |count: usize| histogram_of(&parts[..count].concat());
            let prints: Vec<Histogram> = (1..=parts.len()).map(print).collect();
            let difference = |earlier: &Histogram, later: &Histogram| match later.since(earlier).unwrap() {
                Step::Difference(interval) => interval,
                Step::Reset => panic!("no reset happened"),
            };
            let mut row = difference(&prints[0], &prints[1]);
            for ends in prints[1..].windows(2) {
                row.extend(&difference(&ends[0], &ends[1])).unwrap();
            }
            let at_once = difference(&prints[0], &prints[prints.len() - 1]);
            prop_assert_eq!(row.sum_at_least, at_once.sum_at_least);
            prop_assert_eq!(row.sum_at_most, at_once.sum_at_most);
            prop_assert_eq!(row.counts, at_once.counts);
        }

        #[test]
        fn merging_is_commutative(first in values(), second in values()) {
            let (one, two) = (histogram_of(&first).whole(), histogram_of(&second).whole());
            let (mut forward, mut backward) = (one.clone(), two.clone());
            forward.merge(&two).unwrap();
            backward.merge(&one).unwrap();
            prop_assert_eq!(forward, backward);
        }

        #[test]
        fn merging_is_associative(first in values(), second in values(), third in values()) {
            let [one, two, three] = [first, second, third].map(|values| histogram_of(&values).whole());
            let mut left = one.clone();
            left.merge(&two).unwrap();
            left.merge(&three).unwrap();
            let mut tail = two;
            tail.merge(&three).unwrap();
            let mut right = one;
            right.merge(&tail).unwrap();
            prop_assert_eq!(left, right);
        }

        #[test]
        fn splitting_a_collection_and_merging_the_parts_counts_the_whole(first in values(), second in values()) {
            let earlier = histogram_of(&first);
            let later = histogram_of(&[first, second].concat());
            let Step::Difference(interval) = later.since(&earlier).unwrap() else { panic!("no reset happened") };
            let mut merged = earlier.whole();
            merged.merge(&interval).unwrap();
            prop_assert_eq!(merged.counts, later.whole().counts);
        }
    }
}
