//! A log of the commands of a trace, one by one.

use std::io::{self, Write};
use std::ops::Range;

use super::format::write_log;
use crate::store::TraceFile;
use crate::stream::{Command, command_of};

/// A stretch of a trace that is replayed; times are microseconds.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Window {
    /// Where it lies after the first command.
    traced: Range<u64>,
    /// Where its beginning lies in the log.
    replayed: u64,
}

impl Window {
    /// Where its end lies in the log.
    fn end(&self) -> u64 {
        self.replayed + (self.traced.end - self.traced.start)
    }
}

/// The commands of a trace that lie in the kept samples, each at its time. What was left out between them takes none.
#[derive(Debug, Clone)]
pub struct TracedLog {
    trace: TraceFile,
    windows: Vec<Window>,
    commands: u64,
    span_bytes: u64,
    seconds: f64,
}

impl TracedLog {
    /// The log of the stretches (begin and length, seconds after the first command, in order).
    ///
    /// # Errors
    /// When the trace cannot be read.
    pub fn of(trace: TraceFile, stretches: impl Iterator<Item = (f64, f64)>) -> io::Result<Self> {
        let mut log = Self {
            trace,
            windows: windows(stretches),
            commands: 0,
            span_bytes: 0,
            seconds: 0.0,
        };
        log.seconds = log.windows.last().map_or(0, Window::end) as f64 / 1e6;
        let (mut commands, mut span_bytes) = (0, 0);
        for command in log.stream()? {
            let command = command?;
            commands += 1;
            span_bytes = span_bytes.max(command.offset.saturating_add(u64::from(command.bytes)));
        }
        log.commands = commands;
        log.span_bytes = span_bytes;
        Ok(log)
    }

    /// How many commands it holds.
    pub fn commands(&self) -> u64 {
        self.commands
    }

    /// How far its commands reach, bytes.
    pub fn span_bytes(&self) -> u64 {
        self.span_bytes
    }

    /// How long it takes, seconds.
    pub fn seconds(&self) -> f64 {
        self.seconds
    }

    /// Writes the log. Memory does not grow with its length.
    ///
    /// # Errors
    /// Those of `out`, and of the trace.
    pub fn write(&self, out: &mut impl Write) -> io::Result<()> {
        write_log(self.stream()?, out)
    }

    fn stream(&self) -> io::Result<impl Iterator<Item = io::Result<Command>>> {
        let mut windows = self.windows.clone().into_iter().peekable();
        let mut first_us = None;
        let commands = self.trace.commands()?;
        Ok(commands.filter_map(move |traced| {
            let traced = match traced {
                Ok(traced) => traced,
                Err(error) => return Some(Err(error)),
            };
            let mut command = command_of(&traced, *first_us.get_or_insert(traced.issued_us));
            let at_us = command.issued_ns / 1000;
            while windows.peek().is_some_and(|window| window.traced.end <= at_us) {
                windows.next();
            }
            let window = windows.peek().filter(|window| window.traced.contains(&at_us))?;
            command.issued_ns = (window.replayed + at_us - window.traced.start) * 1000;
            Some(Ok(command))
        }))
    }
}

/// Stretches behind one another, those that touch as one.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "times of samples are whole milliseconds and not negative"
)]
fn windows(stretches: impl Iterator<Item = (f64, f64)>) -> Vec<Window> {
    let mut windows: Vec<Window> = Vec::new();
    for (start, seconds) in stretches {
        let from_us = (start * 1e6).round() as u64;
        let until_us = ((start + seconds) * 1e6).round() as u64;
        match windows.last_mut() {
            Some(last) if last.traced.end >= from_us => last.traced.end = last.traced.end.max(until_us),
            last => {
                let replayed = last.map_or(0, |last| last.end());
                windows.push(Window {
                    traced: from_us..until_us,
                    replayed,
                });
            }
        }
    }
    windows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_out_takes_no_time() {
        let windows = windows([(0.0, 1.5), (1.5, 1.0), (4.0, 2.0)].into_iter());
        let window = |traced, replayed| Window { traced, replayed };
        assert_eq!(
            windows,
            [window(0..2_500_000, 0), window(4_000_000..6_000_000, 2_500_000)]
        );
    }
}
