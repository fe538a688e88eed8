//! Counters that begin anew: on purpose in restart mode, after a standstill, or because somebody else did it.

use crate::analysis::snapshots::{Snapshots, has, ios, reads, record, seconds};
use crate::support::raw_job::{UPTIME_US, flagged, header, print, write_snapshot};
use std::fs;
use vscsi_fixtures::{DiskStatistics, IoEvent};
use vscsi_helper::analysis::{Code, Finding};
use vscsi_shared::identifier::HandleId;
use vscsi_shared::snapshot::SnapshotFlag;

/// The counters of a collection that did these reads since it was begun.
fn counted(start_ms: u64, count: u64) -> DiskStatistics {
    let mut statistics = DiskStatistics::new();
    record(&mut statistics, &reads(start_ms, count));
    statistics
}

#[test]
fn in_restart_mode_a_failed_snapshot_makes_the_next_sample_longer() {
    let mut snapshots = Snapshots::new(1);
    snapshots.add(&[&counted(0, 0)], &[]);
    snapshots.add(&[&counted(100, 30)], &[SnapshotFlag::Restarted]);
    // The counters are restarted after a whole snapshot only, so the next one holds two intervals.
    snapshots.add_output("vscsiStats: cannot", &[SnapshotFlag::Restarted, SnapshotFlag::Failed]);
    snapshots.add(&[&counted(1100, 500)], &[SnapshotFlag::Restarted]);
    let loaded = snapshots.load();
    assert_eq!(ios(&loaded), [30, 500]);
    assert_eq!(seconds(&loaded), [1.0, 2.0]);
}

#[test]
fn in_restart_mode_missed_snapshots_do_not_shorten_the_next_sample() {
    let mut snapshots = Snapshots::new(1);
    snapshots.add(&[&counted(0, 0)], &[]);
    snapshots.add(&[&counted(100, 30)], &[SnapshotFlag::Restarted]);
    for sequence in 2..5 {
        let missed = flagged(
            header(sequence, UPTIME_US / 1000 + 4990 + u64::from(sequence), 0),
            &[SnapshotFlag::Failed, SnapshotFlag::Late],
        );
        write_snapshot(snapshots.path(), &missed, "");
    }
    snapshots.next = 5;
    snapshots.add(&[&counted(1100, 400)], &[SnapshotFlag::Restarted]);
    let loaded = snapshots.load();
    assert_eq!(ios(&loaded), [30, 400]);
    assert_eq!(seconds(&loaded), [1.0, 4.0]);
}

#[test]
fn in_restart_mode_a_sample_whose_beginning_is_in_a_lost_file_is_left_out_and_said_so() {
    let mut snapshots = Snapshots::new(1);
    snapshots.add(&[&counted(0, 0)], &[]);
    for count in [30, 50, 20, 10] {
        let start_ms = 100 + u64::from(snapshots.next - 1) * 1000;
        snapshots.add(&[&counted(start_ms, count)], &[SnapshotFlag::Restarted]);
    }
    // The counters of snapshot 3 began with 2, at a moment that only the lost file tells.
    fs::remove_file(snapshots.path().join("samples").join("sample_002.csv")).unwrap();
    let loaded = snapshots.load();
    assert_eq!(ios(&loaded), [30, 10]);
    assert_eq!(seconds(&loaded), [1.0, 1.0]);
    let is_it = |finding: &&Finding| finding.code == Code::MissingSnapshot && finding.disk.is_some();
    assert_eq!(loaded.findings.iter().find(is_it).unwrap().sequence, Some(3));
}

#[test]
fn in_restart_mode_counters_run_on_after_a_snapshot_that_failed_in_part() {
    let mut snapshots = Snapshots::new(2);
    snapshots.add(&[&counted(0, 0), &counted(0, 0)], &[]);
    let (mut first, mut second) = (counted(100, 10), counted(100, 100));
    let half = print(&second, 1);
    let cut = print(&first, 0) + &half[..half.len() / 2];
    snapshots.add_output(&cut, &[SnapshotFlag::Restarted, SnapshotFlag::Failed]);
    record(&mut first, &reads(1100, 20));
    record(&mut second, &reads(1100, 200));
    snapshots.add(&[&first, &second], &[SnapshotFlag::Restarted]);
    snapshots.add(&[&counted(2100, 4), &counted(2100, 3)], &[SnapshotFlag::Restarted]);
    let loaded = snapshots.load();
    assert_eq!(ios(&loaded), [330, 7]);
    assert_eq!(seconds(&loaded), [2.0, 1.0]);
}

#[test]
fn in_restart_mode_a_new_baseline_after_a_gap_is_no_idle_sample() {
    let mut snapshots = Snapshots::new(1);
    snapshots.add(&[&counted(0, 0)], &[]);
    snapshots.add(&[&counted(100, 30)], &[SnapshotFlag::Restarted]);
    snapshots.add_output("", &[SnapshotFlag::Gap]);
    // Printed in the moment in which the VM was found and its collection started.
    snapshots.add(&[&counted(0, 0)], &[SnapshotFlag::Restarted, SnapshotFlag::NewBaseline]);
    snapshots.add(&[&counted(3100, 20)], &[SnapshotFlag::Restarted]);
    let loaded = snapshots.load();
    assert_eq!(ios(&loaded), [30, 20]);
    assert_eq!(seconds(&loaded), [1.0, 1.0]);
    assert!(has(&loaded, Code::CounterReset));
}

#[test]
fn in_restart_mode_a_handover_loses_nothing_whether_or_not_counters_were_restarted_before_it() {
    let handed_over = [SnapshotFlag::Resumed, SnapshotFlag::NewBaseline];
    let mut running_on = counted(100, 30);
    record(&mut running_on, &reads(1100, 20));
    for (third, counted_since) in [(running_on, 20), (counted(1100, 20), 20), (counted(1100, 500), 500)] {
        let mut snapshots = Snapshots::new(1);
        snapshots.add(&[&counted(0, 0)], &[]);
        snapshots.add(&[&counted(100, 30)], &[SnapshotFlag::Restarted]);
        snapshots.add(&[&third], &handed_over);
        let loaded = snapshots.load();
        assert_eq!(ios(&loaded), [30, counted_since]);
        assert_eq!(seconds(&loaded), [1.0, 1.0]);
        assert!(!has(&loaded, Code::CounterReset));
    }
}

#[test]
fn counters_that_fell_behind_a_new_baseline_of_the_agent_are_left_out_and_said_so() {
    let mut snapshots = Snapshots::new(1);
    snapshots.add(&[&counted(0, 0)], &[]);
    snapshots.add(&[&counted(100, 500)], &[]);
    // After a long standstill the agent began the collection anew, at a moment that no one knows.
    let mut anew = counted(1900, 40);
    snapshots.add(&[&anew], &[SnapshotFlag::NewBaseline]);
    record(&mut anew, &reads(2100, 7));
    snapshots.add(&[&anew], &[]);
    let loaded = snapshots.load();
    assert_eq!(ios(&loaded), [500, 7]);
    let reset = loaded
        .findings
        .iter()
        .find(|finding| finding.code == Code::CounterReset);
    assert_eq!(reset.unwrap().sequence, Some(2));
}

#[test]
fn in_restart_mode_a_disk_goes_on_when_another_one_has_a_new_handle() {
    let mut snapshots = Snapshots::new(2);
    snapshots.add(&[&counted(0, 0), &counted(0, 0)], &[]);
    let flags = [SnapshotFlag::Restarted, SnapshotFlag::NewBaseline];
    let mut moved = flagged(header(1, UPTIME_US / 1000 + 1000, 2), &flags);
    moved.disks[1].handle_id = HandleId(9000);
    let second = print(&counted(0, 0), 1).replace(",8195 ", ",9000 ");
    write_snapshot(snapshots.path(), &moved, &(print(&counted(100, 30), 0) + &second));
    let loaded = snapshots.load();
    assert_eq!(ios(&loaded), [30]);
    assert!(has(&loaded, Code::HandleChanged) && !has(&loaded, Code::CounterReset));
}

#[test]
fn a_new_baseline_without_a_reset_leaves_the_difference_as_it_is() {
    let mut snapshots = Snapshots::new(1);
    let mut statistics = counted(0, 0);
    snapshots.add(&[&statistics], &[]);
    record(&mut statistics, &reads(100, 500));
    snapshots.add(&[&statistics], &[SnapshotFlag::NewBaseline]);
    let loaded = snapshots.load();
    assert_eq!(ios(&loaded), [500]);
    assert!(!has(&loaded, Code::CounterReset));
}

#[test]
fn a_restart_behind_a_busy_baseline_is_noticed_by_an_uptime_of_the_interval() {
    let mut snapshots = Snapshots::new(1);
    let mut statistics = DiskStatistics::new();
    let before: Vec<IoEvent> = reads(0, 50)
        .into_iter()
        .map(|event| IoEvent {
            issue_us: event.issue_us - 500_000,
            ..event
        })
        .collect();
    record(&mut statistics, &before);
    snapshots.add(&[&statistics], &[SnapshotFlag::Foreign]);
    // Somebody stops and starts the collection half a second later. No counter falls.
    statistics.reset(true);
    record(&mut statistics, &reads(500, 400));
    snapshots.add(&[&statistics], &[SnapshotFlag::Foreign]);
    let loaded = snapshots.load();
    assert_eq!(ios(&loaded), [400]);
    assert!(has(&loaded, Code::CounterReset));
}

#[test]
fn a_pause_as_long_as_the_uptime_of_a_young_host_is_no_restart() {
    let snapshots = Snapshots::new(1);
    let mut statistics = DiskStatistics::new();
    let at = |seconds: u64| IoEvent {
        issue_us: seconds * 1_000_000,
        ..reads(0, 1)[0]
    };
    // The host was booted 2000 s before the baseline; the disk was idle from 1100 s to 3200 s.
    record(&mut statistics, &[at(1000), at(1100)]);
    write_snapshot(snapshots.path(), &header(0, 2_000_000, 1), &print(&statistics, 0));
    record(&mut statistics, &[at(3200)]);
    write_snapshot(snapshots.path(), &header(1, 3_800_000, 1), &print(&statistics, 0));
    let loaded = snapshots.load();
    assert_eq!(ios(&loaded), [1]);
    assert!(!has(&loaded, Code::CounterReset));
}
