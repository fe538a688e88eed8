//! One disk's cumulative counters from snapshot to snapshot.

use vscsi_shared::histogram::{Histogram, HistogramKind, IntervalSet, Metric, Operation, Step};
use vscsi_shared::identifier::HandleId;
use vscsi_shared::vscsistats::DiskHistograms;

use super::artefact::{self, Removed};

/// Which print it is, and when it was taken.
#[derive(Debug, Clone, Copy)]
pub(super) struct Taken {
    pub(super) sequence: u32,
    /// Where it lies on the time axis, seconds; `None` without a clock.
    pub(super) at: Option<f64>,
    /// The host's monotonic clock, milliseconds; `None` in an import, where no clock was read.
    pub(super) monotonic_ms: Option<u64>,
    /// The snapshot failed, although this disk is whole in it: restart mode lets the counters run on after it.
    pub(super) failed: bool,
}

impl Taken {
    /// Nobody read a clock: the print was imported.
    pub(super) fn is_imported(&self) -> bool {
        self.monotonic_ms.is_none()
    }
}

/// The counters of one handle within one boot of the host.
#[derive(Debug)]
pub(super) struct Chain {
    pub(super) boot_id: String,
    /// The last print that was used.
    pub(super) taken: Taken,
    counters: DiskHistograms,
    /// Per kind: the last moment at which it was seen empty, so that every value counted since then is younger.
    empty_at: [Option<f64>; HistogramKind::COUNT],
}

/// What a snapshot adds to a chain.
#[derive(Debug)]
pub(super) enum Advance {
    /// The difference to the print before, and the histograms that were missing there.
    Difference(IntervalSet, Removed, Vec<HistogramKind>),
    /// The agent set the counters to zero after the print before: everything counted since.
    Restarted(IntervalSet, Removed),
    /// The counters were reset at an unknown moment in between: everything counted since.
    Reset(IntervalSet, Removed),
    /// The bucket limits changed: no difference can be made, and the chain goes on from here.
    LimitsChanged,
    /// A histogram that the snapshot before had is missing: the chain stays where it was.
    Incomplete(HistogramKind),
}

impl Chain {
    pub(super) fn begin(counters: DiskHistograms, boot_id: String, taken: Taken) -> Self {
        let mut chain = Self {
            boot_id,
            taken,
            counters,
            empty_at: [None; HistogramKind::COUNT],
        };
        chain.remember_empty();
        chain
    }

    pub(super) fn handle(&self) -> HandleId {
        self.counters.handle_id
    }

    pub(super) fn counters(&self) -> &DiskHistograms {
        &self.counters
    }

    /// Compares with a later print; `restarted` says that the counters are set to zero after each whole snapshot.
    pub(super) fn advance(&mut self, later: DiskHistograms, taken: Taken, restarted: bool) -> Advance {
        if let Some((kind, _)) = self.counters.iter().find(|(kind, _)| later.get(*kind).is_none()) {
            return Advance::Incomplete(kind);
        }
        let advance = if restarted && !self.taken.failed {
            let (set, removed) = whole(&later, self.seconds_until(taken));
            Advance::Restarted(set, removed)
        } else {
            self.compare(&later, taken)
        };
        if !matches!(advance, Advance::Difference(..)) {
            self.empty_at = [None; HistogramKind::COUNT];
        }
        self.counters = later;
        self.taken = taken;
        self.remember_empty();
        advance
    }

    fn seconds_until(&self, taken: Taken) -> Option<f64> {
        taken.at.zip(self.taken.at).map(|(now, then)| now - then)
    }

    fn compare(&self, later: &DiskHistograms, taken: Taken) -> Advance {
        let since_last = self.seconds_until(taken);
        let mut set = IntervalSet::default();
        let mut appeared = Vec::new();
        for (kind, print) in later.iter() {
            let Some(before) = self.counters.get(kind) else {
                appeared.push(kind);
                continue;
            };
            match print.since(before) {
                Ok(Step::Difference(interval)) if !self.began_anew(kind, before, print, taken) => {
                    set.insert(kind, interval);
                }
                Ok(_) => {
                    let (set, removed) = whole(later, since_last);
                    return Advance::Reset(set, removed);
                }
                Err(_) => return Advance::LimitsChanged,
            }
        }
        // An import begins with the collection itself, so nothing of a histogram that appears was counted before. Where
        // no time is given, the interarrival times give it, and those of another stretch would give a wrong one.
        let from_zero = taken.is_imported() && taken.at.is_some();
        for (kind, print) in later.iter().filter(|(kind, _)| from_zero && appeared.contains(kind)) {
            set.insert(kind, print.whole());
        }
        let longest_pause = if appeared.is_empty() { since_last } else { taken.at };
        let begins = |kind| self.counters.get(kind).is_none_or(|before| before.count() == 0);
        let removed = artefact::remove(&mut set, begins, |kind| later.get(kind), longest_pause);
        Advance::Difference(set, removed, appeared)
    }

    /// A collection that was stopped and started may have counted more than before, so that no counter fell. But its
    /// first interarrival is the host's uptime of now, which is larger than the one of the collection before.
    fn began_anew(&self, kind: HistogramKind, before: &Histogram, now: &Histogram, taken: Taken) -> bool {
        // Without a maximum nothing tells one collection from the next.
        let (Some(largest), Some(largest_before)) = (now.summary().max, before.summary().max) else {
            return false;
        };
        let (largest_us, before_us) = (largest.nearest(), largest_before.nearest());
        let grew = before.count() > 0 && largest.at_least() > largest_before.at_most();
        if kind.metric() != Metric::Interarrival || kind.operation() != Operation::All || !grew {
            return false;
        }
        let Some((then_ms, now_ms)) = self.taken.monotonic_ms.zip(taken.monotonic_ms) else {
            return artefact::is_uptime(largest_us, None);
        };
        // The uptime at the first I/O of the collection before bounds every pause in it.
        let since_first_io = now_ms as f64 / 1e3 - before_us as f64 / 1e6;
        if artefact::is_uptime_within(largest_us, then_ms, now_ms)
            && artefact::is_uptime(largest_us, Some(since_first_io))
        {
            return true;
        }
        // Otherwise, where the collection was running before the first snapshot, no one knows how long a pause may
        // have been.
        let empty_at = self.empty_at.get(kind.index()).copied().flatten();
        let longest_pause = taken.at.zip(empty_at).map(|(now, empty_at)| now - empty_at);
        longest_pause.is_some_and(|pause| artefact::is_uptime(largest_us, Some(pause)))
    }

    fn remember_empty(&mut self) {
        let Some(at) = self.taken.at else { return };
        for (kind, print) in self.counters.iter() {
            if let Some(slot) = self.empty_at.get_mut(kind.index()).filter(|_| print.count() == 0) {
                *slot = Some(at);
            }
        }
    }
}

/// Everything a snapshot counted, for a snapshot that stands alone; its collection began in the last
/// `longest_pause_seconds`, or at an unknown time.
pub(super) fn whole(print: &DiskHistograms, longest_pause_seconds: Option<f64>) -> (IntervalSet, Removed) {
    let mut set = IntervalSet::default();
    for (kind, histogram) in print.iter() {
        set.insert(kind, histogram.whole());
    }
    let removed = artefact::remove(&mut set, |_| true, |kind| print.get(kind), longest_pause_seconds);
    (set, removed)
}
