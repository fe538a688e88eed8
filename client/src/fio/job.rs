//! What a job is generated from, and what comes of it.

use std::io::{self, Write};

use serde::{Deserialize, Serialize};

use super::iolog::{IologPlan, TracedLog};
use super::replay::LogFacts;
use super::target::Target;
use crate::analysis::{AnalysisError, Provenance, Series, Workload};
use crate::fidelity::{Fidelity, SampleFidelity};

/// A part of the job's time, replayed before the next one begins.
#[derive(Debug, Clone, Copy)]
pub struct Phase<'a> {
    /// Its name, which becomes part of section names.
    pub name: &'a str,
    /// What was done in it.
    pub workload: &'a Workload,
    /// Its samples in order of time, for a replay log that follows them; empty where only their average is known.
    pub samples: &'a [TimedWorkload],
}

/// One sample of a phase.
#[derive(Debug, Clone, PartialEq)]
pub struct TimedWorkload {
    /// What was done in it.
    pub workload: Workload,
    /// Time before it in which nothing was measured, seconds.
    pub gap_seconds: f64,
}

impl TimedWorkload {
    /// The chosen samples of a series. Time without data between two chosen ones that follow each other stands before the
    /// second; samples that were left out take no time.
    ///
    /// # Errors
    /// [`AnalysisError::LimitsChanged`] when the disks of a sample have different bucket limits.
    pub fn of(series: &Series, kept: &[bool], provenance: &Provenance) -> Result<Vec<Self>, AnalysisError> {
        let mut before: Option<(f64, bool)> = None;
        let mut gaps = Vec::new();
        for (sample, &is_kept) in series.samples.iter().zip(kept) {
            if is_kept {
                gaps.push(match before {
                    Some((end, true)) => (sample.start_seconds - end).max(0.0),
                    _ => 0.0,
                });
            }
            before = Some((sample.start_seconds + sample.seconds, is_kept));
        }
        let workloads = Workload::of_each(series, kept, provenance)?;
        Ok(workloads
            .into_iter()
            .zip(gaps)
            .map(|(workload, gap_seconds)| Self { workload, gap_seconds })
            .collect())
    }
}

impl<'a> Phase<'a> {
    /// A workload that is not divided into phases, of which only the average is known.
    pub fn whole(workload: &'a Workload) -> Self {
        Self::named("", workload)
    }

    /// A part of the time, of which only the average is known.
    pub fn named(name: &'a str, workload: &'a Workload) -> Self {
        Self {
            name,
            workload,
            samples: &[],
        }
    }
}

impl Phase<'_> {
    /// Whether there is a command to replay in it.
    pub(super) fn is_replayable(&self) -> bool {
        !Target::of_all_disks(self.workload).demands().is_empty()
    }
}

/// How near one phase of a generated file comes to its workload, by our own reading of the file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PhaseFidelity {
    /// The phase; `None` when the file has no phases.
    pub phase: Option<String>,
    /// How near it comes.
    #[serde(flatten)]
    pub fidelity: Fidelity,
    /// How near it comes to each of the samples, where these are known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub samples: Option<SampleFidelity>,
}

/// A generated fio job.
#[derive(Debug, Clone)]
pub struct FioJob {
    /// The job file.
    pub text: String,
    /// Replay logs the job file reads, to be written beside it; none for `--style jobs`.
    pub companions: Vec<Companion>,
    /// Static fidelity of each phase; exactly one when the file has no phases.
    pub fidelity: Vec<PhaseFidelity>,
    /// The course of the replay logs of each phase; empty for `--style jobs`.
    pub courses: Vec<LogCourse>,
}

/// How the replay logs of a phase go, for whoever counts what was issued.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LogCourse {
    /// Time of the first command, seconds.
    pub lead_seconds: f64,
    /// Length of the logs, seconds.
    pub seconds: f64,
    /// Of each target, the first bytes of the regions of the disks behind the first one.
    pub regions: Vec<Vec<u64>>,
    /// From the first to the last command of each section, seconds.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub spans: Vec<f64>,
    /// Of each sample that is followed, how many commands each target's log has of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub samples: Vec<Vec<u64>>,
}

impl From<LogFacts> for LogCourse {
    fn from(facts: LogFacts) -> Self {
        Self {
            lead_seconds: facts.lead_seconds,
            seconds: facts.seconds,
            regions: facts.regions,
            spans: facts.spans,
            samples: facts.samples,
        }
    }
}

/// A replay log that a job file reads.
#[derive(Debug, Clone)]
pub struct Companion {
    /// File name, without a directory: fio looks for it where it is started.
    pub file_name: String,
    /// What it holds.
    pub log: ReplayLog,
}

/// A replay log that can be written, as often as needed and always the same.
#[derive(Debug, Clone)]
pub enum ReplayLog {
    /// Sampled from the histograms.
    Sampled(Box<IologPlan>),
    /// The commands of a trace.
    Traced(TracedLog),
}

impl ReplayLog {
    /// How many commands it holds.
    pub fn commands(&self) -> u64 {
        match self {
            Self::Sampled(plan) => plan.commands(),
            Self::Traced(log) => log.commands(),
        }
    }

    /// Writes the log. Memory does not grow with its length.
    ///
    /// # Errors
    /// Those of `out`, and of the trace that it is read from.
    pub fn write(&self, out: &mut impl Write) -> io::Result<()> {
        match self {
            Self::Sampled(plan) => plan.write(out),
            Self::Traced(log) => log.write(out),
        }
    }
}

/// Whether this is a workload as a whole and none divided into phases.
pub(super) fn is_whole(phases: &[Phase]) -> bool {
    matches!(phases, [phase] if phase.name.is_empty())
}
