//! Numbers of I/Os, and rates over time.

use vscsi_shared::histogram::{Interval, IntervalSet, Metric, Operation};

use crate::analysis::estimate::{self, Range};

/// Bytes in a MB as storage data sheets and fio's `MB/s` count them.
const BYTES_PER_MB: f64 = 1e6;

/// The histograms that every command enters: the first two when it is issued, the last when it is completed.
const COUNTING: [Metric; 3] = [Metric::IoLength, Metric::OutstandingIos, Metric::Latency];

/// Numbers of I/Os; `None` where no histogram counts them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// All commands.
    pub total: Option<u64>,
    /// Reads.
    pub read: Option<u64>,
    /// Writes.
    pub write: Option<u64>,
}

impl Counts {
    /// Counts the commands by their sizes, or, where a capture lacks that histogram, by the next that every command
    /// enters. Reads and writes that are more than all commands are believed.
    pub fn of(histograms: &IntervalSet) -> Self {
        let count = |operation| {
            let counted = COUNTING.into_iter().find_map(|metric| histograms.of(metric, operation));
            counted.map(Interval::total)
        };
        let (read, write) = (count(Operation::Read), count(Operation::Write));
        let total = count(Operation::All).max(sum(read, write));
        // Where one direction is all there is, the other has none, counted or not.
        let none_beside = |other: Option<u64>| other.is_some_and(|_| other == total).then_some(0);
        Self {
            total,
            read: read.or_else(|| none_beside(write)),
            write: write.or_else(|| none_beside(read)),
        }
    }

    /// The commands of one direction, or all.
    pub fn of_operation(self, operation: Operation) -> Option<u64> {
        match operation {
            Operation::All => self.total,
            Operation::Read => self.read,
            Operation::Write => self.write,
        }
    }

    /// The commands of two disks.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            total: sum(self.total, other.total),
            read: sum(self.read, other.read),
            write: sum(self.write, other.write),
        }
    }

    /// Commands that neither read nor write.
    pub fn other(self) -> Option<u64> {
        Some(self.total?.saturating_sub(sum(self.read, self.write)?))
    }

    /// Reads in percent of reads and writes; `None` when there are neither, or one of them is unknown.
    pub fn read_percent(self) -> Option<f64> {
        let both = sum(self.read, self.write).filter(|both| *both > 0)?;
        Some(100.0 * self.read? as f64 / both as f64)
    }
}

/// The sum of two numbers that are both known.
fn sum(one: Option<u64>, two: Option<u64>) -> Option<u64> {
    Some(one?.saturating_add(two?))
}

/// I/Os per second; `None` where the I/Os are unknown.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Rates {
    /// All commands.
    pub total: Option<f64>,
    /// Reads.
    pub read: Option<f64>,
    /// Writes.
    pub write: Option<f64>,
}

impl Rates {
    /// The rates of `ios` over `seconds`. I/Os at the edge of the time are taken from both directions in proportion.
    pub fn of(ios: Counts, seconds: f64, edge_ios: u64) -> Self {
        let total = ios.total.filter(|total| *total > 0);
        let inside = total.map_or(1.0, |total| total.saturating_sub(edge_ios) as f64 / total as f64);
        let rate = |count: u64| per_second(count as f64 * inside, seconds);
        Self {
            total: ios.total.map(rate),
            read: ios.read.map(rate),
            write: ios.write.map(rate),
        }
    }

    /// The rate of `total` commands over `seconds`, without those at the edge.
    pub fn total(total: u64, seconds: f64, edge_ios: u64) -> f64 {
        per_second(total.saturating_sub(edge_ios) as f64, seconds)
    }
}

fn per_second(amount: f64, seconds: f64) -> f64 {
    if seconds > 0.0 { amount / seconds } else { 0.0 }
}

/// Bytes per second, in MB/s of 10^6 bytes; `None` where no sizes are known.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Throughput {
    /// Reads and writes.
    pub total: Option<Range>,
    /// Reads.
    pub read: Option<Range>,
    /// Writes.
    pub write: Option<Range>,
}

impl Throughput {
    /// Sizes are summed per direction, because each direction has its own mean and so its own bounds. Where a direction
    /// is missing, the sizes of all commands tell the total.
    pub fn of(histograms: &IntervalSet, seconds: f64) -> Self {
        let per_second = |bytes: Range| {
            if seconds > 0.0 {
                bytes.times(1.0 / (BYTES_PER_MB * seconds))
            } else {
                Range::exact(0.0)
            }
        };
        let counts = Counts::of(histograms);
        let rate = |operation| match histograms.of(Metric::IoLength, operation) {
            Some(sizes) => Some(per_second(estimate::sum(sizes, Metric::IoLength))),
            None => (counts.of_operation(operation) == Some(0)).then_some(Range::exact(0.0)),
        };
        let (read, write) = (rate(Operation::Read), rate(Operation::Write));
        Self {
            total: both(read, write).or_else(|| rate(Operation::All)),
            read,
            write,
        }
    }

    /// The bytes of two disks over the same time.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            total: both(self.total, other.total),
            read: both(self.read, other.read),
            write: both(self.write, other.write),
        }
    }
}

/// The sum of two numbers of which something is known.
fn both(one: Option<Range>, two: Option<Range>) -> Option<Range> {
    Some(one?.plus(two?))
}
