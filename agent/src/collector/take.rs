//! Taking one snapshot: print at the due moment, then make sure that what was printed is still what runs.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use vscsi_shared::histogram::HistogramKind;
use vscsi_shared::identifier::{HandleId, Name, WorldGroupId};
use vscsi_shared::inventory::Volumes;
use vscsi_shared::job::Target;
use vscsi_shared::snapshot::SnapshotFlag;
use vscsi_shared::vscsistats::{self, Listing};

use super::decide::still_needs_start;
use super::job::JobState;
use super::{AWAIT_MS, Collector};
use crate::command::CommandOutput;
use crate::fault::fault_point;
use crate::host::{DiskKey, HostError, Resolved, ResolvedDisk, find_again, found_as};
use crate::switch::{Ask, State};

/// A listing of this age still tells which VMs run, so that jobs due together share it; milliseconds.
const LISTING_FRESH_MS: u64 = 500;

/// A foreign collection whose counters have stood still for so long is taken for one that has ended, milliseconds.
const FOREIGN_STILL_MS: u64 = 5 * 60 * 1000;

/// Missed snapshots recorded in one go, each of which is a file: signals and clients wait for them.
const MISSED_AT_ONCE: u32 = 50;

/// What came of one print.
pub(super) struct Attempt {
    pub(super) taken_at: Timestamp,
    pub(super) monotonic_ms: u64,
    pub(super) duration_ms: u64,
    pub(super) output: CommandOutput,
    /// The commands counted of each disk that was printed.
    pub(super) counted: Vec<(HandleId, u64)>,
    /// What is wrong with it; `None` when every disk of the job is there whole.
    pub(super) problem: Option<String>,
}

impl Attempt {
    fn counted(&self, handle_id: HandleId) -> Option<u64> {
        let mut found = self.counted.iter().filter(|(handle, _)| *handle == handle_id);
        found.next().map(|(_, counted)| *counted)
    }
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
        let disks = self.jobs.get(name).map(JobState::disks).unwrap_or_default();
        self.await_commands(&disks, AWAIT_MS);
        self.note_restarts(name, sequence);
        let Some(state) = self.jobs.get(name) else { return };
        let mut target = state.job().target.clone();
        let mut flags = state.flags.clone();
        if late {
            flags.insert(SnapshotFlag::Late);
        }
        if state.disks().iter().any(|disk| self.is_foreign(*disk)) {
            flags.insert(SnapshotFlag::Foreign);
        }
        let disks = state.present();
        fault_point("snapshot-before-print");
        let first = self.print(name, target.world_group_id, &disks);
        fault_point("snapshot-after-print");
        let stopped = self.was_stopped_before(name);
        if stopped || self.is_not_collected(name) {
            flags.insert(SnapshotFlag::NewBaseline);
        }

        let mut listing = self.fresh_listing(first.monotonic_ms);
        let mut now_there = self.look_up(&listing, &target, &disks);
        if now_there.as_ref().is_none_or(|found| found.disks.len() < disks.len()) {
            // A listing may catch a host in the middle of a change: what it lacks is believed the second time.
            self.listing = None;
            listing = self.fresh_listing(first.monotonic_ms);
            now_there = self.look_up(&listing, &target, &disks);
        }
        let Some(now_there) = now_there else {
            self.record_gap(name, sequence, &target, flags, &first);
            return;
        };
        let vm = now_there.world_group_id;
        let moved = vm != target.world_group_id || !same_handles(&now_there.disks, &disks);
        let still = self.still_disks(name, vm, &now_there.disks, &first);
        let attempt = if moved || self.lacks_collection(&now_there) {
            if self.follow(name, sequence, &mut target, &now_there) {
                flags.insert(SnapshotFlag::NewBaseline);
            }
            self.print(name, vm, &now_there.disks)
        } else if !still.is_empty() {
            self.start_still(name, sequence, &still, first, &now_there.disks, &mut flags)
        } else if first.problem.is_some() && self.may_retry(name, sequence) {
            flags.insert(SnapshotFlag::Retried);
            better_of(first, self.print(name, vm, &disks))
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
        if self.has_passed() {
            // What the successor has by now it may have stopped before the print: the snapshot is the successor's to take.
            return;
        }
        self.note_counters(vm, &attempt);
        if !self.keep(name, sequence, &target, now_there.disks, flags, &attempt) {
            return;
        }
        if stopped && let Some(state) = self.jobs.get_mut(name) {
            // What was counted until then is no baseline either.
            state.flags.insert(SnapshotFlag::NewBaseline);
        }
        match &attempt.problem {
            Some(problem) => self.count_miss(name, sequence, problem),
            None => self.count_usable(name, sequence, &attempt),
        }
    }

    /// What was just printed may have been stopped before, which a switch tells that was not ready at the print.
    fn was_stopped_before(&mut self, name: &Name) -> bool {
        let is_anew = |this: &Self| {
            let state = this.jobs.get(name);
            state.is_some_and(|state| state.flags.contains(&SnapshotFlag::NewBaseline))
        };
        let before = is_anew(self);
        let interval_ms = self
            .jobs
            .get(name)
            .and_then(JobState::grid)
            .map_or(0, |grid| grid.interval_ms);
        self.await_switch(AWAIT_MS.min(interval_ms / 4), |this| this.ready);
        !before && is_anew(self)
    }

    /// A disk of the job has no collection, because its `-s` failed: its counters stand still.
    fn is_not_collected(&self, name: &Name) -> bool {
        let disks = self.jobs.get(name).map(JobState::disks).unwrap_or_default();
        let failed = |disk: &DiskKey| self.disks.get(disk).is_some_and(|seen| seen.state == State::Failed);
        disks.iter().any(failed)
    }

    fn record_gap(
        &mut self,
        name: &Name,
        sequence: u32,
        target: &Target,
        mut flags: BTreeSet<SnapshotFlag>,
        first: &Attempt,
    ) {
        flags.insert(SnapshotFlag::Gap);
        if let Some(state) = self.jobs.get_mut(name)
            && state.misses > 0
        {
            // Listings of two snapshots have lacked it: its handles are gone, and are never given again.
            state.forget_disks();
        }
        self.keep(name, sequence, target, Vec::new(), flags, first);
        self.count_miss(name, sequence, "the VM is not running on this host");
    }

    /// Disks that are collected and whose counters have stood still since the print before, or were not printed at all
    /// by a command that ended well: somebody may have stopped them.
    fn still_disks(
        &self,
        name: &Name,
        vm: WorldGroupId,
        disks: &[ResolvedDisk],
        printed: &Attempt,
    ) -> Vec<(DiskKey, Ask)> {
        if !printed.output.succeeded() {
            return Vec::new();
        }
        let restarts = self.jobs.get(name).is_none_or(JobState::restarts);
        let now = printed.monotonic_ms;
        let ask = |disk: &DiskKey| {
            let seen = self.disks.get(disk).filter(|seen| self.ready && !seen.is_pending())?;
            if !seen.counts_on(restarts) {
                return None;
            }
            let (before, at_ms) = seen.counted?;
            let same = printed.counted(disk.handle_id).is_none_or(|counted| counted == before);
            let still = same && at_ms < now;
            let age_ms = seen.armed_ms.map_or(u64::MAX, |armed_ms| now.saturating_sub(armed_ms));
            match seen.state {
                State::On if still && still_needs_start(age_ms, seen.restarts_while_still) => Some(Ask::Again),
                State::Foreign if still && now.saturating_sub(seen.moved_ms) >= FOREIGN_STILL_MS => Some(Ask::Want),
                _ => None,
            }
        };
        let keys = disk_keys(vm, disks);
        keys.into_iter().filter_map(|disk| Some((disk, ask(&disk)?))).collect()
    }

    /// Starts disks that stood still, and looks what their counters do: where they fall, they count from there.
    fn start_still(
        &mut self,
        name: &Name,
        sequence: u32,
        still: &[(DiskKey, Ask)],
        first: Attempt,
        disks: &[ResolvedDisk],
        flags: &mut BTreeSet<SnapshotFlag>,
    ) -> Attempt {
        for (disk, ask) in still {
            self.ask(*disk, *ask);
            if let Some(seen) = self.disks.get_mut(disk) {
                seen.restarts_while_still = seen.restarts_while_still.saturating_add(1);
            }
        }
        let keys: BTreeSet<DiskKey> = still.iter().map(|(disk, _)| *disk).collect();
        self.await_orders(&keys, AWAIT_MS);
        let Some(vm) = keys.first().map(|disk| disk.world_group_id) else {
            return first;
        };
        let second = self.print(name, vm, disks);
        let anew: Vec<DiskKey> = keys
            .into_iter()
            .filter(
                |disk| match (first.counted(disk.handle_id), second.counted(disk.handle_id)) {
                    (Some(before), Some(after)) => after < before,
                    (None, Some(_)) => true,
                    _ => false,
                },
            )
            .collect();
        if anew.is_empty() {
            return if first.problem.is_none() {
                first
            } else {
                better_of(first, second)
            };
        }
        for disk in anew {
            let seconds = self
                .disks
                .get(&disk)
                .map_or(0, |seen| first.monotonic_ms.saturating_sub(seen.moved_ms) / 1000);
            self.log(&format!(
                "{name}: the counters of {disk} began anew at snapshot {sequence}"
            ));
            let message = format!(
                "the counters of {disk} stood still for {seconds} s and began anew with another `-s`: somebody else had \
                 stopped the collection, or a second `-s` zeroes the counters of this host; I/O in that time may be \
                 missing"
            );
            let wall = self.equipment.clock.wall();
            if let Some(state) = self.jobs.get_mut(name) {
                state.note(wall, Some(sequence), message);
            }
            // Whoever shares the disk has its counters begin anew as well.
            for (other, state) in &mut self.jobs {
                if other != name && state.needs_collection() && state.uses(disk) {
                    state.flags.insert(SnapshotFlag::NewBaseline);
                }
            }
        }
        flags.insert(SnapshotFlag::NewBaseline);
        second
    }

    /// Remembers what was counted, for the next print to be compared with.
    fn note_counters(&mut self, vm: WorldGroupId, attempt: &Attempt) {
        for (handle_id, counted) in &attempt.counted {
            let disk = DiskKey {
                world_group_id: vm,
                handle_id: *handle_id,
            };
            let Some(seen) = self.disks.get_mut(&disk) else {
                continue;
            };
            if seen.counted.is_none_or(|(before, _)| before != *counted) {
                seen.moved_ms = attempt.monotonic_ms;
                if seen.counted.is_some_and(|(before, _)| before < *counted) {
                    seen.restarts_while_still = 0;
                }
            }
            seen.counted = Some((*counted, attempt.monotonic_ms));
        }
    }

    fn print(&self, name: &Name, vm: WorldGroupId, disks: &[ResolvedDisk]) -> Attempt {
        let deadline = self.jobs.get(name).map_or(Duration::from_secs(1), print_deadline);
        let only = match disks {
            [disk] => Some(disk.handle_id),
            _ => None,
        };
        self.equipment.switch.beat();
        let clock = &self.equipment.clock;
        let (taken_at, monotonic_ms) = (clock.wall(), clock.monotonic_ms());
        let printed = self.equipment.host.print_all(vm, only, deadline);
        let duration_ms = clock.monotonic_ms().saturating_sub(monotonic_ms);
        self.equipment.switch.beat();
        let (output, counted, problem) = match printed {
            Ok(output) => {
                let (counted, problem) = what_was_printed(&output, disks);
                (output, counted, problem)
            }
            Err(error) => (CommandOutput::default(), Vec::new(), Some(error.to_string())),
        };
        Attempt {
            taken_at,
            monotonic_ms,
            duration_ms,
            output,
            counted,
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
        for disk in &unarmed {
            self.ask(*disk, Ask::Want);
        }
        // One that hangs is tried again, and the job goes on meanwhile.
        self.await_orders(&unarmed.into_iter().collect(), AWAIT_MS);
        is_new
    }

    /// A disk is there whose collection nobody has started, as after a VM was away.
    fn lacks_collection(&self, now_there: &Resolved) -> bool {
        let disks = disk_keys(now_there.world_group_id, &now_there.disks);
        disks.into_iter().any(|disk| !self.is_armed(disk))
    }
}

/// A print may take a third of the interval, so that there is time for a second attempt, within reason.
fn print_deadline(state: &JobState) -> Duration {
    let third = Duration::from_secs(u64::from(state.job().profile.interval_seconds)) / 3;
    third.clamp(Duration::from_secs(1), Duration::from_secs(15))
}

/// The second attempt counts, unless it holds nothing and the first holds evidence.
fn better_of(first: Attempt, second: Attempt) -> Attempt {
    if second.problem.is_some() && second.output.stdout.is_empty() {
        first
    } else {
        second
    }
}

/// The commands counted of each disk of a print, and what keeps it from being a whole snapshot of `disks`.
fn what_was_printed(output: &CommandOutput, disks: &[ResolvedDisk]) -> (Vec<(HandleId, u64)>, Option<String>) {
    let parsed = vscsistats::parse(&output.stdout);
    let printed = || parsed.prints.iter().flat_map(|print| &print.disks);
    let counted = printed().filter_map(|disk| {
        let histogram = disk.get(HistogramKind::ALL.first().copied()?)?;
        Some((disk.handle_id, histogram.total()))
    });
    let counted = counted.collect();
    let whole = |disk: &ResolvedDisk| {
        printed().any(|found| found.handle_id == disk.handle_id && found.iter().count() == HistogramKind::COUNT)
    };
    let lacking: Vec<String> = disks
        .iter()
        .filter(|disk| !whole(disk))
        .map(|disk| disk.handle_id.to_string())
        .collect();
    if lacking.is_empty() {
        return (counted, None);
    }
    let cause = output
        .complaint()
        .or_else(|| parsed.diagnostics.first().map(|first| format!("printed {first}")))
        .unwrap_or_else(|| "ended well".to_owned());
    let problem = format!(
        "vscsiStats {cause}, and not all histograms of disk {} were printed",
        lacking.join(", ")
    );
    (counted, Some(problem))
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
