//! Distances between two histograms on the same edges.

use serde::{Deserialize, Serialize};
use vscsi_shared::histogram::{Incompatible, Interval};

/// How far two histograms are apart. All are 0 for equal shares and at most 1.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Distance {
    /// Kolmogorov-Smirnov: the largest difference of the cumulative shares.
    pub ks: f64,
    /// Total variation: half the sum of the absolute differences of the shares.
    pub tv: f64,
    /// Earth mover's distance with buckets as unit steps, divided by the longest way (buckets - 1).
    pub nemd: f64,
    /// A KS below this is expected of two samples of one workload.
    pub sampling_floor: f64,
}

/// The distances between the shares of `target` and `run`.
///
/// # Errors
/// [`Incompatible`] when the bucket limits differ. Two empty histograms are at distance 0, an empty and a filled one
/// at distance 1.
pub fn distance(target: &Interval, run: &Interval) -> Result<Distance, Incompatible> {
    if target.limits != run.limits || target.counts.len() != run.counts.len() {
        return Err(Incompatible);
    }
    let (target_total, run_total) = (target.total() as f64, run.total() as f64);
    if target_total <= 0.0 || run_total <= 0.0 {
        let far = if target_total + run_total <= 0.0 { 0.0 } else { 1.0 };
        return Ok(Distance {
            ks: far,
            tv: far,
            nemd: far,
            sampling_floor: f64::INFINITY,
        });
    }
    let (mut ks, mut l1, mut moved) = (0.0_f64, 0.0_f64, 0.0_f64);
    let mut difference = 0.0_f64;
    for (&target, &run) in target.counts.iter().zip(&run.counts) {
        let step = target as f64 / target_total - run as f64 / run_total;
        difference += step;
        ks = ks.max(difference.abs());
        l1 += step.abs();
        moved += difference.abs();
    }
    let steps = target.counts.len().saturating_sub(1).max(1) as f64;
    Ok(Distance {
        ks,
        tv: l1 / 2.0,
        nemd: moved / steps,
        sampling_floor: sampling_floor(target_total, run_total),
    })
}

/// A difference below this is expected of two samples of one workload, of `one` and `other` commands:
/// 1.36 * sqrt(1/n + 1/m), the 5 % point of the two-sample Kolmogorov-Smirnov test.
pub(super) fn sampling_floor(one: f64, other: f64) -> f64 {
    1.36 * (1.0 / one + 1.0 / other).sqrt()
}

#[cfg(test)]
mod tests {
    use vscsi_shared::histogram::{Limits, Metric};

    use super::*;

    fn interval(counts: [u64; 3]) -> Interval {
        let mut interval = Interval::empty(Limits::from_input(Metric::Latency, &[10, 20]).unwrap());
        interval.counts = counts.to_vec();
        interval.count = counts.iter().sum();
        interval
    }

    #[test]
    fn equal_shares_are_at_distance_zero_whatever_the_counts() {
        let found = distance(&interval([1, 2, 1]), &interval([100, 200, 100])).unwrap();
        assert!(found.ks < 1e-12 && found.tv < 1e-12 && found.nemd < 1e-12);
    }

    #[test]
    fn moving_everything_across_all_buckets_is_the_largest_distance() {
        let found = distance(&interval([7, 0, 0]), &interval([0, 0, 9])).unwrap();
        assert!((found.ks - 1.0).abs() < 1e-12);
        assert!((found.tv - 1.0).abs() < 1e-12);
        assert!((found.nemd - 1.0).abs() < 1e-12);
    }

    #[test]
    fn a_hand_calculated_pair_has_its_distances() {
        // Shares 0.5 0.25 0.25 against 0.25 0.25 0.5: cumulative differences 0.25, 0.25, 0.
        let found = distance(&interval([2, 1, 1]), &interval([1, 1, 2])).unwrap();
        assert!((found.ks - 0.25).abs() < 1e-12);
        assert!((found.tv - 0.25).abs() < 1e-12);
        assert!((found.nemd - 0.25).abs() < 1e-12);
        assert!((found.sampling_floor - 1.36 * 0.5_f64.sqrt()).abs() < 1e-12);
    }

    #[test]
    fn different_limits_are_refused() {
        let other = Interval::empty(Limits::known(Metric::IoLength));
        assert_eq!(distance(&interval([1, 1, 1]), &other), Err(Incompatible));
    }
}
