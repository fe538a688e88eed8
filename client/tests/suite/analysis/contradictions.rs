//! Captures whose numbers contradict each other, and those that lost rows.

use std::fs;
use std::path::Path;

use crate::analysis::import::{Place, counted, found, now, reads};
use crate::support::desk::Desk;
use crate::support::raw_job::print;
use vscsi_helper::analysis::{Code, Options, Partial, Severity};
use vscsi_helper::samples::analyze_job;

fn fixture(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/data/vscsistats");
    fs::read_to_string(folder.join(name)).unwrap()
}

#[test]
fn an_intact_capture_contradicts_itself_nowhere() {
    let place = Place::new();
    let file = place.file("one-disk.csv", fixture("one-disk.csv"));
    let (jobs, _) = place.import(&[file], None).unwrap();
    assert!(found(&jobs[0].analysis.findings, Code::CountsContradict).is_none());
}

#[test]
fn latencies_that_do_not_fit_the_block_sizes_are_named() {
    let place = Place::new();
    let file = place.file("swapped.csv", fixture("contradictions/latency-bodies-swapped.csv"));
    let (jobs, _) = place.import(&[file], None).unwrap();
    let finding = found(&jobs[0].analysis.findings, Code::CountsContradict).unwrap();
    assert_eq!(finding.severity, Severity::Error);
    // 4 reads of 793 commands, and the other way round in the latencies.
    let counts = "`latency of Read IOs in Microseconds (us)` holds 793, and `IO lengths of Read commands` 4";
    assert!(finding.message.contains(counts), "{}", finding.message);
}

#[test]
fn numbers_at_the_ends_of_64_bits_and_one_huge_bucket_are_found_and_overflow_nothing() {
    for name in ["onebucket.csv", "counts.csv", "mean2.csv"] {
        let place = Place::new();
        let file = place.file(name, fixture(&format!("contradictions/{name}")));
        let (jobs, _) = place.import(&[file], None).unwrap();
        let contradicts = |code| {
            matches!(
                code,
                Code::CountMismatch | Code::CountsContradict | Code::MeanContradictsBuckets
            )
        };
        let findings = &jobs[0].analysis.findings;
        assert!(
            findings.iter().any(|finding| contradicts(finding.code)),
            "{name}: {findings:?}"
        );
    }
}

#[test]
fn what_is_imported_with_numbers_at_the_ends_of_64_bits_is_analysed_and_ends_by_itself() {
    for name in ["onebucket", "counts", "mean2", "latency-bodies-swapped"] {
        let desk = Desk::new();
        let file = desk.file("print.csv", fixture(&format!("contradictions/{name}.csv")).as_bytes());
        assert_eq!(desk.run(&["import", &file, "--name", name]).code, Some(0));
        for style in ["jobs", "iolog"] {
            let ended = desk.run(&["analyze", name, "--style", style]);
            // A log without end is refused.
            assert!(matches!(ended.code, Some(0..=2)), "{name} {style}: {}", ended.stderr);
            assert!(!ended.stderr.contains("panicked"), "{name} {style}: {}", ended.stderr);
        }
    }
}

#[test]
fn a_replay_log_that_one_damaged_counter_makes_endless_is_refused_with_its_size() {
    let desk = Desk::new();
    let file = desk.file("one.csv", fixture("contradictions/onebucket.csv").as_bytes());
    assert_eq!(desk.run(&["import", &file, "--name", "one"]).code, Some(0));
    desk.refuses(
        &["analyze", "one", "--style", "iolog"],
        2,
        &["a replay log would hold", "s of work", "--duration"],
    );
}

#[test]
fn limits_that_are_the_beginning_of_the_known_ones_are_judged_alike_when_read_again() {
    for name in ["prefix.txt", "prefix1.txt"] {
        let desk = Desk::new();
        let path = desk.path(name);
        fs::write(&path, fixture(&format!("contradictions/{name}"))).unwrap();
        let imported = desk.run(&["import", path.to_str().unwrap(), "--name", "torn", "--interval", "60"]);
        if imported.code == Some(3) {
            assert_eq!(desk.run(&["analyze", "torn"]).code, Some(3), "{name}");
        } else {
            assert_eq!(imported.code, Some(1), "{name}: {}", imported.stderr);
        }
    }
}

#[test]
fn a_row_lost_in_two_prints_loses_no_io_and_is_told_by_import_and_analysis_alike() {
    let without_a_row = |text: &str| text.replacen("\n0,8191\n", "\n", 1);
    let whole: Vec<String> = (1..=4)
        .map(|prints| print(&counted(&reads(0, prints * 1000)), 0))
        .collect();
    let capture = [
        whole[0].clone(),
        without_a_row(&whole[1]),
        without_a_row(&whole[2]),
        whole[3].clone(),
    ];
    let place = Place::new();
    let (jobs, warnings) = place
        .import(&[place.file("torn.csv", capture.concat())], Some(10))
        .unwrap();
    assert_eq!(
        warnings
            .iter()
            .filter(|warning| warning.diagnostic.kind.is_loss())
            .count(),
        2
    );
    let analysis = &jobs[0].analysis;
    assert_eq!(analysis.profile.ios.total, Some(4000));
    assert_eq!(analysis.partial, Some(Partial::CaptureDamaged));
    let again = analyze_job(&jobs[0].directory, &Options::default(), now()).unwrap();
    assert_eq!(again.partial, Some(Partial::CaptureDamaged));
}
