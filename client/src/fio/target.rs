//! The targets of a replay: which disks share one, how it is named, and how large it must be.

use vscsi_shared::histogram::{IntervalSet, Metric, Operation};

use super::demand::{Demand, demands, least_span};
use super::error::FioError;
use super::iolog::TracedLog;
use super::options::{FioOptions, Layout};
use crate::analysis::Workload;
use crate::stream::{Observation, bucket_range};

/// One target of the replay: a disk, or all of them together.
#[derive(Clone)]
pub(crate) struct Target<'a> {
    /// What it does.
    pub workload: Observation<'a>,
    /// The disks that share it, for what vscsiStats counts per disk.
    pub disks: Vec<&'a IntervalSet>,
    /// Environment variable that names it.
    pub variable: String,
    /// The disk, for the reader; empty when it is all of them.
    pub disk: String,
}

impl<'a> Target<'a> {
    /// All disks of the workload together.
    pub(crate) fn of_all_disks(workload: &'a Workload) -> Self {
        Self {
            workload: Observation {
                histograms: &workload.histograms,
                seconds: workload.seconds,
            },
            disks: workload.disks.iter().map(|disk| &disk.histograms).collect(),
            variable: "FILENAME".to_owned(),
            disk: String::new(),
        }
    }

    /// The directions that have commands, reads first.
    pub(crate) fn demands(&self) -> Vec<Demand<'a>> {
        demands(self.workload, &self.disks)
    }
}

/// The targets of a workload in the order of its disks.
///
/// They are replayed together, for the whole time, and compared over the workload's time. So a disk that was there for
/// a part of it is replayed at its share of that time's rate, not at the rate of its part.
pub(crate) fn targets(workload: &Workload, layout: Layout) -> Vec<Target<'_>> {
    if layout == Layout::PerDisk && workload.disks.len() > 1 {
        let disks = workload.disks.iter().enumerate();
        return disks
            .map(|(index, disk)| Target {
                workload: Observation {
                    histograms: &disk.histograms,
                    seconds: workload.seconds,
                },
                disks: vec![&disk.histograms],
                variable: format!("FILENAME_{}", index + 1),
                disk: disk.disk.to_string(),
            })
            .collect();
    }
    vec![Target::of_all_disks(workload)]
}

/// The region of the commands of a trace, bytes: whole MiB, and no less than they reach.
///
/// # Errors
/// [`FioError::SpanOfTrace`] when less was asked for.
pub(crate) fn span_of_trace(trace: &TracedLog, options: &FioOptions) -> Result<u64, FioError> {
    let least_bytes = trace.span_bytes().next_multiple_of(1 << 20);
    match options.span {
        Some(asked) if asked.0 < least_bytes => Err(FioError::SpanOfTrace {
            span_bytes: asked.0,
            least_bytes,
        }),
        Some(asked) => Ok(asked.0),
        None => Ok(least_bytes),
    }
}

/// The region of a target or of one of the disks that share it, bytes: its part of what was asked for, or what the seeks
/// show.
///
/// # Errors
/// [`FioError::SpanTooSmall`] when hardly any of the commands would fit.
pub(crate) fn span(histograms: &IntervalSet, options: &FioOptions, sharing: usize) -> Result<u64, FioError> {
    let Some(asked) = options.span else {
        return Ok(least_span(histograms));
    };
    let sharing = sharing.max(1) as u64;
    let own_bytes = asked.0 / sharing;
    let largest = histograms.of(Metric::IoLength, Operation::All).map_or(0.0, |sizes| {
        let last = sizes.counts.iter().rposition(|count| *count > 0).unwrap_or(0);
        bucket_range(sizes, last).1
    });
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a size in bytes")]
    let largest_bytes = largest.max(0.0) as u64;
    let least_bytes = largest_bytes.saturating_mul(64).max(64 << 20);
    if own_bytes < least_bytes {
        return Err(FioError::SpanTooSmall {
            span_bytes: asked.0,
            largest_bytes,
            least_bytes: least_bytes.saturating_mul(sharing),
        });
    }
    Ok(own_bytes >> 20 << 20)
}
