//! What clients ask the collector for.

use std::collections::{BTreeMap, BTreeSet};

use vscsi_shared::identifier::Name;
use vscsi_shared::inventory::Volumes;
use vscsi_shared::job::limits::OutOfRange;
use vscsi_shared::job::{
    Cleanup, Collection, FORMAT_VERSION, HostIdentity, Job, JobDocument, Status, Target, TargetDisk,
};
use vscsi_shared::vscsistats::Listing;
use vscsi_shared::wire::v1::{Acknowledge, CreateJob, ErrorCode, JobView, StopJob, VmSelector};

use super::disks::Seen;
use super::job::{JobState, Phase};
use super::{AWAIT_MS, Collector};
use crate::action::{Outcome, Refusal, refuse};
use crate::fault::fault_point;
use crate::host::{DiskKey, HostError, Selected, inventory, select, stop_by_hand};
use crate::spool::{Record, SpoolError};
use crate::switch::{Ask, State};

/// Bytes one snapshot of one disk takes at most: the sixteen histograms with 20-digit counters and the header.
const SNAPSHOT_BYTES_PER_DISK: u64 = 12 * 1024;

impl Collector {
    pub(super) fn create(&mut self, request: CreateJob) -> Result<Outcome, Refusal> {
        if let Some(existing) = self.jobs.get(&request.name) {
            return if existing.record.request == request {
                self.view(&request.name).map(Outcome::Job)
            } else {
                Err(refuse(
                    ErrorCode::Conflict,
                    format!("another job with the name {} exists already", request.name),
                    "choose another --name, or delete the other job first",
                ))
            };
        }
        request.check().map_err(refuse_out_of_range)?;
        // One that has just died is replaced in no time.
        self.await_switch(AWAIT_MS, |this| this.ready);
        if !self.ready || self.passing != super::Passing::No {
            return Err(refuse(
                ErrorCode::Unavailable,
                "the process that starts and stops collections does not run, so nothing is started",
                "try again in a moment; `vscsi-helper status` and the agent's log say more when that does not help",
            ));
        }
        let listing = self.equipment.host.list().map_err(|error| refuse_host(&error))?;
        let plain = select(&listing, &Volumes::default(), &request.vm, &request.disks);
        let selected = match (plain, self.volumes()) {
            (Err(_), Some(volumes)) => select(&listing, &volumes, &request.vm, &request.disks),
            (plain, _) => plain,
        };
        let selected = selected.map_err(|unresolved| {
            refuse(
                ErrorCode::NoSuchTarget,
                unresolved.to_string(),
                "list what there is with `vscsi-helper discover`",
            )
        })?;
        self.make_room(&request, printed_disks(&listing, &selected))?;
        let name = request.name.clone();
        let document = self.new_document(&request, &selected);
        let record = Record {
            request,
            boot_id: self.equipment.boot.id.clone(),
            first_due_ms: None,
            acknowledged: None,
        };
        let phase = Phase::Looking {
            before: BTreeMap::default(),
            again_ms: u64::MAX,
            failures: 0,
        };
        let state = JobState::new(document, record, phase);
        self.refuse_mixed_modes(&state)?;
        let created = self.equipment.spool.create(&state.document, &state.record);
        if let Err(error @ SpoolError::Exists(_)) = &created {
            return Err(refuse(
                ErrorCode::Conflict,
                error.to_string(),
                "choose another --name, or move away what has this one",
            ));
        }
        if let Err(error) = created {
            // Half a job would come back as a failed one at the next start.
            let _ = self.equipment.spool.delete(&name);
            return Err(refuse_spool(&error));
        }
        fault_point("job-created");
        self.jobs.insert(name.clone(), state);
        self.look_first(&name);
        self.view(&name).map(Outcome::Created)
    }

    fn new_document(&self, request: &CreateJob, selected: &Selected) -> JobDocument {
        let now = self.equipment.clock.wall();
        let host = HostIdentity {
            hostname: if request.host.hostname.is_empty() {
                self.equipment.hostname.clone()
            } else {
                request.host.hostname.clone()
            },
            ..request.host.clone()
        };
        let resolved = &selected.resolved;
        let disks = resolved
            .disks
            .iter()
            .zip(&selected.luns)
            .map(|(disk, lun)| TargetDisk {
                handle_id: disk.handle_id,
                node: disk.node.clone(),
                lun: lun.clone(),
            })
            .collect();
        JobDocument::new(Job {
            format_version: FORMAT_VERSION,
            job_id: request.name.clone(),
            created_at: now,
            updated_at: now,
            status: Status::Pending,
            host,
            target: Target {
                vm_name: resolved.vm_name.clone(),
                world_group_id: resolved.world_group_id,
                config_file: resolved.config_file.clone(),
                disks,
            },
            profile: request.profile.clone(),
            collection: Collection {
                started_at: None,
                completed_at: None,
                samples_collected: 0,
                samples_expected: request.profile.samples,
                errors: Vec::new(),
                mode: request.options.mode,
                max_misses: request.options.max_misses,
                foreign: false,
            },
            cleanup: Cleanup::default(),
        })
    }

    /// Restarting counters would cut the samples of another job on the same disk.
    fn refuse_mixed_modes(&self, new: &JobState) -> Result<(), Refusal> {
        let other = self.jobs.values().find(|other| {
            let shares = || !other.disks().is_disjoint(&new.disks());
            other.is_active() && (other.restarts() || new.restarts()) && shares()
        });
        match other {
            Some(other) => Err(refuse(
                ErrorCode::Conflict,
                format!(
                    "job {} is collecting one of these disks, and restart mode allows no second job on a disk",
                    other.job().job_id
                ),
                "wait for it, or use cumulative counters for both",
            )),
            None => Ok(()),
        }
    }

    /// Refuses a job that would not fit, after dropping ended jobs whose samples are all safe on a client.
    fn make_room(&mut self, request: &CreateJob, printed_disks: usize) -> Result<(), Refusal> {
        let spool = std::sync::Arc::clone(&self.equipment.spool);
        let each = spool.takes(printed_disks as u64 * SNAPSHOT_BYTES_PER_DISK);
        let own = (u64::from(request.profile.samples) + 1).saturating_mul(each);
        let running: u64 = self.jobs.values().map(|state| self.still_needs(state)).sum();
        let needed = own.saturating_add(running);
        let fits = || {
            spool.used_bytes().saturating_add(needed) <= spool.limit_bytes()
                && spool.free_bytes().is_none_or(|free| needed <= free)
        };
        let mut acknowledged: Vec<(jiff::Timestamp, Name)> = self
            .jobs
            .iter()
            .filter(|(_, state)| {
                let all = state.next.checked_sub(1);
                !state.is_active() && all.is_some() && state.record.acknowledged >= all
            })
            .map(|(name, state)| (state.job().updated_at, name.clone()))
            .collect();
        acknowledged.sort();
        for (_, name) in acknowledged {
            if fits() {
                break;
            }
            self.log(&format!(
                "{name}: removed from the spool to make room; all its samples were pulled"
            ));
            self.remove(&name).map_err(|error| refuse_spool(&error))?;
        }
        if fits() {
            return Ok(());
        }
        Err(refuse(
            ErrorCode::Spool,
            format!(
                "the job may need {own} bytes and the running jobs {running} more; the spool holds {} of at most {}, \
                 and its volume has {} bytes free",
                spool.used_bytes(),
                spool.limit_bytes(),
                spool
                    .free_bytes()
                    .map_or_else(|| "an unknown number of".to_owned(), |free| free.to_string())
            ),
            "pull and delete old jobs, take fewer samples, or raise --spool-limit",
        ))
    }

    /// Bytes that the snapshots to come of a job may take.
    fn still_needs(&self, state: &JobState) -> u64 {
        if !state.is_active() {
            return 0;
        }
        let job = state.job();
        let largest = self.equipment.spool.largest_bytes(&job.job_id);
        let expected = job.target.disks.len() as u64 * SNAPSHOT_BYTES_PER_DISK;
        let left = (u64::from(job.profile.samples) + 1).saturating_sub(u64::from(state.next));
        left.saturating_mul(self.equipment.spool.takes(largest.max(expected)))
    }

    pub(super) fn stop(&mut self, name: &Name, how: StopJob) -> Result<Outcome, Refusal> {
        let state = self.jobs.get(name).ok_or_else(|| no_job(name))?;
        if !state.is_active() {
            return self.view(name).map(Outcome::Job);
        }
        if !how.cleanup {
            // What another job uses is stopped by its own end, as if this job had never been.
            let others = self
                .jobs
                .iter()
                .filter(|(other, state)| *other != name && state.is_active());
            let in_use: BTreeSet<DiskKey> = others.flat_map(|(_, state)| state.disks()).collect();
            let keep = state.disks().difference(&in_use).copied().collect();
            self.keep_running(&keep)?;
        }
        self.end(name, Status::Stopped, "stopped by a user");
        self.view(name).map(Outcome::Job)
    }

    pub(super) fn cleanup(&mut self, name: &Name) -> Result<Outcome, Refusal> {
        let state = self.jobs.get(name).ok_or_else(|| no_job(name))?;
        if state.is_active() {
            return Err(refuse(
                ErrorCode::Conflict,
                format!("{name} is {}, and still needs its collection", state.job().status),
                "stop the job, which also ends its collection",
            ));
        }
        // What no job uses and the switch still has is asked for once more, which is tried at once.
        let disks = state.all_disks();
        let ours = |disk: &DiskKey| {
            let seen = self.disks.get(disk);
            seen.is_some_and(|seen| !matches!(seen.state, State::Off | State::Foreign)) && !self.is_held(*disk)
        };
        let left: Vec<DiskKey> = disks.into_iter().filter(ours).collect();
        for disk in left {
            self.ask(disk, Ask::Drop);
        }
        let now = self.now();
        if let Some(state) = self.jobs.get_mut(name) {
            state.ended_ms = Some(now);
        }
        self.attend_switch();
        self.view(name).map(Outcome::Job)
    }

    /// What came of [`Self::cleanup`].
    pub(super) fn cleaned_up(&mut self, name: &Name) -> Result<Outcome, Refusal> {
        self.settle();
        let state = self.jobs.get(name).ok_or_else(|| no_job(name))?;
        let outstanding = self.outstanding(state);
        match self.failure_of(&outstanding) {
            Some(reason) => Err(refuse(
                ErrorCode::VscsiStats,
                format!("the collection was not stopped: {reason}"),
                &format!("run on the host: {}", stop_by_hand(&outstanding)),
            )),
            None => self.view(name).map(Outcome::Job),
        }
    }

    /// Has the switch leave these disks running; it is durable before this returns. What is just being started or
    /// restarted may end as a collection or as none, so that there is nothing to keep yet.
    fn keep_running(&mut self, disks: &BTreeSet<DiskKey>) -> Result<(), Refusal> {
        let ours: BTreeSet<DiskKey> = disks
            .iter()
            .copied()
            .filter(|disk| self.is_armed(*disk) && !self.is_foreign(*disk))
            .collect();
        self.await_orders(&ours, AWAIT_MS);
        let is_pending = |disk: &&DiskKey| self.disks.get(disk).is_some_and(Seen::is_pending);
        if let Some(disk) = ours.iter().find(is_pending) {
            return Err(refuse(
                ErrorCode::Unavailable,
                format!("{disk} is just being started, and cannot be left running yet"),
                "try again in a moment, or stop the job together with its collection",
            ));
        }
        for disk in &ours {
            self.ask(*disk, Ask::Keep);
        }
        self.await_orders(&ours, AWAIT_MS);
        let not_kept = ours
            .iter()
            .find(|disk| self.disks.get(disk).is_none_or(|seen| seen.state != State::Kept));
        let Some(disk) = not_kept else { return Ok(()) };
        let reason = self.disks.get(disk).and_then(|seen| seen.reason.clone());
        // A switch that hears of it after the refusal would keep what nobody stops when this agent dies.
        let is_unheard = |disk: &DiskKey| self.disks.get(disk).is_some_and(Seen::is_pending);
        let unheard: Vec<DiskKey> = ours.iter().copied().filter(is_unheard).collect();
        for disk in unheard {
            self.ask(disk, Ask::Want);
        }
        let reason = reason.unwrap_or_else(|| "the switch does not answer".to_owned());
        Err(refuse(
            ErrorCode::Spool,
            format!("{disk} cannot be left running: {reason}"),
            "free space in the agent's state directory, or stop the job together with its collection",
        ))
    }

    pub(super) fn delete(&mut self, name: &Name) -> Result<Outcome, Refusal> {
        let state = self.jobs.get(name).ok_or_else(|| no_job(name))?;
        if state.is_active() {
            return Err(refuse(
                ErrorCode::Conflict,
                format!("{name} is {}", state.job().status),
                "stop the job first",
            ));
        }
        self.remove(name).map_err(|error| refuse_spool(&error))?;
        Ok(Outcome::Deleted)
    }

    fn remove(&mut self, name: &Name) -> Result<(), SpoolError> {
        self.equipment.spool.delete(name)?;
        self.jobs.remove(name);
        self.publish(name);
        Ok(())
    }

    pub(super) fn acknowledge(&mut self, name: &Name, acknowledged: Acknowledge) -> Result<Outcome, Refusal> {
        let state = self.jobs.get_mut(name).ok_or_else(|| no_job(name))?;
        if acknowledged.through >= state.next {
            return Err(refuse(
                ErrorCode::BadRequest,
                format!("{name} has no snapshot {} yet", acknowledged.through),
                "",
            ));
        }
        if state.record.acknowledged < Some(acknowledged.through) {
            let record = Record {
                acknowledged: Some(acknowledged.through),
                ..state.record.clone()
            };
            self.equipment
                .spool
                .save_record(&record)
                .map_err(|error| refuse_spool(&error))?;
            state.record = record;
            self.publish(name);
        }
        self.view(name).map(Outcome::Job)
    }

    pub(super) fn view(&self, name: &Name) -> Result<JobView, Refusal> {
        self.publish(name);
        self.equipment
            .views
            .job(name, self.equipment.clock.as_ref())
            .ok_or_else(|| no_job(name))
    }

    /// Labels and UUIDs of the volumes, asked once; a volume mounted later needs no label to be found by its UUID.
    pub(super) fn volumes(&mut self) -> Option<Volumes> {
        if self.volumes.is_none() {
            self.volumes = inventory::volumes(&self.equipment.host).ok();
        }
        self.volumes.clone()
    }
}

/// The disks that one print of the job shows: its own when it has one, and otherwise all of the VM.
fn printed_disks(listing: &Listing, selected: &Selected) -> usize {
    let wanted = selected.resolved.disks.len();
    let vm = selected.resolved.world_group_id;
    match listing.vms.iter().find(|listed| listed.world_group_id == vm) {
        Some(listed) if wanted > 1 => listed.disks.len(),
        _ => wanted,
    }
}

/// Refuses what asks for more, or less, than a job may have.
pub(super) fn refuse_out_of_range(error: OutOfRange) -> Refusal {
    refuse(ErrorCode::Unacceptable, error.to_string(), "")
}

pub(super) fn no_job(name: &Name) -> Refusal {
    refuse(
        ErrorCode::NotFound,
        format!("there is no job {name} in the spool"),
        "list the jobs with `vscsi-helper list`",
    )
}

pub(super) fn refuse_spool(error: &SpoolError) -> Refusal {
    refuse(
        ErrorCode::Spool,
        error.to_string(),
        "free space in the agent's state directory",
    )
}

fn refuse_host(error: &HostError) -> Refusal {
    refuse(
        ErrorCode::VscsiStats,
        error.to_string(),
        "run `vscsi-agent doctor` on the host to see what is missing",
    )
}

/// Whether a selector names the VM by its configuration file, which a schedule needs.
pub(super) fn by_config_file(path: &str) -> VmSelector {
    VmSelector::ConfigFile(path.to_owned())
}
