//! The files of `export` in the programs that people open them with: what they read is what `analyze` says.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;
use vscsi_tests::binaries::Binary;

/// A data directory with one imported job, `capture`.
struct Exported {
    folder: TempDir,
}

impl Exported {
    fn new() -> Self {
        let exported = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        let capture = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/data/vscsistats/one-disk.csv");
        exported.helper(&["import", capture.to_str().unwrap(), "--name", "capture"]);
        exported
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(Binary::Client.path().unwrap());
        command.arg("--data-dir").arg(self.folder.path().join("data"));
        command.args(arguments).env("HOME", self.folder.path());
        command
    }

    fn helper(&self, arguments: &[&str]) -> String {
        let run = self.command(arguments).output().unwrap();
        assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
        String::from_utf8(run.stdout).unwrap()
    }

    fn export(&self, table: &str, file: &str) -> PathBuf {
        let path = self.folder.path().join(file);
        self.helper(&["export", "capture", "--table", table, "-o", path.to_str().unwrap()]);
        path
    }

    fn read_with(&self, library: &str, python: &str) -> Value {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("readers/read.py");
        let run = Command::new(python)
            .arg(script)
            .arg(library)
            .arg(self.export("buckets", "buckets.parquet"))
            .arg(self.export("samples", "samples.parquet"))
            .output()
            .unwrap();
        assert!(
            run.status.success(),
            "{library}: {}",
            String::from_utf8_lossy(&run.stderr)
        );
        serde_json::from_slice(&run.stdout).unwrap()
    }
}

/// The interpreters whose environment's name begins with `library`.
fn interpreters(library: &str) -> Vec<String> {
    // Set by `cargo xtask test`.
    let readers = std::env::var("VSCSI_READERS").unwrap();
    let named = readers.lines().filter_map(|line| line.split_once('='));
    named
        .filter(|(name, _)| name.starts_with(library))
        .map(|(_, python)| python.to_owned())
        .collect()
}

/// The figures of `fixtures/data/README.md`: 793 commands, 4 of them reads.
fn assert_reads(library: &str, environments: usize, types: &[(&str, &str)]) {
    let exported = Exported::new();
    let interpreters = interpreters(library);
    assert_eq!(interpreters.len(), environments);
    for python in interpreters {
        let read = exported.read_with(library, &python);
        assert_eq!(
            read["by_operation"],
            serde_json::json!({"all": 793, "read": 4, "write": 789}),
            "{python}"
        );
        assert_eq!(read["ios"], 793, "{python}");
        assert_eq!(read["job"], serde_json::json!(["capture"]), "{python}");
        assert!(
            read["first"].as_str().unwrap().ends_with("+00:00"),
            "{python}: {}",
            read["first"]
        );
        for (column, kind) in types {
            assert_eq!(read["types"][column], *kind, "{python}: {column}");
        }
    }
}

#[test]
fn pandas_filters_and_groups_with_an_old_a_middle_and_the_newest_pyarrow() {
    let types = [
        ("metric", "string"),
        ("sample", "int32"),
        ("count", "int64"),
        ("taken_at", "timestamp[us, tz=UTC]"),
    ];
    assert_reads("pyarrow", 3, &types);
}

#[test]
fn duckdb_reads_plain_signed_columns() {
    let types = [
        ("metric", "VARCHAR"),
        ("sample", "INTEGER"),
        ("count", "BIGINT"),
        ("taken_at", "TIMESTAMP WITH TIME ZONE"),
    ];
    assert_reads("duckdb", 1, &types);
}

#[test]
fn polars_reads_a_timestamp_in_utc() {
    let types = [
        ("metric", "String"),
        ("taken_at", "Datetime(time_unit='us', time_zone='UTC')"),
    ];
    assert_reads("polars", 1, &types);
}

#[test]
fn an_ending_that_names_no_format_is_refused_before_anything_is_written() {
    let exported = Exported::new();
    for ending in ["xlsx", "parquet.gz"] {
        let path = exported.folder.path().join(format!("table.{ending}"));
        let run = exported
            .command(&["export", "capture", "-o", path.to_str().unwrap()])
            .output()
            .unwrap();
        assert_eq!(run.status.code(), Some(2), "{ending}");
        let errors = String::from_utf8(run.stderr).unwrap();
        assert!(errors.contains(".csv, .parquet, .json"), "{errors}");
        assert!(!path.exists(), "{ending}");
    }
}
