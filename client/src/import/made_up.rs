//! A table that no vscsiStats prints, with one row per combination of size, seek, depth and latency: a form into which
//! such data is brought by hand. It is read into the histograms that it stands for.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::str::FromStr;

use vscsi_shared::histogram::{Histogram, HistogramKind, Limits, Metric, Operation, Summary};
use vscsi_shared::identifier::{HandleId, WorldGroupId};
use vscsi_shared::vscsistats::{Diagnostic, DiagnosticKind, DiskHistograms, Print};

use super::ImportError;
use crate::failure::FileError;

const HEADER: &str = "IOLength(bytes),Seeks(sectors),OutstandingIOs,Latency(ms),Count,Type";

/// Findings kept of one file.
const KEPT: usize = 100;

/// The beginning of a file holds the header line.
pub(super) fn is_made_up(start: &[u8]) -> bool {
    start
        .split(|byte| *byte == b'\n')
        .take(100)
        .any(|line| line.trim_ascii() == HEADER.as_bytes())
}

/// Reads such a file: one print of one disk.
///
/// Its seek counts the sectors left out, so that 0 is sequential; vscsiStats counts +1 there.
pub(super) fn read(input: impl Read, path: &Path) -> Result<(Print, Vec<Diagnostic>), ImportError> {
    let mut tallies = Tallies::default();
    let mut diagnostics = Vec::new();
    let mut world_group = WorldGroupId(0);
    for (number, line) in BufReader::new(input).split(b'\n').enumerate() {
        let line = line.map_err(FileError::new("read", path))?;
        let line = String::from_utf8_lossy(&line);
        let line = line.trim_start_matches('\u{feff}').trim();
        if let Some(id) = line
            .split_once("World Group:")
            .and_then(|(_, rest)| leading_number(rest))
        {
            world_group = WorldGroupId(id);
        }
        if line.is_empty() || line.starts_with('#') || line == HEADER {
            continue;
        }
        match Row::from_str(line) {
            Ok(row) => tallies.count(&row),
            Err(NoRow) if diagnostics.len() < KEPT => diagnostics.push(Diagnostic {
                line: number as u64 + 1,
                kind: DiagnosticKind::UnexpectedLine(line.chars().take(60).flat_map(char::escape_debug).collect()),
            }),
            Err(NoRow) => {}
        }
    }
    if tallies.is_empty() {
        return Err(ImportError::NothingFound {
            path: path.to_owned(),
            detail: ": its table has no usable row".to_owned(),
        });
    }
    Ok((tallies.into_print(world_group), diagnostics))
}

fn leading_number(text: &str) -> Option<u64> {
    let text = text.trim_start();
    let end = text
        .find(|character: char| !character.is_ascii_digit())
        .unwrap_or(text.len());
    text.get(..end)?.parse().ok()
}

struct Row {
    bytes: i64,
    skipped_blocks: i64,
    outstanding: i64,
    latency_us: i64,
    count: u64,
    operation: Operation,
}

struct NoRow;

impl FromStr for Row {
    type Err = NoRow;

    fn from_str(line: &str) -> Result<Self, Self::Err> {
        let cells: Vec<&str> = line.split(',').map(str::trim).collect();
        let &[bytes, seek, outstanding, latency, count, operation] = cells.as_slice() else {
            return Err(NoRow);
        };
        let operation = match operation.to_ascii_lowercase().as_str() {
            "read" => Operation::Read,
            "write" => Operation::Write,
            _ => return Err(NoRow),
        };
        let milliseconds: f64 = latency.parse().map_err(|_| NoRow)?;
        if !(0.0..=1e12).contains(&milliseconds) {
            return Err(NoRow);
        }
        let integer = |text: &str| text.parse::<i64>().map_err(|_| NoRow);
        #[expect(clippy::cast_possible_truncation, reason = "the range was checked just above")]
        let latency_us = (milliseconds * 1000.0).round() as i64;
        Ok(Self {
            bytes: integer(bytes)?,
            skipped_blocks: integer(seek)?,
            outstanding: integer(outstanding)?,
            latency_us,
            count: count.parse().map_err(|_| NoRow)?,
            operation,
        })
    }
}

/// Values counted so far, by kind.
struct Tallies(Vec<(HistogramKind, Tally)>);

struct Tally {
    limits: Limits,
    counts: Vec<u64>,
    sum: i128,
    min: i64,
    max: i64,
    count: u64,
}

impl Default for Tallies {
    fn default() -> Self {
        let known = HistogramKind::ALL.into_iter().filter(|kind| match kind.metric() {
            Metric::IoLength | Metric::SeekDistance | Metric::Latency | Metric::OutstandingIos => true,
            Metric::SeekDistanceClosest16 | Metric::Interarrival => false,
        });
        Self(known.map(|kind| (kind, Tally::new(kind.metric()))).collect())
    }
}

impl Tallies {
    fn is_empty(&self) -> bool {
        self.0.iter().all(|(_, tally)| tally.count == 0)
    }

    fn count(&mut self, row: &Row) {
        for (kind, tally) in &mut self.0 {
            let own = kind.operation() == row.operation;
            let value = match kind.metric() {
                _ if !own && kind.operation() != Operation::All => continue,
                Metric::IoLength => row.bytes,
                Metric::Latency => row.latency_us,
                Metric::OutstandingIos => row.outstanding,
                Metric::SeekDistance | Metric::SeekDistanceClosest16 | Metric::Interarrival => {
                    row.skipped_blocks.saturating_add(1)
                }
            };
            tally.add(value, row.count);
        }
    }

    fn into_print(self, world_group: WorldGroupId) -> Print {
        let mut disk = DiskHistograms::new(world_group, HandleId(0), None);
        for (kind, tally) in self.0 {
            if let Ok(histogram) = Histogram::new(tally.limits.clone(), tally.counts.clone(), tally.summary()) {
                disk.insert(kind, histogram);
            }
        }
        Print { disks: vec![disk] }
    }
}

impl Tally {
    fn new(metric: Metric) -> Self {
        let limits = Limits::known(metric);
        Self {
            counts: vec![0; limits.as_slice().len() + 1],
            limits,
            sum: 0,
            min: i64::MAX,
            max: i64::MIN,
            count: 0,
        }
    }

    fn add(&mut self, value: i64, times: u64) {
        let bucket = self.limits.as_slice().partition_point(|limit| *limit < value);
        if times == 0 {
            return;
        }
        if let Some(count) = self.counts.get_mut(bucket) {
            *count = count.saturating_add(times);
        }
        self.sum += i128::from(value) * i128::from(times);
        self.min = self.min.min(value);
        self.max = self.max.max(value);
        self.count = self.count.saturating_add(times);
    }

    fn summary(&self) -> Summary {
        if self.count == 0 {
            return Summary::default();
        }
        Summary {
            min: self.min,
            max: self.max,
            mean: i64::try_from(self.sum / i128::from(self.count)).unwrap_or(i64::MAX),
            count: self.count,
        }
    }
}
