//! What the report of two jobs says, and how large it is.

use super::*;
use crate::analysis::Series;
use crate::analysis::estimate::Range;
use crate::chart::tests::chart_job::{Directions, job};
use crate::compare::{Difference, Measure};
use crate::report::tests::{analysis, change_limits, idle, late_snapshot, text_of};

fn page(before: Series, after: Series, limits: &[&str]) -> String {
    let (before, after) = (analysis(before, Vec::new()), analysis(after, Vec::new()));
    let limits: Vec<Limit> = limits.iter().map(|limit| limit.parse().unwrap()).collect();
    Pair::of(&before, &after, &limits).to_html()
}

fn usual() -> Series {
    job(30, 1, Directions::Both)
}

#[test]
fn what_overlaps_is_said_to_and_what_does_not_is_certain() {
    let (before, after) = (
        analysis(usual(), Vec::new()),
        analysis(job(30, 4, Directions::Both), Vec::new()),
    );
    let pair = Pair::of(&before, &after, &[]);
    let row = |measure| *pair.comparison.rows.iter().find(|row| row.measure == measure).unwrap();
    assert_eq!(row(Measure::Iops).difference(), Difference::Certain);
    assert_eq!(row(Measure::ReadP95).difference(), Difference::Possible);
    let page = pair.to_html();
    let sure = text_of(&page, "<p class=\"verdict sure\">");
    assert!(
        sure.starts_with("The change of I/Os per second and MB/s is larger than all that is uncertain"),
        "{sure}"
    );
    assert!(
        sure.contains("the ranges of the p95 of reads and the p95 of writes overlap or touch, so they may be"),
        "{sure}"
    );
}

#[test]
fn a_percentile_beyond_the_last_limit_is_told_as_that() {
    let beyond = |measure| {
        let mut late = analysis(usual(), Vec::new());
        let latency = late.profile.latency_ms.read.as_mut().unwrap();
        latency.p95 = Range::between(100.0, 900.0, 300.0, latency.p95.method);
        differences::figure(measure, &late).estimate
    };
    assert_eq!(beyond(Measure::ReadP95), "> 100ms");
}

#[test]
fn two_jobs_without_io_and_one_beside_a_busy_one_are_told() {
    let verdict = |before, after| text_of(&page(before, after, &[]), "<p class=\"verdict\">");
    assert_eq!(
        verdict(idle(3), idle(3)),
        "SQL-Server-01 issued no I/O before and none after."
    );
    let woken = verdict(idle(3), usual());
    assert!(woken.contains("I/Os per second went from 0 to "), "{woken}");
    assert!(
        woken.contains("the p95 of reads could not be told and is now "),
        "{woken}"
    );
    let asleep = verdict(usual(), idle(3));
    assert!(asleep.contains("the p95 of writes was "), "{asleep}");
    assert!(asleep.contains(" and cannot be told any more"), "{asleep}");
}

#[test]
fn a_job_of_one_sample_can_be_compared() {
    let page = page(job(1, 1, Directions::Both), usual(), &[]);
    assert!(page.contains("so each has a scale of time of its own."));
    let sure = text_of(&page, "<p class=\"verdict sure\">");
    assert!(!sure.contains("single samples"), "{sure}");
}

#[test]
fn a_direction_that_only_one_of_the_jobs_has_is_shown_of_both() {
    let reads = || job(30, 1, Directions::ReadsOnly);
    let one_writes = page(reads(), usual(), &[]);
    for word in ["before", "after"] {
        for direction in ["all commands", "reads", "writes"] {
            let label = format!("aria-label=\"{word}: Latency over time: {direction}, surface\"");
            assert_eq!(one_writes.matches(&label).count(), 1, "{label}");
        }
    }
    assert!(one_writes.contains("id=\"show-write\""));
    let none_writes = page(reads(), reads(), &[]);
    assert!(none_writes.contains("id=\"show-read\"") && !none_writes.contains("id=\"show-write\""));
}

#[test]
fn a_job_whose_limits_changed_tells_which_it_is_and_why_there_are_no_charts() {
    let mut broken = analysis(job(3, 1, Directions::Both), Vec::new());
    change_limits(&mut broken.series);
    let whole = analysis(usual(), Vec::new());
    let page = Pair::of(&whole, &broken, &[]).to_html();
    assert!(page.contains("There are no charts: after, bucket limits change at sample "));
    assert!(page.contains("<h2>Differences</h2>") && !page.contains("<h2>Surfaces"));
}

#[test]
fn both_users_notes_and_the_findings_of_each_stand_in_the_page() {
    let mut before = analysis(usual(), vec![late_snapshot()]);
    before.workload.provenance.note = Some("old <b>array</b>".to_owned());
    let mut after = analysis(usual(), Vec::new());
    after.workload.provenance.note = Some("new array".to_owned());
    let page = Pair::of(&before, &after, &[]).to_html();
    assert!(page.contains("old &lt;b&gt;array&lt;/b&gt;") && page.contains("new array"));
    let sure = text_of(&page, "<p class=\"verdict sure\">");
    assert!(
        sure.ends_with("; 1 warning of before below to be read with it."),
        "{sure}"
    );
    assert_eq!(page.matches("<b>warning</b>").count(), 1);
}

#[test]
fn limits_stand_in_the_page_with_how_they_came_out() {
    let page = page(usual(), usual(), &["iops=90%", "iops=110%", "read_p99=100%"]);
    assert!(page.contains("<b>kept</b>: iops at least 90% of before, it is 100.0%"));
    assert!(page.contains("<b>missed</b>: iops at least 110% of before, it is 100.0%"));
    assert!(page.contains("<b>undecided</b>: read_p99 at most 100% of before, it lies anywhere between "));
    assert!(
        page.contains("1 of 3 limits not kept: iops at least 110%: missed, it is 100.0%. 1 of 3 limits undecided: ")
    );
}

#[test]
fn both_selections_and_the_latencies_stand_in_the_page_without_a_limit() {
    let page = page(usual(), job(30, 4, Directions::Both), &[]);
    assert_eq!(page.matches(" of 30 samples with ").count(), 2);
    assert!(
        page.contains("; write latency: "),
        "no verdict on the latency of writes"
    );
    assert!(page.contains("KS ") && page.contains(" where chance gives up to "));
}

#[test]
fn two_standard_jobs_make_a_page_of_at_most_800_kb() {
    let bytes = page(usual(), job(30, 1, Directions::Both), &["iops=90%"]).len();
    assert!(bytes <= 800_000, "{bytes} bytes");
}
