//! Traces of commands: the job that is made of one, and its replay command for command.

use std::fs;

use crate::analysis::import::{Place, now, request};
use crate::support::desk::Desk;
use vscsi_helper::analysis::{Analysis, Severity};
use vscsi_helper::failure::Failure as _;
use vscsi_helper::import::{ImportError, import};
use vscsi_shared::exit_code;
use vscsi_shared::histogram::{Interval, Metric, Operation};

/// Eight writes as `vscsiStats -e` exported them, published in 2011.
const TRACE: &str = "\
#Vscsi Cmd Trace. (Trace Format Version 1)
#Serial Number,IO Data Length,Num SG Entries,Command Type,LBN,Time Stamp (microseconds)
2147483692,4096,1,write,24048792,2756778716647
2147483769,4096,1,write,6322464,2756783857269
2147483732,4096,1,write,6234880,2756783857712
2147483711,4096,1,write,6234872,2756783858110
2147483658,4608,2,write,23749656,2756797029103
2147483715,512,1,write,6422064,2756797702520
2147483713,4096,1,write,6322472,2756802107264
2147483766,4096,1,write,6234888,2756802107736
";

fn imported(trace: &str, interval: Option<u32>) -> Result<Analysis, ImportError> {
    let place = Place::new();
    let request = request(&[place.file("trace.csv", trace)], interval);
    let (mut jobs, _) = import(&place.store, &request, now())?;
    Ok(jobs.remove(0).analysis)
}

/// Number of values in the bucket that ends with `limit`.
fn at(interval: &Interval, limit: i64) -> u64 {
    let index = interval.limits.as_slice().iter().position(|known| *known == limit);
    interval.counts[index.unwrap()]
}

#[test]
fn a_trace_gives_the_figures_worked_out_by_hand() {
    let analysis = imported(TRACE, None).unwrap();
    let profile = &analysis.profile;
    assert_eq!(
        (profile.ios.total, profile.ios.read, profile.ios.write),
        (Some(8), Some(0), Some(8))
    );
    // Seven gaps in 23.391089 s.
    let iops = profile.iops.total.unwrap();
    assert!((iops - 7.0 / 23.391_089).abs() < 2e-5, "{iops}");
    let of = |metric| analysis.workload.histograms.of(metric, Operation::All).unwrap();
    let sizes = of(Metric::IoLength);
    assert_eq!((at(sizes, 512), at(sizes, 4096), at(sizes, 8191)), (1, 6, 1));
    // 443, 398 and 429 us; the other four are longer than 100 ms.
    let gaps = of(Metric::Interarrival);
    assert_eq!(
        (at(gaps, 500), gaps.counts.last().copied(), gaps.count),
        (3, Some(4), 7)
    );
    // -17726335, -87591, -15, 17514777, -17327600, -99592 and -87591 blocks.
    let seeks = of(Metric::SeekDistance);
    assert_eq!((at(seeks, -500_000), at(seeks, -50_000), at(seeks, -8)), (2, 3, 1));
    // The last two follow 6322471 and 6234887, which are among the sixteen before them.
    let closest = of(Metric::SeekDistanceClosest16);
    assert_eq!((at(closest, 1), closest.count), (2, 7));
}

#[test]
fn a_trace_becomes_samples_of_the_interval() {
    let analysis = imported(TRACE, Some(10)).unwrap();
    let ios: Vec<u64> = analysis
        .series
        .samples
        .iter()
        .map(vscsi_helper::analysis::Sample::ios)
        .collect();
    assert_eq!(ios, [4, 2, 2]);
    let seconds: Vec<f64> = analysis.series.samples.iter().map(|sample| sample.seconds).collect();
    // The end lies one mean gap behind the last command: 23.391089 s * 8 / 7.
    for (found, expected) in seconds.iter().zip([10.0, 10.0, 6.733]) {
        assert!((found - expected).abs() < 1e-9, "{seconds:?}");
    }
    assert_eq!(analysis.job.profile.samples, 3);
    assert!(!analysis.is_partial());
    // It tells its time itself, and what it lacks no trace has.
    let warned = analysis
        .findings
        .iter()
        .any(|finding| finding.severity != Severity::Info);
    assert!(!warned, "{:?}", analysis.findings);
}

#[test]
fn the_commands_of_a_trace_are_brought_into_order() {
    let mut lines: Vec<&str> = TRACE.lines().collect();
    lines.swap(3, 7);
    let analysis = imported(&lines.join("\n"), None).unwrap();
    let gaps = analysis
        .workload
        .histograms
        .of(Metric::Interarrival, Operation::All)
        .unwrap();
    assert_eq!(at(gaps, 500), 3);
}

#[test]
fn a_trace_without_a_command_and_one_beside_prints_are_refused() {
    let heading = TRACE.lines().take(2).collect::<Vec<_>>().join("\n");
    let error = imported(&heading, None).unwrap_err();
    assert_eq!(error.exit_code(), exit_code::FAILED);
    let place = Place::new();
    let prints = fs::read_to_string(crate::support::desk::capture_file()).unwrap();
    let files = [place.file("trace.csv", TRACE), place.file("prints.csv", prints)];
    let error = import(&place.store, &request(&files, Some(10)), now()).unwrap_err();
    assert_eq!(error.exit_code(), exit_code::USAGE, "{error}");
    assert!(place.is_untouched());
}

#[test]
fn a_damaged_time_stamp_does_not_become_samples_without_end() {
    let damaged = TRACE.replace("2756778716647", "2756");
    let error = imported(&damaged, Some(10)).unwrap_err();
    assert_eq!(error.exit_code(), exit_code::USAGE);
    // 31.9 days are 275680 samples of 10 s.
    assert!(error.to_string().contains("275680 samples"), "{error}");
    assert!(error.hint().unwrap().contains("damaged time stamp"));
}

/// A desk with the trace as the job `traced`, in samples of 10 s.
fn desk() -> Desk {
    let desk = Desk::new();
    let file = desk.file("trace.csv", TRACE.as_bytes());
    let ended = desk.run(&["import", &file, "--name", "traced", "--interval", "10"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    desk
}

/// Time, kind, first byte and length of each command of the log.
fn log(desk: &Desk) -> Vec<String> {
    let log = desk.job("traced").join("analysis/traced-workload.iolog");
    let text = fs::read_to_string(log).unwrap();
    let commands = text.lines().filter(|line| line.split(' ').count() == 5);
    commands.map(|line| line.replace("vscsi-replay-target ", "")).collect()
}

#[test]
fn a_trace_is_replayed_command_for_command() {
    let desk = desk();
    let ended = desk.run(&["analyze", "traced", "--style", "iolog", "--filter", "none"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let began = 2_756_778_716_647;
    let expected: Vec<String> = TRACE
        .lines()
        .skip(2)
        .map(|line| {
            let cells: Vec<&str> = line.split(',').collect();
            let number = |cell: usize| cells[cell].parse::<u64>().unwrap();
            // A log begins 1 ms late.
            format!(
                "{} {} {} {}",
                number(5) - began + 1000,
                cells[3],
                number(4) * 512,
                number(1)
            )
        })
        .collect();
    assert_eq!(log(&desk), expected);
    let job = fs::read_to_string(desk.job("traced").join("analysis/traced-workload.fio")).unwrap();
    // The farthest command ends at block 24048800, 11742.578 MiB.
    assert!(job.contains("at least 11743m"), "{job}");
}

#[test]
fn phases_of_a_trace_are_sampled_and_that_is_said() {
    let desk = desk();
    let whole = desk.run(&["analyze", "traced", "--style", "iolog"]);
    assert_eq!(
        (whole.code, whole.stderr.contains("not replayed")),
        (Some(0), false),
        "{}",
        whole.stderr
    );
    // Nor is the trace read then.
    fs::write(desk.job("traced").join("trace.csv.gz"), "damaged").unwrap();
    let ended = desk.run(&["analyze", "traced", "--style", "iolog", "--phase", "all=0s-1h"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(
        ended
            .stderr
            .contains("not replayed with phases: each phase's log is sampled from its histograms"),
        "{}",
        ended.stderr
    );
}

#[test]
fn samples_that_a_filter_leaves_out_take_no_time_in_the_replay() {
    let desk = desk();
    // The samples hold 4, 2 and 2 commands, of which the last is the shortest; 0.25 IOPS leaves out the second.
    let ended = desk.run(&[
        "analyze",
        "traced",
        "--style",
        "iolog",
        "--filter",
        "absolute",
        "--threshold",
        "0.25",
    ]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let times: Vec<u64> = log(&desk)
        .iter()
        .map(|line| line.split(' ').next().unwrap().parse().unwrap())
        .collect();
    // What came 23.390617 s after the first command comes 10 s earlier.
    assert_eq!(times, [1000, 5_141_622, 5_142_065, 5_142_463, 13_391_617, 13_392_089]);
}

#[test]
fn a_span_that_does_not_hold_the_trace_is_refused_with_the_least_one() {
    desk().refuses(
        &["analyze", "traced", "--style", "iolog", "--span", "1g"],
        2,
        &["is smaller than the", "--span 12313427968"],
    );
}

#[test]
fn the_exact_commands_are_kept_with_the_job() {
    let desk = desk();
    let kept = desk.job("traced").join("trace.csv.gz");
    let again = desk.run(&["import", kept.to_str().unwrap(), "--name", "again"]);
    assert_eq!(again.code, Some(0), "{}", again.stderr);
    assert!(
        again.stdout.contains("8 I/Os") || again.stdout.contains("IOPS"),
        "{}",
        again.stdout
    );
}
