//! Numbers of I/Os, and rates over time.

use vscsi_shared::histogram::{IntervalSet, Metric, Operation};

use crate::analysis::estimate::{self, Range};

/// Bytes in a MB as storage data sheets and fio's `MB/s` count them.
const BYTES_PER_MB: f64 = 1e6;

/// Numbers of I/Os, exact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// All commands.
    pub total: u64,
    /// Reads.
    pub read: u64,
    /// Writes.
    pub write: u64,
}

impl Counts {
    /// Counts the commands by the block size histograms, which every command enters when it is issued.
    pub fn of(histograms: &IntervalSet) -> Self {
        let count = |operation| {
            histograms
                .of(Metric::IoLength, operation)
                .map_or(0, estimate::total_count)
        };
        let (read, write) = (count(Operation::Read), count(Operation::Write));
        // A capture may hold the histograms of one direction only.
        let total = count(Operation::All).max(read.saturating_add(write));
        Self { total, read, write }
    }

    /// Commands that neither read nor write.
    pub fn other(self) -> u64 {
        self.total.saturating_sub(self.read.saturating_add(self.write))
    }

    /// Reads in percent of reads and writes; `None` when there are neither.
    pub fn read_percent(self) -> Option<f64> {
        let both = self.read.saturating_add(self.write);
        (both > 0).then(|| 100.0 * self.read as f64 / both as f64)
    }
}

/// I/Os per second.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Rates {
    /// All commands.
    pub total: f64,
    /// Reads.
    pub read: f64,
    /// Writes.
    pub write: f64,
}

impl Rates {
    /// The rates of `ios` over `seconds`. I/Os at the edge of the time are taken from both directions in proportion.
    pub fn of(ios: Counts, seconds: f64, edge_ios: u64) -> Self {
        if ios.total == 0 || seconds <= 0.0 {
            return Self::default();
        }
        let inside = ios.total.saturating_sub(edge_ios) as f64 / ios.total as f64;
        let rate = |count: u64| count as f64 * inside / seconds;
        Self {
            total: rate(ios.total),
            read: rate(ios.read),
            write: rate(ios.write),
        }
    }
}

/// Bytes per second, in MB/s of 10^6 bytes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Throughput {
    /// Reads and writes.
    pub total: Range,
    /// Reads.
    pub read: Range,
    /// Writes.
    pub write: Range,
}

impl Throughput {
    /// Sizes are summed per direction, because each direction has its own mean and so its own bounds.
    pub fn of(histograms: &IntervalSet, seconds: f64) -> Self {
        let bytes = |operation| {
            histograms
                .of(Metric::IoLength, operation)
                .map_or(Range::exact(0.0), |interval| estimate::sum(interval, Metric::IoLength))
        };
        let per_second = |bytes: Range| {
            if seconds > 0.0 {
                bytes.times(1.0 / (BYTES_PER_MB * seconds))
            } else {
                Range::exact(0.0)
            }
        };
        let (read, write) = (bytes(Operation::Read), bytes(Operation::Write));
        let total = if Counts::of(histograms).read + Counts::of(histograms).write == 0 {
            bytes(Operation::All)
        } else {
            read.plus(write)
        };
        Self {
            total: per_second(total),
            read: per_second(read),
            write: per_second(write),
        }
    }
}
