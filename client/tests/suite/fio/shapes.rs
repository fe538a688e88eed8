//! Jobs whose processes repeat places, step, or pause: when they are chosen, and that fio does what their reading says.

use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use vscsi_helper::fio::{FioJob, FioOptions, generate, sections};
use vscsi_helper::import::{Request, import};
use vscsi_helper::store::Store;
use vscsi_helper::stream::fio_log::issue_log;
use vscsi_helper::stream::{Command, Direction};
use vscsi_helper::verify::FioProgram;

use super::real::{fast_directory, fio, newer_fio};
use crate::support::desk::capture_file;
use crate::support::workloads::samples::{samples, whole};
use crate::support::workloads::streams::courses;
use crate::support::workloads::workload;

/// The jobs of a course, as long as the product makes them unless told otherwise.
fn jobs_of(name: &str) -> FioJob {
    let course = courses().into_iter().find(|course| course.name == name).unwrap();
    let series = samples(&course.disks(), course.sample_seconds, course.samples);
    generate(&whole(name, &series), &FioOptions::default()).unwrap()
}

fn score(job: &FioJob) -> f64 {
    job.fidelity[0].fidelity.score.unwrap()
}

#[test]
fn blocks_that_are_written_again_are_repeated_by_one_process() {
    let job = jobs_of("rewrites");
    assert!(
        job.text.contains("rw=randwrite:3\nrw_sequencer=identical\n"),
        "{}",
        job.text
    );
    assert!(score(&job) >= 95.0, "{}", job.fidelity[0].fidelity);
}

#[test]
fn commands_that_come_close_together_are_issued_in_clusters() {
    for name in ["trickle", "day and night", "checkpoint"] {
        let job = jobs_of(name);
        assert!(job.text.contains("\nrate_ignore_thinktime=1\n"), "{name}: {}", job.text);
        assert!(score(&job) >= 80.0, "{name}: {}", job.fidelity[0].fidelity);
    }
}

#[test]
fn passes_over_a_file_reach_80() {
    let job = jobs_of("file passes");
    assert!(score(&job) >= 80.0, "{}", job.fidelity[0].fidelity);
}

#[test]
fn directions_of_one_rate_do_not_keep_step() {
    // A hundred seconds of a read every 20 ms, and of a write that drifts through all distances to it.
    let mut random = ChaCha8Rng::seed_from_u64(51);
    let commands = (0..10_000_u64).map(|index| {
        let drift_ns = if index % 2 == 1 {
            index / 2 * 37_000 % 20_000_000
        } else {
            0
        };
        Command {
            issued_ns: index / 2 * 20_000_000 + drift_ns,
            direction: Direction::ALL[usize::from(index % 2 == 1)],
            offset: random.random_range(0..2_000_000_u64) * 4096,
            bytes: 4096,
            latency_ns: Some(300_000),
        }
    });
    let mut commands: Vec<Command> = commands.collect();
    commands.sort_by_key(|command| command.issued_ns);
    let options = FioOptions {
        duration: Some(60),
        ..FioOptions::default()
    };
    let job = generate(&workload("even", &[&commands]), &options).unwrap();
    let rates: Vec<u64> = sections(&job.text)
        .unwrap()
        .iter()
        .map(|section| section.number("rate").unwrap().unwrap())
        .collect();
    let [reads, writes] = rates[..] else {
        panic!("{}", job.text)
    };
    let apart = writes as f64 / reads as f64 - 1.0;
    assert!((0.003..0.005).contains(&apart), "{rates:?}");
    assert!(score(&job) >= 95.0, "{}", job.fidelity[0].fidelity);
}

/// The commands that fio issues for one section in a second, in order.
fn issued(fio: &FioProgram, options: &str) -> Vec<Command> {
    let directory = fast_directory();
    let job = format!(
        "[job]\nioengine=libaio\ndirect=1\nnorandommap=1\nfilename=scratch\nfilesize=1g\nsize=1g\ntime_based=1\n\
         runtime=1\nwrite_iolog=job.iolog\n{options}"
    );
    std::fs::write(directory.path().join("job.fio"), job).unwrap();
    let mut process = std::process::Command::new(&fio.path);
    let output = process.arg("job.fio").current_dir(directory.path()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let log = std::fs::read(directory.path().join("job.iolog")).unwrap();
    let commands = issue_log(log.as_slice()).unwrap();
    assert!(commands.len() > 60, "{}", commands.len());
    commands
}

#[test]
fn fio_uses_each_place_as_often_as_it_is_told() {
    let options = "rw=randwrite:3\nrw_sequencer=identical\nbssplit=4k/75:8k/25\nblockalign=4k\npercentage_random=30\n\
                   iodepth=4\nrate=1m\n";
    for fio in [fio(), newer_fio()] {
        let commands = issued(&fio, options);
        for (index, three) in commands.chunks_exact(3).enumerate() {
            assert!(
                three.iter().all(|command| command.offset == three[0].offset),
                "{index}: {three:?}"
            );
        }
        let places = || commands.chunks_exact(3);
        let behind =
            |(before, next): &(&[Command], &[Command])| next[0].offset == before[2].offset + u64::from(before[2].bytes);
        let sequential = places().zip(places().skip(1)).filter(behind).count();
        let share = sequential as f64 / places().count() as f64;
        assert!((0.5..0.9).contains(&share), "{share}");
    }
}

#[test]
fn fio_steps_further_and_back_from_the_end_of_each_command() {
    for fio in [fio(), newer_fio()] {
        for (rw, step) in [("write:600k", 600_i64 << 10), ("read:-128k", -128 << 10)] {
            let commands = issued(&fio, &format!("rw={rw}\nbssplit=4k/75:8k/25\niodepth=4\nrate=1m\n"));
            assert_eq!(commands[0].offset, 0);
            let second = if step > 0 {
                u64::from(commands[0].bytes) + (600 << 10)
            } else {
                (1 << 30) - (128 << 10)
            };
            assert_eq!(commands[1].offset, second, "{rw}");
            for pair in commands[1..].windows(2) {
                let end = pair[0].offset + u64::from(pair[0].bytes);
                assert_eq!(Some(pair[1].offset), end.checked_add_signed(step), "{rw}: {pair:?}");
            }
        }
    }
}

#[test]
fn fio_pauses_after_as_many_commands_as_a_cluster_has() {
    let options = "rw=randwrite\nbs=4k\nblockalign=4k\niodepth=20\nrate_iops=20000\nrate_process=poisson\n\
                   rate_ignore_thinktime=1\nthinktime=50000\nthinktime_blocks=7\nthinktime_blocks_type=issue\n";
    for fio in [fio(), newer_fio()] {
        let commands = issued(&fio, options);
        for (index, pair) in commands.windows(2).enumerate() {
            let gap_us = (pair[1].issued_ns - pair[0].issued_ns) / 1000;
            let is_pause = (index + 1) % 7 == 0;
            // A busy machine makes a gap longer and none shorter.
            assert!(!is_pause || gap_us >= 50_000, "{index}: {gap_us} us");
        }
        let inside = commands
            .windows(2)
            .filter(|pair| pair[1].issued_ns - pair[0].issued_ns < 25_000_000);
        assert!(inside.count() > commands.len() / 2);
    }
}

#[test]
fn the_capture_of_a_quiet_server_reaches_80_in_clusters() {
    let directory = tempfile::tempdir().unwrap();
    let request = Request {
        files: vec![capture_file().into()],
        name: "quiet".parse().unwrap(),
        interval_seconds: None,
        first_print: None,
        host: None,
        vm_name: None,
        fio_job: None,
    };
    let store = Store::open(directory.path()).unwrap();
    let (jobs, _) = import(&store, &request, jiff::Timestamp::UNIX_EPOCH).unwrap();
    let job = generate(&jobs[0].analysis.workload, &FioOptions::default()).unwrap();
    assert!(job.text.contains("\nrate_ignore_thinktime=1\n"), "{}", job.text);
    assert!(score(&job) >= 80.0, "{}", job.fidelity[0].fidelity);
}
