//! fio's iolog, version 3: `microseconds file action [offset length]`.

use std::io::{self, Write};

use crate::stream::{Command, Direction, Histogrammer, Observed};

/// The name the log gives its target. It is never opened, because the job redirects the replay.
const TARGET: &str = "vscsi-replay-target";
/// fio takes no delay before a command whose predecessor stands at time 0, so the log begins later.
const START_US: u64 = 1000;

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
    writeln!(out, "fio version 3 iolog")?;
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
enum Line {
    Command(Command),
    /// A file is opened or closed.
    FileAction,
}

/// Reads a line; `None` when it is none of an iolog.
fn parse_line(line: &str) -> Option<Line> {
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

/// A sink that reads back what is written to it and counts the commands.
#[derive(Debug, Default)]
pub struct ReadBack {
    histogrammer: Histogrammer,
    partial: Vec<u8>,
    lines: u64,
    commands: u64,
    first_ns: Option<u64>,
    last_ns: u64,
    error: Option<UnreadableIolog>,
}

impl ReadBack {
    /// What was read. The time is from the first to the last command and one mean gap, so that rates are right.
    ///
    /// # Errors
    /// [`UnreadableIolog`] for the first line that is none.
    pub fn finish(self) -> Result<Observed, UnreadableIolog> {
        if let Some(error) = self.error {
            return Err(error);
        }
        let first = self.first_ns.unwrap_or(self.last_ns);
        let gaps = self.commands.saturating_sub(1).max(1) as f64;
        let seconds = (self.last_ns - first) as f64 / 1e9;
        Ok(Observed {
            histograms: self.histogrammer.finish(),
            seconds: seconds * (gaps + 1.0) / gaps,
        })
    }

    fn line(&mut self, line: &str) {
        self.lines += 1;
        if self.lines == 1 && line == "fio version 3 iolog" {
            return;
        }
        match parse_line(line) {
            Some(Line::Command(command)) => {
                self.first_ns.get_or_insert(command.issued_ns);
                self.last_ns = self.last_ns.max(command.issued_ns);
                self.commands += 1;
                self.histogrammer.record(&command);
            }
            Some(Line::FileAction) => {}
            None => {
                self.error.get_or_insert_with(|| UnreadableIolog {
                    line: self.lines,
                    text: line.chars().take(80).collect(),
                });
            }
        }
    }
}

impl Write for ReadBack {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            match piece.strip_suffix(b"\n") {
                Some(end) => {
                    self.partial.extend_from_slice(end);
                    let line = std::mem::take(&mut self.partial);
                    self.line(&String::from_utf8_lossy(&line));
                }
                None => self.partial.extend_from_slice(piece),
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
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

    #[test]
    fn reading_back_counts_every_command_however_the_bytes_are_cut() {
        let mut out = Vec::new();
        write_log((0..50).map(|k| Ok(command(k * 100, k * 4096))), &mut out).unwrap();
        let mut back = ReadBack::default();
        for piece in out.chunks(7) {
            back.write_all(piece).unwrap();
        }
        let observed = back.finish().unwrap();
        let sizes = observed.histograms.iter().next().unwrap().1;
        assert_eq!(sizes.count, 50);
        // 49 gaps of 100 us and one more.
        assert!((observed.seconds - 0.005).abs() < 1e-9);
    }

    #[test]
    fn a_line_that_is_no_command_is_named() {
        let mut back = ReadBack::default();
        back.write_all(b"fio version 3 iolog\n10 t read 0\n").unwrap();
        assert_eq!(back.finish().unwrap_err().line, 2);
    }
}
