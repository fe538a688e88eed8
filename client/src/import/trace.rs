//! A trace of commands becomes prints: what vscsiStats would have printed of them, from the first command on.

use vscsi_shared::histogram::{Histogram, HistogramKind, Interval, IntervalSet, Limits, Metric, Summary};
use vscsi_shared::identifier::{HandleId, WorldGroupId};
use vscsi_shared::vscsistats::{DiskHistograms, Print, TracedCommand};

use crate::stream::{Histogrammer, command_of};

/// A trace names neither VM nor disk.
pub(super) const WORLD_GROUP: WorldGroupId = WorldGroupId(0);
const HANDLE: HandleId = HandleId(0);

/// The moment of the baseline, milliseconds; 0 would mean that no clock was read.
pub(super) const BASELINE_MS: u64 = 1;

/// A print of what was traced until then.
#[derive(Debug)]
pub(super) struct TracedPrint {
    pub(super) print: Print,
    /// Milliseconds after [`BASELINE_MS`].
    pub(super) after_ms: u64,
}

/// The prints at the end of each interval of a trace, in order of time, or one of all of it. The first is the baseline:
/// nothing was traced yet.
///
/// The time of the last print lies one mean gap behind the last command, so that the rate of the whole is that of its
/// gaps. Times and distances are those between commands of the trace: the first of each kind has none.
pub(super) struct TracedPrints<'trace> {
    commands: &'trace [TracedCommand],
    interval_ms: Option<u64>,
    histogrammer: Histogrammer,
    next: usize,
    after_ms: Option<u64>,
}

impl<'trace> TracedPrints<'trace> {
    pub(super) fn of(commands: &'trace [TracedCommand], interval_ms: Option<u64>) -> Self {
        Self {
            commands,
            interval_ms,
            histogrammer: Histogrammer::default(),
            next: 0,
            after_ms: None,
        }
    }

    /// When the trace ends, milliseconds after its first command.
    fn end_ms(&self) -> u64 {
        let (Some(first), Some(last)) = (self.commands.first(), self.commands.last()) else {
            return 0;
        };
        let took_us = u128::from(last.issued_us - first.issued_us);
        let commands = self.commands.len() as u128;
        let with_a_gap_us = took_us * commands / (commands - 1).max(1);
        u64::try_from(with_a_gap_us.div_ceil(1000)).unwrap_or(u64::MAX)
    }
}

impl Iterator for TracedPrints<'_> {
    type Item = TracedPrint;

    fn next(&mut self) -> Option<TracedPrint> {
        let Some(before_ms) = self.after_ms else {
            self.after_ms = Some(0);
            return Some(TracedPrint {
                print: print(self.histogrammer.so_far()),
                after_ms: 0,
            });
        };
        if self.next >= self.commands.len() {
            return None;
        }
        let first_us = self.commands.first().map_or(0, |command| command.issued_us);
        let due_ms = self
            .interval_ms
            .map(|interval_ms| before_ms.saturating_add(interval_ms));
        while let Some(traced) = self.commands.get(self.next) {
            let at_us = traced.issued_us - first_us;
            if due_ms.is_some_and(|due_ms| at_us >= due_ms.saturating_mul(1000)) {
                break;
            }
            self.histogrammer.record(&command_of(traced, first_us));
            self.next += 1;
        }
        let is_last = self.next == self.commands.len();
        let end_ms = self.end_ms();
        let after_ms = match due_ms {
            Some(due_ms) if !is_last || end_ms <= before_ms => due_ms,
            Some(due_ms) => end_ms.min(due_ms),
            None => end_ms,
        };
        self.after_ms = Some(after_ms);
        Some(TracedPrint {
            print: print(self.histogrammer.so_far()),
            after_ms,
        })
    }
}

/// The print of a disk that counted this. A trace tells no completion, so what needs one is not there.
fn print(counted: &IntervalSet) -> Print {
    let mut disk = DiskHistograms::new(WORLD_GROUP, HANDLE, None);
    let needs_completion = |kind: &HistogramKind| matches!(kind.metric(), Metric::Latency | Metric::OutstandingIos);
    for kind in HistogramKind::ALL.into_iter().filter(|kind| !needs_completion(kind)) {
        let histogram = match counted.get(kind) {
            Some(interval) => histogram(interval),
            None => Some(Histogram::empty(Limits::known(kind.metric()))),
        };
        if let Some(histogram) = histogram {
            disk.insert(kind, histogram);
        }
    }
    Print::new(vec![disk])
}

fn histogram(interval: &Interval) -> Option<Histogram> {
    let mean = interval.sum_at_least.checked_div(i128::from(interval.count))?;
    let (min, max) = interval.values_at_least.zip(interval.values_at_most)?;
    let summary = Summary::exact(min, max, i64::try_from(mean).ok()?, interval.count);
    Histogram::new(interval.limits.clone(), interval.counts.clone(), summary).ok()
}
