//! Which charts there are.

use std::fmt;
use std::str::FromStr;

use vscsi_shared::histogram::{Metric, Operation};

use crate::analysis::Series;

/// A quantity over buckets and time, drawn as a surface with its heat map beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Surface {
    /// I/Os per second over block sizes: where the activity is.
    Iops,
    /// Share of the I/Os over block sizes: what the mix is, also when little happens.
    BlockSize,
    /// I/Os per second over latencies.
    Latency,
    /// I/Os per second over seek distances.
    Seek,
    /// I/Os per second over commands in flight.
    Outstanding,
    /// I/Os per second over interarrival times.
    Interarrival,
}

impl Surface {
    /// Every surface, in the order they are drawn.
    pub const ALL: [Self; 6] = [
        Self::Iops,
        Self::BlockSize,
        Self::Latency,
        Self::Seek,
        Self::Outstanding,
        Self::Interarrival,
    ];

    /// What its histograms count.
    pub(crate) fn metric(self) -> Metric {
        match self {
            Self::Iops | Self::BlockSize => Metric::IoLength,
            Self::Latency => Metric::Latency,
            Self::Seek => Metric::SeekDistance,
            Self::Outstanding => Metric::OutstandingIos,
            Self::Interarrival => Metric::Interarrival,
        }
    }

    /// File names without extension: all commands, reads, writes.
    fn names(self) -> [&'static str; 3] {
        match self {
            Self::Iops => ["iops-3d", "iops-3d-read", "iops-3d-write"],
            Self::BlockSize => ["blocksize-3d", "blocksize-3d-read", "blocksize-3d-write"],
            Self::Latency => ["latency-3d", "latency-3d-read", "latency-3d-write"],
            Self::Seek => ["seek-3d", "seek-3d-read", "seek-3d-write"],
            Self::Outstanding => ["outstanding-3d", "outstanding-3d-read", "outstanding-3d-write"],
            Self::Interarrival => ["interarrival-3d", "interarrival-3d-read", "interarrival-3d-write"],
        }
    }

    /// What it shows, in a few words.
    pub fn title(self) -> &'static str {
        match self {
            Self::Iops => "IOPS by block size",
            Self::BlockSize => "Block size mix",
            Self::Latency => "Latency",
            Self::Seek => "Seek distance",
            Self::Outstanding => "Outstanding I/O",
            Self::Interarrival => "Interarrival",
        }
    }

    /// What the buckets are.
    pub(super) fn bucket_title(self) -> &'static str {
        match self {
            Self::Iops | Self::BlockSize => "block size (bytes)",
            Self::Latency => "latency",
            Self::Seek => "seek distance (512 B blocks)",
            Self::Outstanding => "outstanding I/Os",
            Self::Interarrival => "interarrival time",
        }
    }
}

/// A chart, which is one file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ChartKind {
    /// A surface over buckets and time, with its heat map, of the commands of one direction or all.
    Surface(Surface, Operation),
    /// I/Os per second over time, with the filter's cut.
    IopsTimeline,
    /// Percentiles of latency over time, with their ranges.
    LatencyTimeline,
    /// Megabytes per second over time.
    ThroughputTimeline,
    /// Block sizes by count and by bytes, per direction.
    BlockSizes,
    /// Latencies per direction, with the ranges of the percentiles.
    Latencies,
    /// Share of sequential I/O over time.
    SequentialTimeline,
    /// Commands in flight over time.
    OutstandingTimeline,
}

impl ChartKind {
    /// Every chart, in the order they are made.
    pub fn all() -> impl Iterator<Item = Self> {
        let surfaces = Surface::ALL.into_iter().flat_map(|surface| {
            [Operation::All, Operation::Read, Operation::Write]
                .into_iter()
                .map(move |operation| Self::Surface(surface, operation))
        });
        surfaces.chain([
            Self::IopsTimeline,
            Self::LatencyTimeline,
            Self::ThroughputTimeline,
            Self::BlockSizes,
            Self::Latencies,
            Self::SequentialTimeline,
            Self::OutstandingTimeline,
        ])
    }

    /// The charts of a series: all but those of a direction that has no commands.
    pub fn of(series: &Series) -> Vec<Self> {
        let has = |operation: Operation| {
            let disks = series.samples.iter().flat_map(|sample| &sample.disks);
            let mut counted = disks.flat_map(|disk| disk.histograms.iter());
            counted.any(|(kind, interval)| kind.operation() == operation && interval.total() > 0)
        };
        let is_shown = |kind: &Self| match kind {
            Self::Surface(_, operation @ (Operation::Read | Operation::Write)) => has(*operation),
            _ => true,
        };
        Self::all().filter(is_shown).collect()
    }

    /// The file's name without its extension, such as `latency-3d-read`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Surface(surface, operation) => {
                let [all, read, write] = surface.names();
                match operation {
                    Operation::All => all,
                    Operation::Read => read,
                    Operation::Write => write,
                }
            }
            Self::IopsTimeline => "iops-timeline",
            Self::LatencyTimeline => "latency-timeline",
            Self::ThroughputTimeline => "throughput-timeline",
            Self::BlockSizes => "blocksize-distribution",
            Self::Latencies => "latency-distribution",
            Self::SequentialTimeline => "sequential-timeline",
            Self::OutstandingTimeline => "outstanding-timeline",
        }
    }

    /// The title of the picture.
    pub fn title(self) -> String {
        match self {
            Self::Surface(surface, operation) => {
                let commands = match operation {
                    Operation::All => "all commands",
                    Operation::Read => "reads",
                    Operation::Write => "writes",
                };
                format!("{} over time: {commands}", surface.title())
            }
            Self::IopsTimeline => "IOPS over time".to_owned(),
            Self::LatencyTimeline => "Latency over time".to_owned(),
            Self::ThroughputTimeline => "Throughput over time".to_owned(),
            Self::BlockSizes => "Block sizes by count and by bytes".to_owned(),
            Self::Latencies => "Latency distribution".to_owned(),
            Self::SequentialTimeline => "Sequential share over time".to_owned(),
            Self::OutstandingTimeline => "Outstanding I/O over time".to_owned(),
        }
    }
}

impl fmt::Display for ChartKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.name())
    }
}

/// No chart has this name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no chart `{name}`; charts are: {}", ChartKind::all().map(ChartKind::name).collect::<Vec<_>>().join(", "))]
pub struct UnknownChart {
    name: String,
}

impl FromStr for ChartKind {
    type Err = UnknownChart;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::all()
            .find(|kind| kind.name() == name)
            .ok_or_else(|| UnknownChart {
                name: name.chars().take(80).flat_map(char::escape_debug).collect(),
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_chart_is_found_by_its_name() {
        for kind in ChartKind::all() {
            assert_eq!(kind.name().parse(), Ok(kind));
        }
    }

    #[test]
    fn surfaces_carry_their_direction_in_the_name_unless_they_show_all_commands() {
        let name = |operation| ChartKind::Surface(Surface::Latency, operation).name();
        assert_eq!(name(Operation::All), "latency-3d");
        assert_eq!(name(Operation::Write), "latency-3d-write");
    }

    #[test]
    fn an_unknown_name_is_answered_with_those_there_are() {
        let message = "pie".parse::<ChartKind>().unwrap_err().to_string();
        assert!(message.contains("`pie`") && message.contains("seek-3d-read"));
    }
}
