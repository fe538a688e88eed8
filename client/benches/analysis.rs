//! Analysis of a large job, beside the same work in pandas: `cargo bench -p vscsi-helper --bench analysis`.
//!
//! The job has 10 000 samples of 4 disks (`VSCSI_BENCH_SAMPLES` changes that), about 210 MB of snapshots. Measured are
//! the analysis from the snapshots, the making of the cache, and the analysis from the cache, with the largest memory
//! in use. The pandas program runs when `python3`, or the interpreter in `VSCSI_BENCH_PYTHON`, has pandas; both have to
//! come to the same numbers.
#![expect(clippy::print_stdout, reason = "the result of a benchmark is what it prints")]

use std::collections::BTreeSet;
use std::error::Error;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use jiff::Timestamp;
use serde::Deserialize;
use vscsi_helper::analysis::{Options, Profile};
use vscsi_helper::samples::{analyze_job, keep, load};
use vscsi_helper::store::JobFiles;
use vscsi_shared::histogram::{Histogram, HistogramKind, Limits, Metric, Operation, Summary};
use vscsi_shared::identifier::{HandleId, Name, WorldGroupId};
use vscsi_shared::snapshot::{SnapshotDisk, SnapshotHeader, file_name};
use vscsi_shared::vscsistats::{DiskHistograms, Print};

const DISKS: u64 = 4;

/// What the pandas program prints.
#[derive(Debug, Deserialize)]
struct Baseline {
    seconds: f64,
    samples_kept: usize,
    ios: u64,
    reads: u64,
    iops: f64,
    sequential_percent: f64,
}

fn main() -> Result<(), Box<dyn Error>> {
    let samples = std::env::var("VSCSI_BENCH_SAMPLES").map_or(Ok(10_000), |text| text.parse())?;
    let directory = tempfile::tempdir()?;
    let bytes = generate(directory.path(), samples)?;
    println!(
        "{samples} samples of {DISKS} disks, {:.0} MB of snapshots",
        bytes as f64 / 1e6
    );

    // Only the numbers are kept of each run, so that its memory is its own.
    let start = Instant::now();
    let (profile, samples_kept) = analyze(directory.path())?;
    let from_snapshots = start.elapsed().as_secs_f64();
    println!("from snapshots  {from_snapshots:8.3} s   {}", memory());

    let job = JobFiles::at(directory.path());
    let samples = load(&job)?;
    let start = Instant::now();
    keep(&job, &samples)?;
    println!("making the cache{:8.3} s   {}", start.elapsed().as_secs_f64(), memory());
    drop(samples);

    let start = Instant::now();
    let cached = analyze(directory.path())?;
    println!("from the cache  {:8.3} s", start.elapsed().as_secs_f64());
    assert_eq!(cached, (profile.clone(), samples_kept), "the cache changed a number");

    match pandas(directory.path())? {
        Some(baseline) => {
            assert_same(&profile, samples_kept, &baseline);
            let ratio = baseline.seconds / from_snapshots;
            println!(
                "pandas          {:8.3} s   {ratio:.0} times as long, the same numbers",
                baseline.seconds
            );
        }
        None => println!("pandas          not measured: no interpreter with pandas was found"),
    }
    Ok(())
}

/// The profile of a job, and the number of samples it was made from.
fn analyze(directory: &Path) -> Result<(Profile, usize), Box<dyn Error>> {
    let analysis = analyze_job(&JobFiles::at(directory), &Options::default(), Timestamp::UNIX_EPOCH)?;
    Ok((analysis.profile, analysis.workload.provenance.samples_kept))
}

/// Largest memory in use so far, where the system tells.
fn memory() -> String {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    peak.map_or_else(String::new, |peak| format!("at most {} in memory", peak.trim()))
}

fn pandas(directory: &Path) -> Result<Option<Baseline>, Box<dyn Error>> {
    let python = std::env::var_os("VSCSI_BENCH_PYTHON").unwrap_or_else(|| "python3".into());
    let has_pandas = Command::new(&python).args(["-c", "import pandas"]).output();
    if !has_pandas.is_ok_and(|output| output.status.success()) {
        return Ok(None);
    }
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/pandas_baseline.py");
    let output = Command::new(&python)
        .arg(program)
        .arg(directory.join("samples"))
        .output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned().into());
    }
    Ok(Some(serde_json::from_slice(&output.stdout)?))
}

fn assert_same(profile: &Profile, samples_kept: usize, baseline: &Baseline) {
    let close = |one: f64, two: f64| (one - two).abs() <= 1e-9 * one.abs().max(1.0);
    assert_eq!(samples_kept, baseline.samples_kept);
    assert_eq!(
        (profile.ios.total, profile.ios.read),
        (Some(baseline.ios), Some(baseline.reads))
    );
    assert!(profile.iops.total.is_some_and(|iops| close(iops, baseline.iops)));
    let sequential = profile.sequentiality.strict.map_or(0.0, |share| share.est);
    assert!(close(sequential, baseline.sequential_percent));
}

/// Writes a job whose counters grow from snapshot to snapshot. Returns the size of the snapshots.
fn generate(directory: &Path, samples: u32) -> Result<u64, Box<dyn Error>> {
    fs::create_dir(directory.join("samples"))?;
    fs::write(directory.join("job.json"), job(samples).to_string())?;
    let mut random = Random(1);
    let mut disks: Vec<[Counters; HistogramKind::COUNT]> = (0..DISKS)
        .map(|_| HistogramKind::ALL.map(|kind| Counters::new(kind.metric())))
        .collect();
    let mut bytes = 0;
    for sequence in 0..=samples {
        if sequence > 0 {
            for disk in &mut disks {
                grow(disk, &mut random);
            }
        }
        let output = print(&disks)?;
        let file = header(sequence)?.with_output(output.as_bytes());
        bytes += file.len() as u64;
        fs::write(directory.join("samples").join(file_name(sequence)), file)?;
    }
    Ok(bytes)
}

/// A second of I/O: every histogram of an operation gets the same number of values.
fn grow(disk: &mut [Counters; HistogramKind::COUNT], random: &mut Random) {
    let (reads, writes) = (1 + random.below(300), 1 + random.below(200));
    for (kind, counters) in HistogramKind::ALL.into_iter().zip(disk) {
        let values = match kind.operation() {
            Operation::All => reads + writes,
            Operation::Read => reads,
            Operation::Write => writes,
        };
        let limits = counters.limits.as_slice().len() as u64;
        // Five buckets hold the values, as they do on real disks, where few sizes and distances prevail.
        for share in 0..5 {
            let number = if share == 4 {
                values - values / 5 * 4
            } else {
                values / 5
            };
            let bucket = usize::try_from(random.below(limits)).unwrap_or(0);
            counters.add(bucket, number);
        }
    }
}

struct Counters {
    limits: Limits,
    counts: Vec<u64>,
    sum: i128,
    extremes: Option<(i64, i64)>,
}

impl Counters {
    fn new(metric: Metric) -> Self {
        let limits = Limits::known(metric);
        Self {
            counts: vec![0; limits.as_slice().len() + 1],
            limits,
            sum: 0,
            extremes: None,
        }
    }

    /// Adds values that lie on the upper limit of a bucket.
    fn add(&mut self, bucket: usize, number: u64) {
        let value = self.limits.as_slice()[bucket];
        if number > 0 {
            self.counts[bucket] += number;
            self.sum += i128::from(value) * i128::from(number);
            let (least, most) = self.extremes.unwrap_or((value, value));
            self.extremes = Some((least.min(value), most.max(value)));
        }
    }

    fn histogram(&self) -> Result<Histogram, Box<dyn Error>> {
        let count: u64 = self.counts.iter().sum();
        let (min, max) = self.extremes.unwrap_or_default();
        let mean = i64::try_from(self.sum / i128::from(count.max(1)))?;
        let summary = Summary::exact(min, max, mean, count);
        Ok(Histogram::new(self.limits.clone(), self.counts.clone(), summary)?)
    }
}

fn print(disks: &[[Counters; HistogramKind::COUNT]]) -> Result<String, Box<dyn Error>> {
    let mut print = Print::default();
    for (index, counters) in (0..).zip(disks) {
        let mut disk = DiskHistograms::new(
            WorldGroupId(12345),
            HandleId(8194 + index),
            Some(format!("scsi0:{index}")),
        );
        for (kind, counters) in HistogramKind::ALL.into_iter().zip(counters) {
            disk.insert(kind, counters.histogram()?);
        }
        print.disks.push(disk);
    }
    Ok(print.csv().to_string())
}

fn header(sequence: u32) -> Result<SnapshotHeader, Box<dyn Error>> {
    let milliseconds = u64::from(sequence) * 1000;
    Ok(SnapshotHeader {
        job: Name::new("benchmark")?,
        sequence,
        taken_at: Timestamp::from_millisecond(1_762_417_830_000 + i64::try_from(milliseconds)?)?,
        monotonic_ms: 86_400_000 + milliseconds,
        duration_ms: 10,
        boot_id: "boot".to_owned(),
        host: "esxi-host01".to_owned(),
        vm_name: "SQL-Server-01".to_owned(),
        config_file: "/vmfs/volumes/5f/SQL/SQL.vmx".to_owned(),
        world_group_id: WorldGroupId(12345),
        disks: (0..DISKS)
            .map(|index| SnapshotDisk {
                handle_id: HandleId(8194 + index),
                node: format!("scsi0:{index}"),
            })
            .collect(),
        flags: BTreeSet::new(),
        exit_status: Some(0),
    })
}

fn job(samples: u32) -> serde_json::Value {
    serde_json::json!({
        "format_version": "1.0", "job_id": "benchmark",
        "created_at": "2025-11-06T08:30:22Z", "updated_at": "2025-11-06T08:30:22Z", "status": "completed",
        "host": {"hostname": "esxi-host01.example.com"},
        "target": {"vm_name": "SQL-Server-01", "world_group_id": "12345", "disks": []},
        "profile": {"name": "benchmark", "samples": samples, "interval_seconds": 1},
        "collection": {"samples_collected": samples, "samples_expected": samples},
        "cleanup": {"vscsiStats_stopped": true}
    })
}

/// A small generator of numbers, the same in every run (Marsaglia's xorshift).
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }
}
