//! The collector against the simulated host, on clocks that the test moves.

mod disks;
mod faults;
mod guarantee;
mod harness;
mod inventory;
mod laws;
mod schedules;

use harness::Harness;
use vscsi_shared::job::Status;
use vscsi_shared::snapshot::SnapshotFlag;

const MINUTE_MS: u64 = 60_000;

#[test]
fn a_job_longer_than_the_automatic_stop_loses_nothing() {
    let mut harness = Harness::new();
    harness.create("job", "SQL-Server-01", 100, 60);
    for _ in 0..100 {
        harness.pass(MINUTE_MS);
    }
    assert_eq!(harness.job("job").job.status, Status::Completed);
    // A hundred samples of two disks, more than three times the 30 minutes after which vscsiStats stops by itself.
    assert_eq!(harness.compare_with_truth("job"), 200);
    assert!(harness.longest_time_between_starts_ms() <= 20 * MINUTE_MS);
}

#[test]
fn between_two_distant_snapshots_the_collection_is_extended() {
    let mut harness = Harness::new();
    harness.create("job", "Web-App-VM", 2, 7200);
    for _ in 0..4 * 60 {
        harness.pass(MINUTE_MS);
    }
    assert_eq!(harness.job("job").job.status, Status::Completed);
    assert_eq!(harness.compare_with_truth("job"), 2);
}

#[test]
fn a_wall_clock_that_jumps_moves_no_snapshot() {
    let mut harness = Harness::new();
    harness.create("job", "SQL-Server-01", 6, 60);
    for jump_hours in [0, 24, -48, 0, 1, 0] {
        harness.set_wall_forward(jump_hours * 3600);
        harness.pass(MINUTE_MS);
    }
    let headers = harness.headers("job");
    assert_eq!(headers.len(), 7);
    assert!(
        headers
            .windows(2)
            .all(|pair| pair[1].monotonic_ms - pair[0].monotonic_ms == MINUTE_MS)
    );
    assert!(headers.iter().all(|header| header.flags.is_empty()));
    assert_eq!(harness.compare_with_truth("job"), 12);
}

#[test]
fn a_host_that_stood_still_has_its_missed_snapshots_marked_and_none_invented() {
    let mut harness = Harness::new();
    harness.create("job", "SQL-Server-01", 20, 60);
    harness.pass(MINUTE_MS);
    // Both clocks go on by ten minutes in which nobody ran.
    harness.stand_still(10 * MINUTE_MS + 35_000);
    let headers = harness.headers("job");
    let missed: Vec<u32> = headers
        .iter()
        .filter(|header| header.flags.contains(&SnapshotFlag::Failed))
        .map(|header| header.sequence)
        .collect();
    assert_eq!(missed, (2..=10).collect::<Vec<u32>>());
    let taken = headers.last().unwrap();
    assert_eq!(taken.sequence, 11);
    assert!(
        taken.flags.contains(&SnapshotFlag::Late),
        "35 s are more than half an interval"
    );
    // The sample after the standstill covers all of it.
    assert_eq!(harness.compare_with_truth("job"), 4);
}

#[test]
fn a_collection_that_ended_by_itself_in_a_standstill_begins_anew_and_is_marked() {
    let mut harness = Harness::new();
    harness.create("job", "SQL-Server-01", 100, 60);
    harness.pass(MINUTE_MS);
    // vscsiStats stops by itself after 30 minutes, and nobody was there to defer it.
    harness.stand_still(31 * MINUTE_MS);
    harness.pass(3 * MINUTE_MS);
    let headers = harness.headers("job");
    let anew: Vec<u32> = headers
        .iter()
        .filter(|header| header.flags.contains(&SnapshotFlag::NewBaseline))
        .map(|header| header.sequence)
        .collect();
    assert_eq!(anew, [32]);
    let errors = harness.job("job").job.collection.errors;
    assert!(
        errors.iter().any(|error| error.message.contains("ended by itself")),
        "{errors:?}"
    );
    // One sample before the standstill and three after it, of two disks each.
    assert_eq!(harness.compare_with_truth("job"), 8);
}

#[test]
fn a_crashed_agent_leaves_a_failed_job_and_a_stopped_collection() {
    let mut harness = Harness::new();
    harness.create("job", "SQL-Server-01", 100, 60);
    harness.pass(MINUTE_MS);
    harness.pass(MINUTE_MS);
    harness.crash_and_restart();
    let view = harness.job("job");
    assert_eq!(view.job.status, Status::Failed);
    assert!(view.job.cleanup.vscsi_stats_stopped);
    assert_eq!(view.job.collection.samples_collected, 2);
    assert!(harness.host.collecting().unwrap().is_empty());
}

#[test]
fn a_job_stopped_without_cleanup_leaves_nothing_running_that_another_job_ends() {
    let mut harness = Harness::new();
    harness.create("first", "Web-App-VM", 100, 60);
    harness.create("second", "Web-App-VM", 2, 60);
    harness.try_stop("first", false);
    assert_eq!(harness.host.collecting().unwrap().len(), 1);
    harness.pass(3 * MINUTE_MS);
    assert_eq!(harness.job("second").job.status, Status::Completed);
    assert!(harness.host.collecting().unwrap().is_empty());
    assert!(harness.job("first").job.cleanup.vscsi_stats_stopped);
}

#[test]
fn a_successor_goes_on_with_the_jobs_and_loses_no_command() {
    let mut harness = Harness::new();
    harness.create("job", "SQL-Server-01", 100, 60);
    harness.pass(MINUTE_MS);
    harness.hand_over_and_restart();
    assert_eq!(harness.job("job").job.status, Status::Running);
    harness.pass(2 * MINUTE_MS);
    assert_eq!(harness.compare_with_truth("job"), 6);
    assert_eq!(harness.calls_with("-x"), 0);
}

#[test]
fn a_successor_that_dies_before_it_has_the_lock_changes_nothing() {
    let mut harness = Harness::new();
    harness.create("job", "SQL-Server-01", 100, 60);
    harness.pass(MINUTE_MS);
    harness.successor_dies();
    assert!(!harness.handover_is_journaled());
    harness.pass(2 * MINUTE_MS);
    assert_eq!(harness.job("job").job.status, Status::Running);
    assert_eq!(harness.compare_with_truth("job"), 6);
    harness.try_stop("job", true);
    assert!(harness.host.collecting().unwrap().is_empty());
}

#[test]
fn when_both_agents_die_in_a_handover_everything_is_stopped() {
    let mut harness = Harness::new();
    harness.create("job", "SQL-Server-01", 100, 60);
    harness.both_agents_die_in_a_handover();
    assert!(harness.host.collecting().unwrap().is_empty());
    assert!(harness.journaled().is_empty());
}

#[test]
fn a_switch_that_dies_is_replaced_and_the_job_goes_on() {
    let mut harness = Harness::new();
    harness.create("job", "SQL-Server-01", 100, 60);
    harness.pass(MINUTE_MS);
    harness.kill_switch();
    harness.pass(2 * MINUTE_MS);
    assert_eq!(harness.job("job").job.status, Status::Running);
    assert_eq!(harness.compare_with_truth("job"), 6);
    assert_eq!(harness.calls_with("-x"), 0);
    harness.try_stop("job", true);
    assert!(harness.host.collecting().unwrap().is_empty());
}
