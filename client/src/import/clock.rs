//! When the prints of a capture were made: at the times printed beside them, or an interval apart.

use vscsi_shared::vscsistats::{Print, PrintedTime};

use super::Request;
use super::first_print::Placed;

/// The clock of the prints of one VM.
#[derive(Debug, Default)]
pub(super) struct Clock {
    /// How far two prints lie apart where no time tells, milliseconds; 0 when nobody knows.
    step_ms: u64,
    /// Time since the collection began, milliseconds; 0 when unknown.
    elapsed_ms: u64,
    /// The time of the last print that has one, and where that one lies; `None` where no times place the prints.
    last: Option<(PrintedTime, u64)>,
}

/// Where a print lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tick {
    /// Time since the collection began, milliseconds; 0 when unknown.
    pub(super) elapsed_ms: u64,
    /// The time printed beside it says so.
    pub(super) is_timed: bool,
}

impl Clock {
    /// A clock that begins with the first print, which lies as [`Placed`] says: an interval after the collection began,
    /// or as long as its I/Os tell. Times count where the first two prints have one, and the step from the one to the
    /// other is the interval then.
    pub(super) fn begin(first: &Print, next: Option<&Print>, request: &Request) -> (Self, Placed, Tick) {
        let step_ms = next.and_then(|next| next.time.as_ref()?.milliseconds_since(first.time.as_ref()?));
        let time = first.time.clone().filter(|_| step_ms.is_some());
        let step_ms = step_ms.or(request.interval_ms());
        let placed = Placed::of(first, next, request.first_print, step_ms);
        let tick = Tick {
            elapsed_ms: placed.elapsed_ms,
            is_timed: time.is_some(),
        };
        let clock = Self {
            step_ms: step_ms.unwrap_or(0),
            elapsed_ms: placed.elapsed_ms,
            last: time.map(|time| (time, placed.elapsed_ms)),
        };
        (clock, placed, tick)
    }

    /// Where the next print lies, which is this many turns of the loop behind the one before. One whose time is missing,
    /// or not later than that of the one before, lies a step behind it for each turn.
    pub(super) fn tick(&mut self, time: Option<&PrintedTime>, turns: u64) -> Tick {
        let told_ms = time.zip(self.last.as_ref()).and_then(|(now, (last, last_ms))| {
            let now_ms = last_ms.saturating_add(now.milliseconds_since(last)?);
            (now_ms > self.elapsed_ms).then_some(now_ms)
        });
        let stepped_ms = self.elapsed_ms.saturating_add(self.step_ms.saturating_mul(turns));
        self.elapsed_ms = told_ms.unwrap_or(stepped_ms);
        if let Some((last, time)) = self.last.as_mut().zip(time) {
            *last = (time.clone(), self.elapsed_ms);
        }
        Tick {
            elapsed_ms: self.elapsed_ms,
            is_timed: told_ms.is_some(),
        }
    }
}
