//! Generated files, run by the real fio; what fio did is looked at, not what the file says.

use std::path::{Path, PathBuf};

use vscsi_helper::analysis::Workload;
use vscsi_helper::compare::{Judgement, Limit, Verdict};
use vscsi_helper::fidelity::RateRow;
use vscsi_helper::fio::{
    FioNeed, FioOptions, FioVersion, Pace, Phase, Style, TargetFile, TimedWorkload, generate, generate_phases,
};
use vscsi_helper::stream::fio_log::issue_log;
use vscsi_helper::stream::{Command, Direction};
use vscsi_helper::verify::{FioProgram, Place, Preparation, Request, Verification, needed_by, verify};

use super::stream;
use crate::support::workloads::samples::{samples, whole};
use crate::support::workloads::streams::courses;
use crate::support::workloads::workload;

/// What a replay of logs needs.
const LOG_NEED: FioNeed = FioNeed {
    version: FioVersion::three(36),
    reason: None,
};

/// The system's fio.
pub(super) fn fio() -> FioProgram {
    FioProgram::find(None, FioNeed::LEAST).expect("these tests need fio: run them with `cargo xtask test`")
}

/// A fio that replays logs and says when it issued each command.
pub(super) fn newer_fio() -> FioProgram {
    let path = std::env::var_os("FIO_WITH_IOLOG")
        .map(PathBuf::from)
        .expect("these tests need a newer fio: run them with `cargo xtask test`");
    FioProgram::find(Some(&path), LOG_NEED).expect("FIO_WITH_IOLOG names an older fio")
}

/// Memory where there is some, so that the disk of the test machine does not decide the result.
pub(super) fn fast_directory() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    let parent = if memory.is_dir() {
        memory.to_owned()
    } else {
        std::env::temp_dir()
    };
    tempfile::tempdir_in(parent).unwrap()
}

fn run(phases: &[(&str, &Workload)], options: &FioOptions, fio: &FioProgram) -> Verification {
    run_part(phases, options, fio, None)
}

/// Runs the first `seconds` of the file, or all of it.
fn run_part(
    phases: &[(&str, &Workload)],
    options: &FioOptions,
    fio: &FioProgram,
    seconds: Option<u32>,
) -> Verification {
    run_within_limits(phases, options, fio, seconds, &[])
}

/// The same, held to limits.
fn run_within_limits(
    phases: &[(&str, &Workload)],
    options: &FioOptions,
    fio: &FioProgram,
    seconds: Option<u32>,
    limits: &[Limit],
) -> Verification {
    let phases: Vec<Phase> = phases
        .iter()
        .map(|&(name, workload)| Phase::named(name, workload))
        .collect();
    run_phases(&phases, options, fio, seconds, limits)
}

fn run_phases(
    phases: &[Phase],
    options: &FioOptions,
    fio: &FioProgram,
    seconds: Option<u32>,
    limits: &[Limit],
) -> Verification {
    let directory = fast_directory();
    let provenance = &phases[0].workload.provenance;
    let job = generate_phases(provenance, phases, options).unwrap();
    let target = TargetFile::new(provenance, phases, options, &job);
    let path = directory.path().join("job.fio");
    job.write(&path, &target).unwrap();
    let request = Request {
        job_file: &path,
        target: &TargetFile::read(&TargetFile::path_for(&path)).unwrap(),
        fio,
        place: &Place::Directory(directory.path().to_owned()),
        duration: seconds,
        time_scale: None,
        limits,
        preparation: Preparation::AsItIs,
    };
    assert!(fio.version >= needed_by(&path).unwrap().version);
    verify(&request, &mut |_, _| {}).unwrap().verification
}

/// Rates are looked at for mistakes in what was asked for, and not for their gates: how near they come depends on how
/// busy this machine is. It makes no run faster, and jobs catch up with what was late; a log does not.
fn is_far_off(row: &RateRow, style: Style) -> bool {
    let slowest = match style {
        Style::Jobs => -0.2,
        Style::Iolog => -0.7,
    };
    row.unit != "share" && row.gate.is_some() && !(slowest..=0.2).contains(&row.difference)
}

/// Rows that missed their gate, and rates that are far off. Interarrival depends on how busy this machine is.
fn misses(verification: &Verification, style: Style) -> Vec<String> {
    let phases = || verification.phases.iter().map(|phase| &phase.fidelity);
    let is_timed = |name: &str| {
        ["IOPS", "throughput", "interarrival"]
            .iter()
            .any(|word| name.contains(word))
    };
    let missed = phases().flat_map(|fidelity| fidelity.missed());
    let kept = missed.filter(|name| !is_timed(name)).map(str::to_owned);
    let rates = phases().flat_map(|fidelity| &fidelity.rates);
    let far = rates.filter(|row| is_far_off(row, style));
    kept.chain(far.map(|row| format!("{} by {:+.0} %", row.name, row.difference * 100.0)))
        .collect()
}

fn options(style: Style, duration: u32) -> FioOptions {
    FioOptions {
        style,
        duration: Some(duration),
        ..FioOptions::default()
    }
}

/// The stream at a third of its rate, which any test machine serves.
fn calm(commands: Vec<Command>) -> Vec<Command> {
    let slower = |command: Command| Command {
        issued_ns: command.issued_ns * 3,
        ..command
    };
    commands.into_iter().map(slower).collect()
}

#[test]
fn jobs_on_the_systems_fio_keep_sizes_and_sequential_shares() {
    let workload = workload("jobs", &[&calm(stream("oltp", 20_000))]);
    let found = run(&[("", &workload)], &options(Style::Jobs, 12), &fio());
    assert_eq!(misses(&found, Style::Jobs), [""; 0], "{}", found.phases[0].fidelity);
}

#[test]
fn latency_and_queue_depth_of_the_run_stand_beside_those_measured_whatever_the_age_of_fio() {
    let workload = workload("device", &[&calm(stream("oltp", 8_000))]);
    for fio in [fio(), newer_fio()] {
        let found = run(&[("", &workload)], &options(Style::Jobs, 10), &fio);
        let rows = &found.phases[0].fidelity.device;
        for name in ["read latency p50", "write latency p99", "outstanding I/O p95"] {
            let row = rows.iter().find(|row| row.name == name);
            let row = row.unwrap_or_else(|| panic!("fio {} has no {name}: {rows:?}", fio.version));
            let [measured, replayed] = [row.measured, row.replayed].map(|number| number.unwrap().range);
            for range in [measured, replayed] {
                assert!(
                    range.lo <= range.est && range.hi.is_some_and(|hi| range.est <= hi),
                    "{row:?}"
                );
            }
            // No command takes a minute, and none was served before it came.
            assert!(replayed.est > 0.0 && replayed.est < 60_000.0, "{row:?}");
        }
    }
}

#[test]
fn a_limit_holds_the_run_to_the_measured_workload_whatever_the_age_of_fio() {
    let workload = workload("limits", &[&calm(stream("oltp", 8_000))]);
    // No storage takes a thousand times as long, or no time at all.
    let limits = ["write_mean=100000%", "write_p99=0%", "write_iops=50%"].map(|limit| limit.parse::<Limit>().unwrap());
    for fio in [fio(), newer_fio()] {
        let found = run_within_limits(&[("", &workload)], &options(Style::Jobs, 10), &fio, None, &limits);
        let [storage] = &found.storage[..] else {
            panic!("{} phases", found.storage.len())
        };
        let verdicts: Vec<Verdict> = storage.limits.iter().map(|limit| limit.verdict).collect();
        assert_eq!(
            verdicts,
            [Verdict::Kept, Verdict::Missed, Verdict::Kept],
            "fio {}: {storage}",
            fio.version
        );
        assert_eq!(found.judgement, Judgement::Missed);
        // All commands, reads and writes.
        assert_eq!(storage.latencies.len(), 3, "{storage}");
        assert!(storage.behind.is_none(), "{storage}");
    }
}

#[test]
fn streams_that_interleave_at_random_times_keep_their_sequential_shares() {
    let workload = workload("random", &[&calm(stream("interleaved streams", 20_000))]);
    let found = run_part(&[("", &workload)], &options(Style::Jobs, 300), &fio(), Some(15));
    assert_eq!(misses(&found, Style::Jobs), [""; 0], "{}", found.phases[0].fidelity);
}

#[test]
fn rare_large_sizes_are_issued() {
    let workload = workload("rare", &[&calm(stream("rare large", 20_000))]);
    let found = run(&[("", &workload)], &options(Style::Jobs, 20), &fio());
    assert_eq!(misses(&found, Style::Jobs), [""; 0], "{}", found.phases[0].fidelity);
}

#[test]
fn a_job_at_full_speed_issues_rare_sizes_as_rarely_as_they_were_measured() {
    let mut reads = stream("rare large", 20_000);
    reads.retain(|command| command.direction == Direction::Read);
    let options = FioOptions {
        pace: Pace::Max,
        ..options(Style::Jobs, 3)
    };
    let found = run(&[("", &workload("fast", &[&reads]))], &options, &fio());
    // The measured pace would be 1 000 of them, and a megabyte one in every three hundred.
    assert!(found.commands > 5_000, "{}", found.commands);
    assert_eq!(misses(&found, Style::Jobs), [""; 0], "{}", found.phases[0].fidelity);
}

#[test]
fn a_replay_log_on_a_newer_fio_keeps_sizes_and_every_seek_distance() {
    for commands in [
        stream("oltp", 20_000),
        stream("bursts", 20_000),
        stream("unaligned", 20_000),
    ] {
        let workload = workload("iolog", &[&calm(commands)]);
        // fio takes a log's commands in order, so a busy machine delays them and changes nothing else.
        let found = run(&[("", &workload)], &options(Style::Iolog, 12), &newer_fio());
        assert_eq!(misses(&found, Style::Iolog), [""; 0], "{}", found.phases[0].fidelity);
    }
}

#[test]
fn phases_run_one_after_another_and_are_compared_each_with_its_own() {
    let day = workload("phased", &[&calm(stream("oltp", 6_000))]);
    let night = workload("phased", &[&calm(stream("sequential runs", 6_000))]);
    let found = run(&[("day", &day), ("night", &night)], &options(Style::Jobs, 20), &fio());
    let names: Vec<_> = found.phases.iter().map(|phase| phase.phase.as_deref()).collect();
    assert_eq!(names, [Some("day"), Some("night")]);
    let [day, night] = &found.phases[..] else {
        unreachable!()
    };
    assert_eq!(
        misses(&found, Style::Jobs),
        [""; 0],
        "{}\n{}",
        day.fidelity,
        night.fidelity
    );
}

#[test]
fn a_part_of_each_phase_is_run_and_one_too_quiet_to_judge_is_left_out() {
    let day = workload("parts", &[&calm(stream("oltp", 6_000))]);
    // Four commands in a quarter of an hour.
    let hardly = stream("oltp", 4).into_iter().zip(1_u64..);
    let hardly: Vec<Command> = hardly
        .map(|(command, quarter)| Command {
            issued_ns: quarter * 225_000_000_000,
            ..command
        })
        .collect();
    let night = workload("parts", &[&hardly]);
    let phases = [("day", &day), ("night", &night)];
    let found = run_part(&phases, &options(Style::Jobs, 20), &fio(), Some(4));
    let [day, night] = &found.phases[..] else {
        unreachable!()
    };
    assert!(day.fidelity.score.is_some() && night.fidelity.score.is_none());
    assert!(
        night.fidelity.left_out[0].reason.contains("too few to judge"),
        "{}",
        night.fidelity
    );
    assert_eq!(
        misses(&found, Style::Jobs),
        [""; 0],
        "{}\n{}",
        day.fidelity,
        night.fidelity
    );
    assert_eq!(found.judgement == Judgement::Kept, day.fidelity.passed);
}

#[test]
fn each_disk_is_replayed_on_a_target_of_its_own() {
    let options = FioOptions {
        layout: vscsi_helper::fio::Layout::PerDisk,
        ..options(Style::Iolog, 8)
    };
    let (mut one, mut two) = (calm(stream("oltp", 8_000)), calm(stream("log writer", 8_000)));
    for disk in [&mut one, &mut two] {
        disk.retain(|command| command.issued_ns < 15_000_000_000);
    }
    let workload = workload("disks", &[&one, &two]);
    let found = run(&[("", &workload)], &options, &newer_fio());
    assert_eq!(misses(&found, Style::Iolog), [""; 0], "{}", found.phases[0].fidelity);
}

/// Parts of a comparison whose name holds `word`, with their distances.
fn distances(verification: &vscsi_helper::fidelity::Fidelity, word: &str) -> Vec<(String, f64)> {
    let rows = verification.histograms.iter().filter(|row| row.part.contains(word));
    rows.map(|row| (row.part.clone(), row.distance.tv)).collect()
}

#[test]
fn a_walk_in_bursts_goes_as_it_does_on_paper() {
    let workload = workload("walk", &[&stream("bursts", 20_000)]);
    let options = options(Style::Jobs, 20);
    let job = generate(&workload, &options).unwrap();
    assert!(
        job.text.contains("zonemode=strided") && job.text.contains("thinktime="),
        "{}",
        job.text
    );
    for fio in [fio(), newer_fio()] {
        let found = run(&[("", &workload)], &options, &fio);
        let real = &found.phases[0].fidelity;
        assert_eq!(misses(&found, Style::Jobs), [""; 0], "{real}");
        // 2 000 commands; both were compared with the same measured histograms.
        let paper = distances(&job.fidelity[0].fidelity, "seek");
        for ((part, paper), (_, real)) in paper.into_iter().zip(distances(real, "seek")) {
            assert!(
                (paper - real).abs() < 0.08,
                "{part}: {paper:.3} on paper, {real:.3} by {}",
                fio.version
            );
        }
    }
}

#[test]
fn every_command_of_either_direction_moves_a_walk_by_one_step() {
    const STEP: u64 = 1 << 20;
    const RANGE: u64 = 256 << 10;
    for fio in [fio(), newer_fio()] {
        let directory = fast_directory();
        let job = format!(
            "[walk]\nioengine=libaio\ndirect=1\nnorandommap=1\nfilename=scratch\nfilesize=1g\nsize=1g\nrw=randrw\n\
             rwmixread=30\nbssplit=4k/50:8k/50,512/40:12k/60\nbs_unaligned=1\nblockalign=4k\npercentage_random=50,80\n\
             zonemode=strided\nzonesize=512\nzonerange={RANGE}\nzoneskip={}\nrate=1m,3m\ntime_based=1\nruntime=1\n\
             thinktime=20000\nthinktime_blocks=20\nwrite_iolog=walk.iolog\n",
            STEP - RANGE
        );
        std::fs::write(directory.path().join("job.fio"), job).unwrap();
        let mut process = std::process::Command::new(&fio.path);
        let output = process.arg("job.fio").current_dir(directory.path()).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let log = std::fs::read(directory.path().join("walk.iolog")).unwrap();
        let commands = issue_log(log.as_slice()).unwrap();
        assert!(commands.len() > 100);
        for direction in Direction::ALL {
            let random = commands.iter().filter(|command| command.direction == direction);
            assert!(random.clone().any(|command| command.offset % STEP == 0));
            assert!(random.clone().any(|command| command.offset % STEP != 0));
        }
        for (index, command) in commands.iter().enumerate() {
            let zone = index as u64 % (1 << 10) * STEP;
            assert!((zone..zone + RANGE).contains(&command.offset), "{index}: {command:?}");
        }
    }
}

#[test]
fn a_walk_is_not_run_beyond_its_region() {
    let workload = workload("far", &[&stream("bursts", 8_000)]);
    let phases = [Phase::whole(&workload)];
    let options = options(Style::Jobs, 20);
    let job = generate_phases(&workload.provenance, &phases, &options).unwrap();
    let directory = fast_directory();
    let path = directory.path().join("job.fio");
    let target = TargetFile::new(&workload.provenance, &phases, &options, &job);
    job.write(&path, &target).unwrap();
    let request = Request {
        job_file: &path,
        target: &target,
        fio: &fio(),
        place: &Place::Directory(directory.path().to_owned()),
        duration: Some(14_400),
        time_scale: None,
        limits: &[],
        preparation: Preparation::AsItIs,
    };
    let error = verify(&request, &mut |_, _| {}).unwrap_err();
    assert_eq!(
        error.to_string(),
        "section [far-walk] moves on with every command and would leave its region within 14400 s"
    );
}

#[test]
fn one_log_of_several_disks_brings_each_of_its_samples_back() {
    let course = courses()
        .into_iter()
        .find(|course| course.name == "five disks")
        .unwrap();
    let series = samples(&course.disks(), 4.0, 2);
    let workload = whole("course", &series);
    let samples = TimedWorkload::of(&series, &[true, true], &workload.provenance).unwrap();
    let phase = Phase {
        name: "",
        workload: &workload,
        samples: &samples,
    };
    let options = FioOptions {
        style: Style::Iolog,
        timeline: true,
        ..FioOptions::default()
    };
    let verification = run_phases(&[phase], &options, &newer_fio(), None, &[]);
    let misses = misses(&verification, Style::Iolog);
    assert!(misses.is_empty(), "{misses:?}");
    let found = verification.phases[0].samples.unwrap();
    assert_eq!((found.judged, found.samples), (2, 2));
    // Interarrival, one of seven parts, depends on how busy this machine is.
    assert!(found.worst > 100.0 * 6.0 / 7.0 - 5.0, "{found}");
}
