//! Collections and disks that come and go: whose they are, and when they are started again.

use std::fs;

use vscsi_fixtures::FaultKind;
use vscsi_shared::job::Status;
use vscsi_shared::snapshot::SnapshotFlag;
use vscsi_shared::wire::v1::ErrorCode;

use crate::MINUTE_MS;
use crate::harness::Harness;

#[test]
fn a_start_that_failed_after_a_power_cycle_is_tried_again_soon() {
    let mut harness = Harness::new();
    harness.create("job", "Web-App-VM", 100, 60);
    harness.pass(MINUTE_MS);
    harness.host.power_cycle("Web-App-VM").unwrap();
    harness.fail("-s", 1);
    harness.pass(MINUTE_MS);
    harness.pass(15_000);
    assert_eq!(harness.host.collecting().unwrap().len(), 1);
    harness.pass(3 * MINUTE_MS);
    assert!(harness.compare_with_truth("job") >= 2);
}

#[test]
fn what_was_not_counted_before_a_start_that_failed_at_first_is_in_no_sample() {
    let mut harness = Harness::in_a_world(|scenario| scenario.variants.print_before_start = true);
    harness.create("job", "Web-App-VM", 8, 60);
    harness.pass(3 * MINUTE_MS);
    harness.fail("-s", 2);
    harness.host.power_cycle("Web-App-VM").unwrap();
    harness.pass(6 * MINUTE_MS);
    assert_eq!(harness.job("job").job.status, Status::Completed);
    let anew = harness
        .headers("job")
        .into_iter()
        .filter(|header| header.flags.contains(&SnapshotFlag::NewBaseline));
    assert!(anew.count() >= 2);
    assert!(harness.compare_with_truth("job") >= 4);
}

#[test]
fn a_collection_kept_by_a_user_is_forgotten_once_it_has_ended_by_itself() {
    let mut harness = Harness::new();
    harness.create("kept", "Web-App-VM", 100, 60);
    harness.try_stop("kept", false);
    assert_eq!(harness.journaled().len(), 1);
    harness.pass(32 * MINUTE_MS);
    assert!(harness.journaled().is_empty());
    assert!(harness.job("kept").job.cleanup.vscsi_stats_stopped);
    // What runs on that disk from now on is somebody else's.
    harness.host.foreign_start().unwrap();
    harness.pass(MINUTE_MS);
    harness.create("later", "Web-App-VM", 1, 60);
    harness.pass(3 * MINUTE_MS);
    let later = harness.job("later").job;
    assert_eq!(later.status, Status::Completed);
    assert!(later.collection.foreign);
    assert!(!harness.host.collecting().unwrap().is_empty());
}

#[test]
fn the_guard_leaves_running_what_a_user_asked_to_keep() {
    let mut harness = Harness::new();
    harness.create("kept", "Web-App-VM", 100, 60);
    harness.try_stop("kept", false);
    harness.guard_stops();
    assert_eq!(harness.host.collecting().unwrap().len(), 1);
}

#[test]
fn a_job_that_was_still_looking_goes_on_after_a_handover_and_stops_no_other() {
    let mut harness = Harness::new();
    harness.create("sampling", "SQL-Server-01", 100, 60);
    harness.pass(MINUTE_MS);
    harness.host.foreign_start().unwrap();
    harness.pass(MINUTE_MS);
    // Counters that were there before it ask for a second look; by name it comes before the other job.
    harness.ask_for("looking", "Web-App-VM", 100);
    assert_eq!(harness.job("looking").job.status, Status::Pending);
    harness.hand_over_and_restart();
    harness.pass(2 * MINUTE_MS);
    assert_eq!(harness.calls_with("-x"), 0);
    assert_eq!(harness.job("sampling").job.status, Status::Running);
    let looking = harness.job("looking").job;
    assert_eq!(looking.status, Status::Running, "{:?}", looking.collection.errors);
    assert!(looking.collection.foreign);
}

#[test]
fn cleaning_up_all_stops_what_a_user_asked_to_keep() {
    let mut harness = Harness::new();
    harness.create("kept", "Web-App-VM", 100, 60);
    harness.try_stop("kept", false);
    harness.clean_up_all();
    assert!(harness.host.collecting().unwrap().is_empty());
    assert!(harness.journaled().is_empty());
}

#[test]
fn cleaning_up_all_leaves_alone_what_somebody_else_started_after_ours_had_ended() {
    let mut harness = Harness::new();
    harness.create("kept", "Web-App-VM", 100, 60);
    harness.try_stop("kept", false);
    // Nobody was there to forget it when it ended by itself.
    harness.die_with_guard();
    harness.let_time_pass(32 * MINUTE_MS);
    harness.host.foreign_start().unwrap();
    let theirs = harness.host.collecting().unwrap().len();
    harness.clean_up_all();
    assert_eq!(harness.host.collecting().unwrap().len(), theirs);
}

#[test]
fn a_foreign_collection_is_extended_at_once_after_a_handover() {
    let mut harness = Harness::new();
    harness.host.foreign_start().unwrap();
    harness.pass(MINUTE_MS);
    harness.create("job", "Web-App-VM", 100, 60);
    harness.pass(16 * MINUTE_MS);
    let before = harness.calls_with("-s");
    harness.hand_over_and_restart();
    harness.pass(1000);
    assert_eq!(harness.calls_with("-s"), before + 1);
    // It was never long enough without one for vscsiStats to stop by itself.
    harness.pass(60 * MINUTE_MS);
    assert!(
        !harness
            .headers("job")
            .iter()
            .any(|header| header.flags.contains(&SnapshotFlag::NewBaseline))
    );
}

#[test]
fn a_look_that_failed_does_not_prove_that_nobody_collects() {
    let mut harness = Harness::new();
    harness.host.foreign_start().unwrap();
    harness.pass(MINUTE_MS);
    harness.go_wrong(FaultKind::Hang, "ioLength", 0);
    harness.create("job", "Web-App-VM", 1, 60);
    harness.pass(3 * MINUTE_MS);
    let job = harness.job("job").job;
    assert!(job.collection.foreign, "{job:?}");
    assert!(harness.journaled().is_empty());
    assert!(!harness.host.collecting().unwrap().is_empty());
}

#[test]
fn where_nobody_can_look_nothing_is_started() {
    let mut harness = Harness::new();
    for look in 0..3 {
        harness.go_wrong(FaultKind::Hang, "ioLength", look);
    }
    harness.try_create("job", "Web-App-VM", 1, 60);
    harness.pass(MINUTE_MS);
    assert_eq!(harness.job("job").job.status, Status::Failed);
    assert_eq!(harness.calls_with("-s"), 0);
}

#[test]
fn counters_that_were_there_once_and_are_no_more_do_not_prove_that_nobody_collects() {
    let mut harness = Harness::new();
    harness.host.foreign_start().unwrap();
    harness.pass(MINUTE_MS);
    // The second look fails, with nothing printed.
    harness.go_wrong(FaultKind::Fail, "ioLength", 1);
    harness.create("job", "Web-App-VM", 1, 60);
    harness.pass(3 * MINUTE_MS);
    let job = harness.job("job").job;
    assert!(job.collection.foreign, "{job:?}");
    assert!(!harness.host.collecting().unwrap().is_empty());
}

#[test]
fn after_a_look_that_failed_the_other_disks_are_not_asked() {
    let mut harness = Harness::new();
    harness.go_wrong(FaultKind::Hang, "ioLength", 0);
    harness.ask_for("job", "SQL-Server-01", 1);
    assert_eq!(harness.calls_with("ioLength"), 1);
    harness.pass(2 * MINUTE_MS);
    assert_eq!(harness.job("job").job.status, Status::Completed);
}

#[test]
fn between_two_looks_at_a_disk_counters_have_time_to_grow() {
    let mut harness = Harness::new();
    harness.host.foreign_start().unwrap();
    harness.pass(MINUTE_MS);
    harness.looks_take(3000);
    harness.create("job", "Web-App-VM", 1, 60);
    harness.pass(5000);
    let handle = harness
        .host
        .disks()
        .unwrap()
        .into_iter()
        .find(|disk| disk.vm == "Web-App-VM")
        .unwrap()
        .handle_id;
    let looks = harness.looks_at(handle);
    // The first began 3 s before its end, and a second more has to pass.
    assert!(looks[1] - looks[0] >= 4000, "{looks:?}");
}

#[test]
fn counters_that_somebody_zeroes_between_two_looks_are_somebody_s() {
    let mut harness = Harness::new();
    harness.host.foreign_start().unwrap();
    harness.let_time_pass(MINUTE_MS);
    harness.try_create("job", "Web-App-VM", 3, 60);
    harness.host.reset_counters().unwrap();
    harness.pass(4 * MINUTE_MS);
    assert!(harness.job("job").job.collection.foreign);
    assert!(!harness.host.collecting().unwrap().is_empty());
}

#[test]
fn old_handles_after_a_power_cycle_make_no_snapshot_wait() {
    let mut harness = Harness::new();
    harness.create("cycled", "Web-App-VM", 100, 60);
    harness.create("other", "SQL-Server-01", 100, 60);
    harness.pass(MINUTE_MS);
    harness.host.power_cycle("Web-App-VM").unwrap();
    // Both are due, and the one whose VM has new handles goes first.
    harness.let_time_pass(MINUTE_MS);
    harness.step_once();
    let before = harness.calls().len();
    harness.step_once();
    let calls = harness.calls();
    assert_eq!(calls[before], "-p", "{:?}", &calls[before..]);
}

#[test]
fn a_disk_that_was_removed_does_not_slow_down_the_snapshots_of_the_others() {
    let mut harness = Harness::new();
    harness.create("job", "SQL-Server-01", 100, 60);
    harness.pass(MINUTE_MS);
    let node = harness
        .host
        .disks()
        .unwrap()
        .into_iter()
        .rfind(|disk| disk.vm == "SQL-Server-01")
        .unwrap()
        .node;
    harness.host.remove_disk("SQL-Server-01", &node).unwrap();
    harness.pass(MINUTE_MS);
    let before = harness.calls_with("all");
    harness.pass(10 * MINUTE_MS);
    assert_eq!(harness.calls_with("all") - before, 10);
    let job = harness.job("job").job;
    assert_eq!(job.status, Status::Running);
    assert_eq!(job.collection.errors.len(), 1, "{:?}", job.collection.errors);
    assert_eq!(harness.journaled().len(), 1);
}

#[test]
fn one_listing_that_lacks_the_vm_is_not_believed() {
    let mut harness = Harness::new();
    harness.create("job", "Web-App-VM", 5, 60);
    harness.go_wrong(FaultKind::Empty, "-l", 0);
    harness.pass(MINUTE_MS);
    assert!(harness.headers("job").iter().all(|header| header.flags.is_empty()));
    assert_eq!(harness.compare_with_truth("job"), 1);
}

#[test]
fn only_counters_that_were_restarted_are_called_so() {
    let mut harness = Harness::new();
    harness.create_restarting("job", "Web-App-VM", 4);
    harness.pass(MINUTE_MS);
    harness.pass(1000);
    // Of the third restart, after snapshot 2, the stop fails.
    harness.fail("-x", 1);
    harness.pass(4 * MINUTE_MS);
    let restarted: Vec<bool> = harness
        .headers("job")
        .iter()
        .map(|header| header.flags.contains(&SnapshotFlag::Restarted))
        .collect();
    assert_eq!(restarted, [false, true, true, false, true]);
}

#[test]
fn a_stop_that_fails_goes_before_snapshots_when_it_has_waited_long() {
    let mut harness = Harness::new();
    harness.create("ended", "Web-App-VM", 100, 60);
    harness.create("running", "SQL-Server-01", 100, 60);
    harness.fail("-x", 1);
    harness.try_stop("ended", true);
    assert_eq!(harness.host.collecting().unwrap().len(), 3);
    harness.let_time_pass(2 * MINUTE_MS);
    harness.step_once();
    assert_eq!(harness.host.collecting().unwrap().len(), 2);
}

#[test]
fn a_long_standstill_is_recorded_piece_by_piece() {
    let mut harness = Harness::new();
    harness.create("job", "Web-App-VM", 900, 1);
    harness.let_time_pass(800_000);
    harness.step_once();
    let recorded = harness.headers("job").len();
    assert!((2..200).contains(&recorded), "{recorded}");
    harness.pass(0);
    assert_eq!(harness.headers("job").len(), 801);
    let errors = harness.job("job").job.collection.errors;
    assert!(
        errors.iter().any(|error| error.message.starts_with("799 snapshots")),
        "{errors:?}"
    );
}

#[test]
fn a_job_is_not_written_over_what_the_spool_cannot_read() {
    let mut harness = Harness::new();
    harness.create("job", "Web-App-VM", 1, 60);
    harness.pass(2 * MINUTE_MS);
    let sample = harness.job_directory("job").join("samples/sample_001.csv");
    let before = fs::read(&sample).unwrap();
    harness.die_with_guard();
    fs::write(harness.job_directory("job").join("job.json"), "{ torn").unwrap();
    harness.begin_again();
    let refusal = harness.refusal("job", "Web-App-VM", 1);
    assert_eq!(refusal.code, ErrorCode::Conflict);
    assert_eq!(fs::read(&sample).unwrap(), before);
}

#[test]
fn the_rest_of_an_interrupted_creation_does_not_take_its_name() {
    let mut harness = Harness::new();
    harness.die_with_guard();
    fs::create_dir_all(harness.job_directory("job").join("samples")).unwrap();
    fs::write(harness.job_directory("job").join("agent.json"), "{}").unwrap();
    harness.begin_again();
    harness.create("job", "Web-App-VM", 1, 60);
}

#[test]
fn what_running_jobs_still_need_is_not_promised_twice() {
    let mut harness = Harness::new();
    harness.die_with_guard();
    // Two jobs of 101 snapshots of one disk, each of at most 12 KiB, need more than 2 MiB together.
    harness.limit_spool(2 * 1024 * 1024);
    harness.begin_again();
    harness.create("first", "Web-App-VM", 100, 60);
    assert_eq!(harness.refusal("second", "Web-App-VM", 100).code, ErrorCode::Spool);
}

#[test]
fn a_disk_that_comes_back_into_the_listing_is_not_said_to_be_missing() {
    let mut harness = Harness::new();
    // It keeps the disk collected, and looks too seldom to miss it.
    harness.create("other", "SQL-Server-01", 2, 3600);
    harness.create("job", "SQL-Server-01", 100, 60);
    let disks = harness.host.disks().unwrap();
    let handle = disks
        .into_iter()
        .rfind(|disk| disk.vm == "SQL-Server-01")
        .unwrap()
        .handle_id;
    harness.unlist(Some(handle));
    harness.pass(MINUTE_MS);
    harness.unlist(None);
    harness.pass(MINUTE_MS);
    let errors = harness.job("job").job.collection.errors;
    assert!(errors[1].message.contains("listed again"), "{errors:?}");
}
