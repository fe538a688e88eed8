//! fio's own logs become the prints of a host on which vscsiStats had counted what fio did.
//!
//! What a log does not tell is left out: an older fio logs no time of issue, and a log of issued commands no completion.

use std::collections::BTreeMap;
use std::io::BufRead;
use std::path::{Path, PathBuf};

use vscsi_shared::histogram::{HistogramKind, Metric};
use vscsi_shared::identifier::HandleId;

use super::ImportError;
use super::commands::{CountedPrints, DiskStream, Extent};
use crate::failure::FileError;
use crate::fio::sections;
use crate::stream::Command;
use crate::stream::fio_log::{Completions, LogKind, completions, issued_by_file, with_latencies};

/// Samples that a run becomes where no interval is given, at most.
const USUAL_SAMPLES: u64 = 60;

/// One log.
#[derive(Debug)]
pub(super) struct FioLog {
    path: PathBuf,
    content: Content,
}

#[derive(Debug)]
enum Content {
    Completed(Completions),
    /// By the file that the commands went to.
    Issued(BTreeMap<String, Vec<Command>>),
}

/// Reads a log of this kind.
pub(super) fn read(path: &Path, kind: LogKind, input: impl BufRead) -> Result<FioLog, ImportError> {
    let unreadable = |source| ImportError::FioLog {
        path: path.to_owned(),
        source,
    };
    let content = match kind {
        LogKind::Completed => {
            if let Some(holds) = LogName::of(path).and_then(|name| name.holds()) {
                return Err(ImportError::OtherFioLog {
                    path: path.to_owned(),
                    holds,
                });
            }
            Content::Completed(completions(input).map_err(unreadable)?)
        }
        LogKind::Issued => Content::Issued(issued_by_file(input).map_err(unreadable)?),
    };
    Ok(FioLog {
        path: path.to_owned(),
        content,
    })
}

/// What fio calls a log: `NAME_clat.3.log` is that of the completion latencies of its third job.
struct LogName {
    what: String,
    job: Option<usize>,
}

impl LogName {
    fn of(path: &Path) -> Option<Self> {
        let name = path.file_name()?.to_str()?;
        let name = name.strip_suffix(".gz").unwrap_or(name).strip_suffix(".log")?;
        let numbered = name
            .rsplit_once('.')
            .and_then(|(name, number)| Some((name, number.parse().ok()?)));
        let (name, job) = numbered.map_or((name, None), |(name, job)| (name, Some(job)));
        let (_, what) = name.rsplit_once('_')?;
        Some(Self {
            what: what.to_owned(),
            job,
        })
    }

    /// What it holds instead of completion latencies, by fio's name of it. All of them have the same form.
    fn holds(&self) -> Option<&'static str> {
        match self.what.as_str() {
            "slat" => Some("the time it took to submit each command"),
            "lat" => Some("latencies with the time before the storage had the command"),
            "bw" => Some("bandwidths"),
            "iops" => Some("rates"),
            _ => None,
        }
    }
}

/// What fio did on one target.
#[derive(Debug)]
struct Disk {
    target: String,
    /// In order of issue, from the first command of the run on.
    commands: Vec<Command>,
    told: Told,
}

/// What the logs of a disk tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told {
    Everything,
    /// No time of issue, and so no order of commands either.
    Completion,
    /// No latency.
    Issue,
}

impl Told {
    fn tells(self) -> fn(HistogramKind) -> bool {
        match self {
            Self::Everything => |_| true,
            Self::Completion => |kind| matches!(kind.metric(), Metric::IoLength | Metric::Latency),
            Self::Issue => |kind| !matches!(kind.metric(), Metric::Latency | Metric::OutstandingIos),
        }
    }
}

/// What the logs of one run tell together.
#[derive(Debug)]
pub(super) struct FioRun {
    disks: Vec<Disk>,
    /// Logs of completions.
    completed: usize,
    is_by_target: bool,
}

impl FioRun {
    /// Puts the logs of a run together. Those of completions do not name a target: the fio file that was run does, and
    /// without it they are taken for those of one disk.
    pub(super) fn of(logs: Vec<FioLog>, job_file: Option<&Path>) -> Result<Self, ImportError> {
        let targets = job_file.map(targets).transpose()?;
        let mut number = 0;
        let mut completed: BTreeMap<String, Completions> = BTreeMap::new();
        let mut issued: BTreeMap<String, Vec<Command>> = BTreeMap::new();
        for log in logs {
            match log.content {
                Content::Completed(these) => {
                    number += 1;
                    let target = match &targets {
                        Some(targets) => target_of(&log.path, targets)?,
                        None => String::new(),
                    };
                    let of_target = completed.entry(target).or_insert_with(|| Completions {
                        commands: Vec::new(),
                        tell_issue: true,
                    });
                    of_target.commands.extend(these.commands);
                    of_target.tell_issue &= these.tell_issue;
                }
                Content::Issued(files) => {
                    for (file, commands) in files {
                        issued.entry(file).or_default().extend(commands);
                    }
                }
            }
        }
        if !issued.is_empty() && !completed.is_empty() {
            completed = of_files(completed, &issued)?;
        }
        let mut disks: Vec<Disk> = Vec::new();
        for (target, issued) in issued {
            let latencies = completed.remove(&target);
            disks.push(Disk {
                told: if latencies.is_some() {
                    Told::Everything
                } else {
                    Told::Issue
                },
                commands: match latencies {
                    Some(latencies) => with_latencies(issued, &latencies.commands),
                    None => issued,
                },
                target,
            });
        }
        disks.extend(completed.into_iter().map(|(target, of)| Disk {
            target,
            told: if of.tell_issue {
                Told::Everything
            } else {
                Told::Completion
            },
            commands: of.commands,
        }));
        disks.retain(|disk| !disk.commands.is_empty());
        begin_at_zero(&mut disks);
        Ok(Self {
            disks,
            completed: number,
            is_by_target: targets.is_some(),
        })
    }

    /// From the first command to the last; `None` without a command.
    pub(super) fn extent(&self) -> Option<Extent> {
        let last = self.disks.iter().filter_map(|disk| disk.commands.last());
        let commands = self.disks.iter().map(|disk| disk.commands.len() as u64);
        Some(Extent {
            nanoseconds: last.map(|last| last.issued_ns).max()?,
            commands: commands.sum(),
        })
    }

    /// The prints at the end of each interval.
    pub(super) fn prints(&self, extent: Extent, interval_ms: u64) -> CountedPrints<'_> {
        let disks = self.disks.iter().enumerate().map(|(index, disk)| DiskStream {
            handle: HandleId(index as u64),
            node: Some(format!("fio0:{index}")),
            commands: Box::new(disk.commands.iter().copied()),
            tells: disk.told.tells(),
        });
        CountedPrints::of(disks.collect(), extent, Some(interval_ms))
    }

    /// The targets in the order of the disks, as the logs or the fio file name them.
    pub(super) fn targets(&self) -> impl Iterator<Item = &str> {
        self.disks.iter().map(|disk| disk.target.as_str())
    }

    /// What the logs do not tell, and what would.
    pub(super) fn notes(&self) -> Vec<String> {
        let any = |told: Told| self.disks.iter().any(|disk| disk.told == told);
        let mut notes = Vec::new();
        if any(Told::Completion) {
            notes.push(
                "the logs do not tell when commands were issued: distances, times between commands and outstanding I/Os are \
                 left out; fio 3.38 and newer log it with `log_issue_time=1`"
                    .to_owned(),
            );
        }
        if any(Told::Issue) {
            notes.push(
                "the logs of issued commands tell no completion: latencies and outstanding I/Os are left out; the \
                 completion logs of the same run (`write_lat_log`, `log_offset=1`) tell them"
                    .to_owned(),
            );
        }
        if self.completed > 1 && !self.is_by_target && self.disks.len() == 1 {
            notes.push(format!(
                "the {} logs are taken for those of one disk; `--fio-job FILE` tells which target each belongs to",
                self.completed
            ));
        }
        notes
    }
}

/// How far the prints of a run lie apart where nobody says, seconds.
pub(super) fn usual_interval_seconds(extent: Extent) -> u32 {
    let seconds = extent.nanoseconds.div_ceil(1_000_000_000).div_ceil(USUAL_SAMPLES);
    u32::try_from(seconds.max(1)).unwrap_or(u32::MAX)
}

/// The completions by the files that commands were issued to: where there is one of each, they belong together.
fn of_files(
    mut completed: BTreeMap<String, Completions>,
    issued: &BTreeMap<String, Vec<Command>>,
) -> Result<BTreeMap<String, Completions>, ImportError> {
    if let (Some(file), 1, 1) = (issued.keys().next(), issued.len(), completed.len()) {
        let only = completed.pop_first();
        return Ok(only.map(|(_, only)| (file.clone(), only)).into_iter().collect());
    }
    if completed.keys().any(|target| !issued.contains_key(target)) {
        return Err(ImportError::SeveralFiles { files: issued.len() });
    }
    Ok(completed)
}

/// Puts commands in order and counts their times from the microsecond of the first one of all, so that each stays in its own.
fn begin_at_zero(disks: &mut [Disk]) {
    for disk in disks.iter_mut() {
        disk.commands.sort_by_key(|command| command.issued_ns);
    }
    let firsts = disks.iter().filter_map(|disk| disk.commands.first());
    let first_ns = firsts.map(|first| first.issued_ns / 1000 * 1000).min().unwrap_or(0);
    for command in disks.iter_mut().flat_map(|disk| &mut disk.commands) {
        command.issued_ns -= first_ns;
    }
}

/// The target of each job of a fio file, in the order in which fio numbers them: a section with `numjobs` is several.
fn targets(job_file: &Path) -> Result<Vec<String>, ImportError> {
    let text = std::fs::read_to_string(job_file).map_err(FileError::new("read", job_file))?;
    let unreadable = |source| ImportError::FioJob {
        path: job_file.to_owned(),
        source,
    };
    let mut targets = Vec::new();
    for section in sections(&text).map_err(unreadable)? {
        let jobs = section.number("numjobs").map_err(unreadable)?.unwrap_or(1);
        let named = section.text("replay_redirect").or(section.text("filename"));
        // A colon separates several files, unless it is escaped.
        let is_one = |target: &&str| !target.is_empty() && !target.replace("\\:", "").contains(':');
        let Some(target) = named.filter(is_one) else {
            return Err(ImportError::NoSingleTarget { section: section.name });
        };
        for _ in 0..jobs.min(MOST_JOBS) {
            targets.push(target.to_owned());
        }
    }
    Ok(targets)
}

/// fio runs no more jobs than this.
const MOST_JOBS: u64 = 4096;

/// The target of the job whose number the log's name holds.
fn target_of(log: &Path, targets: &[String]) -> Result<String, ImportError> {
    let number = LogName::of(log).and_then(|name| name.job);
    let target = number.and_then(|number| targets.get(number.checked_sub(1)?));
    target.cloned().ok_or_else(|| ImportError::NoJobOfLog {
        path: log.to_owned(),
        jobs: targets.len(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(path: &str) -> Option<(String, Option<usize>)> {
        LogName::of(Path::new(path)).map(|name| (name.what, name.job))
    }

    #[test]
    fn a_logs_name_tells_its_job_and_what_it_holds() {
        assert_eq!(named("/tmp/run_clat.12.log"), Some(("clat".to_owned(), Some(12))));
        assert_eq!(named("a_b_bw.1.log.gz"), Some(("bw".to_owned(), Some(1))));
        assert_eq!(named("run_lat.log"), Some(("lat".to_owned(), None)));
        assert_eq!(named("run.txt"), None);
    }

    #[test]
    fn sections_with_several_jobs_are_numbered_as_fio_does() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("job.fio");
        std::fs::write(
            &file,
            "[global]\nfilename=/dev/sda\n[a]\nnumjobs=2\n[b]\nfilename=/dev/sdb\n",
        )
        .unwrap();
        assert_eq!(targets(&file).unwrap(), ["/dev/sda", "/dev/sda", "/dev/sdb"]);
        assert_eq!(
            target_of(Path::new("x_clat.3.log"), &targets(&file).unwrap()).unwrap(),
            "/dev/sdb"
        );
    }
}
