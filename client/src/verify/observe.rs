//! Reading back what fio did.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::BufReader;
use std::path::Path;

use vscsi_shared::histogram::{Metric, Operation};

use super::error::VerifyError;
use super::keeping_up::{Course, Process};
use super::schedule::PhaseTime;
use super::scratch::{Site, target_variable};
use crate::fidelity::{LeftOut, part_name};
use crate::fio::{FioVersion, Section, Style, merged};
use crate::stream::fio_log::{completion_log, issue_log, with_latencies};
use crate::stream::{Command, Histogrammer, Observed};

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
    pub commands: u64,
    /// How the storage served it; `None` of too few commands.
    pub course: Option<Course>,
}

/// Reads the logs of the phase's sections.
pub(super) fn read(
    site: &Site,
    sections: &[Section],
    phase: &PhaseTime,
    means: Means,
) -> Result<SeenPhase, VerifyError> {
    let mut disks: BTreeMap<String, Vec<Command>> = BTreeMap::new();
    let mut processes = Vec::new();
    let own = sections
        .iter()
        .enumerate()
        .filter(|(index, _)| phase.sections.contains(index));
    for (index, section) in own {
        let commands = section_commands(site, index, means)?;
        let of_disk = disks.entry(target_variable(section)?).or_default();
        of_disk.extend_from_slice(&commands);
        processes.push(Process {
            depth: section.number("iodepth")?.unwrap_or(1),
            commands,
        });
    }
    let (observed, commands) = count(disks, phase.seconds);
    Ok(SeenPhase {
        observed,
        commands,
        course: Course::of(&processes),
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

/// What was counted of the commands of each disk, and their number.
fn count(disks: BTreeMap<String, Vec<Command>>, phase_seconds: f64) -> (Observed, u64) {
    let mut sets = Vec::new();
    let mut total = 0;
    let (mut first_ns, mut last_ns) = (u64::MAX, 0);
    for mut commands in disks.into_values() {
        commands.sort_by_key(|command| command.issued_ns);
        let mut histogrammer = Histogrammer::default();
        for command in &commands {
            histogrammer.record(command);
            first_ns = first_ns.min(command.issued_ns);
            last_ns = last_ns.max(command.issued_ns);
        }
        total += commands.len() as u64;
        sets.push(histogrammer.finish());
    }
    // One mean gap more than from the first to the last command, so that rates are not counted one gap short.
    let seconds = match total.checked_sub(1) {
        Some(gaps @ 1..) if last_ns > first_ns => (last_ns - first_ns) as f64 / 1e9 * total as f64 / gaps as f64,
        _ => phase_seconds,
    };
    let observed = Observed {
        histograms: merged(sets.into_iter()),
        seconds,
    };
    (observed, total)
}
