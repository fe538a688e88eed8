//! What is said when part of a job's data is not there.

use std::fs;

use serde_json::Value;

use crate::analysis::snapshots::read_job;
use crate::support::desk::{Desk, capture, only};
use crate::support::raw_job::{UPTIME_US, write_job};
use vscsi_fixtures::{Direction, IoEvent};
use vscsi_shared::job::Status;

/// A read of 4 KiB each 100 ms.
fn reads(seconds: u64) -> Vec<IoEvent> {
    (0..seconds * 10)
        .map(|index| IoEvent {
            issue_us: UPTIME_US + index * 100_000 + 50_000,
            latency_us: 400,
            lbn: 5000 + index * 64,
            bytes: 4096,
            direction: Direction::Read,
        })
        .collect()
}

/// A job of 30 samples of a second.
fn job_of_thirty() -> Desk {
    let moments: Vec<u64> = (0..=30).map(|second| second * 1_000_000).collect();
    Desk::with_job(&[reads(30)], &moments)
}

/// The state in which a pull leaves a job when it is killed: `job.json` came first.
fn keep_snapshots_through(desk: &Desk, last: u32) {
    for entry in fs::read_dir(desk.job("raw-stream").join("samples")).unwrap() {
        let path = entry.unwrap().path();
        let later = |sequence| path.ends_with(format!("sample_{sequence:03}.csv"));
        if (last + 1..=30).any(later) {
            fs::remove_file(&path).unwrap();
        }
    }
}

fn finding<'summary>(summary: &'summary Value, code: &str) -> Option<&'summary Value> {
    let findings = summary["findings"].as_array().unwrap();
    findings.iter().find(|finding| finding["code"] == code)
}

#[test]
fn a_completed_job_that_is_all_here_is_whole() {
    let ended = job_of_thirty().run(&["--json", "analyze", "raw-stream"]);
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
    let summary = ended.json();
    assert_eq!(summary["collection"]["partial"], false);
    assert_eq!(finding(&summary, "missing_snapshot"), None);
}

#[test]
fn a_completed_job_whose_pull_was_cut_short_is_partial_and_says_how_to_fetch_the_rest() {
    let desk = job_of_thirty();
    keep_snapshots_through(&desk, 12);
    let ended = desk.run(&["--json", "analyze", "raw-stream"]);
    assert_eq!(ended.code, Some(3), "{}", ended.stderr);
    assert!(
        ended.stderr.contains("12 of 30 samples") && ended.stderr.contains("`vscsi-helper pull raw-stream`"),
        "{}",
        ended.stderr
    );
    let summary = ended.json();
    assert_eq!(summary["collection"]["partial"], true);
    let missing = finding(&summary, "missing_snapshot").unwrap();
    assert_eq!(
        (&missing["severity"], &missing["sequence"]),
        (&"warning".into(), &13.into())
    );
    let message = missing["message"].as_str().unwrap();
    assert!(
        message.contains("snapshots 13 to 30 are not here") && message.contains("vscsi-helper pull raw-stream"),
        "{message}"
    );
}

#[test]
fn every_command_that_analyses_says_that_a_pull_was_cut_short() {
    let desk = job_of_thirty();
    keep_snapshots_through(&desk, 29);
    for arguments in [
        &["export", "raw-stream"][..],
        &["compare", "raw-stream", "raw-stream"],
        &["analyze", "raw-stream", "--explain-filters"],
    ] {
        let ended = desk.run(arguments);
        assert_eq!(ended.code, Some(3), "{arguments:?}: {}", ended.stderr);
        assert!(
            ended.stderr.contains("29 of 30 samples"),
            "{arguments:?}: {}",
            ended.stderr
        );
    }
}

#[test]
fn a_damaged_last_snapshot_makes_the_job_partial() {
    let desk = job_of_thirty();
    fs::write(desk.job("raw-stream").join("samples/sample_030.csv"), "nothing").unwrap();
    let ended = desk.run(&["--json", "analyze", "raw-stream"]);
    assert_eq!(ended.code, Some(3), "{}", ended.stderr);
    let said = "damaged or missing here; `vscsi-helper pull raw-stream` repairs this";
    assert!(ended.stderr.contains(said), "{}", ended.stderr);
    assert_eq!(ended.json()["collection"]["partial"], true);
}

#[test]
fn a_snapshot_that_is_damaged_without_a_change_of_length_is_left_out_and_named() {
    let desk = Desk::with_the_capture();
    let sample = desk.job("captured").join("samples/sample_000.csv");
    let whole = fs::read_to_string(&sample).unwrap();
    let damaged = whole.replacen("793,", "893,", 1);
    let damaged = if damaged == whole {
        whole.replacen("count,793", "count,893", 1)
    } else {
        damaged
    };
    assert_eq!(damaged.len(), whole.len());
    fs::write(&sample, damaged).unwrap();
    let ended = desk.run(&["analyze", "captured"]);
    assert_ne!(ended.code, Some(0));
    assert!(
        ended
            .stderr
            .contains("sample_000.csv is left out: it is not what was stored"),
        "{}",
        ended.stderr
    );
    let doctor = desk.run(&["doctor"]);
    assert!(
        doctor
            .stdout
            .contains("not as they were stored: captured/sample_000.csv"),
        "{}",
        doctor.stdout
    );
    fs::write(&sample, whole).unwrap();
    assert_eq!(desk.run(&["analyze", "captured", "--compress"]).code, Some(0));
    assert_eq!(desk.run(&["analyze", "captured"]).code, Some(0));
    assert!(desk.run(&["doctor"]).stdout.contains("as they were stored"));
}

#[test]
fn every_file_that_is_damaged_or_missing_is_named_with_its_own_reason() {
    let desk = job_of_thirty();
    let sample = |sequence: u32| desk.job("raw-stream").join(format!("samples/sample_{sequence:03}.csv"));
    fs::write(sample(3), "nothing").unwrap();
    fs::write(sample(9), "").unwrap();
    fs::write(sample(12), b"\x1f\x8b").unwrap();
    fs::remove_file(sample(20)).unwrap();
    let ended = desk.run(&["--json", "analyze", "raw-stream"]);
    assert_eq!(ended.code, Some(3), "{}", ended.stderr);
    let summary = ended.json();
    let told: Vec<(u64, &str)> = summary["findings"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|finding| finding["code"] == "unreadable_snapshot" || finding["code"] == "missing_snapshot")
        .map(|finding| {
            (
                finding["sequence"].as_u64().unwrap(),
                finding["message"].as_str().unwrap(),
            )
        })
        .collect();
    let sequences: Vec<u64> = told.iter().map(|(sequence, _)| *sequence).collect();
    assert_eq!(sequences, [3, 9, 12, 20]);
    for (name, (_, message)) in ["sample_003", "sample_009", "sample_012", "before sample_021"]
        .iter()
        .zip(told)
    {
        assert!(message.contains(name), "{message}");
    }
}

#[test]
fn a_job_that_still_runs_has_the_snapshots_it_took_and_is_partial_for_its_own_reason() {
    let desk = job_of_thirty();
    let directory = desk.job("raw-stream");
    let mut job = read_job(&directory);
    job.status = Status::Running;
    job.collection.samples_collected = 12;
    write_job(&directory, &job);
    keep_snapshots_through(&desk, 12);
    let ended = desk.run(&["--json", "analyze", "raw-stream"]);
    assert_eq!(ended.code, Some(3), "{}", ended.stderr);
    assert!(ended.stderr.contains("did not complete (12/30"), "{}", ended.stderr);
    assert_eq!(finding(&ended.json(), "missing_snapshot"), None);
    keep_snapshots_through(&desk, 9);
    let ended = desk.run(&["--json", "analyze", "raw-stream"]);
    assert!(ended.stderr.contains("9 of 12 samples"), "{}", ended.stderr);
    assert_eq!(finding(&ended.json(), "missing_snapshot").unwrap()["sequence"], 10);
}

#[test]
fn an_import_of_a_capture_that_lost_histograms_stays_partial() {
    let whole = capture();
    let cut = &whole[..whole.len() * 3 / 4];
    let ended = Desk::with_import(cut).run(&["--json", "analyze", "captured"]);
    assert_eq!(ended.code, Some(3), "{}", ended.stderr);
    assert!(ended.stderr.contains("lost some of its histograms"), "{}", ended.stderr);
    let summary = ended.json();
    assert_eq!(summary["collection"]["partial"], true);
    assert!(finding(&summary, "missing_histograms").is_some());
}

#[test]
fn an_import_of_one_metric_is_all_that_was_asked_for() {
    let desk = Desk::with_import(&only(
        &capture(),
        &["latency of IOs", "latency of Read IOs", "latency of Write IOs"],
    ));
    let ended = desk.run(&["--json", "analyze", "captured"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let summary = ended.json();
    assert_eq!(summary["collection"]["partial"], false);
    assert!(finding(&summary, "missing_histograms").is_some());
}
