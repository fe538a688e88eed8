//! Numbers that a histogram gives beside its buckets.

use vscsi_shared::histogram::Interval;

/// Smallest and largest whole value that bucket `index` can hold, with the open ends closed by the known minimum and
/// maximum, or by the outermost limit where those are unknown.
pub fn bucket_range(interval: &Interval, index: usize) -> (f64, f64) {
    let limits = interval.limits.as_slice();
    let first = limits.first().copied().unwrap_or(0);
    let last = limits.last().copied().unwrap_or(0);
    let bucket = interval.buckets().nth(index);
    let (above, up_to) = bucket.map_or((None, None), |bucket| (bucket.above, bucket.up_to));
    let (minimum, maximum) = (interval.values_at_least, interval.values_at_most);
    let mut low = above.map_or_else(|| minimum.unwrap_or(first).min(first), |edge| edge.saturating_add(1));
    let mut high = up_to.unwrap_or_else(|| maximum.unwrap_or(last).max(last.saturating_add(1)));
    if let Some(least) = minimum.filter(|value| (low..=high).contains(value)) {
        low = least;
    }
    if let Some(most) = maximum.filter(|value| (low..=high).contains(value)) {
        high = most;
    }
    (low as f64, high as f64)
}

/// Share of the commands that begin right behind the last block of their predecessor, 0 to 1: the bucket that holds
/// the distance +1.
pub fn sequential_share(seek_distances: &Interval) -> f64 {
    let bucket = seek_distances.limits.bucket_of(1);
    let total = seek_distances.total();
    let sequential = seek_distances.counts.get(bucket).copied().unwrap_or(0);
    if total == 0 {
        0.0
    } else {
        sequential as f64 / total as f64
    }
}

#[cfg(test)]
mod tests {
    use vscsi_shared::histogram::{Limits, Metric};

    use super::*;

    #[test]
    fn the_sequential_share_counts_the_distance_plus_one() {
        let mut seeks = Interval::empty(Limits::known(Metric::SeekDistance));
        let plus_one = seeks.limits.as_slice().iter().position(|&limit| limit == 1).unwrap();
        seeks.counts[plus_one] = 3;
        seeks.counts[plus_one - 1] = 1;
        assert!((sequential_share(&seeks) - 0.75).abs() < 1e-12);
    }
}
