//! The proof: a generated job is run by the real fio, and what fio did is compared with what was measured.

mod advice;
mod against;
mod copy;
mod error;
mod observe;
mod run;
mod scratch;

use std::path::Path;

use serde::{Deserialize, Serialize};

pub use against::against;
pub use error::VerifyError;
pub use scratch::Place;

use super::{FioProgram, FioVersion};
use crate::fidelity::compare;
use crate::fio::{PhaseFidelity, Style, TargetFile, expectations, sections};
use crate::interrupt::Deferred;

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
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Verification {
    /// The fio that ran, such as `3.39`; `None` when a second capture was compared instead.
    pub fio_version: Option<String>,
    /// Commands that were issued.
    pub commands: u64,
    /// How near each phase came.
    pub phases: Vec<PhaseFidelity>,
    /// What to do about gates that were missed for a known reason.
    #[serde(default)]
    pub advice: Vec<String>,
}

impl Verification {
    /// Whether every gate was kept.
    pub fn passed(&self) -> bool {
        self.phases.iter().all(|phase| phase.fidelity.passed)
    }
}

/// The oldest fio that a file of this style runs on.
pub fn needed_version(style: Style) -> FioVersion {
    match style {
        Style::Jobs => FioVersion::OLDEST,
        Style::Iolog => FioVersion::REPLAYS_LOGS,
    }
}

/// Runs the job and compares. `progress` is told the seconds that have passed and those the run takes.
///
/// A scratch file is made in the given directory and removed afterwards, whatever happens; SIGINT and SIGTERM end fio
/// first.
///
/// # Errors
/// [`VerifyError`]; a gate that was missed is none.
pub fn verify(request: &Request, progress: &mut dyn FnMut(f64, f64)) -> Result<Verification, VerifyError> {
    let text = std::fs::read_to_string(request.job_file).map_err(VerifyError::file("read", request.job_file))?;
    let sections = sections(&text)?;
    if sections.is_empty() {
        return Err(VerifyError::NoJobs);
    }
    // fio does not end with this program, and the scratch file is large.
    let deferred = Deferred::begin().map_err(VerifyError::file("handle signals for", request.job_file))?;
    let means = observe::Means::of(request.fio.version, request.target.style);
    let site = scratch::Site::prepare(request, &sections)?;
    let copied = copy::observed(&text, means, request.duration, request.time_scale);
    site.write_job(&copied)?;
    run::run(request, &site, &deferred, progress)?;
    let seen = observe::read(&site, &sections, means)?;
    deferred.check()?;
    let target = request.target;
    if seen.phases.len() != target.phases.len() {
        return Err(VerifyError::PhasesDiffer {
            file: seen.phases.len(),
            target: target.phases.len(),
        });
    }
    let mut phases = Vec::new();
    let mut commands = 0;
    for (phase, seen) in target.phases.iter().zip(seen.phases) {
        let (gates, mut left_out) = expectations(target.style, target.pace, target.layout, phase.disks);
        left_out.extend(means.not_measured(request.fio.version));
        let measured = phase.observed().ok_or(VerifyError::UnusableTarget)?;
        commands += seen.commands;
        phases.push(PhaseFidelity {
            phase: (!phase.name.is_empty()).then(|| phase.name.clone()),
            fidelity: compare(
                measured.as_observation(),
                seen.observed.as_observation(),
                &gates,
                &left_out,
            ),
        });
    }
    Ok(Verification {
        fio_version: Some(request.fio.version.to_string()),
        commands,
        advice: advice::advice(request, &phases),
        phases,
    })
}
