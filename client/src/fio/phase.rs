//! One phase of a workload: its sections, the logs they read, and what both do by our own reading.

use vscsi_shared::histogram::{Metric, Operation};

use super::error::FioError;
use super::header::TargetVariable;
use super::iolog::TracedLog;
use super::job::{Companion, Phase};
use super::job_file::sections;
use super::jobs::{JobsRequest, find_jobs};
use super::options::{FioOptions, Layout, Pace, Style};
use super::replay::LogFacts;
use super::simulate::{SIMULATED_COMMANDS, simulate};
use super::target::{Target, span, targets};
use super::text::section_name;
use crate::analysis::{Provenance, Workload};
use crate::fidelity::{Fidelity, Gates, LeftOut, SampleFidelity, compare, part_name};
use crate::stream::{Observation, Observed};

/// A written phase.
pub(super) struct Written {
    pub text: String,
    pub companions: Vec<Companion>,
    pub observed: Observed,
    /// The targets it needs.
    pub targets: Vec<TargetVariable>,
    /// How near it comes to each sample, where these are known.
    pub samples: Option<SampleFidelity>,
    /// What its logs do beside what is judged; none for jobs.
    pub facts: Option<LogFacts>,
}

/// Writes one phase.
pub(super) struct PhaseWriter<'a> {
    pub provenance: &'a Provenance,
    /// First part of the names of logs.
    pub log_prefix: &'a str,
    pub phase: &'a Phase<'a>,
    /// Which of the phases it is, from 1; `None` when the file has none.
    pub number: Option<usize>,
    pub options: &'a FioOptions,
    /// The trace whose commands are replayed instead of sampled ones.
    pub trace: Option<&'a TracedLog>,
    /// Seconds.
    pub runtime: u32,
}

/// A target and what it is called in the file.
#[derive(Clone)]
pub(super) struct NamedTarget<'a> {
    pub target: Target<'a>,
    /// Which of several disks it is; `None` for all of them together.
    pub index: Option<usize>,
    /// First part of the names of its sections.
    pub section: String,
    /// The expression for its file.
    pub filename: String,
    /// Name of its replay log.
    pub log: String,
}

impl NamedTarget<'_> {
    /// The same for one of the processes that share its log.
    pub(super) fn of_process(&self, number: u32) -> Self {
        let log = self.log.strip_suffix(".iolog").unwrap_or(&self.log);
        Self {
            section: format!("{}-process{number}", self.section),
            log: format!("{log}+process{number}.iolog"),
            ..self.clone()
        }
    }

    /// The variable that names it, and how large it must be.
    pub(super) fn variable(&self, span: u64) -> TargetVariable {
        TargetVariable {
            variable: self.target.variable.clone(),
            disk: self.target.disk.clone(),
            span,
        }
    }
}

impl PhaseWriter<'_> {
    /// The targets that have commands. Phase and disk stand in every name by their number, so no two are alike.
    pub(super) fn named_targets(&self) -> Vec<NamedTarget<'_>> {
        let targets = targets(self.phase.workload, self.options.layout);
        let many = targets.len() > 1;
        let phase = self
            .number
            .map(|number| format!("{number}-{}", section_name(self.phase.name)));
        let named = targets.into_iter().enumerate().map(|(index, target)| {
            let disk = many.then(|| format!("disk{}", index + 1));
            let parts: Vec<String> = phase.iter().cloned().chain(disk).collect();
            let part = parts.join("-");
            let named = |name: &str, separator: &str| match part.as_str() {
                "" => name.to_owned(),
                part => format!("{name}{separator}{part}"),
            };
            NamedTarget {
                section: named(&section_name(&self.provenance.job), "-"),
                filename: format!("${{{}}}", target.variable),
                // No log of another file can be called so, because this sign is in no prefix but before a digest.
                log: format!("{}.iolog", named(self.log_prefix, "+")),
                index: many.then_some(index),
                target,
            }
        });
        named.filter(|named| !named.target.demands().is_empty()).collect()
    }

    /// As fio jobs.
    pub(super) fn jobs(&self) -> Result<Written, FioError> {
        let mut text = format!(
            "[global]\n\
             ioengine=libaio\n\
             direct=1\n\
             allow_file_create=0\n\
             # The random map would refuse the repeated offsets that real workloads have.\n\
             norandommap=1\n\
             randrepeat=1\n\
             numjobs=1\n\
             # Runtime\n\
             time_based=1\n\
             runtime={}\n",
            self.runtime
        );
        let (_, left_out) = self.expectations();
        let mut targets = Vec::new();
        for named in self.named_targets() {
            let span = span(named.target.workload.histograms, self.options, 1)?;
            targets.push(named.variable(span));
            text.push_str(&find_jobs(&JobsRequest {
                target: named.target.workload,
                disks: &named.target.disks,
                left_out: &left_out,
                name: &named.section,
                filename: &named.filename,
                span,
                measured_pace: self.options.pace == Pace::Measured,
                seconds: f64::from(self.runtime),
                seed: self.options.seed,
            })?);
        }
        let observed = simulate(&sections(&text)?, self.options.seed, SIMULATED_COMMANDS)?;
        Ok(Written {
            text,
            companions: Vec::new(),
            observed,
            targets,
            samples: None,
            facts: None,
        })
    }

    /// How near what was read back comes to the phase's workload.
    pub(super) fn compare(&self, observed: &Observed) -> Fidelity {
        self.compare_with(self.phase.workload, observed.as_observation())
    }

    /// How near a part of the replay comes to what was measured in it.
    pub(super) fn compare_with(&self, workload: &Workload, observed: Observation) -> Fidelity {
        let target = Observation {
            histograms: &workload.histograms,
            seconds: workload.seconds / self.options.compression(),
        };
        let (gates, left_out) = self.expectations();
        compare(target, observed, &gates, &left_out)
    }

    fn expectations(&self) -> (Gates, Vec<LeftOut>) {
        expectations(&Replayed {
            style: self.options.style,
            pace: self.options.pace,
            layout: self.options.layout,
            disks: self.phase.workload.disks.len(),
            compression: self.options.compression(),
        })
    }
}

/// What decides which parts of a workload a replay can bring back.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Replayed {
    pub style: Style,
    pub pace: Pace,
    pub layout: Layout,
    /// Disks of the workload.
    pub disks: usize,
    /// How much shorter gaps are than measured.
    pub compression: f64,
}

/// The gates such a replay is held to, and the parts it does not aim at.
pub(crate) fn expectations(replayed: &Replayed) -> (Gates, Vec<LeftOut>) {
    let gates = match replayed.style {
        Style::Jobs => Gates::JOBS,
        Style::Iolog => Gates::IOLOG,
    };
    let left_out = |(metric, operation), reason: &str| LeftOut {
        part: part_name(metric, operation),
        reason: reason.to_owned(),
    };
    let interarrival = (Metric::Interarrival, Operation::All);
    let ordered = [
        (Metric::SeekDistance, Operation::All),
        (Metric::SeekDistanceClosest16, Operation::All),
        interarrival,
    ];
    match (replayed.pace, replayed.style) {
        (Pace::Max, Style::Jobs) => {
            let reason = "at full speed the device decides the order of the jobs";
            (
                gates.at_full_speed(),
                ordered.map(|part| left_out(part, reason)).to_vec(),
            )
        }
        (Pace::Max, Style::Iolog) => {
            let reason = "at full speed the device decides the times";
            (gates.at_full_speed(), vec![left_out(interarrival, reason)])
        }
        (Pace::Measured, Style::Jobs) if replayed.disks > 1 && replayed.layout == Layout::Aggregate => {
            let reason = "it was measured per disk, and the disks are replayed together";
            (gates, vec![left_out(interarrival, reason)])
        }
        (Pace::Measured, Style::Iolog) if (replayed.compression - 1.0).abs() > 1e-9 => {
            let reason = "another speed or intensity was asked for, which changes the gaps";
            (gates, vec![left_out(interarrival, reason)])
        }
        (Pace::Measured, _) => (gates, Vec::new()),
    }
}
