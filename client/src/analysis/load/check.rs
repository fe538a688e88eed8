//! Cross-checks: numbers that vscsiStats reports twice have to agree.

use std::collections::BTreeSet;

use vscsi_shared::histogram::{HistogramKind, Interval, IntervalSet, Limits, Metric, Operation};
use vscsi_shared::snapshot::SnapshotFlag;

use super::gaps::Told;
use super::seconds_of_sample;
use crate::analysis::estimate;
use crate::analysis::finding::{Code, Findings, Severity};
use crate::analysis::{DiskKey, Sample, Series};

/// How far the sum of the interarrival times may exceed the recorded time before the two clocks disagree.
const CLOCK_TOLERANCE: f64 = 1.01;

/// The least share of the time given for an import that the interarrival times of a VM with steady I/O make up.
const LEAST_INTERARRIVAL_SHARE: f64 = 0.9;

/// Checks every sample of a series against itself, and each disk's interarrival times against the clock.
pub(super) fn series(series: &Series, findings: &mut Findings) {
    for sample in &series.samples {
        for disk in &sample.disks {
            let key = series.disks.get(disk.disk);
            let mut report = |severity, code, message: String| {
                findings.add(severity, code, Some(sample.sequence), key, message);
            };
            for (kind, interval) in disk.histograms.iter() {
                histogram(kind.metric(), kind.title(), interval, &mut report);
            }
            directions(&disk.histograms, &mut report);
        }
    }
    for (index, key) in series.disks.iter().enumerate() {
        clock(series, index, key, findings);
        missing(series, index, key, findings);
    }
    given_interval(series, findings);
}

/// Names the histograms that no sample of a disk has.
fn missing(series: &Series, index: usize, key: &DiskKey, findings: &mut Findings) {
    let samples = || {
        series.samples.iter().filter_map(|sample| {
            let disk = sample.disks.iter().find(|disk| disk.disk == index)?;
            Some((sample, disk))
        })
    };
    let Some((first, _)) = samples().next() else { return };
    let present: BTreeSet<HistogramKind> = samples()
        .flat_map(|(_, disk)| disk.histograms.iter().map(|(kind, _)| kind))
        .collect();
    let titles: Vec<String> = HistogramKind::ALL
        .into_iter()
        .filter(|kind| !present.contains(kind))
        .map(|kind| format!("`{}`", kind.title()))
        .collect();
    if titles.is_empty() {
        return;
    }
    let (severity, why) = if first.flags.contains(&SnapshotFlag::Traced) {
        let why =
            "it was made from commands, of which a trace tells no completion and an older fio no time of issue, so it";
        (Severity::Info, why)
    } else {
        (Severity::Warning, "the output was cut off or taken without them, so it")
    };
    let message = format!(
        "{why} lacks {} of the {} histograms; their numbers are missing: {}",
        titles.len(),
        HistogramKind::COUNT,
        titles.join(", ")
    );
    findings.add(
        severity,
        Code::MissingHistograms,
        Some(first.sequence),
        Some(key),
        message,
    );
}

/// Compares the time that somebody gave for the prints of an import with what their interarrival times add up to.
fn given_interval(series: &Series, findings: &mut Findings) {
    // A trace tells its time itself, and so do times that were printed.
    let undated = |sample: &&Sample| {
        let has = |flag| sample.flags.contains(&flag);
        has(SnapshotFlag::Undated) && !has(SnapshotFlag::Traced) && !has(SnapshotFlag::Timed)
    };
    let (mut given, mut counted) = (0.0, 0.0);
    first_print(series, findings);
    let told = Told::by(&series.samples);
    for (place, sample) in series.samples.iter().enumerate().filter(|(_, sample)| undated(sample)) {
        if let Some(seconds) = told.longest(place) {
            given += sample.seconds;
            counted += seconds;
        }
    }
    if counted + told.open_seconds < given * LEAST_INTERARRIVAL_SHARE {
        let message = format!(
            "the times between I/Os add up to {counted:.1} s of the {given:.1} s that the interval gives: the VM was idle \
             for the rest, or the interval is wrong; rates use the interval"
        );
        findings.add(
            Severity::Warning,
            Code::IntervalContradictsInterarrival,
            None,
            None,
            message,
        );
    }
}

/// States what the rates may be where the first print of an import may have been taken sooner than an interval after the
/// collection began.
fn first_print(series: &Series, findings: &mut Findings) {
    let [first, _, ..] = series.samples.as_slice() else {
        return;
    };
    let stands_alone = first.disks.iter().all(|disk| disk.from_snapshot.is_none());
    if !first.flags.contains(&SnapshotFlag::Undated) || !stands_alone {
        return;
    }
    let counted = seconds_of_sample(first).map_or(0.0, |counted| counted.est);
    if counted >= first.seconds * LEAST_INTERARRIVAL_SHARE {
        return;
    }
    let ios: u64 = series.samples.iter().map(Sample::ios).fold(0, u64::saturating_add);
    let seconds: f64 = series.samples.iter().map(|sample| sample.seconds).sum();
    let message = format!(
        "the first print tells of {counted:.2} s of the {:.2} s that are taken for it: where the collection began later \
         than one interval before it, the IOPS of all prints together are not {:.2}, but up to {:.2}; `import \
         --first-print` decides",
        first.seconds,
        ios as f64 / seconds,
        ios as f64 / (seconds - first.seconds + counted),
    );
    let (severity, sequence) = (Severity::Warning, Some(first.sequence));
    findings.add(severity, Code::FirstPrint, sequence, None, message);
}

fn histogram(metric: Metric, title: &str, interval: &Interval, report: &mut impl FnMut(Severity, Code, String)) {
    let total = interval.total();
    if total != interval.count {
        let message = format!(
            "`{title}`: the buckets hold {total} values and the printed count says {}; the buckets are used",
            interval.count
        );
        report(Severity::Warning, Code::CountMismatch, message);
    }
    if !metric.is_signed() && total == interval.count && estimate::contradicts_buckets(interval, metric) {
        let message = format!("`{title}`: the printed mean does not fit the buckets; the buckets are used");
        report(Severity::Warning, Code::MeanContradictsBuckets, message);
    }
    if let Some((smallest, largest)) = estimate::bucket_extremes(interval)
        && (interval
            .values_at_least
            .zip(smallest)
            .is_some_and(|(least, edge)| least > edge)
            || interval
                .values_at_most
                .zip(largest)
                .is_some_and(|(most, edge)| most <= edge))
    {
        let message =
            format!("`{title}`: the printed minimum or maximum does not fit the buckets; the buckets are used");
        report(Severity::Warning, Code::ExtremesContradictBuckets, message);
    }
}

fn directions(set: &IntervalSet, report: &mut impl FnMut(Severity, Code, String)) {
    let count = |operation| set.of(Metric::IoLength, operation).map(Interval::total);
    let (Some(all), Some(read), Some(write)) = (count(Operation::All), count(Operation::Read), count(Operation::Write))
    else {
        return;
    };
    let both = read.saturating_add(write);
    if all > both {
        let message = format!(
            "{} of {all} commands neither read nor write; they count as other",
            all - both
        );
        report(Severity::Info, Code::OtherCommands, message);
    }
    if all < both {
        let message = format!("reads and writes are {both}, and all commands only {all}; the directions are used");
        report(Severity::Warning, Code::DirectionsExceedTotal, message);
    }
}

/// The interarrival times of a disk reach from I/O to I/O. Those of the samples after its first active one cannot add
/// up to more than the time since that sample began.
fn clock(series: &Series, index: usize, key: &DiskKey, findings: &mut Findings) {
    let mut counted = series.samples.iter().filter_map(|sample| {
        let disk = sample.disks.iter().find(|disk| disk.disk == index)?;
        let interarrival = disk.histograms.of(Metric::Interarrival, Operation::All)?;
        Some((sample, disk, interarrival))
    });
    let Some((first, first_disk, _)) = counted.find(|(.., interarrival)| interarrival.total() > 0) else {
        return;
    };
    let (mut ended, mut row) = (0.0, Interval::empty(Limits::known(Metric::Interarrival)));
    let mut last_snapshot = Some(first_disk.to_snapshot);
    for (sample, disk, interarrival) in counted {
        // What the print between two samples leaves open cancels, as long as they go on with each other.
        if disk.from_snapshot.is_none() || disk.from_snapshot != last_snapshot || row.extend(interarrival).is_err() {
            ended += least_seconds(&row);
            row = interarrival.clone();
        }
        last_snapshot = Some(disk.to_snapshot);
        let added_up = ended + least_seconds(&row);
        let passed = sample.start_seconds + sample.seconds - first.start_seconds;
        if added_up > passed * CLOCK_TOLERANCE + 1.0 {
            let message = format!(
                "the times between I/Os add up to {added_up:.1} s by this sample, and the recorded time is {passed:.1} s; \
                 rates use the recorded time"
            );
            findings.add(
                Severity::Warning,
                Code::InterarrivalExceedsTime,
                Some(sample.sequence),
                Some(key),
                message,
            );
            return;
        }
    }
}

/// No less than that have its times added up to, seconds.
fn least_seconds(interarrival: &Interval) -> f64 {
    interarrival.sum_at_least.max(0) as f64 / 1e6
}
