//! What fio wrote down about its own I/Os.

use std::io::{self, BufRead};

use crate::stream::{Command, Direction};

/// A line of a log is not of its form.
#[derive(Debug, thiserror::Error)]
pub enum UnreadableLog {
    /// The log cannot be read.
    #[error("fio's log cannot be read")]
    Read(#[from] io::Error),
    /// A line is not of the documented form.
    #[error("line {line} of fio's log cannot be understood: `{text}`")]
    Line {
        /// Line number, from 1.
        line: usize,
        /// Its beginning.
        text: String,
    },
}

/// Reads a completion latency log with offsets: `ms, latency ns, direction, bytes, offset, priority[, issue ns]`.
///
/// Without the time of issue it is taken as completion less latency, which is right to a millisecond. Trims and syncs
/// are no reads or writes and are left out.
///
/// # Errors
/// [`UnreadableLog`].
pub fn completion_log(log: impl BufRead) -> Result<Vec<Command>, UnreadableLog> {
    read(log, completion_line)
}

/// Reads the log that `write_iolog` leaves: `microseconds file action offset bytes`, in order of issue.
///
/// Times are moved so that the first command stands at 0, because every process has its own beginning.
///
/// # Errors
/// [`UnreadableLog`].
pub fn issue_log(log: impl BufRead) -> Result<Vec<Command>, UnreadableLog> {
    let mut commands = read(log, issue_line)?;
    let first_ns = commands.first().map_or(0, |first| first.issued_ns);
    for command in &mut commands {
        command.issued_ns = command.issued_ns.saturating_sub(first_ns);
    }
    Ok(commands)
}

/// What a line of a log holds.
enum Line {
    Command(Command),
    /// Nothing that reads or writes.
    Other,
}

fn read(log: impl BufRead, parse: fn(&str) -> Option<Line>) -> Result<Vec<Command>, UnreadableLog> {
    let mut commands = Vec::new();
    for (index, line) in log.lines().enumerate() {
        let line = line?;
        match parse(&line) {
            Some(Line::Command(command)) => commands.push(command),
            Some(Line::Other) => {}
            None => {
                return Err(UnreadableLog::Line {
                    line: index + 1,
                    text: line.chars().take(80).collect(),
                });
            }
        }
    }
    Ok(commands)
}

fn completion_line(line: &str) -> Option<Line> {
    let mut fields = line.split(',').map(str::trim);
    let milliseconds: u64 = fields.next()?.parse().ok()?;
    let latency_ns: u64 = fields.next()?.parse().ok()?;
    let direction = match fields.next()? {
        "0" => Direction::Read,
        "1" => Direction::Write,
        _ => return Some(Line::Other),
    };
    let bytes = fields.next()?.parse().ok()?;
    let offset = fields.next()?.parse().ok()?;
    let _priority = fields.next();
    let issued_ns = match fields.next() {
        Some(issued) => issued.parse().ok()?,
        None => milliseconds.checked_mul(1_000_000)?.saturating_sub(latency_ns),
    };
    Some(Line::Command(Command {
        issued_ns,
        direction,
        offset,
        bytes,
        latency_ns: Some(latency_ns),
    }))
}

fn issue_line(line: &str) -> Option<Line> {
    let mut words = line.split_whitespace();
    let first = words.next()?;
    if first == "fio" {
        return Some(Line::Other);
    }
    let microseconds: u64 = first.parse().ok()?;
    // The file's name may hold spaces, so the rest is read from the end.
    let rest: Vec<&str> = words.collect();
    let direction = match rest.as_slice() {
        [_, .., "read", _, _] => Direction::Read,
        [_, .., "write", _, _] => Direction::Write,
        [_, ..] => return Some(Line::Other),
        [] => return None,
    };
    let [.., offset, bytes] = rest.as_slice() else {
        return None;
    };
    Some(Line::Command(Command {
        issued_ns: microseconds.checked_mul(1000)?,
        direction,
        offset: offset.parse().ok()?,
        bytes: bytes.parse().ok()?,
        latency_ns: None,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_completion_log_of_fio_3_39_gives_the_time_of_issue() {
        let log = "0, 119847, 0, 4096, 16388096, 0, 152377\n10, 128116, 1, 512, 11018240, 0, 10070499\n";
        let commands = completion_log(log.as_bytes()).unwrap();
        assert_eq!(commands[1].issued_ns, 10_070_499);
        assert_eq!(commands[1].latency_ns, Some(128_116));
        assert_eq!((commands[1].direction, commands[1].bytes), (Direction::Write, 512));
        assert_eq!(commands[0].offset, 16_388_096);
    }

    #[test]
    fn without_the_time_of_issue_it_follows_from_completion_and_latency() {
        let commands = completion_log("10, 119507, 0, 4096, 14143488, 0\n".as_bytes()).unwrap();
        assert_eq!(commands[0].issued_ns, 10_000_000 - 119_507);
    }

    #[test]
    fn an_issue_log_begins_with_its_first_command() {
        let log = "fio version 3 iolog\n20 /tmp/t add\n261 /tmp/t open\n266 /tmp/t read 1011712 4096\n\
                   655 /tmp/t write 12419072 4096\n1000213 /tmp/t close\n";
        let commands = issue_log(log.as_bytes()).unwrap();
        assert_eq!(commands.len(), 2);
        assert_eq!((commands[0].issued_ns, commands[1].issued_ns), (0, 389_000));
    }

    #[test]
    fn a_line_cut_short_is_an_error_and_not_a_lost_command() {
        let error = completion_log("0, 119847, 0, 40".as_bytes()).unwrap_err();
        assert!(error.to_string().contains("line 1"), "{error}");
    }
}
