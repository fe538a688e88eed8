//! From a workload to the files that replay it.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};
use vscsi_shared::histogram::{IntervalSet, Metric, Operation};

use super::demand::{demands, least_span};
use super::error::FioError;
use super::header::{NOT_REPRODUCED, burst_comment, fidelity_comment, header, target_comment};
use super::job_file::sections;
use super::jobs::{JobsRequest, find_jobs, left_to_the_device};
use super::options::{FioOptions, Layout, Pace};
use super::simulate::simulate;
use super::text::{comment, section_name};
use crate::analysis::{Provenance, Workload};
use crate::fidelity::{Fidelity, Gates, LeftOut, Observation, compare, part_name};
use crate::replay::bucket_range;

/// Commands simulated to state the fidelity of a finished job file.
const SIMULATED_COMMANDS: u64 = 30_000;

/// A part of the job's time, replayed before the next one begins.
#[derive(Debug, Clone, Copy)]
pub struct Phase<'a> {
    /// Its name, which becomes part of section names.
    pub name: &'a str,
    /// What was done in it.
    pub workload: &'a Workload,
}

/// How near one phase of a generated file comes to its workload, by our own reading of the file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PhaseFidelity {
    /// The phase; `None` when the file has no phases.
    pub phase: Option<String>,
    /// How near it comes.
    #[serde(flatten)]
    pub fidelity: Fidelity,
}

/// A generated fio job.
#[derive(Debug, Clone)]
pub struct FioJob {
    /// The job file.
    pub text: String,
    /// Static fidelity of each phase; exactly one when the file has no phases.
    pub fidelity: Vec<PhaseFidelity>,
}

/// One target of the replay: a disk, or all of them together.
struct Target<'a> {
    histograms: &'a IntervalSet,
    seconds: f64,
    /// Environment variable that names it.
    variable: String,
    /// The disk, for the reader; empty when it is all of them.
    disk: String,
}

/// Writes a workload as a fio job.
///
/// # Errors
/// [`FioError`] when there is nothing to replay or the options do not fit the workload.
pub fn generate(workload: &Workload, options: &FioOptions) -> Result<FioJob, FioError> {
    let whole = Phase { name: "", workload };
    generate_phases(&workload.provenance, &[whole], options)
}

/// Writes several workloads as one fio job that replays one after another.
///
/// The duration is shared out in proportion to the phases' measured lengths. A single phase without a name is the
/// whole job.
///
/// # Errors
/// [`FioError`] when there is nothing to replay or the options do not fit a workload.
pub fn generate_phases(provenance: &Provenance, phases: &[Phase], options: &FioOptions) -> Result<FioJob, FioError> {
    let phases: Vec<Phase> = phases
        .iter()
        .copied()
        .filter(|phase| has_commands(phase.workload))
        .collect();
    let Some(first) = phases.first() else {
        return Err(FioError::NoCommands);
    };
    let total_seconds: f64 = phases.iter().map(|phase| phase.workload.seconds).sum();
    let mut bodies = String::new();
    let mut fidelity = Vec::new();
    for (index, phase) in phases.iter().enumerate() {
        let runtime = phase_runtime(options.duration, phase.workload.seconds / total_seconds);
        let mut body = phase_body(provenance, phase, options)?;
        if index > 0 {
            body = after_the_jobs_before(&body);
        }
        let head = global_section(runtime);
        let found = static_fidelity(phase.workload, options, &format!("{head}{body}"))?;
        if phases.len() > 1 {
            let _ = writeln!(
                bodies,
                "\n# Phase {}: {:.0} s measured",
                comment(phase.name),
                phase.workload.seconds
            );
        }
        let _ = write!(bodies, "\n{head}{body}");
        fidelity.push(PhaseFidelity {
            phase: (!phase.name.is_empty()).then(|| phase.name.to_owned()),
            fidelity: found,
        });
    }
    let targets = targets(first.workload, options.layout);
    let mut text = header(
        provenance,
        &first.workload.histograms,
        "fio 3.x (written for 3.33 and newer)",
    );
    for phase in &fidelity {
        let title = phase.phase.as_ref().map_or_else(
            || "Static fidelity (this file read back)".to_owned(),
            |name| format!("Static fidelity of phase {}", comment(name)),
        );
        text.push_str(&fidelity_comment(&title, &phase.fidelity));
    }
    text.push_str("#\n");
    if options.pace == Pace::Measured {
        let warning = phases
            .iter()
            .find_map(|phase| burst_comment(&phase.workload.histograms, phase.workload.seconds));
        text.push_str(&warning.unwrap_or_default());
    }
    text.push_str(NOT_REPRODUCED);
    let variables: Vec<(String, String)> = targets
        .into_iter()
        .map(|target| (target.variable, target.disk))
        .collect();
    text.push_str(&target_comment(&variables));
    text.push_str(&bodies);
    Ok(FioJob { text, fidelity })
}

/// Makes the first section wait for the end of the sections before it; the others of the phase start with it.
fn after_the_jobs_before(body: &str) -> String {
    match body.split_once("]\n") {
        Some((first, rest)) => format!("{first}]\nstonewall\n{rest}"),
        None => body.to_owned(),
    }
}

fn has_commands(workload: &Workload) -> bool {
    !demands(&workload.histograms, workload.seconds).is_empty()
}

/// A phase's part of the duration, at least 10 s, so that a short one is still measured.
fn phase_runtime(duration: u32, share: f64) -> u32 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a part of a duration"
    )]
    let seconds = (f64::from(duration) * share).round() as u32;
    seconds.max(10).min(duration)
}

fn global_section(runtime: u32) -> String {
    format!(
        "[global]\n\
         ioengine=libaio\n\
         direct=1\n\
         # The random map would refuse the repeated offsets that real workloads have.\n\
         norandommap=1\n\
         randrepeat=1\n\
         numjobs=1\n\
         # Runtime\n\
         time_based=1\n\
         runtime={runtime}\n"
    )
}

fn phase_body(provenance: &Provenance, phase: &Phase, options: &FioOptions) -> Result<String, FioError> {
    let mut name = section_name(&provenance.job);
    if !phase.name.is_empty() {
        name = section_name(&format!("{name}-{}", phase.name));
    }
    let targets = targets(phase.workload, options.layout);
    let mut body = String::new();
    for (index, target) in targets.iter().enumerate() {
        let name = if targets.len() > 1 {
            format!("{name}-disk{}", index + 1)
        } else {
            name.clone()
        };
        body.push_str(&find_jobs(&JobsRequest {
            target: Observation {
                histograms: target.histograms,
                seconds: target.seconds,
            },
            name: &name,
            filename: &format!("${{{}}}", target.variable),
            span: span(target.histograms, options)?,
            measured_pace: options.pace == Pace::Measured,
            seed: options.seed,
        })?);
    }
    Ok(body)
}

/// Reads the text back, plays it on paper, and compares.
fn static_fidelity(workload: &Workload, options: &FioOptions, text: &str) -> Result<Fidelity, FioError> {
    let observed = simulate(&sections(text)?, options.seed, SIMULATED_COMMANDS)?;
    let target = Observation {
        histograms: &workload.histograms,
        seconds: workload.seconds,
    };
    let mut gates = Gates::JOBS;
    let mut left_out = Vec::new();
    if options.pace == Pace::Max {
        gates = gates.at_full_speed();
        left_out.extend(left_to_the_device().map(|(metric, operation)| LeftOut {
            part: part_name(metric, operation),
            reason: "at full speed the device decides the order of the jobs".to_owned(),
        }));
    } else if workload.disks.len() > 1 && options.layout == Layout::Aggregate {
        left_out.push(LeftOut {
            part: part_name(Metric::Interarrival, Operation::All),
            reason: "it was measured per disk, and the disks are replayed together".to_owned(),
        });
    }
    Ok(compare(target, observed.as_observation(), &gates, &left_out))
}

fn targets(workload: &Workload, layout: Layout) -> Vec<Target<'_>> {
    if layout == Layout::PerDisk && workload.disks.len() > 1 {
        let disks = workload.disks.iter().enumerate();
        return disks
            .map(|(index, disk)| Target {
                histograms: &disk.histograms,
                seconds: disk.seconds,
                variable: format!("FILENAME_{}", index + 1),
                disk: disk.disk.to_string(),
            })
            .collect();
    }
    vec![Target {
        histograms: &workload.histograms,
        seconds: workload.seconds,
        variable: "FILENAME".to_owned(),
        disk: String::new(),
    }]
}

/// The region of a target: what was asked for, or what the seeks show.
fn span(histograms: &IntervalSet, options: &FioOptions) -> Result<u64, FioError> {
    let Some(asked) = options.span else {
        return Ok(least_span(histograms));
    };
    let largest = histograms.of(Metric::IoLength, Operation::All).map_or(0.0, |sizes| {
        let last = sizes.counts.iter().rposition(|count| *count > 0).unwrap_or(0);
        bucket_range(sizes, last).1
    });
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a size in bytes")]
    let largest_bytes = largest.max(0.0) as u64;
    let least_bytes = largest_bytes.saturating_mul(64).max(64 << 20);
    if asked.0 < least_bytes {
        return Err(FioError::SpanTooSmall {
            span_bytes: asked.0,
            largest_bytes,
            least_bytes,
        });
    }
    Ok(asked.0 >> 20 << 20)
}
