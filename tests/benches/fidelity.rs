//! The table of workloads x styles x parts of F, each job run by the real fio.
//!
//! `cargo xtask bench` runs it; `FIO_WITH_IOLOG` names the fio for replay logs. Runs go to memory where there is some,
//! so that the result is about what is issued and not about the disk of this machine. Names of workloads as arguments
//! limit it to these.

#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a benchmark prints its table, and stops when it cannot go on"
)]

#[path = "../../client/tests/suite/support/workloads/mod.rs"]
mod workloads;

use std::path::{Path, PathBuf};

use vscsi_fixtures::{IoStream, PhaseSpec, WorkloadKind, WorkloadSpec};
use vscsi_helper::analysis::Workload;
use vscsi_helper::fidelity::Fidelity;
use vscsi_helper::fio::{FioOptions, Phase, ReplayLog, Style, TargetFile, TimedWorkload, generate_phases};
use vscsi_helper::stream::{Command, Direction};
use vscsi_helper::verify::{FioProgram, Place, Preparation, Request, needed_by, verify};
use workloads::samples::{samples, whole};
use workloads::streams::Course;
use workloads::truth::Truth;
use workloads::{streams, workload};

/// Seconds a file of jobs is made for, which is the default of the product, and seconds of it that are run.
const JOBS_SECONDS: u32 = 300;
const JOBS_RUN_SECONDS: u32 = 30;
/// Seconds of a replay log, all of which are run.
const LOG_SECONDS: u32 = 10;
/// Commands of the measured side.
const MEASURED_COMMANDS: usize = 40_000;

fn main() {
    let named: Vec<String> = std::env::args().skip(1).filter(|name| !name.starts_with('-')).collect();
    let is_asked_for = |name: &str| named.is_empty() || named.iter().any(|asked| asked == name);
    let courses: Vec<Course> = streams::courses()
        .into_iter()
        .filter(|course| is_asked_for(course.name))
        .collect();
    println!(
        "{:<32} {:>8} {:>10} {:>10} {:>10} {:>8} {:>8} {:>9}",
        "true stream", "IOPS", "sequential", "dispersion", "reused", "GiB", "aligned", "in flight"
    );
    courses.iter().for_each(truth_rows);
    println!(
        "\n{:<32} {:>8} {:>8} {:>10} {:>10} {:>10} {:>8} {:>8} {:>9}",
        "replay log of", "F", "samples", "worst", "sequential", "dispersion", "reused", "aligned", "in flight"
    );
    courses.iter().for_each(log_rows);
    println!(
        "\n{:<26} {:<6} {:>8} {:>6} {:>6} {:>6} {:>6} {:>6} {:>6} {:>6} {:>7}  gates missed (real run)",
        "workload", "style", "static F", "size R", "size W", "seek R", "seek W", "all", "of 16", "gaps", "real F"
    );
    let streams = all_streams().into_iter().map(|(name, commands)| {
        let workload = workload("bench", &[&commands]);
        (name, workload)
    });
    let courses = courses.iter().map(|course| {
        let series = samples(&course.disks(), course.sample_seconds, course.samples);
        (course.name.to_owned(), whole("bench", &series))
    });
    for (name, workload) in streams.chain(courses).filter(|(name, _)| is_asked_for(name)) {
        for style in [Style::Jobs, Style::Iolog] {
            row(&name, &workload, style);
        }
    }
}

/// What two logs of a course are: one of its average, and one that follows its samples. Neither is run.
fn log_rows(course: &Course) {
    let series = samples(&course.disks(), course.sample_seconds, course.samples);
    let workload = whole("bench", &series);
    let kept = vec![true; series.samples.len()];
    let timed = TimedWorkload::of(&series, &kept, &workload.provenance).expect("one row of limits");
    let phase = Phase {
        name: "",
        workload: &workload,
        samples: &timed,
    };
    for timeline in [false, true] {
        let options = FioOptions {
            style: Style::Iolog,
            timeline,
            no_timeline: !timeline,
            duration: (!timeline).then_some(JOBS_SECONDS),
            ..FioOptions::default()
        };
        let job = generate_phases(&workload.provenance, &[phase], &options).expect("a course with commands");
        let found = &job.fidelity[0];
        let own = found.samples.map_or_else(
            || format!("{:>8} {:>10}", "-", "-"),
            |own| format!("{:>8.1} {:>10.1}", own.mean, own.worst),
        );
        println!(
            "{:<32} {:>8} {own}",
            format!("{}, {}", course.name, if timeline { "timeline" } else { "average" }),
            shown(found.fidelity.score)
        );
        let regions = &job.courses[0].regions[0];
        let mut disks: Vec<Vec<Command>> = vec![Vec::new(); regions.len() + 1];
        if let ReplayLog::Sampled(plan) = &job.companions[0].log {
            for command in plan.stream() {
                disks[regions.partition_point(|first| *first <= command.offset)].push(command);
            }
        }
        for (index, commands) in disks.iter().enumerate() {
            let truth = Truth::of(commands, job.courses[0].seconds);
            println!(
                "{:<32} {:>8} {:>8} {:>10} {:>8.1} % {:>10} {:>8.1} % {:>6.1} % {:>9.2}",
                format!("  disk {index}"),
                "",
                "",
                "",
                100.0 * truth.sequential_bytes,
                truth
                    .dispersion
                    .map_or_else(|| "-".to_owned(), |found| format!("{found:.1}")),
                100.0 * truth.reused_bytes,
                100.0 * truth.aligned,
                truth.in_flight
            );
        }
    }
}

/// What the commands of each disk of a course are, of which a replay sees the histograms alone.
fn truth_rows(course: &Course) {
    let disks = course.disks();
    for (index, commands) in disks.iter().enumerate() {
        let truth = Truth::of(commands, course.seconds());
        let name = match disks.len() {
            1 => course.name.to_owned(),
            _ => format!("{} scsi0:{index}", course.name),
        };
        let dispersion = truth
            .dispersion
            .map_or_else(|| "-".to_owned(), |found| format!("{found:.1}"));
        println!(
            "{name:<32} {:>8.1} {:>8.1} % {dispersion:>10} {:>8.1} % {:>8.2} {:>6.1} % {:>9.2}",
            commands.len() as f64 / course.seconds(),
            100.0 * truth.sequential_bytes,
            100.0 * truth.reused_bytes,
            truth.unique_bytes as f64 / f64::from(1 << 30),
            100.0 * truth.aligned,
            truth.in_flight
        );
    }
}

/// Streams of extreme habits, then every preset of the simulated host, and one that changes between two of them.
fn all_streams() -> Vec<(String, Vec<Command>)> {
    let own = streams::all(MEASURED_COMMANDS).into_iter();
    let mut all: Vec<(String, Vec<Command>)> = own.map(|stream| (stream.name.to_owned(), stream.commands)).collect();
    let of_kind = |kind| WorkloadSpec {
        kind,
        ..WorkloadSpec::default()
    };
    let phase = |kind, seconds| PhaseSpec {
        seconds,
        workload: of_kind(kind),
    };
    let mixed = WorkloadSpec {
        phases: vec![phase(WorkloadKind::Oltp, 20), phase(WorkloadKind::Backup, 10)],
        ..of_kind(WorkloadKind::Phases)
    };
    let presets = [
        ("host: oltp", of_kind(WorkloadKind::Oltp)),
        ("host: file server", of_kind(WorkloadKind::FileServer)),
        ("host: backup", of_kind(WorkloadKind::Backup)),
        ("host: log writer", of_kind(WorkloadKind::LogWriter)),
        ("host: vdi", of_kind(WorkloadKind::Vdi)),
        ("host: mixed phases", mixed),
    ];
    for (name, spec) in presets {
        let resolved = spec.resolve().expect("a preset of the simulated host");
        let stream = IoStream::new(&resolved, 200 << 30, 7, 0);
        let mut commands = Vec::new();
        stream.for_each(0, 600_000_000, |event| {
            if commands.len() < MEASURED_COMMANDS {
                commands.push(command(event));
            }
        });
        all.push((name.to_owned(), commands));
    }
    all
}

fn command(event: &vscsi_fixtures::IoEvent) -> Command {
    Command {
        issued_ns: event.issue_us * 1000,
        direction: match event.direction {
            vscsi_fixtures::Direction::Read => Direction::Read,
            vscsi_fixtures::Direction::Write => Direction::Write,
        },
        offset: event.lbn * 512,
        bytes: u32::try_from(event.bytes).unwrap_or(u32::MAX),
        latency_ns: Some(event.latency_us * 1000),
    }
}

fn row(name: &str, workload: &Workload, style: Style) {
    let options = FioOptions {
        style,
        duration: Some(match style {
            Style::Jobs => JOBS_SECONDS,
            Style::Iolog => LOG_SECONDS,
        }),
        ..FioOptions::default()
    };
    let phases = [Phase::whole(workload)];
    let job = generate_phases(&workload.provenance, &phases, &options).expect("a workload with commands");
    let planned = &job.fidelity[0].fidelity;
    let real = run(&job, &TargetFile::new(&workload.provenance, &phases, &options, &job));
    let (score, missed) = match &real {
        Ok(found) => (shown(found.score), found.missed().join(", ")),
        Err(reason) => ("-".to_owned(), reason.clone()),
    };
    let parts = real.as_ref().unwrap_or(planned);
    print!(
        "{name:<26} {:<6} {:>8}",
        if style == Style::Jobs { "jobs" } else { "iolog" },
        shown(planned.score)
    );
    for part in [
        "read block size",
        "write block size",
        "read seek distance",
        "write seek distance",
        "all seek distance",
        "closest-of-16 seek distance",
        "all interarrival",
    ] {
        let row = parts.histograms.iter().find(|row| row.part == part);
        print!(
            " {:>6}",
            row.map_or_else(|| "-".to_owned(), |row| format!("{:.3}", row.distance.tv))
        );
    }
    println!(" {score:>7}  {}", if missed.is_empty() { "none" } else { &missed });
}

fn run(job: &vscsi_helper::fio::FioJob, target: &TargetFile) -> Result<Fidelity, String> {
    let memory = Path::new("/dev/shm");
    let parent = if memory.is_dir() {
        memory.to_owned()
    } else {
        std::env::temp_dir()
    };
    let directory = tempfile::tempdir_in(parent).map_err(|error| error.to_string())?;
    let path = directory.path().join("job.fio");
    job.write(&path, target).map_err(|error| error.to_string())?;
    let newer = std::env::var_os("FIO_WITH_IOLOG").map(PathBuf::from);
    let need = needed_by(&path).map_err(|error| error.to_string())?;
    let fio = FioProgram::find(newer.as_deref(), need).map_err(|error| error.to_string())?;
    let request = Request {
        job_file: &path,
        target,
        fio: &fio,
        place: &Place::Directory(directory.path().to_owned()),
        duration: (target.style == Style::Jobs).then_some(JOBS_RUN_SECONDS),
        time_scale: None,
        limits: &[],
        preparation: Preparation::AsItIs,
    };
    let found = verify(&request, &mut |_, _| {}).map_err(|error| error.to_string())?;
    Ok(found.verification.phases[0].fidelity.clone())
}

fn shown(score: Option<f64>) -> String {
    score.map_or_else(|| "-".to_owned(), |score| format!("{score:.1}"))
}
