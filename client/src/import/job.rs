//! From prints to job directories, made aside and then moved into place.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use jiff::Timestamp;
use tempfile::TempDir;
use vscsi_shared::identifier::{Name, WorldGroupId};
use vscsi_shared::job::limits;
use vscsi_shared::job::{
    Cleanup, Collection, CollectionError, CollectionMode, DEFAULT_MAX_MISSES, FORMAT_VERSION, HostIdentity, Job,
    JobDocument, Profile, Status, Target, TargetDisk,
};
use vscsi_shared::snapshot::{SnapshotDisk, SnapshotFlag, SnapshotHeader};
use vscsi_shared::vscsistats::{DiskHistograms, Print, PrintedTime, TracedCommand};

use super::clock::{Clock, Tick};
use super::commands::{BASELINE_MS, CountedPrints, Extent, WORLD_GROUP};
use super::description::Description;
use super::fio::{self, FioLog, FioRun};
use super::read::Warning;
use super::{ImportError, Request, trace};
use crate::failure::FileError;
use crate::store::{
    IMPORT_PROFILE, JobDirectory, JobFiles, JobReference, LockKind, Store, StoreError, UNKNOWN_HOST, UNKNOWN_VM,
    create_directory, create_file, sum_of, sync_directory,
};

/// Losses that a job keeps; there may be one in each line of a file.
const MOST_LOSSES: usize = 100;

/// Writes prints into jobs that are being made, one per VM. Whatever was not published goes with it.
#[derive(Debug)]
pub(super) struct Importer<'request> {
    request: &'request Request,
    now: Timestamp,
    staging: TempDir,
    jobs: BTreeMap<WorldGroupId, Staged>,
    round: Round,
    /// The commands of a trace, and when its file was last changed.
    trace: Vec<TracedCommand>,
    traced_at: Option<Timestamp>,
    /// The logs of a fio run, and when the last of them was changed.
    fio: Vec<FioLog>,
    logged_at: Option<Timestamp>,
}

/// One turn of the loop that made the prints. VMs may be printed together or one after the other, so a turn ends where
/// one of them is printed again: another one that is missing in it was not printed, or the print was damaged.
#[derive(Debug, Default)]
struct Round {
    number: u64,
    printed: BTreeSet<WorldGroupId>,
}

impl Round {
    /// The number of the round that a print of these VMs belongs to.
    fn of(&mut self, vms: impl Iterator<Item = WorldGroupId> + Clone) -> u64 {
        if vms.clone().any(|vm| self.printed.contains(&vm)) {
            self.number += 1;
            self.printed.clear();
        }
        self.printed.extend(vms);
        self.number
    }
}

/// A job in the making.
#[derive(Debug)]
pub(super) struct Staged {
    name: Name,
    /// Where it is being made.
    pub(super) files: JobFiles,
    /// Number of prints.
    pub(super) prints: u32,
    world_group_id: WorldGroupId,
    vm_name: String,
    /// What the first file calls a disk that has no node.
    lun: Option<String>,
    disks: Vec<TargetDisk>,
    /// The first print waits for a second one, because alone it stands for the whole interval.
    first: Option<(Print, Timestamp)>,
    /// The round of its last print.
    round: u64,
    clock: Clock,
    /// The first print is a baseline.
    has_baseline: bool,
    /// The SHA-256 of each snapshot.
    sums: Vec<String>,
    /// It is made from commands.
    is_traced: bool,
    /// How far its prints lie apart, where that was not asked for.
    usual_interval_seconds: Option<u32>,
    /// What its files do not tell.
    pub(super) notes: Vec<String>,
}

impl<'request> Importer<'request> {
    pub(super) fn new(store: &Store, request: &'request Request, now: Timestamp) -> Result<Self, ImportError> {
        let staging = tempfile::Builder::new()
            .prefix(".import-")
            .tempdir_in(store.root())
            .map_err(FileError::new("create a directory in", store.root()))?;
        Ok(Self {
            request,
            now,
            staging,
            jobs: BTreeMap::new(),
            round: Round::default(),
            trace: Vec::new(),
            traced_at: None,
            fio: Vec::new(),
            logged_at: None,
        })
    }

    pub(super) fn push(
        &mut self,
        print: Print,
        description: &Description,
        changed_at: Timestamp,
    ) -> Result<(), ImportError> {
        let mut by_vm: BTreeMap<WorldGroupId, Vec<DiskHistograms>> = BTreeMap::new();
        for disk in print.disks {
            by_vm.entry(disk.world_group_id).or_default().push(disk);
        }
        let round = self.round.of(by_vm.keys().copied());
        for (world_group_id, disks) in by_vm {
            let time = print.time.clone();
            let print = Print { disks, time };
            if let Some(staged) = self.jobs.get_mut(&world_group_id) {
                staged.push(&print, changed_at, round, self.request)?;
                continue;
            }
            let mut staged = self.stage(world_group_id, description)?;
            staged.first = Some((print, changed_at));
            staged.round = round;
            self.jobs.insert(world_group_id, staged);
        }
        Ok(())
    }

    /// Takes the commands of a trace, which several files may hold.
    pub(super) fn push_trace(&mut self, commands: Vec<TracedCommand>, changed_at: Timestamp) {
        self.traced_at = Some(changed_at);
        if self.trace.is_empty() {
            self.trace = commands;
        } else {
            self.trace.extend(commands);
        }
    }

    /// Takes a log of a fio run, which has several.
    pub(super) fn push_fio(&mut self, log: FioLog, changed_at: Timestamp) {
        self.logged_at = self.logged_at.max(Some(changed_at));
        self.fio.push(log);
    }

    /// Makes the prints of the trace, and keeps its commands.
    fn stage_trace(&mut self) -> Result<(), ImportError> {
        let Some(changed_at) = self.traced_at else {
            return Ok(());
        };
        let mut commands = std::mem::take(&mut self.trace);
        commands.sort_by_key(|command| command.issued_us);
        let ends = commands.first().zip(commands.last());
        let microseconds = ends.map_or(0, |(first, last)| last.issued_us - first.issued_us);
        self.check_length(microseconds / 1000)?;
        let interval_ms = self.request.interval_ms();
        let staged = self.stage_commands(trace::prints(&commands, interval_ms), changed_at)?;
        staged.files.trace().write(&commands)?;
        self.jobs.insert(WORLD_GROUP, staged);
        Ok(())
    }

    /// Makes the prints of a fio run.
    fn stage_fio(&mut self) -> Result<(), ImportError> {
        let Some(changed_at) = self.logged_at else {
            return match &self.request.fio_job {
                Some(path) => Err(ImportError::NoFioLogs { job_file: path.clone() }),
                None => Ok(()),
            };
        };
        let run = FioRun::of(std::mem::take(&mut self.fio), self.request.fio_job.as_deref())?;
        let extent: Extent = run.extent().ok_or(ImportError::EmptyFioLogs)?;
        self.check_length(extent.nanoseconds / 1_000_000)?;
        let usual = fio::usual_interval_seconds(extent);
        let interval_ms = self.request.interval_ms().unwrap_or(u64::from(usual) * 1000);
        let mut staged = self.stage_commands(run.prints(extent, interval_ms), changed_at)?;
        for (disk, target) in staged.disks.iter_mut().zip(run.targets()) {
            target.clone_into(&mut disk.lun);
        }
        staged.usual_interval_seconds = Some(usual);
        staged.notes = run.notes();
        self.jobs.insert(WORLD_GROUP, staged);
        Ok(())
    }

    fn stage_commands(&self, prints: CountedPrints, changed_at: Timestamp) -> Result<Staged, ImportError> {
        if !self.jobs.is_empty() {
            return Err(ImportError::SeveralKinds);
        }
        let mut staged = self.stage(WORLD_GROUP, &Description::default())?;
        staged.has_baseline = true;
        staged.is_traced = true;
        for counted in prints {
            let tick = Tick {
                elapsed_ms: BASELINE_MS.saturating_add(counted.after_ms),
                is_timed: false,
            };
            staged.write(&counted.print, tick, changed_at, self.request)?;
        }
        Ok(staged)
    }

    /// One damaged time stamp must not become samples without end.
    fn check_length(&self, milliseconds: u64) -> Result<(), ImportError> {
        let samples = self
            .request
            .interval_ms()
            .map_or(1, |interval_ms| milliseconds / interval_ms);
        let most = *limits::SAMPLES.range().end();
        if samples > u64::from(most) {
            return Err(ImportError::TooLong {
                seconds: milliseconds / 1000,
                samples,
                most,
            });
        }
        Ok(())
    }

    fn stage(&self, world_group_id: WorldGroupId, description: &Description) -> Result<Staged, ImportError> {
        let files = JobFiles::at(self.staging.path().join(world_group_id.to_string()));
        let samples = files.samples();
        create_directory(&samples)?;
        let vm_name = self.request.vm_name.as_ref().or(description.vm_name.as_ref());
        Ok(Staged {
            name: self.request.name.clone(),
            files,
            prints: 0,
            world_group_id,
            vm_name: vm_name.cloned().unwrap_or_else(|| UNKNOWN_VM.to_owned()),
            lun: description.lun.clone(),
            disks: Vec::new(),
            first: None,
            round: 0,
            clock: Clock::default(),
            has_baseline: false,
            sums: Vec::new(),
            is_traced: false,
            usual_interval_seconds: None,
            notes: Vec::new(),
        })
    }

    /// Ends every job and names it. What was lost of the files is kept in each, because no file tells whose it was.
    pub(super) fn finish(&mut self, warnings: &[Warning]) -> Result<Vec<Staged>, ImportError> {
        let lost = |warning: &&Warning| warning.is_loss();
        let errors: Vec<CollectionError> = warnings
            .iter()
            .filter(lost)
            .take(MOST_LOSSES)
            .map(|warning| CollectionError {
                at: self.now,
                sequence: None,
                message: format!("{}: {}", warning.path.display(), warning.diagnostic),
            })
            .collect();
        self.stage_trace()?;
        self.stage_fio()?;
        let several = self.jobs.len() > 1;
        let mut finished = Vec::new();
        for (world_group_id, mut staged) in std::mem::take(&mut self.jobs) {
            if several {
                let name = format!("{}-{world_group_id}", self.request.name);
                staged.name = Name::new(&name).map_err(|_| ImportError::NameTooLong {
                    name: self.request.name.clone(),
                })?;
            }
            staged.finish(self.request, &errors, self.now)?;
            finished.push(staged);
        }
        Ok(finished)
    }
}

impl Staged {
    fn push(&mut self, print: &Print, changed_at: Timestamp, round: u64, request: &Request) -> Result<(), ImportError> {
        if let Some((first, changed_at)) = self.first.take() {
            self.write_first(&first, Some(print), changed_at, request)?;
        }
        let tick = self.clock.tick(print.time.as_ref(), round - self.round);
        self.round = round;
        self.write(print, tick, changed_at, request)
    }

    fn finish(&mut self, request: &Request, errors: &[CollectionError], now: Timestamp) -> Result<(), ImportError> {
        if let Some((only, changed_at)) = self.first.take() {
            self.write_first(&only, None, changed_at, request)?;
        }
        let sums = self.files.record_sums()?;
        for (sequence, sum) in (0..).zip(&self.sums) {
            sums.add(sequence, sum)?;
        }
        let path = self.files.job_file();
        let json = JobDocument::new(self.job(request, errors, now))
            .to_json()
            .map_err(|error| FileError::new("write", &path)(error.into()))?;
        Ok(create_file(&path, &json)?)
    }

    fn write_first(
        &mut self,
        first: &Print,
        next: Option<&Print>,
        changed_at: Timestamp,
        request: &Request,
    ) -> Result<(), ImportError> {
        let (clock, placed, tick) = Clock::begin(first, next, request);
        self.clock = clock;
        self.has_baseline = placed.is_baseline;
        self.write(first, tick, changed_at, request)
    }

    fn write(
        &mut self,
        print: &Print,
        tick: Tick,
        changed_at: Timestamp,
        request: &Request,
    ) -> Result<(), ImportError> {
        for disk in &print.disks {
            let node = disk.node.clone().unwrap_or_default();
            if self.disks.iter().all(|known| known.handle_id != disk.handle_id) {
                self.disks.push(TargetDisk {
                    handle_id: disk.handle_id,
                    lun: disk.node.clone().or_else(|| self.lun.clone()).unwrap_or_default(),
                    node,
                });
            }
        }
        let header = SnapshotHeader {
            job: self.name.clone(),
            sequence: self.prints,
            taken_at: print.time.as_ref().and_then(PrintedTime::moment).unwrap_or(changed_at),
            monotonic_ms: tick.elapsed_ms,
            duration_ms: 0,
            boot_id: "imported".to_owned(),
            host: request.host.clone().unwrap_or_else(|| UNKNOWN_HOST.to_owned()),
            vm_name: self.vm_name.clone(),
            config_file: String::new(),
            world_group_id: self.world_group_id,
            disks: print
                .disks
                .iter()
                .map(|disk| SnapshotDisk {
                    handle_id: disk.handle_id,
                    node: disk.node.clone().unwrap_or_default(),
                })
                .collect(),
            flags: [SnapshotFlag::Undated]
                .into_iter()
                .chain((self.has_baseline && self.prints == 0).then_some(SnapshotFlag::NewBaseline))
                .chain(self.is_traced.then_some(SnapshotFlag::Traced))
                .chain(tick.is_timed.then_some(SnapshotFlag::Timed))
                .collect(),
            exit_status: None,
        };
        let path = self.files.sample(self.prints);
        let bytes = header.with_output(print.csv().to_string().as_bytes());
        self.sums.push(sum_of(&bytes));
        create_file(&path, &bytes)?;
        self.prints += 1;
        Ok(())
    }

    fn job(&self, request: &Request, errors: &[CollectionError], now: Timestamp) -> Job {
        let samples = self.prints - u32::from(self.has_baseline && self.prints > 0);
        Job {
            format_version: FORMAT_VERSION,
            job_id: self.name.clone(),
            created_at: now,
            updated_at: now,
            status: Status::Completed,
            host: HostIdentity {
                hostname: request.host.clone().unwrap_or_else(|| UNKNOWN_HOST.to_owned()),
                username: None,
                fingerprint: None,
            },
            target: Target {
                vm_name: self.vm_name.clone(),
                world_group_id: self.world_group_id,
                config_file: String::new(),
                disks: self.disks.clone(),
            },
            profile: Profile {
                name: IMPORT_PROFILE.to_owned(),
                samples,
                interval_seconds: request.interval_seconds.or(self.usual_interval_seconds).unwrap_or(0),
            },
            collection: Collection {
                started_at: None,
                completed_at: Some(now),
                samples_collected: samples,
                samples_expected: samples,
                errors: errors.to_vec(),
                mode: CollectionMode::Cumulative,
                max_misses: DEFAULT_MAX_MISSES,
                foreign: false,
            },
            cleanup: Cleanup {
                vscsi_stats_stopped: true,
                ..Cleanup::default()
            },
        }
    }

    /// The job's place, as long as nobody has it.
    pub(super) fn reserve(&self, store: &Store) -> Result<JobDirectory, ImportError> {
        let directory = store.directory(&JobReference::named(self.name.clone()));
        if directory.path().exists() {
            return Err(ImportError::NameTaken(self.name.clone()));
        }
        Ok(directory)
    }

    /// Moves the job into its place, where it is whole from the first moment.
    pub(super) fn publish(&self, store: &Store) -> Result<JobDirectory, ImportError> {
        let _lock = store.lock(&JobReference::named(self.name.clone()), LockKind::Exclusive)?;
        let directory = self.reserve(store)?;
        sync_directory(&self.files.samples()).map_err(StoreError::from)?;
        fs::rename(self.files.path(), directory.path()).map_err(FileError::new("create", directory.path()))?;
        sync_directory(store.root()).map_err(StoreError::from)?;
        Ok(directory)
    }
}

impl Request {
    pub(super) fn interval_ms(&self) -> Option<u64> {
        self.interval_seconds.map(|seconds| u64::from(seconds) * 1000)
    }
}
