//! The host's two clocks.

use std::thread;
use std::time::Duration;

use jiff::Timestamp;

use crate::sys;

/// Reads time; nothing in the agent reads it elsewhere, so that a test can be a clock.
pub trait Clock: Send + Sync {
    /// Wall clock: for people, file names and cron expressions. It may jump.
    fn wall(&self) -> Timestamp;
    /// Monotonic clock, milliseconds since some moment of this boot: for due times, ages and rates.
    fn monotonic_ms(&self) -> u64;
    /// Lets this much time pass on both clocks.
    fn sleep(&self, duration: Duration);
}

/// The clocks of the machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn wall(&self) -> Timestamp {
        Timestamp::now()
    }

    fn monotonic_ms(&self) -> u64 {
        sys::monotonic_ms()
    }

    fn sleep(&self, duration: Duration) {
        thread::sleep(duration);
    }
}
