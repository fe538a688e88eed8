//! How much of a workload is sequential.

use std::str::FromStr;

use serde::Serialize;
use vscsi_shared::histogram::{Interval, IntervalSet, Metric, Operation};

use crate::analysis::estimate::{self, Method, Range};

/// Blocks that may be left out between two I/Os that still count as sequential, 512-byte blocks.
///
/// A seek distance is the first block of an I/O minus the last block of the one before, so without a gap a sequential
/// I/O has the distance +1. Standing still (0) and going back are not sequential.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct SequentialGap(pub u32);

impl FromStr for SequentialGap {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

/// Sequential shares in percent of the I/Os; `None` where there is no I/O.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sequentiality {
    /// The gap allowed.
    pub gap: SequentialGap,
    /// Against the I/O just before.
    pub strict: Option<Range>,
    /// Against the closest of the 16 I/Os before, which sees through interleaved streams.
    pub by_stream: Option<Range>,
    /// Reads against the read just before.
    pub read: Option<Range>,
    /// Writes against the write just before.
    pub write: Option<Range>,
}

impl Sequentiality {
    /// Measures the sequential shares with this gap.
    pub fn of(histograms: &IntervalSet, gap: SequentialGap) -> Self {
        let share = |metric, operation| sequential_percent(histograms.of(metric, operation)?, gap);
        Self {
            gap,
            strict: share(Metric::SeekDistance, Operation::All),
            by_stream: share(Metric::SeekDistanceClosest16, Operation::All),
            read: share(Metric::SeekDistance, Operation::Read),
            write: share(Metric::SeekDistance, Operation::Write),
        }
    }
}

/// Share of the distances in `(0, 1 + gap]`. Where the end is no bucket limit, the bucket it cuts is counted not at all
/// for the lower bound, whole for the upper one, and in proportion for the estimate.
fn sequential_percent(interval: &Interval, gap: SequentialGap) -> Option<Range> {
    let total = interval.total();
    if total == 0 {
        return None;
    }
    let end = i64::from(gap.0).saturating_add(1);
    let (mut inside, mut cut, mut cut_share) = (0_u64, 0_u64, 0.0);
    for bucket in estimate::buckets(interval, Metric::SeekDistance) {
        // A bucket that crosses zero does so only with unknown limits; its part above zero cannot be told.
        let Some(above) = bucket.above.filter(|above| *above < end) else {
            continue;
        };
        match bucket.up_to {
            Some(up_to) if up_to <= 0 => {}
            Some(up_to) if above >= 0 && up_to <= end => inside += bucket.count,
            up_to => {
                cut += bucket.count;
                let width = up_to.map_or(f64::INFINITY, |up_to| (up_to - above) as f64);
                let part = (end.min(up_to.unwrap_or(end)) - above.max(0)) as f64;
                cut_share += bucket.count as f64 * part / width;
            }
        }
    }
    let percent = |count: f64| 100.0 * count / total as f64;
    let lo = inside as f64;
    Some(Range::between(
        percent(lo),
        percent(lo + cut as f64),
        percent(lo + cut_share),
        Method::Linear,
    ))
}
