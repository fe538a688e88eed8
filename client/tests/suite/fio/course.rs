//! Replay logs of workloads that change in their course, held against what is true of the commands.
//!
//! A few samples of each course are enough here; `cargo xtask bench fidelity` prints the table of all.

use vscsi_helper::analysis::Workload;
use vscsi_helper::fio::{FioJob, FioOptions, Phase, ReplayLog, Style, TimedWorkload, generate_phases};
use vscsi_helper::stream::Command;
use vscsi_shared::histogram::{Metric, Operation};

use crate::support::workloads::samples::{samples, whole};
use crate::support::workloads::streams::courses;
use crate::support::workloads::truth::Truth;

/// The first samples of a course: what was measured, and the commands.
struct Begun {
    workload: Workload,
    samples: Vec<TimedWorkload>,
    disks: Vec<Vec<Command>>,
    seconds: f64,
}

impl Begun {
    fn of(name: &str, count: u32) -> Self {
        let course = courses().into_iter().find(|course| course.name == name).unwrap();
        let seconds = course.sample_seconds * f64::from(count);
        let mut disks = course.disks();
        for disk in &mut disks {
            disk.retain(|command| (command.issued_ns as f64) < seconds * 1e9);
        }
        let series = samples(&disks, course.sample_seconds, count);
        let workload = whole(name, &series);
        let kept = vec![true; series.samples.len()];
        let samples = TimedWorkload::of(&series, &kept, &workload.provenance).unwrap();
        Self {
            workload,
            samples,
            disks,
            seconds,
        }
    }

    fn replayed(&self, options: &FioOptions) -> FioJob {
        let phase = Phase {
            name: "",
            workload: &self.workload,
            samples: &self.samples,
        };
        let options = FioOptions {
            style: Style::Iolog,
            ..options.clone()
        };
        generate_phases(&self.workload.provenance, &[phase], &options).unwrap()
    }

    fn timeline(&self) -> FioJob {
        self.replayed(&FioOptions {
            timeline: true,
            ..FioOptions::default()
        })
    }
}

/// The commands of each disk of a log.
fn commands(job: &FioJob) -> Vec<Vec<Command>> {
    let regions = &job.courses[0].regions[0];
    let mut disks = vec![Vec::new(); regions.len() + 1];
    let ReplayLog::Sampled(plan) = &job.companions[0].log else {
        panic!("the log is sampled");
    };
    for command in plan.stream() {
        disks[regions.partition_point(|first| *first <= command.offset)].push(command);
    }
    disks
}

/// What is true of one disk, and of the log of it.
fn truths(begun: &Begun, job: &FioJob) -> [Truth; 2] {
    [
        Truth::of(&begun.disks[0], begun.seconds),
        Truth::of(&commands(job)[0], begun.seconds),
    ]
}

#[test]
fn a_log_that_follows_the_samples_comes_near_to_each_of_them_where_their_average_does_not() {
    for (name, count) in [("checkpoint", 2), ("day and night", 30), ("boot storm", 2)] {
        let begun = Begun::of(name, count);
        let average = begun.replayed(&FioOptions {
            no_timeline: true,
            duration: Some(60),
            ..FioOptions::default()
        });
        let of_average = average.fidelity[0].samples.unwrap().mean;
        let of_timeline = begun.timeline().fidelity[0].samples.unwrap().mean;
        assert!(of_timeline >= 95.0, "{name}: {of_timeline}");
        assert!(
            of_average < 95.0,
            "{name}: the average reaches {of_average}, so this tests nothing"
        );
    }
}

#[test]
fn a_log_follows_samples_that_differ_unless_its_length_was_asked_for() {
    let begun = Begun::of("day and night", 30);
    let asked = |seconds| FioOptions {
        duration: seconds,
        ..FioOptions::default()
    };
    let followed = |begun: &Begun, seconds| begun.replayed(&asked(seconds)).courses[0].samples.len();
    assert_eq!(followed(&begun, None), 30);
    assert_eq!(followed(&begun, Some(10)), 0);
    let mut steady = Begun::of("trickle", 1);
    steady.samples.push(steady.samples[0].clone());
    assert_eq!(followed(&steady, None), 0);
}

#[test]
fn a_log_is_exactly_as_long_as_it_was_measured_or_asked_for() {
    let begun = Begun::of("day and night", 12);
    let last = |job: &FioJob| commands(job)[0].last().unwrap().issued_ns as f64 / 1e9;
    // The last sample with a command ends with it.
    let timeline = last(&begun.timeline());
    assert!((timeline % 20.0).min(20.0 - timeline % 20.0) < 1e-5, "{timeline}");
    let average = begun.replayed(&FioOptions {
        duration: Some(60),
        ..FioOptions::default()
    });
    assert!((last(&average) - 60.0).abs() < 1e-5, "{}", last(&average));
}

#[test]
fn speed_shortens_a_log_and_intensity_fills_it() {
    let begun = Begun::of("trickle", 8);
    let measured = commands(&begun.timeline())[0].len() as f64;
    let changed = |speed: &str, intensity: &str| {
        let job = begun.replayed(&FioOptions {
            timeline: true,
            speed: speed.parse().unwrap(),
            intensity: intensity.parse().unwrap(),
            ..FioOptions::default()
        });
        (job.courses[0].seconds, commands(&job)[0].len() as f64)
    };
    let (seconds, number) = changed("2", "100%");
    assert!((seconds - begun.seconds / 2.0).abs() < 1e-6 && (number - measured).abs() < 0.5);
    let (seconds, number) = changed("1", "150%");
    assert!((seconds - begun.seconds).abs() < 1e-6);
    // Each of the eight samples rounds to whole commands.
    assert!((number - 1.5 * measured).abs() <= 8.0, "{number} of {measured}");
}

#[test]
fn the_share_of_sequential_bytes_is_within_five_points_of_the_truth() {
    for (name, count) in [("boot storm", 2), ("rewrites", 1), ("odd sizes", 2)] {
        let begun = Begun::of(name, count);
        let [truth, log] = truths(&begun, &begun.timeline());
        let (truth, log) = (truth.sequential_bytes, log.sequential_bytes);
        assert!((truth - log).abs() <= 0.05, "{name}: {log} for {truth}");
    }
}

#[test]
fn commands_cluster_within_a_factor_of_two_of_the_truth_where_the_samples_tell() {
    for (name, count) in [
        ("boot storm", 4),
        ("day and night", 30),
        ("rewrites", 3),
        ("database with log", 2),
    ] {
        let begun = Begun::of(name, count);
        let [truth, log] = truths(&begun, &begun.timeline());
        let ratio = log.dispersion.unwrap() / truth.dispersion.unwrap();
        assert!((0.5..=2.0).contains(&ratio), "{name}: {ratio} times the truth");
    }
}

#[test]
fn commands_lie_on_4_kib_where_those_measured_do_and_not_where_they_do_not() {
    for (name, is_aligned) in [("boot storm", true), ("rewrites", true), ("odd sizes", false)] {
        let begun = Begun::of(name, 1);
        let [truth, log] = truths(&begun, &begun.timeline());
        let aligned = |truth: Truth| truth.aligned > 0.999;
        assert_eq!((aligned(truth), aligned(log)), (is_aligned, is_aligned), "{name}");
    }
}

#[test]
fn a_device_of_4_kib_sectors_gets_no_other_commands() {
    let begun = Begun::of("odd sizes", 1);
    let job = begun.replayed(&FioOptions {
        sector_size: Some("4k".parse().unwrap()),
        ..FioOptions::default()
    });
    let is_whole = |command: &Command| command.offset.is_multiple_of(4096) && command.bytes.is_multiple_of(4096);
    assert!(commands(&job)[0].iter().all(is_whole));
}

#[test]
fn places_that_were_not_used_again_seldom_come_back() {
    let begun = Begun::of("boot storm", 2);
    let [_, log] = truths(&begun, &begun.timeline());
    assert!(log.reused_bytes < 0.01, "{}", log.reused_bytes);
}

#[test]
fn each_disk_of_one_log_keeps_its_own_habits_in_a_region_of_its_own() {
    let begun = Begun::of("five disks", 1);
    let job = begun.timeline();
    assert_eq!(job.companions.len(), 1);
    let logged = commands(&job);
    assert_eq!(logged.len(), 5);
    for (measured, logged) in begun.disks.iter().zip(&logged) {
        // Every command belongs to one of five samples of one disk, so no number is rounded.
        assert_eq!(measured.len(), logged.len());
    }
    let rows = &job.fidelity[0].fidelity.histograms;
    let gaps = rows.iter().find(|row| row.part == "all interarrival").unwrap();
    assert!(gaps.distance.ks < 0.05, "{gaps:?}");
}

#[test]
fn a_log_that_is_too_fast_for_one_process_is_shared_and_loses_no_command() {
    let course = courses()
        .into_iter()
        .find(|course| course.name == "50 000 IOPS")
        .unwrap();
    let series = samples(&course.disks(), 0.05, 1);
    let workload = whole("fast", &series);
    let measured = workload.histograms.of(Metric::IoLength, Operation::All).unwrap().count;
    let logs = |speed: &str| {
        let samples = TimedWorkload::of(&series, &[true], &workload.provenance).unwrap();
        let phase = Phase {
            name: "",
            workload: &workload,
            samples: &samples,
        };
        let options = FioOptions {
            style: Style::Iolog,
            timeline: true,
            speed: speed.parse().unwrap(),
            ..FioOptions::default()
        };
        let job = generate_phases(&workload.provenance, &[phase], &options).unwrap();
        let commands = job.companions.iter().map(|companion| match &companion.log {
            ReplayLog::Sampled(plan) => plan.stream().count(),
            ReplayLog::Traced(_) => panic!("the log is sampled"),
        });
        (commands.collect::<Vec<_>>(), job.text)
    };
    // At a tenth of the speed one process is fast enough.
    assert_eq!(logs("0.1").0, [usize::try_from(measured).unwrap()]);
    let (shared, text) = logs("1");
    assert_eq!(shared.len(), 2, "{text}");
    assert!(text.contains("2 processes share the log"), "{text}");
    assert_eq!(shared.iter().sum::<usize>() as u64, measured);
    // Each has some turns, so neither has much more than half of the commands.
    assert!(
        shared.iter().all(|commands| *commands as f64 > 0.3 * measured as f64),
        "{shared:?}"
    );
}
