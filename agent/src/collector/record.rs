//! What becomes of a snapshot: it is written, counted, and may have ended its job.

use std::collections::BTreeSet;
use std::ops::Range;

use vscsi_shared::identifier::Name;
use vscsi_shared::job::{Status, Target};
use vscsi_shared::snapshot::{SnapshotDisk, SnapshotFlag, SnapshotHeader};

use super::Collector;
use super::job::JobState;
use super::take::Attempt;
use crate::command::CommandOutput;
use crate::host::ResolvedDisk;
use crate::switch::{Ask, State};

impl Collector {
    /// Writes the snapshot; `false` when that failed and has ended the job.
    pub(super) fn keep(
        &mut self,
        name: &Name,
        sequence: u32,
        target: &Target,
        disks: Vec<ResolvedDisk>,
        flags: BTreeSet<SnapshotFlag>,
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
            exit_status: attempt.output.status.filter(|_| !is_gap),
        };
        let output: &[u8] = if is_gap { b"" } else { &attempt.output.stdout };
        let file = header.with_output(output);
        if let Err(error) = self.equipment.spool.write_snapshot(name, sequence, &file) {
            let reason = format!("snapshot {sequence} could not be written: {error}; the earlier ones are intact");
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
    pub(super) fn record_missed(&mut self, name: &Name, missed: Range<u32>) -> bool {
        let Some(state) = self.jobs.get(name) else { return false };
        let target = state.job().target.clone();
        let wall = self.equipment.clock.wall();
        for sequence in missed {
            self.equipment.switch.beat();
            let attempt = Attempt {
                taken_at: wall,
                monotonic_ms: self.now(),
                duration_ms: 0,
                output: CommandOutput::default(),
                counted: Vec::new(),
                problem: None,
            };
            let flags = BTreeSet::from([SnapshotFlag::Failed, SnapshotFlag::Late]);
            if !self.keep(name, sequence, &target, Vec::new(), flags, &attempt) {
                return false;
            }
        }
        true
    }

    /// Says how many snapshots were missed since the last one that was taken.
    pub(super) fn tell_missed(&mut self, name: &Name) {
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

    pub(super) fn count_usable(&mut self, name: &Name, sequence: u32, attempt: &Attempt) {
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
            self.restart_counters(name);
        }
        self.complete_or_go_on(name, sequence);
    }

    pub(super) fn count_miss(&mut self, name: &Name, sequence: u32, problem: &str) {
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

    /// Restart mode: `-x` and `-s` between two samples, so that the counters are those of one interval alone. What came
    /// of it is asked for at the next snapshot.
    fn restart_counters(&mut self, name: &Name) {
        let disks = self.jobs.get(name).map(JobState::disks).unwrap_or_default();
        for disk in &disks {
            self.ask(*disk, Ask::Restart);
        }
        if let Some(state) = self.jobs.get_mut(name) {
            state.restarting = disks;
        }
    }

    /// Whether the counters were restarted since the last snapshot, as the flags of the one to come.
    pub(super) fn note_restarts(&mut self, name: &Name, sequence: u32) {
        let wall = self.equipment.clock.wall();
        let Some(state) = self.jobs.get_mut(name) else { return };
        let disks = std::mem::take(&mut state.restarting);
        let (mut restarted, mut unclear, mut failures) = (0, false, Vec::new());
        for disk in &disks {
            let seen = self.disks.get(disk);
            match seen.map(|seen| (seen.state, seen.is_pending(), &seen.reason)) {
                Some((State::On, false, None)) => restarted += 1,
                // The `-x` failed, and the counters run on.
                Some((State::On, false, Some(reason))) => failures.push(reason.clone()),
                Some((_, false, Some(reason))) => {
                    unclear = true;
                    failures.push(reason.clone());
                }
                _ => {
                    unclear = true;
                    failures.push(format!("`-x` and `-s` of {disk} have not ended"));
                }
            }
        }
        let all = !disks.is_empty() && restarted == disks.len();
        if all {
            state.flags.insert(SnapshotFlag::Restarted);
        } else if restarted > 0 || unclear {
            // Some counters begin anew and some do not: the next sample cannot be told from them.
            state.flags.insert(SnapshotFlag::NewBaseline);
        }
        for failure in failures {
            let message = format!("the counters were not restarted: {failure}");
            state.note(wall, Some(sequence), message);
        }
    }
}
