//! One snapshot file, parsed.

use std::collections::BTreeSet;

use jiff::Timestamp;
use vscsi_shared::histogram::HistogramKind;
use vscsi_shared::identifier::HandleId;
use vscsi_shared::snapshot::{self, SnapshotFlag, SnapshotHeader, UnreadableSnapshot};
use vscsi_shared::vscsistats::{self, Diagnostic, DiskHistograms};

use crate::store::{SnapshotFile, read_snapshot_bytes, sum_of};
use crate::visible;

/// Why a snapshot file is left out.
#[derive(Debug, thiserror::Error)]
pub(super) enum UnusableFile {
    #[error("it cannot be read: {0}")]
    Read(#[from] std::io::Error),
    #[error("{0}")]
    Snapshot(#[from] UnreadableSnapshot),
    #[error("it is not what was stored: its SHA-256 is another one than in SHA256SUMS")]
    Changed,
}

/// What a snapshot file holds, as far as the analysis needs it.
#[derive(Debug)]
pub(super) struct Reading {
    pub(super) sequence: u32,
    pub(super) taken_at: Timestamp,
    /// Monotonic clock, milliseconds; `None` in an import that knows no time.
    pub(super) monotonic_ms: Option<u64>,
    pub(super) boot_id: String,
    pub(super) flags: BTreeSet<SnapshotFlag>,
    /// The disks the header names, in its order, and the others when it names none.
    pub(super) disks: Vec<DiskReading>,
    /// Disks the header names that the output does not hold.
    pub(super) missing: Vec<HandleId>,
    pub(super) diagnostics: Vec<Diagnostic>,
}

/// One disk of a snapshot.
#[derive(Debug)]
pub(super) struct DiskReading {
    /// Virtual device node; empty when neither header nor output tells it.
    pub(super) node: String,
    /// Position among the disks of the header.
    pub(super) position: usize,
    pub(super) histograms: DiskHistograms,
}

impl DiskReading {
    /// Every histogram that vscsiStats prints is there.
    pub(super) fn is_whole(&self) -> bool {
        self.histograms.iter().count() == HistogramKind::COUNT
    }
}

impl Reading {
    pub(super) fn of_file(file: &SnapshotFile, sum: Option<&String>) -> Result<Self, UnusableFile> {
        let bytes = read_snapshot_bytes(file)?;
        if sum.is_some_and(|sum| *sum != sum_of(&bytes)) {
            return Err(UnusableFile::Changed);
        }
        Ok(Self::of_bytes(&bytes)?)
    }

    pub(super) fn of_bytes(bytes: &[u8]) -> Result<Self, UnreadableSnapshot> {
        let snapshot = snapshot::read(bytes)?;
        let header = snapshot.header;
        let parsed = vscsistats::parse(snapshot.output);
        // A snapshot holds one print; should there be more, the last one is the latest.
        let printed = parsed.prints.into_iter().last().unwrap_or_default().disks;
        let (disks, missing) = select(&header, printed);
        let undated = header.flags.contains(&SnapshotFlag::Undated);
        Ok(Self {
            sequence: header.sequence,
            taken_at: header.taken_at,
            monotonic_ms: (!undated || header.monotonic_ms > 0).then_some(header.monotonic_ms),
            boot_id: header.boot_id,
            flags: header.flags,
            disks,
            missing,
            diagnostics: parsed.diagnostics,
        })
    }

    pub(super) fn has(&self, flag: SnapshotFlag) -> bool {
        self.flags.contains(&flag)
    }
}

/// The printed disks that belong to the job: those the header names, or all when it names none.
fn select(header: &SnapshotHeader, printed: Vec<DiskHistograms>) -> (Vec<DiskReading>, Vec<HandleId>) {
    let mut disks: Vec<DiskReading> = printed
        .into_iter()
        .enumerate()
        .filter_map(|(index, histograms)| {
            let named = header
                .disks
                .iter()
                .position(|disk| disk.handle_id == histograms.handle_id);
            let position = if header.disks.is_empty() { index } else { named? };
            let node = header
                .disks
                .get(position)
                .map(|disk| disk.node.as_str())
                .filter(|node| !node.is_empty())
                .or(histograms.node.as_deref())
                .unwrap_or_default();
            // A host may call a disk what a terminal would obey.
            let node = visible::one_line(node).into_owned();
            Some(DiskReading {
                node,
                position,
                histograms,
            })
        })
        .collect();
    disks.sort_by_key(|disk| disk.position);
    let missing = header
        .disks
        .iter()
        .map(|disk| disk.handle_id)
        .filter(|handle| disks.iter().all(|disk| disk.histograms.handle_id != *handle))
        .collect();
    (disks, missing)
}
