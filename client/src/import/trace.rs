//! A trace of commands becomes prints.

use vscsi_shared::histogram::{HistogramKind, Metric};
use vscsi_shared::identifier::HandleId;
use vscsi_shared::vscsistats::TracedCommand;

use super::commands::{CountedPrints, DiskStream, Extent};
use crate::stream::command_of;

/// The prints of a trace whose commands are in order of time. It names no disk, and no completion, so what needs one is
/// not there.
pub(super) fn prints(commands: &[TracedCommand], interval_ms: Option<u64>) -> CountedPrints<'_> {
    let first_us = commands.first().map_or(0, |first| first.issued_us);
    let last_us = commands.last().map_or(0, |last| last.issued_us);
    let extent = Extent {
        nanoseconds: last_us.saturating_sub(first_us).saturating_mul(1000),
        commands: commands.len() as u64,
    };
    let disk = DiskStream {
        handle: HandleId(0),
        node: None,
        commands: Box::new(commands.iter().map(move |traced| command_of(traced, first_us))),
        tells: |kind: HistogramKind| !matches!(kind.metric(), Metric::Latency | Metric::OutstandingIos),
    };
    CountedPrints::of(vec![disk], extent, interval_ms)
}
