//! Readings in order, assembled into a series.

use vscsi_shared::snapshot::SnapshotFlag;

use super::chain::Taken;
use super::disks::{Context, Disks, FirstSeen, Part};
use super::duration::{self, Moment, Timeline, seconds_by_interarrival};
use super::gaps::Unclocked;
use super::reading::{DiskReading, Reading};
use crate::analysis::finding::{Code, Findings, Severity};
use crate::analysis::{DiskSample, Sample, Series, printed_times};

/// Two moments closer than this are the same: far below a millisecond, far above rounding.
const SAME_MOMENT_SECONDS: f64 = 1e-6;

/// An import writes its clock in whole milliseconds, rounded up.
const IMPORT_CLOCK_SECONDS: f64 = 0.002;

/// Builds a series from readings that are pushed in order of sequence.
#[derive(Debug, Default)]
pub(super) struct Assembler {
    timeline: Timeline,
    /// Where the last reading with data lies.
    last_at: Option<f64>,
    /// The last reading with data was taken in restart mode.
    in_restart_mode: bool,
    /// Sequence of the last snapshot that was pushed, and of the last one that was left out before it.
    last_pushed: Option<u32>,
    last_unseen: Option<u32>,
    disks: Disks,
    samples: Vec<Sample>,
    unclocked: Unclocked,
    /// Sequence of the last snapshot that did not fail.
    last_usable: Option<u32>,
    /// Sequence of the last snapshot when it failed, so that nothing spans it.
    last_failed: Option<u32>,
}

impl Assembler {
    pub(super) fn push(&mut self, mut reading: Reading, findings: &mut Findings) {
        report_flags(&reading, findings);
        let before = reading.sequence.checked_sub(1);
        if before != self.last_pushed {
            self.last_unseen = before;
        }
        self.last_pushed = Some(reading.sequence);
        if reading.has(SnapshotFlag::Gap) {
            self.last_failed = None;
            return;
        }
        if reading.has(SnapshotFlag::Failed) {
            // What it holds whole is as good as any other print, and its other disks wait for the next one.
            reading.disks.retain(DiskReading::is_whole);
            self.last_failed = Some(reading.sequence);
        } else {
            self.disks.report_missing(&reading.missing, reading.sequence, findings);
            self.last_usable = Some(reading.sequence);
            self.last_failed = None;
        }
        // A snapshot without data, such as one that was missed, says nothing about time either: those that were missed
        // together are all written in the same moment.
        if reading.disks.is_empty() {
            return;
        }
        let at = match self.timeline.place(&reading) {
            Moment::At(seconds) => Some(seconds),
            Moment::Unknown => None,
            Moment::Backwards => {
                self.last_unseen = Some(reading.sequence);
                findings.add(
                    Severity::Error,
                    Code::ClockWentBack,
                    Some(reading.sequence),
                    None,
                    "the monotonic clock did not move forward since the snapshot before; the snapshot is left out",
                );
                return;
            }
        };
        let restarted = reading.has(SnapshotFlag::Restarted);
        self.push_disks(reading, at, findings);
        self.in_restart_mode = restarted;
        self.last_at = at.or(self.last_at);
    }

    /// The series so far, with the disks in order of their keys and the time from the beginning of the first sample on.
    pub(super) fn finish(self, findings: &mut Findings) -> Series {
        if let Some(last_failed) = self.last_failed {
            self.disks.report_unfinished(self.last_usable, last_failed, findings);
        }
        let mut disks = self.disks.into_keys();
        let mut order: Vec<usize> = (0..disks.len()).collect();
        order.sort_by(|one, two| disks.get(*one).cmp(&disks.get(*two)));
        let mut samples = self.samples;
        self.unclocked.place(&mut samples, findings);
        printed_times::settle_alone(&mut samples, findings);
        let zero = samples.first().map_or(0.0, |first| first.start_seconds);
        for sample in &mut samples {
            sample.start_seconds -= zero;
            for disk in &mut sample.disks {
                disk.disk = order.iter().position(|&old| old == disk.disk).unwrap_or(disk.disk);
            }
            sample.disks.sort_by_key(|disk| disk.disk);
        }
        disks.sort();
        Series { disks, samples }
    }

    fn push_disks(&mut self, reading: Reading, at: Option<f64>, findings: &mut Findings) {
        let is_imported = reading.has(SnapshotFlag::Undated);
        let is_baseline = is_imported && reading.has(SnapshotFlag::NewBaseline);
        if is_baseline && !reading.has(SnapshotFlag::Traced) {
            report_baseline(&reading, findings);
        }
        let context = Context {
            taken: Taken {
                sequence: reading.sequence,
                at,
                monotonic_ms: reading.monotonic_ms.filter(|_| !is_imported),
                failed: reading.has(SnapshotFlag::Failed),
            },
            restarted: reading.has(SnapshotFlag::Restarted),
            handed_over: reading.has(SnapshotFlag::Resumed) && self.in_restart_mode,
            // A new handle is what the agent means, and the other disks of the snapshot go on.
            new_baseline: reading.has(SnapshotFlag::NewBaseline) && !self.disks.any_is_new(&reading.disks),
            last_unseen: self.last_unseen,
            boot_id: reading.boot_id,
            first_seen: if is_imported && !is_baseline {
                FirstSeen::SinceStart
            } else {
                FirstSeen::SinceUnknown
            },
            previous_at: self.last_at,
        };
        let parts: Vec<Part> = reading
            .disks
            .into_iter()
            .filter_map(|disk| self.disks.push(disk, &context, findings))
            .collect();
        if parts.is_empty() {
            return;
        }
        let Some((start, end)) = self.period(&parts, at, reading.sequence) else {
            return;
        };
        let is_first_print = is_imported
            && at.is_some()
            && self.samples.is_empty()
            && parts.iter().all(|part| part.from_snapshot.is_none());
        let by_interarrival = is_first_print && takes_interarrival_time(&parts, end - start);
        if by_interarrival {
            let message = format!(
                "the times between the I/Os of the first print add up to {:.2} s, which is not the interval given: its \
                 rates use them, and `import --first-print` decides otherwise",
                end - start
            );
            findings.add(
                Severity::Warning,
                Code::TimeFromInterarrival,
                Some(reading.sequence),
                None,
                message,
            );
        }
        let sample = Sample {
            sequence: reading.sequence,
            taken_at: reading.taken_at,
            start_seconds: start,
            seconds: end - start,
            flags: reading.flags,
            disks: parts
                .into_iter()
                .map(|part| DiskSample {
                    disk: part.disk,
                    edge_ios: u64::from((part.since.is_none() || by_interarrival) && part.removed.first_io),
                    histograms: part.histograms,
                    from_snapshot: part.from_snapshot,
                    to_snapshot: reading.sequence,
                })
                .collect(),
        };
        self.append(sample, findings);
    }

    /// Where the sample begins and ends on the axis. Without a clock that is told when all samples are there.
    fn period(&mut self, parts: &[Part], at: Option<f64>, sequence: u32) -> Option<(f64, f64)> {
        let Some(end) = at else {
            self.unclocked.add(sequence, parts);
            return Some((0.0, 0.0));
        };
        let start = parts.iter().filter_map(|part| part.since).fold(end, f64::min);
        (end > start).then_some((start, end))
    }

    /// Appends a sample. Where one of its disks was unusable in the snapshot before, so that its difference reaches
    /// back into samples that exist, those are merged into it: every I/O is counted once, over the right time.
    fn append(&mut self, mut sample: Sample, findings: &mut Findings) {
        while let Some(before) = self
            .samples
            .pop_if(|before| before.start_seconds + before.seconds > sample.start_seconds + SAME_MOMENT_SECONDS)
        {
            findings.add(
                Severity::Info,
                Code::MergedSamples,
                Some(before.sequence),
                None,
                format!(
                    "sample {} was merged into {}, whose disks span both",
                    before.sequence, sample.sequence
                ),
            );
            let end = sample.start_seconds + sample.seconds;
            sample.start_seconds = sample.start_seconds.min(before.start_seconds);
            sample.seconds = end - sample.start_seconds;
            sample.flags.extend(before.flags);
            for mut earlier in before.disks {
                match sample.disks.iter_mut().find(|disk| disk.disk == earlier.disk) {
                    Some(disk) => match earlier.append(disk) {
                        Ok(()) => *disk = earlier,
                        Err(_) => findings.add(
                            Severity::Error,
                            Code::LimitsChanged,
                            Some(before.sequence),
                            self.disks.key(disk.disk),
                            "the bucket limits changed within a merged sample; its earlier part is left out",
                        ),
                    },
                    None => sample.disks.push(earlier),
                }
            }
        }
        self.samples.push(sample);
    }
}

/// The first print of an import takes what its interarrival times add up to, where that is not the interval, which is a
/// whole number of seconds.
fn takes_interarrival_time(parts: &[Part], seconds: f64) -> bool {
    if (seconds - seconds.round()).abs() < SAME_MOMENT_SECONDS {
        return false;
    }
    let counted = duration::longest(
        parts
            .iter()
            .filter_map(|part| seconds_by_interarrival(&part.histograms)),
    );
    // What they add up to is estimated, and where even the least of that is longer than the interval, it is that.
    let ends = counted.map_or([0.0; 2], |counted| [counted.est, counted.lo]);
    ends.into_iter()
        .any(|counted| (seconds - counted).abs() <= IMPORT_CLOCK_SECONDS)
}

/// Says that the first print of an import is a baseline.
fn report_baseline(reading: &Reading, findings: &mut Findings) {
    let mut histograms = reading.disks.iter().flat_map(|disk| disk.histograms.iter());
    let message = if histograms.all(|(_, histogram)| histogram.count() == 0) {
        "the first print is empty: it was taken when the collection began, so it is the baseline and no time without \
         I/O; `import --first-print interval` counts an interval for it"
    } else {
        "the first print is taken as the baseline, and what it counted is left out; `import --first-print interval` counts \
         it"
    };
    let (severity, sequence) = (Severity::Info, Some(reading.sequence));
    findings.add(severity, Code::FirstPrint, sequence, None, message);
}

fn report_flags(reading: &Reading, findings: &mut Findings) {
    let sequence = Some(reading.sequence);
    let mut add = |severity, code, message: String| findings.add(severity, code, sequence, None, message);
    let said = reading
        .diagnostics
        .first()
        .map_or_else(String::new, |first| format!(" ({first})"));
    for flag in &reading.flags {
        match flag {
            SnapshotFlag::Gap => add(
                Severity::Warning,
                Code::Gap,
                "the VM was not running on this host; the time is left out".to_owned(),
            ),
            SnapshotFlag::Failed => add(
                Severity::Warning,
                Code::FailedSnapshot,
                format!(
                    "the snapshot failed{said}; disks that it holds whole are used, and the next difference of the \
                     others spans it"
                ),
            ),
            SnapshotFlag::Late => add(
                Severity::Info,
                Code::LateSnapshot,
                "the snapshot was taken late; rates use the time that really passed".to_owned(),
            ),
            SnapshotFlag::Foreign => add(
                Severity::Info,
                Code::ForeignCollection,
                "somebody else had started the collection; its counters were used".to_owned(),
            ),
            SnapshotFlag::Retried
            | SnapshotFlag::NewBaseline
            | SnapshotFlag::Resumed
            | SnapshotFlag::Restarted
            | SnapshotFlag::Undated
            | SnapshotFlag::Traced
            | SnapshotFlag::Timed => {}
        }
    }
    // What a failed snapshot printed is said with the failure.
    let is_known = reading.has(SnapshotFlag::Failed) || reading.has(SnapshotFlag::Gap);
    if let Some(first) = reading.diagnostics.first().filter(|_| !is_known) {
        add(
            Severity::Warning,
            Code::UnusableOutput,
            format!("part of the output could not be used: {first}"),
        );
    }
}
