//! The artefacts of a collection's first I/O.
//!
//! vscsiStats compares every I/O with the one before it. Before the first there is none, and the comparison is made
//! with zero: the first interarrival time is the host's uptime, and the first seek distance is the I/O's own block
//! number. Both ruin minimum, maximum and mean, so they are taken out and counted.

use vscsi_shared::histogram::{Figure, Histogram, HistogramKind, Interval, IntervalSet, Metric, Operation};

/// vscsiStats ends a collection by itself after 30 minutes, so within a collection that nobody starts anew a longer
/// pause between two I/Os cannot be seen.
pub(super) const LONGEST_UNATTENDED_PAUSE_SECONDS: f64 = 1800.0;

/// Clocks of the two sides tick apart, and vscsiStats takes a moment to print.
const SLACK_SECONDS: f64 = 1.0;

/// Artefacts that were removed from one disk's sample.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Removed {
    /// The first interarrival of the first I/O, microseconds: the host's uptime.
    pub(super) uptime_us: Option<i64>,
    /// The first interarrival over all commands was among them, so the collection's first I/O lies in this sample.
    pub(super) first_io: bool,
    /// Seek distances taken out.
    pub(super) seeks: u64,
}

/// The largest interarrival time is too long to have passed inside the collection, so it is the host's uptime.
///
/// `longest_pause_seconds` is the time in which two successive I/Os can have been counted; `None` when the capture has
/// no clock.
pub(super) fn is_uptime(largest_us: i64, longest_pause_seconds: Option<f64>) -> bool {
    let pause = longest_pause_seconds.map_or(LONGEST_UNATTENDED_PAUSE_SECONDS, |seconds| seconds + SLACK_SECONDS);
    largest_us as f64 > pause * 1e6
}

/// The largest interarrival time is the host's uptime at a moment between two prints, by the clock of both.
pub(super) fn is_uptime_within(largest_us: i64, after_ms: u64, until_ms: u64) -> bool {
    let largest_ms = largest_us as f64 / 1e3;
    let slack_ms = SLACK_SECONDS * 1e3;
    largest_ms > after_ms as f64 - slack_ms && largest_ms <= until_ms as f64 + slack_ms
}

/// Removes the artefacts from histograms that hold the collection's first I/O of each operation in `begins`.
///
/// `latest` gives the cumulative histograms, whose maximum is the artefact's value.
pub(super) fn remove<'print>(
    set: &mut IntervalSet,
    begins: impl Fn(HistogramKind) -> bool,
    latest: impl Fn(HistogramKind) -> Option<&'print Histogram>,
    longest_pause_seconds: Option<f64>,
) -> Removed {
    let mut removed = Removed::default();
    for operation in [Operation::All, Operation::Read, Operation::Write] {
        let Some(kind) = HistogramKind::new(Metric::Interarrival, operation).filter(|kind| begins(*kind)) else {
            continue;
        };
        let Some(largest) = latest(kind)
            .filter(|print| print.count() > 0)
            .and_then(|print| print.summary().max)
        else {
            continue;
        };
        if !is_uptime(largest.at_least(), longest_pause_seconds)
            || !set.get_mut(kind).is_some_and(|set| take_out(set, largest))
        {
            continue;
        }
        // The first I/O over all commands comes first; the first of the other direction is later.
        removed.uptime_us = removed.uptime_us.or(Some(largest.nearest()));
        removed.first_io |= operation == Operation::All;
        // A beginning that shows in the interarrival times is the beginning for the seek distances too.
        let windowed = (operation == Operation::All).then_some(Metric::SeekDistanceClosest16);
        for metric in [Metric::SeekDistance].into_iter().chain(windowed) {
            let seek = HistogramKind::new(metric, operation).filter(|kind| begins(*kind));
            if seek.and_then(|kind| set.get_mut(kind)).is_some_and(take_out_first_seek) {
                removed.seeks += 1;
            }
        }
    }
    removed
}

/// Takes one value that is known, and is the largest, out of an interval.
fn take_out(interval: &mut Interval, value: Figure) -> bool {
    let bucket = interval.limits.bucket_of(value.at_least());
    let Some(count) = interval.counts.get_mut(bucket).filter(|count| **count > 0) else {
        return false;
    };
    *count -= 1;
    interval.count = interval.count.saturating_sub(1);
    interval.sum_at_least = interval.sum_at_least.saturating_sub(i128::from(value.at_most()));
    interval.sum_at_most = interval.sum_at_most.saturating_sub(i128::from(value.at_least()));
    forget_extremes(interval, Some(interval.sum_at_most));
    true
}

/// Takes the first seek distance out of the overflow bucket: it is the block number of the first I/O, and all but the
/// first 244 MiB of a disk lie beyond the last limit. A first I/O below it cannot be told from the others.
fn take_out_first_seek(interval: &mut Interval) -> bool {
    let last_limit = interval.limits.as_slice().last().copied().unwrap_or(0);
    let (Some(largest), Some(count)) = (
        interval.values_at_most,
        interval.counts.last_mut().filter(|count| **count > 0),
    ) else {
        return false;
    };
    *count -= 1;
    interval.count = interval.count.saturating_sub(1);
    interval.sum_at_least = interval.sum_at_least.saturating_sub(i128::from(largest));
    interval.sum_at_most = interval.sum_at_most.saturating_sub(i128::from(last_limit));
    forget_extremes(interval, None);
    true
}

/// Adapts the value bounds after the largest value may have gone: no time between I/Os is above the sum of all.
fn forget_extremes(interval: &mut Interval, at_most: Option<i128>) {
    if interval.count == 0 {
        interval.values_at_least = None;
        interval.values_at_most = None;
        interval.sum_at_least = 0;
        interval.sum_at_most = 0;
        interval.end_slack = 0;
        return;
    }
    if let Some(at_most) = at_most.and_then(|at_most| i64::try_from(at_most).ok()) {
        interval.values_at_most = interval.values_at_most.map(|known| known.min(at_most));
    }
}
