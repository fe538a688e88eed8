//! Draws a plan from a seed: the same one for the same numbers, for ever.

use rand::Rng;
use rand::SeedableRng as _;
use rand::seq::IndexedRandom as _;
use rand_chacha::ChaCha8Rng;
use vscsi_fixtures::{ConfigPath, FaultKind, HandleWidth, Messages, Variants};

use super::plan::{Deed, Ending, HostEvent, JobPlan, Plan, Step, Victim, World};

/// No deed is later than this, milliseconds.
pub(super) const LAST_STEP_MS: u64 = 3500;

/// The plan of one run.
pub fn draw(seed: u64, run: u64) -> Plan {
    let mut dice = ChaCha8Rng::seed_from_u64(seed);
    dice.set_stream(run);
    let ending = draw_ending(&mut dice);
    let world = draw_world(&mut dice, ending);
    let mut steps = draw_jobs(&mut dice, &world, ending);
    let troubles = dice.random_range(1..=4);
    for _ in 0..troubles {
        draw_trouble(&mut dice, &world, &mut steps);
    }
    // Of two deeds of one moment the one drawn first comes first.
    steps.sort_by_key(|step| step.at_ms);
    Plan { world, steps, ending }
}

fn draw_ending(dice: &mut impl Rng) -> Ending {
    match dice.random_range(0..200) {
        0 => Ending::FreezeCollector,
        1..15 => Ending::KillAmongSlowStops,
        15..85 => Ending::KillCollector,
        85..115 => Ending::KillBothAndStart,
        115..140 => Ending::KillBothAndCleanUp,
        140..165 => Ending::Terminate,
        _ => Ending::JobsEnd,
    }
}

fn draw_world(dice: &mut impl Rng, ending: Ending) -> World {
    let slow_stops = ending == Ending::KillAmongSlowStops;
    let many = slow_stops || dice.random_bool(0.06);
    let variants = Variants {
        start_again_zeroes: dice.random_bool(0.5),
        stop_start_zeroes: dice.random_bool(0.8),
        print_after_stop: dice.random_bool(0.7),
        print_before_start: dice.random_bool(0.2),
        stop_needs_collection: dice.random_bool(0.3),
        messages: choose(dice, &[Messages::Verbose, Messages::Silent]),
        handles: choose(dice, &[HandleWidth::Small, HandleWidth::Wide]),
        config_path: choose(dice, &[ConfigPath::Uuid, ConfigPath::Label]),
        ..Variants::default()
    };
    let fast = dice.random_bool(0.1);
    World {
        scenario: if many { "many-disks" } else { "demo" },
        variants,
        // At the second one, half an hour of the host is six seconds; many disks would keep the machine busy then.
        time_scale: if fast && !many { 300.0 } else { 1.0 },
        foreign: !slow_stops && dice.random_bool(0.08),
        small_volume: dice.random_bool(0.08),
        failing_storage: dice.random_bool(0.1),
        wall_clock: dice.random_bool(0.15),
    }
}

fn draw_jobs(dice: &mut impl Rng, world: &World, ending: Ending) -> Vec<Step> {
    let all_disks = ending == Ending::KillAmongSlowStops;
    let jobs = if all_disks { 5 } else { dice.random_range(1..=3) };
    let job = |dice: &mut _, number: u32| JobPlan {
        number,
        vm: if all_disks {
            number as usize
        } else {
            Rng::random_range(dice, 0..4)
        },
        one_disk: !all_disks && Rng::random_bool(dice, 0.3),
        samples: if all_disks { 100 } else { Rng::random_range(dice, 1..=6) },
        restart: !all_disks && !world.foreign && Rng::random_bool(dice, 0.08),
    };
    let mut steps: Vec<Step> = (0..jobs)
        .map(|number| Step {
            at_ms: if number == 0 { 0 } else { dice.random_range(0..2500) },
            deed: Deed::CreateJob(job(dice, number)),
        })
        .collect();
    if dice.random_bool(0.25) {
        steps.push(Step {
            at_ms: dice.random_range(500..LAST_STEP_MS),
            deed: Deed::StopJob {
                job: dice.random_range(0..jobs),
                keep: dice.random_bool(0.3),
            },
        });
    }
    steps
}

/// Adds one trouble, and what belongs to it.
fn draw_trouble(dice: &mut impl Rng, world: &World, steps: &mut Vec<Step>) {
    let at_ms = dice.random_range(100..LAST_STEP_MS - 500);
    let mut add = |at_ms: u64, deed| {
        steps.push(Step {
            at_ms: at_ms.min(LAST_STEP_MS),
            deed,
        });
    };
    match dice.random_range(0..100) {
        0..18 => {
            let victim = choose(dice, &[Victim::Collector, Victim::Collector, Victim::Both]);
            add(at_ms, Deed::Kill(victim));
            if dice.random_bool(0.8) {
                add(at_ms + dice.random_range(0..1500), Deed::Start);
            }
        }
        18..28 => add(at_ms, Deed::Kill(Victim::Switch)),
        36..52 => {
            add(at_ms, Deed::TakeOver);
            let during = at_ms + dice.random_range(0..400);
            match dice.random_range(0..5) {
                0 => add(during, Deed::Kill(Victim::Successor)),
                1 => add(during, Deed::Kill(Victim::Collector)),
                2 => add(during, Deed::Kill(Victim::Switch)),
                3 => add(during, Deed::Freeze(draw_frozen(dice), dice.random_range(50..1500))),
                _ => {}
            }
        }
        52..60 => add(at_ms, Deed::Freeze(draw_frozen(dice), dice.random_range(50..2500))),
        60..76 => add(at_ms, draw_fault(dice)),
        76..86 => add(at_ms, Deed::Host(draw_host_event(dice))),
        86..89 => add(
            at_ms,
            Deed::LimitFiles(dice.random_range(0..4), dice.random_range(100..1000)),
        ),
        89..91 => add(
            at_ms,
            Deed::LimitMemory(dice.random_range(0..600), dice.random_range(100..1000)),
        ),
        91..94 => add(
            at_ms,
            Deed::CleanUp {
                all: dice.random_bool(0.3),
            },
        ),
        94..96 => {
            add(at_ms, Deed::Terminate);
            add(at_ms + dice.random_range(100..1000), Deed::Start);
        }
        _ => add(at_ms, Deed::Kill(draw_command(dice))),
    }
    if world.wall_clock {
        let seconds = choose(dice, &[-86_400, -3600, -30, 30, 3600, 86_400, 400 * 86_400]);
        add(dice.random_range(0..LAST_STEP_MS), Deed::SetWallClock(seconds));
    }
    if world.small_volume {
        add(at_ms, Deed::FillVolume(dice.random_range(200..2000)));
    }
    if world.failing_storage {
        add(at_ms, Deed::FailStorage(dice.random_range(100..1500)));
    }
}

fn draw_command(dice: &mut impl Rng) -> Victim {
    Victim::Command(choose(dice, &["-s ", "-s ", "-x ", "-x ", "-p ", "-l"]))
}

fn draw_frozen(dice: &mut impl Rng) -> Victim {
    choose(
        dice,
        &[
            Victim::Collector,
            Victim::Switch,
            Victim::Switch,
            Victim::Both,
            Victim::Successor,
        ],
    )
}

fn draw_fault(dice: &mut impl Rng) -> Deed {
    let calls = choose(dice, &["-s ", "-s ", "-x ", "-x ", "-p all", "-l"]);
    let kind = match dice.random_range(0..20) {
        0..8 => FaultKind::Slow(dice.random_range(50..1500)),
        8..12 => FaultKind::Fail,
        12..15 => FaultKind::Nonzero,
        15 => FaultKind::Garbage(dice.random_range(0..1000)),
        16 => FaultKind::Half,
        17 => FaultKind::Empty,
        18 => FaultKind::StderrFlood,
        // Ten seconds pass until a command that changes something is given up.
        _ => FaultKind::Hang,
    };
    let times = if kind == FaultKind::Hang {
        1
    } else {
        dice.random_range(1..=3)
    };
    Deed::Fault {
        kind,
        calls,
        after: dice.random_range(0..3),
        times,
    }
}

fn draw_host_event(dice: &mut impl Rng) -> HostEvent {
    match dice.random_range(0..6) {
        0 | 1 => HostEvent::ForeignStop,
        2 => HostEvent::Reset,
        3 => HostEvent::PowerCycle(dice.random_range(0..4)),
        4 => HostEvent::Migrate(dice.random_range(0..4), dice.random_range(200..1500)),
        _ => HostEvent::Advance(dice.random_range(1..40)),
    }
}

fn choose<T: Clone, const N: usize>(dice: &mut impl Rng, from: &[T; N]) -> T {
    // An array of this size is never empty.
    from.choose(dice).cloned().unwrap_or_else(|| from[0].clone())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_same_numbers_draw_the_same_plan_and_others_another_one() {
        assert_eq!(draw(7, 3), draw(7, 3));
        assert_ne!(draw(7, 3), draw(7, 4));
        assert_ne!(draw(7, 3), draw(8, 3));
    }

    #[test]
    fn steps_are_in_order_of_time_and_a_job_is_asked_for_first() {
        for run in 0..500 {
            let plan = draw(1, run);
            assert!(plan.steps.is_sorted_by_key(|step| step.at_ms), "{plan}");
            assert!(plan.steps.iter().all(|step| step.at_ms <= LAST_STEP_MS), "{plan}");
            let first = plan.steps.first().map(|step| &step.deed);
            assert!(matches!(first, Some(Deed::CreateJob(job)) if job.number == 0), "{plan}");
        }
    }

    #[test]
    fn everything_that_can_happen_does_in_a_few_hundred_runs() {
        let deeds: BTreeSet<String> = (0..600)
            .flat_map(|run| draw(1, run).steps)
            .map(|step| format!("{:?}", step.deed))
            .map(|words| words.split(['(', ' ', '{']).next().unwrap_or_default().to_owned())
            .collect();
        assert_eq!(deeds.len(), 15, "{deeds:?}");
        let endings: BTreeSet<String> = (0..600).map(|run| format!("{:?}", draw(1, run).ending)).collect();
        assert_eq!(endings.len(), 7, "{endings:?}");
    }

    #[test]
    fn what_is_not_prepared_on_a_host_is_not_done_to_it() {
        for run in 0..500 {
            let plan = draw(2, run);
            for step in &plan.steps {
                let prepared = match step.deed {
                    Deed::SetWallClock(_) => plan.world.wall_clock,
                    Deed::FillVolume(_) => plan.world.small_volume,
                    Deed::FailStorage(_) => plan.world.failing_storage,
                    _ => true,
                };
                assert!(prepared, "{plan}");
            }
        }
    }
}
