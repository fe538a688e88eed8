//! fio's iolog, version 3: `microseconds file action [offset length]`.

use std::io::{self, Write};

use crate::stream::{Command, Direction};

/// How every log begins.
pub(super) const FIRST_LINE: &str = "fio version 3 iolog";
/// The name the log gives its target. It is never opened, because the job redirects the replay.
const TARGET: &str = "vscsi-replay-target";
/// fio takes no delay before a command whose predecessor stands at time 0, so the log begins later.
pub(super) const START_US: u64 = 1000;

/// How several processes share a log: each issues for some time in its turn, and in it their order is the log's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Turns {
    /// How many processes there are.
    pub processes: u64,
    /// Length of a turn, nanoseconds.
    pub length_ns: u64,
}

impl Default for Turns {
    fn default() -> Self {
        Self {
            processes: 1,
            length_ns: u64::MAX,
        }
    }
}

impl Turns {
    /// Whose turn it is.
    pub(super) fn at(self, issued_ns: u64) -> u64 {
        issued_ns / self.length_ns.max(1) % self.processes.max(1)
    }
}

/// A line is not one of an iolog.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line} is not a line of a version 3 iolog: `{text}`")]
pub struct UnreadableIolog {
    /// Line number, from 1.
    pub line: u64,
    /// Its beginning.
    pub text: String,
}

/// Writes a whole log.
pub(super) fn write_log(commands: impl Iterator<Item = io::Result<Command>>, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "{FIRST_LINE}")?;
    writeln!(out, "{START_US} {TARGET} add\n{START_US} {TARGET} open")?;
    let mut last_us = START_US;
    for command in commands {
        let command = command?;
        last_us = START_US + command.issued_ns / 1000;
        let word = command.direction.word();
        writeln!(out, "{last_us} {TARGET} {word} {} {}", command.offset, command.bytes)?;
    }
    writeln!(out, "{last_us} {TARGET} close")
}

/// What a line holds.
pub(super) enum Line {
    Command(Command),
    /// A file is opened or closed.
    FileAction,
}

/// Reads a line; `None` when it is none of an iolog.
pub(super) fn parse_line(line: &str) -> Option<Line> {
    let mut words = line.split(' ');
    let microseconds: u64 = words.next()?.parse().ok()?;
    let _file = words.next()?;
    let direction = match words.next()? {
        "add" | "open" | "close" => return words.next().is_none().then_some(Line::FileAction),
        "read" => Direction::Read,
        "write" => Direction::Write,
        _ => return None,
    };
    let offset = words.next()?.parse().ok()?;
    let bytes = words.next()?.parse().ok()?;
    let command = Command {
        issued_ns: microseconds.checked_mul(1000)?,
        direction,
        offset,
        bytes,
        latency_ns: None,
    };
    words.next().is_none().then_some(Line::Command(command))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command(issued_us: u64, offset: u64) -> Command {
        Command {
            issued_ns: issued_us * 1000,
            direction: Direction::Write,
            offset,
            bytes: 4096,
            latency_ns: None,
        }
    }

    #[test]
    fn a_log_is_written_as_fio_reads_it() {
        let mut out = Vec::new();
        write_log([command(0, 0), command(250, 8192)].map(Ok).into_iter(), &mut out).unwrap();
        let expected = "fio version 3 iolog\n\
            1000 vscsi-replay-target add\n1000 vscsi-replay-target open\n\
            1000 vscsi-replay-target write 0 4096\n1250 vscsi-replay-target write 8192 4096\n\
            1250 vscsi-replay-target close\n";
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }
}
