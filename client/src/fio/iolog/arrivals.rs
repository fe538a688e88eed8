//! When commands are issued.
//!
//! The gap's bucket follows the interarrival histogram. Inside a bucket gaps are log-uniform, which fits measured
//! arrivals better than even ones; the length of the open last bucket is what keeps the measured rate.

use rand_chacha::ChaCha8Rng;
use vscsi_shared::histogram::Interval;

use super::balance::Balance;

/// Step of the golden-ratio sequence, which fills a bucket evenly whatever the number of draws.
const GOLDEN: f64 = 0.618_033_988_749_894_9;

/// Draws gaps between commands.
#[derive(Debug, Clone)]
pub(super) struct Arrivals {
    balance: Balance,
    buckets: Vec<GapBucket>,
    /// Gaps are multiplied by this where the buckets alone cannot keep the rate.
    scale: f64,
    /// Part of a microsecond left over from scaled gaps.
    carry: f64,
}

/// The gaps of one bucket: density proportional to `x^(tilt - 1)` on `[least, most]` microseconds.
#[derive(Debug, Clone, Copy)]
struct GapBucket {
    least: f64,
    most: f64,
    tilt: f64,
    /// Position in the golden-ratio sequence.
    phase: f64,
}

impl GapBucket {
    fn quantile(self, share: f64) -> f64 {
        let ratio = self.most / self.least;
        if self.tilt.abs() < 1e-6 {
            self.least * ratio.powf(share)
        } else {
            self.least * (1.0 + share * (ratio.powf(self.tilt) - 1.0)).powf(1.0 / self.tilt)
        }
    }

    /// A gap in whole microseconds, as vscsiStats counts them; flooring keeps it inside the bucket.
    fn gap_us(self, share: f64) -> f64 {
        self.quantile(share).floor()
    }

    fn mean(self) -> f64 {
        const STEPS: u32 = 64;
        let sum: f64 = (0..STEPS)
            .map(|step| self.gap_us((f64::from(step) + 0.5) / f64::from(STEPS)))
            .sum();
        sum / f64::from(STEPS)
    }

    fn with_tilt(self, tilt: f64) -> Self {
        Self { tilt, ..self }
    }
}

impl Arrivals {
    /// Gaps that follow `interarrival` and are `mean_us` on average. `None` when the histogram is empty.
    pub(super) fn new(interarrival: &Interval, mean_us: f64) -> Option<Self> {
        let balance = Balance::new(interarrival)?;
        let total = interarrival.total() as f64;
        let shares: Vec<f64> = interarrival.counts.iter().map(|&count| count as f64 / total).collect();
        let buckets = gap_buckets(interarrival, mean_us, shares.last().copied().unwrap_or(0.0));
        let mut arrivals = Self {
            balance,
            buckets,
            scale: 1.0,
            carry: 0.0,
        };
        arrivals.keep_mean(&shares, mean_us);
        Some(arrivals)
    }

    /// Tilts the last bucket, then all of them, until the mean gap is right; what is left is scaled.
    fn keep_mean(&mut self, shares: &[f64], mean_us: f64) {
        let last = self.buckets.len().saturating_sub(1);
        self.tilt_towards(shares, mean_us, |index| index == last);
        self.tilt_towards(shares, mean_us, |_| true);
        let mean = self.mean(shares);
        if mean > 0.0 && (mean / mean_us - 1.0).abs() > 1e-3 {
            self.scale = mean_us / mean;
        }
    }

    fn tilt_towards(&mut self, shares: &[f64], mean_us: f64, which: impl Fn(usize) -> bool) {
        if (self.mean(shares) / mean_us - 1.0).abs() < 1e-4 {
            return;
        }
        let (mut low, mut high) = (-8.0, 8.0);
        for _ in 0..50 {
            let tilt = f64::midpoint(low, high);
            let chosen = self.buckets.iter_mut().enumerate().filter(|(index, _)| which(*index));
            for (_, bucket) in chosen {
                *bucket = bucket.with_tilt(tilt);
            }
            if self.mean(shares) < mean_us {
                low = tilt;
            } else {
                high = tilt;
            }
        }
    }

    fn mean(&self, shares: &[f64]) -> f64 {
        self.buckets
            .iter()
            .zip(shares)
            .map(|(bucket, share)| bucket.mean() * share)
            .sum()
    }

    /// The next gap, whole microseconds.
    pub(super) fn next_gap_us(&mut self, random: &mut ChaCha8Rng) -> f64 {
        let index = self.balance.draw(random);
        self.balance.used(index);
        let Some(bucket) = self.buckets.get_mut(index) else {
            return 0.0;
        };
        bucket.phase = (bucket.phase + GOLDEN).fract();
        let exact = bucket.gap_us(bucket.phase) * self.scale + self.carry;
        self.carry = exact.fract();
        exact.floor()
    }
}

/// The ranges of the buckets. vscsiStats counts whole microseconds, so the bucket up to 1 holds 0 and 1.
fn gap_buckets(interarrival: &Interval, mean_us: f64, overflow_share: f64) -> Vec<GapBucket> {
    interarrival
        .buckets()
        .map(|bucket| {
            let least = bucket.above.map_or(0.25, |above| above as f64 + 1.0).max(0.25);
            let most = match bucket.up_to {
                Some(up_to) => (up_to as f64 + 0.999).max(least * 1.001),
                None => longest_gap(interarrival, least, mean_us, overflow_share),
            };
            GapBucket {
                least,
                most,
                tilt: 0.0,
                phase: 0.5,
            }
        })
        .collect()
}

/// The longest gap: the measured maximum, which after merging is only a bound, but never more than all gaps together.
fn longest_gap(interarrival: &Interval, least: f64, mean_us: f64, overflow_share: f64) -> f64 {
    let measured = interarrival.values_at_most.map_or(f64::INFINITY, |most| most as f64);
    // If all time were spent in the overflow gaps they would be this long; ten times that leaves room for a tail.
    let sensible = if overflow_share > 0.0 {
        10.0 * mean_us / overflow_share
    } else {
        10.0 * least
    };
    measured.min(sensible).max(least * 1.5)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rand::SeedableRng;
    use vscsi_shared::histogram::{Limits, Metric};

    use super::*;

    fn interarrival(counts: &[u64]) -> Interval {
        let mut interval = Interval::empty(Limits::known(Metric::Interarrival));
        interval.counts.copy_from_slice(counts);
        interval.count = counts.iter().sum();
        interval
    }

    #[test]
    fn idle_times_stretch_until_the_rate_is_kept() {
        // Bursts of gaps near 50 us, and one gap in 21 that must carry a mean of 20 ms.
        let interarrival = interarrival(&[0, 0, 2000, 0, 0, 0, 0, 0, 0, 0, 100]);
        let mut arrivals = Arrivals::new(&interarrival, 20_000.0).unwrap();
        let mut random = ChaCha8Rng::seed_from_u64(1);
        let mean = (0..21_000).map(|_| arrivals.next_gap_us(&mut random)).sum::<f64>() / 21_000.0;
        assert!((mean / 20_000.0 - 1.0).abs() < 0.01, "{mean}");
    }

    proptest! {
        #[test]
        fn gaps_stay_in_their_buckets_when_the_mean_is_possible(counts in prop::collection::vec(0_u64..1000, 10)) {
            let mut counts = counts;
            counts.push(0);
            prop_assume!(counts.iter().sum::<u64>() > 0);
            let target = interarrival(&counts);
            let total: u64 = counts.iter().sum();
            // The mean of log-uniform gaps is certainly possible.
            let mean = gap_buckets(&target, 1.0, 0.0).iter().zip(&counts).map(|(bucket, &count)| bucket.mean() * count as f64).sum::<f64>() / total as f64;
            let mut arrivals = Arrivals::new(&target, mean).unwrap();
            let mut random = ChaCha8Rng::seed_from_u64(2);
            for _ in 0..500 {
                let gap = arrivals.next_gap_us(&mut random);
                let bucket = target.limits.as_slice().partition_point(|limit| (*limit as f64) < gap);
                prop_assert!(counts[bucket] > 0, "{} us lies in an empty bucket", gap);
            }
        }
    }
}
