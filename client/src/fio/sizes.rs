//! From a size histogram to the sizes and whole-percent weights that fio's `bssplit` takes.

use vscsi_shared::histogram::{Interval, Metric};

use crate::analysis::estimate;
use crate::number;
use crate::stream::{BLOCK_BYTES, bucket_range};

/// Buckets with a smaller share go to a job of their own, because a weight of 1 % is the least fio can hold.
const RARE_SHARE: f64 = 0.01;
/// fio's own limit on the size of one I/O is higher; vscsiStats reports no command above this.
const LARGEST_BYTES: u64 = 64 << 20;

/// One size and its weight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct WeightedSize {
    /// Bytes, a multiple of 512.
    pub bytes: u64,
    /// Weight in whole percent; the weights of a mix add up to 100.
    pub percent: u32,
}

/// The sizes one fio job draws from, and the share of its direction's commands that job stands for.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct SizeMix {
    /// Sizes in increasing order.
    pub sizes: Vec<WeightedSize>,
    /// Share of the direction's commands, 0 to 1.
    pub share: f64,
}

impl SizeMix {
    /// Mean size by the weights, bytes.
    pub(super) fn mean_bytes(&self) -> f64 {
        self.sizes
            .iter()
            .map(|size| size.bytes as f64 * f64::from(size.percent) / 100.0)
            .sum()
    }

    /// Its smallest size, bytes.
    pub(super) fn smallest(&self) -> Option<u64> {
        self.sizes.iter().map(|size| size.bytes).min()
    }

    /// The mix as fio's `bssplit` takes it.
    pub(super) fn bssplit(&self) -> String {
        let entries = self.sizes.iter();
        let entries: Vec<String> = entries
            .map(|size| format!("{}/{}", number::size(size.bytes), size.percent))
            .collect();
        entries.join(":")
    }
}

/// A bucket with I/Os in it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Occupied {
    pub(super) count: f64,
    least: u64,
    most: u64,
    /// Sizes are multiples of this, bytes.
    step: u64,
}

impl Occupied {
    /// The buckets with commands in them.
    pub(super) fn of(sizes: &Interval) -> Vec<Self> {
        Self::in_steps(sizes, BLOCK_BYTES)
    }

    /// The same for commands whose sizes are multiples of `step` bytes.
    pub(super) fn in_steps(sizes: &Interval, step: u64) -> Vec<Self> {
        let counts = sizes.counts.iter().enumerate().filter(|(_, count)| **count > 0);
        counts
            .map(|(index, &count)| {
                let (low, high) = bucket_range(sizes, index);
                let least = to_bytes(low).next_multiple_of(step).clamp(step, LARGEST_BYTES);
                let most = to_bytes(high) / step * step;
                Self {
                    count: count as f64,
                    least,
                    most: most.clamp(least, LARGEST_BYTES),
                    step,
                }
            })
            .collect()
    }

    /// The position inside all buckets that gives the measured mean.
    pub(super) fn position_of_mean(sizes: &Interval, occupied: &[Self]) -> f64 {
        let total: f64 = occupied.iter().map(|bucket| bucket.count).sum();
        position_for(estimate::sum(sizes, Metric::IoLength).est / total, |position| {
            weighted_mean(occupied, position)
        })
    }

    /// The position inside all buckets at which sizes that are drawn evenly around it have the measured mean.
    pub(super) fn position_of_even_mean(sizes: &Interval, occupied: &[Self]) -> f64 {
        let least: f64 = occupied.iter().map(|bucket| bucket.count * bucket.least as f64).sum();
        let width: f64 = occupied
            .iter()
            .map(|bucket| bucket.count * bucket.width_bytes() as f64)
            .sum();
        let above = estimate::sum(sizes, Metric::IoLength).est - least;
        if width > 0.0 {
            (above / width).clamp(0.0, 1.0)
        } else {
            0.0
        }
    }

    /// The mean of sizes that are drawn evenly around `position`, bytes.
    pub(super) fn mean_at(self, position: f64) -> f64 {
        self.least as f64 + self.width_bytes() as f64 * position
    }

    /// The size at `position` (0 the smallest, 1 the largest) of the bucket, on its steps.
    pub(super) fn at(self, position: f64) -> u64 {
        self.at_between(position, 0.5)
    }

    /// The step below `position`, or above it where less than `draw` of a step lies between: with even draws from 0 to 1
    /// the mean is that of the position.
    pub(super) fn at_between(self, position: f64, draw: f64) -> u64 {
        let steps = (self.width_bytes() / self.step) as f64;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a rounded share of a bucket's steps, both small and not negative"
        )]
        let step = (steps * position.clamp(0.0, 1.0) + draw).floor().min(steps) as u64;
        self.least + step * self.step
    }

    /// Whether a command of `bytes` is counted here.
    pub(super) fn holds(self, bytes: u64) -> bool {
        (self.least..=self.most).contains(&bytes)
    }

    /// How far its sizes lie apart at most, bytes.
    pub(super) fn width_bytes(self) -> u64 {
        self.most - self.least
    }
}

/// One mix of all sizes, or with `split_rare` one of the common sizes and one of the rare ones.
///
/// Exact buckets such as (4095, 4096] keep their size. The others share one position inside their bucket, chosen so
/// that the mean of the mix is the measured mean; single 512-byte steps then take up what rounding left.
pub(super) fn size_mixes(sizes: &Interval, split_rare: bool) -> Vec<SizeMix> {
    let occupied = Occupied::of(sizes);
    let total: f64 = occupied.iter().map(|bucket| bucket.count).sum();
    if total <= 0.0 {
        return Vec::new();
    }
    let mean = estimate::sum(sizes, Metric::IoLength).est / total;
    let (rare, common): (Vec<Occupied>, Vec<Occupied>) = occupied
        .iter()
        .partition(|bucket| split_rare && bucket.count < RARE_SHARE * total);
    if rare.is_empty() || common.is_empty() {
        return vec![mix(&occupied, mean, 1.0)];
    }
    let rare_count: f64 = rare.iter().map(|bucket| bucket.count).sum();
    let rare_share = rare_count / total;
    // One position for all buckets gives the rare sizes their mean; the common ones then carry the rest of the bytes.
    let position = Occupied::position_of_mean(sizes, &occupied);
    let rare_mix = mix(&rare, weighted_mean(&rare, position), rare_share);
    let common_mean = (mean - rare_mix.mean_bytes() * rare_share) / (1.0 - rare_share);
    vec![mix(&common, common_mean, 1.0 - rare_share), rare_mix]
}

/// The sizes of a histogram as fio's `bssplit` takes them; `None` of an empty one.
pub(crate) fn bssplit(sizes: &Interval) -> Option<String> {
    size_mixes(sizes, false).first().map(SizeMix::bssplit)
}

/// One mix of all sizes in which commands of `bytes` stand for the bucket that holds this size; the others make up for
/// it, so that the mean stays.
pub(super) fn mix_with(sizes: &Interval, bytes: u64) -> SizeMix {
    let mut occupied = Occupied::of(sizes);
    let holding = occupied.iter_mut().find(|bucket| bucket.holds(bytes));
    if let Some(bucket) = holding {
        (bucket.least, bucket.most) = (bytes, bytes);
    }
    let total: f64 = occupied.iter().map(|bucket| bucket.count).sum();
    mix(&occupied, estimate::sum(sizes, Metric::IoLength).est / total, 1.0)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "clamped to the sizes that commands can have"
)]
fn to_bytes(value: f64) -> u64 {
    value.clamp(0.0, LARGEST_BYTES as f64) as u64
}

fn weighted_mean(buckets: &[Occupied], position: f64) -> f64 {
    let total: f64 = buckets.iter().map(|bucket| bucket.count).sum();
    let bytes: f64 = buckets
        .iter()
        .map(|bucket| bucket.count * bucket.at(position) as f64)
        .sum();
    bytes / total
}

/// The position inside the buckets, 0 to 1, at which the growing function `mean_at` reaches `mean`, by bisection.
fn position_for(mean: f64, mean_at: impl Fn(f64) -> f64) -> f64 {
    let (mut low, mut high) = (0.0, 1.0);
    for _ in 0..40 {
        let middle = f64::midpoint(low, high);
        if mean_at(middle) < mean {
            low = middle;
        } else {
            high = middle;
        }
    }
    high
}

fn mix(buckets: &[Occupied], mean: f64, share: f64) -> SizeMix {
    let percents = whole_percents(buckets, mean);
    let weighted = |position: f64| -> f64 {
        let pairs = buckets.iter().zip(&percents);
        pairs
            .map(|(bucket, &percent)| bucket.at(position) as f64 * f64::from(percent) / 100.0)
            .sum()
    };
    let position = position_for(mean, weighted);
    let mut sizes: Vec<WeightedSize> = buckets
        .iter()
        .zip(&percents)
        .map(|(bucket, &percent)| WeightedSize {
            bytes: bucket.at(position),
            percent,
        })
        .collect();
    take_up_rounding(&mut sizes, buckets, mean);
    SizeMix { sizes, share }
}

/// Steps single sizes by 512 bytes inside their buckets while that brings the mean nearer.
fn take_up_rounding(sizes: &mut [WeightedSize], buckets: &[Occupied], mean: f64) {
    let mut error = sizes
        .iter()
        .map(|size| size.bytes as f64 * f64::from(size.percent) / 100.0)
        .sum::<f64>()
        - mean;
    // The widest bucket of a known row has 512 steps, so this ends by itself long before.
    for _ in 0..4096 {
        let grow = error < 0.0;
        let best = sizes
            .iter_mut()
            .zip(buckets)
            .filter(|(size, bucket)| {
                if grow {
                    size.bytes < bucket.most
                } else {
                    size.bytes > bucket.least
                }
            })
            .map(|(size, _)| {
                let change = BLOCK_BYTES as f64 * f64::from(size.percent) / 100.0;
                let after = if grow { error + change } else { error - change };
                (size, after)
            })
            .min_by(|one, other| one.1.abs().total_cmp(&other.1.abs()));
        match best {
            Some((size, after)) if after.abs() < error.abs() => {
                size.bytes = if grow {
                    size.bytes + BLOCK_BYTES
                } else {
                    size.bytes - BLOCK_BYTES
                };
                error = after;
            }
            _ => return,
        }
    }
}

/// Whole-percent weights by largest remainders, at least 1 for each bucket, then single points moved between
/// buckets as long as the best mean the buckets still allow comes nearer to `mean`.
fn whole_percents(buckets: &[Occupied], mean: f64) -> Vec<u32> {
    let total: f64 = buckets.iter().map(|bucket| bucket.count).sum();
    let exact: Vec<f64> = buckets.iter().map(|bucket| 100.0 * bucket.count / total).collect();
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "percentages between 0 and 100"
    )]
    let mut percents: Vec<u32> = exact.iter().map(|share| (share.floor() as u32).max(1)).collect();
    loop {
        let sum: u32 = percents.iter().sum();
        let short = |&(index, _): &(usize, &f64)| percents.get(index).map_or(0.0, |&percent| f64::from(percent));
        let by_remainder =
            |one: &(usize, &f64), other: &(usize, &f64)| (one.1 - short(one)).total_cmp(&(other.1 - short(other)));
        let chosen = match sum.cmp(&100) {
            std::cmp::Ordering::Equal => break,
            std::cmp::Ordering::Less => exact.iter().enumerate().max_by(by_remainder),
            std::cmp::Ordering::Greater => {
                let may_shrink = exact.iter().enumerate().filter(|entry| short(entry) > 1.0);
                may_shrink.min_by(by_remainder)
            }
        };
        let Some((index, _)) = chosen else { break };
        if let Some(percent) = percents.get_mut(index) {
            *percent = if sum < 100 { *percent + 1 } else { *percent - 1 };
        }
    }
    move_points_towards(mean, buckets, &exact, &mut percents);
    percents
}

/// No weight moves further than this from its exact share, so that the shape stays.
const LARGEST_SHIFT_POINTS: f64 = 1.5;

fn move_points_towards(mean: f64, buckets: &[Occupied], exact: &[f64], percents: &mut [u32]) {
    let gap = |percents: &[u32]| {
        let sum = |edge: fn(&Occupied) -> u64| -> f64 {
            let pairs = buckets.iter().zip(percents);
            pairs
                .map(|(bucket, &percent)| edge(bucket) as f64 * f64::from(percent) / 100.0)
                .sum()
        };
        let (low, high) = (sum(|bucket| bucket.least), sum(|bucket| bucket.most));
        (low - mean).max(mean - high).max(0.0)
    };
    let mut current = gap(percents);
    for _ in 0..100 {
        let mut best: Option<(f64, Vec<u32>)> = None;
        for from in 0..percents.len() {
            for to in 0..percents.len() {
                let mut moved = percents.to_vec();
                let (Some(source), Some(source_exact)) = (moved.get_mut(from), exact.get(from)) else {
                    continue;
                };
                if *source <= 1 || source_exact - f64::from(*source - 1) > LARGEST_SHIFT_POINTS {
                    continue;
                }
                *source -= 1;
                let (Some(sink), Some(sink_exact)) = (moved.get_mut(to), exact.get(to)) else {
                    continue;
                };
                if f64::from(*sink + 1) - sink_exact > LARGEST_SHIFT_POINTS {
                    continue;
                }
                *sink += 1;
                let after = gap(&moved);
                if best.as_ref().is_none_or(|(least, _)| after < *least) {
                    best = Some((after, moved));
                }
            }
        }
        match best {
            Some((after, moved)) if after < current - 1e-9 => {
                percents.copy_from_slice(&moved);
                current = after;
            }
            _ => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use vscsi_shared::histogram::Limits;

    use super::*;

    /// A size histogram of single commands.
    fn sizes(values: &[(u64, u64)]) -> Interval {
        let mut interval = Interval::empty(Limits::known(Metric::IoLength));
        for &(bytes, count) in values {
            let value = i64::try_from(bytes).unwrap();
            let bucket = interval
                .limits
                .as_slice()
                .iter()
                .position(|&limit| value <= limit)
                .unwrap_or(17);
            interval.counts[bucket] += count;
            interval.count += count;
            interval.sum_at_least += i128::from(bytes) * i128::from(count);
            interval.values_at_least = Some(interval.values_at_least.map_or(value, |least| least.min(value)));
            interval.values_at_most = Some(interval.values_at_most.map_or(value, |most| most.max(value)));
        }
        interval.sum_at_most = interval.sum_at_least;
        interval
    }

    #[test]
    fn exact_sizes_stay_exact() {
        let mixes = size_mixes(&sizes(&[(4096, 5), (8192, 75), (65536, 20)]), true);
        let found: Vec<(u64, u32)> = mixes[0].sizes.iter().map(|size| (size.bytes, size.percent)).collect();
        assert_eq!(found, [(4096, 5), (8192, 75), (65536, 20)]);
    }

    #[test]
    fn an_inexact_size_is_placed_by_the_mean() {
        // 24 KiB lies in (16384, 32768]; the mean alone tells where.
        let mixes = size_mixes(&sizes(&[(4096, 50), (24_576, 50), (32_768, 1), (16_896, 1)]), false);
        assert_eq!(mixes[0].sizes[1].bytes, 24_576);
    }

    #[test]
    fn a_size_asked_for_stands_for_its_bucket_and_the_others_keep_the_mean() {
        // 6 KiB and 24 KiB in equal parts; with 26 KiB for the one, 4 KiB + 512 bytes is the nearest to the mean.
        let histogram = sizes(&[(6144, 50), (24_576, 50), (4608, 1), (7680, 1), (16_896, 1), (32_256, 1)]);
        let mix = mix_with(&histogram, 26_624);
        assert_eq!(mix.sizes[1].bytes, 26_624);
        let mean = estimate::sum(&histogram, Metric::IoLength).est / histogram.count as f64;
        assert!((mix.mean_bytes() - mean).abs() < 512.0, "{mix:?}");
    }

    #[test]
    fn a_rare_large_size_has_a_mix_of_its_own() {
        let mixes = size_mixes(&sizes(&[(4096, 9960), (524_288, 40)]), true);
        assert_eq!(mixes.len(), 2);
        assert!((mixes[1].share - 0.004).abs() < 1e-12);
        assert_eq!(
            mixes[1].sizes,
            [WeightedSize {
                bytes: 524_288,
                percent: 100
            }]
        );
    }

    proptest! {
        #[test]
        fn weights_always_add_up_to_a_hundred(values in prop::collection::vec((1_u64..2048, 1_u64..5000), 1..18)) {
            let values: Vec<(u64, u64)> = values.into_iter().map(|(blocks, count)| (blocks * 512, count)).collect();
            for split_rare in [false, true] {
                for mix in size_mixes(&sizes(&values), split_rare) {
                    prop_assert_eq!(mix.sizes.iter().map(|size| size.percent).sum::<u32>(), 100);
                    prop_assert!(mix.sizes.iter().all(|size| size.bytes % 512 == 0 && size.bytes > 0));
                }
            }
        }

        #[test]
        fn the_mean_of_many_sizes_is_kept_within_two_percent(counts in prop::collection::vec(100_u64..1000, 6..12)) {
            let values: Vec<(u64, u64)> = counts.iter().enumerate().map(|(k, &count)| ((k as u64 * 23 + 9) * 512, count)).collect();
            let histogram = sizes(&values);
            let mean = estimate::sum(&histogram, Metric::IoLength).est / histogram.count as f64;
            let mixes = size_mixes(&histogram, true);
            let replayed: f64 = mixes.iter().map(|mix| mix.mean_bytes() * mix.share).sum();
            prop_assert!((replayed / mean - 1.0).abs() < 0.02, "{} against {}", replayed, mean);
        }
    }
}
