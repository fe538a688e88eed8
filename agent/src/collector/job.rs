//! A job in the collector's hands.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use vscsi_shared::job::{CollectionError, CollectionMode, Job, JobDocument};
use vscsi_shared::snapshot::SnapshotFlag;

use super::decide::Waiting;
use super::timing::Grid;
use crate::journal::DiskKey;
use crate::spool::Record;

/// Errors kept in job.json; a job that fails every second for a day would otherwise grow its file without end.
const ERRORS_KEPT: usize = 200;

/// What a job that has not ended waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Phase {
    /// Counters were there before us; whether they grow is seen at the second look.
    Looking {
        first: BTreeMap<DiskKey, u64>,
        again_ms: u64,
    },
    /// Snapshots are taken.
    Sampling,
    /// Nothing: it has ended.
    Ended,
}

/// A job: its files' content and what is needed to go on.
#[derive(Debug, Clone)]
pub(super) struct JobState {
    pub(super) document: JobDocument,
    pub(super) record: Record,
    pub(super) phase: Phase,
    /// First sequence not spooled yet.
    pub(super) next: u32,
    /// Snapshots with usable output, baseline included.
    pub(super) usable: u32,
    /// Misses since the last usable snapshot.
    pub(super) misses: u32,
    /// Flags that the next snapshot carries.
    pub(super) flags: BTreeSet<SnapshotFlag>,
    /// When job.json was written last, monotonic milliseconds; `None` when it holds less than it should.
    pub(super) saved_ms: Option<u64>,
}

impl JobState {
    pub(super) fn new(document: JobDocument, record: Record, phase: Phase) -> Self {
        Self {
            document,
            record,
            phase,
            next: 0,
            usable: 0,
            misses: 0,
            flags: BTreeSet::new(),
            saved_ms: None,
        }
    }

    pub(super) fn job(&self) -> &Job {
        &self.document.job
    }

    pub(super) fn is_active(&self) -> bool {
        self.phase != Phase::Ended
    }

    pub(super) fn restarts(&self) -> bool {
        self.job().collection.mode == CollectionMode::Restart
    }

    /// The job's disks as they were last resolved.
    pub(super) fn disks(&self) -> BTreeSet<DiskKey> {
        let target = &self.document.job.target;
        target
            .disks
            .iter()
            .map(|disk| (target.world_group_id, disk.handle_id))
            .collect()
    }

    pub(super) fn grid(&self) -> Option<Grid> {
        let profile = &self.document.job.profile;
        Some(Grid {
            first_due_ms: self.record.first_due_ms?,
            interval_ms: u64::from(profile.interval_seconds) * 1000,
            samples: profile.samples,
        })
    }

    pub(super) fn waiting(&self) -> Option<Waiting> {
        match &self.phase {
            Phase::Looking { again_ms, .. } => Some(Waiting::Look(*again_ms)),
            Phase::Sampling => Some(Waiting::Snapshot {
                grid: self.grid()?,
                next: self.next,
            }),
            Phase::Ended => None,
        }
    }

    /// Adds an error; beyond the cap the oldest but the first go, because the first is mostly the cause.
    pub(super) fn note(&mut self, at: Timestamp, sequence: Option<u32>, message: String) {
        let errors = &mut self.document.job.collection.errors;
        if errors.len() >= ERRORS_KEPT {
            errors.remove(1);
        }
        errors.push(CollectionError { at, sequence, message });
        self.saved_ms = None;
    }
}
