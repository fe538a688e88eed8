//! Readings in order, assembled into a series.

use std::collections::BTreeMap;

use vscsi_shared::histogram::IntervalSet;
use vscsi_shared::snapshot::SnapshotFlag;

use super::artefact::Removed;
use super::chain::{self, Advance, Chain};
use super::duration::{Moment, Timeline, seconds_by_interarrival};
use super::reading::{DiskReading, Reading};
use crate::analysis::finding::{Code, Findings, Severity};
use crate::analysis::{DiskKey, DiskSample, Sample, Series};

/// Two moments closer than this are the same: far below a millisecond, far above rounding.
const SAME_MOMENT_SECONDS: f64 = 1e-6;

/// An import writes its clock in whole milliseconds, rounded up.
const IMPORT_CLOCK_SECONDS: f64 = 0.002;

/// Builds a series from readings that are pushed in order of sequence.
#[derive(Debug, Default)]
pub(super) struct Assembler {
    timeline: Timeline,
    /// Where the last reading of any kind lies.
    last_at: Option<f64>,
    disks: Vec<DiskKey>,
    chains: BTreeMap<usize, Chain>,
    /// Disks without a node, by their position in the header.
    nameless: BTreeMap<usize, DiskKey>,
    samples: Vec<Sample>,
}

/// One disk's share of the sample in the making.
#[derive(Debug)]
struct Part {
    disk: usize,
    /// Where the sample begins; `None` without a clock.
    since: Option<f64>,
    histograms: IntervalSet,
    removed: Removed,
}

impl Assembler {
    pub(super) fn push(&mut self, reading: Reading, findings: &mut Findings) {
        report_flags(&reading, findings);
        let moment = self.timeline.place(&reading);
        if moment == Moment::Backwards {
            findings.add(
                Severity::Error,
                Code::ClockWentBack,
                Some(reading.sequence),
                None,
                "the monotonic clock did not move forward since the snapshot before; the snapshot is left out",
            );
            return;
        }
        let at = match moment {
            Moment::At(seconds) => Some(seconds),
            Moment::Backwards | Moment::Unknown => None,
        };
        if !reading.has(SnapshotFlag::Gap) && !reading.has(SnapshotFlag::Failed) {
            self.push_disks(reading, at, findings);
        }
        self.last_at = at.or(self.last_at);
    }

    /// The series so far, with the disks in order of their keys.
    pub(super) fn finish(self) -> Series {
        let mut order: Vec<usize> = (0..self.disks.len()).collect();
        order.sort_by(|one, two| self.disks.get(*one).cmp(&self.disks.get(*two)));
        let mut samples = self.samples;
        for sample in &mut samples {
            for disk in &mut sample.disks {
                disk.disk = order.iter().position(|&old| old == disk.disk).unwrap_or(disk.disk);
            }
            sample.disks.sort_by_key(|disk| disk.disk);
        }
        let mut disks = self.disks;
        disks.sort();
        Series { disks, samples }
    }

    fn push_disks(&mut self, reading: Reading, at: Option<f64>, findings: &mut Findings) {
        let context = Context {
            sequence: reading.sequence,
            boot_id: reading.boot_id.clone(),
            undated: reading.has(SnapshotFlag::Undated),
            restarted: reading.has(SnapshotFlag::Restarted),
            new_baseline: reading.has(SnapshotFlag::NewBaseline),
            at,
        };
        for handle in &reading.missing {
            if let Some((disk, _)) = self.chains.iter().find(|(_, chain)| chain.handle() == *handle) {
                findings.add(
                    Severity::Warning,
                    Code::IncompleteDisk,
                    Some(context.sequence),
                    self.disks.get(*disk),
                    format!(
                        "vscsiStats printed nothing for handle {handle}; the next difference of this disk spans it"
                    ),
                );
            }
        }
        let parts: Vec<Part> = reading
            .disks
            .into_iter()
            .filter_map(|disk| self.push_disk(disk, &context, findings))
            .collect();
        if parts.is_empty() {
            return;
        }
        let Some((start, end)) = self.period(&parts, at, context.sequence, findings) else {
            return;
        };
        let is_first_print = context.undated && at.is_some() && self.samples.is_empty();
        let by_interarrival = is_first_print && takes_interarrival_time(&parts, end - start);
        if by_interarrival {
            let message = format!(
                "the times between the I/Os of the first print add up to {:.1} s, more than the interval given; its \
                 rates use them",
                end - start
            );
            findings.add(
                Severity::Warning,
                Code::TimeFromInterarrival,
                Some(context.sequence),
                None,
                message,
            );
        }
        let sample = Sample {
            sequence: context.sequence,
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
                })
                .collect(),
        };
        self.append(sample, findings);
    }

    fn push_disk(&mut self, disk: DiskReading, context: &Context, findings: &mut Findings) -> Option<Part> {
        let index = self.disk_index(&disk);
        let key = self.disks.get(index).cloned();
        let report = |findings: &mut Findings, severity, code, message: String| {
            findings.add(severity, code, Some(context.sequence), key.as_ref(), message);
        };
        let handle = disk.histograms.handle_id;
        let same = self.chains.get_mut(&index).filter(|chain| {
            if chain.boot_id != context.boot_id {
                let message = "the host was booted: counters and clock begin again, and what was counted between the \
                               last snapshot before and this one is unknown";
                report(findings, Severity::Warning, Code::HostRebooted, message.to_owned());
                return false;
            }
            if chain.handle() != handle {
                let before = chain.handle();
                let message = format!(
                    "the handle changed from {before} to {handle}: counters begin again, and what was counted between \
                     the last snapshot before and this one is unknown"
                );
                report(findings, Severity::Warning, Code::HandleChanged, message);
                return false;
            }
            true
        });
        let (since, histograms, removed) = match same {
            Some(chain) if !context.restarted => {
                let since = chain.at;
                match chain.advance(disk.histograms, context.at, !context.undated) {
                    Advance::Difference(set, removed) => {
                        if context.undated && set.iter().all(|(_, interval)| interval.count == 0) {
                            let message = "the print is the same as the one before: there was no I/O between them, or \
                                           one print is there twice";
                            report(findings, Severity::Warning, Code::IdenticalPrints, message.to_owned());
                        }
                        (since, set, removed)
                    }
                    Advance::Reset(..) if context.new_baseline => return None,
                    Advance::Reset(set, removed) => {
                        let severity = if context.undated {
                            Severity::Info
                        } else {
                            Severity::Warning
                        };
                        let message = "counters were reset since the snapshot before: this sample holds what was \
                                       counted after the reset, and what came before it is unknown";
                        report(findings, severity, Code::CounterReset, message.to_owned());
                        (since, set, removed)
                    }
                    Advance::LimitsChanged => {
                        let message = "the bucket limits changed: no difference can be made, and a new baseline begins";
                        report(findings, Severity::Warning, Code::LimitsChanged, message.to_owned());
                        return None;
                    }
                    Advance::Incomplete(kind) => {
                        let message = format!(
                            "the histogram `{}` is missing; the next difference of this disk spans the snapshot",
                            kind.title()
                        );
                        report(findings, Severity::Warning, Code::IncompleteDisk, message);
                        return None;
                    }
                }
            }
            _ => {
                // In restart mode the counters are those of the time since the agent's last action; an import stands
                // alone as well. Anything else is a baseline: how long its counters took is unknown.
                let since = if context.undated {
                    Some(self.last_at.unwrap_or(0.0))
                } else {
                    self.last_at
                };
                let alone = context.undated || (context.restarted && self.last_at.is_some());
                let counters = disk.histograms;
                let longest_pause = context.at.zip(since).map(|(now, then)| now - then);
                let whole = alone.then(|| chain::whole(&counters, longest_pause));
                self.chains
                    .insert(index, Chain::begin(counters, context.boot_id.clone(), context.at));
                let (set, removed) = whole?;
                (since, set, removed)
            }
        };
        if let Some(uptime_us) = removed.uptime_us {
            let message = format!(
                "the first interarrival time of {:.2} days is the host's uptime and was removed",
                uptime_us as f64 / 86_400e6
            );
            report(findings, Severity::Info, Code::UptimeArtefact, message);
        }
        if removed.seeks > 0 {
            let message = "the first seek distance of a collection is measured from block 0 and was removed";
            report(findings, Severity::Info, Code::FirstSeekArtefact, message.to_owned());
        }
        Some(Part {
            disk: index,
            since: since.filter(|_| context.at.is_some()),
            histograms,
            removed,
        })
    }

    fn disk_index(&mut self, disk: &DiskReading) -> usize {
        let key = if disk.node.is_empty() {
            let handle = disk.histograms.handle_id;
            self.nameless
                .entry(disk.position)
                .or_insert_with(|| DiskKey(handle.to_string()))
                .clone()
        } else {
            DiskKey(disk.node.clone())
        };
        self.disks.iter().position(|known| *known == key).unwrap_or_else(|| {
            self.disks.push(key);
            self.disks.len() - 1
        })
    }

    /// Where the sample begins and ends on the axis.
    fn period(&self, parts: &[Part], at: Option<f64>, sequence: u32, findings: &mut Findings) -> Option<(f64, f64)> {
        if let Some(end) = at {
            let start = parts.iter().filter_map(|part| part.since).fold(end, f64::min);
            return (end > start).then_some((start, end));
        }
        let start = self
            .samples
            .last()
            .map_or(0.0, |sample| sample.start_seconds + sample.seconds);
        let seconds = parts
            .iter()
            .filter_map(|part| seconds_by_interarrival(&part.histograms))
            .fold(0.0, f64::max);
        if seconds > 0.0 {
            let message = format!(
                "the capture has no time stamps: its {seconds:.1} s are what the times between its I/Os add up to"
            );
            findings.add(
                Severity::Info,
                Code::TimeFromInterarrival,
                Some(sequence),
                None,
                message,
            );
            Some((start, start + seconds))
        } else {
            let message = "the capture has no time stamps and too few I/Os to tell how long it took; it is left out";
            findings.add(Severity::Error, Code::UnknownDuration, Some(sequence), None, message);
            None
        }
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
            for earlier in before.disks {
                match sample.disks.iter_mut().find(|disk| disk.disk == earlier.disk) {
                    Some(disk) => {
                        if disk.histograms.merge(&earlier.histograms).is_err() {
                            findings.add(
                                Severity::Error,
                                Code::LimitsChanged,
                                Some(before.sequence),
                                self.disks.get(earlier.disk),
                                "the bucket limits changed within a merged sample; its earlier part is left out",
                            );
                        }
                    }
                    None => sample.disks.push(earlier),
                }
            }
        }
        self.samples.push(sample);
    }
}

/// What the disks of one reading have in common.
#[derive(Debug)]
struct Context {
    sequence: u32,
    boot_id: String,
    undated: bool,
    restarted: bool,
    new_baseline: bool,
    at: Option<f64>,
}

/// The first print of an import takes what its interarrival times add up to where that is more than the interval.
fn takes_interarrival_time(parts: &[Part], seconds: f64) -> bool {
    let counted = parts
        .iter()
        .filter_map(|part| seconds_by_interarrival(&part.histograms))
        .fold(0.0, f64::max);
    (seconds - counted).abs() <= IMPORT_CLOCK_SECONDS
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
                format!("vscsiStats failed{said}; the next difference spans the snapshot, so no I/O is lost"),
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
            | SnapshotFlag::Undated => {}
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
