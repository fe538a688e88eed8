//! Parts of a job's time, and of its disks.

use serde_json::{Value, json};

use crate::support::desk::{Desk, Ended, capture};
use crate::support::raw_job::UPTIME_US;
use vscsi_fixtures::{Direction, IoEvent};

/// Writes of 8 KiB in the second that begins `second` after the start.
fn writes(second: u64, number: u64) -> impl Iterator<Item = IoEvent> {
    (0..number).map(move |index| IoEvent {
        issue_us: UPTIME_US + second * 1_000_000 + 1000 + index * 2000,
        latency_us: 300,
        lbn: 9000 + (second * 1000 + index) * 16,
        bytes: 8192,
        direction: Direction::Write,
    })
}

/// A job with one disk for each row, which does so many writes in each second.
fn job(disks: &[&[u64]]) -> Desk {
    let streams: Vec<Vec<IoEvent>> = disks
        .iter()
        .map(|counts| {
            let seconds = (0_u64..).zip(counts.iter());
            seconds.flat_map(|(second, &number)| writes(second, number)).collect()
        })
        .collect();
    let moments: Vec<u64> = (0..=disks[0].len() as u64).map(|second| second * 1_000_000).collect();
    Desk::with_job(&streams, &moments)
}

const QUIET_BUSY_QUIET: [u64; 11] = [2, 2, 2, 2, 200, 210, 190, 2, 2, 2, 2];

fn fails(ended: &Ended, code: i32, parts: &[&str]) {
    assert_eq!(ended.code, Some(code), "{}", ended.stderr);
    for part in parts {
        assert!(ended.stderr.contains(part), "no `{part}` in {}", ended.stderr);
    }
}

#[test]
fn the_samples_of_an_import_lie_in_no_period_of_the_wall_clock() {
    let desk = Desk::with_import(&capture());
    for option in [
        &["--from", "2020-01-01T00:00:00Z"][..],
        &["--to", "2100-01-01T00:00:00Z"],
        &["--from", "19:33:30"],
        &["--phase", "day=2020-01-01T00:00:00Z-2100-01-01T00:00:00Z"],
    ] {
        let ended = desk.run(&[&["analyze", "captured"], option].concat());
        fails(&ended, 2, &["no sample has a date", "hint: give a duration", "15m"]);
    }
    let ended = desk.run(&["export", "captured", "--from", "0s", "--to", "1h"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
}

#[test]
fn a_period_without_samples_tells_how_far_they_reach_and_from_when_to_when_if_that_is_known() {
    let imported = Desk::with_import(&capture()).run(&["analyze", "captured", "--from", "10h"]);
    // Its interarrival times add up to more than the 60 s given.
    fails(&imported, 5, &["has its middle in that period", "reach over 982 s\n"]);
    let collected = job(&[&[5, 5]]).run(&["analyze", "raw-stream", "--from", "10h"]);
    fails(
        &collected,
        5,
        &["has its middle in that period", "reach over 2 s, from 20"],
    );
    // Nobody types fractions of a second.
    let dates = collected.stderr.split(", from ").nth(1).unwrap();
    let dates = dates.lines().next().unwrap();
    for date in dates.split(" to ") {
        assert_eq!(date.len(), "2025-11-06T08:30:00Z".len(), "{dates}");
        date.parse::<jiff::Timestamp>().unwrap();
    }
}

#[test]
fn a_time_of_day_is_taken_by_the_clock_of_the_host_and_said() {
    let desk = job(&[&[10, 20, 30, 40]]);
    let period = desk
        .run(&["--json", "analyze", "raw-stream", "--filter", "none"])
        .json()["period"]
        .clone();
    let from: jiff::Timestamp = period["from"].as_str().unwrap().parse().unwrap();
    let third = from + jiff::SignedDuration::from_secs(2);
    let time = third.strftime("%H:%M:%S%.f").to_string();
    let ended = desk.run(&["--json", "analyze", "raw-stream", "--filter", "none", "--from", &time]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let summary = ended.json();
    assert_eq!(summary["metrics"]["ios"]["total"], 70);
    let findings = summary["findings"].as_array().unwrap();
    let said = findings
        .iter()
        .find(|finding| finding["code"] == "time_of_day")
        .unwrap();
    let message = said["message"].as_str().unwrap();
    assert!(message.contains(&format!("as {third}")), "{message}");
}

#[test]
fn a_phase_without_samples_tells_what_it_needs() {
    let ended = job(&[&[5, 5]]).run(&["analyze", "raw-stream", "--phase", "short=600ms-900ms"]);
    fails(
        &ended,
        5,
        &[
            "no sample has its middle in phase `short`",
            "make the phase at least as long as the sampling interval",
        ],
    );
}

/// Name, begin, end, samples and I/Os of each phase.
fn phases(summary: &Value) -> Vec<Value> {
    let phase = |phase: &Value| {
        json!([
            phase["name"],
            phase["start_seconds"],
            phase["end_seconds"],
            phase["samples"],
            phase["metrics"]["ios"]["total"]
        ])
    };
    summary["phases"].as_array().unwrap().iter().map(phase).collect()
}

#[test]
fn a_job_falls_into_its_busy_and_quiet_phases_with_all_of_their_samples() {
    let ended = job(&[&QUIET_BUSY_QUIET]).run(&["--json", "analyze", "raw-stream", "--phases"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert_eq!(
        phases(&ended.json()),
        [
            json!(["quiet-1", 0.0, 4.0, 4, 8]),
            json!(["busy-1", 4.0, 7.0, 3, 600]),
            json!(["quiet-2", 7.0, 11.0, 4, 8]),
        ]
    );
}

#[test]
fn a_job_with_one_level_of_activity_is_one_phase() {
    let ended = job(&[&[50, 51, 49, 50]]).run(&["--json", "analyze", "raw-stream", "--phases"]);
    assert_eq!(phases(&ended.json()), [json!(["steady", 0.0, 4.0, 4, 200])]);
}

#[test]
fn named_phases_hold_every_sample_of_their_time_whatever_its_activity() {
    let ended = job(&[&QUIET_BUSY_QUIET]).run(&[
        "--json",
        "analyze",
        "raw-stream",
        "--phase",
        "rise=3s-5s",
        "--phase",
        "rest=5s-1h",
    ]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert_eq!(
        phases(&ended.json()),
        [json!(["rise", 3.0, 5.0, 2, 202]), json!(["rest", 5.0, 11.0, 6, 408])]
    );
}

#[test]
fn a_disk_and_a_period_are_selected_together() {
    let desk = job(&[&[10, 20, 30, 40], &[100, 200, 300, 400]]);
    let ended = desk.run(&[
        "--json",
        "analyze",
        "raw-stream",
        "--filter",
        "none",
        "--disk",
        "scsi0:1",
        "--from",
        "1s",
        "--to",
        "3s",
    ]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let summary = ended.json();
    assert_eq!(summary["metrics"]["ios"]["total"], 500);
    assert_eq!(summary["disks"].as_array().unwrap().len(), 1);
    assert_eq!(summary["disks"][0]["seconds"], 2.0);
}

/// Method, threshold, samples kept and IOPS of each filter.
fn explained(ended: &Ended) -> Vec<Value> {
    let row = |row: &Value| json!([row["method"], row["threshold"], row["samples_kept"], row["iops"]]);
    ended.json().as_array().unwrap().iter().map(row).collect()
}

#[test]
fn filters_are_explained_by_what_each_keeps() {
    let desk = job(&[&QUIET_BUSY_QUIET]);
    let ended = desk.run(&["--json", "analyze", "raw-stream", "--explain-filters"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    // 616 writes in 11 s. 75 % of 11 drops 2 of the quiet ones, 25 % drops 8: all of them. A tenth of 210 is 21.
    assert_eq!(
        explained(&ended),
        [
            json!(["percentile", 75.0, 9, 612.0 / 9.0]),
            json!(["none", null, 11, 56.0]),
            json!(["percentile", 25.0, 3, 200.0]),
            json!(["statistical", 1.0, 11, 56.0]),
            json!(["statistical", 0.0, 3, 200.0]),
            json!(["absolute", 21.0, 3, 200.0]),
            json!(["cluster", null, 3, 200.0]),
        ]
    );
    assert!(!desk.job("raw-stream").join("analysis/summary.json").exists());
}

#[test]
fn filters_are_explained_where_the_chosen_one_keeps_nothing() {
    let desk = job(&[&[10, 20]]);
    let nothing = ["analyze", "raw-stream", "--filter", "absolute", "--threshold", "1e9"];
    fails(
        &desk.run(&nothing),
        5,
        &["leaves none of 2 samples", "would leave 1 of 2 at 20"],
    );
    let ended = desk.run(&[&["--json"], &nothing[..], &["--explain-filters"]].concat());
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert_eq!(explained(&ended)[0], json!(["absolute", 1e9, 0, null]));
    let text = desk.run(&[&nothing[..], &["--explain-filters"]].concat());
    assert!(text.stdout.contains("absolute (>= 1000000000 IOPS)"), "{}", text.stdout);
    assert!(!text.stdout.contains("-0%"), "{}", text.stdout);
}
