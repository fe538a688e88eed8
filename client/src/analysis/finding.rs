//! What the analysis noticed about its data. Nothing odd is swallowed: it is either used and said, or left out and
//! said.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::DiskKey;

/// How much a finding matters to the numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Worth knowing; the numbers are as good as ever.
    Info,
    /// Some numbers cover less, or are less certain, than they would be.
    Warning,
    /// Data was unusable or contradicts itself.
    Error,
}

/// What kind of thing was noticed; the word in `summary.json`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Code {
    /// A snapshot file cannot be read and is left out.
    UnreadableSnapshot,
    /// The parser could not use part of the output.
    UnusableOutput,
    /// The agent marked the snapshot as failed; the next difference spans it. On a disk: none follows.
    FailedSnapshot,
    /// The VM was not on the host.
    Gap,
    /// A snapshot was taken late.
    LateSnapshot,
    /// Snapshots are missing in the row of sequences, or at its end.
    MissingSnapshot,
    /// A disk's histograms are incomplete in a snapshot, or were in the one before.
    IncompleteDisk,
    /// Samples were merged because a disk's difference spans them.
    MergedSamples,
    /// Counters began again: somebody reset them, or began the collection anew.
    CounterReset,
    /// The disk has a new handle, so its counters begin again.
    HandleChanged,
    /// The host was booted, so the counters and the clock begin again.
    HostRebooted,
    /// The monotonic clock did not move forward.
    ClockWentBack,
    /// Bucket limits changed between two snapshots.
    LimitsChanged,
    /// Nothing tells how long a stretch took.
    UnknownDuration,
    /// The uptime of the host, counted as the first interarrival, was removed.
    UptimeArtefact,
    /// The seek from block 0, counted as the first seek distance, was removed.
    FirstSeekArtefact,
    /// The sum of the buckets is not the printed count.
    CountMismatch,
    /// Commands that neither read nor write, or counters of the directions that do not fit the total.
    OtherCommands,
    /// Reads and writes are more than all commands.
    DirectionsExceedTotal,
    /// Counts of one print that have to agree do not.
    CountsContradict,
    /// Minimum, maximum or mean of all commands do not fit those of reads and writes, or those of the print before.
    FiguresContradict,
    /// The printed mean and the buckets cannot both be true.
    MeanContradictsBuckets,
    /// The printed minimum or maximum lies outside the buckets that hold values.
    ExtremesContradictBuckets,
    /// Interarrival times add up to more than the recorded time.
    InterarrivalExceedsTime,
    /// The recorded time was taken from the interarrival histogram.
    TimeFromInterarrival,
    /// The first print of an import is a baseline, or how long it counted is not known.
    FirstPrint,
    /// The interarrival times make up less than the time that was given for an import.
    IntervalContradictsInterarrival,
    /// Times that were printed beside the prints of an import tell how long its samples are.
    PrintedTimes,
    /// A print of an import does not go on with the one before it, and how long it counted is not known.
    CountersBeganAgain,
    /// Two successive prints of an import hold the same numbers.
    IdenticalPrints,
    /// A disk lacks histograms that vscsiStats prints.
    MissingHistograms,
    /// The collection belonged to somebody else.
    ForeignCollection,
    /// An end of the selected period is a time of day.
    TimeOfDay,
    /// A disk of the selection has no data, or none for part of the time.
    NoDataForDisk,
    /// A few samples hold most of the I/O.
    FewSamplesHoldMost,
}

impl Code {
    /// It is about one snapshot file, which is told by its name, and not about what happened in several.
    fn is_of_one_file(self) -> bool {
        matches!(self, Self::UnreadableSnapshot | Self::MissingSnapshot)
    }
}

/// Something noticed about the data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// How much it matters.
    pub severity: Severity,
    /// What kind of thing it is.
    pub code: Code,
    /// What happened, and what the analysis did about it; of the first occurrence.
    pub message: String,
    /// The snapshot it was first seen in.
    pub sequence: Option<u32>,
    /// The disk it concerns; `None` for all.
    pub disk: Option<DiskKey>,
    /// How often it was seen.
    pub occurrences: u64,
}

impl Finding {
    /// What to say instead of a message that may hold words of others: names, paths, output of the host, dates, and how
    /// long the host was up. `None` where the message is made of numbers and of the titles of histograms. A kind of finding
    /// whose messages hold more has its place among the first ones.
    pub(super) fn in_own_words(&self) -> Option<&'static str> {
        match self.code {
            Code::UnreadableSnapshot => Some("a snapshot file cannot be used and is left out"),
            Code::UnusableOutput => Some("part of the output could not be used"),
            Code::FailedSnapshot if self.disk.is_none() => Some(
                "the snapshot failed; disks that it holds whole are used, and the next difference of the others spans it",
            ),
            Code::IncompleteDisk => {
                Some("the histograms of the disk are incomplete in this snapshot, or were in the one before")
            }
            Code::HandleChanged => Some(
                "the handle changed: counters begin again, and what was counted between the last snapshot before and this \
                 one is unknown",
            ),
            Code::UptimeArtefact => Some("the first interarrival time is the host's uptime and was removed"),
            Code::TimeOfDay => Some("the samples are those of a period by the host's clock"),
            Code::FailedSnapshot
            | Code::Gap
            | Code::LateSnapshot
            | Code::MissingSnapshot
            | Code::MergedSamples
            | Code::CounterReset
            | Code::HostRebooted
            | Code::ClockWentBack
            | Code::LimitsChanged
            | Code::UnknownDuration
            | Code::FirstSeekArtefact
            | Code::CountMismatch
            | Code::OtherCommands
            | Code::DirectionsExceedTotal
            | Code::CountsContradict
            | Code::FiguresContradict
            | Code::MeanContradictsBuckets
            | Code::ExtremesContradictBuckets
            | Code::InterarrivalExceedsTime
            | Code::TimeFromInterarrival
            | Code::FirstPrint
            | Code::IntervalContradictsInterarrival
            | Code::PrintedTimes
            | Code::CountersBeganAgain
            | Code::IdenticalPrints
            | Code::MissingHistograms
            | Code::ForeignCollection
            | Code::NoDataForDisk
            | Code::FewSamplesHoldMost => None,
        }
    }
}

/// Collects findings; the same kind on the same disk is counted instead of repeated, unless each names a file.
#[derive(Debug, Default)]
pub(super) struct Findings {
    by_kind: BTreeMap<(Code, Option<DiskKey>, Option<u32>), Finding>,
}

impl Findings {
    /// Adds a finding.
    pub(super) fn add(
        &mut self,
        severity: Severity,
        code: Code,
        sequence: Option<u32>,
        disk: Option<&DiskKey>,
        message: impl Into<String>,
    ) {
        self.by_kind
            .entry((code, disk.cloned(), sequence.filter(|_| code.is_of_one_file())))
            .and_modify(|finding| finding.occurrences += 1)
            .or_insert_with(|| Finding {
                severity,
                code,
                message: message.into(),
                sequence,
                disk: disk.cloned(),
                occurrences: 1,
            });
    }

    /// The findings, the gravest first, then in order of snapshot.
    pub(super) fn into_sorted(self) -> Vec<Finding> {
        let mut findings: Vec<Finding> = self.by_kind.into_values().collect();
        sort(&mut findings);
        findings
    }
}

/// The gravest first, then in order of snapshot.
pub(super) fn sort(findings: &mut [Finding]) {
    findings.sort_by_key(|finding| (std::cmp::Reverse(finding.severity), finding.sequence));
}
