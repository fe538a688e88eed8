//! Analyses without names and dates: what is replaced, and that no number is.

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::support::chart_job::{self, Directions};
use vscsi_helper::analysis::anonymous::{Aliases, BEGINNING};
use vscsi_helper::analysis::load::Loaded;
use vscsi_helper::analysis::{Analysis, Code, DiskKey, Finding, Options, Series, Severity, analyze, select};
use vscsi_shared::job::Job;

/// `job.json` of a completed job of three samples, but for these keys.
fn job(changes: &Value) -> Job {
    let mut job = json!({
        "format_version": "1.0", "job_id": "sql-peak",
        "created_at": "2025-11-06T08:30:22Z", "updated_at": "2025-11-06T09:00:45Z", "status": "completed",
        "host": {"hostname": "esx1", "username": "root", "fingerprint": "SHA256:x"},
        "target": {"vm_name": "SQL", "world_group_id": "12345", "config_file": "/vmfs/volumes/ds/SQL.vmx", "disks": [
            {"handle_id": "8194", "node": "scsi0:0", "lun": "data"}, {"handle_id": "8195", "node": "", "lun": "log"}]},
        "profile": {"name": "mine", "samples": 3, "interval_seconds": 60},
        "collection": {"samples_collected": 3, "samples_expected": 3},
        "cleanup": {"vscsiStats_stopped": true}
    });
    for (path, value) in changes.as_object().unwrap() {
        *job.pointer_mut(path).unwrap() = value.clone();
    }
    serde_json::from_value(job).unwrap()
}

fn analysis_of(job: Job, series: Series, findings: Vec<Finding>, last_sequence: u32) -> Analysis {
    let loaded = Loaded {
        series,
        findings,
        last_sequence: Some(last_sequence),
    };
    analyze(
        job,
        loaded,
        &Options::default(),
        "2026-01-01T00:00:00Z".parse().unwrap(),
    )
    .unwrap()
}

fn analysis(changes: &Value) -> Analysis {
    analysis_of(job(changes), chart_job::job(3, 2, Directions::Both), Vec::new(), 3)
}

fn finding(code: Code, disk: Option<&str>) -> Finding {
    Finding {
        severity: Severity::Warning,
        code,
        message: "what somebody else wrote".to_owned(),
        sequence: Some(2),
        disk: disk.map(|disk| DiskKey(disk.to_owned())),
        occurrences: 1,
    }
}

#[test]
fn every_number_is_what_it_was() {
    let before = analysis(&json!({}));
    let after = Aliases::default().anonymise(before.clone());
    assert_eq!(after.profile, before.profile);
    assert_eq!(after.workload.histograms, before.workload.histograms);
    assert_eq!((after.kept, after.cut_iops), (before.kept, before.cut_iops));
    assert_eq!((after.shares, after.partial), (before.shares, before.partial));
    let numbers = |analysis: &[(DiskKey, _)]| analysis.iter().map(|(_, profile)| profile).cloned().collect::<Vec<_>>();
    assert_eq!(numbers(&after.disks), numbers(&before.disks));
    for (after, before) in after.series.samples.iter().zip(&before.series.samples) {
        assert_eq!(after.disks, before.disks);
        assert_eq!(
            (after.sequence, after.start_seconds, after.seconds),
            (before.sequence, before.start_seconds, before.seconds)
        );
    }
    // And what is made of it again is the same: the analysis of the anonymous samples.
    let again = analysis_of(after.job, after.series, Vec::new(), 3);
    assert_eq!((again.profile, again.shares), (before.profile, before.shares));
}

#[test]
fn names_are_numbered_in_order_of_appearance_and_the_same_for_the_same_name() {
    let mut aliases = Aliases::default();
    let mut names = |job, vm, host| {
        let changes = json!({"/job_id": job, "/target/vm_name": vm, "/host/hostname": host});
        let provenance = aliases.anonymise(analysis(&changes)).workload.provenance;
        [provenance.job, provenance.vm_name, provenance.host]
    };
    assert_eq!(names("monday", "SQL", "esx1"), ["job-1", "vm-1", "host-1"]);
    assert_eq!(names("tuesday", "SQL", "esx2"), ["job-2", "vm-1", "host-2"]);
    assert_eq!(names("monday", "web", "esx1"), ["job-1", "vm-2", "host-1"]);
    // Another job, which has its name on another host.
    assert_eq!(names("monday", "web", "esx2"), ["job-3", "vm-2", "host-2"]);
}

#[test]
fn a_name_that_nobody_told_stays_the_word_for_that() {
    let changes = json!({"/target/vm_name": "unknown", "/host/hostname": "imported"});
    let provenance = Aliases::default().anonymise(analysis(&changes)).workload.provenance;
    assert_eq!([provenance.vm_name, provenance.host], ["unknown", "imported"]);
}

#[test]
fn a_place_on_a_controller_stays_and_any_other_name_of_a_disk_goes() {
    let mut series = chart_job::job(3, 2, Directions::Both);
    for (name, alias) in [
        ("scsi0:0", "scsi0:0"),
        ("nvme12:15", "nvme12:15"),
        ("9135781989851158", "disk-1"),
        ("scsi0:0 of SQL", "disk-1"),
        ("scsi0:9135781989851158", "disk-1"),
        ("SQL:0", "disk-1"),
    ] {
        series.disks[1] = DiskKey(name.to_owned());
        let before = analysis_of(job(&json!({})), series.clone(), vec![finding(Code::Gap, Some(name))], 3);
        let after = Aliases::default().anonymise(before);
        let alias = DiskKey(alias.to_owned());
        assert_eq!(after.series.disks[1], alias, "{name}");
        assert_eq!(
            (&after.disks[1].0, &after.workload.disks[1].disk),
            (&alias, &alias),
            "{name}"
        );
        let finding = after.findings.iter().find(|finding| finding.code == Code::Gap).unwrap();
        assert_eq!(finding.disk, Some(alias), "{name}");
    }
}

#[test]
fn a_finding_that_may_repeat_what_others_wrote_says_it_in_own_words() {
    let codes = [
        (Code::UnreadableSnapshot, None),
        (Code::UnusableOutput, None),
        (Code::FailedSnapshot, None),
        (Code::IncompleteDisk, Some("scsi0:0")),
        (Code::HandleChanged, Some("scsi0:0")),
        (Code::UptimeArtefact, Some("scsi0:0")),
        (Code::TimeOfDay, None),
    ];
    let findings = codes.map(|(code, disk)| finding(code, disk)).to_vec();
    let before = analysis_of(job(&json!({})), chart_job::job(3, 2, Directions::Both), findings, 3);
    let after = Aliases::default().anonymise(before);
    assert_eq!(after.findings.len(), codes.len());
    for finding in after.findings {
        assert!(!finding.message.contains("somebody else"), "{finding:?}");
    }
}

#[test]
fn the_command_that_fetches_what_is_missing_names_the_alias() {
    let changes = json!({"/profile/samples": 5, "/collection/samples_collected": 5, "/collection/samples_expected": 5});
    let after = Aliases::default().anonymise(analysis(&changes));
    let [finding] = after.findings.as_slice() else {
        panic!("{:?}", after.findings)
    };
    assert_eq!(
        finding.message,
        "snapshots 4 to 5 are not here: `vscsi-helper pull job-1` fetches what its host has"
    );
}

#[test]
fn nothing_that_a_job_tells_of_itself_is_left() {
    let changes = json!({"/status": "failed"});
    let mut before = analysis(&changes);
    let at = before.job.created_at;
    before.job.collection.started_at = Some(at);
    before.job.collection.completed_at = Some(at);
    before.job.collection.errors = vec![vscsi_shared::job::CollectionError {
        at,
        sequence: Some(1),
        message: "SQL went away from esx1".to_owned(),
    }];
    before.job.cleanup.cleanup_error = Some("esx1 does not answer".to_owned());
    before.job.cleanup.manual_cleanup_command = Some("vscsiStats -x -w 12345".to_owned());
    before.job.cleanup.stopped_at = Some(at);
    let after = serde_json::to_string(&Aliases::default().anonymise(before).job).unwrap();
    for name in [
        "sql", "SQL", "esx1", "root", "SHA256", "12345", "vmfs", "8194", "8195", "data", "log", "mine", "2025",
    ] {
        assert!(!after.contains(name), "{name} in {after}");
    }
}

#[test]
fn the_time_between_two_jobs_is_kept() {
    let moved_by = |seconds: i64| {
        let mut series = chart_job::job(3, 2, Directions::Both);
        for sample in &mut series.samples {
            sample.taken_at += SignedDuration::from_secs(seconds);
        }
        analysis_of(job(&json!({})), series, Vec::new(), 3)
    };
    let mut aliases = Aliases::default();
    let begins = |analysis: Analysis| select::begin(&analysis.series.samples[0]);
    assert_eq!(begins(aliases.anonymise(moved_by(0))), BEGINNING);
    let later = begins(aliases.anonymise(moved_by(90_000)));
    assert_eq!(later.duration_since(BEGINNING), SignedDuration::from_secs(90_000));
    let earlier = begins(aliases.anonymise(moved_by(-7)));
    assert_eq!(earlier.duration_since(BEGINNING), SignedDuration::from_secs(-7));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn a_job_begins_on_the_fixed_date_and_the_time_from_sample_to_sample_is_what_it_was(
        moments in prop::collection::vec((-4_000_000_000_i64..8_000_000_000, 0..1_000_000_000_i32), 3),
        seconds in prop::collection::vec(0.001..100_000.0_f64, 3),
    ) {
        let mut series = chart_job::job(3, 2, Directions::Both);
        for (sample, ((second, nanosecond), seconds)) in series.samples.iter_mut().zip(moments.into_iter().zip(seconds)) {
            sample.taken_at = Timestamp::new(second, nanosecond).unwrap();
            sample.seconds = seconds;
        }
        let before = analysis_of(job(&json!({})), series, Vec::new(), 3);
        let after = Aliases::default().anonymise(before.clone());
        prop_assert_eq!(select::begin(&after.series.samples[0]), BEGINNING);
        let since_first = |analysis: &Analysis| {
            let samples = analysis.series.samples.clone();
            let first = samples[0].taken_at;
            samples.into_iter().map(|sample| sample.taken_at.duration_since(first)).collect::<Vec<_>>()
        };
        prop_assert_eq!(since_first(&after), since_first(&before));
        let length = |analysis: &Analysis| {
            let (from, to) = analysis.workload.provenance.period.unwrap();
            to.duration_since(from)
        };
        prop_assert_eq!(length(&after), length(&before));
        prop_assert_eq!(after.workload.provenance.period.unwrap().0, BEGINNING);
    }
}
