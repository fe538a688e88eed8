//! The program itself on a data directory of a test.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

use super::raw_job::{collect, in_sequence};
use vscsi_fixtures::{Direction, IoEvent};

/// The file with the print of one disk, as vscsiStats writes it: 793 commands, 4 of them reads.
pub(crate) fn capture_file() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/data/vscsistats/one-disk.csv");
    path.display().to_string()
}

/// That print.
pub(crate) fn capture() -> String {
    fs::read_to_string(capture_file()).unwrap()
}

/// The histograms of a print whose titles begin with one of these.
pub(crate) fn only(print: &str, titles: &[&str]) -> String {
    print
        .split_inclusive('\n')
        .scan(false, |wanted, line| {
            if let Some(title) = line.strip_prefix("Histogram: ") {
                *wanted = titles.iter().any(|begin| title.starts_with(begin));
            }
            Some(if *wanted { line } else { "" })
        })
        .collect()
}

/// A workstation with a data directory.
pub(crate) struct Desk(tempfile::TempDir);

/// How a run of the program ended.
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ended {
    /// What a command with `--json` printed.
    pub(crate) fn json(&self) -> Value {
        let value = serde_json::from_str(&self.stdout);
        assert!(value.is_ok(), "no JSON: {}{}", self.stdout, self.stderr);
        value.unwrap()
    }
}

impl Desk {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// One with the job `raw-stream`, collected over raw streams (see [`collect`]).
    pub(crate) fn with_job(streams: &[Vec<IoEvent>], moments_us: &[u64]) -> Self {
        let new = Self::new();
        collect(&new.job("raw-stream"), streams, moments_us);
        new
    }

    /// One with the job `raw-stream` of two seconds and four samples, in which each fourth command is a write (see
    /// [`in_sequence`]).
    pub(crate) fn with_reads_and_writes() -> Self {
        let direction = |index: u32| match index % 4 {
            3 => Direction::Write,
            _ => Direction::Read,
        };
        let stream = in_sequence((0..200).map(direction));
        Self::with_job(&[stream], &[0, 500_000, 1_000_000, 1_500_000, 2_000_000])
    }

    /// One that imported this print as the job `captured`, 60 s long.
    pub(crate) fn with_import(print: &str) -> Self {
        let new = Self::new();
        new.import("captured", print);
        new
    }

    /// One that imported the print of [`capture_file`] as the job `captured`, as long as it says itself.
    pub(crate) fn with_the_capture() -> Self {
        let new = Self::new();
        let ended = new.run(&["import", &capture_file(), "--name", "captured"]);
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        new
    }

    /// Collects two seconds of a stream as the job `name` of four samples.
    pub(crate) fn add(&self, name: &str, stream: Vec<IoEvent>) {
        let directory = self.job(name);
        collect(&directory, &[stream], &[0, 500_000, 1_000_000, 1_500_000, 2_000_000]);
        let files = fs::read_dir(directory.join("samples")).unwrap();
        let files = files
            .map(|file| file.unwrap().path())
            .chain([directory.join("job.json")]);
        for file in files {
            let text = fs::read_to_string(&file).unwrap();
            fs::write(file, text.replace("raw-stream", name)).unwrap();
        }
    }

    /// Imports a print as a job of 60 s. Whether all of it could be used is the test's affair.
    pub(crate) fn import(&self, name: &str, print: &str) {
        let file = self.file("print.csv", print.as_bytes());
        let ended = self.run(&["import", &file, "--interval", "60", "--name", name]);
        assert!(matches!(ended.code, Some(0 | 3)), "{}", ended.stderr);
    }

    /// A file or folder of this workstation.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// The directory of a job.
    pub(crate) fn job(&self, name: &str) -> PathBuf {
        self.path("data").join(name)
    }

    /// A file of this workstation, by its path as an argument.
    pub(crate) fn file(&self, name: &str, content: &[u8]) -> String {
        fs::write(self.path(name), content).unwrap();
        self.path(name).display().to_string()
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Ended {
        let Output { status, stdout, stderr } = Command::new(env!("CARGO_BIN_EXE_vscsi-helper"))
            .env("HOME", self.0.path())
            // A command that asks a host finds no ssh to do it with.
            .env("PATH", "")
            .arg("--data-dir")
            .arg(self.path("data"))
            .args(arguments)
            .current_dir(self.0.path())
            .stdin(Stdio::null())
            .output()
            .unwrap();
        Ended {
            code: status.code(),
            stdout: String::from_utf8(stdout).unwrap(),
            stderr: String::from_utf8(stderr).unwrap(),
        }
    }
    /// Runs a command that fails with `code`, and whose message holds each of these: what failed and why, and what to
    /// do.
    pub(crate) fn refuses(&self, arguments: &[&str], code: i32, parts: &[&str]) {
        let ended = self.run(arguments);
        assert_eq!(ended.code, Some(code), "{arguments:?}: {}", ended.stderr);
        for part in parts {
            assert!(
                ended.stderr.contains(part),
                "{arguments:?}: no `{part}` in {}",
                ended.stderr
            );
        }
        assert_eq!(ended.stdout, "", "{arguments:?}");
    }
}
