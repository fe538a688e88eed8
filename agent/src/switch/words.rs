//! The messages on the pipe: one line each, as `agent/README.md` lists them.

use std::fmt;

use vscsi_shared::identifier::{HandleId, WorldGroupId};

use crate::command::Child;
use crate::host::DiskKey;

/// What the collector asks for about one disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ask {
    /// It is to be collected.
    Want,
    /// Run `-s` again.
    Again,
    /// Run `-x` and `-s`.
    Restart,
    /// Somebody else collects it.
    Foreign,
    /// Nobody needs it any more.
    Drop,
    /// Leave it running.
    Keep,
}

impl Ask {
    const ALL: [Self; 6] = [
        Self::Want,
        Self::Again,
        Self::Restart,
        Self::Foreign,
        Self::Drop,
        Self::Keep,
    ];

    fn word(self) -> &'static str {
        match self {
            Self::Want => "want",
            Self::Again => "again",
            Self::Restart => "restart",
            Self::Foreign => "foreign",
            Self::Drop => "drop",
            Self::Keep => "keep",
        }
    }
}

fn child(word: &str, rest: &[&str]) -> Option<Child> {
    let [process] = rest else { return None };
    let process = process.parse().ok()?;
    match word {
        "run" => Some(Child::Runs(process)),
        "done" => Some(Child::Done(process)),
        _ => None,
    }
}

fn write_child(child: Child, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
    match child {
        Child::Runs(process) => write!(formatter, "run {process}"),
        Child::Done(process) => write!(formatter, "done {process}"),
    }
}

/// From the collector to the switch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Order {
    /// The agent before is gone: take the lock as soon as it is free.
    Take {
        /// This boot.
        boot: String,
        /// A boot that is certainly over.
        over: Option<String>,
    },
    /// About one disk.
    Disk {
        /// What.
        ask: Ask,
        /// Counts the collector's orders, from 1.
        number: u64,
        /// Which.
        disk: DiskKey,
    },
    /// Whatever was not wanted until now is not wanted.
    All,
    /// The heartbeat.
    Alive,
    /// A program of the collector.
    Child(Child),
    /// Pass everything on to the switch with this start.
    HandOver(String),
    /// Stop everything but what is kept, then exit.
    End,
}

impl Order {
    /// Reads a line without its end; `None` when it is not understood.
    pub fn parse(line: &str) -> Option<Self> {
        let mut words = line.split(' ');
        let word = words.next()?;
        let rest: Vec<&str> = words.collect();
        match (word, rest.as_slice()) {
            ("take", [boot, over]) => Some(Self::Take {
                boot: (*boot).to_owned(),
                over: (*over != "-").then(|| (*over).to_owned()),
            }),
            ("all", []) => Some(Self::All),
            ("alive", []) => Some(Self::Alive),
            ("end", []) => Some(Self::End),
            ("handover", [start]) => Some(Self::HandOver((*start).to_owned())),
            (_, [number, group, handle]) => Some(Self::Disk {
                ask: Ask::ALL.into_iter().find(|ask| ask.word() == word)?,
                number: number.parse().ok()?,
                disk: disk(group, handle)?,
            }),
            (_, rest) => child(word, rest).map(Self::Child),
        }
    }
}

impl fmt::Display for Order {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Take { boot, over } => write!(formatter, "take {boot} {}", over.as_deref().unwrap_or("-")),
            Self::Disk { ask, number, disk } => write!(
                formatter,
                "{} {number} {} {}",
                ask.word(),
                disk.world_group_id,
                disk.handle_id
            ),
            Self::All => formatter.write_str("all"),
            Self::Alive => formatter.write_str("alive"),
            Self::Child(child) => write_child(*child, formatter),
            Self::HandOver(start) => write!(formatter, "handover {start}"),
            Self::End => formatter.write_str("end"),
        }
    }
}

/// The state of a disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Nothing of ours, or stopped for certain.
    Off,
    /// Somebody else's collection, which a job uses.
    Foreign,
    /// Asked for, and not yet named by the journal.
    Entering,
    /// `-s` runs.
    Starting,
    /// `-s` has succeeded.
    On,
    /// `-s` failed, or it is not known whether it was run.
    Failed,
    /// Nobody asks for it: `-x` runs, or is tried again.
    Stopping,
    /// A user asked to leave it running.
    Kept,
}

impl State {
    const ALL: [Self; 8] = [
        Self::Off,
        Self::Foreign,
        Self::Entering,
        Self::Starting,
        Self::On,
        Self::Failed,
        Self::Stopping,
        Self::Kept,
    ];

    fn word(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Foreign => "foreign",
            Self::Entering => "entering",
            Self::Starting => "starting",
            Self::On => "on",
            Self::Failed => "failed",
            Self::Stopping => "stopping",
            Self::Kept => "kept",
        }
    }
}

/// What the switch says about a disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// Its state.
    pub state: State,
    /// Milliseconds since the last `-s` that succeeded; 0 where there was none.
    pub age_ms: u64,
    /// The last order about it that was done or has failed; 0 for none.
    pub done: u64,
    /// Why something failed.
    pub reason: Option<String>,
}

/// From the switch to the collector.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Report {
    /// The first line.
    Hello {
        /// Its process.
        process: u32,
        /// Its random name.
        start: String,
    },
    /// A disk has changed, or an order about it is done.
    Disk(DiskKey, Told),
    /// It holds the lock and has told every disk of the journal.
    Ready {
        /// By a handover to it.
        whole: bool,
    },
    /// Why the journal on disk is not what it should be; `None` when it is.
    Journal(Option<String>),
    /// A command of the switch.
    Child(Child),
    /// The switch with this start holds the lock now.
    Passed(String),
    /// The handover failed, and everything is as before.
    Remains(String),
    /// The heartbeat.
    Alive,
}

impl Report {
    /// Reads a line without its end; `None` when it is not understood.
    pub fn parse(line: &str) -> Option<Self> {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        match word {
            "hello" => {
                let (process, start) = rest.split_once(' ')?;
                Some(Self::Hello {
                    process: process.parse().ok()?,
                    start: start.to_owned(),
                })
            }
            "disk" => {
                let mut words = rest.splitn(6, ' ');
                let disk = disk(words.next()?, words.next()?)?;
                let state = words.next()?;
                let told = Told {
                    state: State::ALL.into_iter().find(|known| known.word() == state)?,
                    age_ms: words.next()?.parse().ok()?,
                    done: words.next()?.parse().ok()?,
                    reason: words.next().map(str::to_owned),
                };
                Some(Self::Disk(disk, told))
            }
            "ready" => Some(Self::Ready { whole: rest == "whole" }),
            "journal" => Some(Self::Journal((rest != "ok").then(|| rest.to_owned()))),
            "passed" => Some(Self::Passed(rest.to_owned())),
            "remains" => Some(Self::Remains(rest.to_owned())),
            "alive" => Some(Self::Alive),
            _ => child(word, &[rest]).map(Self::Child),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hello { process, start } => write!(formatter, "hello {process} {start}"),
            Self::Disk(disk, told) => {
                let (group, handle) = (disk.world_group_id, disk.handle_id);
                let Told { age_ms, done, .. } = told;
                write!(formatter, "disk {group} {handle} {} {age_ms} {done}", told.state.word())?;
                match &told.reason {
                    Some(reason) => write!(formatter, " {}", on_one_line(reason)),
                    None => Ok(()),
                }
            }
            Self::Ready { whole: true } => formatter.write_str("ready whole"),
            Self::Ready { whole: false } => formatter.write_str("ready alone"),
            Self::Journal(None) => formatter.write_str("journal ok"),
            Self::Journal(Some(problem)) => write!(formatter, "journal {}", on_one_line(problem)),
            Self::Child(child) => write_child(*child, formatter),
            Self::Passed(start) => write!(formatter, "passed {start}"),
            Self::Remains(reason) => write!(formatter, "remains {}", on_one_line(reason)),
            Self::Alive => formatter.write_str("alive"),
        }
    }
}

fn disk(group: &str, handle: &str) -> Option<DiskKey> {
    Some(DiskKey {
        world_group_id: WorldGroupId(group.parse().ok()?),
        handle_id: HandleId(handle.parse().ok()?),
    })
}

fn on_one_line(text: &str) -> String {
    text.replace(['\n', '\r'], " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const DISK: DiskKey = DiskKey {
        world_group_id: WorldGroupId(7),
        handle_id: HandleId(9_135_781_989_851_158),
    };

    #[test]
    fn the_lines_of_the_readme_are_read_and_written() {
        for line in [
            "take 8f00 -",
            "take 8f00 91aa",
            "want 5 7 9135781989851158",
            "again 6 7 8192",
            "restart 7 7 8192",
            "foreign 8 7 8192",
            "drop 9 7 8192",
            "keep 10 7 8192",
            "all",
            "alive",
            "run 12",
            "done 12",
            "handover c3d4",
            "end",
        ] {
            assert_eq!(Order::parse(line).map(|order| order.to_string()), Some(line.to_owned()));
        }
        for line in [
            "hello 2115 9f00",
            "disk 7 8192 on 91000 5",
            "disk 7 8192 stopping 0 9 `vscsiStats -x` ended with exit status 1: no memory",
            "ready whole",
            "ready alone",
            "journal ok",
            "journal cannot be written: no space",
            "run 12",
            "done 12",
            "passed c3d4",
            "remains the successor died",
            "alive",
        ] {
            assert_eq!(
                Report::parse(line).map(|report| report.to_string()),
                Some(line.to_owned())
            );
        }
    }

    #[test]
    fn a_handle_is_passed_on_as_it_was_printed() {
        let order = Order::parse("want 5 7 9135781989851158");
        assert!(
            matches!(
                order,
                Some(Order::Disk {
                    ask: Ask::Want,
                    number: 5,
                    disk: DISK
                })
            ),
            "{order:?}"
        );
    }

    #[test]
    fn what_is_not_understood_is_ignored() {
        for line in [
            "",
            "dance",
            "want 5 7",
            "want x 7 8192",
            "run",
            "run 12 13",
            "allx",
            "take a",
        ] {
            assert_eq!(Order::parse(line), None, "{line}");
        }
    }

    #[test]
    fn a_reason_of_several_lines_stays_one_message() {
        let told = Told {
            state: State::Failed,
            age_ms: 0,
            done: 1,
            reason: Some("one\ntwo".to_owned()),
        };
        assert_eq!(Report::Disk(DISK, told).to_string().lines().count(), 1);
    }
}
