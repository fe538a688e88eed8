//! Generated files: what they say of themselves, what they refuse, and that data cannot change their meaning.

#![expect(clippy::unwrap_used, reason = "a helper that cannot go on is a failed test")]

mod stream_support;

use std::path::Path;
use std::process::{Command as Process, Stdio};

use proptest::prelude::*;
use stream_support::{provenance, streams, workload};
use vscsi_helper::analysis::{DiskKey, DiskWorkload, Workload};
use vscsi_helper::failure::Failure;
use vscsi_helper::fio::{
    ByteSize, FioError, FioOptions, Layout, Pace, Phase, Style, Tool, diskspd_commands, generate, generate_phases,
    sections, vdbench_parameters, write_files,
};
use vscsi_helper::import::{Request, import};
use vscsi_helper::replay::Command;
use vscsi_helper::store::Store;
use vscsi_shared::histogram::{HistogramKind, Interval, IntervalSet, Limits, Metric, Operation};

/// The stream of this name, of about `length` commands.
fn stream(name: &str, length: usize) -> Vec<Command> {
    let mut all = streams::all(length).into_iter();
    all.find(|stream| stream.name == name).unwrap().commands
}

fn options(style: Style) -> FioOptions {
    FioOptions {
        style,
        duration: 5,
        ..FioOptions::default()
    }
}

#[test]
fn jobs_keep_their_gates_on_every_steady_stream() {
    for stream in streams::all(8_000) {
        if ["bursts", "unaligned"].contains(&stream.name) {
            continue;
        }
        let job = generate(&workload("steady", &[&stream.commands]), &options(Style::Jobs)).unwrap();
        let found = &job.fidelity[0].fidelity;
        assert!(found.passed && found.score.unwrap() >= 75.0, "{}: {found}", stream.name);
    }
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
            let smallest = section.sizes().unwrap().iter().map(|(bytes, _)| *bytes).min().unwrap();
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
            duration: u32::try_from(seconds).unwrap(),
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
    for command in job.companions[0].log.stream() {
        assert!(command.offset + u64::from(command.bytes) <= span.0);
    }
}

#[test]
fn a_direction_without_commands_gets_no_job() {
    let mut commands = stream("log writer", 3_000);
    commands.retain(|command| command.direction == vscsi_helper::replay::Direction::Write);
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
        "# Needs: fio 3.x",
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
    let warned = |name| {
        let job = generate(&workload("warned", &[&stream(name, 4_000)]), &options(Style::Jobs)).unwrap();
        let warns = job
            .text
            .contains("# WARNING: fio's options cannot express this workload");
        assert_eq!(warns, !job.fidelity[0].fidelity.passed, "{}", job.text);
        warns
    };
    // Short hops from the last command and bursts need a memory that a random fio process does not have.
    assert!(warned("bursts") && warned("unaligned"));
    assert!(!warned("oltp"));
}

#[test]
fn a_long_run_of_many_commands_arrives_at_random_and_a_short_one_evenly() {
    let workload = workload("arrivals", &[&stream("interleaved streams", 4_000)]);
    let random = |duration| {
        let job = generate(
            &workload,
            &FioOptions {
                duration,
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
                duration,
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
    let phases = [
        Phase {
            name: "day",
            workload: &one,
        },
        Phase {
            name: "night",
            workload: &one,
        },
    ];
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

#[test]
fn a_file_that_is_replaced_takes_its_logs_and_its_verdict_with_it() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("replaced.fio");
    let workload = workload("replaced", &[&stream("oltp", 3_000)]);
    let phases = [Phase {
        name: "",
        workload: &workload,
    }];
    let write = |style| write_files(&workload.provenance, &phases, &options(style), &path).unwrap();
    write(Style::Iolog);
    let verdict = directory.path().join("replaced.verify.json");
    let (log, other) = (
        directory.path().join("replaced.iolog"),
        directory.path().join("mine.iolog"),
    );
    std::fs::write(&verdict, "{}").unwrap();
    std::fs::write(&other, "").unwrap();
    assert!(log.exists());
    write(Style::Jobs);
    assert!(!log.exists() && !verdict.exists());
    assert!(other.exists() && path.exists());
}

#[test]
fn a_replay_log_for_a_tool_that_reads_none_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("refused.vdbench");
    let workload = workload("refused", &[&stream("oltp", 3_000)]);
    let phases = [Phase {
        name: "",
        workload: &workload,
    }];
    let options = FioOptions {
        tool: Tool::Vdbench,
        ..options(Style::Iolog)
    };
    let error = write_files(&workload.provenance, &phases, &options, &path).unwrap_err();
    assert_eq!(error.exit_code(), 2, "{error}");
    assert!(!path.exists());
}

#[test]
fn other_tools_get_their_form_with_its_limits() {
    let workload = workload("other", &[&stream("oltp", 3_000)]);
    let vdbench = vdbench_parameters(&workload, &options(Style::Jobs)).unwrap();
    assert!(vdbench.contains("rd=rd1,wd=wd*,iorate=") && vdbench.contains("# Limits of this form"));
    let diskspd = diskspd_commands(&workload, &options(Style::Jobs)).unwrap();
    assert!(diskspd.contains("diskspd.exe -c") && diskspd.contains("rem Limits of this form"));
    assert!(!diskspd.contains("/dev/") && !vdbench.contains("/dev/"));
}

#[test]
fn without_a_target_fio_stops_before_it_touches_anything() {
    let directory = tempfile::tempdir().unwrap();
    let job = generate(&workload("safe", &[&stream("oltp", 3_000)]), &options(Style::Jobs)).unwrap();
    std::fs::write(directory.path().join("job.fio"), job.text).unwrap();
    let status = fio()
        .arg("job.fio")
        .env_remove("FILENAME")
        .current_dir(directory.path())
        .status()
        .unwrap();
    assert!(!status.success());
    let files: Vec<_> = std::fs::read_dir(directory.path()).unwrap().collect();
    assert_eq!(files.len(), 1, "fio left something behind");
}

fn fio() -> Process {
    let mut process = Process::new("fio");
    let runs = Process::new("fio").arg("--version").stdout(Stdio::null()).status();
    assert!(runs.is_ok(), "these tests need fio: run them with `cargo xtask test`");
    process.stdin(Stdio::null()).stdout(Stdio::null());
    process
}

/// Histograms that no disk needs to have produced: any counters, with sums their buckets allow.
fn any_workload() -> impl Strategy<Value = Workload> {
    let counters = |buckets| {
        prop::collection::vec(
            prop_oneof![3 => Just(0_u64), 2 => 0_u64..50, 1 => 0_u64..1_000_000],
            buckets,
        )
    };
    let kinds = (
        counters(18),
        counters(18),
        counters(34),
        counters(34),
        counters(34),
        counters(11),
        counters(13),
    );
    (
        kinds,
        "\\PC{0,12}",
        prop::sample::select(vec!["\n", "\r", "]", "[global]", ";", "#", "${HOME}", ""]),
        1.0_f64..10_000.0,
    )
        .prop_map(
            |((reads, writes, read_seeks, write_seeks, seeks, gaps, depths), name, trap, seconds)| {
                let mut histograms = IntervalSet::default();
                let all: Vec<u64> = reads.iter().zip(&writes).map(|(read, write)| read + write).collect();
                for (metric, operation, counts) in [
                    (Metric::IoLength, Operation::All, all),
                    (Metric::IoLength, Operation::Read, reads),
                    (Metric::IoLength, Operation::Write, writes),
                    (Metric::SeekDistance, Operation::Read, read_seeks),
                    (Metric::SeekDistance, Operation::Write, write_seeks),
                    (Metric::SeekDistance, Operation::All, seeks.clone()),
                    (Metric::SeekDistanceClosest16, Operation::All, seeks),
                    (Metric::Interarrival, Operation::All, gaps),
                    (Metric::OutstandingIos, Operation::All, depths),
                ] {
                    let mut interval = Interval::empty(Limits::known(metric));
                    interval.count = counts.iter().sum();
                    interval.counts = counts;
                    interval.sum_at_most = i128::from(interval.count) * 1_000_000;
                    histograms.insert(HistogramKind::new(metric, operation).unwrap(), interval);
                }
                let mut provenance = provenance(&format!("{name}{trap}filename=/dev/null"));
                provenance.vm_name = format!("{trap}[x]{trap}filename=/dev/null{trap}");
                provenance.filter.clone_from(&provenance.vm_name);
                let disk = DiskWorkload {
                    disk: DiskKey(format!("scsi0:0{trap}[y]{trap}ioengine=null")),
                    histograms: histograms.clone(),
                    seconds,
                    edge_ios: 0,
                };
                Workload {
                    provenance,
                    histograms,
                    seconds,
                    disks: vec![disk.clone(), disk],
                    edge_ios: 0,
                }
            },
        )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, ..ProptestConfig::default() })]

    #[test]
    fn fio_accepts_every_file_and_data_never_becomes_an_option(
        workload in any_workload(),
        style in prop::sample::select(vec![Style::Jobs, Style::Iolog]),
        pace in prop::sample::select(vec![Pace::Measured, Pace::Max]),
        layout in prop::sample::select(vec![Layout::Aggregate, Layout::PerDisk]),
    ) {
        // Rates of millions of commands per second only make the test slow.
        let rate = workload.histograms.of(Metric::IoLength, Operation::All).unwrap().count as f64 / workload.seconds;
        prop_assume!(rate < 2_000.0 || style == Style::Jobs);
        let options = FioOptions { style, pace, layout, duration: 1, ..FioOptions::default() };
        let job = match generate(&workload, &options) {
            Ok(job) => job,
            Err(FioError::NoCommands | FioError::MissingHistogram { .. }) => return Ok(()),
            Err(error) => return Err(TestCaseError::fail(error.to_string())),
        };
        for section in sections(&job.text).unwrap() {
            let target = section.text("filename").or(section.text("replay_redirect")).unwrap();
            prop_assert!(target.starts_with("${FILENAME"), "{}", target);
            prop_assert_eq!(section.text("ioengine"), Some("libaio"));
        }
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("job.fio"), &job.text).unwrap();
        for companion in &job.companions {
            let mut file = std::fs::File::create(directory.path().join(&companion.file_name)).unwrap();
            companion.log.write(&mut file).unwrap();
        }
        let mut process = fio();
        process.args(["--parse-only", "job.fio"]).current_dir(directory.path());
        for variable in ["FILENAME", "FILENAME_1", "FILENAME_2"] {
            process.env(variable, "target");
        }
        let output = process.stderr(Stdio::piped()).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        prop_assert!(output.status.success() && said.trim().is_empty(), "{}\n{}", said, job.text);
    }
}
