//! What a workload asks of a replay: the numbers of each direction, taken from its histograms.

use vscsi_shared::histogram::{Interval, IntervalSet, Metric, Operation};

use crate::analysis::estimate;
use crate::replay::{BLOCK_BYTES, Direction, bucket_range, sequential_share};

/// Smallest region a replay works on, so that it does not fit a controller's cache by accident.
const SMALLEST_SPAN: u64 = 1 << 30;
/// Largest region chosen without being asked for.
const LARGEST_SPAN: u64 = 4 << 40;
/// Depth where the capture holds no outstanding I/O.
const DEFAULT_DEPTH: u32 = 32;
/// No more commands than this are kept in flight.
const LARGEST_DEPTH: u32 = 256;

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
    /// Whether the capture held the histogram.
    pub measured: bool,
}

/// The directions that have commands, reads first.
pub(crate) fn demands(histograms: &IntervalSet, seconds: f64) -> Vec<Demand<'_>> {
    let demand = |direction: Direction| {
        let operation = direction.operation();
        let sizes = histograms.of(Metric::IoLength, operation)?;
        let count: u64 = sizes.counts.iter().sum();
        let seeks = histograms.of(Metric::SeekDistance, operation);
        (count > 0 && seconds > 0.0).then(|| Demand {
            direction,
            sizes,
            iops: count as f64 / seconds,
            sequential_share: seeks.map_or(0.0, sequential_share),
            depth: depth(histograms.of(Metric::OutstandingIos, operation)),
        })
    };
    Direction::ALL.into_iter().filter_map(demand).collect()
}

/// Queue depth from a histogram of outstanding I/O.
pub(crate) fn depth(outstanding: Option<&Interval>) -> Depth {
    let total: u64 = outstanding.map_or(0, |interval| interval.counts.iter().sum());
    let Some(interval) = outstanding.filter(|_| total > 0) else {
        return Depth {
            p95: DEFAULT_DEPTH,
            mean: f64::from(DEFAULT_DEPTH),
            measured: false,
        };
    };
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
    Depth {
        p95,
        mean: estimate::mean(interval, Metric::OutstandingIos)
            .map_or(1.0, |mean| mean.est)
            .clamp(1.0, f64::from(LARGEST_DEPTH)),
        measured: true,
    }
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
    use vscsi_shared::histogram::Limits;

    use super::*;

    #[test]
    fn the_depth_covers_95_percent_of_the_commands() {
        let mut outstanding = Interval::empty(Limits::known(Metric::OutstandingIos));
        outstanding.counts[0] = 90;
        outstanding.counts[3] = 5; // (4, 6]
        outstanding.counts[11] = 5; // (32, 64]
        assert_eq!(depth(Some(&outstanding)).p95, 6);
    }

    #[test]
    fn a_capture_without_outstanding_io_says_that_its_depth_is_assumed() {
        assert!(!depth(None).measured);
    }
}
