//! Reading back what fio did.

use std::fs::{self, File};
use std::io::BufReader;
use std::path::Path;

use vscsi_shared::histogram::{IntervalSet, Metric, Operation};

use super::error::VerifyError;
use super::keeping_up::{Course, Process};
use super::schedule::PhaseTime;
use super::scratch::{Site, target_variable};
use crate::fidelity::{LeftOut, part_name};
use crate::fio::{FioVersion, LogCourse, Section, Style};
use crate::stream::fio_log::{completion_log, issue_log, with_latencies};
use crate::stream::{Command, Histogrammer, Observed, merged};

/// The completion log holds the time of issue from here on.
/// [Source: commit 14d3134a of fio, first released in 3.38.]
const LOGS_ISSUE_TIME: FioVersion = FioVersion::three(38);

/// How fio is made to write down its commands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Means {
    /// The completion log with the time of issue.
    IssueTime,
    /// The log of issued commands, which an older fio writes for jobs but not for replays, and the latencies of the
    /// completion log.
    IssueLog,
    /// The completion log alone: the order of commands is known to a millisecond.
    Completion,
}

impl Means {
    pub(super) fn of(version: FioVersion, style: Style) -> Self {
        match style {
            _ if version >= LOGS_ISSUE_TIME => Self::IssueTime,
            Style::Jobs => Self::IssueLog,
            Style::Iolog => Self::Completion,
        }
    }

    /// The options for a section.
    pub(super) fn options(self, section: usize) -> String {
        match self {
            Self::IssueTime => format!("write_lat_log=section-{section}\nlog_offset=1\nlog_issue_time=1\n"),
            Self::IssueLog => {
                format!(
                    "write_iolog=section-{section}.iolog\n{}",
                    Self::Completion.options(section)
                )
            }
            Self::Completion => format!("write_lat_log=section-{section}\nlog_offset=1\n"),
        }
    }

    /// Parts that the log does not hold.
    pub(super) fn not_measured(self, version: FioVersion) -> Vec<LeftOut> {
        let parts: &[(Metric, Operation)] = match self {
            Self::IssueTime | Self::IssueLog => &[],
            Self::Completion => &[
                (Metric::SeekDistance, Operation::All),
                (Metric::SeekDistanceClosest16, Operation::All),
                (Metric::Interarrival, Operation::All),
            ],
        };
        let left_out = |&(metric, operation): &(Metric, Operation)| LeftOut {
            part: part_name(metric, operation),
            reason: format!("fio {version} does not log when it issues a command ({LOGS_ISSUE_TIME} and newer do)"),
        };
        parts.iter().map(left_out).collect()
    }
}

/// What fio did in one phase.
pub(super) struct SeenPhase {
    /// Over the time of the phase where fewer than two commands give none.
    pub observed: Observed,
    /// What it did in each sample that its logs follow; `None` for one that was not replayed to its end.
    pub samples: Vec<Option<IntervalSet>>,
    pub commands: u64,
    /// How the storage served it; `None` of too few commands.
    pub course: Option<Course>,
    /// How far its processes were apart at the end, seconds.
    pub apart_seconds: f64,
}

/// Reads the logs of the phase's sections.
pub(super) fn read(
    site: &Site,
    sections: &[Section],
    phase: &PhaseTime,
    means: Means,
    log: Option<&LogCourse>,
) -> Result<SeenPhase, VerifyError> {
    // In the order of the file, in which the course of its logs counts the targets.
    let mut targets: Vec<(String, Vec<Command>)> = Vec::new();
    let mut processes = Vec::new();
    let own = sections
        .iter()
        .enumerate()
        .filter(|(index, _)| phase.sections.contains(index));
    for (index, section) in own {
        let commands = section_commands(site, index, means)?;
        let name = target_variable(section)?;
        match targets.iter_mut().find(|(known, _)| *known == name) {
            Some((_, all)) => all.extend_from_slice(&commands),
            None => targets.push((name, commands.clone())),
        }
        processes.push(Process {
            depth: section.number("iodepth")?.unwrap_or(1),
            commands,
        });
    }
    let spans = log.map_or(&[][..], |log| log.spans.as_slice());
    Ok(SeenPhase {
        course: Course::of(&processes),
        apart_seconds: apart(&processes, spans),
        ..count(targets, phase.seconds, log)
    })
}

fn section_commands(site: &Site, index: usize, means: Means) -> Result<Vec<Command>, VerifyError> {
    let completed = completions(site.path(), index)?;
    if means != Means::IssueLog {
        return Ok(completed);
    }
    let path = site.path().join(format!("section-{index}.iolog"));
    let file = File::open(&path).map_err(VerifyError::file("read", &path))?;
    Ok(with_latencies(issue_log(BufReader::new(file))?, &completed))
}

fn completions(directory: &Path, index: usize) -> Result<Vec<Command>, VerifyError> {
    // fio numbers its logs by job: section-0_clat.1.log.
    let prefix = format!("section-{index}_clat.");
    let mut commands = Vec::new();
    for entry in fs::read_dir(directory).map_err(VerifyError::file("read", directory))? {
        let path = entry.map_err(VerifyError::file("read", directory))?.path();
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
        if name.is_some_and(|name| name.starts_with(&prefix)) {
            let file = File::open(&path).map_err(VerifyError::file("read", &path))?;
            commands.extend(completion_log(BufReader::new(file))?);
        }
    }
    Ok(commands)
}

/// A sample was replayed to its end when as many of its commands are there: fio writes down none of those in flight when a
/// log ends.
const REPLAYED_SHARE: f64 = 0.98;

/// How far the processes of a replay were apart at its end, seconds: each needs longer than its log by what it was late, and
/// their own clocks begin with them. 0 for one process, and where the logs do not say how long they are.
fn apart(processes: &[Process], spans: &[f64]) -> f64 {
    if processes.len() != spans.len() {
        return 0.0;
    }
    let late = processes.iter().zip(spans).filter_map(|(process, planned)| {
        let issued = || process.commands.iter().map(|command| command.issued_ns);
        let (first, last) = issued().min().zip(issued().max())?;
        Some((last - first) as f64 / 1e9 - planned)
    });
    let (least, most) = late.fold((f64::INFINITY, f64::NEG_INFINITY), |(least, most), late| {
        (least.min(late), most.max(late))
    });
    (most - least).max(0.0)
}

/// Counts what was issued to each target, each disk's region by itself. A replay log ends with its last command, and its
/// time begins before its first one.
fn count(targets: Vec<(String, Vec<Command>)>, phase_seconds: f64, log: Option<&LogCourse>) -> SeenPhase {
    let mut parts = Vec::new();
    let mut samples: Vec<Option<IntervalSet>> = log.map_or_else(Vec::new, |course| {
        course.samples.iter().map(|_| Some(IntervalSet::default())).collect()
    });
    let mut total = 0;
    let (mut first_ns, mut last_ns) = (u64::MAX, 0);
    for (index, mut commands) in targets.into_iter().map(|(_, commands)| commands).enumerate() {
        commands.sort_by_key(|command| command.issued_ns);
        let regions = log
            .and_then(|course| course.regions.get(index))
            .map_or(&[][..], Vec::as_slice);
        let mut disks: Vec<Histogrammer> = (0..=regions.len()).map(|_| Histogrammer::default()).collect();
        let mut rest = commands.as_slice();
        let mut record = |commands: &[Command]| {
            for command in commands {
                let region = regions.partition_point(|first| *first <= command.offset);
                if let Some(disk) = disks.get_mut(region) {
                    disk.record(command);
                }
            }
            merged(disks.iter_mut().map(Histogrammer::cut).collect::<Vec<_>>().into_iter())
        };
        for (sample, counts) in samples.iter_mut().zip(log.iter().flat_map(|course| &course.samples)) {
            let wanted = counts
                .get(index)
                .and_then(|count| usize::try_from(*count).ok())
                .unwrap_or(0);
            let (own, behind) = rest.split_at(wanted.min(rest.len()));
            rest = behind;
            let counted = record(own);
            // A sample that the run did not reach, or not all of, is not judged.
            let is_whole = own.len() as f64 >= REPLAYED_SHARE * wanted as f64;
            let merges = is_whole && sample.as_mut().is_some_and(|all| all.merge(&counted).is_ok());
            if !merges {
                *sample = None;
            }
            parts.push(counted);
        }
        parts.push(record(rest));
        first_ns = first_ns.min(commands.first().map_or(u64::MAX, |first| first.issued_ns));
        last_ns = last_ns.max(commands.last().map_or(0, |last| last.issued_ns));
        total += commands.len() as u64;
    }
    let spanned = last_ns.saturating_sub(first_ns) as f64 / 1e9;
    let seconds = match (total.checked_sub(1), log) {
        // The part of the log's time that lies before its first command is as much too long as the rest.
        (Some(1..), Some(course)) if course.seconds > course.lead_seconds && spanned > 0.0 => {
            spanned * course.seconds / (course.seconds - course.lead_seconds)
        }
        // One mean gap more than from the first to the last command, so that rates are not counted one gap short.
        (Some(gaps @ 1..), None) if spanned > 0.0 => spanned * total as f64 / gaps as f64,
        _ => phase_seconds,
    };
    SeenPhase {
        observed: Observed {
            histograms: merged(parts.into_iter()),
            seconds,
        },
        samples,
        course: None,
        apart_seconds: 0.0,
        commands: total,
    }
}
