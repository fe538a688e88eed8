//! Where a sample lies in time.

use jiff::Timestamp;
use vscsi_shared::histogram::{Interval, IntervalSet, Metric, Operation};
use vscsi_shared::snapshot::SnapshotFlag;

use super::reading::Reading;
use crate::analysis::estimate::{self, Range};

/// Places readings on one axis of seconds that never runs backwards.
///
/// Within one boot of the host the monotonic clock counts; across a boot only the wall clock connects the two, and an
/// import without any clock is placed behind the samples before it.
#[derive(Debug, Default)]
pub(super) struct Timeline {
    anchor: Option<Anchor>,
}

#[derive(Debug)]
struct Anchor {
    boot_id: String,
    monotonic_ms: u64,
    taken_at: Timestamp,
    seconds: f64,
}

/// Where a reading lies.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Moment {
    /// On the axis, seconds since its beginning.
    At(f64),
    /// The monotonic clock ran backwards within one boot.
    Backwards,
    /// The reading has no clock.
    Unknown,
}

impl Timeline {
    /// The moment of a reading, which becomes the one that the next is placed against.
    pub(super) fn place(&mut self, reading: &Reading) -> Moment {
        let Some(now_ms) = reading.monotonic_ms else {
            return Moment::Unknown;
        };
        let seconds = match &self.anchor {
            // An import counts its time from the beginning of the collection; elsewhere the first snapshot is the zero.
            None if reading.has(SnapshotFlag::Undated) => now_ms as f64 / 1000.0,
            None => 0.0,
            Some(anchor) if anchor.boot_id == reading.boot_id => {
                if now_ms <= anchor.monotonic_ms {
                    return Moment::Backwards;
                }
                anchor.seconds + (now_ms - anchor.monotonic_ms) as f64 / 1000.0
            }
            Some(anchor) => {
                let passed = reading.taken_at.duration_since(anchor.taken_at).as_secs_f64();
                anchor.seconds + passed.max(0.0)
            }
        };
        self.anchor = Some(Anchor {
            boot_id: reading.boot_id.clone(),
            monotonic_ms: now_ms,
            taken_at: reading.taken_at,
            seconds,
        });
        Moment::At(seconds)
    }
}

/// The time from one I/O to another that the interarrival times between them add up to, seconds; `None` when there is
/// no such histogram, or no time passed.
pub(super) fn seconds_by_interarrival(set: &IntervalSet) -> Option<Range> {
    seconds_of_interarrival(set.of(Metric::Interarrival, Operation::All)?)
}

/// The same for the histogram alone. Of successive ones [`super::gaps`] knows more than of each.
pub(super) fn seconds_of_interarrival(interarrival: &Interval) -> Option<Range> {
    let seconds = estimate::sum(interarrival, Metric::Interarrival).times(1e-6);
    (seconds.est > 0.0).then_some(seconds)
}

/// The longest of several, which is the one of which most is known to have passed.
pub(super) fn longest(seconds: impl Iterator<Item = Range>) -> Option<Range> {
    seconds.max_by(|one, other| one.est.total_cmp(&other.est))
}
