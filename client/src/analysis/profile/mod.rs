//! The numbers that describe a workload: pure functions over merged histograms and observed time.
//!
//! Formula, assumption, bounds and source of each stand in `METHODS.md`.

mod block_size;
mod burst;
mod distribution;
mod rates;
mod sequential;

use vscsi_shared::histogram::{IntervalSet, Metric, Operation};

use super::Workload;
use super::estimate::Range;
pub use block_size::{BlockSizes, SizeBucket};
use burst::DiskLoad;
pub use burst::burst_index;
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
    /// Shares of the block sizes; `None` where the histogram is missing.
    pub block_sizes: ByOperation<Option<BlockSizes>>,
    /// How much of it is sequential.
    pub sequentiality: Sequentiality,
    /// I/Os in flight when a new one is issued, itself included.
    pub queue_depth: ByOperation<Option<Distribution>>,
    /// Time from issue to completion, milliseconds.
    pub latency_ms: ByOperation<Option<Distribution>>,
    /// Time between two I/Os, microseconds.
    pub interarrival_us: ByOperation<Option<Distribution>>,
    /// Whether I/Os come in bursts (see [`burst_index()`]); `None` without I/O.
    pub burst_index: Option<Range>,
}

impl Profile {
    /// Describes a workload. I/Os and bytes are added up over the disks, because a disk may lack a histogram that
    /// another has.
    pub fn of(workload: &Workload, gap: SequentialGap) -> Self {
        let merged = Self::over(&workload.histograms, workload.seconds, workload.edge_ios, gap);
        let disks = || {
            let histograms = workload.disks.iter().map(|disk| &disk.histograms);
            histograms.filter(|histograms| histograms.iter().next().is_some())
        };
        let ios = disks().map(Counts::of).reduce(Counts::plus).unwrap_or(merged.ios);
        let throughput = disks()
            .map(|histograms| Throughput::of(histograms, workload.seconds))
            .reduce(Throughput::plus);
        Self {
            ios,
            iops: Rates::of(ios, workload.seconds, workload.edge_ios),
            throughput_mbps: throughput.unwrap_or(merged.throughput_mbps),
            burst_index: burst_index(workload),
            ..merged
        }
    }

    /// Describes histograms of one disk that were observed over `seconds`; `edge_ios` of the I/Os lie at the edge of that
    /// time.
    pub fn over(histograms: &IntervalSet, seconds: f64, edge_ios: u64, gap: SequentialGap) -> Self {
        let ios = Counts::of(histograms);
        let distributions = |metric, factor| {
            ByOperation::from_fn(|operation| {
                histograms
                    .of(metric, operation)
                    .and_then(|interval| Distribution::of(interval, metric))
                    .map(|distribution| distribution.times(factor))
            })
        };
        Self {
            seconds,
            ios,
            iops: Rates::of(ios, seconds, edge_ios),
            throughput_mbps: Throughput::of(histograms, seconds),
            block_sizes: ByOperation::from_fn(|operation| {
                histograms.of(Metric::IoLength, operation).map(BlockSizes::of)
            }),
            sequentiality: Sequentiality::of(histograms, gap),
            burst_index: burst::of_disks(std::iter::once(DiskLoad {
                histograms,
                seconds,
                edge_ios,
            })),
            queue_depth: distributions(Metric::OutstandingIos, 1.0),
            latency_ms: distributions(Metric::Latency, 1e-3),
            interarrival_us: distributions(Metric::Interarrival, 1.0),
        }
    }
}
