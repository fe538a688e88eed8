//! The numbers that describe a workload: pure functions over merged histograms and observed time.
//!
//! Formula, assumption, bounds and source of each stand in `METHODS.md`.

mod block_size;
mod distribution;
mod rates;
mod sequential;

use vscsi_shared::histogram::{IntervalSet, Metric, Operation};

use super::Workload;
use super::estimate::{self, Range};
pub use block_size::{BlockSizes, SizeBucket, label};
pub use distribution::Distribution;
pub use rates::{Counts, Rates, Throughput};
pub use sequential::{SequentialGap, Sequentiality};

/// One value per direction, and one over all commands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ByOperation<T> {
    /// Over all commands.
    pub all: T,
    /// Over reads.
    pub read: T,
    /// Over writes.
    pub write: T,
}

impl<T> ByOperation<T> {
    fn from_fn(mut value: impl FnMut(Operation) -> T) -> Self {
        Self {
            all: value(Operation::All),
            read: value(Operation::Read),
            write: value(Operation::Write),
        }
    }
}

/// What a workload does.
#[derive(Debug, Clone, PartialEq)]
pub struct Profile {
    /// Observed time, seconds.
    pub seconds: f64,
    /// Number of I/Os.
    pub ios: Counts,
    /// I/Os per second.
    pub iops: Rates,
    /// Bytes per second in MB/s of 10^6 bytes.
    pub throughput_mbps: Throughput,
    /// Shares of the block sizes.
    pub block_sizes: ByOperation<BlockSizes>,
    /// How much of it is sequential.
    pub sequentiality: Sequentiality,
    /// I/Os in flight when a new one is issued, itself included.
    pub queue_depth: ByOperation<Option<Distribution>>,
    /// Time from issue to completion, milliseconds.
    pub latency_ms: ByOperation<Option<Distribution>>,
    /// Time between two I/Os, microseconds.
    pub interarrival_us: ByOperation<Option<Distribution>>,
    /// Mean outstanding I/Os at arrival, divided by IOPS times mean latency: 1 for arrivals that do not depend on each
    /// other, more for bursts. `None` without I/O.
    pub burst_index: Option<Range>,
}

impl Profile {
    /// Describes a workload.
    pub fn of(workload: &Workload, gap: SequentialGap) -> Self {
        Self::over(&workload.histograms, workload.seconds, workload.edge_ios, gap)
    }

    /// Describes histograms that were observed over `seconds`; `edge_ios` of the I/Os lie at the edge of that time.
    pub fn over(histograms: &IntervalSet, seconds: f64, edge_ios: u64, gap: SequentialGap) -> Self {
        let ios = Counts::of(histograms);
        let rates = Rates::of(ios, seconds, edge_ios);
        let distributions = |metric, factor| {
            ByOperation::from_fn(|operation| {
                histograms
                    .of(metric, operation)
                    .and_then(|interval| Distribution::of(interval, metric))
                    .map(|distribution| distribution.times(factor))
            })
        };
        let queue_depth = distributions(Metric::OutstandingIos, 1.0);
        let latency_ms = distributions(Metric::Latency, 1e-3);
        Self {
            seconds,
            ios,
            iops: rates,
            throughput_mbps: Throughput::of(histograms, seconds),
            block_sizes: ByOperation::from_fn(|operation| {
                histograms
                    .of(Metric::IoLength, operation)
                    .map(BlockSizes::of)
                    .unwrap_or_default()
            }),
            sequentiality: Sequentiality::of(histograms, gap),
            burst_index: burst_index(&queue_depth, &latency_ms, rates.total),
            queue_depth,
            latency_ms,
            interarrival_us: distributions(Metric::Interarrival, 1.0),
        }
    }
}

/// By Little's law the time average of the outstanding I/Os is IOPS times mean latency. A new I/O that arrives
/// independently of the others sees that average, and itself; when it sees much more, I/Os come in bursts.
fn burst_index(
    queue_depth: &ByOperation<Option<Distribution>>,
    latency_ms: &ByOperation<Option<Distribution>>,
    iops: f64,
) -> Option<Range> {
    let depth = queue_depth.all?.mean;
    let latency = latency_ms.all?.mean;
    let in_flight = |latency_ms: f64| iops * latency_ms / 1000.0;
    if in_flight(latency.est) <= 0.0 {
        return None;
    }
    Some(Range {
        lo: depth.lo / in_flight(latency.hi?),
        hi: depth
            .hi
            .filter(|_| latency.lo > 0.0)
            .map(|hi| hi / in_flight(latency.lo)),
        est: depth.est / in_flight(latency.est),
        method: estimate::Method::Mean,
    })
}
