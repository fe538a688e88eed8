//! What SIGINT and SIGTERM leave behind, with the real program and a fio that takes its time.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use vscsi_fixtures::{Direction, IoEvent};

use crate::support::raw_job::{UPTIME_US, collect};

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
    let stream: Vec<IoEvent> = (0..200_u64)
        .map(|index| IoEvent {
            issue_us: UPTIME_US + 10_000 * index,
            latency_us: 700,
            lbn: 16 * index,
            bytes: 8192,
            direction: Direction::Read,
        })
        .collect();
    collect(&data.join("raw-stream"), &[stream], &[0, 1_000_000, 2_000_000]);
    let analyzed = program(data, &["analyze", "raw-stream"]).output().unwrap();
    assert!(analyzed.status.success(), "{analyzed:?}");
}

/// A fio that does nothing for a long time, and how to know its process.
fn slow_fio(folder: &Path) -> (PathBuf, PathBuf) {
    let (fio, pid) = (folder.join("fio"), folder.join("fio.pid"));
    let script = format!(
        "#!/bin/sh\nif [ \"$1\" = --version ]; then echo fio-3.36; exit; fi\necho $$ > '{0}.new'; mv '{0}.new' '{0}'\nexec sleep 600\n",
        pid.display()
    );
    fs::write(&fio, script).unwrap();
    fs::set_permissions(&fio, fs::Permissions::from_mode(0o755)).unwrap();
    (fio, pid)
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
