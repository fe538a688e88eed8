//! The time of day and waiting, so that whatever depends on them can be tested without either.

use std::fmt::Debug;
use std::time::Duration;

use jiff::Timestamp;

/// A source of time.
pub trait Clock: Debug + Send + Sync {
    /// The wall clock now.
    fn now(&self) -> Timestamp;

    /// Returns after `duration`.
    fn sleep(&self, duration: Duration);
}

/// The machine's own clock.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    fn sleep(&self, duration: Duration) {
        std::thread::sleep(duration);
    }
}
