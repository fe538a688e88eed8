//! Laws that hold whatever happens, tried with random histories.

use proptest::prelude::*;

use crate::harness::Harness;

/// Something that happens.
#[derive(Debug, Clone)]
enum Event {
    Pass(u64),
    StandStill(u64),
    Create(usize, u32),
    Stop(usize, bool),
    Delete(usize),
    Crash,
    HandOver,
    SuccessorDies,
    KillSwitch,
    /// The collector dies at its so-many-th effect within the next minutes.
    KillCollectorAt(i64),
    /// So does the switch.
    KillSwitchAt(i64),
    PowerCycle,
    MoveAway,
    MoveBack,
    WallJump(i64),
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        6 => (1_u64..400_000).prop_map(Event::Pass),
        1 => (1_u64..2_000_000).prop_map(Event::StandStill),
        3 => (0_usize..4, 1_u32..12).prop_map(|(job, samples)| Event::Create(job, samples)),
        1 => (0_usize..4, any::<bool>()).prop_map(|(job, cleanup)| Event::Stop(job, cleanup)),
        1 => (0_usize..4).prop_map(Event::Delete),
        1 => Just(Event::Crash),
        1 => Just(Event::HandOver),
        1 => Just(Event::SuccessorDies),
        1 => Just(Event::KillSwitch),
        2 => (1_i64..30).prop_map(Event::KillCollectorAt),
        2 => (1_i64..12).prop_map(Event::KillSwitchAt),
        1 => Just(Event::PowerCycle),
        1 => Just(Event::MoveAway),
        1 => Just(Event::MoveBack),
        1 => (-100_000_i64..100_000).prop_map(Event::WallJump),
    ]
}

fn happen(harness: &mut Harness, event: &Event) {
    let name = |job: usize| format!("job-{job}");
    match *event {
        Event::Pass(milliseconds) => harness.pass(milliseconds),
        Event::StandStill(milliseconds) => harness.stand_still(milliseconds),
        Event::Create(job, samples) => harness.try_create(&name(job), "Web-App-VM", samples, 60),
        Event::Stop(job, cleanup) => harness.try_stop(&name(job), cleanup),
        Event::Delete(job) => harness.try_delete(&name(job)),
        Event::Crash => harness.crash_and_restart(),
        Event::HandOver => harness.hand_over_and_restart(),
        Event::SuccessorDies => harness.successor_dies(),
        Event::KillSwitch => harness.kill_switch(),
        Event::KillCollectorAt(effects) => {
            harness.fuses[0].light(effects);
            harness.unless_killed(busy_minutes);
        }
        Event::KillSwitchAt(effects) => {
            harness.fuses[1].light(effects);
            harness.unless_killed(busy_minutes);
        }
        Event::PowerCycle => drop(harness.host.power_cycle("Web-App-VM")),
        Event::MoveAway => drop(harness.host.migrate_away("Web-App-VM")),
        Event::MoveBack => harness.move_back("Web-App-VM"),
        Event::WallJump(seconds) => harness.set_wall_forward(seconds),
    }
}

/// A job begins, runs, is stopped, and another one begins on the same disk.
fn busy_minutes(harness: &mut Harness) {
    harness.try_create("killed-1", "Web-App-VM", 2, 30);
    harness.pass(40_000);
    harness.try_stop("killed-1", true);
    harness.try_delete("killed-1");
    harness.try_create("killed-2", "Web-App-VM", 2, 30);
    harness.pass(40_000);
    harness.try_delete("killed-2");
}

/// A history takes about a second; `PROPTEST_CASES` asks for more than a few of them.
fn few_unless_asked_for_more() -> ProptestConfig {
    let config = ProptestConfig::default();
    let cases = std::env::var_os("PROPTEST_CASES").map_or(16, |_| config.cases);
    ProptestConfig { cases, ..config }
}

proptest! {
    #![proptest_config(few_unless_asked_for_more())]

    #[test]
    fn the_journal_covers_what_is_collected_and_the_spool_tells_the_truth(
        history in prop::collection::vec(event(), 1..25),
        start_again_zeroes in any::<bool>(),
    ) {
        let mut harness = Harness::in_a_world(|scenario| scenario.variants.start_again_zeroes = start_again_zeroes);
        for event in &history {
            happen(&mut harness, event);
            // Whoever dies now leaves a journal that names everything there is to stop.
            let journaled = harness.journaled();
            for disk in harness.host.collecting().unwrap() {
                prop_assert!(journaled.contains(&disk.handle_id), "after {event:?}: {disk:?}");
            }
        }
        for view in harness.jobs() {
            // Contiguous, whole, and equal to the truth wherever the counters ran through.
            if start_again_zeroes {
                harness.compare_with_truth_where_zeroed(view.job.job_id.as_str());
            } else {
                harness.compare_with_truth(view.job.job_id.as_str());
            }
            prop_assert_eq!(harness.headers(view.job.job_id.as_str()).len(), view.last_sequence.map_or(0, |last| last as usize + 1));
        }
        harness.end();
        prop_assert!(harness.host.collecting().unwrap().is_empty() || harness.something_was_left_on_request());
    }
}
