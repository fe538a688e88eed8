//! The guarantee that collection ends, and that nothing is invented where it ended too soon.

use vscsi_fixtures::FaultKind;
use vscsi_shared::job::Status;
use vscsi_shared::snapshot::SnapshotFlag;

use crate::MINUTE_MS;
use crate::harness::Harness;

#[test]
fn a_stop_that_took_effect_and_failed_is_followed_by_a_start_for_the_next_job() {
    let mut harness = Harness::new();
    harness.create("first", "Web-App-VM", 100, 60);
    harness.pass(MINUTE_MS);
    // The work is done, and the exit status says that it was not.
    harness.go_wrong(FaultKind::Nonzero, "-x", 0);
    harness.try_stop("first", true);
    assert!(harness.host.collecting().unwrap().is_empty());
    let before = harness.calls_with("-s");
    harness.create("second", "Web-App-VM", 5, 1);
    assert_eq!(harness.calls_with("-s"), before + 1);
    harness.pass(10_000);
    assert_eq!(harness.job("second").job.status, Status::Completed);
    assert_eq!(harness.compare_with_truth("second"), 5);
    assert!(harness.host.collecting().unwrap().is_empty());
}

#[test]
fn a_host_that_can_run_nothing_for_a_while_is_not_given_up() {
    let mut harness = Harness::new();
    harness.create("job", "SQL-Server-01", 100, 60);
    harness.fail("-x", 16);
    harness.fail("-l", 100);
    harness.guard_stops();
    assert_eq!(harness.host.collecting().unwrap().len(), 2);
    harness.watch_switch(10 * MINUTE_MS);
    assert!(harness.host.collecting().unwrap().is_empty());
    assert!(harness.journaled().is_empty());
}

#[test]
fn a_stop_that_never_succeeds_is_tried_until_the_collection_has_ended_by_itself() {
    let mut harness = Harness::new();
    harness.create("job", "Web-App-VM", 100, 60);
    harness.fail("-x", u64::MAX);
    harness.try_stop("job", true);
    assert!(harness.job("job").job.cleanup.manual_cleanup_required);
    harness.pass(30 * MINUTE_MS);
    assert_eq!(harness.journaled().len(), 1);
    harness.pass(2 * MINUTE_MS);
    assert!(harness.journaled().is_empty());
    let cleanup = harness.job("job").job.cleanup;
    assert!(
        cleanup.vscsi_stats_stopped && !cleanup.manual_cleanup_required,
        "{cleanup:?}"
    );
    let tried = harness.calls_with("-x");
    // 1, 2, 4, 8 and 16 seconds, then every half minute for half an hour.
    assert!((50..90).contains(&tried), "{tried}");
    harness.pass(10 * MINUTE_MS);
    assert_eq!(harness.calls_with("-x"), tried);
}

#[test]
fn what_happens_to_the_journal_on_disk_keeps_nothing_from_being_stopped() {
    for damage in [
        |harness: &Harness| harness.remove_from_state("journal.json"),
        |harness: &Harness| harness.write_to_state("journal.json", "{ torn"),
    ] {
        let mut harness = Harness::new();
        harness.create("job", "SQL-Server-01", 100, 60);
        damage(&harness);
        harness.guard_stops();
        assert!(harness.host.collecting().unwrap().is_empty());
    }
}

#[test]
fn a_moment_ahead_of_the_clock_is_stopped_all_the_same() {
    let mut harness = Harness::new();
    harness.create("job", "SQL-Server-01", 100, 60);
    harness.die_with_guard();
    // As another process would read it whose clock is an hour behind.
    let journal = harness.read_from_state("journal.json");
    let now_ms = harness.uptime_ms();
    let ahead = journal.replace(
        &format!("\"armed_ms\":{now_ms}"),
        &format!("\"armed_ms\":{}", now_ms + 3_600_000),
    );
    assert_ne!(ahead, journal);
    harness.write_to_state("journal.json", &ahead);
    harness.begin_again();
    assert!(harness.host.collecting().unwrap().is_empty());
    assert!(harness.journaled().is_empty());
}

#[test]
fn a_collection_that_somebody_else_stopped_is_started_at_once_and_no_idleness_is_invented() {
    let mut harness = Harness::new();
    harness.create("job", "Web-App-VM", 30, 60);
    harness.pass(3 * MINUTE_MS);
    let before = harness.calls_with("-s");
    harness.stop_by_somebody_else("Web-App-VM");
    harness.pass(2 * MINUTE_MS);
    assert_eq!(harness.calls_with("-s"), before + 1);
    let headers = harness.headers("job");
    let anew: Vec<u32> = headers
        .iter()
        .filter(|header| header.flags.contains(&SnapshotFlag::NewBaseline))
        .map(|header| header.sequence)
        .collect();
    assert_eq!(anew, [4]);
    let errors = harness.job("job").job.collection.errors;
    assert!(
        errors.iter().any(|error| error.message.contains("stood still")),
        "{errors:?}"
    );
    harness.pass(3 * MINUTE_MS);
    // Nothing is idle after that snapshot.
    assert_eq!(harness.compare_with_truth_from("job", 4), 4);
}

#[test]
fn a_collection_that_somebody_else_stopped_is_started_though_it_cannot_be_restarted() {
    let mut harness = Harness::in_a_world(|scenario| scenario.variants.stop_needs_collection = true);
    harness.create_restarting("job", "Web-App-VM", 30);
    harness.pass(3 * MINUTE_MS + 1000);
    harness.stop_by_somebody_else("Web-App-VM");
    harness.pass(3 * MINUTE_MS);
    let (restarted, anew) = (SnapshotFlag::Restarted, SnapshotFlag::NewBaseline);
    let flags: Vec<Option<SnapshotFlag>> = harness
        .headers("job")
        .iter()
        .map(|header| header.flags.first().copied())
        .collect();
    // The restart after snapshot 4 is the first that finds nothing to stop.
    let counted = [Some(restarted); 4];
    let expected = [&[None], &counted[..], &[Some(anew), Some(restarted)]].concat();
    let errors = harness.job("job").job.collection.errors;
    assert_eq!(flags, expected, "{errors:?}");
    assert!(
        errors.iter().any(|error| error.message.contains("stood still")),
        "{errors:?}"
    );
}

#[test]
fn a_collection_whose_counters_are_not_printed_any_more_is_started_at_once() {
    let mut harness = Harness::in_a_world(|scenario| scenario.variants.print_after_stop = false);
    harness.create("job", "Web-App-VM", 30, 60);
    harness.pass(2 * MINUTE_MS);
    harness.stop_by_somebody_else("Web-App-VM");
    harness.pass(MINUTE_MS);
    let last = harness.headers("job").pop().unwrap();
    assert!(last.flags.contains(&SnapshotFlag::NewBaseline), "{:?}", last.flags);
    assert!(!last.flags.contains(&SnapshotFlag::Failed), "{:?}", last.flags);
    harness.pass(2 * MINUTE_MS);
    assert_eq!(harness.compare_with_truth("job"), 4);
}

#[test]
fn a_vm_that_is_idle_is_left_in_peace() {
    let mut harness = Harness::in_a_world(|scenario| {
        let named = |name: &str| scenario.vms.iter().position(|vm| vm.name == name).unwrap();
        let (idle, busy) = (named("Idle-VM"), named("Web-App-VM"));
        scenario.vms[busy].disks[0].workload = scenario.vms[idle].disks[0].workload.clone();
    });
    harness.create("job", "Web-App-VM", 120, 60);
    harness.pass(60 * MINUTE_MS);
    let starts = harness.calls_with("-s");
    // The first, four as the pauses grow, and then one in five minutes.
    assert!((3..=17).contains(&starts), "{starts}");
}

#[test]
fn where_a_second_start_zeroes_the_counters_only_what_follows_a_print_is_lost() {
    let mut harness = Harness::in_a_world(|scenario| scenario.variants.start_again_zeroes = true);
    harness.create("job", "SQL-Server-01", 50, 60);
    harness.pass(51 * MINUTE_MS);
    assert_eq!(harness.job("job").job.status, Status::Completed);
    // Here commands take no time, so that nothing falls between a print and the `-s` after it: wherever counters fell,
    // they hold exactly what the host did since the print before.
    assert_eq!(harness.compare_with_truth_where_zeroed("job"), 100);
    assert!(harness.longest_time_between_starts_ms() <= 20 * MINUTE_MS);
}

#[test]
fn a_foreign_collection_that_its_owner_has_stopped_is_not_revived() {
    let mut harness = Harness::new();
    harness.host.foreign_start().unwrap();
    harness.pass(MINUTE_MS);
    harness.create("job", "Web-App-VM", 100, 60);
    harness.pass(5 * MINUTE_MS);
    let before = harness.calls_with("-s");
    harness.stop_by_somebody_else("Web-App-VM");
    harness.pass(4 * MINUTE_MS);
    assert_eq!(harness.calls_with("-s"), before);
    // It stands still for good: the job collects for itself, and stops what it has started.
    harness.pass(5 * MINUTE_MS);
    assert_eq!(harness.calls_with("-s"), before + 1);
    assert_eq!(harness.journaled().len(), 1);
    harness.try_stop("job", true);
    let ours = harness.handle_of("Web-App-VM");
    assert!(
        harness
            .host
            .collecting()
            .unwrap()
            .iter()
            .all(|disk| disk.handle_id != ours)
    );
}

#[test]
fn a_switch_that_is_killed_between_start_and_answer_leaves_nothing_unknown() {
    for effects in 1..8 {
        let mut harness = Harness::new();
        harness.fuses[1].light(effects);
        harness.try_create("job", "SQL-Server-01", 3, 60);
        harness.fuses[1].put_out();
        harness.pass(5 * MINUTE_MS);
        assert!(harness.host.collecting().unwrap().is_empty(), "{effects}");
        harness.create("again", "SQL-Server-01", 1, 60);
        harness.pass(2 * MINUTE_MS);
        assert_eq!(harness.job("again").job.status, Status::Completed, "{effects}");
    }
}

#[test]
fn a_job_that_ended_before_is_known_to_the_next_agent_while_its_disk_cannot_be_stopped_for_another() {
    let mut harness = Harness::new();
    harness.create("first", "Web-App-VM", 1, 1);
    harness.pass(5000);
    harness.create("second", "Web-App-VM", 100, 60);
    harness.die_with_guard();
    harness.fail("-x", u64::MAX);
    harness.begin_again();
    let known: Vec<String> = harness.jobs().iter().map(|view| view.job.job_id.to_string()).collect();
    assert!(known.contains(&"first".to_owned()), "{known:?}");
}

#[test]
fn a_collection_that_stands_still_until_the_end_of_a_short_job_is_told_and_one_that_counts_is_not() {
    for (foreign, stops) in [(true, false), (true, true), (false, false), (false, true)] {
        let mut harness = Harness::new();
        if foreign {
            harness.host.foreign_start().unwrap();
            harness.let_time_pass(MINUTE_MS);
        }
        harness.create("job", "Web-App-VM", 5, 10);
        harness.pass(25_000);
        if stops {
            harness.stop_by_somebody_else("Web-App-VM");
        }
        harness.pass(MINUTE_MS);
        let job = harness.job("job").job;
        assert_eq!((job.status, job.collection.foreign), (Status::Completed, foreign));
        let mut errors = job.collection.errors.iter();
        let told = errors.any(|error| error.message.contains("had not moved for 20 s"));
        assert_eq!(told, stops, "{:?}", job.collection.errors);
    }
}
