//! What an honest agent would answer: a host with one VM, jobs that have ended, and their snapshots.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::{Mutex, PoisonError};

use serde_json::{Value, json};
use vscsi_fixtures::{Direction, DiskLabel, DiskStatistics, HistogramType, IoEvent};
use vscsi_shared::identifier::{HandleId, Name, WorldGroupId};
use vscsi_shared::snapshot::{SnapshotDisk, SnapshotHeader};

use super::agent::Request;
use super::reply::{Body, Reply};

const WORLD_GROUP: u64 = 12345;
const HANDLE: u64 = 8194;
const VM: &str = "SQL-Server-01";
const CONFIG_FILE: &str = "/vmfs/volumes/5f/SQL/SQL.vmx";
const INTERVAL_SECONDS: u64 = 60;
/// When the first snapshot was taken, milliseconds since 1970.
const BEGUN_MS: i64 = 1_762_417_830_000;

/// The jobs of a host.
#[derive(Debug, Default)]
pub struct Spool {
    jobs: Mutex<BTreeMap<String, Value>>,
    schedules: Mutex<BTreeMap<String, Value>>,
    samples: u32,
    /// What its one disk is called.
    node: String,
}

impl Spool {
    /// A host called `host` with these jobs, each of so many samples; a job that is created later has as many, of those that
    /// it was asked for.
    pub fn new(host: &str, jobs: &[&str], samples: u32) -> Self {
        Self::with_disk("scsi0:0", host, jobs, samples)
    }

    /// The same, where the disk of the VM is called `node`.
    pub fn with_disk(node: &str, host: &str, jobs: &[&str], samples: u32) -> Self {
        let identity = json!({"hostname": host, "username": "root", "fingerprint": null});
        let jobs = jobs
            .iter()
            .map(|name| ((*name).to_owned(), job(name, &identity, samples, node)))
            .collect();
        Self {
            jobs: Mutex::new(jobs),
            schedules: Mutex::default(),
            samples,
            node: node.to_owned(),
        }
    }

    /// The honest answer.
    pub(super) fn answer(&self, request: &Request) -> Reply {
        let (path, query) = request.path.split_once('?').unwrap_or((&request.path, ""));
        let words: Vec<&str> = path.trim_start_matches("/v1/").split('/').collect();
        let number = |key: &str| -> Option<u32> {
            let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
            pairs.find(|(found, _)| *found == key)?.1.parse().ok()
        };
        let mut jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        let mut schedules = self.schedules.lock().unwrap_or_else(PoisonError::into_inner);
        match (request.method.as_str(), words.as_slice()) {
            ("GET", ["info"]) => Reply::json(200, info()),
            ("GET", ["health"]) => Reply::json(200, health()),
            ("GET", ["inventory"]) => Reply::json(200, inventory(&self.node)),
            ("GET", ["log"]) => Reply::new(200, Body::Bytes(b"2025-11-06 started\n2025-11-06 job begun\n".to_vec())),
            ("GET", ["jobs"]) => Reply::json(200, json!({"jobs": jobs.values().map(view).collect::<Vec<_>>()})),
            ("POST", ["jobs"]) => {
                let name = request.body["name"].as_str().unwrap_or_default().to_owned();
                let mut job = job(&name, &request.body["host"], self.samples, &self.node);
                job["profile"] = request.body["profile"].clone();
                let reply = Reply::json(201, view(&job));
                jobs.insert(name, job);
                reply
            }
            ("GET", ["schedules"]) => Reply::json(200, json!({"schedules": schedules.values().collect::<Vec<_>>()})),
            ("POST", ["schedules"]) => {
                let schedule = schedule(&request.body);
                let name = request.body["name"].as_str().unwrap_or_default().to_owned();
                schedules.insert(name, schedule.clone());
                Reply::json(201, schedule)
            }
            ("DELETE", ["schedules", name]) => match schedules.remove(*name) {
                Some(_) => Reply::new(204, Body::Bytes(Vec::new())),
                None => missing(),
            },
            ("DELETE", ["jobs", name]) => match jobs.remove(*name) {
                Some(_) => Reply::new(204, Body::Bytes(Vec::new())),
                None => missing(),
            },
            (_, ["jobs", name, rest @ ..]) => match jobs.get(*name) {
                Some(job) => self.answer_of_job(job, rest, number("after"), number("skip").unwrap_or(0)),
                None => missing(),
            },
            _ => missing(),
        }
    }

    fn answer_of_job(&self, job: &Value, rest: &[&str], after: Option<u32>, skip: u32) -> Reply {
        let name = job["job_id"].as_str().unwrap_or_default();
        let files = snapshots(name, self.samples, &self.node).into_iter();
        let wanted: Vec<Vec<u8>> = files.collect();
        let entries = (0..)
            .zip(&wanted)
            .filter(|(sequence, _)| after.is_none_or(|after| *sequence > after));
        match rest {
            ["samples"] => {
                let samples: Vec<Value> = entries.map(|(sequence, file)| entry(sequence, file)).collect();
                Reply::json(200, json!({"samples": samples, "set_aside": []}))
            }
            ["bundle"] => {
                let mut skip = skip as usize;
                let mut files = Vec::new();
                for (sequence, file) in entries {
                    let skipped = std::mem::take(&mut skip).min(file.len());
                    let header = json!({"file": entry(sequence, file), "skipped": skipped});
                    files.push((header, file.get(skipped..).unwrap_or_default().to_vec()));
                }
                Reply::new(200, Body::Bundle(files))
            }
            [] | ["stop" | "cleanup" | "ack"] => Reply::json(200, view(job)),
            _ => missing(),
        }
    }
}

fn missing() -> Reply {
    Reply::json(
        404,
        json!({"code": "not_found", "message": "there is no such thing here", "hint": "look again"}),
    )
}

fn info() -> Value {
    json!({"version": "0.1.0", "api": {"min": 1, "max": 1}, "capabilities": ["bundle"], "boot_id": "boot-1",
           "hostname": "esx", "esxi_version": "VMware ESXi 7.0.3 build-21313628",
           "clock": {"wall": "2025-11-06T08:30:30Z", "monotonic_ms": 86_400_000}})
}

fn health() -> Value {
    json!({"ok": false, "problems": ["the spool is nearly full"], "running_jobs": 1, "spool_bytes": 1000,
           "spool_limit_bytes": 1_000_000})
}

fn inventory(node: &str) -> Value {
    json!({"warnings": ["datastore ds2 was not listed"], "vms": [{
        "name": VM, "world_group_id": WORLD_GROUP.to_string(), "powered_on": true, "config_file": CONFIG_FILE,
        "disks": [{"node": node, "handle_id": HANDLE.to_string(), "vmdk": "/vmfs/volumes/5f/SQL/SQL.vmdk",
                   "datastore": "ds1", "devices": ["naa.600"], "runtime_paths": ["vmhba1:C0:T0:L0"],
                   "capacity_bytes": 1_u64 << 39}],
    }]})
}

fn schedule(request: &Value) -> Value {
    json!({"schedule": request, "next_run_at": "2025-11-07T22:00:00Z", "last_run_at": "2025-11-06T22:00:00Z",
           "last_job": "nightly-1", "last_error": "the VM was not running"})
}

fn job(name: &str, host: &Value, samples: u32, node: &str) -> Value {
    json!({
        "format_version": "1.0", "job_id": name,
        "created_at": "2025-11-06T08:30:22Z", "updated_at": "2025-11-06T08:40:00Z", "status": "failed",
        "host": host,
        "target": {"vm_name": VM, "world_group_id": WORLD_GROUP.to_string(), "config_file": CONFIG_FILE,
                   "disks": [{"handle_id": HANDLE.to_string(), "node": node, "lun": "vmhba1:C0:T0:L0"}]},
        "profile": {"name": "standard", "samples": samples, "interval_seconds": INTERVAL_SECONDS},
        "collection": {"started_at": "2025-11-06T08:30:30Z", "completed_at": "2025-11-06T08:40:00Z",
                       "samples_collected": samples, "samples_expected": samples, "mode": "cumulative",
                       "max_misses": 10, "foreign": true,
                       "errors": [{"at": "2025-11-06T08:31:00Z", "sequence": 1, "message": "vscsiStats hung"}]},
        "cleanup": {"vscsiStats_stopped": false, "stopped_at": "2025-11-06T08:40:00Z",
                    "cleanup_error": "vscsiStats ended with 255", "manual_cleanup_required": true,
                    "manual_cleanup_command": "vscsiStats -x -w 12345 -i 8194"},
    })
}

fn view(job: &Value) -> Value {
    json!({"job": job, "next_due_at": "2025-11-06T08:41:00Z", "expected_completion_at": "2025-11-06T09:00:00Z",
           "now": "2025-11-06T08:40:10Z", "last_sequence": job["collection"]["samples_collected"],
           "acknowledged_sequence": null})
}

fn entry(sequence: u32, file: &[u8]) -> Value {
    json!({"sequence": sequence, "bytes": file.len(), "sha256": sha256(file)})
}

fn sha256(bytes: &[u8]) -> String {
    use sha2::Digest as _;
    sha2::Sha256::digest(bytes)
        .iter()
        .fold(String::new(), |mut digits, byte| {
            let _ = write!(digits, "{byte:02x}");
            digits
        })
}

/// The baseline and `samples` snapshots of a disk that reads and writes.
fn snapshots(job: &str, samples: u32, node: &str) -> Vec<Vec<u8>> {
    let mut statistics = DiskStatistics::new();
    let mut snapshots = Vec::new();
    for sequence in 0..=u64::from(samples) {
        for number in 0..40 {
            let issue_us = (sequence * INTERVAL_SECONDS + number) * 1_000_000;
            statistics.record(&IoEvent {
                issue_us,
                latency_us: 500 + number * 10,
                lbn: number * 7919 % 100_000,
                bytes: if number % 2 == 0 { 4096 } else { 65_536 },
                direction: if number % 3 == 0 {
                    Direction::Write
                } else {
                    Direction::Read
                },
            });
        }
        let now_us = (sequence + 1) * INTERVAL_SECONDS * 1_000_000;
        statistics.advance_to(now_us);
        let label = DiskLabel {
            world_group_id: WORLD_GROUP,
            handle_id: HANDLE,
            // vscsiStats prints a device node; the agent may write any name into its header.
            node: "scsi0:0",
        };
        let output = statistics.print_csv(label, HistogramType::All);
        let milliseconds = now_us / 1000;
        let header = SnapshotHeader {
            job: Name::new(job).unwrap_or_else(|_| Name::new("job").unwrap()),
            sequence: u32::try_from(sequence).unwrap(),
            taken_at: jiff::Timestamp::from_millisecond(BEGUN_MS + i64::try_from(milliseconds).unwrap()).unwrap(),
            monotonic_ms: milliseconds,
            duration_ms: 3,
            boot_id: "boot-1".to_owned(),
            host: "esx".to_owned(),
            vm_name: VM.to_owned(),
            config_file: CONFIG_FILE.to_owned(),
            world_group_id: WorldGroupId(WORLD_GROUP),
            disks: vec![SnapshotDisk {
                handle_id: HandleId(HANDLE),
                node: node.to_owned(),
            }],
            flags: BTreeSet::new(),
            exit_status: Some(0),
        };
        snapshots.push(header.with_output(output.as_bytes()));
    }
    snapshots
}
