//! One phase of a workload: its sections, the logs they read, and what both do by our own reading.

use vscsi_shared::histogram::{Metric, Operation};

use super::demand::depth;
use super::error::FioError;
use super::iolog::{IologPlan, ReadBack, TracedLog};
use super::job::{Companion, Phase, ReplayLog};
use super::job_file::sections;
use super::jobs::{JobsRequest, find_jobs};
use super::options::{FioOptions, Layout, Pace, Style};
use super::simulate::{SIMULATED_COMMANDS, merged, simulate};
use super::target::{Target, span, span_of_trace, targets};
use super::text::section_name;
use crate::analysis::Provenance;
use crate::fidelity::{Fidelity, Gates, LeftOut, compare, part_name};
use crate::number::{self, size};
use crate::stream::{Observation, Observed};

/// Fewer commands in flight than this would make a burst wait for the device in the generator.
const LEAST_REPLAY_DEPTH: u32 = 128;
/// Longer logs are read by fio in pieces instead of into memory at once.
const CHUNKED_COMMANDS: u64 = 2_000_000;

/// A written phase.
pub(super) struct Written {
    pub text: String,
    pub companions: Vec<Companion>,
    pub observed: Observed,
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
struct NamedTarget<'a> {
    target: Target<'a>,
    /// First part of the names of its sections.
    section: String,
    /// The expression for its file.
    filename: String,
    /// Name of its replay log.
    log: String,
}

impl PhaseWriter<'_> {
    /// The targets that have commands. Phase and disk stand in every name by their number, so no two are alike.
    fn named_targets(&self) -> Vec<NamedTarget<'_>> {
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
        for named in self.named_targets() {
            text.push_str(&find_jobs(&JobsRequest {
                target: named.target.workload,
                disks: &named.target.disks,
                left_out: &left_out,
                name: &named.section,
                filename: &named.filename,
                span: span(named.target.workload.histograms, self.options)?,
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
        })
    }

    /// As replay logs, one for each target.
    pub(super) fn iolog(&self) -> Result<Written, FioError> {
        let mut text = String::from("[global]\nioengine=libaio\ndirect=1\nallow_file_create=0\nnumjobs=1\n");
        let mut companions = Vec::new();
        let mut disks = Vec::new();
        let mut seconds = 0.0_f64;
        for named in self.named_targets() {
            let (span, log) = self.log(&named)?;
            let mut back = ReadBack::default();
            log.write(&mut back).map_err(FioError::ReadBack)?;
            let observed = back.finish()?;
            seconds = seconds.max(observed.seconds);
            disks.push(observed.histograms);
            let companion = Companion {
                file_name: named.log.clone(),
                log,
            };
            text.push_str(&self.iolog_section(&named, &companion, span));
            companions.push(companion);
        }
        Ok(Written {
            text,
            companions,
            observed: Observed {
                histograms: merged(disks.into_iter()),
                seconds,
            },
        })
    }

    /// The log of a target, and the region that it needs.
    fn log(&self, named: &NamedTarget) -> Result<(u64, ReplayLog), FioError> {
        if let Some(trace) = self.trace {
            return Ok((span_of_trace(trace, self.options)?, ReplayLog::Traced(trace.clone())));
        }
        let span = span(named.target.workload.histograms, self.options)?;
        let seconds = f64::from(self.runtime);
        let plan = IologPlan::new(named.target.workload, span, seconds, self.options.seed)?;
        Ok((span, ReplayLog::Sampled(Box::new(plan))))
    }

    fn iolog_section(&self, named: &NamedTarget, log: &Companion, span: u64) -> String {
        let depth = depth(&named.target.disks, Operation::All);
        let (pace, in_flight) = match self.options.pace {
            Pace::Measured => ("", depth.p95.max(LEAST_REPLAY_DEPTH)),
            Pace::Max => (
                "# As fast as the queue depth allows: the times in the log are not waited for.\nreplay_no_stall=1\n",
                depth.p95,
            ),
        };
        let commands = log.log.commands();
        let chunked = if commands > CHUNKED_COMMANDS {
            "read_iolog_chunked=1\n"
        } else {
            ""
        };
        format!(
            "\n[{section}]\n\
             # {commands} commands in {seconds} s; start fio in the directory that holds the log\n\
             read_iolog={file}\n{chunked}\
             # Everything goes to this target, which must hold at least {span}\n\
             replay_redirect={filename}\n{pace}\
             # Queue depth: room for bursts, so that a slow device does not hold back the commands behind it\n\
             iodepth={in_flight}\n",
            section = named.section,
            filename = named.filename,
            file = log.file_name,
            seconds = self
                .trace
                .map_or_else(|| self.runtime.to_string(), |trace| number::rate(trace.seconds())),
            span = size(span),
        )
    }

    /// How near what was read back comes to the phase's workload.
    pub(super) fn compare(&self, observed: &Observed) -> Fidelity {
        let workload = self.phase.workload;
        let target = Observation {
            histograms: &workload.histograms,
            seconds: workload.seconds,
        };
        let (gates, left_out) = self.expectations();
        compare(target, observed.as_observation(), &gates, &left_out)
    }

    fn expectations(&self) -> (Gates, Vec<LeftOut>) {
        let options = self.options;
        let disks = self.phase.workload.disks.len();
        expectations(options.style, options.pace, options.layout, disks)
    }
}

/// The gates a replay made with these options is held to, and the parts it does not aim at.
pub(crate) fn expectations(style: Style, pace: Pace, layout: Layout, disks: usize) -> (Gates, Vec<LeftOut>) {
    let gates = match style {
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
    match (pace, style) {
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
        (Pace::Measured, _) if disks > 1 && layout == Layout::Aggregate => {
            let reason = "it was measured per disk, and the disks are replayed together";
            (gates, vec![left_out(interarrival, reason)])
        }
        (Pace::Measured, _) => (gates, Vec::new()),
    }
}
