//! What the first print of a loop counts, and what is said where nobody can tell.

use crate::analysis::import::{Place, counted, found, now, reads, request};
use crate::support::raw_job::print;
use vscsi_fixtures::IoEvent;
use vscsi_helper::analysis::{Analysis, Code, Finding, Severity};
use vscsi_helper::failure::Failure as _;
use vscsi_helper::import::{FirstPrint, ImportError, import};
use vscsi_shared::exit_code;

/// The prints of a loop at these moments, milliseconds after the collection began, of events given by their start.
fn loop_at(moments_ms: &[u64], events: &[IoEvent], start_of: impl Fn(&IoEvent) -> u64) -> String {
    let prints = moments_ms.iter().map(|moment| {
        let before: Vec<IoEvent> = events
            .iter()
            .filter(|event| start_of(event) < *moment)
            .copied()
            .collect();
        print(&counted(&before), 0)
    });
    prints.collect()
}

/// The prints of a loop on a VM that reads each 10 ms from the beginning of the collection on.
fn steady(moments_ms: &[u64]) -> String {
    let events = reads(0, moments_ms.last().unwrap() / 10);
    let first = events[0].issue_us;
    loop_at(moments_ms, &events, |event| (event.issue_us - first) / 1000)
}

fn imported(capture: &str, interval: u32, first_print: Option<FirstPrint>) -> Result<Analysis, ImportError> {
    let place = Place::new();
    let mut request = request(&[place.file("loop.csv", capture)], Some(interval));
    request.first_print = first_print;
    let (mut jobs, _) = import(&place.store, &request, now())?;
    Ok(jobs.remove(0).analysis)
}

fn iops(analysis: &Analysis) -> f64 {
    analysis.profile.iops.total.unwrap()
}

fn said(analysis: &Analysis) -> Option<&Finding> {
    found(&analysis.findings, Code::FirstPrint)
}

#[test]
fn an_empty_first_print_is_the_baseline_and_no_idleness() {
    let one = imported(&steady(&[0, 30_000]), 30, None).unwrap();
    assert_eq!(one.series.samples.len(), 1);
    assert!((iops(&one) - 100.0).abs() < 1e-9, "{}", iops(&one));
    let finding = said(&one).unwrap();
    assert_eq!((finding.severity, finding.sequence), (Severity::Info, Some(0)));
    assert!(finding.message.contains("is empty"), "{}", finding.message);
    let moments: Vec<u64> = (0..=12).map(|index| index * 30_000).collect();
    let twelve = imported(&steady(&moments), 30, None).unwrap();
    assert_eq!((twelve.series.samples.len(), twelve.job.profile.samples), (12, 12));
    assert!((iops(&twelve) - 100.0).abs() < 1e-9, "{}", iops(&twelve));
}

#[test]
fn an_empty_first_print_counts_an_interval_when_asked_to() {
    let analysis = imported(&steady(&[0, 30_000]), 30, Some(FirstPrint::Interval)).unwrap();
    assert_eq!(analysis.series.samples.len(), 2);
    assert!((iops(&analysis) - 50.0).abs() < 1e-9, "{}", iops(&analysis));
}

#[test]
fn a_baseline_that_was_asked_for_leaves_out_what_it_counted() {
    let analysis = imported(&steady(&[7000, 13_000]), 6, Some(FirstPrint::Baseline)).unwrap();
    assert_eq!(analysis.profile.ios.total, Some(600));
    assert!((iops(&analysis) - 100.0).abs() < 1e-9, "{}", iops(&analysis));
    assert!(said(&analysis).unwrap().message.contains("left out"));
}

#[test]
fn a_baseline_alone_is_refused() {
    let error = imported(&steady(&[6000]), 6, Some(FirstPrint::Baseline)).unwrap_err();
    assert_eq!(error.exit_code(), exit_code::USAGE);
    assert!(error.hint().unwrap().contains("--first-print"));
}

#[test]
fn a_first_print_of_less_than_an_interval_takes_the_time_between_its_ios() {
    // `-s`, then a print at once and every 6 s: 5 reads in 50 ms, and then 600 in each interval.
    let analysis = imported(&steady(&[50, 6050, 12_050, 18_050]), 6, None).unwrap();
    assert_eq!(analysis.profile.ios.total, Some(1805));
    assert!((iops(&analysis) - 100.0).abs() < 0.1, "{}", iops(&analysis));
    let finding = found(&analysis.findings, Code::TimeFromInterarrival).unwrap();
    assert!(finding.message.contains("0.04 s"), "{}", finding.message);
    assert!(found(&analysis.findings, Code::IntervalContradictsInterarrival).is_none());
}

#[test]
fn a_first_print_with_one_io_of_a_busy_vm_is_a_baseline() {
    let analysis = imported(&steady(&[5, 6000, 12_000]), 6, None).unwrap();
    // 599 and 600 reads.
    assert_eq!(analysis.profile.ios.total, Some(1199));
    assert!((iops(&analysis) - 1199.0 / 12.0).abs() < 1e-9, "{}", iops(&analysis));
    assert!(said(&analysis).unwrap().message.contains("left out"));
}

#[test]
fn a_vm_that_rests_each_time_until_the_print_is_not_taken_for_a_loop_that_printed_at_once() {
    // 500 reads in the first 5 s of each 30 s: the second print tells of 30 s too, but 25 of them are one pause.
    let events: Vec<IoEvent> = (0..4).flat_map(|burst| reads(burst * 30_000, 500)).collect();
    let first = events[0].issue_us;
    let capture = loop_at(&[30_000, 60_000, 90_000, 120_000], &events, |event| {
        (event.issue_us - first) / 1000
    });
    let analysis = imported(&capture, 30, None).unwrap();
    assert!((iops(&analysis) - 2000.0 / 120.0).abs() < 1e-9, "{}", iops(&analysis));
    let finding = said(&analysis).unwrap();
    // 2000 / 120 and 2000 / 94.99.
    for bound in ["16.67", "21.05"] {
        assert!(finding.message.contains(bound), "{}", finding.message);
    }
}

#[test]
fn where_the_clock_of_the_prints_cannot_tell_the_range_is_stated() {
    // 5 reads in 50 ms, then 200 at the beginning of each interval and none in the rest.
    let events: Vec<IoEvent> = [reads(0, 5), reads(100, 200), reads(6100, 200)].concat();
    let first = events[0].issue_us;
    let capture = loop_at(&[50, 6050, 12_050], &events, |event| (event.issue_us - first) / 1000);
    let analysis = imported(&capture, 6, None).unwrap();
    assert!((iops(&analysis) - 405.0 / 18.0).abs() < 1e-9, "{}", iops(&analysis));
    let finding = said(&analysis).unwrap();
    assert_eq!(finding.severity, Severity::Warning);
    // 405 / 18 and 405 / 12.04.
    for bound in ["22.50", "33.64"] {
        assert!(finding.message.contains(bound), "{}", finding.message);
    }
}
