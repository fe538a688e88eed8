//! Taking one snapshot: print at the due moment, then make sure that what was printed is still what runs.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use vscsi_shared::histogram::HistogramKind;
use vscsi_shared::identifier::{HandleId, Name, WorldGroupId};
use vscsi_shared::job::{Status, Target};
use vscsi_shared::snapshot::{SnapshotDisk, SnapshotFlag, SnapshotHeader};
use vscsi_shared::vscsistats::{self, Listing};

use super::job::JobState;
use super::{Collector, RETRY_MS};
use crate::command::CommandOutput;
use crate::fault::fault_point;
use crate::host::{HostError, Resolved, ResolvedDisk, Volumes, find_again, found_as};
use crate::journal::DiskKey;

/// A listing of this age still tells which VMs run, so that jobs due together share it; milliseconds.
const LISTING_FRESH_MS: u64 = 500;

/// Missed snapshots recorded in one go, each of which is a file: signals and clients wait for them.
const MISSED_AT_ONCE: u32 = 50;

/// What came of one print.
struct Attempt {
    taken_at: Timestamp,
    monotonic_ms: u64,
    duration_ms: u64,
    output: CommandOutput,
    /// What is wrong with it; `None` when every disk of the job is there whole.
    problem: Option<String>,
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
            self.forget_handles(name, listing.as_deref().ok());
            self.keep(name, sequence, &target, Vec::new(), flags, None, &first);
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
        let problem = match (&attempt.problem, listing) {
            (Some(problem), _) => Some(problem.clone()),
            (None, Err(error)) => {
                self.log(&format!(
                    "{name}: the VM could not be looked up after snapshot {sequence}: {error}"
                ));
                None
            }
            (None, Ok(_)) => None,
        };
        if problem.is_some() {
            flags.insert(SnapshotFlag::Failed);
        }
        let kept = self.keep(
            name,
            sequence,
            &target,
            now_there.disks,
            flags,
            attempt.output.status,
            &attempt,
        );
        if !kept {
            return;
        }
        match problem {
            Some(problem) => self.count_miss(name, sequence, &problem),
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
        let listing = Arc::new(self.equipment.host.list()?);
        self.listing = Some((self.now(), Arc::clone(&listing)));
        Ok(listing)
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
            "the VM was away or has new handles, as after a power cycle or vMotion: counters begin anew"
        } else if absent.is_subset(&absent_before) {
            "a disk of the job is listed again, and its collection has run on"
        } else {
            "a disk of the job is not listed any more: the others are collected on"
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
            self.resting.insert(disk, (self.now() + RETRY_MS, reason.clone()));
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

    /// Handles that no listing shows have no collection to stop.
    fn forget_handles(&mut self, name: &Name, listing: Option<&Listing>) {
        let Some(listing) = listing.filter(|listing| listing.diagnostics.is_empty()) else {
            return;
        };
        let disks = self.jobs.get(name).map(JobState::all_disks).unwrap_or_default();
        for disk in disks {
            let listed = listing
                .vms
                .iter()
                .any(|vm| vm.world_group_id == disk.0 && vm.disks.iter().any(|listed| listed.handle_id == disk.1));
            if !listed && self.journal.armed().contains_key(&disk) {
                let cleared = self.journal.clear(disk);
                self.tell_journal(cleared);
            }
        }
    }

    /// Writes the snapshot; `false` when that failed and has ended the job.
    #[expect(
        clippy::too_many_arguments,
        reason = "the parts of one snapshot, each from another place"
    )]
    fn keep(
        &mut self,
        name: &Name,
        sequence: u32,
        target: &Target,
        disks: Vec<ResolvedDisk>,
        flags: BTreeSet<SnapshotFlag>,
        exit_status: Option<i32>,
        attempt: &Attempt,
    ) -> bool {
        let is_gap = flags.contains(&SnapshotFlag::Gap);
        let holds_data = !is_gap && !flags.contains(&SnapshotFlag::Failed);
        let header = SnapshotHeader {
            job: name.clone(),
            sequence,
            taken_at: attempt.taken_at,
            monotonic_ms: attempt.monotonic_ms,
            duration_ms: attempt.duration_ms,
            boot_id: self.equipment.boot.id.clone(),
            host: self.equipment.hostname.clone(),
            vm_name: target.vm_name.clone(),
            config_file: target.config_file.clone(),
            world_group_id: target.world_group_id,
            disks: disks
                .into_iter()
                .map(|disk| SnapshotDisk {
                    handle_id: disk.handle_id,
                    node: disk.node,
                })
                .collect(),
            flags,
            exit_status: exit_status.filter(|_| !is_gap),
        };
        let output: &[u8] = if is_gap { b"" } else { &attempt.output.stdout };
        let file = header.with_output(output);
        if let Err(error) = self.equipment.spool.write_snapshot(name, sequence, &file) {
            let reason = format!("snapshot {sequence} could not be kept: {error}; the earlier ones are intact");
            self.equipment.views.set_problem("spool", Some(reason.clone()));
            self.end(name, Status::Failed, &reason);
            return false;
        }
        self.equipment.views.set_problem("spool", None);
        if let Some(state) = self.jobs.get_mut(name) {
            state.next = sequence + 1;
            // A new baseline is announced by the first snapshot that holds it.
            if holds_data {
                state.flags.clear();
            }
        }
        true
    }

    /// Writes empty snapshots for sequences whose time passed while nobody could take them.
    fn record_missed(&mut self, name: &Name, missed: Range<u32>) -> bool {
        let Some(state) = self.jobs.get(name) else { return false };
        let target = state.job().target.clone();
        let wall = self.equipment.clock.wall();
        for sequence in missed {
            let attempt = Attempt {
                taken_at: wall,
                monotonic_ms: self.now(),
                duration_ms: 0,
                output: CommandOutput::default(),
                problem: None,
            };
            let flags = BTreeSet::from([SnapshotFlag::Failed, SnapshotFlag::Late]);
            if !self.keep(name, sequence, &target, Vec::new(), flags, None, &attempt) {
                return false;
            }
        }
        true
    }

    /// Says how many snapshots were missed since the last one that was taken.
    fn tell_missed(&mut self, name: &Name) {
        let wall = self.equipment.clock.wall();
        let Some(state) = self.jobs.get_mut(name) else { return };
        let first = state.taken.map_or(0, |taken| taken + 1);
        let message = format!(
            "{} snapshots were not taken because the agent or the host was not running: the next one covers their time",
            state.next.saturating_sub(first)
        );
        state.note(wall, Some(first), message.clone());
        self.log(&format!("{name}: {message}"));
    }

    fn count_usable(&mut self, name: &Name, sequence: u32, attempt: &Attempt) {
        let wall = self.equipment.clock.wall();
        let complaint = attempt.output.complaint();
        let Some(state) = self.jobs.get_mut(name) else { return };
        state.misses = 0;
        state.usable += 1;
        state.document.job.collection.samples_collected = state.usable.saturating_sub(1);
        if let Some(complaint) = complaint {
            let message = format!("vscsiStats printed every histogram, but it {complaint}; the snapshot is used");
            state.note(wall, Some(sequence), message);
        }
        if state.restarts() && sequence < state.job().profile.samples {
            self.restart_counters(name, sequence);
        }
        self.complete_or_go_on(name, sequence);
    }

    fn count_miss(&mut self, name: &Name, sequence: u32, problem: &str) {
        let wall = self.equipment.clock.wall();
        let Some(state) = self.jobs.get_mut(name) else { return };
        state.misses += 1;
        state.note(wall, Some(sequence), problem.to_owned());
        let (misses, allowed) = (state.misses, state.job().collection.max_misses);
        self.log(&format!("{name}: snapshot {sequence} holds no data: {problem}"));
        if misses >= allowed {
            let reason = format!("{misses} snapshots in a row held no data; the last one: {problem}");
            self.end(name, Status::Failed, &reason);
            return;
        }
        self.complete_or_go_on(name, sequence);
    }

    fn complete_or_go_on(&mut self, name: &Name, sequence: u32) {
        let Some(state) = self.jobs.get_mut(name) else { return };
        state.taken = Some(sequence);
        if sequence >= state.job().profile.samples {
            self.end(name, Status::Completed, "");
        } else {
            self.save_progress(name);
        }
    }

    /// Restart mode: `-x` and `-s` between two samples, so that the counters are those of one interval alone.
    fn restart_counters(&mut self, name: &Name, sequence: u32) {
        let (wall, now) = (self.equipment.clock.wall(), self.now());
        let disks = self.jobs.get(name).map(JobState::disks).unwrap_or_default();
        let (mut stopped, mut failures) = (false, Vec::new());
        for disk in disks {
            if let Err(error) = self.equipment.host.stop(disk.0, disk.1) {
                failures.push(error.to_string());
                continue;
            }
            stopped = true;
            if let Err(error) = self.equipment.host.start(disk.0, disk.1) {
                // Nothing counts until it is started, which is tried again soon.
                self.resting.insert(disk, (now + RETRY_MS, error.to_string()));
                failures.push(error.to_string());
            }
        }
        let Some(state) = self.jobs.get_mut(name) else { return };
        if failures.is_empty() {
            state.flags.insert(SnapshotFlag::Restarted);
        } else if stopped {
            // Some counters begin anew and some do not: the next sample cannot be told from them.
            state.flags.insert(SnapshotFlag::NewBaseline);
        }
        for failure in failures {
            state.note(
                wall,
                Some(sequence),
                format!("the counters were not restarted: {failure}"),
            );
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

fn disk_keys(vm: WorldGroupId, disks: &[ResolvedDisk]) -> BTreeSet<DiskKey> {
    disks.iter().map(|disk| (vm, disk.handle_id)).collect()
}
