//! Storage that is prepared before a run, by the real fio.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use vscsi_helper::fio::{FioNeed, TargetFile};
use vscsi_helper::verify::{FioProgram, Place, Preparation, Request, Run, verify};

use super::set::fio;
use crate::support::desk::{Desk, Ended};

/// A desk whose job of 75 reads and 25 writes a second has a fio file of 5 s on 64 MiB.
fn desk() -> Desk {
    let desk = Desk::with_reads_and_writes();
    let made = desk.run(&[
        "analyze",
        "raw-stream",
        "--filter",
        "none",
        "--span",
        "64m",
        "--duration",
        "5",
    ]);
    assert_eq!(made.code, Some(0), "{}", made.stderr);
    desk
}

fn verified(desk: &Desk, arguments: &[&str]) -> Ended {
    desk.run(&[&["verify", "raw-stream", "--fio", &fio()], arguments].concat())
}

/// A run of the desk's file, with its scratch file still there.
fn run(desk: &Desk, preparation: Preparation) -> Run {
    let job_file = desk.job("raw-stream").join("analysis/raw-stream-workload.fio");
    let request = Request {
        job_file: &job_file,
        target: &TargetFile::read(&TargetFile::path_for(&job_file)).unwrap(),
        fio: &FioProgram::find(Some(Path::new(&fio())), FioNeed::LEAST).unwrap(),
        place: &Place::Directory(desk.path("")),
        duration: Some(1),
        time_scale: None,
        limits: &[],
        preparation,
    };
    verify(&request, &mut |_, _| {}).unwrap()
}

/// Bytes of the scratch file that the file system holds.
fn held_bytes(desk: &Desk) -> u64 {
    let folders = fs::read_dir(desk.path("")).unwrap().map(|entry| entry.unwrap().path());
    let mut files = folders.map(|folder| folder.join("scratch-0"));
    let scratch = files.find(|file| file.is_file()).unwrap();
    fs::metadata(scratch).unwrap().blocks() * 512
}

#[test]
fn a_region_that_is_filled_has_no_hole_and_one_that_is_not_has_many() {
    let desk = desk();
    let filled = run(&desk, Preparation::Fill);
    assert_eq!(filled.verification.prepared.filled_bytes, 64 << 20);
    assert!(held_bytes(&desk) >= 64 << 20, "{}", held_bytes(&desk));
    drop(filled);
    let sparse = run(&desk, Preparation::AsItIs);
    assert_eq!(sparse.verification.prepared.filled_bytes, 0);
    assert!(held_bytes(&desk) < 32 << 20, "{}", held_bytes(&desk));
    drop(sparse);
}

#[test]
fn reads_of_holes_are_told_and_decide_no_limit() {
    let desk = desk();
    let told = "Reads met holes of a scratch file";
    let sparse = verified(&desk, &["--limit", "write_mean=1000000%"]);
    assert!(sparse.stdout.contains(told), "{}{}", sparse.stdout, sparse.stderr);
    for limit in ["read_p99=120%", "read_mean=120%", "queue_depth=120%"] {
        let refused = verified(&desk, &["--limit", limit]);
        assert_eq!(refused.code, Some(2), "{}", refused.stderr);
        assert!(
            refused.stderr.contains("served from its holes") && refused.stderr.contains("add `--fill`"),
            "{}",
            refused.stderr
        );
    }
    // No read takes seven seconds.
    let filled = verified(&desk, &["--fill", "--limit", "read_p99=1000000%"]);
    assert!(
        filled
            .stdout
            .contains("The region of 64 MiB was filled before the run."),
        "{}{}",
        filled.stdout,
        filled.stderr
    );
    assert!(
        filled.stdout.contains("limit read_p99 at most 1000000%: kept"),
        "{}",
        filled.stdout
    );
    assert!(!filled.stdout.contains(told), "{}", filled.stdout);
}

#[test]
fn rounds_of_writes_end_when_they_are_steady_or_their_time_is_over() {
    let desk = desk();
    let ended = verified(&desk, &["--json", "--precondition=20"]);
    let prepared = &ended.json()["prepared"];
    assert_eq!(prepared["filled_bytes"], 64 << 20);
    let rounds = &prepared["rounds"];
    let iops = rounds["iops"].as_array().unwrap();
    assert!(iops.iter().all(|iops| iops.as_f64().unwrap() > 0.0), "{rounds}");
    assert_eq!(rounds["latency_us"].as_array().unwrap().len(), iops.len());
    // Rounds of a second, and the start of each fio.
    assert!((5..=20).contains(&iops.len()) || rounds["steady"] == false, "{rounds}");
    assert!(iops.len() <= 20, "{rounds}");
}

#[test]
fn a_preparation_that_cannot_be_is_refused_before_anything_is_written() {
    let desk = desk();
    for option in ["--fill", "--precondition"] {
        let refused = verified(&desk, &[option, "--against", "raw-stream"]);
        assert_eq!(refused.code, Some(2), "{}", refused.stderr);
        assert!(refused.stderr.contains("cannot be used with"), "{}", refused.stderr);
    }
    let short = verified(&desk, &["--precondition=4"]);
    assert_eq!(short.code, Some(2), "{}", short.stderr);
}

#[test]
fn a_workload_without_writes_cannot_precondition_storage() {
    let desk = Desk::new();
    let reads = crate::support::raw_job::in_sequence((0..200).map(|_| vscsi_fixtures::Direction::Read));
    desk.add("raw-stream", reads);
    let made = desk.run(&["analyze", "raw-stream", "--filter", "none", "--span", "64m"]);
    assert_eq!(made.code, Some(0), "{}", made.stderr);
    let refused = verified(&desk, &["--precondition"]);
    assert_eq!(refused.code, Some(2), "{}", refused.stderr);
    assert!(
        refused.stderr.contains("writes nothing") && refused.stderr.contains("use `--fill`"),
        "{}",
        refused.stderr
    );
}
