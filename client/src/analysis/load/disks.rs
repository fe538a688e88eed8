//! The disks of a job: what each one counted from snapshot to snapshot.

use std::collections::BTreeMap;

use vscsi_shared::histogram::{HistogramKind, IntervalSet};
use vscsi_shared::identifier::HandleId;

use super::agree;
use super::artefact::{self, Removed};
use super::chain::{self, Advance, Chain, Taken};
use super::figures;
use super::reading::DiskReading;
use crate::analysis::DiskKey;
use crate::analysis::finding::{Code, Findings, Severity};

/// Every disk seen so far, with its counters.
#[derive(Debug, Default)]
pub(super) struct Disks {
    keys: Vec<DiskKey>,
    chains: BTreeMap<usize, Chain>,
    /// Disks without a node, by their position in the header.
    nameless: BTreeMap<usize, DiskKey>,
}

/// One disk's share of the sample in the making.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) disk: usize,
    /// Where the sample begins; `None` without a clock.
    pub(super) since: Option<f64>,
    /// The snapshot whose counters were subtracted.
    pub(super) from_snapshot: Option<u32>,
    pub(super) histograms: IntervalSet,
    pub(super) removed: Removed,
}

/// What the disks of one reading have in common.
#[derive(Debug)]
pub(super) struct Context {
    pub(super) taken: Taken,
    pub(super) boot_id: String,
    /// The agent set the counters to zero after the last whole snapshot.
    pub(super) restarted: bool,
    /// Another agent took over in restart mode, and cannot tell whether the one before had set them to zero.
    pub(super) handed_over: bool,
    /// The agent had to begin the collection anew.
    pub(super) new_baseline: bool,
    /// Since when the disks count that no print before had.
    pub(super) first_seen: FirstSeen,
    /// The last snapshot that is missing or was left out, so that nobody knows whether it was whole.
    pub(super) last_unseen: Option<u32>,
    /// Where the reading before lies on the time axis.
    pub(super) previous_at: Option<f64>,
}

/// Since when a disk counts that no print before had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FirstSeen {
    /// The beginning of the collection.
    SinceStart,
    /// Nobody knows, so the print is a baseline.
    SinceUnknown,
}

/// Findings about one disk in one snapshot.
struct Report<'findings> {
    findings: &'findings mut Findings,
    sequence: u32,
    disk: Option<DiskKey>,
}

impl Report<'_> {
    fn add(&mut self, severity: Severity, code: Code, message: impl Into<String>) {
        let (sequence, disk) = (Some(self.sequence), self.disk.as_ref());
        self.findings.add(severity, code, sequence, disk, message);
    }
}

impl Disks {
    pub(super) fn key(&self, disk: usize) -> Option<&DiskKey> {
        self.keys.get(disk)
    }

    pub(super) fn into_keys(self) -> Vec<DiskKey> {
        self.keys
    }

    /// One of the disks has a handle that no snapshot before had.
    pub(super) fn any_is_new(&self, disks: &[DiskReading]) -> bool {
        let is_known = |disk: &DiskReading| {
            let handle = disk.histograms.handle_id;
            self.chains.values().any(|chain| chain.handle() == handle)
        };
        !disks.iter().all(is_known)
    }

    /// What the disk counted since the print before; `None` when that is unknown, as in a baseline.
    pub(super) fn push(&mut self, disk: DiskReading, context: &Context, findings: &mut Findings) -> Option<Part> {
        let index = self.index_of(&disk, context.taken.is_imported());
        let mut report = Report {
            findings,
            sequence: context.taken.sequence,
            disk: self.key(index).cloned(),
        };
        let counters = disk.histograms;
        let at = context.taken.at;
        if let Some(message) = agree::contradiction(&counters) {
            report.add(Severity::Error, Code::CountsContradict, message);
        }
        // Another one's collection may have begun before the first snapshot.
        let longest_pause = at.map(|at| at.max(artefact::LONGEST_UNATTENDED_PAUSE_SECONDS));
        if let Some(message) = figures::contradiction(&counters, longest_pause) {
            report.add(Severity::Warning, Code::FiguresContradict, message);
        }
        let same = self
            .chains
            .get_mut(&index)
            .filter(|chain| goes_on(chain, counters.handle_id, context, &mut report));
        let (since, from_snapshot, counted) = if let Some(chain) = same {
            let before = chain.taken;
            let moved_back = figures::contradiction_since(chain.counters(), &counters);
            let advance = chain.advance(counters, context.taken, context.restarted);
            let from = matches!(advance, Advance::Difference(..)).then_some(before.sequence);
            if let Some(message) = moved_back.filter(|_| from.is_some()) {
                report.add(Severity::Warning, Code::FiguresContradict, message);
            }
            (at.and(before.at), from, counted(advance, before, context, &mut report))
        } else {
            // The first print of an import counts from the beginning of the collection, unless it is told to be a
            // baseline as any other one is: how long its counters took is unknown.
            let since = at.map(|_| context.previous_at.unwrap_or(0.0));
            let longest_pause = at.zip(since).map(|(now, then)| now - then);
            let whole = (context.first_seen == FirstSeen::SinceStart).then(|| chain::whole(&counters, longest_pause));
            let chain = Chain::begin(counters, context.boot_id.clone(), context.taken);
            self.chains.insert(index, chain);
            (since, None, whole)
        };
        let (histograms, removed) = counted?;
        report_removed(removed, &mut report);
        Some(Part {
            disk: index,
            since,
            from_snapshot,
            histograms,
            removed,
        })
    }

    /// Reports the disks of the job that a usable snapshot did not print.
    pub(super) fn report_missing(&self, missing: &[HandleId], sequence: u32, findings: &mut Findings) {
        for handle in missing {
            if let Some((disk, _)) = self.chains.iter().find(|(_, chain)| chain.handle() == *handle) {
                let message = format!(
                    "vscsiStats printed nothing for handle {handle}; the next difference of this disk spans it"
                );
                let (severity, code) = (Severity::Warning, Code::IncompleteDisk);
                findings.add(severity, code, Some(sequence), self.key(*disk), message);
            }
        }
    }

    /// Reports the disks that no snapshot holds after `last_usable`, because those from there on to `last_failed`
    /// failed.
    pub(super) fn report_unfinished(&self, last_usable: Option<u32>, last_failed: u32, findings: &mut Findings) {
        for (disk, chain) in &self.chains {
            let last = chain.taken.sequence;
            if last < last_failed && last_usable.is_none_or(|usable| last >= usable) {
                let message = format!(
                    "no snapshot follows the failed ones at the end: what the disk did after snapshot {last} is not in \
                     the samples"
                );
                let (severity, code) = (Severity::Warning, Code::FailedSnapshot);
                findings.add(severity, code, Some(last_failed), self.key(*disk), message);
            }
        }
    }

    fn index_of(&mut self, disk: &DiskReading, is_imported: bool) -> usize {
        let handle = || DiskKey(disk.histograms.handle_id.to_string());
        let key = if !disk.node.is_empty() {
            DiskKey(disk.node.clone())
        } else if is_imported {
            // Its header names what was printed, so a position in it means nothing where a disk is missing.
            handle()
        } else {
            self.nameless.entry(disk.position).or_insert_with(handle).clone()
        };
        self.keys.iter().position(|known| *known == key).unwrap_or_else(|| {
            self.keys.push(key);
            self.keys.len() - 1
        })
    }
}

/// The counters are still those of the chain's boot and handle.
fn goes_on(chain: &Chain, handle: HandleId, context: &Context, report: &mut Report) -> bool {
    if chain.boot_id != context.boot_id {
        let message = "the host was booted: counters and clock begin again, and what was counted between the last \
                       snapshot before and this one is unknown";
        report.add(Severity::Warning, Code::HostRebooted, message);
        return false;
    }
    if chain.handle() != handle {
        let before = chain.handle();
        let message = format!(
            "the handle changed from {before} to {handle}: counters begin again, and what was counted between the last \
             snapshot before and this one is unknown"
        );
        report.add(Severity::Warning, Code::HandleChanged, message);
        return false;
    }
    true
}

/// The histograms that an advance gives; `None` when it is only a new baseline, or nothing.
fn counted(advance: Advance, before: Taken, context: &Context, report: &mut Report) -> Option<(IntervalSet, Removed)> {
    let is_imported = context.taken.is_imported();
    let is_unseen = context.last_unseen.is_some_and(|unseen| unseen > before.sequence);
    match advance {
        Advance::Difference(set, removed, appeared) => {
            if is_imported && set.iter().all(|(_, interval)| interval.count == 0) {
                let message = "the print is the same as the one before: there was no I/O between them, or one print is \
                               there twice";
                report.add(Severity::Warning, Code::IdenticalPrints, message);
            }
            report_appeared(&appeared, &set, report);
            Some((set, removed))
        }
        // The agent before did it right after its last snapshot, as always.
        Advance::Reset(set, removed) if context.handed_over && !is_unseen => Some((set, removed)),
        // The agent had to begin the collection anew, as after a standstill, and its snapshot does not tell when: the
        // counters hold some of the time since the print before, or nearly none of it.
        Advance::Restarted(..) | Advance::Reset(..) if context.new_baseline => {
            let message = "the collection was begun anew at some time since the snapshot before: a new baseline \
                           begins, and what was counted in between is left out";
            report.add(Severity::Warning, Code::CounterReset, message);
            None
        }
        Advance::Restarted(..) if is_unseen => {
            let message = "the counters are restarted after each snapshot, and the one before is not there: how long \
                           they counted is unknown, so they are left out";
            report.add(Severity::Warning, Code::MissingSnapshot, message);
            None
        }
        Advance::Restarted(set, removed) => Some((set, removed)),
        Advance::Reset(set, removed) => {
            let severity = if is_imported { Severity::Info } else { Severity::Warning };
            let message = "counters were reset since the snapshot before: this sample holds what was counted after the \
                           reset, and what came before it is unknown";
            report.add(severity, Code::CounterReset, message);
            Some((set, removed))
        }
        Advance::LimitsChanged => {
            let message = "the bucket limits changed: no difference can be made, and a new baseline begins";
            report.add(Severity::Warning, Code::LimitsChanged, message);
            None
        }
        Advance::Incomplete(kind) => {
            let message = format!(
                "the histogram `{}` is missing; the next difference of this disk spans the snapshot",
                kind.title()
            );
            report.add(Severity::Warning, Code::IncompleteDisk, message);
            None
        }
    }
}

fn report_appeared(appeared: &[HistogramKind], set: &IntervalSet, report: &mut Report) {
    let Some(first) = appeared.first() else { return };
    let titles: Vec<String> = appeared.iter().map(|kind| format!("`{}`", kind.title())).collect();
    let outcome = if set.get(*first).is_some() {
        "this sample holds all that they counted since the collection began"
    } else {
        "this sample lacks them"
    };
    let message = format!(
        "histograms that were missing in the print before are there: {}; {outcome}",
        titles.join(", ")
    );
    report.add(Severity::Warning, Code::IncompleteDisk, message);
}

fn report_removed(removed: Removed, report: &mut Report) {
    if let Some(uptime_us) = removed.uptime_us {
        let message = format!(
            "the first interarrival time of {:.2} days is the host's uptime and was removed",
            uptime_us as f64 / 86_400e6
        );
        report.add(Severity::Info, Code::UptimeArtefact, message);
    }
    if removed.seeks > 0 {
        let message = "the first seek distance of a collection is measured from block 0 and was removed";
        report.add(Severity::Info, Code::FirstSeekArtefact, message);
    }
}
