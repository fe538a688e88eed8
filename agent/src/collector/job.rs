//! A job in the collector's hands.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use vscsi_shared::identifier::HandleId;
use vscsi_shared::job::{CollectionError, CollectionMode, Job, JobDocument, TargetDisk};
use vscsi_shared::snapshot::SnapshotFlag;

use super::decide::Waiting;
use super::timing::Grid;
use crate::host::{DiskKey, ResolvedDisk};
use crate::spool::Record;

/// Errors kept in job.json; a job that fails every second for a day would otherwise grow its file without end.
const ERRORS_KEPT: usize = 200;

/// What a job that has not ended waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Phase {
    /// Counters may have been there before us; whether they grow is seen at the second look.
    Looking {
        /// What was counted at the last look; `None` where nobody could look yet.
        before: BTreeMap<DiskKey, Option<u64>>,
        /// When to look next, monotonic milliseconds.
        again_ms: u64,
        /// Looks that failed.
        failures: u32,
    },
    /// The switch was asked to start its disks.
    Starting,
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
    /// The last sequence that was tried rather than recorded as missed.
    pub(super) taken: Option<u32>,
    /// Snapshots with usable output, baseline included.
    pub(super) usable: u32,
    /// Misses since the last usable snapshot.
    pub(super) misses: u32,
    /// Flags that the next snapshot carries.
    pub(super) flags: BTreeSet<SnapshotFlag>,
    /// Positions of the target's disks that the VM had no more at the last look.
    pub(super) absent: BTreeSet<usize>,
    /// Restart mode: the disks whose counters were to be restarted after the last snapshot.
    pub(super) restarting: BTreeSet<DiskKey>,
    /// When it ended, monotonic milliseconds.
    pub(super) ended_ms: Option<u64>,
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
            taken: None,
            usable: 0,
            misses: 0,
            flags: BTreeSet::new(),
            absent: BTreeSet::new(),
            restarting: BTreeSet::new(),
            ended_ms: None,
            saved_ms: None,
        }
    }

    pub(super) fn job(&self) -> &Job {
        &self.document.job
    }

    pub(super) fn is_active(&self) -> bool {
        self.phase != Phase::Ended
    }

    /// It collects, or is about to.
    pub(super) fn needs_collection(&self) -> bool {
        matches!(self.phase, Phase::Starting | Phase::Sampling)
    }

    pub(super) fn restarts(&self) -> bool {
        self.job().collection.mode == CollectionMode::Restart
    }

    /// The VM is away: none of its disks is there.
    pub(super) fn forget_disks(&mut self) {
        self.absent = (0..self.job().target.disks.len()).collect();
    }

    /// The job's disks as they were last resolved; those that the VM has no more are left out.
    pub(super) fn disks(&self) -> BTreeSet<DiskKey> {
        self.targeted().map(|disk| self.key_of(disk.handle_id)).collect()
    }

    /// Whether a disk is one of them. Every step asks for every disk and job.
    pub(super) fn uses(&self, disk: DiskKey) -> bool {
        let target = &self.job().target;
        disk.world_group_id == target.world_group_id
            && self.targeted().any(|targeted| targeted.handle_id == disk.handle_id)
    }

    /// The job's disks, also those that the VM has no more.
    pub(super) fn all_disks(&self) -> BTreeSet<DiskKey> {
        let disks = self.job().target.disks.iter();
        disks.map(|disk| self.key_of(disk.handle_id)).collect()
    }

    fn key_of(&self, handle_id: HandleId) -> DiskKey {
        DiskKey {
            world_group_id: self.job().target.world_group_id,
            handle_id,
        }
    }

    /// The disks that were there at the last look, in the order of the job.
    pub(super) fn present(&self) -> Vec<ResolvedDisk> {
        let resolved = |disk: &TargetDisk| ResolvedDisk {
            handle_id: disk.handle_id,
            node: disk.node.clone(),
        };
        self.targeted().map(resolved).collect()
    }

    fn targeted(&self) -> impl Iterator<Item = &TargetDisk> {
        let disks = self.job().target.disks.iter().enumerate();
        disks
            .filter(|(position, _)| !self.absent.contains(position))
            .map(|(_, disk)| disk)
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
            Phase::Starting | Phase::Ended => None,
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
