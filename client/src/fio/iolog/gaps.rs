//! The gaps between the commands of a stretch: as many of each length as its histogram asks for, and together exactly as
//! long as the stretch.
//!
//! Inside a bucket gaps are log-uniform, which fits measured arrivals better than even ones. What is left of the time
//! is made up by the longest gaps: those of the last bucket first, then by all of them.

use vscsi_shared::histogram::Interval;

/// Steepest density inside a bucket, in either direction: beyond it all gaps lie at one end.
const STEEPEST: f64 = 200.0;
/// Points at which the mean of a bucket with more gaps is taken.
const POINTS: u64 = 1024;

/// The gaps of a stretch, drawn without replacement.
#[derive(Debug, Clone)]
pub(super) struct Gaps {
    buckets: Vec<GapBucket>,
    /// What makes the sum exact: a change of the gaps of the longest bucket.
    rest: Rest,
    longest: usize,
    /// Part of a microsecond left over.
    carry: f64,
}

/// The gaps of one bucket: density proportional to `x^(tilt - 1)` on `[least, most)` microseconds.
#[derive(Debug, Clone, Copy)]
struct GapBucket {
    least: f64,
    most: f64,
    tilt: f64,
    /// How many there are, and how many of them are not drawn yet.
    count: u64,
    left: u64,
    /// Step of the order in which they are drawn, without a common factor with `count`.
    step: u64,
}

/// How the gaps of one bucket are changed, so that a sum becomes exact and each stays in its bucket if it can.
#[derive(Debug, Clone, Copy, Default)]
struct Rest {
    /// Part of what a gap is longer than the shortest that is taken from it.
    shorter: f64,
    /// Part of what a gap is shorter than the longest that is added to it.
    longer: f64,
    /// What is added to each gap besides, microseconds.
    each_us: f64,
}

impl Rest {
    /// The change of `bucket` by `rest_us` in sum.
    fn of(bucket: GapBucket, rest_us: f64) -> Self {
        let count = bucket.count as f64;
        let sum = bucket.exact_sum_us();
        let room = if rest_us < 0.0 {
            sum - count * bucket.shortest_us()
        } else {
            count * bucket.longest_us() - sum
        };
        let part = if room > 0.0 {
            (rest_us.abs() / room).min(1.0)
        } else {
            0.0
        };
        let each_us = (rest_us - rest_us.signum() * part * room) / count;
        if rest_us < 0.0 {
            Self {
                shorter: part,
                longer: 0.0,
                each_us,
            }
        } else {
            Self {
                shorter: 0.0,
                longer: part,
                each_us,
            }
        }
    }

    fn apply(self, bucket: GapBucket, gap_us: f64) -> f64 {
        gap_us - self.shorter * (gap_us - bucket.shortest_us())
            + self.longer * (bucket.longest_us() - gap_us)
            + self.each_us
    }
}

impl GapBucket {
    /// The gap that `share` of the others are shorter than, whole microseconds, as vscsiStats counts them.
    fn gap_us(self, share: f64) -> f64 {
        let width = (self.most / self.least).ln();
        let slope = self.tilt * width;
        let exponent = if slope.abs() < 1e-6 {
            share * width
        } else if slope > 50.0 {
            // exp(slope) may be beyond all numbers.
            width + share.max(f64::MIN_POSITIVE).ln() / self.tilt
        } else {
            (share * slope.exp_m1()).ln_1p() / self.tilt
        };
        (self.least * exponent.exp())
            .floor()
            .clamp(self.least.floor(), self.most.floor())
    }

    fn shortest_us(&self) -> f64 {
        self.least.floor()
    }

    fn longest_us(&self) -> f64 {
        self.most.floor()
    }

    /// Gap number `index` of `count` in order of length.
    fn nth_us(self, index: u64) -> f64 {
        self.gap_us((index as f64 + 0.5) / self.count as f64)
    }

    /// Sum of the gaps, from a few of them where they are many.
    fn sum_us(self) -> f64 {
        let points = self.count.min(POINTS);
        let sum: f64 = (0..points)
            .map(|point| self.gap_us((point as f64 + 0.5) / points as f64))
            .sum();
        sum * self.count as f64 / points.max(1) as f64
    }

    fn exact_sum_us(self) -> f64 {
        (0..self.count).map(|index| self.nth_us(index)).sum()
    }

    /// The next gap, in an order that spreads short and long ones evenly.
    fn peek_us(self) -> f64 {
        let drawn = u128::from(self.count - self.left);
        let index = drawn * u128::from(self.step) % u128::from(self.count.max(1));
        self.nth_us(u64::try_from(index).unwrap_or(0))
    }
}

impl Gaps {
    /// As many gaps as `commands`, by the shares of `interarrival`, that are `total_us` long together; none is longer than
    /// `longest_us`, unless the time cannot be filled otherwise. `None` when the histogram is empty.
    pub(super) fn new(interarrival: &Interval, commands: u64, total_us: f64, longest_us: f64) -> Option<Self> {
        let counts = apportion(&interarrival.counts, commands)?;
        let mut buckets: Vec<GapBucket> = interarrival
            .buckets()
            .zip(counts)
            .map(|(bucket, count)| {
                // vscsiStats counts whole microseconds, so the bucket up to 1 holds 0 and 1.
                let least = bucket.above.map_or(0.25, |above| above as f64 + 1.0).max(0.25);
                let most = bucket.up_to.map_or_else(
                    || {
                        interarrival
                            .values_at_most
                            .map_or(longest_us, |most| (most as f64).min(longest_us))
                    },
                    |up_to| up_to as f64,
                );
                GapBucket {
                    least,
                    most: (most + 0.999).max(least * 1.001),
                    tilt: 0.0,
                    count,
                    left: count,
                    step: 1,
                }
            })
            .collect();
        fit_counts(&mut buckets, total_us);
        for bucket in &mut buckets {
            bucket.left = bucket.count;
            bucket.step = step_without_common_factor(bucket.count);
        }
        let longest = buckets.iter().rposition(|bucket| bucket.count > 0)?;
        tilt_towards(&mut buckets, total_us, |index| index == longest);
        tilt_towards(&mut buckets, total_us, |_| true);
        let sum: f64 = buckets.iter().map(|bucket| bucket.exact_sum_us()).sum();
        Some(Self {
            rest: Rest::of(*buckets.get(longest)?, total_us - sum),
            buckets,
            longest,
            carry: 0.0,
        })
    }

    /// How many gaps of each bucket are left.
    pub(super) fn left(&self) -> impl Iterator<Item = u64> + '_ {
        self.buckets.iter().map(|bucket| bucket.left)
    }

    /// How many gaps of a bucket have been drawn beyond its share of all that were.
    pub(super) fn ahead(&self, bucket: usize) -> f64 {
        let (count, left) = self.buckets.iter().fold((0, 0), |(count, left), bucket| {
            (count + bucket.count, left + bucket.left)
        });
        let share = |count_of: u64| count_of as f64 / count.max(1) as f64;
        self.buckets.get(bucket).map_or(0.0, |found| {
            (found.count - found.left) as f64 - share(found.count) * (count - left) as f64
        })
    }

    /// Length of the next gap of a bucket that has one left, microseconds.
    pub(super) fn peek_us(&self, bucket: usize) -> f64 {
        let Some(found) = self.buckets.get(bucket) else {
            return 0.0;
        };
        let gap_us = found.peek_us();
        let changed = if bucket == self.longest {
            self.rest.apply(*found, gap_us)
        } else {
            gap_us
        };
        changed.max(0.0)
    }

    /// Draws it, in whole microseconds.
    pub(super) fn take_us(&mut self, bucket: usize) -> f64 {
        let exact = self.peek_us(bucket) + self.carry;
        self.carry = exact.fract();
        if let Some(found) = self.buckets.get_mut(bucket) {
            found.left = found.left.saturating_sub(1);
        }
        exact.floor()
    }
}

/// `total` divided by the shares of `counts`, by largest remainders. `None` when all are zero.
fn apportion(counts: &[u64], total: u64) -> Option<Vec<u64>> {
    let sum: u128 = counts.iter().map(|&count| u128::from(count)).sum();
    if sum == 0 {
        return None;
    }
    let product = |count: u64| u128::from(count) * u128::from(total);
    let mut parts: Vec<u64> = counts
        .iter()
        .map(|&count| u64::try_from(product(count) / sum).unwrap_or(0))
        .collect();
    let mut by_remainder: Vec<usize> = (0..counts.len()).collect();
    by_remainder.sort_by_key(|&index| std::cmp::Reverse(counts.get(index).map_or(0, |&count| product(count) % sum)));
    let given: u64 = parts.iter().sum();
    let missing = usize::try_from(total - given).unwrap_or(0);
    for index in by_remainder.into_iter().take(missing) {
        if let Some(part) = parts.get_mut(index) {
            *part += 1;
        }
    }
    Some(parts)
}

/// Moves gaps to the next bucket until the time can be filled: a few gaps that the shares round away, or round up to one,
/// may hold most of the time.
fn fit_counts(buckets: &mut [GapBucket], total_us: f64) {
    let Some(last) = buckets.len().checked_sub(1) else {
        return;
    };
    // Each round empties a bucket or is the last one.
    for _ in 0..2 * buckets.len() {
        let least: f64 = buckets
            .iter()
            .map(|bucket| bucket.count as f64 * bucket.least.floor())
            .sum();
        let most: f64 = buckets
            .iter()
            .map(|bucket| bucket.count as f64 * bucket.most.floor())
            .sum();
        let from_to = if most < total_us {
            // The fullest bucket misses them least.
            let below = buckets.iter().enumerate().take(last);
            let fullest = below.max_by_key(|(_, bucket)| bucket.count);
            fullest.map(|(from, _)| {
                (
                    from,
                    last,
                    total_us - most,
                    GapBucket::longest_us as fn(&GapBucket) -> f64,
                )
            })
        } else if least > total_us {
            let longest = buckets.iter().rposition(|bucket| bucket.count > 0);
            let below = longest.and_then(|from| Some((from, from.checked_sub(1)?)));
            below.map(|(from, to)| {
                (
                    from,
                    to,
                    least - total_us,
                    GapBucket::shortest_us as fn(&GapBucket) -> f64,
                )
            })
        } else {
            None
        };
        let Some((from, to, missing_us, length)) = from_to else {
            return;
        };
        let lengths = [from, to].map(|index| buckets.get(index).map_or(0.0, length));
        let step_us = (lengths[0] - lengths[1]).abs().max(1.0);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a number of gaps, and not negative"
        )]
        let wanted = (missing_us / step_us).ceil() as u64;
        let moved = buckets.get(from).map_or(0, |bucket| bucket.count.min(wanted));
        if moved == 0 {
            return;
        }
        if let Some(bucket) = buckets.get_mut(from) {
            bucket.count -= moved;
        }
        if let Some(bucket) = buckets.get_mut(to) {
            bucket.count += moved;
        }
    }
}

/// Bends the chosen buckets until all gaps together are `total_us` long, or as near as they come.
fn tilt_towards(buckets: &mut [GapBucket], total_us: f64, which: impl Fn(usize) -> bool) {
    let sum = |buckets: &[GapBucket]| -> f64 { buckets.iter().map(|bucket| bucket.sum_us()).sum() };
    if (sum(buckets) / total_us - 1.0).abs() < 1e-4 {
        return;
    }
    let (mut low, mut high) = (-STEEPEST, STEEPEST);
    for _ in 0..50 {
        let tilt = f64::midpoint(low, high);
        let chosen = buckets.iter_mut().enumerate().filter(|(index, _)| which(*index));
        for (_, bucket) in chosen {
            bucket.tilt = tilt;
        }
        if sum(buckets) < total_us {
            low = tilt;
        } else {
            high = tilt;
        }
    }
}

/// A step near the golden section of `count` that meets every number below it once.
fn step_without_common_factor(count: u64) -> u64 {
    const GOLDEN: f64 = 0.618_033_988_749_894_9;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a share of a count is a count"
    )]
    let wanted = ((count as f64 * GOLDEN).round() as u64).max(1);
    let shares_a_factor = |step: u64| {
        let (mut one, mut other) = (step, count);
        while other > 0 {
            (one, other) = (other, one % other);
        }
        one > 1
    };
    (wanted..count).find(|&step| !shares_a_factor(step)).unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use vscsi_shared::histogram::{Limits, Metric};

    use super::*;

    fn interarrival(counts: &[u64]) -> Interval {
        let mut interval = Interval::empty(Limits::known(Metric::Interarrival));
        interval.counts.copy_from_slice(counts);
        interval.count = counts.iter().sum();
        interval
    }

    /// All gaps, bucket after bucket.
    fn drawn(mut gaps: Gaps) -> Vec<f64> {
        let left: Vec<u64> = gaps.left().collect();
        let buckets = left
            .iter()
            .enumerate()
            .flat_map(|(bucket, &left)| (0..left).map(move |_| bucket));
        buckets.map(|bucket| gaps.take_us(bucket)).collect()
    }

    #[test]
    fn a_few_long_gaps_hold_the_time_that_the_others_do_not_take() {
        // 2000 gaps near 50 us, and 100 that must carry a mean of 20 ms.
        let target = interarrival(&[0, 0, 2000, 0, 0, 0, 0, 0, 0, 0, 100]);
        let all = drawn(Gaps::new(&target, 2100, 42_000_000.0, 60_000_000.0).unwrap());
        assert_eq!(all.len(), 2100);
        assert!((all.iter().sum::<f64>() - 42_000_000.0).abs() < 2.0);
        assert_eq!(all.iter().filter(|gap| **gap > 100_000.0).count(), 100);
    }

    #[test]
    fn a_long_gap_that_its_share_rounds_away_is_there_when_the_time_needs_it() {
        // One gap in ten thousand is long, and a thousand commands are to fill a minute.
        let target = interarrival(&[0, 9_999, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
        let all = drawn(Gaps::new(&target, 1000, 60_000_000.0, 30_000_000.0).unwrap());
        assert!((all.iter().sum::<f64>() - 60_000_000.0).abs() < 2.0);
        assert!(
            all.iter().all(|gap| *gap <= 30_000_001.0),
            "no gap is longer than a sample"
        );
    }

    proptest! {
        #[test]
        fn the_gaps_fill_the_time_to_a_microsecond(
            counts in prop::collection::vec(0_u64..1000, 11),
            commands in 1_u64..5000,
            mean_us in 2.0_f64..1e6,
        ) {
            prop_assume!(counts.iter().sum::<u64>() > 0);
            let total_us = (mean_us * commands as f64).floor();
            let all = drawn(Gaps::new(&interarrival(&counts), commands, total_us, total_us).unwrap());
            prop_assert_eq!(all.len() as u64, commands);
            let sum: f64 = all.iter().sum();
            prop_assert!((sum - total_us).abs() < 2.0, "{} for {}", sum, total_us);
        }

        #[test]
        fn gaps_stay_in_their_buckets_when_the_time_is_possible(counts in prop::collection::vec(0_u64..1000, 10)) {
            let mut counts = counts;
            counts.push(0);
            let commands: u64 = counts.iter().sum();
            prop_assume!(commands > 0);
            let target = interarrival(&counts);
            // The time that gaps in the middle of their buckets take is certainly possible.
            let middle = |(index, count): (usize, &u64)| {
                let edge = |index: Option<usize>| index.and_then(|index| target.limits.as_slice().get(index)).map_or(0, |edge| *edge);
                let (above, up_to) = (edge(index.checked_sub(1)), edge(Some(index)));
                *count as f64 * i64::midpoint(above, up_to).max(above + 1) as f64
            };
            let total_us: f64 = counts.iter().enumerate().map(middle).sum();
            prop_assume!(total_us > 0.0);
            let gaps = Gaps::new(&target, commands, total_us, total_us).unwrap();
            let mut found = vec![0_u64; 11];
            for gap in drawn(gaps) {
                #[expect(clippy::cast_possible_truncation, reason = "whole microseconds")]
                let bucket = target.limits.bucket_of(gap as i64);
                found[bucket] += 1;
            }
            // What rounding leaves may push one gap over the edge of its bucket.
            let wrong: u64 = found.iter().zip(&counts).map(|(one, other)| one.abs_diff(*other)).sum();
            prop_assert!(wrong <= 2 + commands / 100, "{:?} for {:?}", found, counts);
        }
    }
}
