//! Several jobs on one target, as the VMs of an array are: each with a row of what it asked for and what it got.

use std::sync::Barrier;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use serde::Serialize;
use vscsi_shared::histogram::{Interval, Metric, Operation};

use super::{Behind, Beside, Request, Run, Verification, VerifyError, verify_beside};
use crate::analysis::estimate;
use crate::compare::{JudgedLimit, Judgement};
use crate::fidelity::{DeviceNumber, Fidelity};
use crate::stream::Observation;

/// How the jobs of a set are run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// All at the same time: what the target does under the load of all of them.
    Together,
    /// One after the other: what it does for each alone.
    InTurn,
}

/// Runs the jobs of a set, each on scratch files of its own. `progress` is told the percentage that has passed.
///
/// # Errors
/// [`VerifyError`] of the first job that has one, when all have ended; a gate that was missed is none.
pub fn verify_all(
    requests: &[Request],
    order: Order,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<Vec<Run>, VerifyError> {
    let passed: Vec<AtomicU64> = requests.iter().map(|_| AtomicU64::new(0)).collect();
    let all_claimed = AtomicU64::new(0);
    let barrier = Barrier::new(requests.len());
    let run_one = |request: &Request, own: &AtomicU64| {
        // What ran before is on the storage, and what runs beside will be.
        let alone = AtomicU64::new(0);
        let beside = match order {
            Order::Together => Beside {
                claimed: &all_claimed,
                begin: Some(&barrier),
            },
            Order::InTurn => Beside {
                claimed: &alone,
                begin: None,
            },
        };
        verify_beside(request, beside, &mut |elapsed, expected| {
            own.store(percentage(elapsed, expected), Ordering::Relaxed);
            let all = passed.iter().map(|passed| passed.load(Ordering::Relaxed));
            progress(all.sum::<u64>() / passed.len().max(1) as u64);
        })
    };
    let jobs = requests.iter().zip(&passed);
    if order == Order::InTurn {
        return jobs.map(|(request, own)| run_one(request, own)).collect();
    }
    thread::scope(|scope| {
        let run_one = &run_one;
        let running: Vec<_> = jobs
            .map(|(request, own)| scope.spawn(move || run_one(request, own)))
            .collect();
        let ended: Vec<_> = running
            .into_iter()
            .map(|job| job.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect();
        ended.into_iter().collect()
    })
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a percentage")]
fn percentage(elapsed: f64, expected: f64) -> u64 {
    (elapsed / expected.max(1.0) * 100.0).clamp(0.0, 100.0) as u64
}

/// A rate that was measured, and the one of the run.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct AskedAndGot {
    /// What the job is to reproduce.
    pub asked: f64,
    /// What fio did.
    pub got: f64,
}

/// A latency where the job was measured, and that of the run, milliseconds; `None` where one has none.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct MeasuredAndGot {
    /// On the storage on which the job was measured.
    pub measured: Option<DeviceNumber>,
    /// On the target.
    pub got: Option<DeviceNumber>,
}

/// The rates of a phase over all commands, as the job is to reproduce them and as fio did.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct PhaseRates {
    /// I/Os per second.
    pub iops: AskedAndGot,
    /// MB/s of 10^6 bytes.
    pub mbps: AskedAndGot,
}

impl PhaseRates {
    pub(super) fn of(asked: Observation, got: Observation) -> Self {
        let both = |rate: fn(Observation) -> f64| AskedAndGot {
            asked: rate(asked),
            got: rate(got),
        };
        Self {
            iops: both(|side| sizes(side).map(Interval::total).sum::<u64>() as f64 / side.seconds),
            mbps: both(|side| {
                let bytes = sizes(side).map(|sizes| estimate::sum(sizes, Metric::IoLength).est);
                bytes.sum::<f64>() / side.seconds / 1e6
            }),
        }
    }
}

/// The sizes of reads and of writes.
fn sizes(side: Observation<'_>) -> impl Iterator<Item = &Interval> {
    let directions = [Operation::Read, Operation::Write].into_iter();
    directions.filter_map(move |operation| side.histograms.of(Metric::IoLength, operation))
}

/// What came of one job of a set, or of one phase of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SetRow {
    /// The job's name, which is that of its file.
    pub job: String,
    /// The phase, where the job has several.
    pub phase: Option<String>,
    /// What the job came to, with all of its phases.
    pub judgement: Judgement,
    /// Its rates.
    #[serde(flatten)]
    pub rates: PhaseRates,
    /// 99th percentile of the read latency.
    pub read_p99_ms: MeasuredAndGot,
    /// 99th percentile of the write latency.
    pub write_p99_ms: MeasuredAndGot,
    /// Gates that were missed.
    pub missed: Vec<String>,
    /// The limits, with how they came out.
    pub limits: Vec<JudgedLimit>,
    /// How far the target fell behind; `None` where it kept up.
    pub behind: Option<Behind>,
    /// What to do about them.
    pub advice: Vec<String>,
}

impl SetRow {
    /// The rows of a job.
    pub fn of(job: &str, verification: &Verification) -> Vec<Self> {
        let phases = verification.phases.iter().zip(&verification.rates);
        phases
            .map(|(phase, rates)| {
                let fidelity = &phase.fidelity;
                let mut storage = verification.storage.iter();
                let storage = storage.find(|storage| storage.phase == phase.phase);
                Self {
                    job: job.to_owned(),
                    phase: phase.phase.clone(),
                    judgement: verification.judgement,
                    rates: *rates,
                    read_p99_ms: latency(fidelity, "read latency p99"),
                    write_p99_ms: latency(fidelity, "write latency p99"),
                    missed: fidelity.missed().into_iter().map(str::to_owned).collect(),
                    limits: storage.map_or_else(Vec::new, |storage| storage.limits.clone()),
                    behind: storage.and_then(|storage| storage.behind),
                    advice: verification.advice.clone(),
                }
            })
            .collect()
    }
}

fn latency(fidelity: &Fidelity, name: &str) -> MeasuredAndGot {
    let row = fidelity.device.iter().find(|row| row.name == name);
    MeasuredAndGot {
        measured: row.and_then(|row| row.measured),
        got: row.and_then(|row| row.replayed),
    }
}
