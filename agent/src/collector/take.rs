//! Taking one snapshot: print at the due moment, then make sure that what was printed is still what runs.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use vscsi_shared::histogram::HistogramKind;
use vscsi_shared::identifier::{HandleId, Name, WorldGroupId};
use vscsi_shared::job::Target;
use vscsi_shared::snapshot::SnapshotFlag;
use vscsi_shared::vscsistats::{self, Listing};

use super::job::JobState;
use super::{Collector, Rest};
use crate::command::CommandOutput;
use crate::fault::fault_point;
use crate::host::{DiskKey, HostError, Resolved, ResolvedDisk, Volumes, find_again, found_as};

/// A listing of this age still tells which VMs run, so that jobs due together share it; milliseconds.
const LISTING_FRESH_MS: u64 = 500;

/// Missed snapshots recorded in one go, each of which is a file: signals and clients wait for them.
const MISSED_AT_ONCE: u32 = 50;

/// What came of one print.
pub(super) struct Attempt {
    pub(super) taken_at: Timestamp,
    pub(super) monotonic_ms: u64,
    pub(super) duration_ms: u64,
    pub(super) output: CommandOutput,
    /// What is wrong with it; `None` when every disk of the job is there whole.
    pub(super) problem: Option<String>,
}

impl Collector {
    /// Takes snapshot `sequence` of a job and records `missed` ones.
    pub(super) fn take(&mut self, name: &Name, missed: Range<u32>, sequence: u32, late: bool) {
        if !missed.is_empty() {
            let end = missed.end.min(missed.start.saturating_add(MISSED_AT_ONCE));
            if !self.record_missed(name, missed.start..end) || end < missed.end {
                return;
            }
            self.tell_missed(name);
        }
        let Some(state) = self.jobs.get(name) else { return };
        let mut target = state.job().target.clone();
        let mut flags = state.flags.clone();
        if late {
            flags.insert(SnapshotFlag::Late);
        }
        let is_foreign = state.disks().iter().any(|disk| self.foreign.contains_key(disk));
        if is_foreign {
            flags.insert(SnapshotFlag::Foreign);
        }
        let disks = state.present();
        fault_point("snapshot-before-print");
        let first = self.print(name, target.world_group_id, &disks);
        fault_point("snapshot-after-print");

        let mut listing = self.fresh_listing(first.monotonic_ms);
        let mut now_there = self.look_up(&listing, &target, &disks);
        if now_there.as_ref().is_none_or(|found| found.disks.len() < disks.len()) {
            // A listing may catch a host in the middle of a change: what it lacks is believed the second time.
            self.listing = None;
            listing = self.fresh_listing(first.monotonic_ms);
            now_there = self.look_up(&listing, &target, &disks);
        }
        let Some(now_there) = now_there else {
            flags.insert(SnapshotFlag::Gap);
            self.forget_handles(name);
            self.keep(name, sequence, &target, Vec::new(), flags, &first);
            self.count_miss(name, sequence, "the VM is not running on this host");
            return;
        };
        let moved = now_there.world_group_id != target.world_group_id || !same_handles(&now_there.disks, &disks);
        let attempt = if moved || self.lacks_collection(&now_there) {
            if self.follow(name, sequence, &mut target, &now_there) {
                flags.insert(SnapshotFlag::NewBaseline);
            }
            self.print(name, now_there.world_group_id, &now_there.disks)
        } else if first.problem.is_some() && self.may_retry(name, sequence) {
            flags.insert(SnapshotFlag::Retried);
            let second = self.print(name, target.world_group_id, &disks);
            // The second attempt counts, unless it holds nothing and the first holds evidence.
            if second.problem.is_some() && second.output.stdout.is_empty() {
                first
            } else {
                second
            }
        } else {
            first
        };
        if let (None, Err(error)) = (&attempt.problem, &listing) {
            self.log(&format!(
                "{name}: the VMs could not be listed after snapshot {sequence}: {error}"
            ));
        }
        if attempt.problem.is_some() {
            flags.insert(SnapshotFlag::Failed);
        }
        if !self.keep(name, sequence, &target, now_there.disks, flags, &attempt) {
            return;
        }
        match &attempt.problem {
            Some(problem) => self.count_miss(name, sequence, problem),
            None => self.count_usable(name, sequence, &attempt),
        }
    }

    fn print(&self, name: &Name, vm: WorldGroupId, disks: &[ResolvedDisk]) -> Attempt {
        let deadline = self.jobs.get(name).map_or(Duration::from_secs(1), print_deadline);
        let only = match disks {
            [disk] => Some(disk.handle_id),
            _ => None,
        };
        let clock = &self.equipment.clock;
        let (taken_at, monotonic_ms) = (clock.wall(), clock.monotonic_ms());
        let printed = self.equipment.host.print_all(vm, only, deadline);
        let duration_ms = clock.monotonic_ms().saturating_sub(monotonic_ms);
        let (output, problem) = match printed {
            Ok(output) => {
                let problem = what_is_missing(&output, disks);
                (output, problem)
            }
            Err(error) => (CommandOutput::default(), Some(error.to_string())),
        };
        Attempt {
            taken_at,
            monotonic_ms,
            duration_ms,
            output,
            problem,
        }
    }

    fn may_retry(&self, name: &Name, sequence: u32) -> bool {
        let Some(grid) = self.jobs.get(name).and_then(JobState::grid) else {
            return false;
        };
        let behind = self.now().saturating_sub(grid.due_ms(sequence));
        behind.saturating_mul(2) <= grid.interval_ms || sequence == grid.samples
    }

    fn fresh_listing(&mut self, not_before_ms: u64) -> Result<Arc<Listing>, HostError> {
        if let Some((at, listing)) = &self.listing
            && at.saturating_add(LISTING_FRESH_MS) >= not_before_ms
        {
            return Ok(Arc::clone(listing));
        }
        self.list()
    }

    fn look_up(
        &mut self,
        listing: &Result<Arc<Listing>, HostError>,
        target: &Target,
        present: &[ResolvedDisk],
    ) -> Option<Resolved> {
        match listing {
            Ok(listing) => self.find_target(listing, target),
            // Without a listing nothing speaks against what was printed.
            Err(_) => Some(Resolved {
                world_group_id: target.world_group_id,
                vm_name: target.vm_name.clone(),
                config_file: target.config_file.clone(),
                disks: present.to_vec(),
            }),
        }
    }

    fn find_target(&mut self, listing: &Listing, target: &Target) -> Option<Resolved> {
        // Labels and UUIDs are looked up only when the plain path does not match.
        find_again(listing, &Volumes::default(), target)
            .or_else(|| self.volumes().and_then(|volumes| find_again(listing, &volumes, target)))
    }

    /// Adopts new handles: starts their collection and drops the old ones. `true` when counters begin anew.
    fn follow(&mut self, name: &Name, sequence: u32, target: &mut Target, now_there: &Resolved) -> bool {
        let wall = self.equipment.clock.wall();
        let (before, absent_before) = self
            .jobs
            .get(name)
            .map(|state| (state.all_disks(), state.absent.clone()))
            .unwrap_or_default();
        let after = disk_keys(now_there.world_group_id, &now_there.disks);
        let unarmed: Vec<DiskKey> = after.iter().copied().filter(|disk| !self.is_armed(*disk)).collect();
        let is_new = !unarmed.is_empty() || after.difference(&before).next().is_some();
        target.world_group_id = now_there.world_group_id;
        let mut absent = BTreeSet::new();
        for (position, disk) in target.disks.iter_mut().enumerate() {
            match found_as(disk, &now_there.disks) {
                Some(found) => disk.handle_id = found.handle_id,
                None => drop(absent.insert(position)),
            }
        }
        let message = if is_new {
            "the VM was away or has new handles, as after a power cycle or vMotion: counters start from zero"
        } else if absent.is_subset(&absent_before) {
            "a disk of the job is listed again, and its collection ran on"
        } else {
            "a disk of the job is no longer listed: the job goes on with the others"
        };
        if let Some(state) = self.jobs.get_mut(name) {
            state.document.job.target = target.clone();
            state.absent = absent;
            if is_new {
                state.flags.insert(SnapshotFlag::NewBaseline);
            }
            state.note(wall, Some(sequence), message.to_owned());
        }
        self.log(&format!("{name}: {message}"));
        for disk in unarmed {
            let Err(reason) = self.arm(disk) else { continue };
            // The job goes on, so it is tried again soon.
            self.resting
                .insert(disk, Rest::after_failure(self.now(), reason.clone()));
            if let Some(state) = self.jobs.get_mut(name) {
                state.note(wall, Some(sequence), reason);
            }
        }
        is_new
    }

    /// A disk is there whose collection nobody has started, as after a VM was away.
    fn lacks_collection(&self, now_there: &Resolved) -> bool {
        let disks = disk_keys(now_there.world_group_id, &now_there.disks);
        disks.into_iter().any(|disk| !self.is_armed(disk))
    }

    /// Handles that are certainly gone have no collection to stop.
    fn forget_handles(&mut self, name: &Name) {
        let disks = self.jobs.get(name).map(JobState::all_disks).unwrap_or_default();
        for disk in disks {
            if self.unlisted.is_certainly_gone(disk) {
                let cleared = self.journal.clear(disk);
                self.tell_journal(cleared);
            }
        }
    }
}

/// A print may take a third of the interval, so that there is time for a second attempt, within reason.
fn print_deadline(state: &JobState) -> Duration {
    let third = Duration::from_secs(u64::from(state.job().profile.interval_seconds)) / 3;
    third.clamp(Duration::from_secs(1), Duration::from_secs(15))
}

/// What keeps a print from being a whole snapshot of `disks`.
fn what_is_missing(output: &CommandOutput, disks: &[ResolvedDisk]) -> Option<String> {
    let parsed = vscsistats::parse(&output.stdout);
    let whole = |disk: &ResolvedDisk| {
        parsed
            .prints
            .iter()
            .flat_map(|print| &print.disks)
            .any(|printed| printed.handle_id == disk.handle_id && printed.iter().count() == HistogramKind::COUNT)
    };
    let lacking: Vec<String> = disks
        .iter()
        .filter(|disk| !whole(disk))
        .map(|disk| disk.handle_id.to_string())
        .collect();
    if lacking.is_empty() {
        return None;
    }
    let cause = output
        .complaint()
        .or_else(|| parsed.diagnostics.first().map(|first| format!("printed {first}")))
        .unwrap_or_else(|| "ended well".to_owned());
    Some(format!(
        "vscsiStats {cause}, and not all histograms of disk {} were printed",
        lacking.join(", ")
    ))
}

fn same_handles(one: &[ResolvedDisk], other: &[ResolvedDisk]) -> bool {
    let handles = |disks: &[ResolvedDisk]| -> Vec<HandleId> { disks.iter().map(|disk| disk.handle_id).collect() };
    handles(one) == handles(other)
}

fn disk_keys(world_group_id: WorldGroupId, disks: &[ResolvedDisk]) -> BTreeSet<DiskKey> {
    let key = |disk: &ResolvedDisk| DiskKey {
        world_group_id,
        handle_id: disk.handle_id,
    };
    disks.iter().map(key).collect()
}
