//! The collector's one decision, as a pure function: what to do next, or how long to wait.

use std::ops::Range;

use vscsi_shared::identifier::Name;

use super::timing::{Due, Grid};
use crate::host::DiskKey;

/// Collection stops by itself after about 30 minutes; `-s` is issued again at most this long after the last one.
pub const REARM_AT_LATEST_MS: u64 = 20 * 60 * 1000;

/// A collection whose last `-s` is older than this has ended by itself, or is about to.
pub const LAPSED_MS: u64 = 29 * 60 * 1000;

/// A collection whose last `-s` is older than this has certainly ended by itself.
pub const ENDED_MS: u64 = 31 * 60 * 1000;

/// From this age on `-s` is issued again at the first moment at which no snapshot is near.
pub const REARM_AT_LEISURE_MS: u64 = 15 * 60 * 1000;

/// How far away the next snapshot has to be for a command in between not to make it late.
const LEISURE_MS: u64 = 300;

/// A stop that has failed and waited for this long since goes before snapshots.
const STOP_OVERDUE_MS: u64 = 10_000;

/// What a job waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Waiting {
    /// For the second look at counters that were there before us, monotonic milliseconds.
    Look(u64),
    /// For its next snapshot.
    Snapshot {
        /// Its due times.
        grid: Grid,
        /// The first sequence not taken yet.
        next: u32,
    },
}

/// A disk whose collection is kept running, or is to be stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ArmedFact {
    /// The disk.
    pub(super) disk: DiskKey,
    /// When `-s` was issued last, monotonic milliseconds.
    pub(super) armed_ms: u64,
    /// A job uses it.
    pub(super) used: bool,
    /// Nothing is tried on it before this moment, because the last attempt failed.
    pub(super) not_before_ms: u64,
    /// The last attempt failed.
    pub(super) failed: bool,
}

/// What the collector does next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Decision {
    /// Take a snapshot.
    Take {
        /// The job.
        job: Name,
        /// Sequences to record as missed.
        missed: Range<u32>,
        /// The sequence to take.
        sequence: u32,
        /// It is late.
        late: bool,
    },
    /// Look at counters again.
    Look(Name),
    /// Issue `-s` again.
    Rearm(DiskKey),
    /// Issue `-x`.
    Stop(DiskKey),
    /// Nothing before this moment, monotonic milliseconds; `None` when nothing will be due at all.
    Wait(Option<u64>),
}

/// Decides at `now_ms`: first what would otherwise end the collection, then snapshots by age, then the rest.
pub(super) fn decide(now_ms: u64, jobs: &[(Name, Waiting)], armed: &[ArmedFact]) -> Decision {
    let mut wake: Option<u64> = None;
    let mut wait_until = |moment: u64| wake = Some(wake.map_or(moment, |earlier| earlier.min(moment)));

    let ready = |fact: &&ArmedFact| now_ms >= fact.not_before_ms;
    let age = |fact: &ArmedFact| now_ms.saturating_sub(fact.armed_ms);
    let oldest = armed
        .iter()
        .filter(ready)
        .filter(|fact| fact.used)
        .max_by_key(|fact| age(fact));
    if let Some(fact) = oldest.filter(|fact| age(fact) >= REARM_AT_LATEST_MS) {
        return Decision::Rearm(fact.disk);
    }

    let overdue =
        |fact: &&ArmedFact| !fact.used && fact.failed && now_ms >= fact.not_before_ms.saturating_add(STOP_OVERDUE_MS);
    if let Some(fact) = armed.iter().find(overdue) {
        return Decision::Stop(fact.disk);
    }

    let mut next_snapshot = u64::MAX;
    let mut take: Option<(u64, Decision)> = None;
    for (job, waiting) in jobs {
        match waiting {
            Waiting::Look(at) if now_ms >= *at => return Decision::Look(job.clone()),
            Waiting::Look(at) => wait_until(*at),
            Waiting::Snapshot { grid, next } => match grid.due(*next, now_ms) {
                Due::At(moment) => {
                    next_snapshot = next_snapshot.min(moment);
                    wait_until(moment);
                }
                Due::Now { missed, sequence, late } => {
                    let due = grid.due_ms(sequence);
                    if take.as_ref().is_none_or(|(earliest, _)| due < *earliest) {
                        let job = job.clone();
                        take = Some((
                            due,
                            Decision::Take {
                                job,
                                missed,
                                sequence,
                                late,
                            },
                        ));
                    }
                }
                Due::Finished => {}
            },
        }
    }
    if let Some((_, decision)) = take {
        return decision;
    }

    for fact in armed.iter().filter(|fact| !fact.used) {
        if now_ms >= fact.not_before_ms {
            return Decision::Stop(fact.disk);
        }
        wait_until(fact.not_before_ms);
    }
    // What did not start collects nothing until it is tried again.
    if let Some(fact) = armed.iter().find(|fact| fact.used && fact.failed && ready(fact)) {
        return Decision::Rearm(fact.disk);
    }
    let leisure = next_snapshot.saturating_sub(now_ms) >= LEISURE_MS;
    if let Some(fact) = oldest.filter(|fact| leisure && age(fact) >= REARM_AT_LEISURE_MS) {
        return Decision::Rearm(fact.disk);
    }
    for fact in armed.iter().filter(|fact| fact.used) {
        let leisurely = fact.armed_ms.saturating_add(REARM_AT_LEISURE_MS);
        let latest = fact.armed_ms.saturating_add(REARM_AT_LATEST_MS);
        let moment = if fact.failed {
            fact.not_before_ms
        } else if leisurely > now_ms {
            leisurely
        } else {
            // Between the two a snapshot is near, and right after it there is leisure again.
            latest
        };
        wait_until(moment.max(fact.not_before_ms).max(now_ms + 1));
    }
    Decision::Wait(wake)
}
