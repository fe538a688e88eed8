//! Reading a log back: what it does by its own lines, independently of how they were made.

use std::collections::BTreeMap;
use std::io::{self, Write};

use vscsi_shared::histogram::IntervalSet;

use super::format::{FIRST_LINE, Line, START_US, Turns, UnreadableIolog, parse_line};
use super::touched::Touched;
use crate::stream::{Command, Histogrammer, Observed, merged};

/// Which parts of a log are counted apart.
#[derive(Debug, Clone, Default)]
pub(crate) struct Parts {
    /// First bytes of the regions of disks behind the first one, in order.
    pub regions: Vec<u64>,
    /// Ends of the samples that it follows, seconds, in order; none when it follows none in particular.
    pub ends: Vec<f64>,
    /// How long it takes, seconds; unknown for the commands of a trace.
    pub seconds: Option<f64>,
    /// How processes share it.
    pub turns: Turns,
}

/// What a log does.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Contents {
    /// All of it.
    pub whole: Observed,
    /// Until each of the ends, since the one before.
    pub samples: Vec<IntervalSet>,
    /// Time of the first command, seconds.
    pub lead_seconds: f64,
    /// From the first to the last command of each process, seconds.
    pub spans: Vec<f64>,
    /// Places of 4 KiB that it uses, bytes.
    pub unique_bytes: u64,
    /// Share of the uses of a place that come back to one, 0 to 1.
    pub reuse: f64,
}

/// A sink that reads back what is written to it and counts the commands.
#[derive(Debug, Default)]
pub(crate) struct ReadBack {
    parts: Parts,
    disks: Vec<Disk>,
    samples: Vec<IntervalSet>,
    partial: Vec<u8>,
    lines: u64,
    commands: u64,
    first_ns: Option<u64>,
    last_ns: u64,
    /// First and last command of each process, nanoseconds.
    spans: BTreeMap<u64, (u64, u64)>,
    uses: u64,
    again: u64,
    error: Option<UnreadableIolog>,
}

/// What is remembered of one disk.
#[derive(Debug, Default)]
struct Disk {
    histogrammer: Histogrammer,
    touched: Touched,
}

impl ReadBack {
    /// Counts the parts of a log apart.
    pub(crate) fn of(parts: Parts) -> Self {
        Self {
            disks: (0..=parts.regions.len()).map(|_| Disk::default()).collect(),
            parts,
            ..Self::default()
        }
    }

    /// What was read. A log that does not say how long it takes takes the time from its first to its last command and one
    /// mean gap, so that rates are right.
    ///
    /// # Errors
    /// [`UnreadableIolog`] for the first line that is none.
    pub(crate) fn finish(mut self) -> Result<Contents, UnreadableIolog> {
        if let Some(error) = self.error {
            return Err(error);
        }
        while self.samples.len() < self.parts.ends.len() {
            self.cut();
        }
        let rest = self.disks.iter_mut().map(|disk| disk.histogrammer.cut());
        let rest = merged(rest.collect::<Vec<_>>().into_iter());
        let first = self.first_ns.unwrap_or(self.last_ns);
        let gaps = self.commands.saturating_sub(1).max(1) as f64;
        let spanned = (self.last_ns - first) as f64 / 1e9 * (gaps + 1.0) / gaps;
        let uses = self.uses.max(1) as f64;
        Ok(Contents {
            whole: Observed {
                histograms: merged(self.samples.iter().cloned().chain([rest])),
                seconds: self.parts.seconds.unwrap_or(spanned),
            },
            samples: self.samples,
            spans: self
                .spans
                .values()
                .map(|(first, last)| (last - first) as f64 / 1e9)
                .collect(),
            lead_seconds: first.saturating_sub(START_US * 1000) as f64 / 1e9,
            unique_bytes: self.disks.iter().map(|disk| disk.touched.bytes()).sum(),
            reuse: self.again as f64 / uses,
        })
    }

    /// Ends a sample.
    fn cut(&mut self) {
        let disks = self.disks.iter_mut().map(|disk| disk.histogrammer.cut());
        let sample = merged(disks.collect::<Vec<_>>().into_iter());
        self.samples.push(sample);
    }

    fn line(&mut self, line: &str) {
        self.lines += 1;
        if self.lines == 1 && line == FIRST_LINE {
            return;
        }
        match parse_line(line) {
            Some(Line::Command(command)) => self.command(&command),
            Some(Line::FileAction) => {}
            None => {
                self.error.get_or_insert_with(|| UnreadableIolog {
                    line: self.lines,
                    text: line.chars().take(80).collect(),
                });
            }
        }
    }

    fn command(&mut self, command: &Command) {
        // A command that stands exactly at the end of a sample belongs to it.
        let at = command.issued_ns.saturating_sub(START_US * 1000 + 1) as f64 / 1e9;
        while self.parts.ends.get(self.samples.len()).is_some_and(|end| *end <= at) {
            self.cut();
        }
        self.first_ns.get_or_insert(command.issued_ns);
        self.last_ns = self.last_ns.max(command.issued_ns);
        let turn = self.parts.turns.at(command.issued_ns.saturating_sub(START_US * 1000));
        let span = self.spans.entry(turn).or_insert((command.issued_ns, command.issued_ns));
        span.1 = span.1.max(command.issued_ns);
        self.commands += 1;
        let region = self.parts.regions.partition_point(|first| *first <= command.offset);
        let Some(disk) = self.disks.get_mut(region) else { return };
        disk.histogrammer.record(command);
        let again = disk.touched.touch(command.first_block(), command.last_block());
        self.again += again;
        self.uses += u64::from(command.bytes).div_ceil(super::touched::PLACE_BYTES);
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
    use vscsi_shared::histogram::{Metric, Operation};

    use super::super::format::write_log;
    use super::*;
    use crate::stream::Direction;

    fn command(issued_us: u64, offset: u64) -> Command {
        Command {
            issued_ns: issued_us * 1000,
            direction: Direction::Write,
            offset,
            bytes: 4096,
            latency_ns: None,
        }
    }

    fn read_back(parts: Parts, commands: Vec<Command>) -> Contents {
        let mut out = Vec::new();
        write_log(commands.into_iter().map(Ok), &mut out).unwrap();
        let mut back = ReadBack::of(parts);
        for piece in out.chunks(7) {
            back.write_all(piece).unwrap();
        }
        back.finish().unwrap()
    }

    fn sizes(set: &IntervalSet) -> u64 {
        set.of(Metric::IoLength, Operation::All).map_or(0, |sizes| sizes.count)
    }

    #[test]
    fn reading_back_counts_every_command_however_the_bytes_are_cut() {
        let contents = read_back(Parts::default(), (0..50).map(|k| command(k * 100, k * 4096)).collect());
        assert_eq!(sizes(&contents.whole.histograms), 50);
        // 49 gaps of 100 us and one more.
        assert!((contents.whole.seconds - 0.005).abs() < 1e-9);
        assert_eq!((contents.unique_bytes, contents.reuse), (50 * 4096, 0.0));
    }

    #[test]
    fn samples_are_counted_apart_and_a_command_at_their_end_is_theirs() {
        let parts = Parts {
            ends: vec![1.0, 2.0, 3.0],
            seconds: Some(3.0),
            ..Parts::default()
        };
        let at = [400_000, 1_000_000, 1_000_001, 2_500_000, 3_000_000];
        let contents = read_back(parts, at.map(|us| command(us, 0)).to_vec());
        let counts: Vec<u64> = contents.samples.iter().map(sizes).collect();
        assert_eq!(counts, [2, 1, 2]);
        assert!((contents.lead_seconds - 0.4).abs() < 1e-9);
        // Five uses of one place.
        assert!((contents.reuse - 0.8).abs() < 1e-9 && contents.unique_bytes == 4096);
    }

    #[test]
    fn each_region_is_a_disk_with_distances_of_its_own() {
        let parts = Parts {
            regions: vec![1 << 30],
            ..Parts::default()
        };
        let (here, there) = (0, 1 << 30);
        let commands = [
            command(0, here),
            command(10, there),
            command(20, here + 4096),
            command(30, there + 4096),
        ];
        let contents = read_back(parts, commands.to_vec());
        let seeks = contents
            .whole
            .histograms
            .of(Metric::SeekDistance, Operation::All)
            .unwrap();
        assert_eq!(seeks.counts[seeks.limits.bucket_of(1)], 2);
        assert_eq!(seeks.total(), 2);
    }

    #[test]
    fn a_line_that_is_no_command_is_named() {
        let mut back = ReadBack::of(Parts::default());
        back.write_all(b"fio version 3 iolog\n10 t read 0\n").unwrap();
        assert_eq!(back.finish().unwrap_err().line, 2);
    }
}
