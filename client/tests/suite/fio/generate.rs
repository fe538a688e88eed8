//! Generated jobs and logs: what they issue, and what they say of themselves.

use std::path::Path;

use vscsi_helper::fio::{
    ByteSize, FioError, FioOptions, Layout, Pace, Phase, ReplayLog, Section, Style, diskspd_commands, generate,
    generate_phases, sections, vdbench_parameters,
};
use vscsi_helper::import::{Request, import};
use vscsi_helper::store::Store;
use vscsi_helper::stream::{Command, Direction};

use super::stream;
use crate::support::workloads::{streams, workload};

fn options(style: Style) -> FioOptions {
    FioOptions {
        style,
        duration: Some(5),
        ..FioOptions::default()
    }
}

#[test]
fn jobs_keep_their_gates_on_every_stream() {
    for stream in streams::all(8_000) {
        // Directions follow each other by chance only where a run is long enough for arrivals at random.
        let options = match stream.name {
            "unaligned" => FioOptions::default(),
            _ => options(Style::Jobs),
        };
        let job = generate(&workload("steady", &[&stream.commands]), &options).unwrap();
        let found = &job.fidelity[0].fidelity;
        assert!(found.passed && found.score.unwrap() >= 75.0, "{}: {found}", stream.name);
    }
}

/// The direction of a section, or the first of both.
fn direction_of(section: &Section) -> Direction {
    section.access().unwrap().0[0]
}

#[test]
fn behind_the_last_place_of_every_zone_the_smallest_command_still_fits() {
    let mut zoned = 0;
    for stream in streams::all(4_000) {
        let job = generate(&workload("zones", &[&stream.commands]), &options(Style::Jobs)).unwrap();
        for section in sections(&job.text).unwrap() {
            let zones = section.zones().unwrap();
            if zones.is_empty() {
                continue;
            }
            zoned += 1;
            let end: u64 = zones.iter().map(|(_, bytes)| bytes).sum();
            let sizes = section.sizes(direction_of(&section)).unwrap();
            let smallest = sizes.iter().map(|(bytes, _)| *bytes).min().unwrap();
            let last_place = end - section.number("blockalign").unwrap().unwrap();
            let size = section.number("size").unwrap().unwrap();
            assert!(last_place + smallest <= size, "{} in\n{}", section.name, job.text);
        }
    }
    assert!(zoned > 0, "no stream has a hot zone");
}

#[test]
fn a_replay_log_reaches_95_on_every_stream_with_overall_seeks_within_5_percent() {
    for stream in streams::all(8_000) {
        // As long as the capture: bursts come at a hundred commands per second, and few commands scatter.
        let seconds = stream.commands.last().unwrap().issued_ns / 1_000_000_000 + 1;
        let options = FioOptions {
            duration: Some(u32::try_from(seconds).unwrap()),
            ..options(Style::Iolog)
        };
        let job = generate(&workload("log", &[&stream.commands]), &options).unwrap();
        let found = &job.fidelity[0].fidelity;
        assert!(found.passed && found.score.unwrap() >= 95.0, "{}: {found}", stream.name);
        for row in &found.histograms {
            assert!(
                !row.part.contains("seek") || row.distance.ks <= 0.05,
                "{}: {found}",
                stream.name
            );
        }
    }
}

#[test]
fn the_same_seed_gives_the_same_log_and_another_seed_another() {
    let workload = workload("seeded", &[&stream("oltp", 5_000)]);
    let log = |seed| {
        let job = generate(
            &workload,
            &FioOptions {
                seed,
                ..options(Style::Iolog)
            },
        )
        .unwrap();
        let mut bytes = Vec::new();
        job.companions[0].log.write(&mut bytes).unwrap();
        bytes
    };
    assert!(log(7) == log(7));
    assert!(log(7) != log(8));
}

#[test]
fn a_replay_log_stays_inside_its_span() {
    let workload = workload("span", &[&stream("oltp", 5_000)]);
    let span = ByteSize(2 << 30);
    let job = generate(
        &workload,
        &FioOptions {
            span: Some(span),
            ..options(Style::Iolog)
        },
    )
    .unwrap();
    let ReplayLog::Sampled(plan) = &job.companions[0].log else {
        panic!("the log is sampled")
    };
    for command in plan.stream() {
        assert!(command.offset + u64::from(command.bytes) <= span.0);
    }
}

#[test]
fn a_direction_without_commands_gets_no_job() {
    let mut commands = stream("log writer", 3_000);
    commands.retain(|command| command.direction == Direction::Write);
    let job = generate(&workload("writes", &[&commands]), &options(Style::Jobs)).unwrap();
    assert!(job.text.contains("rw=randwrite") && !job.text.contains("rw=randread"));
}

#[test]
fn a_rate_far_below_one_keeps_its_digits() {
    // This capture has 4 reads in 981 s.
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path()).unwrap();
    let request = Request {
        files: vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/data/vscsistats/one-disk.csv")],
        name: "rare".parse().unwrap(),
        interval_seconds: None,
        first_print: None,
        fio_job: None,
        host: None,
        vm_name: None,
    };
    let (jobs, _) = import(&store, &request, jiff::Timestamp::UNIX_EPOCH).unwrap();
    let long = FioOptions::default();
    let text = generate(&jobs[0].analysis.workload, &long).unwrap().text;
    assert!(text.contains("of the 0.00407 reads/s measured"), "{text}");
}

#[test]
fn a_workload_without_commands_is_refused() {
    let error = generate(&workload("empty", &[&[]]), &options(Style::Jobs)).unwrap_err();
    assert!(matches!(error, FioError::NoCommands));
}

#[test]
fn the_header_names_source_filter_and_what_is_not_reproduced() {
    let job = generate(&workload("sql-peak", &[&stream("oltp", 3_000)]), &options(Style::Jobs)).unwrap();
    for part in [
        "# Job: sql-peak",
        "# Filter: none, 1/1 samples",
        "# Analyzed: 1970-01-01T00:00:00Z",
        "# Needs: fio 3.",
        "Static fidelity (this file read back): F ",
        "# Not reproduced",
        "FILENAME=PATH fio",
        "# FILENAME: a device or file of at least ",
    ] {
        assert!(job.text.contains(part), "{part:?} is missing");
    }
}

#[test]
fn bursts_are_warned_of_in_jobs() {
    let job = generate(&workload("bursty", &[&stream("bursts", 5_000)]), &options(Style::Jobs)).unwrap();
    assert!(job.text.contains("# WARNING: the measured commands come in bursts"));
}

#[test]
fn a_workload_that_jobs_cannot_express_is_warned_of_and_sent_to_the_other_style() {
    let warned = |name, duration| {
        let options = FioOptions {
            duration: Some(duration),
            ..options(Style::Jobs)
        };
        let job = generate(&workload("warned", &[&stream(name, 4_000)]), &options).unwrap();
        let warns = job
            .text
            .contains("# WARNING: fio's options cannot express this workload");
        assert_eq!(warns, !job.fidelity[0].fidelity.passed, "{}", job.text);
        warns
    };
    // Short ways from the last command need a walk, and in four hours these walk beyond the distances measured.
    let four_hours = 14_400;
    assert!(warned("bursts", four_hours) && warned("unaligned", four_hours));
    assert!(!warned("oltp", 5));
}

/// The section whose position moves on with every command.
fn walk_of(text: &str) -> Option<Section> {
    let sections = sections(text).unwrap();
    let mut walks = sections
        .into_iter()
        .filter(|section| section.text("zonemode") == Some("strided"));
    walks.next()
}

#[test]
fn short_ways_from_the_last_command_are_walked_and_the_run_ends_inside_the_region() {
    for (name, seconds) in [("bursts", 20), ("bursts", 300), ("unaligned", 300)] {
        let options = FioOptions {
            duration: Some(seconds),
            ..options(Style::Jobs)
        };
        let job = generate(&workload("walk", &[&stream(name, 8_000)]), &options).unwrap();
        let found = &job.fidelity[0].fidelity;
        assert!(found.passed && found.score.unwrap() >= 75.0, "{name}: {found}");
        let walk = walk_of(&job.text).unwrap();
        let number = |option| walk.number(option).unwrap().unwrap();
        let commands: f64 = [Direction::Read, Direction::Write]
            .map(|direction| walk.commands_per_second(direction).unwrap().unwrap() * f64::from(seconds))
            .iter()
            .sum();
        let step = number("zonerange") + number("zoneskip");
        assert!(commands * (step as f64) < 0.95 * number("size") as f64, "{}", job.text);
        let least = sections(&job.text).unwrap()[0].number("size").unwrap().unwrap();
        assert!(
            job.text
                .contains(&format!("a device or file of at least {}", ByteSize(least)))
        );
    }
}

#[test]
fn a_region_too_small_for_a_walk_gets_none() {
    let options = FioOptions {
        span: Some(ByteSize(1 << 30)),
        ..FioOptions::default()
    };
    // 97 commands a second in steps of a mebibyte are in 300 s far beyond 1 GiB.
    let job = generate(&workload("small", &[&stream("bursts", 4_000)]), &options).unwrap();
    assert!(walk_of(&job.text).is_none());
}

#[test]
fn at_full_speed_nothing_walks() {
    let options = FioOptions {
        pace: Pace::Max,
        ..options(Style::Jobs)
    };
    let job = generate(&workload("fast", &[&stream("bursts", 4_000)]), &options).unwrap();
    assert!(walk_of(&job.text).is_none());
}

#[test]
fn bursts_that_are_issued_with_pauses_are_not_called_lost() {
    let job = generate(&workload("pauses", &[&stream("bursts", 8_000)]), &options(Style::Jobs)).unwrap();
    assert!(job.text.contains("\nthinktime=") && job.text.contains("issue bursts of one length"));
    assert!(!job.text.contains("lose the bursts"));
}

#[test]
fn a_long_run_of_many_commands_arrives_at_random_and_a_short_one_evenly() {
    let workload = workload("arrivals", &[&stream("interleaved streams", 4_000)]);
    let random = |duration| {
        let job = generate(
            &workload,
            &FioOptions {
                duration: Some(duration),
                ..options(Style::Jobs)
            },
        )
        .unwrap();
        job.text.contains("\nrate_process=poisson\n")
    };
    // 1 500 reads a second: 450 000 of them scatter by 0.15 %, 7 500 by 1.2 %, too near to the gate of 2 %.
    assert!(random(300));
    assert!(!random(5));
}

#[test]
fn several_processes_of_one_direction_never_run_at_even_distances() {
    let divided = ["oltp", "interleaved streams"];
    for stream in streams::all(3_000)
        .into_iter()
        .filter(|stream| divided.contains(&stream.name))
    {
        for duration in [5, 300] {
            let options = FioOptions {
                duration: Some(duration),
                ..options(Style::Jobs)
            };
            let job = generate(&workload("clocks", &[&stream.commands]), &options).unwrap();
            for section in sections(&job.text).unwrap() {
                let is_one_of_several = section.text("offset").is_some() && !section.name.ends_with("-rare");
                let is_random = section.text("rate_process") == Some("poisson");
                assert!(!is_one_of_several || is_random, "{} of {}", section.name, stream.name);
            }
        }
    }
}

#[test]
fn at_full_speed_no_rate_is_set() {
    let options = FioOptions {
        pace: Pace::Max,
        ..options(Style::Jobs)
    };
    let job = generate(&workload("fast", &[&stream("oltp", 3_000)]), &options).unwrap();
    assert!(!job.text.contains("\nrate"));
}

#[test]
fn the_second_phase_waits_for_the_first_and_only_its_first_section_does() {
    let one = workload("job", &[&stream("oltp", 3_000)]);
    let phases = [Phase::named("day", &one), Phase::named("night", &one)];
    let job = generate_phases(&one.provenance, &phases, &options(Style::Jobs)).unwrap();
    let waiting: Vec<bool> = sections(&job.text)
        .unwrap()
        .iter()
        .map(|section| section.text("stonewall").is_some())
        .collect();
    let half = waiting.len() / 2;
    assert_eq!(waiting.iter().filter(|waits| **waits).count(), 1);
    assert!(waiting[half]);
}

#[test]
fn disks_are_named_by_variables_of_their_own() {
    let two = workload("two", &[&stream("oltp", 3_000), &stream("log writer", 3_000)]);
    let options = FioOptions {
        layout: Layout::PerDisk,
        ..options(Style::Jobs)
    };
    let text = generate(&two, &options).unwrap().text;
    assert!(text.contains("filename=${FILENAME_1}") && text.contains("filename=${FILENAME_2}"));
    assert!(text.contains("# FILENAME_2: disk scsi0:1"));
}

/// Reads of 4 KiB, one every 2 ms, each served in 1 ms: no command finds another in flight.
fn calm_disk(seed: u64) -> Vec<Command> {
    let read = |index: u64| Command {
        issued_ns: index * 2_000_000,
        direction: Direction::Read,
        offset: (index * 7919 + seed * 104_729) % 200_000 * 4096,
        bytes: 4096,
        latency_ns: Some(1_000_000),
    };
    (0..200).map(read).collect()
}

#[test]
fn disks_that_share_a_target_get_the_queue_depth_of_all_of_them() {
    let disks: Vec<Vec<Command>> = (0..20).map(calm_disk).collect();
    let disks: Vec<&[Command]> = disks.iter().map(Vec::as_slice).collect();
    let workload = workload("many", &disks);
    for pace in [Pace::Measured, Pace::Max] {
        let options = FioOptions {
            pace,
            ..options(Style::Jobs)
        };
        let job = generate(&workload, &options).unwrap();
        // 20 disks of 500 reads/s of 1 ms: ten in flight on average, twenty when all disks have one.
        for section in sections(&job.text).unwrap() {
            assert_eq!(section.number("iodepth").unwrap(), Some(20), "{}", job.text);
        }
        let replay = generate(
            &workload,
            &FioOptions {
                style: Style::Iolog,
                ..options.clone()
            },
        )
        .unwrap();
        let depth = sections(&replay.text).unwrap()[0].number("iodepth").unwrap();
        assert_eq!(depth, Some(if pace == Pace::Max { 20 } else { 128 }), "{}", replay.text);
        assert!(
            vdbench_parameters(&workload, &options)
                .unwrap()
                .contains(",threads=20\n")
        );
        assert!(diskspd_commands(&workload, &options).unwrap().contains(" -o20 "));
    }
}

#[test]
fn a_disk_of_its_own_gets_its_own_queue_depth() {
    let options = FioOptions {
        layout: Layout::PerDisk,
        ..options(Style::Jobs)
    };
    let job = generate(&workload("two", &[&calm_disk(1), &calm_disk(2)]), &options).unwrap();
    for section in sections(&job.text).unwrap() {
        assert_eq!(section.number("iodepth").unwrap(), Some(1), "{}", job.text);
    }
}

#[test]
fn a_disk_that_was_there_half_of_the_time_is_replayed_at_its_share_of_the_rate() {
    let mut two = workload("late", &[&stream("oltp", 3_000), &stream("oltp", 3_000)]);
    let seconds = two.seconds;
    two.disks[1].seconds = seconds / 2.0;
    let options = FioOptions {
        layout: Layout::PerDisk,
        ..options(Style::Iolog)
    };
    let job = generate(&two, &options).unwrap();
    // 3 000 commands in all of the time, and the file takes five seconds.
    let expected = 3_000.0 * 5.0 / seconds;
    for companion in &job.companions {
        let planned = companion.log.commands() as f64;
        assert!((planned - expected).abs() <= 1.0, "{planned} instead of {expected}");
    }
}

/// Commands of the direction that are in flight when one of them is issued, itself included, on average.
fn mean_in_flight(commands: &[Command], direction: Direction) -> f64 {
    let own: Vec<&Command> = commands
        .iter()
        .filter(|command| command.direction == direction)
        .collect();
    let found = |index: usize| {
        let now = own[index].issued_ns;
        let before = own[..index].iter();
        1 + before
            .filter(|other| other.issued_ns + other.latency_ns.unwrap() > now)
            .count()
    };
    (0..own.len()).map(found).sum::<usize>() as f64 / own.len() as f64
}

#[test]
fn at_full_speed_as_many_commands_are_in_flight_as_were_measured_and_rare_sizes_stay_rare() {
    for stream in streams::all(3_000) {
        let options = FioOptions {
            pace: Pace::Max,
            ..options(Style::Jobs)
        };
        let job = generate(&workload("full", &[&stream.commands]), &options).unwrap();
        for direction in Direction::ALL {
            let rw = format!("rand{}", direction.word());
            let of_direction = sections(&job.text).unwrap().into_iter();
            let processes: Vec<_> = of_direction.filter(|section| section.text("rw") == Some(&rw)).collect();
            let depths = processes
                .iter()
                .map(|section| section.number("iodepth").unwrap().unwrap());
            let (depth, measured) = (depths.sum::<u64>() as f64, mean_in_flight(&stream.commands, direction));
            // Every process has a whole number.
            let rounding = processes.len() as f64 / 2.0;
            assert!(
                (depth - measured).abs() <= rounding,
                "{}: {depth} for {measured}\n{}",
                stream.name,
                job.text
            );
            let sizes: Vec<_> = processes
                .iter()
                .map(|section| section.sizes(direction_of(section)).unwrap())
                .collect();
            assert!(
                sizes.windows(2).all(|pair| pair[0] == pair[1]),
                "{}\n{}",
                stream.name,
                job.text
            );
        }
    }
}

#[test]
fn rare_sizes_at_full_speed_are_no_reason_to_blame_the_options_of_fio() {
    let options = FioOptions {
        pace: Pace::Max,
        ..options(Style::Jobs)
    };
    let job = generate(&workload("rare", &[&stream("rare large", 6_000)]), &options).unwrap();
    let found = &job.fidelity[0].fidelity;
    assert!(found.passed && !job.text.contains("cannot express"), "{}", job.text);
}
