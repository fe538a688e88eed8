//! A job recorded on a simulated host: half an hour of a database VM, one sample a minute.
//!
//! The host runs by a clock that is moved, so the same sources give the same bytes. The snapshots are what the agent would
//! have spooled: what the simulated vscsiStats prints, below the header of the product.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;
use std::{fs, io};

use flate2::{Compression, GzBuilder};
use jiff::{SignedDuration, Timestamp};
use vscsi_fixtures::{ClockMode, InventoryDisk, Outcome, Scenario, SimulatedHost};
use vscsi_shared::identifier::{HandleId, Name};
use vscsi_shared::job::{
    Cleanup, Collection, CollectionMode, DEFAULT_MAX_MISSES, FORMAT_VERSION, HostIdentity, Job, JobDocument, Profile,
    Status, Target, TargetDisk,
};
use vscsi_shared::snapshot::{SnapshotDisk, SnapshotHeader, file_name};

const VM: &str = "SQL-Server-01";
const JOB: &str = "sql-peak";
const SAMPLES: u32 = 30;
const INTERVAL_SECONDS: u32 = 60;
/// When the baseline was taken, by the host's wall clock.
const BEGAN: Timestamp = Timestamp::constant(1_762_417_800, 0);
/// How long vscsiStats takes on a host that is not busy.
const DURATION_MS: u64 = 14;

/// Writes the job as `recording.tar.gz` in the folder `out`.
pub(super) fn record(out: &Path) -> io::Result<()> {
    let root = out.join("recorded-host");
    if root.exists() {
        fs::remove_dir_all(&root)?;
    }
    let mut scenario = Scenario::load("demo").map_err(io::Error::other)?;
    scenario.clock.mode = ClockMode::Manual;
    let host = SimulatedHost::create_without_programs(&scenario, &root).map_err(io::Error::other)?;
    let mut disks = host.disks().map_err(io::Error::other)?;
    disks.retain(|disk| disk.vm == VM);
    let first = disks.first().ok_or_else(|| io::Error::other("the VM is not there"))?;
    let vm = first.world_group_id.to_string();
    for disk in &disks {
        run(&host, &["-s", "-w", &vm, "-i", &disk.handle_id.to_string()])?;
    }
    let mut header = SnapshotHeader {
        job: Name::new(JOB).map_err(io::Error::other)?,
        sequence: 0,
        taken_at: BEGAN,
        monotonic_ms: host.now_us().map_err(io::Error::other)? / 1000,
        duration_ms: DURATION_MS,
        boot_id: "4829be42120506f12b9a48014c4717c5".to_owned(),
        host: scenario.host.hostname.clone(),
        vm_name: VM.to_owned(),
        config_file: config_file(&scenario)?,
        world_group_id: number(first.world_group_id)?,
        disks: disks.iter().map(snapshot_disk).collect::<io::Result<_>>()?,
        flags: BTreeSet::new(),
        exit_status: Some(0),
    };
    let mut snapshots = Vec::new();
    loop {
        let printed = run(&host, &["-p", "all", "-c", "-w", &vm])?;
        snapshots.push((header.sequence, header.with_output(&printed)));
        if header.sequence == SAMPLES {
            break;
        }
        let interval = Duration::from_secs(u64::from(INTERVAL_SECONDS));
        host.advance(interval).map_err(io::Error::other)?;
        header.sequence += 1;
        header.taken_at += interval;
        header.monotonic_ms += u64::from(INTERVAL_SECONDS) * 1000;
    }
    let archive = fs::File::create(out.join("recording.tar.gz"))?;
    let mut archive = tar::Builder::new(GzBuilder::new().write(archive, Compression::best()));
    let job = JobDocument::new(job(&header, &disks)?);
    add(&mut archive, "job.json", &job.to_json()?)?;
    for (sequence, snapshot) in snapshots {
        add(&mut archive, &format!("samples/{}", file_name(sequence)), &snapshot)?;
    }
    archive.into_inner()?.finish()?;
    Ok(())
}

/// What a call of vscsiStats prints.
fn run(host: &SimulatedHost, arguments: &[&str]) -> io::Result<Vec<u8>> {
    let arguments: Vec<String> = arguments.iter().map(ToString::to_string).collect();
    match host.call("vscsiStats", &arguments).map_err(io::Error::other)? {
        Outcome::Ended(output) if output.exit_code == 0 => Ok(output.stdout),
        failed => Err(io::Error::other(format!("vscsiStats {arguments:?}: {failed:?}"))),
    }
}

/// Where the VM's description lies on the host.
fn config_file(scenario: &Scenario) -> io::Result<String> {
    let vm = scenario.vms.iter().find(|vm| vm.name == VM);
    let datastore = vm.and_then(|vm| scenario.datastore(&vm.datastore));
    let datastore = datastore.ok_or_else(|| io::Error::other("the VM has no datastore"))?;
    Ok(format!("/vmfs/volumes/{}/{VM}/{VM}.vmx", datastore.uuid))
}

fn number<T: std::str::FromStr>(number: u64) -> io::Result<T>
where
    T::Err: std::error::Error + Send + Sync + 'static,
{
    number.to_string().parse().map_err(io::Error::other)
}

fn snapshot_disk(disk: &InventoryDisk) -> io::Result<SnapshotDisk> {
    Ok(SnapshotDisk {
        handle_id: number::<HandleId>(disk.handle_id)?,
        node: disk.node.clone(),
    })
}

/// The description of the job, given the header of its last snapshot.
fn job(last: &SnapshotHeader, disks: &[InventoryDisk]) -> io::Result<Job> {
    let ended = last.taken_at + SignedDuration::from_millis(20);
    let target = |disk: &InventoryDisk| {
        Ok(TargetDisk {
            handle_id: number(disk.handle_id)?,
            node: disk.node.clone(),
            lun: disk.node.clone(),
        })
    };
    Ok(Job {
        format_version: FORMAT_VERSION,
        job_id: last.job.clone(),
        created_at: BEGAN,
        updated_at: ended,
        status: Status::Completed,
        host: HostIdentity {
            hostname: last.host.clone(),
            ..HostIdentity::default()
        },
        target: Target {
            vm_name: VM.to_owned(),
            world_group_id: last.world_group_id,
            config_file: last.config_file.clone(),
            disks: disks.iter().map(target).collect::<io::Result<_>>()?,
        },
        profile: Profile {
            name: "standard".to_owned(),
            samples: SAMPLES,
            interval_seconds: INTERVAL_SECONDS,
        },
        collection: Collection {
            started_at: Some(BEGAN),
            completed_at: Some(ended),
            samples_collected: SAMPLES,
            samples_expected: SAMPLES,
            errors: Vec::new(),
            mode: CollectionMode::Cumulative,
            max_misses: DEFAULT_MAX_MISSES,
            foreign: false,
        },
        cleanup: Cleanup {
            vscsi_stats_stopped: true,
            stopped_at: Some(ended),
            cleanup_error: None,
            manual_cleanup_required: false,
            manual_cleanup_command: None,
        },
    })
}

/// Adds a file that says nothing of the machine it was made on.
fn add(archive: &mut tar::Builder<impl io::Write>, name: &str, content: &[u8]) -> io::Result<()> {
    let mut header = tar::Header::new_ustar();
    header.set_size(content.len() as u64);
    header.set_mode(0o600);
    header.set_mtime(0);
    archive.append_data(&mut header, name, content)
}
