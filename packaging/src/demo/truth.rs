//! Whether the samples of the demonstration hold what the simulated disks really did.

use std::collections::BTreeMap;

use anyhow::{Result, ensure};
use serde::Deserialize;

/// What a disk did between two prints, as the simulated host tells it.
#[derive(Debug, Deserialize)]
pub(super) struct Interval {
    /// Both prints show the same collection of the disk.
    comparable: bool,
    truth: DiskTruth,
}

#[derive(Debug, Deserialize)]
struct DiskTruth {
    node: String,
    reads: Commands,
    writes: Commands,
}

#[derive(Debug, Deserialize)]
struct Commands {
    commands: u64,
}

/// What a disk did in a sample, as the client exports it: one row for each direction.
#[derive(Debug, Deserialize)]
pub(super) struct Row {
    sample: u32,
    disk: String,
    operation: String,
    ios: Option<u64>,
}

/// Reads and writes.
type Counts = (u64, u64);

/// Compares both disk by disk and sample by sample, and tells what was found in one line.
///
/// # Errors
/// When they differ, with the first place where they do.
pub(super) fn compare(truth: &[Interval], rows: &[Row]) -> Result<String> {
    let mut really: BTreeMap<&str, Vec<Counts>> = BTreeMap::new();
    for interval in truth.iter().filter(|interval| interval.comparable) {
        let disk = &interval.truth;
        let counts = (disk.reads.commands, disk.writes.commands);
        really.entry(&disk.node).or_default().push(counts);
    }
    let mut counted: BTreeMap<&str, BTreeMap<u32, Counts>> = BTreeMap::new();
    for row in rows {
        let sample = counted.entry(&row.disk).or_default().entry(row.sample).or_default();
        match row.operation.as_str() {
            "read" => sample.0 = row.ios.unwrap_or(0),
            "write" => sample.1 = row.ios.unwrap_or(0),
            _ => {}
        }
    }
    ensure!(
        really.keys().eq(counted.keys()) && !really.is_empty(),
        "the simulated host printed {:?}, and the samples are of {:?}",
        really.keys(),
        counted.keys()
    );
    let (mut samples, mut commands) = (0, 0);
    for ((disk, really), counted) in really.iter().zip(counted.values()) {
        ensure!(
            really.len() == counted.len(),
            "{disk}: {} intervals between prints, and {} samples",
            really.len(),
            counted.len()
        );
        for (really, (sample, counted)) in really.iter().zip(counted) {
            ensure!(
                really == counted,
                "{disk}, sample {sample}: {} reads and {} writes were counted, and really there were {} and {}",
                counted.0,
                counted.1,
                really.0,
                really.1
            );
            samples += 1;
            commands += really.0 + really.1;
        }
    }
    ensure!(
        commands > 0,
        "the simulated disks were idle, so there is nothing to compare"
    );
    Ok(format!(
        "Samples and truth are equal: all {commands} commands of the simulated disks, in {samples} samples of {} disks, are \
         counted where they belong.",
        really.len()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn truth(intervals: &[(&str, bool, u64, u64)]) -> Vec<Interval> {
        let interval = |&(node, comparable, reads, writes): &(&str, bool, u64, u64)| Interval {
            comparable,
            truth: DiskTruth {
                node: node.to_owned(),
                reads: Commands { commands: reads },
                writes: Commands { commands: writes },
            },
        };
        intervals.iter().map(interval).collect()
    }

    fn rows(counted: &[(&str, u32, u64, u64)]) -> Vec<Row> {
        let rows = counted.iter().flat_map(|&(disk, sample, reads, writes)| {
            [("all", reads + writes), ("read", reads), ("write", writes)].map(|(operation, ios)| Row {
                sample,
                disk: disk.to_owned(),
                operation: operation.to_owned(),
                ios: Some(ios),
            })
        });
        rows.collect()
    }

    #[test]
    fn equal_counts_are_told_in_one_line_and_prints_before_the_job_are_left_out() {
        let truth = truth(&[
            ("a", false, 9, 9),
            ("a", true, 3, 4),
            ("b", true, 0, 1),
            ("a", true, 5, 0),
        ]);
        let line = compare(&truth, &rows(&[("a", 1, 3, 4), ("a", 2, 5, 0), ("b", 1, 0, 1)])).unwrap();
        assert!(
            line.contains("all 13 commands") && line.contains("3 samples of 2 disks"),
            "{line}"
        );
        assert!(!line.contains('\n'));
    }

    #[test]
    fn a_command_that_is_counted_in_another_sample_is_a_difference() {
        let truth = truth(&[("a", true, 3, 4), ("a", true, 5, 0)]);
        let error = compare(&truth, &rows(&[("a", 1, 2, 4), ("a", 2, 6, 0)])).unwrap_err();
        assert_eq!(
            error.to_string(),
            "a, sample 1: 2 reads and 4 writes were counted, and really there were 3 and 4"
        );
    }

    #[test]
    fn a_disk_or_a_sample_that_is_missing_is_a_difference() {
        let truth = truth(&[("a", true, 3, 4), ("b", true, 1, 1)]);
        assert!(compare(&truth, &rows(&[("a", 1, 3, 4)])).is_err());
        assert!(compare(&truth, &rows(&[("a", 1, 3, 4), ("b", 1, 1, 1), ("b", 2, 0, 0)])).is_err());
    }

    #[test]
    fn idle_disks_prove_nothing() {
        assert!(compare(&truth(&[("a", true, 0, 0)]), &rows(&[("a", 1, 0, 0)])).is_err());
    }
}
