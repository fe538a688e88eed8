//! Promise 1: nothing is collected longer than promised, whatever dies. And of promise 5: what somebody else collects is
//! left alone.

use super::super::evidence::{Evidence, Life, NEVER, Role};
use super::super::timeline::{End, Owner, Stretch, is_about, stretches};

/// From the collector's death to the last `-x`.
const PROMISED_MS: u64 = 2000;

/// From the start of the next agent to the last `-x` that the one before owes: it has to be found in the journal first.
const NEXT_START_MS: u64 = 5000;

/// A frozen collector counts as dead after this long.
const FROZEN_MS: u64 = 30_000;

/// A command of the switch that hangs is given up after this long.
const HUNG_MS: u64 = 10_000;

/// A successor gets this long to take the lock.
const TAKES_MS: u64 = 5000;

/// A `-s` of a switch that was killed has an end that nobody sees: whoever finds it in the journal stops it once more after
/// this long.
const UNSEEN_MS: u64 = 15_000;

/// A stop as slow as this is no excuse: the promise holds with it.
const SLOW_MS: u64 = 600;

/// What is found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ends {
    /// Promises that were broken.
    pub violations: Vec<String>,
    /// The longest time from a death of the collector to the end of a collection that had no excuse.
    pub longest_wait_ms: u64,
    /// Collections that a death of the collector had to end.
    pub owed: u32,
}

/// Looks at every death of the collector and every deadline.
pub(super) fn check(evidence: &Evidence) -> Ends {
    let stretches = stretches(evidence);
    let ours = || stretches.iter().filter(|stretch| stretch.owner == Owner::Ours);
    let mut ends = Ends::default();
    for (death_ms, next_ms) in without_collector(evidence) {
        let owed = ours().filter(|stretch| stretch.to_ms > death_ms && stretch.from_ms < next_ms);
        for stretch in owed.filter(|stretch| !evidence.kept.contains(&stretch.disk)) {
            ends.owed += 1;
            ends.judge_death(evidence, stretch, death_ms, next_ms);
        }
    }
    for deadline in &evidence.deadlines {
        let from_ms = deadline.at_ms + deadline.grace_ms;
        let latest_ms = from_ms + evidence.held_up_ms(deadline.at_ms, from_ms);
        for stretch in ours().filter(|stretch| stretch.from_ms <= deadline.at_ms) {
            let may_run = !deadline.with_kept && evidence.kept.contains(&stretch.disk);
            if stretch.to_ms > excused_ms(evidence, stretch, deadline.at_ms, latest_ms) && !may_run {
                ends.violations.push(format!(
                    "{} at {} ms disk {:?} is still collected, {}",
                    deadline.reason,
                    deadline.at_ms,
                    stretch.disk,
                    ended(stretch)
                ));
            }
        }
    }
    let foreign = stretches.iter().filter(|stretch| stretch.owner == Owner::Foreign);
    let taken = |stretch: &&Stretch| stretch.end == End::Stopped && !evidence.idle_foreign.contains(&stretch.disk);
    for stretch in foreign.filter(taken) {
        ends.violations.push(format!(
            "somebody else's collection of disk {:?} was stopped at {} ms",
            stretch.disk, stretch.to_ms
        ));
    }
    ends
}

impl Ends {
    fn judge_death(&mut self, evidence: &Evidence, stretch: &Stretch, death_ms: u64, next_ms: u64) {
        let promised_ms = death_ms + PROMISED_MS;
        let promised_ms = promised_ms + evidence.held_up_ms(death_ms, promised_ms);
        let due_ms = match switch_due(evidence, death_ms, promised_ms) {
            Some(due_ms) => due_ms,
            // Nobody was left to stop anything: the next agent does, and without one the half hour.
            None if next_ms != NEVER => {
                let due_ms = next_ms + NEXT_START_MS;
                due_ms + evidence.held_up_ms(next_ms, due_ms)
            }
            None => return,
        };
        let excused_ms = excused_ms(evidence, stretch, death_ms, due_ms);
        if stretch.to_ms > excused_ms {
            self.violations.push(format!(
                "the collector died at {death_ms} ms; disk {:?} has been collected since {} ms and was to end by \
                 {excused_ms} ms, {}",
                stretch.disk,
                stretch.from_ms,
                ended(stretch)
            ));
        }
        if excused_ms == promised_ms && stretch.to_ms != NEVER {
            self.longest_wait_ms = self.longest_wait_ms.max(stretch.to_ms.saturating_sub(death_ms));
        }
    }
}

fn ended(stretch: &Stretch) -> String {
    match stretch.end {
        End::None => "and goes on".to_owned(),
        End::Stopped => format!("stopped at {} ms", stretch.to_ms),
        End::Host => format!("ended by the host at {} ms", stretch.to_ms),
        End::Itself => format!("ended by itself at {} ms", stretch.to_ms),
    }
}

/// The stretches of time in which no collector lived, after the first one had: from a death to the next birth.
fn without_collector(evidence: &Evidence) -> Vec<(u64, u64)> {
    let collectors: Vec<&Life> = evidence
        .lives
        .iter()
        .filter(|life| life.role == Role::Collector)
        .collect();
    let is_alive = |moment_ms: u64| {
        collectors
            .iter()
            .any(|life| life.lives_at(moment_ms) && moment_ms < given_up_ms(life))
    };
    let mut deaths: Vec<u64> = collectors
        .iter()
        .map(|life| life.died_ms.min(given_up_ms(life)))
        .filter(|death_ms| *death_ms != NEVER && !is_alive(*death_ms))
        .collect();
    deaths.sort_unstable();
    deaths.dedup();
    let next_birth = |death_ms: u64| {
        let births = collectors.iter().map(|life| life.born_ms);
        births.filter(|born_ms| *born_ms > death_ms).min().unwrap_or(NEVER)
    };
    deaths
        .into_iter()
        .map(|death_ms| (death_ms, next_birth(death_ms)))
        .collect()
}

/// When the switch may take a collector for dead that is frozen.
fn given_up_ms(life: &Life) -> u64 {
    let mut long = life
        .frozen
        .iter()
        .filter(|(from_ms, to_ms)| to_ms.saturating_sub(*from_ms) > FROZEN_MS);
    long.next().map_or(NEVER, |(from_ms, _)| from_ms + FROZEN_MS)
}

/// By when a switch that lived at the death has to have stopped everything; `None` when it was killed or frozen for good
/// before. One that ended by itself has no excuse.
fn switch_due(evidence: &Evidence, death_ms: u64, promised_ms: u64) -> Option<u64> {
    let switches = evidence.lives.iter().filter(|life| life.role == Role::Switch);
    let dues = switches.filter(|life| life.lives_at(death_ms)).filter_map(|life| {
        let mut due_ms = promised_ms;
        let mut frozen = life.frozen.clone();
        frozen.sort_unstable();
        for (from_ms, to_ms) in frozen {
            if from_ms <= due_ms && to_ms > death_ms {
                due_ms = due_ms.max(to_ms.saturating_add(PROMISED_MS));
            }
        }
        let was_there = life.died_ms > due_ms || !life.killed;
        (was_there && due_ms < NEVER - PROMISED_MS).then_some(due_ms)
    });
    dues.max()
}

/// Later than `due_ms` where the host itself kept the collection from being stopped: by stops that hung, failed or were
/// slow, by a start that outlived its switch, or because a process could not be started.
fn excused_ms(evidence: &Evidence, stretch: &Stretch, from_ms: u64, due_ms: u64) -> u64 {
    let mut excused_ms = due_ms;
    let stops = evidence.calls.iter().filter(|call| is_about(call, "-x", stretch.disk));
    let late = stops.filter_map(|call| Some((call, delay_ms(call.fault.as_deref()?)?)));
    for (attempt, (call, delay_ms)) in (0_u32..).zip(late) {
        let hung_ms = if call.exit_code.is_none() { HUNG_MS } else { 0 };
        let begun_ms = call.real_monotonic_ms.saturating_sub(delay_ms);
        // One that began before the death holds up the one that follows it as well; after one that hangs the lock may
        // also have passed to a successor that is gone by then.
        if begun_ms + HUNG_MS + TAKES_MS < from_ms || begun_ms > excused_ms {
            continue;
        }
        let rest_ms = 1000 << attempt.min(5);
        excused_ms = excused_ms.max(begun_ms + delay_ms + hung_ms + rest_ms + PROMISED_MS);
    }
    for call in evidence.calls.iter().filter(|call| is_about(call, "-s", stretch.disk)) {
        let Some(slow_ms) = call.fault.as_deref().and_then(slow_ms) else {
            continue;
        };
        let begun_ms = call.real_monotonic_ms.saturating_sub(slow_ms);
        let switches = || evidence.lives.iter().filter(|life| life.role == Role::Switch);
        let outlived = |life: &&Life| life.killed && (begun_ms..=call.real_monotonic_ms).contains(&life.died_ms);
        let next = |killed: &Life| {
            switches()
                .map(|life| life.born_ms)
                .filter(|born_ms| *born_ms > killed.died_ms)
                .min()
        };
        if let Some(found_ms) = switches().filter(outlived).filter_map(next).max() {
            excused_ms = excused_ms.max(found_ms + TAKES_MS + UNSEEN_MS + PROMISED_MS);
        }
    }
    for at_ms in &evidence.killed_commands {
        if *at_ms <= excused_ms && *at_ms + HUNG_MS >= from_ms {
            excused_ms = excused_ms.max(at_ms + 2 * PROMISED_MS);
        }
    }
    for (limited_ms, until_ms) in &evidence.limited {
        if *limited_ms <= excused_ms && *until_ms + PROMISED_MS >= from_ms {
            excused_ms = excused_ms.max(until_ms + 2 * PROMISED_MS);
        }
    }
    if excused_ms == due_ms {
        return due_ms;
    }
    excused_ms + evidence.held_up_ms(from_ms, excused_ms)
}

/// By how much a stop that went wrong in this way took effect late; `None` where that is no excuse.
fn delay_ms(fault: &str) -> Option<u64> {
    match slow_ms(fault) {
        Some(slow_ms) => (slow_ms > SLOW_MS).then_some(slow_ms),
        None => Some(0),
    }
}

/// By how much a command took effect late that was no more than slow.
fn slow_ms(fault: &str) -> Option<u64> {
    fault.strip_prefix("Slow(")?.strip_suffix(')')?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::super::super::evidence::Deadline;
    use super::super::super::timeline::tests::call;
    use super::*;

    fn life(role: Role, born_ms: u64, died_ms: u64) -> Life {
        Life {
            role,
            process: 1,
            born_ms,
            died_ms,
            killed: false,
            in_order: false,
            frozen: Vec::new(),
        }
    }

    /// A disk is collected from 1 s on, and the collector dies at 5 s; its switch lives.
    fn death() -> Evidence {
        Evidence {
            calls: vec![call(1000, "-s -w 7 -i 2", Some(&[2]))],
            end: (60_000, 60_000_000),
            time_scale: 1.0,
            lives: vec![life(Role::Collector, 500, 5000), life(Role::Switch, 600, NEVER)],
            ..Evidence::default()
        }
    }

    fn stopped_at(mut evidence: Evidence, at_ms: u64) -> Evidence {
        evidence.calls.push(call(at_ms, "-x -w 7 -i 2", Some(&[])));
        evidence
    }

    fn violations(evidence: &Evidence) -> usize {
        check(evidence).violations.len()
    }

    #[test]
    fn two_seconds_after_the_death_is_kept_and_a_moment_later_is_broken() {
        let kept = check(&stopped_at(death(), 7000));
        assert_eq!((kept.violations.len(), kept.longest_wait_ms, kept.owed), (0, 2000, 1));
        assert_eq!(violations(&stopped_at(death(), 7001)), 1);
    }

    #[test]
    fn a_collection_that_is_never_stopped_is_broken() {
        assert_eq!(violations(&death()), 1);
    }

    #[test]
    fn a_collection_that_begins_after_the_death_is_broken_unless_it_ends_at_once() {
        let mut evidence = stopped_at(death(), 5500);
        evidence.calls.push(call(5600, "-s -w 7 -i 2", Some(&[2])));
        assert_eq!(violations(&evidence), 1);
        assert_eq!(violations(&stopped_at(evidence, 5700)), 0);
    }

    #[test]
    fn a_machine_that_was_held_up_is_given_that_time() {
        let mut evidence = stopped_at(death(), 7400);
        assert_eq!(violations(&evidence), 1);
        evidence.stalls.push((6000, 500));
        assert_eq!(violations(&evidence), 0);
    }

    #[test]
    fn where_both_die_the_next_start_owes_the_stop_and_without_one_nobody_does() {
        let mut evidence = death();
        evidence.lives[1].died_ms = 5100;
        evidence.lives[1].killed = true;
        assert_eq!(violations(&evidence), 0);
        evidence.lives.push(life(Role::Collector, 20_000, NEVER));
        assert_eq!(violations(&evidence), 1);
        assert_eq!(violations(&stopped_at(evidence, 24_000)), 0);
    }

    #[test]
    fn a_switch_that_ends_by_itself_owes_the_stop_all_the_same() {
        let mut evidence = death();
        evidence.lives[1].died_ms = 5100;
        assert_eq!(violations(&evidence), 1);
        let kept = check(&stopped_at(evidence, 5090));
        assert_eq!((kept.violations.len(), kept.longest_wait_ms), (0, 90));
    }

    #[test]
    fn a_frozen_switch_owes_the_stop_when_it_goes_on() {
        let mut evidence = death();
        evidence.lives[1].frozen.push((4000, 9000));
        assert_eq!(violations(&stopped_at(evidence.clone(), 11_000)), 0);
        assert_eq!(violations(&stopped_at(evidence, 11_100)), 1);
    }

    #[test]
    fn a_frozen_collector_counts_as_dead_after_half_a_minute() {
        let mut evidence = death();
        evidence.lives[0].died_ms = NEVER;
        evidence.lives[0].frozen.push((5000, NEVER));
        assert_eq!(violations(&stopped_at(evidence.clone(), 36_900)), 0);
        assert_eq!(violations(&stopped_at(evidence, 37_100)), 1);
    }

    #[test]
    fn a_stop_that_failed_or_hung_is_waited_for_and_not_for_ever() {
        let mut evidence = death();
        let mut hung = call(5100, "-x -w 7 -i 2", None);
        hung.exit_code = None;
        hung.fault = Some("Hang".to_owned());
        evidence.calls.push(hung);
        assert_eq!(violations(&stopped_at(evidence.clone(), 16_000)), 0);
        assert_eq!(violations(&stopped_at(evidence, 19_000)), 1);
    }

    #[test]
    fn a_stop_of_six_tenths_of_a_second_is_no_excuse_and_a_slower_one_is() {
        let with = |fault: &str| {
            let mut evidence = stopped_at(death(), 7500);
            let last = evidence.calls.last_mut().unwrap();
            last.fault = Some(fault.to_owned());
            check(&evidence)
        };
        assert_eq!(with("Slow(600)").violations.len(), 1);
        assert_eq!(with("Slow(1500)").violations.len(), 0);
        let mut kept = stopped_at(death(), 5700);
        kept.calls.last_mut().unwrap().fault = Some("Slow(600)".to_owned());
        assert_eq!(check(&kept).longest_wait_ms, 700);
    }

    #[test]
    fn a_start_that_outlives_its_switch_is_stopped_once_more_when_it_must_have_ended() {
        let mut evidence = stopped_at(death(), 5500);
        let mut slow = call(6200, "-s -w 7 -i 2", Some(&[2]));
        slow.fault = Some("Slow(1500)".to_owned());
        evidence.calls.push(slow);
        let stopped = stopped_at(evidence.clone(), 20_500);
        assert_eq!(violations(&stopped), 1);
        // The one that ran it is killed, and the next one finds the disk in the journal.
        let with_lives = |mut evidence: Evidence| {
            let mut killed = life(Role::Switch, 600, 4900);
            killed.killed = true;
            evidence.lives = vec![
                life(Role::Collector, 500, 5000),
                killed,
                life(Role::Switch, 4950, NEVER),
            ];
            evidence
        };
        assert_eq!(violations(&with_lives(stopped)), 0);
        assert_eq!(violations(&with_lives(stopped_at(evidence, 27_000))), 1);
    }

    #[test]
    fn another_disk_s_failing_stop_is_no_excuse() {
        let mut evidence = death();
        let mut failed = call(5100, "-x -w 7 -i 3", None);
        failed.fault = Some("Fail".to_owned());
        evidence.calls.push(failed);
        assert_eq!(violations(&stopped_at(evidence, 8000)), 1);
    }

    #[test]
    fn an_upgrade_in_which_one_collector_always_lives_owes_nothing() {
        let mut evidence = death();
        evidence.lives.push(life(Role::Collector, 4000, NEVER));
        assert_eq!(violations(&evidence), 0);
    }

    #[test]
    fn what_a_user_asked_to_keep_may_run_until_everything_is_to_end() {
        let mut evidence = death();
        evidence.kept.insert((7, 2));
        assert_eq!(violations(&evidence), 0);
        evidence.deadlines.push(Deadline {
            at_ms: 9000,
            grace_ms: 0,
            with_kept: true,
            reason: "after cleanup --all".to_owned(),
        });
        assert_eq!(violations(&evidence), 1);
    }

    #[test]
    fn a_deadline_is_broken_by_what_runs_then() {
        let mut evidence = stopped_at(death(), 6500);
        evidence.deadlines.push(Deadline {
            at_ms: 6000,
            grace_ms: 400,
            with_kept: false,
            reason: "the agent has ended".to_owned(),
        });
        assert_eq!(violations(&evidence), 1);
        evidence.deadlines[0].grace_ms = 600;
        assert_eq!(violations(&evidence), 0);
    }

    #[test]
    fn somebody_else_s_collection_must_not_be_stopped() {
        let mut evidence = death();
        evidence.calls = vec![call(1000, "foreign-start", Some(&[2]))];
        assert_eq!(violations(&evidence), 0);
        let mut stopped = stopped_at(evidence, 6000);
        assert_eq!(violations(&stopped), 1);
        stopped.idle_foreign.insert((7, 2));
        assert_eq!(violations(&stopped), 0);
    }
}
