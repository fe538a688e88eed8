//! What goes wrong on the host, and what must hold all the same.

use vscsi_fixtures::FaultKind;
use vscsi_shared::job::Status;
use vscsi_shared::snapshot::SnapshotFlag;

use crate::MINUTE_MS;
use crate::harness::Harness;

#[test]
fn a_guard_that_cannot_write_the_journal_stops_every_disk() {
    let mut harness = Harness::new();
    harness.create("job", "SQL-Server-01", 100, 60);
    assert_eq!(harness.host.collecting().unwrap().len(), 2);
    harness.refuse_to_write("journal.json");
    harness.guard_stops();
    assert!(harness.host.collecting().unwrap().is_empty());
}

#[test]
fn an_agent_that_can_write_neither_journal_nor_boot_starts_and_shows_its_samples() {
    let mut harness = Harness::new();
    harness.create("job", "SQL-Server-01", 100, 60);
    harness.pass(MINUTE_MS);
    harness.refuse_to_write("journal.json");
    harness.refuse_to_write("boot.json");
    harness.crash_and_restart();
    assert_eq!(harness.job("job").job.status, Status::Failed);
    assert_eq!(harness.headers("job").len(), 2);
    assert!(harness.problems().iter().any(|problem| problem.contains("journal")));
    assert!(harness.problems().iter().any(|problem| problem.contains("boot")));
}

#[test]
fn a_journal_that_could_not_be_cleared_is_cleared_later() {
    let mut harness = Harness::new();
    harness.create("job", "SQL-Server-01", 100, 60);
    harness.refuse_to_write("journal.json");
    harness.try_stop("job", true);
    assert!(harness.host.collecting().unwrap().is_empty());
    assert_eq!(harness.journaled().len(), 2);
    harness.allow_to_write("journal.json");
    harness.pass(MINUTE_MS);
    assert!(harness.journaled().is_empty());
    assert!(harness.problems().is_empty());
}

#[test]
fn what_a_told_end_could_not_stop_is_tried_again_by_the_switch() {
    let mut harness = Harness::new();
    harness.create("job", "Web-App-VM", 100, 60);
    harness.fail("-x", 1);
    harness.end();
    assert!(harness.host.collecting().unwrap().is_empty());
    assert!(harness.journaled().is_empty());
}

#[test]
fn between_two_snapshots_that_are_due_the_agent_can_be_told_something() {
    let mut harness = Harness::new();
    harness.create("first", "Web-App-VM", 100, 60);
    harness.create("second", "SQL-Server-01", 100, 60);
    harness.let_time_pass(MINUTE_MS);
    harness.step_once();
    assert_eq!(harness.headers("first").len() + harness.headers("second").len(), 3);
}

#[test]
fn a_wall_clock_that_was_set_before_a_handover_costs_neither_job_nor_journal() {
    let mut harness = Harness::new();
    harness.create("job", "Web-App-VM", 100, 60);
    harness.set_wall_forward(-601);
    harness.hand_over_and_restart();
    assert_eq!(harness.job("job").job.status, Status::Running);
    assert_eq!(harness.journaled().len(), 1);
    assert_eq!(harness.host.collecting().unwrap().len(), 1);
}

#[test]
fn an_agent_that_finds_two_jobs_that_died_starts_nothing_for_either() {
    let mut harness = Harness::new();
    harness.create("first", "SQL-Server-01", 100, 60);
    harness.create_restarting("second", "Web-App-VM", 100);
    // Whether it collects is not known any more.
    harness.fail("-s", 9);
    harness.pass(MINUTE_MS + 1000);
    harness.die_with_guard();
    let before = harness.calls_with("-s");
    harness.begin_again();
    harness.pass(MINUTE_MS);
    assert_eq!(harness.calls_with("-s"), before);
    for job in ["first", "second"] {
        assert_eq!(harness.job(job).job.status, Status::Failed);
    }
    assert!(harness.host.collecting().unwrap().is_empty());
}

#[test]
fn a_wall_clock_that_was_set_while_no_agent_ran_forgets_no_collection() {
    let mut harness = Harness::new();
    harness.create("job", "SQL-Server-01", 100, 60);
    harness.die_with_guard();
    harness.set_wall_forward(-601);
    harness.begin_again();
    assert_eq!(harness.job("job").job.status, Status::Failed);
    assert!(harness.host.collecting().unwrap().is_empty());
    assert!(harness.journaled().is_empty());
}

#[test]
fn after_a_reboot_nothing_is_stopped_by_the_handles_of_the_boot_before() {
    let mut harness = Harness::new();
    let began_ms = harness.uptime_ms();
    harness.pass(20 * MINUTE_MS);
    harness.create("job", "SQL-Server-01", 100, 60);
    harness.reboot();
    harness.lose_boot_marker();
    // Later in this boot than the agent has ever been in the one before.
    harness.let_time_pass(began_ms + 30 * MINUTE_MS);
    harness.begin_again();
    assert!(harness.journaled().is_empty());
    assert_eq!(harness.calls_with("-x"), 0);
}

#[test]
fn a_reboot_that_keeps_the_marker_is_told_by_a_moment_it_has_not_reached() {
    let mut harness = Harness::new();
    let began_ms = harness.uptime_ms();
    harness.pass(20 * MINUTE_MS);
    harness.create("job", "SQL-Server-01", 100, 60);
    harness.reboot();
    // Later in this boot than the agent began in the one before, and earlier than it started to collect.
    harness.let_time_pass(began_ms + 5 * MINUTE_MS);
    harness.begin_again();
    // Nothing is certain where the marker is there still, so what the journal names is stopped once more.
    assert!(harness.journaled().is_empty());
    let errors = harness.job("job").job.collection.errors;
    assert!(
        errors.iter().any(|error| error.message.contains("rebooted")),
        "{errors:?}"
    );
}

#[test]
fn a_marker_that_is_lost_keeps_neither_guard_nor_successor_from_stopping() {
    let mut harness = Harness::new();
    harness.create("guarded", "SQL-Server-01", 100, 60);
    harness.lose_boot_marker();
    harness.guard_stops();
    assert!(harness.host.collecting().unwrap().is_empty());

    let mut harness = Harness::new();
    harness.create("found", "SQL-Server-01", 100, 60);
    harness.lose_boot_marker();
    harness.die_with_guard();
    harness.begin_again();
    assert!(harness.host.collecting().unwrap().is_empty());
}

#[test]
fn a_host_whose_run_directory_cannot_be_written_is_taken_for_no_other_boot() {
    let mut harness = Harness::with_unwritable_run_directory();
    harness.create("job", "SQL-Server-01", 100, 60);
    harness.die_with_guard();
    harness.begin_again();
    assert!(harness.host.collecting().unwrap().is_empty());
}

#[test]
fn nothing_is_started_that_the_journal_on_disk_does_not_name() {
    let mut harness = Harness::new();
    harness.create("job", "Web-App-VM", 100, 60);
    harness.refuse_to_write("journal.json");
    harness.host.power_cycle("Web-App-VM").unwrap();
    // The snapshot at 60 s finds new handles, and 10 s later the start that failed is tried again.
    harness.pass(75_000);
    let journaled = harness.journaled();
    let collecting = harness.host.collecting().unwrap();
    assert!(
        collecting.iter().all(|disk| journaled.contains(&disk.handle_id)),
        "{collecting:?}"
    );
    harness.allow_to_write("journal.json");
    harness.pass(MINUTE_MS);
    assert_eq!(harness.host.collecting().unwrap().len(), 1);
}

#[test]
fn a_collection_that_the_journal_on_disk_names_is_extended_though_it_cannot_be_written() {
    let mut harness = Harness::new();
    harness.create("job", "Web-App-VM", 70, 60);
    harness.refuse_to_write("journal.json");
    harness.pass(71 * MINUTE_MS);
    assert_eq!(harness.job("job").job.status, Status::Completed);
    assert_eq!(harness.compare_with_truth("job"), 70);
}

#[test]
fn a_stop_that_was_refused_changes_nothing_later() {
    let mut harness = Harness::new();
    harness.create("job", "Web-App-VM", 100, 60);
    harness.refuse_to_write("journal.json");
    harness.refused_stop("job", false);
    harness.allow_to_write("journal.json");
    harness.pass(MINUTE_MS);
    assert_eq!(harness.job("job").job.status, Status::Running);
    harness.guard_stops();
    assert!(harness.host.collecting().unwrap().is_empty());
}

#[test]
fn a_handover_that_failed_is_not_journaled_later() {
    let mut harness = Harness::new();
    harness.create("job", "Web-App-VM", 100, 60);
    harness.refuse_to_write("journal.json");
    harness.handover_fails();
    harness.allow_to_write("journal.json");
    harness.pass(MINUTE_MS);
    assert!(!harness.handover_is_journaled());
}

#[test]
fn a_stop_is_not_believed_while_a_start_that_was_killed_is_still_on_its_way() {
    let mut harness = Harness::new();
    harness.killed_programs_linger(true);
    harness.go_wrong(FaultKind::Hang, "-s", 0);
    harness.create("job", "Web-App-VM", 100, 60);
    assert_eq!(harness.job("job").job.status, Status::Failed);
    harness.pass(MINUTE_MS);
    assert_eq!(harness.journaled().len(), 1);
    assert!(!harness.job("job").job.cleanup.vscsi_stats_stopped);
    harness.killed_programs_linger(false);
    harness.pass(11_000);
    assert!(harness.journaled().is_empty());
    assert!(harness.job("job").job.cleanup.vscsi_stats_stopped);
}

#[test]
fn a_journal_that_cannot_be_written_is_tried_every_ten_seconds() {
    let mut harness = Harness::new();
    harness.create("job", "Web-App-VM", 100, 60);
    harness.refuse_to_write("journal.json");
    harness.try_stop("job", true);
    harness.pass_in_rounds(MINUTE_MS);
    let tried = harness.logged("cannot write the journal");
    // Once at the stop, and at most seven times in the minute after it.
    assert!((6..=8).contains(&tried), "{tried}");
}

#[test]
fn a_stop_that_failed_is_not_believed_for_one_listing_that_lacks_the_disk() {
    let mut harness = Harness::new();
    harness.create("job", "Web-App-VM", 100, 60);
    harness.fail("-x", 1);
    harness.go_wrong(FaultKind::Empty, "-l", 0);
    harness.try_stop("job", true);
    assert_eq!(harness.journaled().len(), 1);
    assert!(!harness.job("job").job.cleanup.vscsi_stats_stopped);
    harness.pass(11_000);
    assert!(harness.host.collecting().unwrap().is_empty());
    assert!(harness.journaled().is_empty());
}

#[test]
fn a_guard_whose_stop_failed_does_not_believe_one_listing_that_lacks_the_disk() {
    let mut harness = Harness::new();
    harness.create("job", "Web-App-VM", 100, 60);
    harness.fail("-x", 1);
    harness.go_wrong(FaultKind::Empty, "-l", 0);
    harness.guard_stops();
    assert!(harness.host.collecting().unwrap().is_empty());
    assert!(harness.journaled().is_empty());
}

#[test]
fn listings_that_lack_the_vm_for_a_moment_cost_a_snapshot_and_no_collection() {
    let mut harness = Harness::new();
    harness.create("job", "Web-App-VM", 100, 60);
    // Both listings of the next snapshot.
    harness.go_wrong(FaultKind::Empty, "-l", 0);
    harness.go_wrong(FaultKind::Empty, "-l", 1);
    harness.pass(MINUTE_MS);
    assert_eq!(harness.journaled().len(), 1);
    harness.pass(MINUTE_MS);
    let headers = harness.headers("job");
    assert!(headers[1].flags.contains(&SnapshotFlag::Gap));
    assert!(headers[2].flags.is_empty(), "{:?}", headers[2].flags);
    assert_eq!(harness.compare_with_truth("job"), 1);
}

#[test]
fn a_disk_whose_vm_has_moved_away_is_forgotten_once_a_second_listing_lacks_it() {
    let mut harness = Harness::new();
    harness.create("job", "Web-App-VM", 100, 60);
    harness.host.migrate_away("Web-App-VM").unwrap();
    harness.try_stop("job", true);
    assert_eq!(harness.journaled().len(), 1);
    assert!(!harness.job("job").job.cleanup.manual_cleanup_required);
    harness.pass(1000);
    assert!(harness.journaled().is_empty());
    assert!(harness.job("job").job.cleanup.vscsi_stats_stopped);
}
