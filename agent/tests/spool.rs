//! The spool on a real file system: what damage, other versions and crashes cost, and what space is counted.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use jiff::Timestamp;
use serde_json::{Value, json};
use tempfile::TempDir;
use vscsi_agent::spool::{DirectorySpool, Record, Spool as _, SpoolError, Stored};
use vscsi_shared::identifier::{HandleId, Name, WorldGroupId};
use vscsi_shared::job::{
    Cleanup, Collection, CollectionMode, FORMAT_VERSION, HostIdentity, Job, JobDocument, Profile, Status, Target,
    TargetDisk,
};
use vscsi_shared::snapshot::SnapshotHeader;
use vscsi_shared::wire::v1::{CreateJob, DiskSelector, JobOptions, VmSelector};

/// A spool with the job `job`.
struct Place {
    directory: TempDir,
    spool: DirectorySpool,
}

impl Place {
    /// With snapshots 0 to `snapshots` - 1.
    fn with(snapshots: u32) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let spool = DirectorySpool::open(directory.path(), 1 << 30).unwrap();
        spool.create(&document(), &record()).unwrap();
        for sequence in 0..snapshots {
            spool.write_snapshot(&name(), sequence, &snapshot(sequence)).unwrap();
        }
        Self { directory, spool }
    }

    /// The spool as the next agent finds it, the job in it, and what it says is wrong.
    fn load(&self) -> (DirectorySpool, Option<Stored>, String) {
        let spool = DirectorySpool::open(self.directory.path(), 1 << 30).unwrap();
        let (mut stored, notes) = spool.load().unwrap();
        (spool, stored.pop(), notes.join("\n"))
    }

    fn job(&self) -> PathBuf {
        self.directory.path().join("job")
    }

    fn sample(&self, sequence: u32) -> PathBuf {
        self.job().join(format!("samples/sample_{sequence:03}.csv"))
    }

    fn sums(&self) -> PathBuf {
        self.job().join("samples/SHA256SUMS")
    }

    /// `sha256sum -c` finds every line well formed, and every file as its line says.
    fn assert_sums_are_clean(&self) {
        let mut check = Command::new("sha256sum")
            .args(["--check", "--strict", "--quiet", "SHA256SUMS"])
            .current_dir(self.job().join("samples"))
            .spawn()
            .unwrap();
        assert!(check.wait().unwrap().success());
    }
}

fn name() -> Name {
    Name::new("job").unwrap()
}

fn record() -> Record {
    Record {
        request: CreateJob {
            name: name(),
            host: HostIdentity::default(),
            vm: VmSelector::ConfigFile("/vmfs/volumes/ds/vm/vm.vmx".to_owned()),
            disks: vec![DiskSelector {
                handle_id: HandleId(8192),
                node: "scsi0:0".to_owned(),
                lun: "scsi0:0".to_owned(),
            }],
            profile: profile(),
            options: JobOptions::default(),
        },
        boot_id: "boot".to_owned(),
        first_due_ms: Some(1000),
        acknowledged: None,
    }
}

fn profile() -> Profile {
    Profile {
        name: "test".to_owned(),
        samples: 30,
        interval_seconds: 60,
    }
}

fn document() -> JobDocument {
    JobDocument::new(Job {
        format_version: FORMAT_VERSION,
        job_id: name(),
        created_at: Timestamp::UNIX_EPOCH,
        updated_at: Timestamp::UNIX_EPOCH,
        status: Status::Running,
        host: HostIdentity::default(),
        target: Target {
            vm_name: "vm".to_owned(),
            world_group_id: WorldGroupId(7),
            config_file: "/vmfs/volumes/ds/vm/vm.vmx".to_owned(),
            disks: vec![TargetDisk {
                handle_id: HandleId(8192),
                node: "scsi0:0".to_owned(),
                lun: "scsi0:0".to_owned(),
            }],
        },
        profile: profile(),
        collection: Collection {
            started_at: None,
            completed_at: None,
            samples_collected: 0,
            samples_expected: 30,
            errors: Vec::new(),
            mode: CollectionMode::Cumulative,
            max_misses: 10,
            foreign: false,
        },
        cleanup: Cleanup::default(),
    })
}

fn snapshot(sequence: u32) -> Vec<u8> {
    let header = SnapshotHeader {
        job: name(),
        sequence,
        taken_at: Timestamp::UNIX_EPOCH,
        monotonic_ms: 1000,
        duration_ms: 5,
        boot_id: "boot".to_owned(),
        host: "esx01".to_owned(),
        vm_name: "vm".to_owned(),
        config_file: "/vmfs/volumes/ds/vm/vm.vmx".to_owned(),
        world_group_id: WorldGroupId(7),
        disks: Vec::new(),
        flags: BTreeSet::new(),
        exit_status: Some(0),
    };
    header.with_output(b"Histogram: something\n")
}

fn sequences(spool: &DirectorySpool) -> Vec<u32> {
    let entries = spool.entries(&name(), 0, usize::MAX);
    entries.into_iter().map(|entry| entry.sequence).collect()
}

#[test]
fn one_sample_that_cannot_be_read_costs_no_other() {
    let place = Place::with(3);
    // Reading it fails, as a bad block of the disk lets it fail.
    fs::remove_file(place.sample(1)).unwrap();
    fs::create_dir(place.sample(1)).unwrap();
    let (spool, job, notes) = place.load();
    assert_eq!(job.unwrap().usable, 2);
    assert_eq!(sequences(&spool), [0, 2]);
    assert!(notes.contains("sample_001.csv cannot be read"), "{notes}");
    assert!(place.sample(1).exists(), "it may be readable later");
}

#[test]
fn the_sequence_of_a_sample_that_was_lost_is_not_used_again() {
    let place = Place::with(3);
    fs::write(place.sample(2), b"torn").unwrap();
    let (spool, _, _) = place.load();
    assert_eq!(sequences(&spool), [0, 1]);
    assert_eq!(spool.set_aside(&name()), ["sample_002.csv"]);
    assert_eq!(spool.last_sequence(&name()), Some(2));
}

#[test]
fn a_snapshot_of_a_newer_format_stays_and_is_served() {
    let place = Place::with(2);
    let newer = String::from_utf8(snapshot(2)).unwrap().replacen("1.0", "9.0", 1);
    place.spool.write_snapshot(&name(), 2, newer.as_bytes()).unwrap();
    let (spool, _, notes) = place.load();
    assert_eq!(sequences(&spool), [0, 1, 2]);
    assert_eq!(spool.read_snapshot(&name(), 2).unwrap(), newer.as_bytes());
    assert!(notes.contains("newer format"), "{notes}");
    assert!(place.sample(2).exists());
}

#[test]
fn a_key_of_a_newer_version_hides_no_job_and_is_kept() {
    let place = Place::with(1);
    let path = place.job().join("agent.json");
    let mut stored: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    stored["request"]["options"]["speed"] = json!(7);
    stored["colour"] = json!("red");
    fs::write(&path, stored.to_string()).unwrap();
    let (spool, job, notes) = place.load();
    let record = job.unwrap().record;
    assert_eq!((record.first_due_ms, notes.as_str()), (Some(1000), ""));
    let acknowledged = Record {
        acknowledged: Some(0),
        ..record
    };
    spool.save_record(&acknowledged).unwrap();
    let stored: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    assert_eq!(stored["request"]["options"]["speed"], 7);
    assert_eq!((&stored["colour"], &stored["acknowledged"]), (&json!("red"), &json!(0)));
}

#[test]
fn a_job_whose_record_is_unusable_can_still_be_pulled() {
    for record in [
        &b"{ torn"[..],
        br#"{"request": {"name": "job", "vm": {"tag": "prod"}}, "boot_id": "b"}"#,
    ] {
        let place = Place::with(2);
        fs::write(place.job().join("agent.json"), record).unwrap();
        let (spool, job, notes) = place.load();
        let job = job.unwrap();
        assert_eq!(job.record.first_due_ms, None, "it cannot be gone on with");
        assert_eq!(job.record.request.profile, profile());
        assert_eq!(sequences(&spool), [0, 1]);
        assert!(notes.contains("agent.json"), "{notes}");
    }
}

#[test]
fn the_sums_are_clean_however_the_agent_died() {
    let line = |sequence: u32| format!("{}  sample_{sequence:03}.csv\n", "0".repeat(64));
    for rest in [line(7), line(7)[..40].to_owned(), "\0\0\0\0".to_owned()] {
        let place = Place::with(2);
        let sums = fs::read_to_string(place.sums()).unwrap();
        fs::write(place.sums(), sums + &rest).unwrap();
        // A file that is whole, and whose line was not written any more.
        fs::write(place.sample(2), snapshot(2)).unwrap();
        let (spool, _, notes) = place.load();
        assert_eq!((sequences(&spool), notes.as_str()), (vec![0, 1, 2], ""));
        assert_eq!(fs::read_to_string(place.sums()).unwrap().lines().count(), 3);
        place.assert_sums_are_clean();
        spool.write_snapshot(&name(), 3, &snapshot(3)).unwrap();
        place.assert_sums_are_clean();
    }
}

#[test]
fn the_sums_are_clean_after_a_damaged_sample_was_set_aside() {
    let place = Place::with(3);
    fs::write(place.sample(1), b"damaged").unwrap();
    assert!(matches!(
        place.spool.read_snapshot(&name(), 1),
        Err(SpoolError::Corrupt(_))
    ));
    place.assert_sums_are_clean();
    fs::write(place.sample(2), b"damaged too").unwrap();
    let (spool, _, _) = place.load();
    assert_eq!(sequences(&spool), [0]);
    place.assert_sums_are_clean();
}

#[test]
fn sums_that_are_right_are_not_written_again() {
    let place = Place::with(3);
    let before = fs::metadata(place.sums()).unwrap().modified().unwrap();
    place.load();
    assert_eq!(fs::metadata(place.sums()).unwrap().modified().unwrap(), before);
}

#[test]
fn a_snapshot_whose_sum_cannot_be_written_leaves_no_file() {
    let place = Place::with(1);
    fs::remove_file(place.sums()).unwrap();
    std::os::unix::fs::symlink("/dev/full", place.sums()).unwrap();
    assert!(place.spool.write_snapshot(&name(), 1, &snapshot(1)).is_err());
    assert!(!place.sample(1).exists());
}

#[test]
fn the_limit_counts_the_blocks_that_files_take() {
    let directory = tempfile::tempdir().unwrap();
    let spool = DirectorySpool::open(directory.path(), 64 * 1024).unwrap();
    spool.create(&document(), &record()).unwrap();
    let refused = (0..1000).find_map(|sequence| {
        let written = spool.write_snapshot(&name(), sequence, &snapshot(sequence));
        written.err().map(|error| (sequence, error))
    });
    let (written, error) = refused.unwrap();
    assert!(matches!(error, SpoolError::Full { .. }), "{error}");
    // Each holds less than a kilobyte and takes a block of 4 KiB or more.
    assert!(written <= 16, "{written} snapshots were written");
    let again = DirectorySpool::open(directory.path(), 0).unwrap();
    again.load().unwrap();
    assert_eq!(again.used_bytes(), spool.used_bytes());
    assert!(again.used_bytes() >= u64::from(written) * 4096);
}
