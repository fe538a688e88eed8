//! `vscsi-helper report BEFORE AFTER`, on jobs of a simulated host.

use std::fs;

use crate::report::{HOSTILE, element_names, rename};
use crate::support::desk::Desk;
use crate::support::raw_job::stream;

/// A job of 100 commands a second of 700 us, and one of 200 a second of 300 us.
fn desk() -> Desk {
    let desk = Desk::new();
    desk.add("old", stream(2, 100, |_| 700));
    desk.add("new", stream(2, 200, |_| 300));
    desk
}

fn page(desk: &Desk, arguments: &[&str]) -> String {
    let ended = desk.run(&[&["report", "old", "new", "-o", "-", "--filter", "none"], arguments].concat());
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    ended.stdout
}

#[test]
fn the_differences_are_those_of_the_commands() {
    let page = page(&desk(), &[]);
    for (name, before, after, change) in [
        ("I/Os per second", "100", "200", "+100.0%"),
        ("reads per second", "75.0", "150", "+100.0%"),
        // 100 and 200 commands of 8192 bytes.
        ("MB/s", "0.819", "1.64", "+100.0%"),
        ("latency of reads, p95", "700µs", "300µs", "−57.1%"),
        ("latency of writes, mean", "700µs", "300µs", "−57.1%"),
    ] {
        let row = format!(
            "<th scope=\"row\">{name}</th><td><b>{before}</b></td><td><b>{after}</b></td><td>{change}</td><td>differs</td>"
        );
        assert!(page.contains(&row), "no {row}");
    }
    let equal =
        "<th scope=\"row\">reads</th><td><b>75.0%</b></td><td><b>75.0%</b></td><td>±0.0 points</td><td>equal</td>";
    assert!(page.contains(equal));
    assert!(page.contains("I/Os per second went from 100 to 200 (+100.0%)"));
}

#[test]
fn the_figures_and_distances_are_those_of_compare() {
    let desk = desk();
    let page = page(&desk, &[]);
    let compared = desk
        .run(&["--json", "compare", "old", "new", "--filter", "none"])
        .json();
    let measures = compared["measures"].as_object().unwrap();
    let rows = page.split("<h3>Distances of the histograms</h3>").collect::<Vec<_>>();
    let [measured, distances] = rows.as_slice() else {
        panic!("{} parts", rows.len())
    };
    let (_, measured) = measured.split_once("id=\"differences\"").unwrap();
    assert_eq!(measured.matches("<th scope=\"row\">").count(), measures.len());
    let (distances, _) = distances.split_once("</section>").unwrap();
    let compared = compared["distances"].as_object().unwrap();
    assert_eq!(distances.matches("<th scope=\"row\">").count(), compared.len());
    let ks = compared["latency.read"]["ks"].as_f64().unwrap();
    assert!(distances.contains(&format!("<th scope=\"row\">latency: reads</th><td>{ks:.3}</td>")));
}

#[test]
fn ranges_that_overlap_leave_the_change_open() {
    let desk = Desk::new();
    desk.add("old", stream(2, 100, |index| 600 + 3 * (index % 100)));
    desk.add("new", stream(2, 100, |index| 650 + 3 * (index % 100)));
    let compared = desk
        .run(&["--json", "compare", "old", "new", "--filter", "none"])
        .json();
    let p95 = &compared["measures"]["read_p95"];
    let end = |job: &str, end: &str| p95[job][end].as_f64().unwrap();
    assert!(end("baseline", "hi") >= end("candidate", "lo") && end("candidate", "hi") >= end("baseline", "lo"));
    let page = page(&desk, &[]);
    let (_, told) = page.split_once("The ranges of ").unwrap();
    let (told, _) = told.split_once(" overlap or touch").unwrap();
    assert!(told.contains("the p95 of reads"), "{told}");
}

#[test]
fn a_limit_that_is_missed_is_told_on_the_page_and_the_terminal_and_ends_with_4() {
    let desk = desk();
    let ended = desk.run(&[
        "report",
        "old",
        "new",
        "--limit",
        "iops=250%",
        "--limit",
        "read_p95=50%",
    ]);
    assert_eq!(ended.code, Some(4), "{}", ended.stderr);
    assert!(
        ended.stderr.contains("limit iops at least 250%: missed, it is 200.0%"),
        "{}",
        ended.stderr
    );
    assert!(!ended.stderr.contains("read_p95"), "{}", ended.stderr);
    let page = fs::read_to_string(desk.path("old-and-new.html")).unwrap();
    assert!(page.contains("<b>missed</b>: iops at least 250% of before, it is 200.0%"));
    assert!(page.contains("<b>kept</b>: read_p95 at most 50% of before, it is 42.9%"));
    let kept = desk.run(&["--json", "report", "old", "new", "--limit", "iops=150%"]);
    assert_eq!(kept.code, Some(0), "{}", kept.stderr);
    let written = fs::metadata(desk.path("old-and-new.html")).unwrap().len();
    assert_eq!(kept.json()["bytes"], written);
}

/// Latencies from 5.5 ms to 9.5 ms, and all of them half as much again: one bucket, (5 ms, 15 ms], holds both.
fn desk_of_slower_storage() -> Desk {
    let latency = |index: u64| 5500 + 4000 * (index * 7919 % 400) / 400;
    let desk = Desk::new();
    desk.add("old", stream(2, 200, latency));
    desk.add("new", stream(2, 200, move |index| latency(index) * 3 / 2));
    desk
}

#[test]
fn a_limit_that_the_buckets_do_not_decide_is_undecided_and_the_mean_is_told() {
    let desk = desk_of_slower_storage();
    let arguments = ["old", "new", "--filter", "none", "--limit", "read_p99=120%"];
    let compared = desk.run(&[&["compare"][..], &arguments].concat());
    assert_eq!(compared.code, Some(6), "{}{}", compared.stdout, compared.stderr);
    let limit = compared
        .stdout
        .lines()
        .find(|line| line.contains("read_p99 at most"))
        .unwrap();
    assert!(limit.contains("?    read_p99 at most 120%: undecided"), "{limit}");
    assert!(limit.contains("`--limit read_mean=120%`): it is 150.0%"), "{limit}");
    assert!(!compared.stdout.contains("kept,"), "{}", compared.stdout);
    let json = desk.run(&[&["--json", "compare"][..], &arguments].concat()).json();
    assert_eq!(json["limits"][0]["verdict"], "undecided");
    assert_eq!(json["limits"][0]["on_the_mean"]["verdict"], "missed");
    assert_eq!(
        (&json["judgement"], &json["passes"]),
        (&"undecided".into(), &false.into())
    );
    let reported = desk.run(&[&["report"][..], &arguments].concat());
    assert_eq!(reported.code, Some(6), "{}", reported.stderr);
    assert!(
        reported.stderr.contains("limit read_p99 at most 120%: undecided"),
        "{}",
        reported.stderr
    );
    let mean = desk.run(&["compare", "old", "new", "--filter", "none", "--limit", "read_mean=120%"]);
    assert_eq!(mean.code, Some(4), "{}", mean.stdout);
}

#[test]
fn latencies_are_judged_without_a_limit_and_both_selections_are_told() {
    let desk = desk_of_slower_storage();
    let compared = desk.run(&["compare", "old", "new", "--filter", "none"]);
    assert_eq!(compared.code, Some(0), "{}", compared.stderr);
    // All latencies lie in one bucket, so that no distance of shares tells that each is 1.5 times as long.
    let read = compared
        .stdout
        .lines()
        .find(|line| line.starts_with("  read latency: "))
        .unwrap();
    assert!(
        read.contains("differs, KS 0.000 where chance gives up to 0.111; mean 150.0%"),
        "{read}"
    );
    for side in ["Baseline:  old", "Candidate: new"] {
        let line = compared.stdout.lines().find(|line| line.starts_with(side)).unwrap();
        assert!(line.contains("kept 4 of 4 samples with 400 I/Os"), "{line}");
    }
    let json = desk
        .run(&["--json", "compare", "old", "new", "--filter", "none"])
        .json();
    assert_eq!(json["distances"]["latency.read"]["likeness"], "differs");
    // A command in flight at the end is not counted, in one of the jobs another than in the other.
    let mean = json["distances"]["latency.read"]["mean"]["percent"]["est"]
        .as_f64()
        .unwrap();
    assert!((mean - 150.0).abs() < 0.1, "{mean}");
    for side in ["baseline", "candidate"] {
        let selection = &json["selections"][side];
        assert_eq!(
            (&selection["samples_kept"], &selection["samples_total"]),
            (&4.into(), &4.into())
        );
    }
    let page = page(&desk, &[]);
    assert!(page.contains("read latency: differs, KS 0.000 where chance gives up to 0.111; mean 150.0%"));
    assert_eq!(page.matches(" kept 4 of 4 samples with 400 I/Os").count(), 2);
}

#[test]
fn what_makes_no_report_of_two_is_told() {
    let desk = desk();
    desk.refuses(&["report", "old", "old"], 2, &["`old` is named twice", "each job once"]);
    desk.refuses(
        &["report", "old", "--limit", "iops=90%"],
        2,
        &["a limit holds one job to another", "BEFORE AFTER"],
    );
    desk.refuses(&["report", "old", "new", "--limit", "speed=90%"], 2, &["speed=90%"]);
    desk.refuses(&["report", "old", "nothing"], 2, &["`nothing`", "vscsi-helper list"]);
    desk.refuses(
        &["report", "old", "new", "--filter", "absolute", "--threshold", "150"],
        5,
        &["cannot have job `old`", "--threshold"],
    );
}

#[test]
fn names_of_others_are_text_in_both_jobs_and_the_same_jobs_give_the_same_bytes() {
    let desk = desk();
    let usual = page(&desk, &[]);
    assert_eq!(usual, page(&desk, &[]));
    for job in ["old", "new"] {
        rename(&desk, job, &format!("{job} {HOSTILE}"));
    }
    let hostile = page(&desk, &[]);
    assert_eq!(element_names(&usual), element_names(&hostile));
    assert!(hostile.contains("old &lt;/script&gt;") && hostile.contains("new &lt;/script&gt;"));
    assert!(!hostile.contains("<img") && !hostile.contains("\" onload"));
}
