//! What a job is generated from, and what comes of it.

use std::io::{self, Write};

use serde::{Deserialize, Serialize};

use super::iolog::{IologPlan, TracedLog};
use super::target::Target;
use crate::analysis::Workload;
use crate::fidelity::Fidelity;

/// A part of the job's time, replayed before the next one begins.
#[derive(Debug, Clone, Copy)]
pub struct Phase<'a> {
    /// Its name, which becomes part of section names.
    pub name: &'a str,
    /// What was done in it.
    pub workload: &'a Workload,
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
