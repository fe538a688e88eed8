//! The collector's decisions, as pure functions: what to do next, or how long to wait; what to ask for a disk; when `-s`
//! is due because counters stand still.

use std::ops::Range;

use vscsi_shared::identifier::Name;

use super::timing::{Due, Grid};
use crate::host::DiskKey;
use crate::switch::{Ask, State};

const MINUTE_MS: u64 = 60 * 1000;

/// Collection stops by itself after about 30 minutes; `-s` is issued again at most this long after the last one, and a
/// print that is due before it.
pub const REARM_AT_LATEST_MS: u64 = 20 * MINUTE_MS;

/// From this age on `-s` is issued again right after a print.
pub const REARM_AFTER_PRINT_MS: u64 = 15 * MINUTE_MS;

/// A collection whose last `-s` is older than this has ended by itself, or is about to, milliseconds.
pub(super) const LAPSED_MS: u64 = 29 * MINUTE_MS;

/// A print that comes so late after the last `-s` leaves the one before it to be followed by the next.
const LAST_PRINT_MS: u64 = 19 * MINUTE_MS;

/// A collection younger than this is not extended for the sake of the next print.
const YOUNG_MS: u64 = 5 * MINUTE_MS;

/// So long ago a print is right before now: on a host where a second `-s` zeroes the counters, only what was counted in
/// between is lost.
const RIGHT_AFTER_MS: u64 = 1000;

/// How old a collection is before it is started again because its counters stand still, by how often that was done since
/// they last moved; after the last of them every five minutes. Never within a minute: a VM that does something now and
/// then stands still at many a print.
const STILL_MS: [u64; 5] = [MINUTE_MS, MINUTE_MS, 2 * MINUTE_MS, 4 * MINUTE_MS, 5 * MINUTE_MS];

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

/// A disk, as the decisions need it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct DiskFact {
    /// The disk.
    pub(super) disk: DiskKey,
    /// As the switch said.
    pub(super) state: State,
    /// An order is on its way.
    pub(super) pending: bool,
    /// A job collects it, or is about to.
    pub(super) needed: bool,
    /// A job that has not ended uses it.
    pub(super) held: bool,
    /// When `-s` last succeeded, monotonic milliseconds.
    pub(super) armed_ms: Option<u64>,
    /// Nothing is tried before this moment.
    pub(super) not_before_ms: u64,
    /// Its last print.
    pub(super) printed_ms: Option<u64>,
    /// Its next print.
    pub(super) next_print_ms: Option<u64>,
    /// A foreign collection is not looked at before this moment.
    pub(super) look_again_ms: u64,
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
    /// Look whether a foreign collection runs, which is then extended.
    LookAtForeign(DiskKey),
    /// Nothing before this moment, monotonic milliseconds; `None` when nothing will be due at all.
    Wait(Option<u64>),
}

/// What is to be asked of the switch for a disk, if anything.
pub(super) fn order_for(now_ms: u64, fact: &DiskFact) -> Option<Ask> {
    if fact.pending {
        return None;
    }
    let may_try = now_ms >= fact.not_before_ms;
    match fact.state {
        State::Off | State::Kept | State::Stopping => (fact.needed && may_try).then_some(Ask::Want),
        State::Failed if fact.needed => may_try.then_some(Ask::Want),
        State::On if fact.needed => (may_try && is_to_extend(now_ms, fact)).then_some(Ask::Again),
        State::Failed | State::On | State::Entering | State::Starting | State::Foreign => {
            (!fact.held).then_some(Ask::Drop)
        }
    }
}

/// `-s` is due again: at the latest after twenty minutes, and before that right after a print, so that where a second
/// `-s` zeroes the counters only what was counted since that print is lost. A print that is due comes first, also after
/// twenty minutes in which nobody could print, as long as the collection has not ended by itself.
fn is_to_extend(now_ms: u64, fact: &DiskFact) -> bool {
    let Some(armed_ms) = fact.armed_ms else { return true };
    let age_ms = now_ms.saturating_sub(armed_ms);
    if fact.next_print_ms.is_some_and(|next_ms| next_ms <= now_ms) {
        return age_ms >= LAPSED_MS;
    }
    let right_after = fact
        .printed_ms
        .is_some_and(|printed_ms| now_ms.saturating_sub(printed_ms) <= RIGHT_AFTER_MS);
    let next_is_late = fact
        .next_print_ms
        .is_none_or(|next_ms| next_ms.saturating_sub(armed_ms) > LAST_PRINT_MS);
    age_ms >= REARM_AT_LATEST_MS
        || (right_after && (age_ms >= REARM_AFTER_PRINT_MS || (age_ms >= YOUNG_MS && next_is_late)))
}

/// Counters that stood still between two prints ask for `-s` at this age of the collection: somebody may have stopped it.
/// At once where the last `-s` is a minute ago, then less and less often, so that a VM that is idle is left in peace.
pub(super) fn still_needs_start(age_ms: u64, restarts_while_still: u32) -> bool {
    let restarts = usize::try_from(restarts_while_still).unwrap_or(usize::MAX);
    let rest_ms = STILL_MS.get(restarts).or(STILL_MS.last()).copied().unwrap_or(0);
    age_ms >= rest_ms
}

/// Decides at `now_ms`: looks, then snapshots by age, then foreign collections.
pub(super) fn decide(now_ms: u64, jobs: &[(Name, Waiting)], disks: &[DiskFact]) -> Decision {
    let mut wake: Option<u64> = None;
    let mut wait_until = |moment: u64| wake = Some(wake.map_or(moment, |earlier| earlier.min(moment)));

    let mut take: Option<(u64, Decision)> = None;
    for (job, waiting) in jobs {
        match waiting {
            Waiting::Look(at) if now_ms >= *at => return Decision::Look(job.clone()),
            Waiting::Look(at) => wait_until(*at),
            Waiting::Snapshot { grid, next } => match grid.due(*next, now_ms) {
                Due::At(moment) => wait_until(moment),
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

    for fact in disks.iter().filter(|fact| fact.needed && !fact.pending) {
        let due_ms = match fact.state {
            State::Foreign => {
                let due_ms = fact.armed_ms.map_or(0, |armed_ms| armed_ms + REARM_AFTER_PRINT_MS);
                due_ms.max(fact.look_again_ms)
            }
            State::On => fact.armed_ms.map_or(0, |armed_ms| armed_ms + REARM_AT_LATEST_MS),
            State::Off | State::Failed | State::Stopping | State::Kept => fact.not_before_ms,
            State::Entering | State::Starting => continue,
        };
        if fact.state == State::Foreign && now_ms >= due_ms {
            return Decision::LookAtForeign(fact.disk);
        }
        wait_until(due_ms.max(fact.not_before_ms).max(now_ms + 1));
    }
    Decision::Wait(wake)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use vscsi_shared::identifier::{HandleId, WorldGroupId};

    use super::*;

    fn fact() -> DiskFact {
        DiskFact {
            disk: DiskKey {
                world_group_id: WorldGroupId(7),
                handle_id: HandleId(8192),
            },
            state: State::On,
            pending: false,
            needed: true,
            held: true,
            armed_ms: Some(0),
            not_before_ms: 0,
            printed_ms: None,
            next_print_ms: None,
            look_again_ms: 0,
        }
    }

    #[test]
    fn a_collection_is_extended_right_after_a_print_once_it_is_a_quarter_of_an_hour_old() {
        let after = |now_ms, printed_ms| {
            let printed = DiskFact {
                printed_ms: Some(printed_ms),
                next_print_ms: Some(now_ms + MINUTE_MS),
                ..fact()
            };
            order_for(now_ms, &printed)
        };
        assert_eq!(after(14 * MINUTE_MS, 14 * MINUTE_MS), None);
        assert_eq!(after(15 * MINUTE_MS, 15 * MINUTE_MS), Some(Ask::Again));
        assert_eq!(after(15 * MINUTE_MS + 1001, 15 * MINUTE_MS), None);
        assert_eq!(after(20 * MINUTE_MS, 15 * MINUTE_MS), Some(Ask::Again));
    }

    #[test]
    fn a_print_that_is_due_comes_before_the_start_that_might_zero_what_it_shows() {
        let now_ms = 15 * MINUTE_MS;
        let shared = |next_print_ms| DiskFact {
            printed_ms: Some(now_ms),
            next_print_ms: Some(next_print_ms),
            ..fact()
        };
        assert_eq!(order_for(now_ms, &shared(now_ms)), None);
        assert_eq!(order_for(now_ms, &shared(now_ms + 1)), Some(Ask::Again));
        assert_eq!(order_for(28 * MINUTE_MS, &shared(now_ms)), None);
        assert_eq!(order_for(29 * MINUTE_MS, &shared(now_ms)), Some(Ask::Again));
    }

    #[test]
    fn a_print_whose_next_would_come_too_late_is_followed_by_a_start() {
        let printed = DiskFact {
            printed_ms: Some(12 * MINUTE_MS),
            next_print_ms: Some(24 * MINUTE_MS),
            ..fact()
        };
        assert_eq!(order_for(12 * MINUTE_MS, &printed), Some(Ask::Again));
    }

    #[test]
    fn a_disk_that_is_idle_for_an_hour_costs_a_start_every_five_minutes_and_no_more() {
        let (mut armed_ms, mut restarts) = (0, 0);
        // A print every second.
        for now_ms in (0..60 * MINUTE_MS).step_by(1000) {
            if still_needs_start(now_ms - armed_ms, restarts) {
                armed_ms = now_ms;
                restarts += 1;
            }
        }
        assert_eq!(restarts, 14);
    }

    #[test]
    fn what_no_job_needs_is_dropped_and_what_a_user_keeps_is_not() {
        let unused = |state| {
            let unused = DiskFact {
                state,
                needed: false,
                held: false,
                ..fact()
            };
            order_for(0, &unused)
        };
        for state in [State::On, State::Failed, State::Foreign] {
            assert_eq!(unused(state), Some(Ask::Drop), "{state:?}");
        }
        for state in [State::Off, State::Kept, State::Stopping] {
            assert_eq!(unused(state), None, "{state:?}");
        }
    }

    proptest! {
        /// Whenever the loop comes round, a collection that is needed is never left for longer than twenty minutes, and
        /// the moment to wake up at is never later than that.
        #[test]
        fn a_collection_that_is_needed_is_extended_in_time(armed_ms in 0_u64..1_000_000, age_ms in 0_u64..3_000_000) {
            let now_ms = armed_ms + age_ms;
            let fact = DiskFact { armed_ms: Some(armed_ms), ..fact() };
            if age_ms >= REARM_AT_LATEST_MS {
                prop_assert_eq!(order_for(now_ms, &fact), Some(Ask::Again));
            } else {
                let wake = decide(now_ms, &[], &[fact]);
                let in_time = matches!(wake, Decision::Wait(Some(moment)) if moment <= armed_ms + REARM_AT_LATEST_MS);
                prop_assert!(in_time, "{:?}", wake);
            }
        }
    }
}
