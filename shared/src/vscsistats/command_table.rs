//! A CSV that counts commands by all their properties at once, instead of one histogram per property.
//!
//! ```text
//! # VM: SQL-Server-01, World Group: 12345, LUN: vmhba1:C0:T0:L0
//! IOLength(bytes),Seeks(sectors),OutstandingIOs,Latency(ms),Count,Type
//! 8192,8,1,1.5,234,Read
//! ```
//!
//! No vscsiStats prints this; files of that shape exist and can be imported. Each row becomes one value in each of four
//! histograms of its direction and of all commands. Minimum, maximum and mean are those of the rows, so they are as
//! coarse as the rows are, and there is no interarrival and no closest-of-16 distance.

use super::diagnostic::Findings;
use super::number::{signed, unsigned};
use super::print::{DiskHistograms, Print};
use super::{Diagnostic, DiagnosticKind};
use crate::diagnostic::excerpt;
use crate::histogram::{Histogram, HistogramKind, Limits, Metric, Operation, Summary};
use crate::identifier::{HandleId, WorldGroupId};

/// The line above the rows.
const TITLES: &str = "IOLength(bytes),Seeks(sectors),OutstandingIOs,Latency(ms),Count,Type";

/// What was read from such a file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CommandTable {
    /// One print for each line of column titles. Its disk has the handle 0, because the file names none, and the world
    /// group 0 where the file names none.
    pub prints: Vec<Print>,
    /// Display name of the VM, from the comment.
    pub vm_name: Option<String>,
    /// World group of the VM, from the comment.
    pub world_group_id: Option<WorldGroupId>,
    /// What the comment calls the LUN.
    pub lun: Option<String>,
    /// What could not be used.
    pub diagnostics: Vec<Diagnostic>,
}

/// The input is of this kind: its first line that is neither empty nor a comment has the column titles.
pub fn is_command_table(input: &[u8]) -> bool {
    let mut lines = input.split(|&byte| byte == b'\n' || byte == b'\r').map(clean);
    let first = lines.find(|line| !line.is_empty() && !line.starts_with(b"#"));
    first == Some(TITLES.as_bytes())
}

/// Reads such a file. Distances count from the end of the command before, so sequential is 0 there; vscsiStats counts
/// from its last block, so sequential is 1, and 1 is added here.
pub fn parse_command_table(input: &[u8]) -> CommandTable {
    let mut table = CommandTable::default();
    let mut findings = Findings::default();
    let mut tallies: Vec<Tallies> = Vec::new();
    let unix = input
        .split(|&byte| byte == b'\n')
        .map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    for (number, line) in (1..).zip(unix.map(clean)) {
        if line.is_empty() {
            continue;
        }
        if let Some(comment) = line.strip_prefix(b"#") {
            table.describe(&String::from_utf8_lossy(comment));
        } else if line == TITLES.as_bytes() {
            tallies.push(Tallies::default());
        } else {
            match (tallies.last_mut(), Row::read(line)) {
                (Some(tallies), Ok(row)) => tallies.add(&row),
                (Some(_), Err(finding)) => findings.report(number, finding),
                (None, _) => findings.report(number, DiagnosticKind::UnexpectedLine(excerpt(line))),
            }
        }
    }
    if tallies.is_empty() {
        findings.report(1, DiagnosticKind::NothingFound);
    }
    let world_group_id = table.world_group_id.unwrap_or(WorldGroupId(0));
    table.prints = tallies
        .into_iter()
        .map(|tallies| tallies.into_print(world_group_id))
        .collect();
    table.diagnostics = findings.finish(DiagnosticKind::Further);
    table
}

fn clean(line: &[u8]) -> &[u8] {
    line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line).trim_ascii()
}

impl CommandTable {
    /// Takes what the comment ` VM: …, World Group: …, LUN: …` says; the name may hold commas.
    fn describe(&mut self, comment: &str) {
        let Some(rest) = comment.trim().strip_prefix("VM: ") else {
            return;
        };
        let (rest, lun) = rest
            .rsplit_once(", LUN: ")
            .map_or((rest, None), |(rest, lun)| (rest, Some(lun)));
        let (name, group) = rest
            .rsplit_once(", World Group: ")
            .map_or((rest, None), |(name, group)| (name, Some(group)));
        self.vm_name = Some(name.to_owned());
        self.world_group_id = group.and_then(|group| group.parse().ok());
        self.lun = lun.map(str::to_owned);
    }
}

/// A row in the units of vscsiStats.
#[derive(Debug, PartialEq, Eq)]
struct Row {
    /// Bytes, 512-byte blocks, commands, microseconds.
    values: [(Metric, i64); 4],
    count: u64,
    operation: Operation,
}

impl Row {
    fn read(line: &[u8]) -> Result<Self, DiagnosticKind> {
        let cells: Vec<&[u8]> = line.split(|&byte| byte == b',').map(<[u8]>::trim_ascii).collect();
        let [length, seek, outstanding, latency, count, operation] = cells[..] else {
            return Err(DiagnosticKind::UnexpectedLine(excerpt(line)));
        };
        let operation = match operation.to_ascii_lowercase().as_slice() {
            b"read" => Operation::Read,
            b"write" => Operation::Write,
            _ => return Err(DiagnosticKind::UnexpectedLine(excerpt(line))),
        };
        let bad = |cell: &[u8]| DiagnosticKind::BadNumber(excerpt(cell));
        let whole = |cell: &[u8]| signed(cell).map_err(|_| bad(cell));
        Ok(Self {
            values: [
                (Metric::IoLength, whole(length)?),
                (
                    Metric::SeekDistance,
                    whole(seek)?.checked_add(1).ok_or_else(|| bad(seek))?,
                ),
                (Metric::OutstandingIos, whole(outstanding)?),
                (Metric::Latency, microseconds(latency).ok_or_else(|| bad(latency))?),
            ],
            count: unsigned(count).map_err(|_| bad(count))?,
            operation,
        })
    }
}

/// Milliseconds with any number of decimals, in whole microseconds; what is left behind the third decimal is cut off, as
/// vscsiStats does with its own clock.
fn microseconds(milliseconds: &[u8]) -> Option<i64> {
    let dot = milliseconds.iter().position(|&byte| byte == b'.');
    let (whole, decimals) = milliseconds.split_at_checked(dot.unwrap_or(milliseconds.len()))?;
    let decimals = decimals.strip_prefix(b".").unwrap_or(b"0");
    if !decimals.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let thousandths = (0..3).fold(0, |sum, place| {
        sum * 10 + i64::from(decimals.get(place).unwrap_or(&b'0') - b'0')
    });
    i64::try_from(unsigned(whole).ok()?)
        .ok()?
        .checked_mul(1000)?
        .checked_add(thousandths)
}

/// The histograms of one table while its rows are added.
#[derive(Debug, Default)]
struct Tallies([Option<Tally>; HistogramKind::COUNT]);

impl Tallies {
    fn add(&mut self, row: &Row) {
        if row.count == 0 {
            return;
        }
        for operation in [Operation::All, row.operation] {
            for (metric, value) in row.values {
                let slot = HistogramKind::new(metric, operation).and_then(|kind| self.0.get_mut(kind.index()));
                if let Some(slot) = slot {
                    slot.get_or_insert_with(|| Tally::new(metric)).add(value, row.count);
                }
            }
        }
    }

    fn into_print(self, world_group_id: WorldGroupId) -> Print {
        let mut disk = DiskHistograms::new(world_group_id, HandleId(0), None);
        for (kind, tally) in HistogramKind::ALL.into_iter().zip(self.0) {
            if let Some(histogram) = tally.and_then(Tally::into_histogram) {
                disk.insert(kind, histogram);
            }
        }
        Print::new(vec![disk])
    }
}

/// One histogram while values are added.
#[derive(Debug)]
struct Tally {
    limits: Limits,
    counts: Vec<u64>,
    min: i64,
    max: i64,
    sum: i128,
    count: u64,
}

impl Tally {
    fn new(metric: Metric) -> Self {
        let limits = Limits::known(metric);
        let counts = vec![0; limits.as_slice().len() + 1];
        Self {
            limits,
            counts,
            min: i64::MAX,
            max: i64::MIN,
            sum: 0,
            count: 0,
        }
    }

    fn add(&mut self, value: i64, count: u64) {
        let bucket = self.limits.as_slice().partition_point(|&limit| limit < value);
        if let Some(bucket) = self.counts.get_mut(bucket) {
            *bucket = bucket.saturating_add(count);
        }
        self.min = self.min.min(value);
        self.max = self.max.max(value);
        self.sum = self.sum.saturating_add(i128::from(value) * i128::from(count));
        self.count = self.count.saturating_add(count);
    }

    fn into_histogram(self) -> Option<Histogram> {
        let mean = self.sum.checked_div(i128::from(self.count))?;
        let summary = Summary::exact(self.min, self.max, i64::try_from(mean).ok()?, self.count);
        Histogram::new(self.limits, self.counts, summary).ok()
    }
}
