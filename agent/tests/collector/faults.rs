//! What goes wrong on the host, and what must hold all the same.

use vscsi_fixtures::FaultKind;
use vscsi_shared::job::Status;

use crate::MINUTE_MS;
use crate::bench::Bench;

#[test]
fn a_guard_that_cannot_write_the_journal_stops_every_disk() {
    let mut bench = Bench::new();
    bench.create("job", "SQL-Server-01", 100, 60);
    assert_eq!(bench.host.collecting().unwrap().len(), 2);
    bench.refuse_to_write("journal.json");
    bench.guard_stops();
    assert!(bench.host.collecting().unwrap().is_empty());
}

#[test]
fn an_agent_that_can_write_neither_journal_nor_boot_starts_and_shows_its_samples() {
    let mut bench = Bench::new();
    bench.create("job", "SQL-Server-01", 100, 60);
    bench.pass(MINUTE_MS);
    bench.refuse_to_write("journal.json");
    bench.refuse_to_write("boot.json");
    bench.crash_and_restart();
    assert_eq!(bench.job("job").job.status, Status::Failed);
    assert_eq!(bench.headers("job").len(), 2);
    assert!(bench.problems().iter().any(|problem| problem.contains("journal")));
    assert!(bench.problems().iter().any(|problem| problem.contains("boot")));
}

#[test]
fn a_journal_that_could_not_be_cleared_is_cleared_later() {
    let mut bench = Bench::new();
    bench.create("job", "SQL-Server-01", 100, 60);
    bench.refuse_to_write("journal.json");
    bench.try_stop("job", true);
    assert!(bench.host.collecting().unwrap().is_empty());
    assert_eq!(bench.journaled().len(), 2);
    bench.allow_to_write("journal.json");
    bench.pass(MINUTE_MS);
    assert!(bench.journaled().is_empty());
    assert!(bench.problems().is_empty());
}

#[test]
fn what_a_told_end_could_not_stop_is_left_to_the_guard() {
    let mut bench = Bench::new();
    bench.create("job", "Web-App-VM", 100, 60);
    bench.fail("-x", 1);
    assert!(bench.end_leaves_collections());
    bench.guard_stops();
    assert!(bench.host.collecting().unwrap().is_empty());
}

#[test]
fn a_told_end_that_stopped_everything_leaves_nothing_to_the_guard() {
    let mut bench = Bench::new();
    bench.create("job", "Web-App-VM", 100, 60);
    assert!(!bench.end_leaves_collections());
}

#[test]
fn between_two_snapshots_that_are_due_the_agent_can_be_told_something() {
    let mut bench = Bench::new();
    bench.create("first", "Web-App-VM", 100, 60);
    bench.create("second", "SQL-Server-01", 100, 60);
    bench.let_time_pass(MINUTE_MS);
    bench.step_once();
    assert_eq!(bench.headers("first").len() + bench.headers("second").len(), 3);
}

#[test]
fn a_wall_clock_that_was_set_before_a_handover_costs_neither_job_nor_journal() {
    let mut bench = Bench::new();
    bench.create("job", "Web-App-VM", 100, 60);
    bench.set_wall_forward(-601);
    bench.hand_over_and_restart(0);
    assert_eq!(bench.job("job").job.status, Status::Running);
    assert_eq!(bench.journaled().len(), 1);
    assert_eq!(bench.host.collecting().unwrap().len(), 1);
}

#[test]
fn a_wall_clock_that_was_set_while_no_agent_ran_forgets_no_collection() {
    let mut bench = Bench::new();
    bench.create("job", "SQL-Server-01", 100, 60);
    bench.die_with_guard();
    bench.set_wall_forward(-601);
    bench.begin_again();
    assert_eq!(bench.job("job").job.status, Status::Failed);
    assert!(bench.host.collecting().unwrap().is_empty());
    assert!(bench.journaled().is_empty());
}

#[test]
fn after_a_reboot_nothing_is_stopped_by_the_handles_of_the_boot_before() {
    let mut bench = Bench::new();
    let began_ms = bench.uptime_ms();
    bench.pass(20 * MINUTE_MS);
    bench.create("job", "SQL-Server-01", 100, 60);
    bench.reboot();
    bench.lose_boot_marker();
    // Later in this boot than the agent has ever been in the one before.
    bench.let_time_pass(began_ms + 30 * MINUTE_MS);
    bench.begin_again();
    assert!(bench.journaled().is_empty());
    assert_eq!(bench.calls_with("-x"), 0);
}

#[test]
fn a_reboot_that_keeps_the_marker_is_told_by_a_moment_it_has_not_reached() {
    let mut bench = Bench::new();
    let began_ms = bench.uptime_ms();
    bench.pass(20 * MINUTE_MS);
    bench.create("job", "SQL-Server-01", 100, 60);
    bench.reboot();
    // Later in this boot than the agent began in the one before, and earlier than it started to collect.
    bench.let_time_pass(began_ms + 5 * MINUTE_MS);
    bench.begin_again();
    assert!(bench.journaled().is_empty());
    assert_eq!(bench.calls_with("-x"), 0);
    let errors = bench.job("job").job.collection.errors;
    assert!(
        errors.iter().any(|error| error.message.contains("started again")),
        "{errors:?}"
    );
}

#[test]
fn a_marker_that_is_lost_keeps_neither_guard_nor_successor_from_stopping() {
    let mut bench = Bench::new();
    bench.create("guarded", "SQL-Server-01", 100, 60);
    bench.lose_boot_marker();
    bench.guard_stops();
    assert!(bench.host.collecting().unwrap().is_empty());

    let mut bench = Bench::new();
    bench.create("found", "SQL-Server-01", 100, 60);
    bench.lose_boot_marker();
    bench.die_with_guard();
    bench.begin_again();
    assert!(bench.host.collecting().unwrap().is_empty());
}

#[test]
fn a_host_whose_run_directory_cannot_be_written_is_taken_for_no_other_boot() {
    let mut bench = Bench::with_unwritable_run_directory();
    bench.create("job", "SQL-Server-01", 100, 60);
    bench.die_with_guard();
    bench.begin_again();
    assert!(bench.host.collecting().unwrap().is_empty());
}

#[test]
fn nothing_is_started_that_the_journal_on_disk_does_not_name() {
    let mut bench = Bench::new();
    bench.create("job", "Web-App-VM", 100, 60);
    bench.refuse_to_write("journal.json");
    bench.host.power_cycle("Web-App-VM").unwrap();
    // The snapshot at 60 s finds new handles, and 10 s later the start that failed is tried again.
    bench.pass(75_000);
    let journaled = bench.journaled();
    let collecting = bench.host.collecting().unwrap();
    assert!(
        collecting.iter().all(|disk| journaled.contains(&disk.handle_id)),
        "{collecting:?}"
    );
    bench.allow_to_write("journal.json");
    bench.pass(MINUTE_MS);
    assert_eq!(bench.host.collecting().unwrap().len(), 1);
}

#[test]
fn a_collection_that_the_journal_on_disk_names_is_extended_though_it_cannot_be_written() {
    let mut bench = Bench::new();
    bench.create("job", "Web-App-VM", 70, 60);
    bench.refuse_to_write("journal.json");
    bench.pass(71 * MINUTE_MS);
    assert_eq!(bench.job("job").job.status, Status::Completed);
    assert_eq!(bench.compare_with_truth("job"), 70);
}

#[test]
fn a_stop_that_was_refused_changes_nothing_later() {
    let mut bench = Bench::new();
    bench.create("job", "Web-App-VM", 100, 60);
    bench.refuse_to_write("journal.json");
    bench.refused_stop("job", false);
    bench.allow_to_write("journal.json");
    bench.pass(MINUTE_MS);
    assert_eq!(bench.job("job").job.status, Status::Running);
    bench.guard_stops();
    assert!(bench.host.collecting().unwrap().is_empty());
}

#[test]
fn a_handover_that_failed_is_not_journaled_later() {
    let mut bench = Bench::new();
    bench.create("job", "Web-App-VM", 100, 60);
    bench.refuse_to_write("journal.json");
    bench.handover_fails();
    bench.allow_to_write("journal.json");
    bench.pass(MINUTE_MS);
    assert!(!bench.handover_is_journaled());
}

#[test]
fn a_stop_is_not_believed_while_a_start_that_was_killed_is_still_on_its_way() {
    let mut bench = Bench::new();
    bench.killed_programs_linger(true);
    bench.go_wrong(FaultKind::Hang, "-s", 0);
    bench.create("job", "Web-App-VM", 100, 60);
    assert_eq!(bench.job("job").job.status, Status::Failed);
    bench.pass(MINUTE_MS);
    assert_eq!(bench.journaled().len(), 1);
    assert!(!bench.job("job").job.cleanup.vscsi_stats_stopped);
    bench.killed_programs_linger(false);
    bench.pass(11_000);
    assert!(bench.journaled().is_empty());
    assert!(bench.job("job").job.cleanup.vscsi_stats_stopped);
}

#[test]
fn a_journal_that_cannot_be_written_is_tried_every_ten_seconds() {
    let mut bench = Bench::new();
    bench.create("job", "Web-App-VM", 100, 60);
    bench.refuse_to_write("journal.json");
    bench.try_stop("job", true);
    bench.pass_in_rounds(MINUTE_MS);
    let tried = bench.logged("cannot write the journal");
    // Once at the stop, and at most seven times in the minute after it.
    assert!((6..=8).contains(&tried), "{tried}");
}
