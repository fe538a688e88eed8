//! A second implementation to test against: raw I/O with every number known, turned into a job directory by the
//! simulated host's counters, and the exact figures computed from the raw I/O itself.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use jiff::Timestamp;
use vscsi_fixtures::{Direction, DiskLabel, DiskStatistics, HistogramType, IoEvent};
use vscsi_shared::identifier::{HandleId, Name, WorldGroupId};
use vscsi_shared::job::Job;
use vscsi_shared::snapshot::{SnapshotDisk, SnapshotFlag, SnapshotHeader, file_name};

/// The host has been up so long when a collection begins, microseconds.
pub(crate) const UPTIME_US: u64 = 30 * 86_400 * 1_000_000;

pub(crate) const NODES: [&str; 4] = ["scsi0:0", "scsi0:1", "scsi0:2", "scsi0:3"];

/// `job.json` of a job with the given disks, completed unless changed.
pub(crate) fn job(disks: usize, samples: u32, interval_seconds: u32) -> Job {
    let disks: Vec<_> = NODES[..disks]
        .iter()
        .enumerate()
        .map(|(index, node)| {
            serde_json::json!({"handle_id": (8194 + index).to_string(), "node": node, "lun": format!("lun-{index}")})
        })
        .collect();
    serde_json::from_value(serde_json::json!({
        "format_version": "1.0", "job_id": "raw-stream",
        "created_at": "2025-11-06T08:30:22Z", "updated_at": "2025-11-06T09:00:45Z", "status": "completed",
        "host": {"hostname": "esxi-host01.example.com", "username": "root", "fingerprint": null},
        "target": {"vm_name": "SQL-Server-01", "world_group_id": "12345",
                   "config_file": "/vmfs/volumes/5f/SQL/SQL.vmx", "disks": disks},
        "profile": {"name": "test", "samples": samples, "interval_seconds": interval_seconds},
        "collection": {"samples_collected": samples, "samples_expected": samples},
        "cleanup": {"vscsiStats_stopped": true}
    }))
    .unwrap()
}

pub(crate) fn write_job(directory: &Path, job: &Job) {
    fs::create_dir_all(directory.join("samples")).unwrap();
    fs::write(directory.join("job.json"), serde_json::to_vec(job).unwrap()).unwrap();
}

/// A snapshot's header at `monotonic_ms`, for disks by their place in [`NODES`].
pub(crate) fn header(sequence: u32, monotonic_ms: u64, disks: usize) -> SnapshotHeader {
    SnapshotHeader {
        job: Name::new("raw-stream").unwrap(),
        sequence,
        taken_at: Timestamp::from_millisecond(1_762_417_830_000 + i64::try_from(monotonic_ms).unwrap()).unwrap(),
        monotonic_ms,
        duration_ms: 3,
        boot_id: "boot-1".to_owned(),
        host: "esxi-host01".to_owned(),
        vm_name: "SQL-Server-01".to_owned(),
        config_file: "/vmfs/volumes/5f/SQL/SQL.vmx".to_owned(),
        world_group_id: WorldGroupId(12345),
        disks: (0..disks)
            .map(|index| SnapshotDisk {
                handle_id: HandleId(8194 + index as u64),
                node: NODES[index].to_owned(),
            })
            .collect(),
        flags: BTreeSet::new(),
        exit_status: Some(0),
    }
}

pub(crate) fn flagged(mut header: SnapshotHeader, flags: &[SnapshotFlag]) -> SnapshotHeader {
    header.flags.extend(flags);
    header
}

pub(crate) fn write_snapshot(directory: &Path, header: &SnapshotHeader, output: &str) {
    let path = directory.join("samples").join(file_name(header.sequence));
    fs::write(path, header.with_output(output.as_bytes())).unwrap();
}

/// What vscsiStats prints for a disk by its place in [`NODES`].
pub(crate) fn print(statistics: &DiskStatistics, disk: usize) -> String {
    let label = DiskLabel {
        world_group_id: 12345,
        handle_id: 8194 + disk as u64,
        node: NODES[disk],
    };
    statistics.print_csv(label, HistogramType::All)
}

/// Commands of 8 KiB in sequence, one every 10 ms from the beginning of a collection, each served in 0.7 ms.
pub(crate) fn in_sequence(directions: impl IntoIterator<Item = Direction>) -> Vec<IoEvent> {
    (0_u64..)
        .zip(directions)
        .map(|(index, direction)| IoEvent {
            issue_us: UPTIME_US + 10_000 * index,
            latency_us: 700,
            lbn: 16 * index,
            bytes: 8192,
            direction,
        })
        .collect()
}

/// Seconds of so many commands of 8 KiB a second, three reads to a write, each as long as `latency_us` says of its place.
pub(crate) fn stream(seconds: u64, per_second: u64, latency_us: impl Fn(u64) -> u64) -> Vec<IoEvent> {
    let pitch_us = 1_000_000 / per_second;
    let command = |index| IoEvent {
        issue_us: UPTIME_US + pitch_us * index + pitch_us / 2,
        latency_us: latency_us(index),
        lbn: 16 * index,
        bytes: 8192,
        direction: if index % 4 == 3 {
            Direction::Write
        } else {
            Direction::Read
        },
    };
    (0..seconds * per_second).map(command).collect()
}

/// A collection over raw streams, one per disk, with snapshots at the given moments after its start (microseconds).
/// The first moment is the baseline.
pub(crate) fn collect(directory: &Path, streams: &[Vec<IoEvent>], moments_us: &[u64]) {
    write_job(
        directory,
        &job(streams.len(), u32::try_from(moments_us.len() - 1).unwrap(), 1),
    );
    let mut statistics = vec![DiskStatistics::new(); streams.len()];
    let mut next = vec![0; streams.len()];
    for (sequence, moment) in moments_us.iter().enumerate() {
        let now = UPTIME_US + moment;
        let mut output = String::new();
        for (disk, stream) in streams.iter().enumerate() {
            while let Some(event) = stream.get(next[disk]).filter(|event| event.issue_us <= now) {
                statistics[disk].record(event);
                next[disk] += 1;
            }
            statistics[disk].advance_to(now);
            output.push_str(&print(&statistics[disk], disk));
        }
        let sequence = u32::try_from(sequence).unwrap();
        write_snapshot(directory, &header(sequence, now / 1000, streams.len()), &output);
    }
}

/// The raw figures of a period `(from, to]`, after the start of the collection, of one direction or of both.
pub(crate) struct Truth {
    pub(crate) sizes: Vec<i64>,
    pub(crate) latencies_us: Vec<i64>,
    pub(crate) outstanding: Vec<i64>,
    pub(crate) interarrivals_us: Vec<i64>,
    pub(crate) seeks: Vec<i64>,
}

impl Truth {
    pub(crate) fn of(stream: &[IoEvent], direction: Option<Direction>, from_us: u64, to_us: u64) -> Self {
        let own: Vec<&IoEvent> = stream
            .iter()
            .filter(|event| direction.is_none_or(|direction| event.direction == direction))
            .collect();
        let inside = |moment: u64| moment > UPTIME_US + from_us && moment <= UPTIME_US + to_us;
        let signed = |value: u64| i64::try_from(value).unwrap();
        let mut truth = Self {
            sizes: Vec::new(),
            latencies_us: own
                .iter()
                .filter(|event| inside(event.completion_us()))
                .map(|event| signed(event.latency_us))
                .collect(),
            outstanding: Vec::new(),
            interarrivals_us: Vec::new(),
            seeks: Vec::new(),
        };
        for (index, event) in own.iter().enumerate().filter(|(_, event)| inside(event.issue_us)) {
            truth.sizes.push(signed(event.bytes));
            // In flight: issued before, or just before at the same moment, and completed later.
            let in_flight = own[..index]
                .iter()
                .filter(|other| other.completion_us() > event.issue_us)
                .count();
            truth.outstanding.push(i64::try_from(in_flight).unwrap() + 1);
            if let Some(before) = index.checked_sub(1).map(|before| own[before]) {
                truth.interarrivals_us.push(signed(event.issue_us - before.issue_us));
                truth.seeks.push(signed(event.lbn) - signed(before.last_lbn()));
            }
        }
        truth
    }
}

/// The nearest-rank percentile by its definition: the smallest value that at least this share of the values reach.
pub(crate) fn nearest_rank(values: &[i64], per_mille: u64) -> i64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable();
    *sorted
        .iter()
        .enumerate()
        .find(|(index, _)| (*index as u64 + 1) * 1000 >= per_mille * sorted.len() as u64)
        .unwrap()
        .1
}
