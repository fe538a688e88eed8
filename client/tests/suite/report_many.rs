//! `vscsi-helper report` on three jobs and more of a simulated host.

use std::fs;

use crate::report::{HOSTILE, element_names, rename};
use crate::support::desk::Desk;
use crate::support::raw_job::stream;

/// Three jobs of the same two seconds: the more commands, the quicker they are.
fn desk() -> Desk {
    let desk = Desk::new();
    desk.add("slow", stream(2, 50, |_| 3000));
    desk.add("quick", stream(2, 200, |_| 300));
    desk.add("usual", stream(2, 100, |_| 700));
    desk
}

fn page(desk: &Desk, arguments: &[&str]) -> String {
    let jobs = ["report", "slow", "quick", "usual", "-o", "-", "--filter", "none"];
    let ended = desk.run(&[&jobs[..], arguments].concat());
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    ended.stdout
}

/// The jobs in the order of the table.
fn order(page: &str) -> Vec<&str> {
    let rows = page.split("<th scope=\"row\"><a href=\"#job-").skip(1);
    rows.map(|row| {
        row.split_once("<span class=\"range\">")
            .unwrap()
            .1
            .split_once('<')
            .unwrap()
            .0
    })
    .collect()
}

#[test]
fn jobs_stand_in_the_order_asked_for_by_the_figures_of_analyze() {
    let desk = desk();
    let value = |job: &str, pointer: &str| {
        let summary = desk.run(&["--json", "analyze", job, "--filter", "none"]).json();
        let value = summary["metrics"].pointer(pointer).and_then(serde_json::Value::as_f64);
        value.unwrap_or_else(|| panic!("no {pointer} in {}", summary["metrics"]))
    };
    for (sort, pointer) in [
        (None, "/iops/total"),
        (Some("iops"), "/iops/total"),
        (Some("mbps"), "/throughput_mbps"),
        (Some("p95"), "/latency_ms/all/p95"),
    ] {
        let mut expected = ["slow", "quick", "usual"];
        expected.sort_by(|one, other| value(other, pointer).total_cmp(&value(one, pointer)));
        let arguments: Vec<&str> = sort.map_or(Vec::new(), |sort| vec!["--sort", sort]);
        assert_eq!(order(&page(&desk, &arguments)), expected, "{sort:?}");
    }
}

#[test]
fn what_all_did_together_is_the_sum_of_their_commands() {
    let page = page(&desk(), &[]);
    // 50, 200 and 100 commands a second, of 8192 bytes each.
    assert!(page.contains("<dt>I/Os per second of all jobs</dt><dd>350</dd>"));
    assert!(page.contains("<dt>MB/s of all jobs</dt><dd>2.87</dd>"));
    let (_, merged) = page.split_once("The merged profile").unwrap();
    // 700 commands, of which three of four are reads, in three times two seconds.
    let rows = [
        ("I/Os per second", ["117", "87.5", "29.2"]),
        ("I/Os", ["700", "525", "175"]),
    ];
    for (name, [all, read, write]) in rows {
        let row =
            format!("<th scope=\"row\">{name}</th><td><b>{all}</b></td><td><b>{read}</b></td><td><b>{write}</b></td>");
        assert!(merged.contains(&row), "no {row}");
    }
}

#[test]
fn a_job_that_was_imported_leaves_no_sum() {
    let desk = Desk::with_the_capture();
    desk.add("one", stream(2, 50, |_| 700));
    desk.add("two", stream(2, 50, |_| 700));
    let ended = desk.run(&["report", "one", "captured", "two", "-o", "-"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(
        ended
            .stdout
            .contains("When job captured ran is not known, because it was imported")
    );
    assert!(!ended.stdout.contains("of all jobs</dt>"));
}

#[test]
fn the_page_of_many_is_named_by_their_number_and_told_as_any_other() {
    let desk = desk();
    let ended = desk.run(&["--json", "report", "slow", "quick", "usual"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let written = fs::metadata(desk.path("3-jobs.html")).unwrap().len();
    assert_eq!(ended.json()["bytes"], written);
}

#[test]
fn what_makes_no_report_of_many_is_told() {
    let desk = desk();
    desk.refuses(
        &["report", "slow", "--sort", "iops"],
        2,
        &["1 job was named", "leave out `--sort`"],
    );
    desk.refuses(
        &["report", "slow", "quick", "--sort", "p95"],
        2,
        &["2 jobs were named", "name more jobs"],
    );
    desk.refuses(
        &["report", "slow", "quick", "usual", "--limit", "iops=90%"],
        2,
        &["3 jobs were named", "name two"],
    );
    desk.refuses(&["report", "slow", "quick", "slow"], 2, &["`slow` is named twice"]);
    desk.refuses(
        &["report", "slow", "quick", "usual", "--sort", "name"],
        2,
        &["iops", "mbps", "p95"],
    );
}

#[test]
fn names_of_others_are_text_in_every_job_and_the_same_jobs_give_the_same_bytes() {
    let desk = desk();
    let usual = page(&desk, &[]);
    assert_eq!(usual, page(&desk, &[]));
    for job in ["slow", "quick", "usual"] {
        rename(&desk, job, HOSTILE);
    }
    let hostile = page(&desk, &[]);
    assert_eq!(element_names(&usual), element_names(&hostile));
    assert!(!hostile.contains("<img") && !hostile.contains("\" onload"));
}
