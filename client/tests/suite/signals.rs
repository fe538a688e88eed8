//! How the program runs another one: what it leaves behind when it is told to end or killed, and what it makes of a fio
//! that takes its time, is too old or does something else.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use vscsi_fixtures::Direction;

use crate::support::raw_job::{collect, in_sequence};

/// Longer than anything takes that is waited for here.
const TIMEOUT: Duration = Duration::from_mins(1);

fn program(data: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_vscsi-helper"));
    command
        .env("HOME", data)
        .arg("--data-dir")
        .arg(data)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    command
}

fn wait_until(what: &str, condition: impl Fn() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < TIMEOUT, "{what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn end(child: Child, signal: Signal) -> (Option<i32>, String) {
    kill_process(Pid::from_child(&child), signal).unwrap();
    let output = child.wait_with_output().unwrap();
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

/// A job with its fio file.
fn make_job(data: &Path) {
    let reads = in_sequence([Direction::Read; 200]);
    collect(&data.join("raw-stream"), &[reads], &[0, 1_000_000, 2_000_000]);
    let analyzed = program(data, &["analyze", "raw-stream"]).output().unwrap();
    assert!(analyzed.status.success(), "{analyzed:?}");
}

/// A program that says that it is this fio, and does this when it is told to run a job.
fn fio_that(folder: &Path, name: &str, version: &str, body: &str) -> PathBuf {
    let fio = folder.join(name);
    let script = format!("#!/bin/sh\nif [ \"$1\" = --version ]; then echo fio-{version}; exit; fi\n{body}\n");
    fs::write(&fio, script).unwrap();
    fs::set_permissions(&fio, fs::Permissions::from_mode(0o755)).unwrap();
    fio
}

/// Three reads of a size that no job of these tests has, as fio logs them.
const WRONG_READS: &str = "printf '1, 9000, 0, 65536, 0, 0, 1000\\n2, 9000, 0, 65536, 65536, 0, 900000\\n3, 9000, 0, 65536, \
                           131072, 0, 1900000\\n' > section-0_clat.1.log";

/// A fio that does nothing for a long time, and how to know its process.
fn slow_fio(folder: &Path) -> (PathBuf, PathBuf) {
    let pid = folder.join("fio.pid");
    let body = format!("echo $$ > '{0}.new'; mv '{0}.new' '{0}'\nexec sleep 600", pid.display());
    (fio_that(folder, "fio", "3.36", &body), pid)
}

fn names_in(folder: &Path) -> Vec<String> {
    fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}

#[test]
fn a_verification_that_is_told_to_end_ends_fio_and_removes_its_scratch_file() {
    for (signal, code) in [(Signal::TERM, 143), (Signal::INT, 130)] {
        let folder = tempfile::tempdir().unwrap();
        let (data, scratch) = (folder.path().join("data"), folder.path().join("scratch"));
        fs::create_dir(&scratch).unwrap();
        make_job(&data);
        let (fio, pid_file) = slow_fio(folder.path());
        let (fio, directory) = (fio.display().to_string(), scratch.display().to_string());
        let verify = program(
            &data,
            &["verify", "raw-stream", "--fio", &fio, "--directory", &directory],
        )
        .spawn()
        .unwrap();
        wait_until("fio was never started", || pid_file.exists());
        assert_eq!(names_in(&scratch).len(), 1, "no scratch folder to remove");
        let pid = fs::read_to_string(&pid_file).unwrap().trim().parse().unwrap();
        let fio = Pid::from_raw(pid).unwrap();
        assert!(test_kill_process(fio).is_ok(), "fio is not running");

        let (ended, stderr) = end(verify, signal);
        assert_eq!(ended, Some(code), "{stderr}");
        assert!(stderr.contains("hint: unfinished work was cleaned up"), "{stderr}");
        assert!(test_kill_process(fio).is_err(), "fio was left running");
        assert_eq!(names_in(&scratch), Vec::<String>::new());
    }
}

#[test]
fn what_a_killed_verification_left_is_removed_by_the_next_one_when_its_fio_has_ended() {
    let folder = tempfile::tempdir().unwrap();
    let (data, scratch) = (folder.path().join("data"), folder.path().join("scratch"));
    fs::create_dir(&scratch).unwrap();
    make_job(&data);
    let (slow, pid_file) = slow_fio(folder.path());
    let failing = fio_that(folder.path(), "failing", "3.36", "exit 1");
    let verify = |fio: &Path| {
        let (fio, directory) = (fio.display().to_string(), scratch.display().to_string());
        program(
            &data,
            &["verify", "raw-stream", "--fio", &fio, "--directory", &directory],
        )
    };
    let killed = verify(&slow).spawn().unwrap();
    wait_until("fio was never started", || pid_file.exists());
    let (code, _) = end(killed, Signal::KILL);
    assert_eq!(code, None);
    let left = names_in(&scratch);
    assert_eq!(left.len(), 1, "{left:?}");

    // Its fio goes on writing to the scratch file.
    let during = verify(&failing).output().unwrap();
    assert_eq!(names_in(&scratch), left, "{during:?}");

    let pid = fs::read_to_string(&pid_file).unwrap().trim().parse().unwrap();
    let fio = Pid::from_raw(pid).unwrap();
    kill_process(fio, Signal::KILL).unwrap();
    // Whoever adopted it has seen it end, or will: it holds nothing any more when it is a zombie.
    let seen = std::cell::RefCell::new(String::new());
    wait_until("the folder was never removed", || {
        let after = verify(&failing).output().unwrap();
        seen.borrow_mut().push_str(&String::from_utf8(after.stderr).unwrap());
        names_in(&scratch).is_empty()
    });
    let told = seen.into_inner();
    assert!(told.contains("Removed ") && told.contains(&left[0]), "{told}");
}

#[test]
fn gates_missed_by_a_run_too_short_to_judge_have_an_exit_code_of_their_own() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    make_job(&data);
    let fio = fio_that(folder.path(), "fio", "3.38", WRONG_READS)
        .display()
        .to_string();
    let directory = folder.path().display().to_string();
    let verify = |rest: &[&str]| {
        let arguments = [
            &["verify", "raw-stream", "--fio", &fio, "--directory", &directory],
            rest,
        ]
        .concat();
        let output = program(&data, &arguments).stdout(Stdio::piped()).output().unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    let (code, short) = verify(&["--duration", "2"]);
    assert_eq!(code, Some(6), "{short}");
    assert!(short.contains("Too short to judge"), "{short}");
    let (code, whole) = verify(&[]);
    assert_eq!(code, Some(4), "{whole}");
}

#[test]
fn the_verdict_is_printed_before_the_scratch_file_is_removed() {
    let folder = tempfile::tempdir().unwrap();
    let (data, scratch) = (folder.path().join("data"), folder.path().join("scratch"));
    fs::create_dir(&scratch).unwrap();
    make_job(&data);
    let fio = fio_that(folder.path(), "fio", "3.38", WRONG_READS)
        .display()
        .to_string();
    let directory = scratch.display().to_string();
    // Nobody reads from this pipe, and it is full: the program stands where it prints its first line.
    let (mut reader, writer) = std::io::pipe().unwrap();
    let flags = rustix::fs::fcntl_getfl(&writer).unwrap();
    rustix::fs::fcntl_setfl(&writer, flags | rustix::fs::OFlags::NONBLOCK).unwrap();
    while (&writer).write(&[b'.'; 4096]).is_ok() {}
    while (&writer).write(b".").is_ok() {}
    rustix::fs::fcntl_setfl(&writer, flags).unwrap();
    let arguments = ["verify", "raw-stream", "--fio", &fio, "--directory", &directory];
    // The command goes at once, and its end of the pipe with it.
    let mut verify = program(&data, &arguments).stdout(writer).spawn().unwrap();
    let stored = data.join("raw-stream/analysis/raw-stream-workload.verify.json");
    wait_until("no result was stored", || stored.exists());
    assert_eq!(names_in(&scratch).len(), 1, "removed before anything was printed");
    let mut printed = String::new();
    std::io::Read::read_to_string(&mut reader, &mut printed).unwrap();
    assert_eq!(verify.wait().unwrap().code(), Some(4), "{printed}");
    assert!(printed.contains("Result: "), "{printed}");
    assert_eq!(names_in(&scratch), Vec::<String>::new());
}

#[test]
fn a_fio_older_than_the_file_needs_is_refused_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    make_job(&data);
    let file = folder.path().join("walk.fio");
    let made = data.join("raw-stream/analysis/raw-stream-workload.fio");
    let refused = |text: &str, version: &str| {
        fs::write(&file, text).unwrap();
        fs::copy(made.with_extension("target.json"), file.with_extension("target.json")).unwrap();
        let fio = fio_that(folder.path(), "fio", version, "exit 1").display().to_string();
        let mut verify = program(&data, &["verify", &file.display().to_string(), "--fio", &fio]);
        let output = verify.current_dir(folder.path()).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        let stderr = String::from_utf8(output.stderr).unwrap();
        stderr
            .contains(&format!("is fio {version}, and this file needs fio "))
            .then_some(stderr)
    };
    let walk = "[a]\nrw=randrw\nbs=4k\nfilename=${FILENAME}\nsize=64m\nrate=1m\nzonemode=strided\nzonesize=512\n\
                zonerange=4k\nruntime=1\n";
    let told = refused(walk, "3.16").unwrap();
    assert!(
        told.contains("needs fio 3.17 or newer (older versions stay in the first zone"),
        "{told}"
    );
    assert_eq!(refused(walk, "3.17"), None);
    let slow = "[a]\nrw=randread\nbs=8k\nfilename=${FILENAME}\nsize=64m\nrate=100\nruntime=1\n";
    let told = refused(slow, "3.21").unwrap();
    assert!(told.contains("needs fio 3.22 or newer"), "{told}");
    assert_eq!(refused(slow, "3.22"), None);
}

#[test]
fn an_import_that_is_told_to_end_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let capture = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/data/vscsistats/one-disk.csv");
    let print = fs::read(capture).unwrap();
    // As long as nobody writes the rest of it, the import waits for it.
    let pipe = folder.path().join("capture.csv");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let import = program(&data, &["import", &pipe.display().to_string()])
        .spawn()
        .unwrap();
    let mut writer = fs::File::options().write(true).open(&pipe).unwrap();
    let staged = || data.exists() && names_in(&data).iter().any(|name| name.starts_with(".import-"));
    wait_until("nothing was begun", staged);
    kill_process(Pid::from_child(&import), Signal::TERM).unwrap();
    // Enough for the piece that is read at once; the reader may be gone before the end of it.
    for _ in 0..1000 {
        if writer.write_all(&print).is_err() {
            break;
        }
    }
    drop(writer);
    let output = import.wait_with_output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(143), "{stderr}");
    let left: Vec<String> = names_in(&data).into_iter().filter(|name| name != ".locks").collect();
    assert_eq!(left, Vec::<String>::new());
}
