//! From a workload to the files that replay it.

use std::ffi::OsStr;
use std::fmt::Write as _;

use super::error::FioError;
use super::header::{
    FROM_TRACE, NOT_REPRODUCED, TargetVariable, burst_comment, cannot_comment, fidelity_comment, header, log_comment,
    target_comment,
};
use super::iolog::TracedLog;
use super::job::{FioJob, LogCourse, Phase, PhaseFidelity, is_whole};
use super::job_file::{begins_job, sections};
use super::needs::FioNeed;
use super::options::{FioOptions, Pace, Style};
use super::phase::PhaseWriter;
use super::text::{comment, file_prefix};
use crate::analysis::{Provenance, Workload};

/// Writes a workload as a fio job.
///
/// # Errors
/// [`FioError`] when there is nothing to replay or the options do not fit the workload.
pub fn generate(workload: &Workload, options: &FioOptions) -> Result<FioJob, FioError> {
    generate_phases(&workload.provenance, &[Phase::whole(workload)], options)
}

/// Writes several workloads as one fio job that replays one after another.
///
/// The duration is shared out in proportion to the phases' measured lengths; a phase without a command is left out. A
/// single phase without a name is the whole job. Replay logs are named after the job.
///
/// # Errors
/// [`FioError`] when there is nothing to replay or the options do not fit a workload.
pub fn generate_phases(provenance: &Provenance, phases: &[Phase], options: &FioOptions) -> Result<FioJob, FioError> {
    generate_named(
        &file_prefix(OsStr::new(&provenance.job)),
        provenance,
        phases,
        options,
        None,
    )
}

/// The same with another beginning for the names of replay logs, and with a trace whose commands a replay log has instead
/// of sampled ones.
pub(super) fn generate_named(
    log_prefix: &str,
    provenance: &Provenance,
    all_phases: &[Phase],
    options: &FioOptions,
    trace: Option<&TracedLog>,
) -> Result<FioJob, FioError> {
    let for_logs = options.choices_for_logs();
    if options.style == Style::Jobs && !for_logs.is_empty() {
        return Err(FioError::OptionOfLogs {
            options: for_logs.join(", "),
        });
    }
    let trace = trace.filter(|_| options.style == Style::Iolog);
    let phases: Vec<Phase> = all_phases
        .iter()
        .filter(|phase| phase.is_replayable())
        .copied()
        .collect();
    if phases.is_empty() {
        return Err(FioError::NoCommands);
    }
    let total_seconds: f64 = phases.iter().map(|phase| phase.workload.seconds).sum();
    let mut bodies = String::new();
    let mut companions = Vec::new();
    let mut fidelity = Vec::new();
    let mut warnings = String::new();
    let mut variables: Vec<TargetVariable> = Vec::new();
    let mut facts = Vec::new();
    let mut text_of_logs = String::new();
    for (index, phase) in phases.iter().enumerate() {
        let writer = PhaseWriter {
            provenance,
            log_prefix,
            phase,
            number: (!is_whole(all_phases)).then_some(index + 1),
            options,
            trace,
            runtime: phase_runtime(options.seconds(), phase.workload.seconds / total_seconds),
        };
        let mut written = match options.style {
            Style::Jobs => writer.jobs()?,
            Style::Iolog => writer.iolog()?,
        };
        if index > 0 {
            written.text = after_the_jobs_before(&written.text);
        }
        if phases.len() > 1 {
            let seconds = phase.workload.seconds;
            let _ = writeln!(bodies, "\n# Phase {}: {seconds:.0} s measured", comment(phase.name));
        }
        let _ = write!(bodies, "\n{}", written.text);
        companions.append(&mut written.companions);
        need(&mut variables, written.targets);
        warnings.push_str(&burst_comment(phase, written.text.contains("\nthinktime=")).unwrap_or_default());
        fidelity.push(PhaseFidelity {
            phase: (!phase.name.is_empty()).then(|| phase.name.to_owned()),
            fidelity: writer.compare(&written.observed),
            samples: written.samples,
        });
        if let Some(of_logs) = written.facts {
            text_of_logs.push_str(&log_comment(phase, &of_logs));
            facts.push(of_logs);
        }
    }
    let mut text = head(provenance, all_phases, FioNeed::of(&sections(&bodies)?)?, &fidelity);
    if options.style == Style::Jobs {
        // Too few commands to judge are no sign that they cannot be expressed.
        let mut judged = fidelity.iter().filter(|phase| phase.fidelity.score.is_some());
        text.push_str(cannot_comment(judged.all(|phase| phase.fidelity.passed)));
    }
    if options.style == Style::Jobs && options.pace == Pace::Measured {
        text.push_str(&warnings);
    }
    text.push_str(&text_of_logs);
    text.push_str(if trace.is_some() { FROM_TRACE } else { NOT_REPRODUCED });
    text.push_str(&target_comment(&variables, options.style));
    text.push_str(&bodies);
    Ok(FioJob {
        text,
        companions,
        fidelity,
        courses: facts.into_iter().map(LogCourse::from).collect(),
    })
}

/// Adds what a phase needs of its targets: each is as large as the phase that reaches furthest needs it.
fn need(variables: &mut Vec<TargetVariable>, of_phase: Vec<TargetVariable>) {
    for needed in of_phase {
        match variables.iter_mut().find(|known| known.variable == needed.variable) {
            Some(known) => known.span = known.span.max(needed.span),
            None => variables.push(needed),
        }
    }
}

fn head(provenance: &Provenance, phases: &[Phase], needs: FioNeed, fidelity: &[PhaseFidelity]) -> String {
    let mut text = header(provenance, phases, &needs.to_string());
    for phase in fidelity {
        let title = phase.phase.as_ref().map_or_else(
            || "Static fidelity (this file read back)".to_owned(),
            |name| format!("Static fidelity of phase {}", comment(name)),
        );
        text.push_str(&fidelity_comment(&title, &phase.fidelity));
        if let Some(samples) = &phase.samples {
            let _ = writeln!(text, "#   {samples}");
        }
    }
    text.push_str("#\n");
    text
}

/// Makes the first section wait for the end of the sections before it; the others of the phase start with it.
fn after_the_jobs_before(body: &str) -> String {
    let mut waiting = true;
    let mut out = String::new();
    for line in body.lines() {
        out.push_str(line);
        out.push('\n');
        if waiting && begins_job(line) {
            out.push_str("stonewall\n");
            waiting = false;
        }
    }
    out
}

/// A phase's part of the duration, at least 10 s, so that a short one is still measured.
pub(super) fn phase_runtime(duration: u32, share: f64) -> u32 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a part of a duration"
    )]
    let seconds = (f64::from(duration) * share).round() as u32;
    seconds.max(10).min(duration)
}
