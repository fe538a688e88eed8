//! A phase as replay logs: their sections, and what the logs do by our own reading.

use std::fmt::Write as _;

use vscsi_shared::histogram::{IntervalSet, Operation};

use super::course::Course;
use super::demand::depth;
use super::error::FioError;
use super::generate::phase_runtime;
use super::iolog::{Alignment, Contents, IologPlan, LogEstimate, Parts, ReadBack, SequentialBytes, reads_and_writes};
use super::job::{Companion, Phase, ReplayLog};
use super::options::{FioOptions, Pace, Style};
use super::phase::{NamedTarget, PhaseWriter, Written};
use super::target::{Target, span_of_trace};
use super::text::comment;
use crate::fidelity::SampleFidelity;
use crate::number::{self, size};
use crate::stream::{Observation, Observed, merged};

/// Fewer commands in flight than this would make a burst wait for the device in the generator.
const LEAST_REPLAY_DEPTH: u32 = 128;
/// Longer logs are read by fio in pieces instead of into memory at once.
const CHUNKED_COMMANDS: u64 = 2_000_000;

/// How large the replay logs of the phases will be, and how long they take to make; `None` for jobs.
///
/// # Errors
/// [`FioError::SpanTooSmall`].
pub fn log_estimate(phases: &[Phase], options: &FioOptions) -> Result<Option<LogEstimate>, FioError> {
    if options.style != Style::Iolog {
        return Ok(None);
    }
    let total_seconds: f64 = phases.iter().map(|phase| phase.workload.seconds).sum();
    let mut all = LogEstimate::default();
    for phase in phases {
        let runtime = phase_runtime(options.seconds(), phase.workload.seconds / total_seconds);
        let course = Course::of(phase, options, runtime);
        let target = Target::of_all_disks(phase.workload);
        all = all.plus(LogEstimate::of(&course.demands(&target, None, options)?));
    }
    Ok(Some(all))
}

/// What the logs of a phase do beside what is judged.
#[derive(Debug, Clone, Default)]
pub(super) struct LogFacts {
    /// Samples that are followed; 0 for an average.
    pub followed: usize,
    /// First bytes of the regions on each target, in the order of the targets.
    pub regions: Vec<Vec<u64>>,
    /// Of each sample that is followed, the commands in the log of each target.
    pub samples: Vec<Vec<u64>>,
    /// Time of the first command, seconds.
    pub lead_seconds: f64,
    /// Length of the logs, seconds.
    pub seconds: f64,
    /// From the first to the last command of each section, seconds.
    pub spans: Vec<f64>,
    /// The lines of the header.
    pub lines: Vec<String>,
}

impl PhaseWriter<'_> {
    /// As replay logs, one for each target.
    pub(super) fn iolog(&self) -> Result<Written, FioError> {
        let course = Course::of(self.phase, self.options, self.runtime);
        let mut text = String::from("[global]\nioengine=libaio\ndirect=1\nallow_file_create=0\nnumjobs=1\n");
        let mut written = Written {
            text: String::new(),
            companions: Vec::new(),
            observed: Observed {
                histograms: IntervalSet::default(),
                seconds: 0.0,
            },
            targets: Vec::new(),
            samples: None,
            facts: None,
        };
        let mut facts = LogFacts {
            // A trace has its own course.
            followed: if self.trace.is_some() {
                0
            } else {
                course.followed().count()
            },
            seconds: if self.trace.is_some() { 0.0 } else { course.seconds },
            lead_seconds: f64::INFINITY,
            ..LogFacts::default()
        };
        let mut read = Vec::new();
        for named in self.named_targets() {
            let (span, log, parts) = self.log(&course, &named)?;
            facts.regions.push(parts.regions.clone());
            let mut back = ReadBack::of(parts);
            whole(&log).write(&mut back).map_err(FioError::ReadBack)?;
            let contents = back.finish()?;
            facts.lead_seconds = facts.lead_seconds.min(contents.lead_seconds);
            facts.spans.extend(&contents.spans);
            if let ReplayLog::Sampled(plan) = &log {
                facts.lines.extend(lines(&named, plan, &contents));
            }
            for (named, log) in of_processes(&named, log) {
                let companion = Companion {
                    file_name: named.log.clone(),
                    log,
                };
                text.push_str(&self.iolog_section(&named, &companion, span, contents.whole.seconds));
                written.companions.push(companion);
            }
            written.targets.push(named.variable(span));
            read.push(contents);
        }
        written.text = text;
        let counts = |index: usize| {
            read.iter()
                .map(move |contents: &Contents| contents.samples.get(index).map_or(0, reads_and_writes))
        };
        facts.samples = (0..facts.followed).map(|index| counts(index).collect()).collect();
        written.observed = Observed {
            seconds: read.iter().map(|contents| contents.whole.seconds).fold(0.0, f64::max),
            histograms: merged(read.iter().map(|contents| contents.whole.histograms.clone())),
        };
        written.samples = self.of_samples(&course, &read, &written.observed);
        written.facts = Some(facts);
        Ok(written)
    }

    /// The log of a target, the region that it needs, and which of its parts are counted apart.
    fn log(&self, course: &Course, named: &NamedTarget) -> Result<(u64, ReplayLog, Parts), FioError> {
        if let Some(trace) = self.trace {
            let span = span_of_trace(trace, self.options)?;
            return Ok((span, ReplayLog::Traced(trace.clone()), Parts::default()));
        }
        let demands = course.demands(&named.target, named.index, self.options)?;
        let span = demands.iter().map(|demand| demand.span_bytes).sum();
        let plan = IologPlan::new(&demands, self.options.sector_size.map(|size| size.0), self.options.seed)?;
        let parts = Parts {
            regions: plan.disks().skip(1).map(|disk| disk.first_byte).collect(),
            ends: course.ends(),
            seconds: Some(course.seconds),
            turns: plan.turns(),
        };
        Ok((span, ReplayLog::Sampled(Box::new(plan)), parts))
    }

    /// How near the logs come to each of the phase's samples: to those that they follow in turn, or to all of them by one
    /// average.
    fn of_samples(&self, course: &Course, read: &[Contents], average: &Observed) -> Option<SampleFidelity> {
        if self.trace.is_some() {
            return None;
        }
        let mut judged = Vec::new();
        if course.is_timeline {
            for (index, (workload, seconds)) in course.followed().enumerate() {
                let parts = read.iter().filter_map(|contents| contents.samples.get(index).cloned());
                let replayed = merged(parts);
                let observation = Observation {
                    histograms: &replayed,
                    seconds,
                };
                judged.push((
                    reads_and_writes(&workload.histograms),
                    self.compare_with(workload, observation).score,
                ));
            }
        } else {
            for sample in self.phase.samples {
                let score = self.compare_with(&sample.workload, average.as_observation()).score;
                judged.push((reads_and_writes(&sample.workload.histograms), score));
            }
        }
        SampleFidelity::of(&judged)
    }

    fn iolog_section(&self, named: &NamedTarget, log: &Companion, span: u64, seconds: f64) -> String {
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
            seconds = number::rate(self.trace.map_or(seconds, super::iolog::TracedLog::seconds)),
            span = size(span),
        )
    }
}

/// The log as one, whatever processes share it.
fn whole(log: &ReplayLog) -> ReplayLog {
    match log {
        ReplayLog::Sampled(plan) => ReplayLog::Sampled(Box::new(plan.together())),
        ReplayLog::Traced(_) => log.clone(),
    }
}

/// A section and a log for each process that shares the log of a target.
fn of_processes<'a>(named: &NamedTarget<'a>, log: ReplayLog) -> Vec<(NamedTarget<'a>, ReplayLog)> {
    match log {
        ReplayLog::Sampled(plan) if plan.turns().processes > 1 => (1..)
            .zip(plan.parts())
            .map(|(number, part)| (named.of_process(number), ReplayLog::Sampled(Box::new(part))))
            .collect(),
        log => vec![(named.clone(), log)],
    }
}

/// What the header says about a log.
fn lines(named: &NamedTarget, plan: &IologPlan, contents: &Contents) -> Vec<String> {
    let mut lines = vec![format!(
        "{}: {} used, {:.1}% of the uses of a 4 KiB place come back to it",
        named.target.variable,
        number::bytes(contents.unique_bytes),
        contents.reuse * 100.0
    )];
    if plan.turns().processes > 1 {
        lines.push(format!(
            "{}: {} processes share the log, in turns, because one issues no more than about 40 000 \
             commands a second; each needs a processor of its own",
            named.target.variable,
            plan.turns().processes
        ));
    }
    for disk in plan.disks() {
        let mut line = String::new();
        // Writing to a String cannot fail.
        if let Some(key) = disk.disk {
            let _ = write!(line, "disk {} from byte {}: ", comment(&key.0), disk.first_byte);
        }
        line.push_str(match (disk.alignment, disk.step_bytes) {
            (Alignment::Aligned, 4096) => "aligned to 4 KiB, as measured",
            (Alignment::Unknown, 4096) => "aligned to 4 KiB, which the capture neither shows nor denies",
            (_, 4096) => "aligned to 4 KiB as asked for, which was measured otherwise",
            (Alignment::Aligned, _) => {
                "sizes in steps of 512 bytes as asked for; the measured ones are multiples of 4 KiB"
            }
            _ => "not aligned to 4 KiB, as measured",
        });
        for (word, bytes) in ["reads", "writes"].into_iter().zip(disk.sequential) {
            if let Some(SequentialBytes { lo, est, hi }) = bytes {
                let _ = write!(
                    line,
                    "; {:.0}% of the bytes of {word} sequential (the capture allows {:.0}% to {:.0}%)",
                    est * 100.0,
                    lo * 100.0,
                    hi * 100.0
                );
            }
        }
        lines.push(line);
    }
    lines
}
