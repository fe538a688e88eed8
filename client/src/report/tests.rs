//! What a report says, and how large it is.

use following::{Choice, Part};
use maud::html;
use vscsi_shared::histogram::{HistogramKind, Interval, IntervalSet, Limits, Metric, Operation};
use vscsi_shared::job::Job;

use super::*;
use crate::analysis::load::Loaded;
use crate::analysis::{Code, Filter, Finding, Options, Series, Severity};
use crate::chart::tests::chart_job::{Directions, job};

fn document(samples: usize) -> Job {
    serde_json::from_value(serde_json::json!({
        "format_version": "1.0", "job_id": "sql-peak",
        "created_at": "2025-11-06T08:30:22Z", "updated_at": "2025-11-06T09:00:45Z", "status": "completed",
        "host": {"hostname": "esxi-host01.example.com", "username": "root", "fingerprint": null},
        "target": {"vm_name": "SQL-Server-01", "world_group_id": "12345", "config_file": "", "disks": []},
        "profile": {"name": "test", "samples": samples, "interval_seconds": 60},
        "collection": {"samples_collected": samples, "samples_expected": samples},
        "cleanup": {"vscsiStats_stopped": true}
    }))
    .unwrap()
}

/// Analyses a series at a moment that is none of its own.
pub(super) fn analysis(series: Series, findings: Vec<Finding>) -> Analysis {
    analysis_by(Options::default().filter, series, findings)
}

fn analysis_by(filter: Filter, series: Series, findings: Vec<Finding>) -> Analysis {
    let samples = series.samples.len();
    let loaded = Loaded {
        last_sequence: series.samples.last().map(|sample| sample.sequence),
        series,
        findings,
    };
    let now = "2026-01-01T00:00:00Z".parse().unwrap();
    let options = Options {
        filter,
        ..Options::default()
    };
    crate::analysis::analyze(document(samples), loaded, &options, now).unwrap()
}

fn page(analysis: &Analysis) -> String {
    Report::of(analysis, &FioOptions::default()).unwrap().to_html()
}

/// The text of the first element whose start tag is `tag`.
pub(super) fn text_of(page: &str, tag: &str) -> String {
    let from = page.find(tag).unwrap() + tag.len();
    let to = page[from..].find("</").unwrap();
    page[from..from + to].to_owned()
}

#[test]
fn the_verdict_tells_rates_mix_sizes_and_latencies_of_the_samples_kept() {
    let page = page(&analysis(job(30, 1, Directions::Both), Vec::new()));
    let what = text_of(&page, "<p class=\"verdict\">");
    assert!(
        what.starts_with("In the 23 busiest of its 30 samples SQL-Server-01 issues "),
        "{what}"
    );
    for part in [
        "I/Os per second and ",
        " MB/s: ",
        "% reads, ",
        " in sequence (",
        "most often 8K",
        "95% of the reads",
    ] {
        assert!(what.contains(part), "no `{part}` in {what}");
    }
}

/// A warning.
pub(super) fn late_snapshot() -> Finding {
    Finding {
        severity: Severity::Warning,
        code: Code::LateSnapshot,
        message: "a snapshot was late".to_owned(),
        sequence: Some(3),
        disk: None,
        occurrences: 1,
    }
}

#[test]
fn the_second_sentence_counts_the_warnings_and_bounds_a_percentile() {
    let page = page(&analysis(job(30, 1, Directions::Both), vec![late_snapshot()]));
    let sure = text_of(&page, "<p class=\"verdict sure\">");
    assert!(sure.contains("1 warning below has to be read with it"), "{sure}");
    // A tenth of the reads of the busy hours lie above 5 ms and less than a hundredth above 30 ms.
    assert!(sure.contains("the p95 of reads lies between 5ms and 15ms"), "{sure}");
    assert!(page.contains("<b>warning</b>: a snapshot was late (snapshot 3)"));
}

/// A job whose histograms are all empty.
pub(super) fn idle(samples: usize) -> Series {
    let mut series = job(samples, 1, Directions::Both);
    for disk in series.samples.iter_mut().flat_map(|sample| &mut sample.disks) {
        let kinds: Vec<_> = disk
            .histograms
            .iter()
            .map(|(kind, interval)| (kind, interval.limits.clone()))
            .collect();
        for (kind, limits) in kinds {
            disk.histograms.insert(kind, Interval::empty(limits));
        }
    }
    series
}

#[test]
fn a_job_without_io_says_so_and_has_no_fio_job() {
    let series = idle(3);
    let page = page(&analysis(series, Vec::new()));
    assert!(
        text_of(&page, "<p class=\"verdict\">").contains("issued no I/O"),
        "{page}"
    );
    assert!(page.contains("There is no fio job: "));
}

/// An empty histogram of latencies with other bucket limits than those of any job here.
pub(super) fn of_other_limits() -> (HistogramKind, Interval) {
    let limits = Limits::from_input(Metric::Latency, &[10, 100]).unwrap();
    let kind = HistogramKind::new(Metric::Latency, Operation::All).unwrap();
    (kind, Interval::empty(limits))
}

/// Gives the first sample nothing but that histogram.
pub(super) fn change_limits(series: &mut Series) {
    let (kind, interval) = of_other_limits();
    let mut other = IntervalSet::default();
    other.insert(kind, interval);
    series.samples[0].disks[0].histograms = other;
}

#[test]
fn a_job_whose_limits_changed_tells_why_it_has_no_charts() {
    let mut series = job(3, 1, Directions::Both);
    // The quietest sample, which the filter leaves out: the profile stands, and only the charts have no common axis.
    change_limits(&mut series);
    let mut analysis = analysis(job(3, 1, Directions::Both), Vec::new());
    analysis.series = series;
    analysis.kept = vec![false, true, true];
    let charts = inline_charts(&ChartInput::from(&analysis), &[ChartKind::IopsTimeline]);
    let why = charts.unwrap_err().to_string();
    let report = Report {
        analysis: &analysis,
        phases: Vec::new(),
        charts: Charts::Missing(why),
        replay: Replay::Missing("none".to_owned()),
        ladder: None,
    };
    assert!(
        report
            .to_html()
            .contains("There are no charts: bucket limits change at sample ")
    );
}

#[test]
fn when_it_was_analysed_is_not_in_the_page() {
    let series = job(5, 2, Directions::Both);
    let analysis = analysis(series, Vec::new());
    let page = page(&analysis);
    assert!(!page.contains("2026-01-01"), "the clock of the analysis is in the page");
    // The end of the last sample: 5 minutes after 08:30:30.
    assert!(page.contains("# Analyzed: 2025-11-06T08:35:30Z"));
}

#[test]
fn surfaces_of_every_direction_stand_beside_their_heat_maps() {
    let page = page(&analysis(job(10, 1, Directions::Both), Vec::new()));
    for quantity in [
        "IOPS by block size",
        "Block size mix",
        "Latency",
        "Seek distance",
        "Outstanding I/O",
        "Interarrival",
    ] {
        for direction in ["all commands", "reads", "writes"] {
            for picture in ["surface", "heat map"] {
                let label = format!("aria-label=\"{quantity} over time: {direction}, {picture}\"");
                assert_eq!(page.matches(&label).count(), 1, "{label}");
            }
        }
    }
}

#[test]
fn a_job_without_writes_has_no_surfaces_of_writes() {
    let page = page(&analysis(job(10, 1, Directions::ReadsOnly), Vec::new()));
    assert!(page.contains("over time: reads, surface") && !page.contains("over time: writes, surface"));
    assert!(!page.contains("show-write\""));
}

#[test]
fn what_is_said_of_a_choice_is_what_a_fresh_analysis_of_its_samples_says() {
    let series = || job(7, 2, Directions::Both);
    let whole = analysis_by(Filter::None, series(), Vec::new());
    let options = FioOptions::default();
    let ladder = Report::of(&whole, &options).unwrap().ladder.unwrap();
    let mut jobs = 0;
    for number in 1..=7 {
        let filter = Filter::Percentile(100.0 * number as f64 / 7.0);
        let fresh = analysis_by(filter, series(), Vec::new());
        let replay = if ladder.says(Part::Replay, number).contains("This page holds no fio job") {
            Replay::Elsewhere
        } else {
            Replay::own(&fresh, &dated_by_itself(&fresh), &options)
        };
        let choice = Choice::own(&fresh, &replay);
        for part in Part::ALL {
            let said = ladder.says(part, number);
            jobs += usize::from(said.contains("<pre"));
            let name = |filter: Filter| html! { span.filter { (filter) } }.into_string();
            let expected = part.markup(&choice).into_string();
            assert_eq!(
                said.replace(&name(Filter::None), &name(filter)),
                expected,
                "{number} {part:?}"
            );
        }
    }
    assert!((3..7).contains(&jobs), "{jobs} fio jobs");
}

/// Bytes of the report of a job of so many samples and disks.
fn size(samples: usize, disks: usize) -> usize {
    page(&analysis(job(samples, disks, Directions::Both), Vec::new())).len()
}

#[test]
fn a_standard_job_makes_a_page_of_at_most_400_kb_and_more_samples_or_disks_one_of_at_most_900() {
    for (samples, disks, most) in [
        (30, 1, 400_000),
        (100, 4, 900_000),
        (400, 1, 900_000),
        (30, 20, 900_000),
    ] {
        let bytes = size(samples, disks);
        assert!(bytes <= most, "{samples} samples of {disks} disks: {bytes} bytes");
    }
}

#[test]
fn ten_thousand_samples_of_four_disks_make_a_page_of_at_most_5_mb() {
    let bytes = size(10_000, 4);
    assert!(bytes <= 5_000_000, "{bytes} bytes");
}
