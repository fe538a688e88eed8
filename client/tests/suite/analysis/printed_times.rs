//! Hand loops that print the time beside each print: the lengths of the samples that follow, and what is doubted.

use crate::analysis::import::{Place, counted, found, reads};
use crate::support::raw_job::print;
use vscsi_fixtures::IoEvent;
use vscsi_helper::analysis::{Analysis, Code, Sample, Severity};

const DATES: [&str; 4] = [
    "Sun Nov 29 06:00:00 UTC 2026",
    "Sun Nov 29 06:00:30 UTC 2026",
    "Sun Nov 29 06:01:01 UTC 2026",
    "Sun Nov 29 06:01:31 UTC 2026",
];

/// The prints of a VM that reads each 10 ms from the beginning of the collection on, taken 30, 60, 91 and 121 s after it.
fn steady() -> [String; 4] {
    [3000, 6000, 9100, 12_100].map(|count| print(&counted(&reads(0, count)), 0))
}

/// The prints of a VM that reads 500 times in the first 5 s of each 30 s.
fn bursts() -> [String; 4] {
    [1, 2, 3, 4].map(|prints| {
        let events: Vec<IoEvent> = (0..prints).flat_map(|burst| reads(burst * 30_000, 500)).collect();
        print(&counted(&events), 0)
    })
}

fn each_behind(times: [&str; 4], prints: &[String; 4]) -> String {
    let parts = times.iter().zip(prints).flat_map(|(time, print)| [*time, "\n", print]);
    parts.collect()
}

fn imported(capture: &str, interval: Option<u32>) -> Analysis {
    let place = Place::new();
    let (mut jobs, _) = place.import(&[place.file("loop.csv", capture)], interval).unwrap();
    jobs.remove(0).analysis
}

fn lengths(analysis: &Analysis) -> Vec<f64> {
    analysis.series.samples.iter().map(|sample| sample.seconds).collect()
}

fn iops(analysis: &Analysis) -> f64 {
    analysis.profile.iops.total.unwrap()
}

/// What is said of the printed times, and how gravely.
fn said(analysis: &Analysis) -> (Severity, &str) {
    let finding = found(&analysis.findings, Code::PrintedTimes).unwrap();
    (finding.severity, &finding.message)
}

#[test]
fn without_an_interval_the_times_between_the_prints_give_the_lengths() {
    let analysis = imported(&each_behind(DATES, &steady()), None);
    assert_eq!(lengths(&analysis), [30.0, 30.0, 31.0, 30.0]);
    // 12100 reads in 121 s.
    assert!((iops(&analysis) - 100.0).abs() < 1e-9, "{}", iops(&analysis));
    let (severity, message) = said(&analysis);
    assert_eq!(severity, Severity::Info);
    assert!(message.contains("30.0 s usually, 30.0 s to 31.0 s"), "{message}");
    assert!(!analysis.is_partial());
}

#[test]
fn every_form_of_time_gives_the_same_lengths_wherever_it_stands() {
    let forms = [
        [
            "2026-11-29T06:00:00Z",
            "2026-11-29T06:00:30Z",
            "2026-11-29T06:01:01Z",
            "2026-11-29T06:01:31Z",
        ],
        ["1795932000", "1795932030", "1795932061", "1795932091"],
        ["23:59:40", "00:00:10", "00:00:41", "00:01:11"],
        [
            "Nov 29 06:00:00",
            "Nov 29 06:00:30",
            "Nov 29 06:01:01",
            "Nov 29 06:01:31",
        ],
    ];
    for times in forms.into_iter().chain([DATES]) {
        let before = imported(&each_behind(times, &steady()), None);
        assert_eq!(lengths(&before), [30.0, 30.0, 31.0, 30.0], "{times:?}");
        let pairs = steady().into_iter().zip(times);
        let behind: Vec<String> = pairs.map(|(print, time)| format!("{print}{time}\n")).collect();
        let behind = imported(&behind.concat(), None);
        assert_eq!(lengths(&behind), [30.0, 30.0, 31.0, 30.0], "{times:?}");
    }
    // Before each line, a second later with every title.
    let stamped = steady().into_iter().zip([0, 30, 61, 91]).map(|(print, seconds)| {
        let lines = print.lines().scan(seconds, |seconds, line| {
            *seconds += i64::from(line.starts_with("Histogram") && !line.contains("IO lengths of commands"));
            Some(format!(
                "[2026-11-29 06:{:02}:{:02}] {line}\n",
                *seconds / 60,
                *seconds % 60
            ))
        });
        lines.collect::<String>()
    });
    assert_eq!(
        lengths(&imported(&stamped.collect::<String>(), None)),
        [30.0, 30.0, 31.0, 30.0]
    );
}

#[test]
fn an_idle_vm_has_the_rate_of_the_whole_time() {
    // 500 reads in 30 s, of which the VM is idle for 25.
    let analysis = imported(&each_behind(DATES, &bursts()), None);
    assert_eq!(lengths(&analysis), [30.0, 30.0, 31.0, 30.0]);
    assert!((iops(&analysis) - 2000.0 / 121.0).abs() < 1e-9, "{}", iops(&analysis));
    // Whether the first print was taken at once, nobody can tell: 2000 in 95.99 s then.
    let finding = found(&analysis.findings, Code::FirstPrint).unwrap();
    assert!(finding.message.contains("20.84"), "{}", finding.message);
}

#[test]
fn an_interval_that_the_times_contradict_is_named_and_not_used() {
    let analysis = imported(&each_behind(DATES, &steady()), Some(60));
    assert_eq!(lengths(&analysis), [30.0, 30.0, 31.0, 30.0]);
    let (severity, message) = said(&analysis);
    assert_eq!(severity, Severity::Warning);
    assert!(message.contains("contradict the 60 s"), "{message}");
}

#[test]
fn an_interval_that_a_loop_keeps_up_to_the_time_it_needs_to_print_is_not_doubted() {
    // A tenth of the interval, or two seconds.
    for (interval, severity) in [
        (28, Severity::Info),
        (32, Severity::Info),
        (27, Severity::Warning),
        (34, Severity::Warning),
    ] {
        let analysis = imported(&each_behind(DATES, &steady()), Some(interval));
        assert_eq!(said(&analysis).0, severity, "{interval}");
    }
}

#[test]
fn prints_without_a_later_time_lie_one_step_behind_the_one_before() {
    // The clock is set back by an hour, then a time is missing.
    let times = [
        DATES[0],
        DATES[1],
        "Sun Nov 29 05:01:00 UTC 2026",
        "Sun Nov 29 05:01:30 UTC 2026",
    ];
    let set_back = imported(&each_behind(times, &steady()), None);
    assert_eq!(lengths(&set_back), [30.0; 4]);
    let missing = each_behind(DATES, &steady()).replace(&format!("{}\n", DATES[2]), "");
    let missing = imported(&missing, None);
    assert_eq!(lengths(&missing), [30.0, 30.0, 30.0, 31.0]);
    for analysis in [set_back, missing] {
        let (severity, message) = said(&analysis);
        assert_eq!(severity, Severity::Warning);
        assert!(message.contains("1 of 4 prints, number 3 the first"), "{message}");
    }
}

#[test]
fn one_step_far_longer_than_the_others_is_doubted() {
    let times = [
        DATES[0],
        DATES[1],
        "Sun Nov 29 06:01:00 UTC 2026",
        "Mon Nov 30 06:01:30 UTC 2026",
    ];
    let analysis = imported(&each_behind(times, &steady()), None);
    let (severity, message) = said(&analysis);
    assert_eq!(severity, Severity::Warning);
    assert!(
        message.contains("a pause of the loop, or one of its times is damaged"),
        "{message}"
    );
}

#[test]
fn one_time_alone_gives_no_length() {
    let capture = format!("{}\n{}", DATES[0], steady().concat());
    let analysis = imported(&capture, Some(30));
    assert_eq!(lengths(&analysis), [30.0; 4]);
    assert!(found(&analysis.findings, Code::PrintedTimes).is_none());
}

#[test]
fn collections_of_their_own_take_the_time_between_their_ios() {
    // 100 IOPS for 10 s, and an hour later for 20 s.
    let place = Place::new();
    let prints = [
        print(&counted(&reads(0, 1001)), 0),
        print(&counted(&reads(3_600_000, 2001)), 0),
    ];
    let times = ["Sun Nov 29 06:00:10 UTC 2026", "Sun Nov 29 07:00:20 UTC 2026"];
    let files = [0, 1].map(|index| place.file(&format!("{index}.csv"), format!("{}\n{}", times[index], prints[index])));
    let (jobs, _) = place.import(&files, None).unwrap();
    let analysis = &jobs[0].analysis;
    let second = analysis.series.samples.last().unwrap();
    assert!((second.seconds - 20.0).abs() < 0.003, "{}", second.seconds);
    assert!((second.iops() - 100.0).abs() < 0.02, "{}", second.iops());
    let finding = found(&analysis.findings, Code::CountersBeganAgain).unwrap();
    // 2001 reads in 3610 s.
    assert!(finding.message.contains("0.55"), "{}", finding.message);
}

#[test]
fn a_loop_that_sets_the_counters_to_zero_counts_since_the_print_before() {
    let prints = [0, 1, 2, 3].map(|burst| print(&counted(&reads(burst * 30_000, 501)), 0));
    let analysis = imported(&each_behind(DATES, &prints), None);
    assert_eq!(lengths(&analysis), [30.0, 30.0, 31.0, 30.0]);
    let ios: Vec<u64> = analysis.series.samples.iter().map(Sample::ios).collect();
    assert_eq!(ios, [501; 4]);
    let finding = found(&analysis.findings, Code::CountersBeganAgain).unwrap();
    // 501 in 30 s, and 500 in 5 s.
    for part in ["16.70", "100.0"] {
        assert!(finding.message.contains(part), "{}", finding.message);
    }
}

#[test]
fn a_snapshot_keeps_the_moment_that_was_printed_in_a_known_zone() {
    let place = Place::new();
    let file = place.file("loop.csv", each_behind(DATES, &steady()));
    let (jobs, _) = place.import(&[file], None).unwrap();
    let moments = jobs[0]
        .analysis
        .series
        .samples
        .iter()
        .map(|sample| sample.taken_at.to_string());
    let expected = ["06:00:00", "06:00:30", "06:01:01", "06:01:31"].map(|time| format!("2026-11-29T{time}Z"));
    assert_eq!(moments.collect::<Vec<_>>(), expected);
}
