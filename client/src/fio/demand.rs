//! What a workload asks of a replay: the numbers of each direction, taken from its histograms.

use vscsi_shared::histogram::{Interval, IntervalSet, Metric, Operation};

use crate::analysis::estimate;
use crate::stream::{BLOCK_BYTES, Direction, Observation, bucket_range, sequential_share};

/// Smallest region a replay works on, so that it does not fit a controller's cache by accident.
const SMALLEST_SPAN: u64 = 1 << 30;
/// Largest region chosen without being asked for.
const LARGEST_SPAN: u64 = 4 << 40;
/// Depth where the capture holds no outstanding I/O.
const DEFAULT_DEPTH: u32 = 32;
/// No more commands than this are kept in flight for one disk, and for all disks that share a target.
const LARGEST_DEPTH: u32 = 256;
const LARGEST_SHARED_DEPTH: u32 = 1024;

/// One direction of a workload.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Demand<'a> {
    pub direction: Direction,
    /// Sizes of its commands; never empty.
    pub sizes: &'a Interval,
    /// Commands per second.
    pub iops: f64,
    /// Share of strictly sequential commands, 0 to 1.
    pub sequential_share: f64,
    /// Commands in flight to allow.
    pub depth: Depth,
}

/// A queue depth and what it rests on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Depth {
    /// 95 % of the commands found no more than this many in flight, themselves included.
    pub p95: u32,
    /// Commands in flight on average.
    pub mean: f64,
    /// Disks that it is the sum of; 0 when the capture held no histogram, and the depth is assumed.
    pub disks: usize,
    /// Whether more would be needed than is allowed.
    pub limited: bool,
}

/// The directions that have commands, reads first. `disks` are those that share the target, for their queue depths.
pub(crate) fn demands<'a>(target: Observation<'a>, disks: &[&IntervalSet]) -> Vec<Demand<'a>> {
    let Observation { histograms, seconds } = target;
    let demand = |direction: Direction| {
        let operation = direction.operation();
        let sizes = histograms.of(Metric::IoLength, operation)?;
        let count = sizes.total();
        let seeks = histograms.of(Metric::SeekDistance, operation);
        (count > 0 && seconds > 0.0).then(|| Demand {
            direction,
            sizes,
            iops: count as f64 / seconds,
            sequential_share: seeks.map_or(0.0, sequential_share),
            depth: depth(disks, operation),
        })
    };
    Direction::ALL.into_iter().filter_map(demand).collect()
}

/// Queue depth of the disks that share a target: the sum of theirs, because vscsiStats counts each disk for itself.
pub(crate) fn depth(disks: &[&IntervalSet], operation: Operation) -> Depth {
    let outstanding = disks
        .iter()
        .filter_map(|disk| disk.of(Metric::OutstandingIos, operation));
    let sum = outstanding.filter_map(disk_depth).reduce(|one, other| Depth {
        p95: one.p95.saturating_add(other.p95),
        mean: one.mean + other.mean,
        disks: one.disks + other.disks,
        limited: one.limited || other.limited,
    });
    sum.map_or(
        Depth {
            p95: DEFAULT_DEPTH,
            mean: f64::from(DEFAULT_DEPTH),
            disks: 0,
            limited: false,
        },
        |sum| Depth {
            p95: sum.p95.min(LARGEST_SHARED_DEPTH),
            mean: sum.mean.min(f64::from(LARGEST_SHARED_DEPTH)),
            limited: sum.limited || sum.p95 > LARGEST_SHARED_DEPTH,
            ..sum
        },
    )
}

/// Queue depth from one disk's histogram of outstanding I/O; `None` when it is empty.
fn disk_depth(interval: &Interval) -> Option<Depth> {
    let total = interval.total();
    if total == 0 {
        return None;
    }
    let mut seen = 0_u64;
    let bucket = interval.counts.iter().position(|count| {
        seen += count;
        seen as f64 >= 0.95 * total as f64
    });
    let (_, high) = bucket_range(interval, bucket.unwrap_or(0));
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "clamped to 1..=256"
    )]
    let p95 = high.clamp(1.0, f64::from(LARGEST_DEPTH)) as u32;
    Some(Depth {
        p95,
        mean: estimate::mean(interval, Metric::OutstandingIos)
            .map_or(1.0, |mean| mean.est)
            .clamp(1.0, f64::from(LARGEST_DEPTH)),
        disks: 1,
        limited: high > f64::from(LARGEST_DEPTH),
    })
}

/// The region a replay works on unless the user says otherwise: a disk on which a seek of this length was seen is at
/// least that long. Rounded up to whole GiB.
pub(crate) fn least_span(histograms: &IntervalSet) -> u64 {
    let longest = [Operation::All, Operation::Read, Operation::Write]
        .into_iter()
        .filter_map(|operation| histograms.of(Metric::SeekDistance, operation))
        .flat_map(|seeks| [seeks.values_at_least, seeks.values_at_most])
        .flatten()
        .map(i64::unsigned_abs)
        .max()
        .unwrap_or(0);
    longest
        .saturating_mul(BLOCK_BYTES)
        .clamp(SMALLEST_SPAN, LARGEST_SPAN)
        .next_multiple_of(1 << 30)
}

#[cfg(test)]
mod tests {
    use vscsi_shared::histogram::{HistogramKind, Limits};

    use super::*;

    /// A disk whose commands found this many in flight: `(bucket, commands)`.
    fn disk(counts: &[(usize, u64)]) -> IntervalSet {
        let mut outstanding = Interval::empty(Limits::known(Metric::OutstandingIos));
        for &(bucket, count) in counts {
            outstanding.counts[bucket] = count;
        }
        let mut histograms = IntervalSet::default();
        let kind = HistogramKind::new(Metric::OutstandingIos, Operation::Read).unwrap();
        histograms.insert(kind, outstanding);
        histograms
    }

    #[test]
    fn the_depth_covers_95_percent_of_the_commands() {
        // (4, 6] and (32, 64]
        let disk = disk(&[(0, 90), (3, 5), (11, 5)]);
        assert_eq!(depth(&[&disk], Operation::Read).p95, 6);
    }

    #[test]
    fn disks_that_share_a_target_have_the_sum_of_their_depths_and_idle_ones_add_nothing() {
        let (shallow, deep, idle) = (disk(&[(0, 90)]), disk(&[(3, 5)]), disk(&[]));
        let together = depth(&[&shallow, &deep, &idle], Operation::Read);
        assert_eq!((together.p95, together.disks), (7, 2));
    }

    #[test]
    fn a_depth_beyond_what_is_allowed_says_so() {
        // (32, 64], of which each of these disks has 64.
        let deep = disk(&[(11, 5)]);
        let found = |disks: usize| {
            let depth = depth(&vec![&deep; disks], Operation::Read);
            (depth.p95, depth.limited)
        };
        assert_eq!(found(16), (1024, false));
        assert_eq!(found(17), (1024, true));
    }

    #[test]
    fn a_capture_without_outstanding_io_says_that_its_depth_is_assumed() {
        assert_eq!(depth(&[&disk(&[])], Operation::Read).disks, 0);
        assert_eq!(depth(&[&disk(&[(0, 1)])], Operation::Write).disks, 0);
    }
}
