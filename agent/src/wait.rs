//! Waiting for another process.

use std::thread;
use std::time::{Duration, Instant};

/// Asks `ready` at once and then every `interval`; `None` when it has nothing within `timeout`.
pub(crate) fn until<T>(timeout: Duration, interval: Duration, mut ready: impl FnMut() -> Option<T>) -> Option<T> {
    let began = Instant::now();
    loop {
        let found = ready();
        if found.is_some() || began.elapsed() >= timeout {
            return found;
        }
        thread::sleep(interval);
    }
}
