//! Snapshots that failed, were missed or are lost, in whole or in part.

use std::fs;

use crate::analysis::snapshots::{Snapshots, has, ios, reads, record, seconds};
use crate::support::raw_job::{NODES, UPTIME_US, flagged, header, print, write_snapshot};
use vscsi_fixtures::DiskStatistics;
use vscsi_helper::analysis::load::Loaded;
use vscsi_helper::analysis::{Code, DiskKey, Finding};
use vscsi_shared::histogram::{Metric, Operation};
use vscsi_shared::snapshot::SnapshotFlag;

fn found<'loaded>(loaded: &'loaded Loaded, code: Code, disk: Option<&str>) -> Option<&'loaded Finding> {
    let disk = disk.map(|disk| DiskKey(disk.to_owned()));
    let is_it = |finding: &&Finding| finding.code == code && finding.disk == disk;
    loaded.findings.iter().find(is_it)
}

/// A print that was cut inside its last disk.
fn cut(whole: &DiskStatistics, half: &DiskStatistics) -> String {
    let half = print(half, 1);
    print(whole, 0) + &half[..half.len() / 2]
}

#[test]
fn the_whole_disks_of_a_failed_last_snapshot_are_used_and_the_loss_of_the_other_is_said() {
    let mut snapshots = Snapshots::new(2);
    let (mut first, mut second) = (DiskStatistics::new(), DiskStatistics::new());
    snapshots.add(&[&first, &second], &[]);
    record(&mut first, &reads(100, 10));
    record(&mut second, &reads(100, 100));
    snapshots.add(&[&first, &second], &[]);
    record(&mut first, &reads(1100, 20));
    record(&mut second, &reads(1100, 200));
    snapshots.add_output(&cut(&first, &second), &[SnapshotFlag::Failed]);
    let loaded = snapshots.load();
    assert_eq!(ios(&loaded), [110, 20]);
    let lost = found(&loaded, Code::FailedSnapshot, Some(NODES[1])).unwrap();
    assert!(
        lost.message.contains("after snapshot 1 is not in the samples"),
        "{}",
        lost.message
    );
    assert_eq!(found(&loaded, Code::FailedSnapshot, Some(NODES[0])), None);
}

#[test]
fn a_failed_snapshot_that_a_usable_one_follows_loses_nothing() {
    let mut snapshots = Snapshots::new(2);
    let (mut first, mut second) = (DiskStatistics::new(), DiskStatistics::new());
    snapshots.add(&[&first, &second], &[]);
    record(&mut first, &reads(100, 10));
    record(&mut second, &reads(100, 100));
    snapshots.add_output(&cut(&first, &second), &[SnapshotFlag::Failed]);
    record(&mut first, &reads(1100, 20));
    record(&mut second, &reads(1100, 200));
    snapshots.add(&[&first, &second], &[]);
    let loaded = snapshots.load();
    assert_eq!(ios(&loaded), [330]);
    assert_eq!(seconds(&loaded), [2.0]);
    for node in &NODES[..2] {
        assert_eq!(found(&loaded, Code::FailedSnapshot, Some(node)), None);
    }
}

#[test]
fn a_disk_that_was_gone_before_is_not_lost_in_a_failed_last_snapshot() {
    let mut snapshots = Snapshots::new(2);
    let (mut first, second) = (DiskStatistics::new(), DiskStatistics::new());
    snapshots.add(&[&first, &second], &[]);
    record(&mut first, &reads(100, 10));
    write_snapshot(
        snapshots.path(),
        &header(1, UPTIME_US / 1000 + 1000, 1),
        &print(&first, 0),
    );
    let failed = flagged(header(2, UPTIME_US / 1000 + 2000, 1), &[SnapshotFlag::Failed]);
    write_snapshot(snapshots.path(), &failed, "");
    let loaded = snapshots.load();
    assert!(found(&loaded, Code::FailedSnapshot, Some(NODES[0])).is_some());
    assert_eq!(found(&loaded, Code::FailedSnapshot, Some(NODES[1])), None);
}

#[test]
fn snapshots_missed_in_one_moment_are_no_fault_of_the_clock() {
    let mut snapshots = Snapshots::new(1);
    let mut statistics = DiskStatistics::new();
    snapshots.add(&[&statistics], &[]);
    record(&mut statistics, &reads(100, 60));
    // The agent writes them when it wakes, and takes the next snapshot within the same millisecond.
    let woken_ms = UPTIME_US / 1000 + 3000;
    for sequence in [1, 2] {
        let missed = flagged(
            header(sequence, woken_ms, 0),
            &[SnapshotFlag::Failed, SnapshotFlag::Late],
        );
        write_snapshot(snapshots.path(), &missed, "");
    }
    write_snapshot(snapshots.path(), &header(3, woken_ms, 1), &print(&statistics, 0));
    let loaded = snapshots.load();
    assert_eq!(ios(&loaded), [60]);
    assert_eq!(seconds(&loaded), [3.0]);
    assert!(!has(&loaded, Code::ClockWentBack), "{:?}", loaded.findings);
}

#[test]
fn time_begins_with_the_first_sample() {
    let mut snapshots = Snapshots::new(1);
    let mut statistics = DiskStatistics::new();
    for _ in 0..3 {
        snapshots.add_output(&print(&statistics, 0)[..600], &[SnapshotFlag::Failed]);
    }
    snapshots.add(&[&statistics], &[]);
    for start_ms in [3100, 4100] {
        record(&mut statistics, &reads(start_ms, 10));
        snapshots.add(&[&statistics], &[]);
    }
    let starts: Vec<f64> = snapshots
        .load()
        .series
        .samples
        .iter()
        .map(|sample| sample.start_seconds)
        .collect();
    assert_eq!(starts, [0.0, 1.0]);
}

#[test]
fn a_missing_baseline_is_reported() {
    let mut snapshots = Snapshots::new(1);
    let mut statistics = DiskStatistics::new();
    snapshots.add(&[&statistics], &[]);
    for start_ms in [100, 1100] {
        record(&mut statistics, &reads(start_ms, 10));
        snapshots.add(&[&statistics], &[]);
    }
    fs::remove_file(snapshots.path().join("samples").join("sample_000.csv")).unwrap();
    let loaded = snapshots.load();
    assert_eq!(ios(&loaded), [10]);
    let missing = found(&loaded, Code::MissingSnapshot, None).unwrap();
    assert!(
        missing
            .message
            .starts_with("1 snapshot is missing before sample_001.csv"),
        "{}",
        missing.message
    );
}

/// What is printed, without the histogram of this title.
pub(crate) fn without(print: &str, title: &str) -> String {
    let blocks = print.split_inclusive("\nHistogram: ");
    let mut left = String::new();
    let mut skipped = false;
    for block in blocks {
        let title_line = block.strip_prefix("Histogram: ").unwrap_or(block);
        if title_line.starts_with(title) {
            skipped = true;
        } else {
            left.push_str(block);
        }
    }
    assert!(skipped, "{title} is not printed");
    left
}

#[test]
fn a_histogram_that_was_missing_in_the_print_before_is_reported_and_counts_from_the_next() {
    let mut snapshots = Snapshots::new(1);
    let mut statistics = DiskStatistics::new();
    let title = "latency of Read IOs in Microseconds (us)";
    snapshots.add_output(&without(&print(&statistics, 0), title), &[]);
    for (start_ms, count) in [(100, 10), (1100, 20)] {
        record(&mut statistics, &reads(start_ms, count));
        snapshots.add(&[&statistics], &[]);
    }
    let loaded = snapshots.load();
    let read_latencies: Vec<Option<u64>> = loaded
        .series
        .samples
        .iter()
        .map(|sample| {
            sample.disks[0]
                .histograms
                .of(Metric::Latency, Operation::Read)
                .map(|found| found.count)
        })
        .collect();
    assert_eq!(read_latencies, [None, Some(20)]);
    let finding = found(&loaded, Code::IncompleteDisk, Some(NODES[0])).unwrap();
    assert_eq!(finding.sequence, Some(1));
    assert!(finding.message.contains(title), "{}", finding.message);
}
