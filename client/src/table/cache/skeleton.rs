//! Everything of a cache but the histograms, as JSON in the metadata of the table.

use std::fs;
use std::time::UNIX_EPOCH;

use jiff::Timestamp;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use vscsi_shared::histogram::{HistogramKind, IntervalSet};
use vscsi_shared::snapshot::SnapshotFlag;

use crate::analysis::load::Loaded;
use crate::analysis::{DiskKey, DiskSample, Finding, Sample};
use crate::store::SnapshotFile;

/// Grows whenever the files or the loading of snapshots change, so that older caches are not used.
const CACHE_VERSION: u32 = 11;

/// Identity of the snapshot files a cache was made from: name, size in bytes, date of change in nanoseconds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct CacheKey(Vec<(String, u64, u64)>);

impl CacheKey {
    /// The key of these files; `None` when one cannot be looked at, and then nothing is cached.
    pub(crate) fn of(files: &[SnapshotFile]) -> Option<Self> {
        let identity = |file: &SnapshotFile| {
            let metadata = fs::metadata(&file.path).ok()?;
            let changed = metadata.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
            Some((
                file.name.clone(),
                metadata.len(),
                u64::try_from(changed.as_nanos()).ok()?,
            ))
        };
        files.par_iter().map(identity).collect::<Option<_>>().map(Self)
    }
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Skeleton {
    version: u32,
    key: CacheKey,
    pub(super) disks: Vec<DiskKey>,
    pub(super) samples: Vec<SampleSkeleton>,
    pub(super) findings: Vec<Finding>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct SampleSkeleton {
    sequence: u32,
    taken_at: Timestamp,
    start_seconds: f64,
    seconds: f64,
    flags: Vec<String>,
    pub(super) disks: Vec<DiskSkeleton>,
}

/// Disk, I/Os at the edge, the snapshots it lies between, and a bit for each kind of histogram that is there.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct DiskSkeleton(usize, u64, Option<u32>, u32, u16);

impl Skeleton {
    pub(super) fn of(loaded: &Loaded, key: CacheKey) -> Self {
        Self {
            version: CACHE_VERSION,
            key,
            disks: loaded.series.disks.clone(),
            samples: loaded.series.samples.iter().map(SampleSkeleton::of).collect(),
            findings: loaded.findings.clone(),
        }
    }

    pub(super) fn fits(&self, key: &CacheKey) -> bool {
        self.version == CACHE_VERSION && self.key == *key
    }
}

impl SampleSkeleton {
    fn of(sample: &Sample) -> Self {
        Self {
            sequence: sample.sequence,
            taken_at: sample.taken_at,
            start_seconds: sample.start_seconds,
            seconds: sample.seconds,
            flags: sample.flags.iter().map(|flag| flag.as_str().to_owned()).collect(),
            disks: sample.disks.iter().map(DiskSkeleton::of).collect(),
        }
    }

    /// How many histograms the sample has.
    pub(super) fn histograms(&self) -> usize {
        self.disks.iter().map(|disk| disk.kinds().count()).sum()
    }

    /// The sample, with its disks.
    pub(super) fn with(self, disks: Vec<DiskSample>) -> Sample {
        let flag = |word: &String| SnapshotFlag::ALL.into_iter().find(|flag| flag.as_str() == word);
        Sample {
            sequence: self.sequence,
            taken_at: self.taken_at,
            start_seconds: self.start_seconds,
            seconds: self.seconds,
            flags: self.flags.iter().filter_map(flag).collect(),
            disks,
        }
    }
}

impl DiskSkeleton {
    fn of(part: &DiskSample) -> Self {
        let present = part.histograms.iter();
        let kinds = present.fold(0, |bits, (kind, _)| bits | 1 << kind.index());
        Self(part.disk, part.edge_ios, part.from_snapshot, part.to_snapshot, kinds)
    }

    /// The kinds of histograms that are there, in print order.
    pub(super) fn kinds(&self) -> impl Iterator<Item = HistogramKind> {
        let Self(.., kinds) = *self;
        let present = move |kind: &HistogramKind| kinds >> kind.index() & 1 == 1;
        HistogramKind::ALL.into_iter().filter(present)
    }

    /// The disk's part of the sample, with its histograms.
    pub(super) fn with(&self, histograms: IntervalSet) -> DiskSample {
        let Self(disk, edge_ios, from_snapshot, to_snapshot, _) = *self;
        DiskSample {
            disk,
            histograms,
            edge_ios,
            from_snapshot,
            to_snapshot,
        }
    }
}
