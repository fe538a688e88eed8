//! Disks of a job that have less data than the others, or none.

use crate::support::raw_job::{UPTIME_US, collect, header, job, print, write_job, write_snapshot};
use vscsi_fixtures::{Direction, DiskStatistics, IoEvent};
use vscsi_helper::analysis::{Analysis, Code, Filter, Finding, Options, Severity};
use vscsi_helper::failure::Failure;
use vscsi_helper::samples::{SamplesError, analyze_job};
use vscsi_helper::store::JobFiles;
use vscsi_shared::exit_code;

fn reads(number: u64) -> Vec<IoEvent> {
    (0..number)
        .map(|index| IoEvent {
            issue_us: UPTIME_US + 1000 + index * 1000,
            latency_us: 100,
            lbn: index * 8,
            bytes: 4096,
            direction: Direction::Read,
        })
        .collect()
}

fn analyze(directory: &std::path::Path, disks: &[&str]) -> Result<Analysis, SamplesError> {
    let options = Options {
        filter: Filter::None,
        disks: disks.iter().map(|disk| (*disk).to_owned()).collect(),
        ..Options::default()
    };
    analyze_job(
        &JobFiles::at(directory),
        &options,
        "2025-11-06T09:15:00Z".parse().unwrap(),
    )
}

fn without_data(analysis: &Analysis) -> Vec<&Finding> {
    let findings = analysis.findings.iter();
    findings.filter(|finding| finding.code == Code::NoDataForDisk).collect()
}

/// A job of two disks and four seconds, in which the second disk is there in the first snapshots only.
fn job_whose_second_disk_is_there_for(snapshots: u32) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    write_job(directory.path(), &job(2, 4, 1));
    let mut statistics = DiskStatistics::new();
    for event in reads(100) {
        statistics.record(&event);
    }
    statistics.advance_to(u64::MAX);
    for sequence in 0..=4 {
        let disks = if sequence < snapshots { 2 } else { 1 };
        let header = header(sequence, UPTIME_US / 1000 + u64::from(sequence) * 1000, disks);
        let output: String = (0..disks).map(|disk| print(&statistics, disk)).collect();
        write_snapshot(directory.path(), &header, &output);
    }
    directory
}

#[test]
fn disks_that_are_there_all_the_time_are_not_worth_a_word() {
    let directory = tempfile::tempdir().unwrap();
    collect(directory.path(), &[reads(10), Vec::new()], &[0, 1_000_000, 2_000_000]);
    assert_eq!(
        without_data(&analyze(directory.path(), &[]).unwrap()),
        Vec::<&Finding>::new()
    );
}

#[test]
fn a_disk_that_was_removed_halfway_is_named_with_the_time_it_covers() {
    let directory = job_whose_second_disk_is_there_for(3);
    let analysis = analyze(directory.path(), &[]).unwrap();
    let [finding] = without_data(&analysis)[..] else {
        panic!("{:?}", analysis.findings)
    };
    assert_eq!(finding.disk.as_ref().unwrap().0, "scsi0:1");
    assert_eq!(finding.severity, Severity::Warning);
    assert!(finding.message.contains("2.0 s of 4.0 s"), "{}", finding.message);
}

#[test]
fn a_disk_of_the_job_without_any_data_is_named() {
    let directory = job_whose_second_disk_is_there_for(0);
    let analysis = analyze(directory.path(), &[]).unwrap();
    let [finding] = without_data(&analysis)[..] else {
        panic!("{:?}", analysis.findings)
    };
    assert_eq!(finding.disk.as_ref().unwrap().0, "scsi0:1");
    assert!(
        finding.message.contains("all numbers are without it"),
        "{}",
        finding.message
    );
}

#[test]
fn a_disk_without_data_is_refused_by_any_of_its_names_as_what_it_is() {
    let directory = job_whose_second_disk_is_there_for(1);
    for name in ["scsi0:1", "8195", "lun-1"] {
        let error = analyze(directory.path(), &[name]).unwrap_err();
        assert_eq!(error.exit_code(), exit_code::FAILED, "{name}");
        assert!(
            error
                .to_string()
                .contains("disk `scsi0:1` of job `raw-stream` has no data"),
            "{name}: {error}"
        );
        assert!(error.hint().is_some(), "{name}");
    }
}

#[test]
fn what_other_disks_lack_does_not_concern_the_one_that_is_looked_at() {
    let directory = job_whose_second_disk_is_there_for(3);
    let analysis = analyze(directory.path(), &["scsi0:0"]).unwrap();
    assert_eq!(without_data(&analysis), Vec::<&Finding>::new());
}
