//! What a capture does not hold is unknown, and not zero.

use crate::support::desk::{Desk, capture, only};
use crate::support::raw_job::{UPTIME_US, print};
use vscsi_fixtures::{Direction, DiskStatistics, IoEvent};

const LATENCY: [&str; 3] = ["latency of IOs", "latency of Read IOs", "latency of Write IOs"];

/// A garbled line among the rows of a histogram, which is lost with it.
fn damaged(print: &str, title: &str) -> String {
    let (before, after) = print.split_once(&format!("Histogram: {title},")).unwrap();
    let (rows, rest) = after
        .split_once("\n42,512")
        .unwrap_or_else(|| after.split_once("\n0,512").unwrap());
    format!("{before}Histogram: {title},{rows}\nvscsiStats: Segmentation fault{rest}")
}

#[test]
fn writes_whose_sizes_are_lost_are_counted_by_their_queue_and_their_bytes_are_unknown() {
    let desk = Desk::with_import(&damaged(&capture(), "IO lengths of Write commands"));
    let summary = desk.run(&["--json", "analyze", "captured"]).json();
    let metrics = &summary["metrics"];
    assert_eq!(
        metrics["ios"],
        serde_json::json!({"total": 793, "read": 4, "write": 789, "other": 0})
    );
    // 4 of 793 are half a percent.
    assert_eq!(metrics["iops"]["read_write_ratio"], "1/99");
    assert!(metrics["throughput_write_mbps"].is_null() && metrics["block_sizes"]["write"].is_null());
    // 793 commands of 5332 bytes and a fraction.
    let (least, most) = (5332.0 * 793.0, 5332.0 * 793.0 + 792.0);
    let seconds = summary["disks"][0]["seconds"].as_f64().unwrap();
    let range = &metrics["ranges"]["throughput_mbps"];
    let bytes = |bound: &str| range[bound].as_f64().unwrap() * seconds * 1e6;
    assert!(bytes("lo") <= most && least <= bytes("hi"), "{range}");
    assert!((least..=most).contains(&bytes("est")), "{range}");
    assert!(metrics["ranges"].get("throughput_write_mbps").is_none(), "{range}");
}

#[test]
fn the_report_says_unknown_where_sizes_are_lost() {
    let desk = Desk::with_import(&damaged(&capture(), "IO lengths of Write commands"));
    let report = desk.run(&["analyze", "captured"]).stdout;
    assert!(report.contains("I/Os: 793 (Read: 4 / Write: 789)"), "{report}");
    assert!(report.contains("/ Write: unknown)"), "{report}");
    assert!(!report.contains("neither read nor write"), "{report}");
}

#[test]
fn the_fio_file_says_what_it_leaves_out_where_sizes_are_lost() {
    let desk = Desk::with_import(&damaged(&capture(), "IO lengths of Write commands"));
    desk.run(&["analyze", "captured"]);
    let file = desk.job("captured").join("analysis").join("captured-workload.fio");
    let fio = std::fs::read_to_string(file).unwrap();
    let line = "# Not replayed: 789 writes, whose block sizes are not in the capture\n";
    assert!(fio.contains(line), "{fio}");
    assert!(!fio.contains("neither read nor write"), "{fio}");
}

#[test]
fn a_capture_of_latencies_alone_has_its_ios_from_them() {
    let desk = Desk::with_import(&only(&capture(), &LATENCY));
    let ended = desk.run(&["--json", "analyze", "captured"]);
    let summary = ended.json();
    let metrics = &summary["metrics"];
    assert_eq!(
        metrics["ios"],
        serde_json::json!({"total": 793, "read": 4, "write": 789, "other": 0})
    );
    let iops = metrics["iops"]["total"].as_f64().unwrap();
    // The interval was given as 60 s.
    assert!((iops - 793.0 / 60.0).abs() < 1e-9, "{iops}");
    assert!(metrics["throughput_mbps"].is_null() && metrics["block_size_distribution"].is_null());
    assert!(summary["filter"]["kept_percent"]["bytes"].is_null());
    let report = desk.run(&["analyze", "captured"]).stdout;
    assert!(report.contains("Write latency: p50="), "{report}");
    assert!(report.contains("Block sizes: unknown"), "{report}");
}

#[test]
fn a_limit_on_what_two_captures_do_not_hold_is_not_met() {
    let desk = Desk::with_import(&only(&capture(), &["distance (in LBNs) between successive"]));
    for limit in ["iops=90%", "mbps=90%", "read_percent=50%"] {
        let ended = desk.run(&["compare", "captured", "captured", "--limit", limit]);
        assert_eq!(ended.code, Some(4), "{limit}: {}{}", ended.stdout, ended.stderr);
        assert!(ended.stdout.contains("not measured"), "{limit}: {}", ended.stdout);
    }
    let report = desk.run(&["analyze", "captured"]).stdout;
    assert!(report.contains("IOPS: unknown"), "{report}");
    assert!(!report.contains("no I/O"), "{report}");
}

/// Commands of 8 KiB each 10 ms.
fn commands(direction: Direction, number: u64) -> DiskStatistics {
    let mut statistics = DiskStatistics::new();
    for index in 0..number {
        statistics.record(&IoEvent {
            issue_us: UPTIME_US + index * 10_000,
            latency_us: 250,
            lbn: 4096 + index * 16,
            bytes: 8192,
            direction,
        });
    }
    statistics.advance_to(u64::MAX);
    statistics
}

#[test]
fn the_disks_of_an_import_add_up_where_one_of_them_lacks_a_histogram() {
    let (writes, reads) = (commands(Direction::Write, 500), commands(Direction::Read, 300));
    let torn = damaged(&print(&writes, 0), "IO lengths of Write commands");
    let desk = Desk::with_import(&(torn + &print(&reads, 1)));
    let metrics = &desk.run(&["--json", "analyze", "captured"]).json()["metrics"];
    assert_eq!(
        metrics["ios"],
        serde_json::json!({"total": 800, "read": 300, "write": 500, "other": 0})
    );
    // 800 commands of exactly 8 KiB in 60 s.
    let mbps = metrics["throughput_mbps"].as_f64().unwrap();
    assert!((mbps - 800.0 * 8192.0 / 60e6).abs() < 1e-9, "{mbps}");
    assert!(metrics["throughput_write_mbps"].is_null(), "{metrics}");
    let reads = metrics["throughput_read_mbps"].as_f64().unwrap();
    assert!((reads - 300.0 * 8192.0 / 60e6).abs() < 1e-9, "{reads}");
}

#[test]
fn a_direction_that_is_not_told_of_commands_that_are_all_of_the_other_has_none() {
    let reads = print(&commands(Direction::Read, 300), 0);
    let told = only(&reads, &["IO lengths of commands", "IO lengths of Read commands"]);
    let desk = Desk::with_import(&told);
    let ended = desk.run(&["--json", "analyze", "captured"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert_eq!(
        ended.json()["metrics"]["ios"],
        serde_json::json!({"total": 300, "read": 300, "write": 0, "other": 0})
    );
}

#[test]
fn a_histogram_that_only_some_samples_lack_is_named_with_how_many() {
    let first = damaged(
        &print(&commands(Direction::Write, 100), 0),
        "IO lengths of Write commands",
    );
    let prints = first + &print(&commands(Direction::Write, 200), 0) + &print(&commands(Direction::Write, 300), 0);
    let ended = Desk::with_import(&prints).run(&["--json", "analyze", "captured"]);
    assert_eq!(ended.code, Some(3), "{}", ended.stderr);
    let summary = ended.json();
    let mut findings = summary["findings"].as_array().unwrap().iter();
    let missing = findings
        .find(|finding| finding["code"] == "missing_histograms")
        .unwrap();
    let message = missing["message"].as_str().unwrap();
    // The first sample lacks it, and whether the second does is a matter of how samples are made.
    assert!(message.contains("`IO lengths of Write commands` ("), "{message}");
    assert!(message.ends_with("of 3)"), "{message}");
}
