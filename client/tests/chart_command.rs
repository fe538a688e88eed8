//! `vscsi-helper chart`, on the job of a simulated host.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

#[expect(dead_code, reason = "the charts need no raw figures to compare with")]
mod analysis_support;

use std::path::Path;
use std::process::{Command, Output};

use analysis_support::{UPTIME_US, collect};
use vscsi_fixtures::{Direction, IoEvent};

/// Two seconds of reads of 8 KiB in sequence, and of writes in between.
fn make_job(data: &Path) {
    let stream: Vec<IoEvent> = (0..200_u64)
        .map(|index| IoEvent {
            issue_us: UPTIME_US + 10_000 * index,
            latency_us: 700,
            lbn: 16 * index,
            bytes: 8192,
            direction: if index % 4 == 3 {
                Direction::Write
            } else {
                Direction::Read
            },
        })
        .collect();
    collect(
        &data.join("raw-stream"),
        &[stream],
        &[0, 500_000, 1_000_000, 1_500_000, 2_000_000],
    );
}

fn chart(data: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_vscsi-helper"))
        .env("HOME", data)
        .arg("--data-dir")
        .arg(data)
        .args(["chart", "raw-stream"])
        .args(arguments)
        .output()
        .unwrap()
}

fn stdout(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[test]
fn the_charts_asked_for_are_written_beside_the_job_and_their_paths_printed() {
    let data = tempfile::tempdir().unwrap();
    make_job(data.path());
    let printed = stdout(&chart(
        data.path(),
        &["--kind", "latency-3d,iops-timeline", "--format", "svg"],
    ));
    let folder = data.path().join("raw-stream/visualizations");
    let expected = ["latency-3d.svg", "iops-timeline.svg"].map(|name| folder.join(name));
    assert_eq!(printed.lines().map(Path::new).collect::<Vec<_>>(), expected);
    assert!(expected.iter().all(|path| path.is_file()));
}

#[test]
fn all_charts_are_drawn_unless_told_otherwise() {
    let data = tempfile::tempdir().unwrap();
    make_job(data.path());
    let output = data.path().join("report");
    let printed = stdout(&chart(
        data.path(),
        &["--format", "svg", "-o", output.to_str().unwrap()],
    ));
    // Six surfaces in three directions, four timelines and two distributions.
    assert_eq!(printed.lines().count(), 6 * 3 + 4 + 2);
    assert_eq!(std::fs::read_dir(&output).unwrap().count(), 24);
}

#[test]
fn json_names_each_chart_and_its_file() {
    let data = tempfile::tempdir().unwrap();
    make_job(data.path());
    let printed = stdout(&chart(
        data.path(),
        &["--json", "--kind", "seek-3d-read", "--dpi", "40", "--size", "6x4"],
    ));
    let json: serde_json::Value = serde_json::from_str(&printed).unwrap();
    assert_eq!(json["job"], "raw-stream");
    assert_eq!(json["charts"][0]["kind"], "seek-3d-read");
    let file = std::fs::read(json["charts"][0]["path"].as_str().unwrap()).unwrap();
    // Width and height are the first two numbers of the header chunk: 240 and 160 pixels.
    assert_eq!(file[16..24], [0, 0, 0, 240, 0, 0, 0, 160]);
}

#[test]
fn an_unknown_chart_is_a_usage_error_that_names_the_known_ones() {
    let data = tempfile::tempdir().unwrap();
    let output = chart(data.path(), &["--kind", "pie"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("latency-3d-write"));
}

#[test]
fn an_impossible_size_is_a_usage_error() {
    let data = tempfile::tempdir().unwrap();
    make_job(data.path());
    let output = chart(data.path(), &["--size", "1x1"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("inches"));
}
