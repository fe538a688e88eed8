//! What the report of several jobs says, and how large it is.

use super::*;
use crate::analysis::Series;
use crate::chart::tests::chart_job::{Directions, job};
use crate::report::tests::{analysis, change_limits, idle, of_other_limits, text_of};

/// The analysis of a job of a VM with this name.
fn of_vm(vm: &str, series: Series) -> Analysis {
    let mut analysis = analysis(series, Vec::new());
    analysis.workload.provenance.vm_name = vm.to_owned();
    analysis
}

/// The later, the busier: the disks of a job add up.
fn jobs() -> [Analysis; 3] {
    [("one", 1), ("two", 2), ("four", 4)].map(|(vm, disks)| of_vm(vm, job(30, disks, Directions::Both)))
}

fn page(jobs: &[Analysis], sort: SortBy) -> String {
    Many::of(&jobs.iter().collect::<Vec<_>>(), sort).to_html()
}

/// The VMs in the order of the table.
fn order(page: &str) -> Vec<&str> {
    let links = page.split("<th scope=\"row\"><a href=\"#job-").skip(1);
    links
        .map(|link| link.split_once("\">").unwrap().1.split_once('<').unwrap().0)
        .collect()
}

#[test]
fn the_busiest_stands_first_and_its_name_leads_to_its_section() {
    let jobs = jobs();
    let page = page(&jobs, SortBy::Iops);
    assert_eq!(order(&page), ["four", "two", "one"]);
    for (place, vm) in ["four", "two", "one"].into_iter().enumerate() {
        let section = format!("<article id=\"job-{}\"><h3>{vm}</h3>", place + 1);
        assert!(page.contains(&section), "no {section}");
    }
    assert!(page.contains("aria-sort=\"descending\">IOPS<"));
}

#[test]
fn jobs_are_sorted_by_what_was_asked_and_by_their_order_where_that_is_equal() {
    let mut jobs = jobs();
    // The busiest is the quickest and moves the least.
    jobs[2].profile.latency_ms.all.as_mut().unwrap().p95.est = 0.1;
    jobs[2].profile.throughput_mbps.total.as_mut().unwrap().est = 0.1;
    assert_eq!(order(&page(&jobs, SortBy::Mbps)), ["two", "one", "four"]);
    assert_eq!(order(&page(&jobs, SortBy::P95)), ["one", "two", "four"]);
    // Whose value is not known is last.
    jobs[0].profile.throughput_mbps.total = None;
    assert_eq!(order(&page(&jobs, SortBy::Mbps)), ["two", "four", "one"]);
}

#[test]
fn a_capture_without_the_latencies_of_all_commands_is_sorted_by_the_larger_of_reads_and_writes() {
    let mut job = jobs().into_iter().next().unwrap();
    let latency = &mut job.profile.latency_ms;
    latency.all = None;
    let [read, write] = [latency.read.unwrap(), latency.write.unwrap()].map(|of| of.p95.est);
    assert_eq!(SortBy::P95.of(&job.profile), Some(read.max(write)));
    assert!((read - write).abs() > 1e-9, "both are {read}");
}

#[test]
fn the_merged_profile_counts_every_io_once() {
    let jobs = jobs();
    let kept: u64 = jobs.iter().map(|job| job.profile.ios.total.unwrap()).sum();
    let all: Vec<&Analysis> = jobs.iter().collect();
    let many = Many::of(&all, SortBy::Iops);
    assert_eq!(many.merged.as_ref().unwrap().ios.total, Some(kept));
    let page = many.to_html();
    let (_, merged) = page.split_once("The merged profile").unwrap();
    let row = format!(
        "<th scope=\"row\">I/Os</th><td><b>{}</b></td>",
        crate::number::count(kept as f64)
    );
    assert!(merged.contains(&row), "no {row}");
}

#[test]
fn a_job_of_other_bucket_limits_is_named_and_keeps_its_row() {
    let mut jobs = jobs();
    let (kind, interval) = of_other_limits();
    jobs[0].workload.histograms.insert(kind, interval);
    let page = page(&jobs, SortBy::Iops);
    assert!(page.contains("There is no merged profile: the bucket limits of job sql-peak differ from those"));
    assert_eq!(order(&page), ["four", "two", "one"]);
}

#[test]
fn a_job_whose_limits_changed_has_its_row_with_the_reason_why_there_is_no_picture() {
    let mut jobs = jobs();
    change_limits(&mut jobs[1].series);
    let page = page(&jobs, SortBy::Iops);
    assert_eq!(order(&page), ["four", "two", "one"]);
    assert!(page.contains("no picture: bucket limits change at sample "));
    assert_eq!(page.matches("IOPS over time\"").count(), 2);
}

#[test]
fn jobs_without_io_and_of_one_sample_have_their_rows() {
    let jobs = vec![
        of_vm("idle", idle(3)),
        of_vm("short", job(1, 1, Directions::Both)),
        of_vm("usual", job(30, 1, Directions::Both)),
    ];
    let page = page(&jobs, SortBy::P95);
    assert_eq!(order(&page).len(), 3);
    assert_eq!(order(&page)[2], "idle");
    assert!(page.contains("1 job issued no I/O"));
    assert!(page.contains("idle issued no I/O in all of its 3 samples."));
    assert_eq!(page.matches("IOPS over time\"").count(), 3);
}

#[test]
fn the_page_tells_when_all_ran_and_what_they_did_together() {
    let page = page(&jobs(), SortBy::Iops);
    assert!(
        page.contains(
            "All jobs were observed at the same time from 2025-11-06 08:30:30 UTC to 2025-11-06 09:00:30 UTC."
        )
    );
    assert!(page.contains("<dt>I/Os per second of all jobs</dt>"));
    assert!(text_of(&page, "<p class=\"verdict sure\">").starts_with("All of them were observed at the same time"));
}

#[test]
fn fifty_standard_jobs_make_a_page_of_at_most_2_mb() {
    let jobs: Vec<Analysis> = (0..50)
        .map(|index| of_vm(&format!("vm-{index}"), job(30, 1, Directions::Both)))
        .collect();
    let bytes = page(&jobs, SortBy::Iops).len();
    assert!(bytes <= 2_000_000, "{bytes} bytes");
}
