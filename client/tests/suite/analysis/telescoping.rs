//! The time of prints without a clock: what the times between I/Os add up to, over many prints and several disks. The
//! prints are written here by plain arithmetic, so that every time is known exactly.

use std::fmt::Write as _;

use proptest::prelude::*;

use crate::analysis::import::{Place, found};
use crate::support::raw_job::UPTIME_US;
use vscsi_helper::analysis::{Analysis, Code};

/// Limits of the times between I/Os, microseconds.
const LIMITS_US: [u64; 10] = [1, 10, 100, 500, 1000, 5000, 15_000, 30_000, 50_000, 100_000];

/// Runs of I/Os: how many come in a row, and the time before each, microseconds.
type Runs<'runs> = &'runs [(u64, u64)];

/// The counters of a disk on which every I/O reads 4 KiB.
struct Counted {
    handle: u64,
    ios: u64,
    gaps: [u64; 11],
    sum_us: u64,
    shortest_us: u64,
    longest_us: u64,
}

impl Counted {
    /// A disk whose first I/O came when the host had been up for so long.
    fn since(handle: u64, uptime_us: u64) -> Self {
        let mut counted = Self {
            handle,
            ios: 0,
            gaps: [0; 11],
            sum_us: 0,
            shortest_us: u64::MAX,
            longest_us: 0,
        };
        counted.add(&[(1, uptime_us)]);
        counted
    }

    fn add(&mut self, runs: Runs) {
        for &(ios, gap_us) in runs.iter().filter(|(ios, _)| *ios > 0) {
            self.ios += ios;
            self.gaps[LIMITS_US.iter().filter(|limit| **limit < gap_us).count()] += ios;
            self.sum_us += ios * gap_us;
            self.shortest_us = self.shortest_us.min(gap_us);
            self.longest_us = self.longest_us.max(gap_us);
        }
    }

    fn mean_us(&self) -> u64 {
        self.sum_us / self.ios
    }

    /// Its sizes and the times between its I/Os, as vscsiStats prints them.
    fn print(&self) -> String {
        let whose = format!(
            "virtual machine worldGroupID,12345,virtual disk handleID,{} (scsi0:{})",
            self.handle,
            self.handle - 8194
        );
        let ios = self.ios;
        let mut text = format!(
            "Histogram: IO lengths of commands,{whose}\nmin,4096\nmax,4096\nmean,4096\ncount,{ios}\nFrequency,Histogram \
             Bucket Limit\n"
        );
        let sizes =
            "512 1024 2048 4095 4096 8191 8192 16383 16384 32768 49152 65535 65536 81920 131072 262144 524288 524288";
        for size in sizes.split(' ') {
            let _ = writeln!(text, "{},{size}", if size == "4096" { ios } else { 0 });
        }
        let _ = write!(
            text,
            "Histogram: latency of IO interarrival time in Microseconds \
             (us),{whose}\nmin,{}\nmax,{}\nmean,{}\ncount,{ios}\nFrequency,Histogram Bucket Limit\n",
            self.shortest_us,
            self.longest_us,
            self.mean_us()
        );
        for (count, limit) in self.gaps.iter().zip(LIMITS_US.iter().chain([&100_000])) {
            let _ = writeln!(text, "{count},{limit}");
        }
        text
    }
}

fn imported(capture: &str, interval: Option<u32>) -> Analysis {
    let place = Place::new();
    let file = place.file("loop.csv", capture);
    place.import(&[file], interval).unwrap().0.remove(0).analysis
}

/// So many I/Os whose times between them are two, of which no printed minimum or maximum tells the mean.
fn mixed(ios: u64, gap_us: u64) -> [(u64, u64); 2] {
    let difference_us = gap_us * 2 / 5;
    [
        (ios / 2, gap_us - difference_us),
        (ios - ios / 2, gap_us + difference_us),
    ]
}

/// The prints of a loop on a disk with one I/O each `gap_us` on average, each print `seconds` after the one before.
fn steady(gap_us: u64, prints: u64, seconds: u64) -> String {
    let mut disk = Counted::since(8194, UPTIME_US);
    let each = seconds * 1_000_000 / gap_us;
    (0..prints)
        .map(|index| {
            // The first I/O of all begins the first interval.
            disk.add(&mixed(if index == 0 { each - 1 } else { each }, gap_us));
            disk.print()
        })
        .collect()
}

fn iops(analysis: &Analysis) -> f64 {
    analysis.profile.iops.total.unwrap()
}

#[test]
fn an_hour_at_2000_iops_without_a_clock_is_2000_iops() {
    let analysis = imported(&steady(500, 60, 60), None);
    assert_eq!(analysis.profile.ios.total, Some(7_200_000));
    // A mean of 500 us is printed of anything up to 501: the truth is known to 0.2 %, and the middle is 0.1 % off.
    assert!((iops(&analysis) / 2000.0 - 1.0).abs() < 0.0011, "{}", iops(&analysis));
    for sample in &analysis.series.samples {
        assert!((sample.seconds / 60.0 - 1.0).abs() < 0.01, "{}", sample.seconds);
    }
}

#[test]
fn an_hour_at_50_000_iops_without_a_clock_is_that_within_what_whole_microseconds_tell() {
    let analysis = imported(&steady(20, 60, 60), None);
    assert_eq!(analysis.profile.ios.total, Some(180_000_000));
    // 20 us are printed of anything up to 21, which is 5 %, and the middle is at most half of that off.
    assert!((iops(&analysis) / 50_000.0 - 1.0).abs() < 0.026, "{}", iops(&analysis));
    let finding = found(&analysis.findings, Code::TimeFromInterarrival).unwrap();
    assert!(finding.message.contains("2.5 %"), "{}", finding.message);
}

#[test]
fn a_busy_disk_is_not_said_to_be_idle_where_the_interval_is_given() {
    let analysis = imported(&steady(20, 60, 10), Some(10));
    assert!((iops(&analysis) - 50_000.0).abs() < 1e-6, "{}", iops(&analysis));
    let idle = found(&analysis.findings, Code::IntervalContradictsInterarrival);
    assert_eq!(idle, None);
}

#[test]
fn a_disk_whose_ios_tell_a_fifth_less_than_the_interval_is_still_said_to_be_idle() {
    // The prints lie 8 s apart, and the interval given is 10 s.
    let analysis = imported(&steady(20, 60, 8), Some(10));
    let idle = found(&analysis.findings, Code::IntervalContradictsInterarrival).unwrap();
    assert!(idle.message.contains("of the 600.0 s"), "{}", idle.message);
}

#[test]
fn an_interval_shorter_than_the_times_between_ios_is_said_to_be_wrong_at_any_rate() {
    // The prints lie 10 s apart, and 9 s are given, which is more than whole microseconds of a mean leave open.
    let analysis = imported(&steady(20, 60, 10), Some(9));
    let wrong = found(&analysis.findings, Code::InterarrivalExceedsTime);
    assert!(wrong.is_some(), "{:?}", analysis.findings);
}

#[test]
fn a_busy_first_print_is_measured_where_the_lower_bounds_alone_would_not_tell() {
    // A print at once after 4 s, and then one every 10 s: 50 000 IOPS all the time.
    let mut disk = Counted::since(8194, UPTIME_US);
    disk.add(&mixed(199_999, 20));
    let mut capture = disk.print();
    for _ in 0..30 {
        disk.add(&mixed(500_000, 20));
        capture += &disk.print();
    }
    let analysis = imported(&capture, Some(10));
    assert_eq!(analysis.profile.ios.total, Some(15_200_000));
    assert!((iops(&analysis) / 50_000.0 - 1.0).abs() < 0.001, "{}", iops(&analysis));
}

#[test]
fn a_pause_of_one_disk_is_not_added_to_the_time_that_another_one_tells() {
    // The second disk has I/O in the first and the last of six prints; its first gap in the last spans the others.
    let mut first = Counted::since(8194, UPTIME_US);
    let mut second = Counted::since(8195, UPTIME_US + 2_000_000);
    first.add(&[(999, 10_000)]);
    second.add(&[(1, 5_000_000)]);
    let mut capture = first.print() + &second.print();
    for _ in 0..4 {
        first.add(&[(1000, 10_000)]);
        capture += &(first.print() + &second.print());
    }
    first.add(&[(1000, 10_000)]);
    second.add(&[(1, 50_000_000)]);
    capture += &(first.print() + &second.print());
    let analysis = imported(&capture, None);
    let seconds: Vec<f64> = analysis.series.samples.iter().map(|sample| sample.seconds).collect();
    assert_eq!(seconds.len(), 6);
    for seconds in seconds {
        assert!((seconds - 10.0).abs() < 0.02, "{seconds}");
    }
    assert_eq!(analysis.profile.ios.total, Some(6003));
}

#[test]
fn the_disk_that_goes_on_tells_the_time_after_the_other_has_ended() {
    // The hosts' uptime at their first I/Os places one disk against the other: the second begins 20 s later.
    let mut first = Counted::since(8194, UPTIME_US);
    first.add(&[(2999, 10_000)]);
    let mut second = Counted::since(8195, UPTIME_US + 20_000_000);
    second.add(&[(999, 10_000)]);
    let mut capture = first.print() + &second.print();
    for _ in 0..3 {
        second.add(&[(1000, 10_000)]);
        capture += &(first.print() + &second.print());
    }
    let analysis = imported(&capture, None);
    let seconds: Vec<f64> = analysis.series.samples.iter().map(|sample| sample.seconds).collect();
    assert_eq!(seconds.len(), 4);
    for (seconds, expected) in seconds.iter().zip([30.0, 10.0, 10.0, 10.0]) {
        assert!((seconds - expected).abs() < 0.02, "{seconds}");
    }
}

/// What happens between two prints: I/Os at a time that changes from print to print.
fn stretches() -> impl Strategy<Value = Vec<Vec<(u64, u64)>>> {
    let gap_us = prop_oneof![2_u64..40, 40_u64..3000, 3000_u64..2_000_000];
    let stretch = prop::collection::vec((1_u64..200_000, gap_us), 1..4);
    prop::collection::vec(stretch, 2..20)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn the_times_of_all_samples_add_up_to_what_the_outermost_prints_allow(stretches in stretches()) {
        let mut disk = Counted::since(8194, UPTIME_US);
        let mut capture = String::new();
        let mut ends = vec![(0, 1, 0)];
        for runs in &stretches {
            disk.add(runs);
            capture += &disk.print();
            ends.push((disk.sum_us - UPTIME_US, disk.ios, disk.mean_us()));
        }
        let analysis = imported(&capture, None);
        let samples = &analysis.series.samples;
        prop_assert_eq!(samples.len(), stretches.len());
        // The mean of the last print leaves less than a microsecond for each I/O open.
        let least = (disk.mean_us() * disk.ios - UPTIME_US) as f64 / 1e6;
        let most = least + disk.ios as f64 / 1e6;
        let total: f64 = samples.iter().map(|sample| sample.seconds).sum();
        prop_assert!(least - 1e-3 <= total && total <= most + 1e-3, "{} to {}: {}", least, most, total);
        let mut at = 0.0;
        for (sample, two) in samples.iter().zip(ends.windows(2)) {
            prop_assert!((sample.start_seconds - at).abs() < 1e-6);
            at += sample.seconds;
            // Each lies between its two prints as those tell them, so both may be off by their own I/Os.
            let [(before_us, before_ios, _), (after_us, after_ios, _)] = two else { panic!("two prints") };
            let truth = (after_us - before_us) as f64 / 1e6;
            let open = (before_ios + after_ios) as f64 / 1e6;
            prop_assert!((sample.seconds - truth).abs() <= open, "{} is not {}", sample.seconds, truth);
            let reached = *after_us as f64 / 1e6;
            prop_assert!((at - reached).abs() <= *after_ios as f64 / 1e6 + 1e-3, "{} is not {}", at, reached);
        }
    }
}
