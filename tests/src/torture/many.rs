//! Many runs, several at a time.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use super::check::{Findings, check};
use super::draw::draw;
use super::perform::perform;
use super::plan::Plan;
use super::stage::Stage;
use crate::processes::monotonic_ms;

/// How often the metronome wakes.
const BEAT_MS: u64 = 10;

/// A delay of the metronome below this is no sign of a busy machine.
const STALL_MS: u64 = 20;

/// What to run.
#[derive(Debug, Clone)]
pub struct Torture {
    /// From which the plans are drawn.
    pub seed: u64,
    /// The first run.
    pub first: u64,
    /// How many.
    pub runs: u64,
    /// How many at a time.
    pub at_a_time: usize,
    /// Where the files of runs that broke a promise are kept; `None` keeps none.
    pub keep: Option<PathBuf>,
}

/// What came of it.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// Runs made.
    pub runs: u64,
    /// Runs that broke a promise, each with its number and all that is known about it.
    pub failures: Vec<(u64, String)>,
    /// How often each kind of ending was met.
    pub endings: std::collections::BTreeMap<String, u64>,
    /// The longest time from a collector's death to the end of a collection that had no excuse, milliseconds.
    pub longest_wait_ms: u64,
    /// Collections that a collector's death had to end.
    pub owed: u64,
    /// Differences of snapshots that were held against the truth.
    pub compared: usize,
}

/// Makes the runs and tells of each failure as soon as it is known.
pub fn torture(what: &Torture, tell: &(dyn Fn(&str) + Sync)) -> Report {
    let stalls = Arc::new(Mutex::new(Vec::new()));
    let over = Arc::new(AtomicBool::new(false));
    let metronome = {
        let (stalls, over) = (Arc::clone(&stalls), Arc::clone(&over));
        thread::spawn(move || beat(&stalls, &over))
    };
    let next = AtomicU64::new(what.first);
    let report = Mutex::new(Report::default());
    thread::scope(|scope| {
        for _ in 0..what.at_a_time {
            scope.spawn(|| {
                loop {
                    let run = next.fetch_add(1, Ordering::SeqCst);
                    if run >= what.first + what.runs {
                        return;
                    }
                    let plan = draw(what.seed, run);
                    let outcome = one_run(&plan, run, what, &stalls);
                    let mut report = locked(&report);
                    report.take_in(run, &plan, outcome);
                    if let Some((number, words)) = report.failures.last().filter(|(number, _)| *number == run) {
                        tell(&format!("run {number} of seed {}: {words}", what.seed));
                    }
                }
            });
        }
    });
    over.store(true, Ordering::SeqCst);
    let _ = metronome.join();
    report.into_inner().unwrap_or_else(PoisonError::into_inner)
}

impl Report {
    fn take_in(&mut self, run: u64, plan: &Plan, outcome: Result<Findings, String>) {
        self.runs += 1;
        *self.endings.entry(format!("{:?}", plan.ending)).or_default() += 1;
        let broken = match outcome {
            Ok(findings) => {
                self.longest_wait_ms = self.longest_wait_ms.max(findings.longest_wait_ms);
                self.owed += u64::from(findings.owed);
                self.compared += findings.compared;
                findings.violations
            }
            Err(problem) => vec![problem],
        };
        if !broken.is_empty() {
            self.failures.push((run, format!("\n{}\n{plan}", broken.join("\n"))));
        }
    }
}

/// In a thread of its own: what a run mounts is seen by its thread alone, and a panic is the end of this run only.
fn one_run(plan: &Plan, run: u64, what: &Torture, stalls: &Arc<Mutex<Vec<(u64, u64)>>>) -> Result<Findings, String> {
    let plan = plan.clone();
    let stalls = Arc::clone(stalls);
    let keep = what
        .keep
        .as_ref()
        .map(|folder| folder.join(format!("{}-{run}", what.seed)));
    let thread = thread::spawn(move || {
        let began_ms = monotonic_ms();
        let keep_stage = |stage: &Stage| {
            if let Some(folder) = &keep {
                let state = stage.host.state();
                keep_files(state.parent().unwrap_or(&state), folder, &plan.to_string());
            }
        };
        let mut performed = perform(&plan, &keep_stage)?;
        let during = locked(&stalls);
        performed.evidence.stalls = during.iter().filter(|(at_ms, _)| *at_ms >= began_ms).copied().collect();
        drop(during);
        let findings = check(&performed);
        if !findings.violations.is_empty() {
            keep_stage(&performed.stage);
        }
        Ok(findings)
    });
    thread.join().unwrap_or_else(|panic| {
        let words = panic
            .downcast_ref::<String>()
            .cloned()
            .or_else(|| panic.downcast_ref::<&str>().map(|words| (*words).to_owned()));
        Err(format!("the run broke off: {}", words.unwrap_or_default()))
    })
}

fn keep_files(from: &Path, to: &Path, plan: &str) {
    // What cannot be kept is missed by whoever looks for it; the failure itself is told all the same.
    let _ = fs::remove_dir_all(to);
    let _ = fs::create_dir_all(to);
    let _ = Command::new("cp").arg("-a").arg(from.join(".")).arg(to).status();
    let _ = fs::write(to.join("plan.txt"), plan);
}

/// Notes when this program, which hardly does anything, was kept from running, and for how long programs waited for a
/// processor, where the kernel counts that.
fn beat(stalls: &Mutex<Vec<(u64, u64)>>, over: &AtomicBool) {
    let mut waited_us = waited_for_a_processor_us();
    while !over.load(Ordering::SeqCst) {
        let before_ms = monotonic_ms();
        thread::sleep(Duration::from_millis(BEAT_MS));
        let now_ms = monotonic_ms();
        let late_ms = (now_ms - before_ms).saturating_sub(BEAT_MS);
        let now_waited_us = waited_for_a_processor_us();
        let waited_ms = now_waited_us.saturating_sub(waited_us) / 1000;
        let late_ms = if late_ms >= STALL_MS { late_ms } else { 0 };
        if late_ms.max(waited_ms) > 0 {
            waited_us = now_waited_us;
            locked(stalls).push((now_ms, late_ms.max(waited_ms)));
        }
    }
}

/// For how long so far some program was ready and had no processor: the pressure that Linux counts. 0 where it does not.
fn waited_for_a_processor_us() -> u64 {
    let pressure = fs::read_to_string("/proc/pressure/cpu").unwrap_or_default();
    let some = pressure.lines().find(|line| line.starts_with("some"));
    let total = some.and_then(|line| line.rsplit_once("total=")?.1.trim().parse().ok());
    total.unwrap_or(0)
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
