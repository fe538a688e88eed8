//! One disk's cumulative counters from snapshot to snapshot.

use vscsi_shared::histogram::{Histogram, HistogramKind, IntervalSet, Metric, Operation, Step};
use vscsi_shared::identifier::HandleId;
use vscsi_shared::vscsistats::DiskHistograms;

use super::artefact::{self, Removed};

/// The counters of one handle within one boot of the host.
#[derive(Debug)]
pub(super) struct Chain {
    pub(super) boot_id: String,
    /// Where the last usable snapshot lies on the time axis.
    pub(super) at: Option<f64>,
    counters: DiskHistograms,
    /// Per kind: the last moment at which it was seen empty, so that every value counted since then is younger.
    empty_at: [Option<f64>; HistogramKind::COUNT],
}

/// What a snapshot adds to a chain.
#[derive(Debug)]
pub(super) enum Advance {
    /// The difference to the snapshot before.
    Difference(IntervalSet, Removed),
    /// The counters were reset in between: everything counted since.
    Reset(IntervalSet, Removed),
    /// The bucket limits changed: no difference can be made, and the chain goes on from here.
    LimitsChanged,
    /// A histogram that the snapshot before had is missing: the chain stays where it was.
    Incomplete(HistogramKind),
}

impl Chain {
    pub(super) fn begin(counters: DiskHistograms, boot_id: String, at: Option<f64>) -> Self {
        let mut chain = Self {
            boot_id,
            at,
            counters,
            empty_at: [None; HistogramKind::COUNT],
        };
        chain.remember_empty();
        chain
    }

    pub(super) fn handle(&self) -> HandleId {
        self.counters.handle_id
    }

    /// Compares with a later snapshot at `at`; `measured` says that its time was read from the host's clock.
    pub(super) fn advance(&mut self, later: DiskHistograms, at: Option<f64>, measured: bool) -> Advance {
        if let Some((kind, _)) = self.counters.iter().find(|(kind, _)| later.get(*kind).is_none()) {
            return Advance::Incomplete(kind);
        }
        let advance = self.compare(&later, at, measured);
        if matches!(advance, Advance::Reset(..) | Advance::LimitsChanged) {
            self.empty_at = [None; HistogramKind::COUNT];
        }
        self.counters = later;
        self.at = at;
        self.remember_empty();
        advance
    }

    fn compare(&self, later: &DiskHistograms, at: Option<f64>, measured: bool) -> Advance {
        let since_last = at.zip(self.at).map(|(now, then)| now - then);
        let mut set = IntervalSet::default();
        for (kind, print) in later.iter() {
            let Some(before) = self.counters.get(kind) else {
                continue;
            };
            match print.since(before) {
                Ok(Step::Difference(interval)) if !self.began_anew(kind, before, print, at.filter(|_| measured)) => {
                    set.insert(kind, interval);
                }
                Ok(_) => {
                    let (set, removed) = whole(later, since_last);
                    return Advance::Reset(set, removed);
                }
                Err(_) => return Advance::LimitsChanged,
            }
        }
        let was_empty = |kind| {
            self.counters
                .get(kind)
                .is_some_and(|before| before.summary().count == 0)
        };
        let removed = artefact::remove(&mut set, was_empty, |kind| later.get(kind), since_last);
        Advance::Difference(set, removed)
    }

    /// A collection that was stopped and started may have counted more than before, so that no counter fell. But its
    /// first interarrival is the host's uptime of now, which is larger than the one of the collection before.
    fn began_anew(&self, kind: HistogramKind, before: &Histogram, now: &Histogram, at: Option<f64>) -> bool {
        let grew = before.summary().count > 0 && now.summary().max > before.summary().max;
        if kind.metric() != Metric::Interarrival || kind.operation() != Operation::All || !grew {
            return false;
        }
        let Some(at) = at else {
            return artefact::is_uptime(now.summary().max, None);
        };
        // Where the collection was running before the first snapshot, no one knows how long a pause may have been.
        let empty_at = self.empty_at.get(kind.index()).copied().flatten();
        empty_at.is_some_and(|empty_at| artefact::is_uptime(now.summary().max, Some(at - empty_at)))
    }

    fn remember_empty(&mut self) {
        let Some(at) = self.at else { return };
        for (kind, print) in self.counters.iter() {
            if let Some(slot) = self
                .empty_at
                .get_mut(kind.index())
                .filter(|_| print.summary().count == 0)
            {
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
