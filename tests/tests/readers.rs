//! The product's files in the programs that people open them with: what they read is what `analyze` says.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;
use vscsi_tests::binaries::Binary;

/// Three commands of 4096, 4608 and 512 bytes, in the form that `vscsiStats -e` exports.
const TRACE: &str = "\
#Vscsi Cmd Trace. (Trace Format Version 1)
#Serial Number,IO Data Length,Num SG Entries,Command Type,LBN,Time Stamp (microseconds)
2147483692,4096,1,write,24048792,2756778716647
2147483658,4608,2,write,23749656,2756797029103
2147483715,512,1,write,6422064,2756797702520
";

/// A data directory with two imported jobs, `capture` of a print and `traced` of [`TRACE`].
struct Exported {
    folder: TempDir,
}

impl Exported {
    fn new() -> Self {
        let exported = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        let capture = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/data/vscsistats/one-disk.csv");
        exported.helper(&[
            "import",
            capture.to_str().unwrap(),
            "--name",
            "capture",
            "--vm",
            "Größe",
        ]);
        let trace = exported.folder.path().join("trace.csv");
        std::fs::write(&trace, TRACE).unwrap();
        exported.helper(&["import", trace.to_str().unwrap(), "--name", "traced"]);
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

    /// A file of a job.
    fn stored(&self, job: &str, file: &str) -> PathBuf {
        self.folder.path().join("data").join(job).join(file)
    }

    fn export(&self, table: &str, file: &str) -> PathBuf {
        let path = self.folder.path().join(file);
        self.helper(&["export", "capture", "--table", table, "-o", path.to_str().unwrap()]);
        path
    }

    fn read_with(&self, library: &str, python: &str) -> Value {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("readers/read.py");
        let mut command = Command::new(python);
        command
            .arg(script)
            .arg(library)
            .arg(self.export("buckets", "buckets.parquet"))
            .arg(self.export("samples", "samples.parquet"))
            .arg(self.export("buckets", "buckets.csv"))
            .arg(self.export("buckets", "buckets.json"))
            .arg(self.stored("traced", "trace.csv.gz"));
        serde_json::from_slice(&printed(&mut command)).unwrap()
    }
}

/// What a program that is content prints.
fn printed(command: &mut Command) -> Vec<u8> {
    let run = command.output().unwrap();
    assert!(
        run.status.success(),
        "{command:?}: {}",
        String::from_utf8_lossy(&run.stderr)
    );
    run.stdout
}

/// What jq finds in a file.
fn jq(filter: &str, file: &Path) -> Value {
    serde_json::from_slice(&printed(Command::new("jq").args(["-c", filter]).arg(file))).unwrap()
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
        for table in ["by_operation", "by_operation_of_csv", "by_operation_of_json"] {
            assert_eq!(
                read[table],
                json!({"all": 793, "read": 4, "write": 789}),
                "{python}: {table}"
            );
        }
        assert_eq!(read["traced_bytes"], 4096 + 4608 + 512, "{python}");
        assert_eq!(read["ios"], 793, "{python}");
        assert_eq!(read["job"], json!(["capture"]), "{python}");
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
fn pandas_and_openpyxl_read_a_workbook_whose_cells_are_what_they_are() {
    let exported = Exported::new();
    // What a spreadsheet would run, were it not a text.
    let capture = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/data/vscsistats/one-disk.csv");
    exported.helper(&["import", capture.to_str().unwrap(), "--name", "formula", "--vm", "=1+1"]);
    let samples = exported.folder.path().join("formula.xlsx");
    exported.helper(&[
        "export",
        "formula",
        "--table",
        "samples",
        "-o",
        samples.to_str().unwrap(),
    ]);
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("readers/workbook.py");
    let interpreters = interpreters("pyarrow");
    assert_eq!(interpreters.len(), 3);
    for python in interpreters {
        let mut command = Command::new(&python);
        command
            .arg(&script)
            .arg(exported.export("buckets", "buckets.xlsx"))
            .arg(&samples);
        let read: Value = serde_json::from_slice(&printed(&mut command)).unwrap();
        let figures = json!({"all": 793, "read": 4, "write": 789});
        assert_eq!((&read["by_operation"], &read["ios"]), (&figures, &figures), "{python}");
        assert_eq!(
            (&read["dated"], &read["frozen"]),
            (&json!(true), &json!("A2")),
            "{python}"
        );
        // 35 columns; a header and a row for each operation.
        assert_eq!(read["filter"], "A1:AI4", "{python}");
        assert_eq!(read["vm"], "=1+1", "{python}");
        // As many pages as the rows need, all with the header, and with the columns from `sample` to `operation`.
        assert_eq!(read["paper"], json!(["landscape", true, 0]), "{python}");
        assert_eq!(read["on_each_page"], json!(["$1:$1", "$D:$I"]), "{python}");
        for (column, kind) in [
            ("vm", "s"),
            ("taken_at (UTC)", "d"),
            ("seconds (seconds)", "n"),
            ("iops (I/Os per second)", "n"),
        ] {
            assert_eq!(read["types"][column], kind, "{python}: {column} of {}", read["header"]);
        }
    }
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
fn duckdb_finds_no_name_and_no_date_in_an_anonymous_table() {
    let exported = Exported::new();
    let capture = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/data/vscsistats/one-disk.csv");
    // A handle alone, as hosts of old print it.
    let handle = "9135781989851158";
    let print = std::fs::read_to_string(capture).unwrap();
    let print = print.replace("handleID,8203 (scsi0:0)", &format!("handleID,{handle}"));
    let file = exported.folder.path().join("orchid.csv");
    std::fs::write(&file, &print).unwrap();
    exported.helper(&[
        "import",
        file.to_str().unwrap(),
        "--name",
        "orchid-job",
        "--vm",
        "Orchid VM",
        "--host",
        "orchid-host",
    ]);
    let interpreters = interpreters("duckdb");
    let [python] = interpreters.as_slice() else {
        panic!("{interpreters:?}")
    };
    let cells = |table: &str, more: &[&str]| {
        let path = exported.folder.path().join("table.parquet");
        let arguments = ["export", "orchid-job", "--table", table, "-o", path.to_str().unwrap()];
        exported.helper(&[&arguments, more].concat());
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("readers/cells.py");
        serde_json::from_slice::<Value>(&printed(Command::new(python).arg(script).arg(path))).unwrap()
    };
    for table in ["buckets", "samples"] {
        let named = cells(table, &[]).to_string().to_lowercase();
        assert!(named.contains("orchid vm") && named.contains(handle), "{named}");
        let read = cells(table, &["--anonymise"]);
        let text = read.to_string().to_lowercase();
        assert!(!text.contains("orchid") && !text.contains(handle), "{text}");
        for alias in ["job-1", "host-1", "vm-1", "disk-1"] {
            assert!(
                read["cells"].as_array().unwrap().contains(&json!(alias)),
                "{alias}: {text}"
            );
        }
        assert!(read["first"].as_str().unwrap().starts_with("2000-01-0"), "{text}");
    }
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
fn jq_finds_the_figures_of_the_summary_of_a_table_and_of_the_list() {
    let exported = Exported::new();
    exported.helper(&["analyze", "capture"]);
    let summary = exported.stored("capture", "analysis/summary.json");
    assert_eq!(jq("[.job_id, .vm_name]", &summary), json!(["capture", "Größe"]));
    assert_eq!(
        jq("[.metrics.ios | .total, .read, .write]", &summary),
        json!([793, 4, 789])
    );

    let samples = exported.export("samples", "samples.json");
    assert_eq!(
        jq("map({(.operation): .ios}) | add", &samples),
        json!({"all": 793, "read": 4, "write": 789})
    );

    let list = exported.folder.path().join("list.json");
    std::fs::write(&list, exported.helper(&["list", "--json"])).unwrap();
    assert_eq!(jq("map(.job) | sort", &list), json!(["capture", "traced"]));
}

#[test]
fn sha256sum_finds_each_snapshot_as_it_was_stored() {
    let exported = Exported::new();
    let samples = exported.stored("capture", "samples");
    let mut check = Command::new("sha256sum");
    let said = printed(check.args(["--check", "--strict", "SHA256SUMS"]).current_dir(&samples));
    assert_eq!(String::from_utf8(said).unwrap(), "sample_000.csv: OK\n");
}

#[test]
fn zcat_gives_the_trace_in_the_form_that_was_imported() {
    let exported = Exported::new();
    let said = printed(Command::new("zcat").arg(exported.stored("traced", "trace.csv.gz")));
    assert_eq!(String::from_utf8(said).unwrap(), TRACE);
}

#[test]
fn a_renderer_of_svg_draws_every_chart() {
    let exported = Exported::new();
    let folder = exported.folder.path().join("charts");
    exported.helper(&["chart", "capture", "--format", "svg", "-o", folder.to_str().unwrap()]);
    let charts: Vec<PathBuf> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    assert!(!charts.is_empty());
    let mut pictures = BTreeSet::new();
    for chart in charts {
        // 10 x 5.625 inches: 90 pixels high at a width of 160.
        let pixels = printed(
            Command::new("rsvg-convert")
                .args(["--width", "160", "--keep-aspect-ratio"])
                .arg(&chart),
        );
        assert_eq!(&pixels[1..4], b"PNG", "{}", chart.display());
        assert_eq!(pixels[16..24], [0, 0, 0, 160, 0, 0, 0, 90], "{}", chart.display());
        // What draws nothing looks like any other that does so.
        assert!(pictures.insert(pixels), "{}", chart.display());
    }
}

#[test]
fn an_ending_that_names_no_format_is_refused_before_anything_is_written() {
    let exported = Exported::new();
    for ending in ["xls", "parquet.gz"] {
        let path = exported.folder.path().join(format!("table.{ending}"));
        let run = exported
            .command(&["export", "capture", "-o", path.to_str().unwrap()])
            .output()
            .unwrap();
        assert_eq!(run.status.code(), Some(2), "{ending}");
        let errors = String::from_utf8(run.stderr).unwrap();
        assert!(errors.contains(".csv, .parquet, .json, .xlsx"), "{errors}");
        assert!(!path.exists(), "{ending}");
    }
}
