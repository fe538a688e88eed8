//! The proof: a generated job is run by the real fio, and what fio did is compared with what was measured.

mod advice;
mod against;
mod copy;
mod error;
mod keeping_up;
mod leftovers;
mod observe;
mod prepare;
mod program;
mod run;
mod schedule;
mod scratch;
mod set;
mod steady;
mod storage;

use std::path::Path;
use std::sync::Barrier;
use std::sync::atomic::AtomicU64;

use serde::Serialize;
use vscsi_shared::histogram::{Interval, Metric, Operation};

use advice::Advice;
pub use against::against;
pub use error::VerifyError;
pub use keeping_up::Behind;
pub use leftovers::{Leftover, remove_leftovers};
use observe::SeenPhase;
pub use prepare::{Preparation, Prepared, Rounds};
pub use program::{FioProgram, NoFio};
pub use scratch::Place;
pub use set::{AskedAndGot, MeasuredAndGot, Order, PhaseRates, SetRow, verify_all};
pub use steady::Steadiness;
pub use storage::Storage;

use crate::compare::{Judgement, Limit};
use crate::fidelity::{Fidelity, Gates, LeftOut, SampleFidelity, compare};
use crate::fio::{FioNeed, FioVersion, Pace, PhaseFidelity, Section, TargetFile, TargetPhase, expectations, sections};
use crate::interrupt::Deferred;
use crate::stream::{Observation, Observed};

/// What is to be run, and where.
#[derive(Debug)]
pub struct Request<'a> {
    /// The job file.
    pub job_file: &'a Path,
    /// What it is to reproduce.
    pub target: &'a TargetFile,
    /// The fio that runs it.
    pub fio: &'a FioProgram,
    /// Where it may write.
    pub place: &'a Place,
    /// Seconds to run instead of the file's own.
    pub duration: Option<u32>,
    /// Speed of a replay log in percent of its own, to make up for a generator that falls behind.
    pub time_scale: Option<u32>,
    /// Limits of the run, in percent of what was measured.
    pub limits: &'a [Limit],
    /// What is done to the storage before the run.
    pub preparation: Preparation,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Verification {
    /// The fio that ran, such as `3.39`; `None` when a second capture was compared instead.
    pub fio_version: Option<String>,
    /// Commands that were issued.
    pub commands: u64,
    /// What it came to.
    pub judgement: Judgement,
    /// What was done to the storage before the run.
    pub prepared: Prepared,
    /// How near each phase came.
    pub phases: Vec<PhaseFidelity>,
    /// The rates of each phase, small directions included; empty where a second capture was compared.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rates: Vec<PhaseRates>,
    /// How the storage served each phase.
    pub storage: Vec<Storage>,
    /// What to do about gates that were missed for a known reason.
    pub advice: Vec<String>,
}

impl Verification {
    fn new(
        fio_version: Option<FioVersion>,
        commands: u64,
        phases: Vec<PhaseFidelity>,
        storage: Vec<Storage>,
        advice: Advice,
    ) -> Self {
        let of_limits = storage.iter().flat_map(|storage| &storage.limits);
        let of_storage = storage.iter().filter(|storage| storage.behind.is_some());
        let judgements = of_limits
            .map(|limit| limit.verdict.into())
            .chain(of_storage.map(|_| Judgement::Missed))
            .chain([judgement(&phases, advice.too_short)]);
        Self {
            fio_version: fio_version.map(|version| version.to_string()),
            commands,
            judgement: Judgement::of::<Judgement>(judgements),
            phases,
            rates: Vec::new(),
            prepared: Prepared::default(),
            storage,
            advice: advice.texts,
        }
    }
}

/// A phase with too few commands to judge counts neither way, unless all are such.
fn judgement(phases: &[PhaseFidelity], too_short: bool) -> Judgement {
    let all = phases.iter().map(|phase| &phase.fidelity);
    let judged: Vec<&Fidelity> = all.filter(|fidelity| is_judged(fidelity)).collect();
    if judged.is_empty() {
        Judgement::Undecided
    } else if judged.iter().all(|fidelity| fidelity.passed) {
        Judgement::Kept
    } else if too_short {
        Judgement::Undecided
    } else {
        Judgement::Missed
    }
}

/// There were enough commands to say something of the phase.
fn is_judged(fidelity: &Fidelity) -> bool {
    fidelity.score.is_some() || !fidelity.missed().is_empty()
}

/// What a job file needs of the fio that runs it.
///
/// # Errors
/// [`VerifyError`] when it cannot be read.
pub fn needed_by(job_file: &Path) -> Result<FioNeed, VerifyError> {
    Ok(FioNeed::of(&read_sections(job_file)?.1)?)
}

/// The job file's text and its sections.
fn read_sections(job_file: &Path) -> Result<(String, Vec<Section>), VerifyError> {
    let text = std::fs::read_to_string(job_file).map_err(VerifyError::file("read", job_file))?;
    let sections = sections(&text)?;
    if sections.is_empty() {
        return Err(VerifyError::NoJobs);
    }
    Ok((text, sections))
}

/// A run that came to its end. What it made on the storage is removed when this is dropped, which can take a while;
/// signals wait for it.
#[derive(Debug)]
pub struct Run {
    /// What came of it.
    pub verification: Verification,
    _site: scratch::Site,
    _deferred: Deferred,
}

/// Runs the job and compares. `progress` is told the seconds that have passed and those the run takes.
///
/// A scratch file is made in the given directory and removed with the [`Run`], or before an error is returned; SIGINT and
/// SIGTERM end fio first.
///
/// # Errors
/// [`VerifyError`]; a gate that was missed is none.
pub fn verify(request: &Request, progress: &mut dyn FnMut(f64, f64)) -> Result<Run, VerifyError> {
    let beside = Beside {
        claimed: &AtomicU64::new(0),
        begin: None,
    };
    verify_beside(request, beside, progress)
}

/// What a run shares with those at the same time on the same storage.
#[derive(Debug, Clone, Copy)]
struct Beside<'a> {
    /// Bytes that all of them need there; each adds its own.
    claimed: &'a AtomicU64,
    /// Where they wait for each other when their storage is prepared.
    begin: Option<&'a Barrier>,
}

/// The same beside other runs.
fn verify_beside(
    request: &Request,
    beside: Beside<'_>,
    progress: &mut dyn FnMut(f64, f64),
) -> Result<Run, VerifyError> {
    // Whether it gets there or fails before, nobody waits for it for ever.
    let together = Together(beside.begin);
    let (text, sections) = read_sections(request.job_file)?;
    if request.place.is_sparse(request.preparation) {
        refuse_limits_on_holes(request)?;
    }
    // fio does not end with this program, and the scratch file is large.
    let deferred = Deferred::begin().map_err(VerifyError::file("handle signals for", request.job_file))?;
    let means = observe::Means::of(request.fio.version, request.target.style);
    let site = scratch::Site::prepare(request, &sections, beside.claimed)?;
    let pace = schedule::Pace {
        duration: request.duration,
        time_scale: request.time_scale,
    };
    let times = schedule::schedule(&sections, &site.log_seconds, pace)?;
    let copied = copy::observed(&text, means, request.duration, request.time_scale);
    site.write("job.fio", &copied)?;
    let target = request.target;
    if times.len() != target.phases.len() {
        return Err(VerifyError::PhasesDiffer {
            file: times.len(),
            target: target.phases.len(),
        });
    }
    let expected_seconds = times.iter().map(|time| time.seconds).sum();
    let prepared = prepare::prepare(request, &site, &deferred, progress)?;
    drop(together);
    run::run(request, &site, &["job.fio"], expected_seconds, &deferred, progress)?;
    let seen = times.iter().enumerate().map(|(index, time)| {
        // A trace's commands are not divided, and a part of a log has no time of its own.
        let course = target
            .courses
            .get(index)
            .filter(|course| course.seconds > 0.0 && request.duration.is_none());
        observe::read(&site, &sections, time, means, course)
    });
    let seen = seen.collect::<Result<Vec<_>, _>>()?;
    deferred.check()?;
    if seen.iter().all(|phase| phase.commands < 2) {
        return Err(VerifyError::NothingDone);
    }
    let mut phases = Vec::new();
    let mut rates = Vec::new();
    let mut storage = Vec::new();
    let mut apart = Vec::new();
    let mut commands = 0;
    for ((phase, seen), time) in target.phases.iter().zip(seen).zip(&times) {
        let (gates, mut left_out) = expectations(&target.replayed(phase));
        left_out.extend(means.not_measured(request.fio.version));
        commands += seen.commands;
        let asked = target.asked(phase).ok_or(VerifyError::UnusableTarget)?;
        rates.push(PhaseRates::of(asked.as_observation(), seen.observed.as_observation()));
        let judged = PhaseFidelity {
            phase: (!phase.name.is_empty()).then(|| phase.name.clone()),
            fidelity: judge(phase, &asked, &seen, time.seconds, &gates, &left_out),
            samples: of_samples(phase, &seen, &gates, &left_out)?,
        };
        if seen.apart_seconds > APART_SECONDS {
            apart.push(format!(
                "The processes of this replay were {:.2} s apart at its end, and so is the order of the commands of different ones. \
                 Each needs a processor of its own; `--layout aggregate` replays all disks by one.",
                seen.apart_seconds
            ));
        }
        if is_judged(&judged.fidelity) {
            storage.push(served(request, phase, &asked, judged.phase.clone(), &seen));
        }
        phases.push(judged);
    }
    let mut advice = advice::advice(request, &phases, &times, &storage);
    advice.texts.append(&mut apart);
    if request.place.is_sparse(request.preparation) && reads(request.target) {
        advice.texts.push(READS_HOLES.to_owned());
    }
    Ok(Run {
        verification: Verification {
            prepared,
            rates,
            ..Verification::new(Some(request.fio.version), commands, phases, storage, advice)
        },
        _site: site,
        _deferred: deferred,
    })
}

/// Waits for the other runs when it is dropped.
struct Together<'a>(Option<&'a Barrier>);

impl Drop for Together<'_> {
    fn drop(&mut self) {
        if let Some(barrier) = self.0 {
            barrier.wait();
        }
    }
}

/// What is said of reads that no storage served.
const READS_HOLES: &str = "Reads met holes of a scratch file that was never written, which no storage serves: their latency says \
                           nothing of it. `--fill` writes the region before the run.";

/// The workload reads.
fn reads(target: &TargetFile) -> bool {
    let histograms = target.phases.iter().flat_map(|phase| &phase.histograms);
    let mut read = histograms.filter(|histogram| histogram.operation == Operation::Read);
    read.any(|histogram| histogram.counts.iter().any(|count| *count > 0))
}

/// Holes would keep every limit on the latency of reads, and on the queue in which reads wait.
fn refuse_limits_on_holes(request: &Request) -> Result<(), VerifyError> {
    let decided_by_holes = request.limits.iter().find(|limit| limit.measure.depends_on_reads());
    match decided_by_holes {
        Some(limit) if reads(request.target) => Err(VerifyError::ReadsHoles {
            measure: limit.measure.name(),
        }),
        _ => Ok(()),
    }
}

/// How near what fio did in this time comes to the phase.
fn judge(
    phase: &TargetPhase,
    asked: &Observed,
    seen: &SeenPhase,
    seconds: f64,
    gates: &Gates,
    left_out: &[LeftOut],
) -> Fidelity {
    if seen.commands < 2 && commands_in(phase, seconds) < FEW_COMMANDS {
        return too_quiet(seen.commands, seconds, gates);
    }
    let replayed = seen.observed.as_observation();
    compare(asked.as_observation(), replayed, gates, left_out)
}

/// How near fio came to each of the samples that the logs follow.
fn of_samples(
    phase: &TargetPhase,
    seen: &SeenPhase,
    gates: &Gates,
    left_out: &[LeftOut],
) -> Result<Option<SampleFidelity>, VerifyError> {
    let followed = phase.followed().ok_or(VerifyError::UnusableTarget)?;
    let judged: Vec<(u64, Option<f64>)> = followed
        .iter()
        .zip(&seen.samples)
        .map(|(measured, replayed)| {
            // F has no part in which the time counts.
            let of = |histograms| Observation {
                histograms,
                seconds: 1.0,
            };
            let commands = measured.of(Metric::IoLength, Operation::All).map_or(0, Interval::total);
            let score = replayed
                .as_ref()
                .and_then(|replayed| compare(of(measured), of(replayed), gates, left_out).score);
            (commands, score)
        })
        .collect();
    Ok(SampleFidelity::of(&judged))
}

/// How the storage served what fio did of the phase.
fn served(
    request: &Request,
    phase: &TargetPhase,
    measured: &Observed,
    name: Option<String>,
    seen: &SeenPhase,
) -> Storage {
    let speed = f64::from(request.time_scale.unwrap_or(100)) / 100.0;
    let asked = commands_in(phase, request.target.compression * speed);
    let got = seen.commands as f64 / seen.observed.seconds;
    // At full speed as much is asked as the storage can serve.
    let course = seen.course.filter(|_| request.target.pace == Pace::Measured);
    let behind = course.and_then(|course| course.behind(asked, got));
    let run = seen.observed.as_observation();
    Storage::of(name, measured.as_observation(), run, request.limits, behind)
}

/// Processes that are further apart than this at the end of a replay change the order of its commands, seconds.
const APART_SECONDS: f64 = 0.05;

/// Where fewer commands than this were to be expected, none at all says nothing.
const FEW_COMMANDS: f64 = 100.0;

/// Commands that the phase's workload has in this time.
fn commands_in(phase: &TargetPhase, seconds: f64) -> f64 {
    let lengths = phase.histograms.iter().filter(|histogram| {
        histogram.metric == Metric::IoLength && matches!(histogram.operation, Operation::Read | Operation::Write)
    });
    let commands: u64 = lengths.flat_map(|histogram| &histogram.counts).sum();
    commands as f64 / phase.seconds * seconds
}

/// The result of a phase in which next to nothing was to be done in that time.
fn too_quiet(commands: u64, seconds: f64, gates: &Gates) -> Fidelity {
    Fidelity {
        score: None,
        score_gate: gates.score,
        passed: false,
        histograms: Vec::new(),
        rates: Vec::new(),
        reported: Vec::new(),
        device: Vec::new(),
        left_out: vec![LeftOut {
            part: "all commands".to_owned(),
            reason: format!("fio issued {commands} in {seconds:.0} s, too few to judge"),
        }],
    }
}

#[cfg(test)]
mod tests {
    use vscsi_shared::histogram::Limits;

    use super::*;
    use crate::fio::TargetHistogram;

    /// A phase of a hundred seconds in which fio issued nothing for ten.
    fn without_a_command(reads_measured: u64) -> Fidelity {
        let limits = Limits::known(Metric::IoLength).as_slice().to_vec();
        let mut counts = vec![0; limits.len() + 1];
        counts[4] = reads_measured;
        let lengths = |operation| TargetHistogram {
            metric: Metric::IoLength,
            operation,
            limits: limits.clone(),
            counts: counts.clone(),
            sum: [0, 0],
            values: None,
        };
        let phase = TargetPhase {
            name: "night".to_owned(),
            seconds: 100.0,
            disks: 1,
            histograms: vec![lengths(Operation::All), lengths(Operation::Read)],
            samples: Vec::new(),
        };
        let seen = SeenPhase {
            observed: Observed {
                histograms: vscsi_shared::histogram::IntervalSet::default(),
                seconds: 10.0,
            },
            samples: Vec::new(),
            apart_seconds: 0.0,
            commands: 0,
            course: None,
        };
        judge(&phase, &phase.observed().unwrap(), &seen, 10.0, &Gates::JOBS, &[])
    }

    fn judged(phases: Vec<Fidelity>, too_short: bool) -> Judgement {
        let phases = phases.into_iter().map(|fidelity| PhaseFidelity {
            phase: None,
            fidelity,
            samples: None,
        });
        judgement(&phases.collect::<Vec<_>>(), too_short)
    }

    #[test]
    fn a_phase_that_issued_nothing_where_much_was_asked_for_is_missed() {
        // A thousand of ten thousand were to be expected.
        let silent = without_a_command(10_000);
        assert!(!silent.passed && silent.score.is_some(), "{silent}");
    }

    #[test]
    fn a_phase_too_quiet_to_judge_neither_passes_nor_fails_the_others() {
        // One of ten was to be expected.
        let quiet = without_a_command(10);
        assert!(quiet.score.is_none() && quiet.left_out.len() == 1, "{quiet}");
        let kept = Fidelity {
            score: Some(99.0),
            passed: true,
            left_out: Vec::new(),
            ..quiet.clone()
        };
        assert_eq!(judged(vec![kept.clone(), quiet.clone()], false), Judgement::Kept);
        assert_eq!(judged(vec![quiet.clone(), quiet], false), Judgement::Undecided);
        assert_eq!(judged(vec![kept, without_a_command(10_000)], false), Judgement::Missed);
    }

    #[test]
    fn what_a_run_missed_that_was_too_short_is_undecided() {
        assert_eq!(judged(vec![without_a_command(10_000)], true), Judgement::Undecided);
    }
}
