//! The sixteen histograms of a disk: what each measures, for which commands, and the title it is printed under.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What a histogram measures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Metric {
    /// Size of a command, bytes.
    IoLength,
    /// First block of this command minus last block of the one before it, 512-byte blocks; +1 is sequential.
    SeekDistance,
    /// The same against the closest of the previous 16 commands.
    SeekDistanceClosest16,
    /// Time from issue to completion, microseconds.
    Latency,
    /// Commands in flight when a new one is issued, itself included.
    OutstandingIos,
    /// Time since the previous command was issued, microseconds.
    Interarrival,
}

/// The commands a histogram counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// Every command, also those that neither read nor write.
    All,
    /// Reads.
    Read,
    /// Writes.
    Write,
}

impl Metric {
    /// Its values may be negative.
    pub fn is_signed(self) -> bool {
        match self {
            Self::SeekDistance | Self::SeekDistanceClosest16 => true,
            Self::IoLength | Self::Latency | Self::OutstandingIos | Self::Interarrival => false,
        }
    }
}

impl fmt::Display for Metric {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::IoLength => "io_length",
            Self::SeekDistance => "seek_distance",
            Self::SeekDistanceClosest16 => "seek_distance_closest16",
            Self::Latency => "latency",
            Self::OutstandingIos => "outstanding_ios",
            Self::Interarrival => "interarrival",
        })
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::All => "all",
            Self::Read => "read",
            Self::Write => "write",
        })
    }
}

/// One of the sixteen histograms vscsiStats keeps for a disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct HistogramKind {
    metric: Metric,
    operation: Operation,
}

/// Titles in the order of `vscsiStats -p all`, the same in every capture known.
const TITLES: [&str; HistogramKind::COUNT] = [
    "IO lengths of commands",
    "IO lengths of Read commands",
    "IO lengths of Write commands",
    "distance (in LBNs) between successive commands",
    "distance (in LBNs) between successive Read commands",
    "distance (in LBNs) between successive Write commands",
    "distance (in LBNs) between each command from the closest of previous 16",
    "latency of IOs in Microseconds (us)",
    "latency of Read IOs in Microseconds (us)",
    "latency of Write IOs in Microseconds (us)",
    "number of outstanding IOs when a new IO is issued",
    "number of outstanding Read IOs when a new Read IO is issued",
    "number of outstanding Write IOs when a new Write IO is issued",
    "latency of IO interarrival time in Microseconds (us)",
    "latency of IO interarrival time for Reads in Microseconds (us)",
    "latency of IO interarrival time for Writes in Microseconds (us)",
];

impl HistogramKind {
    /// How many histograms a disk has.
    pub const COUNT: usize = 16;

    /// All kinds in print order.
    pub const ALL: [Self; Self::COUNT] = {
        use Metric::{Interarrival, IoLength, Latency, OutstandingIos, SeekDistance, SeekDistanceClosest16};
        use Operation::{All, Read, Write};
        [
            Self {
                metric: IoLength,
                operation: All,
            },
            Self {
                metric: IoLength,
                operation: Read,
            },
            Self {
                metric: IoLength,
                operation: Write,
            },
            Self {
                metric: SeekDistance,
                operation: All,
            },
            Self {
                metric: SeekDistance,
                operation: Read,
            },
            Self {
                metric: SeekDistance,
                operation: Write,
            },
            Self {
                metric: SeekDistanceClosest16,
                operation: All,
            },
            Self {
                metric: Latency,
                operation: All,
            },
            Self {
                metric: Latency,
                operation: Read,
            },
            Self {
                metric: Latency,
                operation: Write,
            },
            Self {
                metric: OutstandingIos,
                operation: All,
            },
            Self {
                metric: OutstandingIos,
                operation: Read,
            },
            Self {
                metric: OutstandingIos,
                operation: Write,
            },
            Self {
                metric: Interarrival,
                operation: All,
            },
            Self {
                metric: Interarrival,
                operation: Read,
            },
            Self {
                metric: Interarrival,
                operation: Write,
            },
        ]
    };

    /// The histogram of `metric` over the commands of `operation`; `None` for the windowed seek distance of one
    /// direction, which vscsiStats does not keep.
    pub fn new(metric: Metric, operation: Operation) -> Option<Self> {
        let kind = Self { metric, operation };
        Self::ALL.contains(&kind).then_some(kind)
    }

    /// What it measures.
    pub fn metric(self) -> Metric {
        self.metric
    }

    /// Which commands it counts.
    pub fn operation(self) -> Operation {
        self.operation
    }

    /// Its position in the print order, 0 to 15.
    pub fn index(self) -> usize {
        let operation = self.operation as usize;
        match self.metric {
            Metric::IoLength => operation,
            Metric::SeekDistance => 3 + operation,
            Metric::SeekDistanceClosest16 => 6,
            Metric::Latency => 7 + operation,
            Metric::OutstandingIos => 10 + operation,
            Metric::Interarrival => 13 + operation,
        }
    }

    /// The title it is printed under, without the leading `Histogram: `.
    pub fn title(self) -> &'static str {
        TITLES.get(self.index()).copied().unwrap_or_default()
    }

    /// The kind printed under exactly this title.
    ///
    /// Whole titles are compared, because three interarrival titles also begin with `latency`.
    pub fn from_title(title: &str) -> Option<Self> {
        let index = TITLES.iter().position(|&candidate| candidate == title)?;
        Self::ALL.get(index).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_stands_at_its_own_index() {
        for (index, kind) in HistogramKind::ALL.into_iter().enumerate() {
            assert_eq!(kind.index(), index);
        }
    }

    #[test]
    fn every_title_names_one_kind() {
        for kind in HistogramKind::ALL {
            assert_eq!(HistogramKind::from_title(kind.title()), Some(kind));
        }
    }

    #[test]
    fn interarrival_titles_are_not_taken_for_latency() {
        let kind = HistogramKind::from_title("latency of IO interarrival time in Microseconds (us)").unwrap();
        assert_eq!(kind.metric(), Metric::Interarrival);
    }

    #[test]
    fn the_windowed_seek_distance_exists_for_all_commands_only() {
        assert!(HistogramKind::new(Metric::SeekDistanceClosest16, Operation::All).is_some());
        assert!(HistogramKind::new(Metric::SeekDistanceClosest16, Operation::Read).is_none());
    }
}
