//! The streams that replays are held against: what is measured of them, and that each has the habits it is named for.

use vscsi_helper::stream::{Command, Direction};
use vscsi_shared::histogram::{Metric, Operation};

use crate::support::workloads::samples::{samples, whole};
use crate::support::workloads::streams::{Course, courses};
use crate::support::workloads::truth::Truth;
use crate::support::workloads::workload;

/// A command at this second, place and size, both in KiB, that takes 100 ms.
fn command(second: f64, direction: Direction, place_kib: u64, kib: u32) -> Command {
    Command {
        issued_ns: u64::try_from(std::time::Duration::from_secs_f64(second).as_nanos()).unwrap(),
        direction,
        offset: place_kib * 1024,
        bytes: kib * 1024,
        latency_ns: Some(100_000_000),
    }
}

fn close(found: f64, expected: f64) -> bool {
    (found - expected).abs() < 1e-9
}

#[test]
fn bytes_are_sequential_behind_the_last_command_of_their_direction() {
    use Direction::{Read, Write};
    // The second read goes on over a write; the third begins a KiB too late.
    let truth = Truth::of(
        &[
            command(0.0, Read, 0, 8),
            command(0.1, Write, 500, 16),
            command(0.2, Read, 8, 24),
            command(0.3, Read, 33, 2),
        ],
        1.0,
    );
    assert!(close(truth.sequential_bytes, 24.0 / 50.0), "{truth:?}");
}

#[test]
fn dispersion_is_the_variance_of_counts_per_second_over_their_mean() {
    use Direction::Read;
    let at = |seconds: &[f64]| -> Vec<Command> {
        let commands = seconds.iter().map(|second| command(*second, Read, 0, 4));
        commands.collect()
    };
    // Counts of 4, 0, 0 and 0: mean 1, variance (9 + 1 + 1 + 1) / 3. What comes after the fourth second is left out.
    let clustered = Truth::of(&at(&[0.0, 0.1, 0.2, 0.9, 4.2]), 4.5);
    assert!(close(clustered.dispersion.unwrap(), 4.0), "{clustered:?}");
    let even = Truth::of(&at(&[0.0, 1.0, 2.0, 3.0]), 4.0);
    assert!(close(even.dispersion.unwrap(), 0.0), "{even:?}");
    assert_eq!(Truth::of(&at(&[0.0, 0.1]), 1.9).dispersion, None);
    assert_eq!(Truth::of(&[], 60.0).dispersion, None);
}

#[test]
fn bytes_are_reused_where_an_earlier_command_touched_their_4_kib() {
    use Direction::{Read, Write};
    // 256 KiB from the start; then 8 KiB of which the first half was touched; then one KiB of a block touched in part.
    let truth = Truth::of(
        &[
            command(0.0, Write, 0, 256),
            command(0.1, Read, 252, 8),
            command(0.2, Read, 1026, 1),
            command(0.3, Read, 1024, 1),
        ],
        1.0,
    );
    assert!(close(truth.reused_bytes, (4.0 + 1.0) / 266.0), "{truth:?}");
    assert_eq!(truth.unique_bytes, (256 + 4 + 4) * 1024);
}

#[test]
fn a_command_is_aligned_when_its_place_and_its_size_are() {
    use Direction::Read;
    let truth = Truth::of(
        &[
            command(0.0, Read, 4, 8),
            command(0.1, Read, 2, 8),
            command(0.2, Read, 8, 6),
            command(0.3, Read, 0, 4),
        ],
        1.0,
    );
    assert!(close(truth.aligned, 0.5), "{truth:?}");
}

#[test]
fn a_command_finds_itself_and_those_not_completed_in_flight() {
    use Direction::{Read, Write};
    // Each takes 100 ms: one, two, two and one.
    let truth = Truth::of(
        &[
            command(0.0, Read, 0, 4),
            command(0.06, Write, 0, 4),
            command(0.15, Read, 0, 4),
            command(0.5, Read, 0, 4),
        ],
        1.0,
    );
    assert!(close(truth.in_flight, 6.0 / 4.0), "{truth:?}");
}

#[test]
fn the_samples_of_a_course_hold_all_of_its_commands() {
    for course in courses() {
        let disks = course.disks();
        let series = samples(&disks, course.sample_seconds, course.samples);
        let whole = whole(course.name, &series);
        assert!(close(whole.seconds, course.seconds()), "{}", course.name);
        let slices: Vec<&[Command]> = disks.iter().map(Vec::as_slice).collect();
        let counted = workload(course.name, &slices);
        for (kind, expected) in counted.histograms.iter() {
            let found = whole.histograms.get(kind).unwrap();
            assert_eq!(found.counts, expected.counts, "{}: {}", course.name, kind.title());
        }
        for commands in &disks {
            assert!(
                commands.is_sorted_by_key(|command| command.issued_ns),
                "{} is out of order",
                course.name
            );
        }
    }
}

/// The course of this name.
fn course(name: &str) -> Course {
    courses().into_iter().find(|course| course.name == name).unwrap()
}

/// What the first disk of a course did.
fn truth(name: &str) -> Truth {
    let course = course(name);
    Truth::of(&course.disks()[0], course.seconds())
}

#[test]
fn a_backup_reads_no_place_twice_and_most_of_it_in_order() {
    let truth = truth("backup and reverse reader");
    assert!(truth.reused_bytes < 0.01 && truth.sequential_bytes > 0.4, "{truth:?}");
}

#[test]
fn two_thirds_of_rewrites_touch_what_was_just_written() {
    let truth = truth("rewrites");
    assert!((0.66..0.75).contains(&truth.reused_bytes), "{truth:?}");
}

#[test]
fn the_day_comes_in_clusters_and_few_of_its_samples_hold_most_of_it() {
    let truth = truth("day and night");
    assert!((100.0..2000.0).contains(&truth.dispersion.unwrap()), "{truth:?}");
    assert!(truth.sequential_bytes > 0.8, "{truth:?}");
    let course = course("day and night");
    let series = samples(&course.disks(), course.sample_seconds, course.samples);
    let mut ios: Vec<u64> = series.samples.iter().map(vscsi_helper::analysis::Sample::ios).collect();
    ios.sort_unstable_by_key(|ios| std::cmp::Reverse(*ios));
    let (most, all) = (ios.iter().take(16).sum::<u64>(), ios.iter().sum::<u64>());
    assert!(most as f64 > 0.75 * all as f64, "{ios:?}");
}

#[test]
fn odd_sizes_are_aligned_by_chance_alone_and_others_always() {
    assert!(truth("odd sizes").aligned < 0.1);
    for name in ["database with log", "checkpoint", "consolidation", "file passes"] {
        assert!(close(truth(name).aligned, 1.0), "{name}");
    }
}

#[test]
fn a_checkpoint_queues_and_a_trickle_does_not() {
    let (checkpoint, trickle) = (truth("checkpoint"), truth("trickle"));
    assert!(checkpoint.in_flight > 5.0, "{checkpoint:?}");
    assert!(trickle.in_flight < 4.0, "{trickle:?}");
    assert!(truth("boot storm").dispersion.unwrap() > 20.0);
}

#[test]
fn fifty_thousand_a_second_are_fifty_thousand_and_a_trickle_is_less_than_one() {
    for (name, least, most) in [("50 000 IOPS", 48_000.0, 52_000.0), ("trickle", 0.2, 1.0)] {
        let course = course(name);
        let iops = course.disks()[0].len() as f64 / course.seconds();
        assert!((least..most).contains(&iops), "{name}: {iops}");
    }
}

#[test]
fn reads_only_are_reads_only() {
    let course = course("reads only");
    let whole = whole(
        course.name,
        &samples(&course.disks(), course.sample_seconds, course.samples),
    );
    let writes = whole.histograms.of(Metric::IoLength, Operation::Write).unwrap();
    assert_eq!(writes.count, 0);
}
