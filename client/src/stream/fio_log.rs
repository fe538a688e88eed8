//! What fio wrote down about its own I/Os.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::io::{self, BufRead};

use super::{Command, Direction};

/// A log cannot be used.
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
    /// A line is an average over some time, and tells of no single command.
    #[error("line {line} of fio's log is an average over some time, and not a command")]
    Averaged {
        /// Line number, from 1.
        line: usize,
    },
    /// The log was written without `log_offset`.
    #[error("fio's log does not say where on the target its commands went")]
    NoOffsets,
    /// The log is of version 2.
    #[error("fio's log of issued commands does not say when they were issued")]
    NoTimes,
}

/// A log by what it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogKind {
    /// Completed commands, or something else that fio writes down with a time on each line.
    Completed,
    /// Issued commands, which `write_iolog` leaves.
    Issued,
}

/// What kind of fio's logs begins like this; `None` when none does.
pub fn kind_of(start: &[u8]) -> Option<LogKind> {
    let first = start.split(|byte| *byte == b'\n').next()?;
    if first.starts_with(b"fio version ") && first.trim_ascii().ends_with(b" iolog") {
        return Some(LogKind::Issued);
    }
    let fields: Vec<&str> = std::str::from_utf8(first).ok()?.split(',').map(str::trim).collect();
    let is_number = |field: &&str| !field.is_empty() && field.bytes().all(|byte| byte.is_ascii_digit());
    // A time, a value, a direction and a size come first, whatever else is told.
    let [time, value, "0" | "1" | "2", bytes, _, ..] = fields.as_slice() else {
        return None;
    };
    [time, value, bytes]
        .into_iter()
        .all(is_number)
        .then_some(LogKind::Completed)
}

/// Completed commands, and what is known of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Completions {
    /// The commands, in the order of the log.
    pub commands: Vec<Command>,
    /// Each line tells when its command was issued. Otherwise that is taken as completion less latency, which is right to
    /// a millisecond, and so is the order of the commands.
    pub tell_issue: bool,
}

/// Reads a completion latency log with offsets: `ms, latency ns, direction, bytes, offset, priority[, issue ns]`.
///
/// Trims and syncs are no reads or writes and are left out.
///
/// # Errors
/// [`UnreadableLog`].
pub fn completions(log: impl BufRead) -> Result<Completions, UnreadableLog> {
    let mut tell_issue = true;
    let mut commands = Vec::new();
    read(log, completion_line, |(command, tells), _| {
        tell_issue &= tells;
        commands.push(command);
    })?;
    Ok(Completions { commands, tell_issue })
}

/// The commands of a completion latency log (see [`completions`]).
///
/// # Errors
/// [`UnreadableLog`].
pub fn completion_log(log: impl BufRead) -> Result<Vec<Command>, UnreadableLog> {
    Ok(completions(log)?.commands)
}

/// Reads the log that `write_iolog` leaves: `microseconds file action offset bytes`, in order of issue.
///
/// Times are moved so that the first command stands at 0, because every process has its own beginning.
///
/// # Errors
/// [`UnreadableLog`].
pub fn issue_log(log: impl BufRead) -> Result<Vec<Command>, UnreadableLog> {
    let mut commands = Vec::new();
    read(log, issue_line, |command, _| commands.push(command))?;
    let first_ns = commands.first().map_or(0, |first: &Command| first.issued_ns);
    for command in &mut commands {
        command.issued_ns = command.issued_ns.saturating_sub(first_ns);
    }
    Ok(commands)
}

/// The same by the name of the file that each command went to, with the times of the log.
///
/// # Errors
/// [`UnreadableLog`].
pub fn issued_by_file(log: impl BufRead) -> Result<BTreeMap<String, Vec<Command>>, UnreadableLog> {
    let mut files: BTreeMap<String, Vec<Command>> = BTreeMap::new();
    read(log, issue_line, |command, line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let name = words
            .get(1..words.len().saturating_sub(3))
            .unwrap_or_default()
            .join(" ");
        files.entry(name).or_default().push(command);
    })?;
    Ok(files)
}

/// Issued commands with the latencies of their completions: those of the same direction, place and size, in order.
pub fn with_latencies(mut issued: Vec<Command>, completed: &[Command]) -> Vec<Command> {
    let key = |command: &Command| (command.direction, command.offset, command.bytes);
    let mut latencies: HashMap<_, VecDeque<u64>> = HashMap::new();
    for command in completed {
        latencies.entry(key(command)).or_default().extend(command.latency_ns);
    }
    for command in &mut issued {
        command.latency_ns = latencies.get_mut(&key(command)).and_then(VecDeque::pop_front);
    }
    issued
}

/// Why a line gives no command.
enum NoCommand {
    /// It is about something that neither reads nor writes.
    Other,
    /// It is not of the form.
    Malformed,
    Averaged,
    NoOffsets,
    NoTimes,
}

/// Gives each command to `take`, with its line.
fn read<Found>(
    log: impl BufRead,
    parse: fn(&str) -> Result<Found, NoCommand>,
    mut take: impl FnMut(Found, &str),
) -> Result<(), UnreadableLog> {
    let mut is_first = true;
    for (index, text) in log.lines().enumerate() {
        let text = text?;
        let line = index + 1;
        match parse(&text) {
            Ok(found) => take(found, &text),
            Err(NoCommand::Other) => {}
            Err(NoCommand::Averaged) => return Err(UnreadableLog::Averaged { line }),
            Err(NoCommand::NoTimes) => return Err(UnreadableLog::NoTimes),
            // A log is written with offsets or without; later a line of that form was cut short.
            Err(NoCommand::NoOffsets) if is_first => return Err(UnreadableLog::NoOffsets),
            Err(NoCommand::Malformed | NoCommand::NoOffsets) => {
                return Err(UnreadableLog::Line {
                    line,
                    text: text.chars().take(80).collect(),
                });
            }
        }
        is_first = false;
    }
    Ok(())
}

/// The command of a line, and whether it says when that was issued.
fn completion_line(line: &str) -> Result<(Command, bool), NoCommand> {
    let mut fields = line.split(',').map(str::trim);
    let number = |field: Option<&str>| {
        field
            .and_then(|text| text.parse::<u64>().ok())
            .ok_or(NoCommand::Malformed)
    };
    let milliseconds = number(fields.next())?;
    let latency_ns = number(fields.next())?;
    let direction = match fields.next() {
        Some("0") => Direction::Read,
        Some("1") => Direction::Write,
        Some(_) => return Err(NoCommand::Other),
        None => return Err(NoCommand::Malformed),
    };
    let bytes = fields
        .next()
        .and_then(|text| text.parse().ok())
        .ok_or(NoCommand::Malformed)?;
    let offset = number(fields.next())?;
    if bytes == 0 {
        return Err(NoCommand::Averaged);
    }
    // The field of the offset is the priority then.
    if fields.next().is_none() {
        return Err(NoCommand::NoOffsets);
    }
    // fio writes a 0 where it knows none, as in its logs of the whole latency.
    let issued_ns = fields.next().map(|issued| number(Some(issued))).transpose()?;
    let issued_ns = issued_ns.filter(|issued_ns| *issued_ns > 0);
    let derived = || {
        let completed = milliseconds.checked_mul(1_000_000).ok_or(NoCommand::Malformed)?;
        Ok(completed.saturating_sub(latency_ns))
    };
    let command = Command {
        issued_ns: issued_ns.map_or_else(derived, Ok)?,
        direction,
        offset,
        bytes,
        latency_ns: Some(latency_ns),
    };
    Ok((command, issued_ns.is_some()))
}

fn issue_line(line: &str) -> Result<Command, NoCommand> {
    let mut words = line.split_whitespace();
    let first = words.next().ok_or(NoCommand::Malformed)?;
    if first == "fio" {
        let is_without_times = words.nth(1) == Some("2");
        return Err(if is_without_times {
            NoCommand::NoTimes
        } else {
            NoCommand::Other
        });
    }
    let microseconds: u64 = first.parse().map_err(|_| NoCommand::Malformed)?;
    // The file's name may hold spaces, so the rest is read from the end.
    let rest: Vec<&str> = words.collect();
    let direction = match rest.as_slice() {
        [_, .., "read", _, _] => Direction::Read,
        [_, .., "write", _, _] => Direction::Write,
        [_, ..] => return Err(NoCommand::Other),
        [] => return Err(NoCommand::Malformed),
    };
    let [.., offset, bytes] = rest.as_slice() else {
        return Err(NoCommand::Malformed);
    };
    Ok(Command {
        issued_ns: microseconds.checked_mul(1000).ok_or(NoCommand::Malformed)?,
        direction,
        offset: offset.parse().map_err(|_| NoCommand::Malformed)?,
        bytes: bytes.parse().map_err(|_| NoCommand::Malformed)?,
        latency_ns: None,
    })
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

    #[test]
    fn what_is_no_log_of_single_commands_is_refused_by_what_it_is() {
        let refused = |log: &str| completion_log(log.as_bytes()).unwrap_err().to_string();
        // As `log_avg_msec=500` makes them, without offsets and with them.
        for log in ["510, 284717, 1, 0, 0\n", "510, 20188, 1, 0, 0, 0\n"] {
            assert!(refused(log).contains("average"), "{log}");
        }
        assert!(refused("27, 92406, 0, 65536, 0\n").contains("where"));
        let old = issue_log("fio version 2 iolog\n/dev/sda add\n/dev/sda open\n/dev/sda read 0 4096\n".as_bytes());
        assert!(old.unwrap_err().to_string().contains("when"));
    }

    #[test]
    fn a_log_is_known_by_its_first_line() {
        let kind = |text: &str| kind_of(text.as_bytes());
        assert_eq!(kind("0, 72125, 0, 65536, 1011712, 0\n"), Some(LogKind::Completed));
        assert_eq!(kind("510, 284717, 1, 0, 0\n"), Some(LogKind::Completed));
        assert_eq!(kind("fio version 3 iolog\n17 /tmp/t add\n"), Some(LogKind::Issued));
        for other in [
            "",
            "0,524288\n",
            "min,4096\n",
            "1, 4096, 1, write, 24048792, 2756778716647\n",
        ] {
            assert_eq!(kind(other), None, "{other}");
        }
    }

    #[test]
    fn issued_commands_are_told_apart_by_their_files() {
        let log = "fio version 3 iolog\n20 /dev/sda add\n266 /dev/sda read 0 4096\n300 /mnt/a b write 512 8192\n";
        let files = issued_by_file(log.as_bytes()).unwrap();
        let at: Vec<_> = files
            .iter()
            .map(|(name, of)| (name.as_str(), of[0].issued_ns))
            .collect();
        assert_eq!(at, [("/dev/sda", 266_000), ("/mnt/a b", 300_000)]);
    }

    fn write_at(issued_ns: u64, offset: u64, latency_ns: Option<u64>) -> Command {
        Command {
            issued_ns,
            direction: Direction::Write,
            offset,
            bytes: 4096,
            latency_ns,
        }
    }

    #[test]
    fn an_issued_command_takes_the_latency_of_its_own_completion() {
        let issued = vec![
            write_at(0, 0, None),
            write_at(5, 8192, None),
            write_at(9, 0, None),
            write_at(12, 4096, None),
        ];
        // The second one ends first, and the last one was never seen to end.
        let completed = [
            write_at(0, 8192, Some(20)),
            write_at(0, 0, Some(70)),
            write_at(0, 0, Some(90)),
        ];
        let found: Vec<_> = with_latencies(issued, &completed)
            .iter()
            .map(|command| command.latency_ns)
            .collect();
        assert_eq!(found, [Some(70), Some(20), Some(90), None]);
    }
}
