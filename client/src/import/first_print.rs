//! What the first print of a capture counts: a loop prints at once or after an interval, and the file does not say.

use clap::ValueEnum;
use vscsi_shared::vscsistats::{DiskHistograms, Print};

use crate::analysis::load::{seconds_of_print, watched_between_prints};

/// The least share of an interval that the times between the I/Os of a busy VM make up.
const BUSY_SHARE: f64 = 0.9;

/// What the first print is taken for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum FirstPrint {
    /// The point from which the second print counts; what it counted itself is left out
    Baseline,
    /// What was counted in one interval
    Interval,
}

/// Where the first print lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Placed {
    /// Time since the collection began, milliseconds; 0 when unknown.
    pub(super) elapsed_ms: u64,
    /// What it counted is left out.
    pub(super) is_baseline: bool,
}

impl Placed {
    /// Places the first print of a VM, by the one after it where there is one.
    ///
    /// An empty one was taken when the collection began. A loop that prints before it waits leaves a first print of less
    /// than an interval. Where the VM is busy enough for the times between its I/Os to measure the next interval, without
    /// a pause as long as what the first print does not tell of, they measure the first print too; where it is not, the
    /// interval is believed, and the analysis states what else may be true.
    pub(super) fn of(first: &Print, next: Option<&Print>, asked: Option<FirstPrint>, interval_ms: Option<u64>) -> Self {
        let is_baseline = match asked {
            Some(asked) => asked == FirstPrint::Baseline,
            None => next.is_some() && is_empty(first),
        };
        let at = |elapsed_ms| Self {
            elapsed_ms,
            is_baseline,
        };
        let Some(interval_ms) = interval_ms else { return at(0) };
        if is_baseline {
            return at(interval_ms);
        }
        let counted = seconds_of_print(first);
        // The times between its I/Os cannot add up to more than it took.
        let least_ms = counted.map_or(0, |counted| milliseconds_up(counted.lo));
        if least_ms >= interval_ms || asked == Some(FirstPrint::Interval) {
            return at(interval_ms.max(least_ms));
        }
        let counted_ms = counted
            .map_or(0, |counted| milliseconds_up(counted.est))
            .min(interval_ms);
        let is_share = |ms: f64| ms >= interval_ms as f64 * BUSY_SHARE;
        // A pause as long as what the first print does not tell of may have been what ends it.
        let untold_ms = (interval_ms - counted_ms) as f64;
        let is_busy = next.is_some_and(|next| {
            watched_between_prints(first, next)
                .any(|watched| is_share(watched.seconds * 1e3) && watched.longest_pause_seconds * 1e3 < untold_ms)
        });
        if is_share(counted_ms as f64) || !is_busy {
            return at(interval_ms);
        }
        Self {
            elapsed_ms: if counted_ms > 0 { counted_ms } else { interval_ms },
            is_baseline: counted_ms == 0,
        }
    }
}

/// It counted nothing.
fn is_empty(print: &Print) -> bool {
    let mut histograms = print.disks.iter().flat_map(DiskHistograms::iter);
    histograms.all(|(_, histogram)| histogram.total() == 0 && histogram.count() == 0)
}

/// Rounded up, so that a clock made from it is never behind.
fn milliseconds_up(seconds: f64) -> u64 {
    std::time::Duration::try_from_secs_f64(seconds).map_or(0, |duration| {
        u64::try_from(duration.as_millis()).unwrap_or(0).saturating_add(1)
    })
}
