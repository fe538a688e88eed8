//! A job's samples in time.

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use vscsi_shared::histogram::{Incompatible, IntervalSet};
use vscsi_shared::snapshot::SnapshotFlag;

use crate::number::natural_order;

/// Identity of a virtual disk over a whole job: its node, or its first handle where the host prints no node.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DiskKey(pub String);

/// `scsi0:2` before `scsi0:10`.
impl Ord for DiskKey {
    fn cmp(&self, other: &Self) -> Ordering {
        natural_order(&self.0, &other.0)
    }
}

impl PartialOrd for DiskKey {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for DiskKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(&self.0)
    }
}

/// What one disk did in one sample.
#[derive(Debug, Clone, PartialEq)]
pub struct DiskSample {
    /// Index into [`Series::disks`].
    pub disk: usize,
    /// The histograms of the interval, without the artefacts of a beginning collection.
    pub histograms: IntervalSet,
    /// I/Os at the edge of the observed time: 1 when the time is taken from the interarrival histogram, which begins
    /// with the first I/O, and 0 when a clock was read. A rate leaves them out.
    pub edge_ios: u64,
    /// Sequence of the snapshot whose counters were subtracted; `None` when the histograms stand alone.
    pub from_snapshot: Option<u32>,
    /// Sequence of the snapshot that they were subtracted from.
    pub to_snapshot: u32,
}

impl DiskSample {
    /// Adds what the disk did later.
    ///
    /// # Errors
    /// [`Incompatible`] when the bucket limits differ; histograms before it in print order are then already added.
    pub(super) fn append(&mut self, later: &Self) -> Result<(), Incompatible> {
        if later.from_snapshot != Some(self.to_snapshot) {
            self.histograms.break_off();
        }
        self.histograms.extend(&later.histograms)?;
        self.edge_ios += later.edge_ios;
        self.to_snapshot = later.to_snapshot;
        Ok(())
    }
}

/// What happened between two snapshots.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// Sequence of the snapshot that ends it.
    pub sequence: u32,
    /// Wall clock at its end.
    pub taken_at: Timestamp,
    /// Time since the first sample of the job began, on the monotonic clock, seconds, at the sample's beginning.
    pub start_seconds: f64,
    /// Its length on the monotonic clock, seconds; always positive.
    pub seconds: f64,
    /// What the snapshot that ends it says about itself.
    pub flags: BTreeSet<SnapshotFlag>,
    /// The disks that have data.
    pub disks: Vec<DiskSample>,
}

/// A job's samples in order of time. Where data is missing there is no sample; gaps show in the start times.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Series {
    /// Every disk that occurs, in order of node.
    pub disks: Vec<DiskKey>,
    /// The samples.
    pub samples: Vec<Sample>,
}

impl Series {
    /// Its samples say when they were taken. Those of an import do not: their date is that of a file.
    pub fn is_dated(&self) -> bool {
        let undated = |sample: &Sample| sample.flags.contains(&SnapshotFlag::Undated);
        !self.samples.iter().any(undated)
    }
}
