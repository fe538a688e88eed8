//! The numbers that two workloads are compared by.

use serde::{Deserialize, Serialize};

use crate::analysis::estimate::Range;
use crate::analysis::profile::{Distribution, Profile};
use crate::number::{duration_ms, rate};

/// A number that two profiles are compared by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    /// I/Os per second.
    Iops,
    /// Reads per second.
    ReadIops,
    /// Writes per second.
    WriteIops,
    /// MB/s of 10^6 bytes.
    Mbps,
    /// MB/s read.
    ReadMbps,
    /// MB/s written.
    WriteMbps,
    /// Reads in percent of reads and writes.
    ReadPercent,
    /// Strictly sequential I/Os, percent.
    SequentialPercent,
    /// Mean outstanding I/Os.
    QueueDepth,
    /// Mean read latency, ms.
    ReadMean,
    /// Median read latency, ms.
    ReadP50,
    /// 95th percentile of the read latency, ms.
    ReadP95,
    /// 99th percentile of the read latency, ms.
    ReadP99,
    /// Mean write latency, ms.
    WriteMean,
    /// Median write latency, ms.
    WriteP50,
    /// 95th percentile of the write latency, ms.
    WriteP95,
    /// 99th percentile of the write latency, ms.
    WriteP99,
}

/// What a measure is counted in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unit {
    /// A rate, or a number of I/Os.
    Number,
    Percent,
    Milliseconds,
}

impl Measure {
    /// Every measure, in the order of the table.
    pub(crate) const ALL: [Self; 17] = [
        Self::Iops,
        Self::ReadIops,
        Self::WriteIops,
        Self::Mbps,
        Self::ReadMbps,
        Self::WriteMbps,
        Self::ReadPercent,
        Self::SequentialPercent,
        Self::QueueDepth,
        Self::ReadMean,
        Self::ReadP50,
        Self::ReadP95,
        Self::ReadP99,
        Self::WriteMean,
        Self::WriteP50,
        Self::WriteP95,
        Self::WriteP99,
    ];

    /// Its name in limits, tables and JSON.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Iops => "iops",
            Self::ReadIops => "read_iops",
            Self::WriteIops => "write_iops",
            Self::Mbps => "mbps",
            Self::ReadMbps => "read_mbps",
            Self::WriteMbps => "write_mbps",
            Self::ReadPercent => "read_percent",
            Self::SequentialPercent => "sequential_percent",
            Self::QueueDepth => "queue_depth",
            Self::ReadMean => "read_mean",
            Self::ReadP50 => "read_p50",
            Self::ReadP95 => "read_p95",
            Self::ReadP99 => "read_p99",
            Self::WriteMean => "write_mean",
            Self::WriteP50 => "write_p50",
            Self::WriteP95 => "write_p95",
            Self::WriteP99 => "write_p99",
        }
    }

    /// Less of it is better, so a limit is a ceiling; of the others a limit is a floor.
    pub(crate) fn less_is_better(self) -> bool {
        self == Self::QueueDepth || self.unit() == Unit::Milliseconds
    }

    /// The mean of what a percentile is of: known within a few microseconds, where a percentile is known by its bucket.
    pub(super) fn mean(self) -> Option<Self> {
        match self {
            Self::ReadP50 | Self::ReadP95 | Self::ReadP99 => Some(Self::ReadMean),
            Self::WriteP50 | Self::WriteP95 | Self::WriteP99 => Some(Self::WriteMean),
            _ => None,
        }
    }

    /// How fast reads are served decides it.
    pub(crate) fn depends_on_reads(self) -> bool {
        matches!(
            self,
            Self::QueueDepth | Self::ReadMean | Self::ReadP50 | Self::ReadP95 | Self::ReadP99
        )
    }

    /// It is a share of something, in percent.
    pub(crate) fn is_share(self) -> bool {
        self.unit() == Unit::Percent
    }

    /// A value of it with its unit; rates and queue depths have none.
    pub(crate) fn shown(self, value: f64) -> String {
        match self.unit() {
            Unit::Milliseconds => duration_ms(value),
            Unit::Percent => format!("{value:.1}%"),
            Unit::Number => rate(value),
        }
    }

    fn unit(self) -> Unit {
        match self {
            Self::ReadMean
            | Self::ReadP50
            | Self::ReadP95
            | Self::ReadP99
            | Self::WriteMean
            | Self::WriteP50
            | Self::WriteP95
            | Self::WriteP99 => Unit::Milliseconds,
            Self::ReadPercent | Self::SequentialPercent => Unit::Percent,
            Self::Iops
            | Self::ReadIops
            | Self::WriteIops
            | Self::Mbps
            | Self::ReadMbps
            | Self::WriteMbps
            | Self::QueueDepth => Unit::Number,
        }
    }

    /// Its value in a profile; `None` when it is unknown, or there is no I/O to take it from.
    pub(crate) fn of(self, profile: &Profile) -> Option<Range> {
        let latency =
            |of: fn(&Distribution) -> Range, distribution: &Option<Distribution>| distribution.as_ref().map(of);
        let (read, write) = (&profile.latency_ms.read, &profile.latency_ms.write);
        match self {
            Self::Iops => profile.iops.total.map(Range::exact),
            Self::ReadIops => profile.iops.read.map(Range::exact),
            Self::WriteIops => profile.iops.write.map(Range::exact),
            Self::Mbps => profile.throughput_mbps.total,
            Self::ReadMbps => profile.throughput_mbps.read,
            Self::WriteMbps => profile.throughput_mbps.write,
            Self::ReadPercent => profile.ios.read_percent().map(Range::exact),
            Self::SequentialPercent => profile.sequentiality.strict,
            Self::QueueDepth => profile.queue_depth.all.as_ref().map(|depth| depth.mean),
            Self::ReadMean => latency(|found| found.mean, read),
            Self::ReadP50 => latency(|found| found.p50, read),
            Self::ReadP95 => latency(|found| found.p95, read),
            Self::ReadP99 => latency(|found| found.p99, read),
            Self::WriteMean => latency(|found| found.mean, write),
            Self::WriteP50 => latency(|found| found.p50, write),
            Self::WriteP95 => latency(|found| found.p95, write),
            Self::WriteP99 => latency(|found| found.p99, write),
        }
    }
}
