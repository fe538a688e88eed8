//! `vscsi-helper chart`, on the job of a simulated host.

use std::path::Path;

use vscsi_fixtures::Direction;

use crate::support::desk::{Desk, Ended};
use crate::support::raw_job::in_sequence;

fn chart(desk: &Desk, arguments: &[&str]) -> Ended {
    desk.run(&[&["chart", "raw-stream"], arguments].concat())
}

/// What a command that succeeded printed.
fn stdout(ended: Ended) -> String {
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    ended.stdout
}

#[test]
fn the_charts_asked_for_are_written_beside_the_job_and_their_paths_printed() {
    let desk = Desk::with_reads_and_writes();
    let printed = stdout(chart(&desk, &["--kind", "latency-3d,iops-timeline", "--format", "svg"]));
    let folder = desk.job("raw-stream").join("visualizations");
    let expected = ["latency-3d.svg", "iops-timeline.svg"].map(|name| folder.join(name));
    assert_eq!(printed.lines().map(Path::new).collect::<Vec<_>>(), expected);
    assert!(expected.iter().all(|path| path.is_file()));
}

#[test]
fn all_charts_are_drawn_unless_told_otherwise() {
    let desk = Desk::with_reads_and_writes();
    let output = desk.path("report");
    let printed = stdout(chart(&desk, &["--format", "svg", "-o", output.to_str().unwrap()]));
    // Six surfaces in three directions, five timelines and two distributions.
    assert_eq!(printed.lines().count(), 6 * 3 + 5 + 2);
    assert_eq!(std::fs::read_dir(&output).unwrap().count(), 25);
}

#[test]
fn a_job_without_writes_gets_no_surface_of_writes_unless_it_is_named() {
    let reads = in_sequence([Direction::Read; 100]);
    let desk = Desk::with_job(&[reads], &[0, 500_000, 1_000_000]);
    let printed = stdout(chart(&desk, &["--format", "svg"]));
    assert_eq!(printed.lines().count(), 6 * 2 + 5 + 2);
    assert!(
        !printed.contains("-write.svg") && printed.contains("latency-3d-read.svg"),
        "{printed}"
    );
    let named = stdout(chart(&desk, &["--format", "svg", "--kind", "latency-3d-write"]));
    assert!(named.contains("latency-3d-write.svg"), "{named}");
}

#[test]
fn json_names_each_chart_and_its_file() {
    let desk = Desk::with_reads_and_writes();
    let printed = stdout(chart(
        &desk,
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
    let output = chart(&Desk::new(), &["--kind", "pie"]);
    assert_eq!(output.code, Some(2));
    assert!(output.stderr.contains("latency-3d-write"));
}

#[test]
fn an_impossible_size_is_a_usage_error() {
    let desk = Desk::with_reads_and_writes();
    let output = chart(&desk, &["--size", "1x1"]);
    assert_eq!(output.code, Some(2));
    assert!(output.stderr.contains("inches"));
}
