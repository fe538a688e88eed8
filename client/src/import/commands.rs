//! Streams of commands become prints: what vscsiStats would have printed of their disks, from the first command on.

use std::iter::Peekable;

use vscsi_shared::histogram::{Histogram, HistogramKind, Interval, IntervalSet, Limits, Summary};
use vscsi_shared::identifier::{HandleId, WorldGroupId};
use vscsi_shared::vscsistats::{DiskHistograms, Print};

use crate::stream::{Command, Histogrammer};

/// No stream names a VM.
pub(super) const WORLD_GROUP: WorldGroupId = WorldGroupId(0);

/// The moment of the baseline, milliseconds; 0 would mean that no clock was read.
pub(super) const BASELINE_MS: u64 = 1;

/// The least part of an interval that is a sample of its own at the end of a stream.
const LEAST_PART: u64 = 10;

/// A print of what was issued until then.
#[derive(Debug)]
pub(super) struct CountedPrint {
    pub(super) print: Print,
    /// Milliseconds after [`BASELINE_MS`].
    pub(super) after_ms: u64,
}

/// The commands of one disk in order of time, counted from the first one of all disks on.
pub(super) struct DiskStream<'stream> {
    pub(super) handle: HandleId,
    /// What the disk is called in a print.
    pub(super) node: Option<String>,
    pub(super) commands: Box<dyn Iterator<Item = Command> + 'stream>,
    /// Which histograms the stream tells.
    pub(super) tells: fn(HistogramKind) -> bool,
}

/// From the first command of a stream to its last.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Extent {
    pub(super) nanoseconds: u64,
    /// Number of commands.
    pub(super) commands: u64,
}

impl Extent {
    /// When the stream ends, milliseconds after its first command: one mean gap behind the last, so that the rate of the
    /// whole is that of its gaps.
    fn end_ms(self) -> u64 {
        let commands = u128::from(self.commands);
        let with_a_gap = u128::from(self.nanoseconds) * commands / commands.saturating_sub(1).max(1);
        u64::try_from(with_a_gap.div_ceil(1_000_000)).unwrap_or(u64::MAX)
    }
}

/// The prints at the end of each interval, or one of all of it. The first is the baseline: nothing was issued yet.
///
/// Times and distances are those between commands of the stream: the first of each kind has none.
pub(super) struct CountedPrints<'stream> {
    disks: Vec<Counting<'stream>>,
    interval_ms: Option<u64>,
    end_ms: u64,
    after_ms: Option<u64>,
}

struct Counting<'stream> {
    handle: HandleId,
    node: Option<String>,
    commands: Peekable<Box<dyn Iterator<Item = Command> + 'stream>>,
    tells: fn(HistogramKind) -> bool,
    histogrammer: Histogrammer,
}

impl<'stream> CountedPrints<'stream> {
    pub(super) fn of(disks: Vec<DiskStream<'stream>>, extent: Extent, interval_ms: Option<u64>) -> Self {
        let disks = disks.into_iter().map(|disk| Counting {
            handle: disk.handle,
            node: disk.node,
            commands: disk.commands.peekable(),
            tells: disk.tells,
            histogrammer: Histogrammer::default(),
        });
        Self {
            disks: disks.collect(),
            interval_ms,
            end_ms: extent.end_ms(),
            after_ms: None,
        }
    }

    /// When the next print is due. What would be left behind the last whole interval belongs to it, unless it is a good part
    /// of another one: the rate of a few commands is chance.
    fn due_ms(&self, before_ms: u64, interval_ms: u64) -> u64 {
        let due_ms = before_ms.saturating_add(interval_ms);
        let rest_ms = self.end_ms.saturating_sub(due_ms);
        due_ms + if rest_ms < interval_ms / LEAST_PART { rest_ms } else { 0 }
    }

    fn at(&self, after_ms: u64) -> CountedPrint {
        CountedPrint {
            print: Print::new(self.disks.iter().map(Counting::print).collect()),
            after_ms,
        }
    }
}

impl Iterator for CountedPrints<'_> {
    type Item = CountedPrint;

    fn next(&mut self) -> Option<CountedPrint> {
        let Some(before_ms) = self.after_ms else {
            self.after_ms = Some(0);
            return Some(self.at(0));
        };
        if self.disks.iter_mut().all(Counting::is_over) {
            return None;
        }
        let due_ms = self.interval_ms.map(|interval_ms| self.due_ms(before_ms, interval_ms));
        for disk in &mut self.disks {
            disk.count_until(due_ms);
        }
        let is_last = self.disks.iter_mut().all(Counting::is_over);
        let after_ms = match due_ms {
            Some(due_ms) if !is_last || self.end_ms <= before_ms => due_ms,
            Some(due_ms) => self.end_ms.min(due_ms),
            None => self.end_ms,
        };
        self.after_ms = Some(after_ms);
        Some(self.at(after_ms))
    }
}

impl Counting<'_> {
    fn is_over(&mut self) -> bool {
        self.commands.peek().is_none()
    }

    fn count_until(&mut self, due_ms: Option<u64>) {
        let due_ns = due_ms.map_or(u64::MAX, |due_ms| due_ms.saturating_mul(1_000_000));
        let is_due = |command: &Command| due_ns == u64::MAX || command.issued_ns < due_ns;
        while let Some(command) = self.commands.next_if(is_due) {
            self.histogrammer.record(&command);
        }
    }

    fn print(&self) -> DiskHistograms {
        let counted = self.histogrammer.so_far();
        let mut disk = DiskHistograms::new(WORLD_GROUP, self.handle, self.node.clone());
        for kind in HistogramKind::ALL.into_iter().filter(|kind| (self.tells)(*kind)) {
            if let Some(histogram) = histogram(counted, kind) {
                disk.insert(kind, histogram);
            }
        }
        disk
    }
}

fn histogram(counted: &IntervalSet, kind: HistogramKind) -> Option<Histogram> {
    let Some(interval) = counted.get(kind) else {
        return Some(Histogram::empty(Limits::known(kind.metric())));
    };
    printed(interval)
}

fn printed(interval: &Interval) -> Option<Histogram> {
    let mean = interval.sum_at_least.checked_div(i128::from(interval.count))?;
    let (min, max) = interval.values_at_least.zip(interval.values_at_most)?;
    let summary = Summary::exact(min, max, i64::try_from(mean).ok()?, interval.count);
    Histogram::new(interval.limits.clone(), interval.counts.clone(), summary).ok()
}
