//! Streams cut into samples, as a collection with this interval would have recorded them.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;
use vscsi_helper::analysis::{DiskKey, DiskSample, Sample, Series, Workload};
use vscsi_helper::stream::{Command, Histogrammer};
use vscsi_shared::histogram::{Histogram, HistogramKind, Interval, IntervalSet, Limits, Step, Summary};

use super::provenance;

/// The first `count` samples of `seconds` each, of disks that each served one stream.
///
/// Counters grow through all samples and are printed at the end of each: a mean is truncated, extremes are those since
/// the beginning, and the first command of a sample is measured against the last of the sample before.
pub(crate) fn samples<S: AsRef<[Command]>>(disks: &[S], seconds: f64, count: u32) -> Series {
    let mut series = Series {
        disks: (0..disks.len())
            .map(|index| DiskKey(format!("scsi0:{index}")))
            .collect(),
        samples: (0..count).map(|index| empty(index, seconds)).collect(),
    };
    for (disk, commands) in disks.iter().enumerate() {
        let mut commands = commands.as_ref().iter().peekable();
        let mut counted = Histogrammer::default();
        let mut before = print(counted.so_far());
        for (from, sample) in (0..).zip(&mut series.samples) {
            let end = Duration::from_secs_f64(sample.start_seconds + sample.seconds);
            while let Some(command) = commands.next_if(|command| u128::from(command.issued_ns) < end.as_nanos()) {
                counted.record(command);
            }
            let now = print(counted.so_far());
            sample.disks.push(DiskSample {
                disk,
                histograms: step(&before, &now),
                edge_ios: 0,
                from_snapshot: Some(from),
                to_snapshot: from + 1,
            });
            before = now;
        }
    }
    series
}

/// Every sample of a series, merged.
pub(crate) fn whole(name: &str, series: &Series) -> Workload {
    let kept = vec![true; series.samples.len()];
    match Workload::of(series, &kept, provenance(name)) {
        Ok(workload) => workload,
        Err(error) => unreachable!("one histogrammer has one row of limits: {error}"),
    }
}

fn empty(index: u32, seconds: f64) -> Sample {
    let start_seconds = f64::from(index) * seconds;
    let end = jiff::SignedDuration::from_secs_f64(start_seconds + seconds);
    Sample {
        sequence: index + 1,
        taken_at: Timestamp::UNIX_EPOCH + end,
        start_seconds,
        seconds,
        flags: BTreeSet::new(),
        disks: Vec::new(),
    }
}

type Print = Vec<(HistogramKind, Histogram)>;

fn print(counted: &IntervalSet) -> Print {
    let printed = |kind: HistogramKind| {
        let empty = Histogram::empty(Limits::known(kind.metric()));
        (kind, counted.get(kind).and_then(histogram).unwrap_or(empty))
    };
    HistogramKind::ALL.into_iter().map(printed).collect()
}

fn histogram(interval: &Interval) -> Option<Histogram> {
    let mean = interval.sum_at_least.checked_div(i128::from(interval.count))?;
    let (least, most) = interval.values_at_least.zip(interval.values_at_most)?;
    let summary = Summary::exact(least, most, i64::try_from(mean).ok()?, interval.count);
    Histogram::new(interval.limits.clone(), interval.counts.clone(), summary).ok()
}

fn step(before: &Print, now: &Print) -> IntervalSet {
    let mut set = IntervalSet::default();
    for ((kind, now), (_, before)) in now.iter().zip(before) {
        if let Ok(Step::Difference(interval)) = now.since(before) {
            set.insert(*kind, interval);
        }
    }
    set
}
