//! What becomes of odd snapshots: resets, gaps, failures, handles that change, disks that come and go.

use std::fs;
use std::path::Path;

use crate::support::raw_job::{UPTIME_US, collect, flagged, header, job, print, write_job, write_snapshot};
use vscsi_fixtures::{Direction, DiskStatistics, IoEvent};
use vscsi_helper::analysis::load::Loaded;
use vscsi_helper::analysis::{Analysis, Code, Filter, Options, Sample};
use vscsi_helper::failure::Failure;
use vscsi_helper::samples::{self, Samples, SamplesError, analyze_job};
use vscsi_helper::store::{Compressed, JobFiles, compress};
use vscsi_shared::exit_code;
use vscsi_shared::identifier::HandleId;
use vscsi_shared::job::{Job, Status};
use vscsi_shared::snapshot::SnapshotFlag;

/// `count` reads of 8 KiB, 1 ms apart, from `start_ms` after the start of the test.
pub(crate) fn reads(start_ms: u64, count: u64) -> Vec<IoEvent> {
    (0..count)
        .map(|index| IoEvent {
            issue_us: UPTIME_US + (start_ms + index) * 1000,
            latency_us: 250,
            lbn: 1_000_000 + index * 16,
            bytes: 8192,
            direction: Direction::Read,
        })
        .collect()
}

pub(crate) fn record(statistics: &mut DiskStatistics, events: &[IoEvent]) {
    for event in events {
        statistics.record(event);
    }
    if let Some(last) = events.last() {
        statistics.advance_to(last.completion_us());
    }
}

/// A test's job directory, with snapshots one second apart.
pub(crate) struct Snapshots {
    directory: tempfile::TempDir,
    pub(crate) next: u32,
    disks: usize,
}

impl Snapshots {
    pub(crate) fn new(disks: usize) -> Self {
        let directory = tempfile::tempdir().unwrap();
        write_job(directory.path(), &job(disks, 3, 1));
        Self {
            directory,
            next: 0,
            disks,
        }
    }

    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    pub(crate) fn add(&mut self, statistics: &[&DiskStatistics], flags: &[SnapshotFlag]) {
        let output: String = statistics
            .iter()
            .enumerate()
            .map(|(disk, statistics)| print(statistics, disk))
            .collect();
        self.add_output(&output, flags);
    }

    pub(crate) fn add_output(&mut self, output: &str, flags: &[SnapshotFlag]) {
        let header = flagged(
            header(self.next, UPTIME_US / 1000 + u64::from(self.next) * 1000, self.disks),
            flags,
        );
        write_snapshot(self.path(), &header, output);
        self.next += 1;
    }

    pub(crate) fn load(&self) -> Loaded {
        load(self.path()).loaded
    }
}

/// The samples of the job in a directory.
pub(crate) fn load(directory: &Path) -> Samples {
    samples::load(&JobFiles::at(directory)).unwrap()
}

/// The job of a directory, as its `job.json` has it.
pub(crate) fn read_job(directory: &Path) -> Job {
    JobFiles::at(directory).read_job().unwrap().job
}

pub(crate) fn ios(loaded: &Loaded) -> Vec<u64> {
    loaded.series.samples.iter().map(Sample::ios).collect()
}

pub(crate) fn seconds(loaded: &Loaded) -> Vec<f64> {
    loaded.series.samples.iter().map(|sample| sample.seconds).collect()
}

pub(crate) fn has(loaded: &Loaded, code: Code) -> bool {
    loaded.findings.iter().any(|finding| finding.code == code)
}

#[test]
fn a_reset_makes_the_snapshot_stand_alone() {
    let mut snapshots = Snapshots::new(1);
    let mut statistics = DiskStatistics::new();
    snapshots.add(&[&statistics], &[]);
    record(&mut statistics, &reads(100, 500));
    snapshots.add(&[&statistics], &[]);
    statistics.reset(false);
    record(&mut statistics, &reads(1500, 40));
    snapshots.add(&[&statistics], &[]);
    let loaded = snapshots.load();
    assert_eq!(ios(&loaded), [500, 40]);
    assert!(has(&loaded, Code::CounterReset));
}

#[test]
fn a_restart_that_counted_more_than_before_is_noticed_by_its_new_uptime() {
    let mut snapshots = Snapshots::new(1);
    let mut statistics = DiskStatistics::new();
    snapshots.add(&[&statistics], &[]);
    record(&mut statistics, &reads(100, 30));
    snapshots.add(&[&statistics], &[]);
    // No counter falls: 400 I/Os of the same kind hide the 30 before them.
    statistics.reset(true);
    record(&mut statistics, &reads(1200, 400));
    snapshots.add(&[&statistics], &[]);
    let loaded = snapshots.load();
    assert_eq!(ios(&loaded), [30, 400]);
    assert!(has(&loaded, Code::CounterReset));
}

#[test]
fn a_long_pause_of_a_collection_that_ran_before_is_no_restart() {
    let mut snapshots = Snapshots::new(1);
    let mut statistics = DiskStatistics::new();
    // Two I/Os long before the baseline, and then nothing for longer than the whole job.
    record(&mut statistics, &reads(0, 2));
    snapshots.add(&[&statistics], &[SnapshotFlag::Foreign]);
    let late = IoEvent {
        issue_us: UPTIME_US * 3,
        ..reads(0, 1)[0]
    };
    record(&mut statistics, &[late]);
    snapshots.add(&[&statistics], &[SnapshotFlag::Foreign]);
    let loaded = snapshots.load();
    assert_eq!(ios(&loaded), [1]);
    assert!(!has(&loaded, Code::CounterReset));
}

#[test]
fn a_failed_snapshot_is_spanned_without_losing_an_io_or_a_second() {
    let mut snapshots = Snapshots::new(1);
    let mut statistics = DiskStatistics::new();
    snapshots.add(&[&statistics], &[]);
    record(&mut statistics, &reads(100, 50));
    snapshots.add_output("vscsiStats: cannot", &[SnapshotFlag::Failed]);
    record(&mut statistics, &reads(1100, 70));
    snapshots.add(&[&statistics], &[]);
    let loaded = snapshots.load();
    assert_eq!(ios(&loaded), [120]);
    assert_eq!(seconds(&loaded), [2.0]);
    // One event is told once, with what vscsiStats said.
    let told: Vec<_> = loaded
        .findings
        .iter()
        .filter(|finding| finding.sequence == Some(1))
        .collect();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].code == Code::FailedSnapshot && told[0].message.contains("vscsiStats: cannot"));
}

#[test]
fn a_missing_and_a_torn_snapshot_are_spanned_as_well() {
    let mut snapshots = Snapshots::new(1);
    let mut statistics = DiskStatistics::new();
    snapshots.add(&[&statistics], &[]);
    for (start_ms, count) in [(100, 10), (1100, 20), (2100, 30)] {
        record(&mut statistics, &reads(start_ms, count));
        snapshots.add(&[&statistics], &[]);
    }
    let samples = snapshots.path().join("samples");
    fs::remove_file(samples.join("sample_001.csv")).unwrap();
    let torn = fs::read(samples.join("sample_002.csv")).unwrap();
    fs::write(samples.join("sample_002.csv"), &torn[..torn.len() / 2]).unwrap();
    let loaded = snapshots.load();
    assert_eq!(ios(&loaded), [60]);
    assert_eq!(seconds(&loaded), [3.0]);
    assert!(has(&loaded, Code::MissingSnapshot) && has(&loaded, Code::UnreadableSnapshot));
}

#[test]
fn a_new_handle_is_a_new_baseline() {
    let mut snapshots = Snapshots::new(1);
    let mut statistics = DiskStatistics::new();
    snapshots.add(&[&statistics], &[]);
    record(&mut statistics, &reads(100, 10));
    snapshots.add(&[&statistics], &[]);
    let mut later = DiskStatistics::new();
    record(&mut later, &reads(1100, 5));
    for sequence in [2_u32, 3] {
        let mut header = header(sequence, UPTIME_US / 1000 + u64::from(sequence) * 1000, 1);
        header.disks[0].handle_id = HandleId(9000);
        let output = print(&later, 0).replace(",8194 ", ",9000 ");
        write_snapshot(snapshots.path(), &header, &output);
        record(&mut later, &reads(2100, 7));
    }
    let loaded = snapshots.load();
    assert_eq!(ios(&loaded), [10, 7]);
    assert_eq!(loaded.series.disks.len(), 1);
    assert!(has(&loaded, Code::HandleChanged));
}

#[test]
fn a_reboot_is_a_new_baseline_and_the_time_goes_on() {
    let mut snapshots = Snapshots::new(1);
    let mut statistics = DiskStatistics::new();
    snapshots.add(&[&statistics], &[]);
    record(&mut statistics, &reads(100, 10));
    snapshots.add(&[&statistics], &[]);
    let mut after = DiskStatistics::new();
    for sequence in [2_u32, 3] {
        // Booted ten seconds ago by the clock that began anew, two minutes later by the clock on the wall.
        let mut header = header(sequence, 10_000 + u64::from(sequence) * 1000, 1);
        header.taken_at = format!("2025-12-06T09:0{sequence}:00Z").parse().unwrap();
        header.boot_id = "boot-2".to_owned();
        write_snapshot(snapshots.path(), &header, &print(&after, 0));
        record(&mut after, &reads(3000, 4));
    }
    let loaded = snapshots.load();
    assert_eq!(ios(&loaded), [10, 4]);
    assert_eq!(seconds(&loaded), [1.0, 1.0]);
    assert!(loaded.series.samples[1].start_seconds > 1.0);
    assert!(has(&loaded, Code::HostRebooted));
}

#[test]
fn time_in_which_the_vm_was_away_is_no_sample() {
    let mut snapshots = Snapshots::new(1);
    let mut statistics = DiskStatistics::new();
    snapshots.add(&[&statistics], &[]);
    record(&mut statistics, &reads(100, 10));
    snapshots.add(&[&statistics], &[]);
    snapshots.add_output("", &[SnapshotFlag::Gap]);
    let loaded = snapshots.load();
    assert_eq!(ios(&loaded), [10]);
    assert!(has(&loaded, Code::Gap));
}

#[test]
fn a_disk_missing_in_one_print_loses_no_io() {
    let mut snapshots = Snapshots::new(2);
    let (mut first, mut second) = (DiskStatistics::new(), DiskStatistics::new());
    snapshots.add(&[&first, &second], &[]);
    record(&mut first, &reads(100, 10));
    record(&mut second, &reads(100, 100));
    snapshots.add(&[&first], &[]);
    record(&mut first, &reads(1100, 20));
    record(&mut second, &reads(1100, 200));
    snapshots.add(&[&first, &second], &[]);
    record(&mut first, &reads(2100, 40));
    snapshots.add(&[&first, &second], &[]);
    let loaded = snapshots.load();
    // The second disk's difference covers two seconds, so the first disk's samples are merged to match.
    assert_eq!(ios(&loaded), [330, 40]);
    assert_eq!(seconds(&loaded), [2.0, 1.0]);
    assert!(has(&loaded, Code::IncompleteDisk) && has(&loaded, Code::MergedSamples));
}

#[test]
fn half_a_print_of_a_disk_is_spanned() {
    let mut snapshots = Snapshots::new(1);
    let mut statistics = DiskStatistics::new();
    snapshots.add(&[&statistics], &[]);
    record(&mut statistics, &reads(100, 10));
    let whole = print(&statistics, 0);
    snapshots.add_output(&whole[..whole.len() / 2], &[]);
    record(&mut statistics, &reads(1100, 20));
    snapshots.add(&[&statistics], &[]);
    let loaded = snapshots.load();
    assert_eq!(ios(&loaded), [30]);
    assert!(has(&loaded, Code::IncompleteDisk) && has(&loaded, Code::UnusableOutput));
}

#[test]
fn a_disk_that_appears_begins_with_a_baseline_of_its_own() {
    let mut snapshots = Snapshots::new(2);
    let (mut first, mut second) = (DiskStatistics::new(), DiskStatistics::new());
    snapshots.add(&[&first], &[]);
    record(&mut first, &reads(100, 10));
    record(&mut second, &reads(100, 500));
    snapshots.add(&[&first, &second], &[]);
    record(&mut second, &reads(1100, 7));
    snapshots.add(&[&first, &second], &[]);
    let loaded = snapshots.load();
    assert_eq!(ios(&loaded), [10, 7]);
}

#[test]
fn in_restart_mode_every_snapshot_stands_alone() {
    let mut snapshots = Snapshots::new(1);
    for count in [0, 30, 50, 20] {
        let mut statistics = DiskStatistics::new();
        record(&mut statistics, &reads(100 + u64::from(snapshots.next) * 1000, count));
        snapshots.add(&[&statistics], &[SnapshotFlag::Restarted]);
    }
    let loaded = snapshots.load();
    assert_eq!(ios(&loaded), [30, 50, 20]);
    assert_eq!(seconds(&loaded), [1.0, 1.0, 1.0]);
    assert!(!has(&loaded, Code::CounterReset));
}

#[test]
fn a_clock_that_runs_backwards_leaves_the_snapshot_out() {
    let mut snapshots = Snapshots::new(1);
    let mut statistics = DiskStatistics::new();
    snapshots.add(&[&statistics], &[]);
    record(&mut statistics, &reads(100, 10));
    snapshots.add(&[&statistics], &[]);
    let header = header(2, UPTIME_US / 1000, 1);
    write_snapshot(snapshots.path(), &header, &print(&statistics, 0));
    let loaded = snapshots.load();
    assert_eq!(ios(&loaded), [10]);
    assert!(has(&loaded, Code::ClockWentBack));
}

#[test]
fn numbers_that_contradict_each_other_are_reported() {
    let mut snapshots = Snapshots::new(1);
    let mut statistics = DiskStatistics::new();
    snapshots.add(&[&statistics], &[]);
    record(&mut statistics, &reads(100, 10));
    let lying = print(&statistics, 0)
        .replacen("mean,8192", "mean,70000", 1)
        .replacen("max,250", "max,5", 1)
        .replacen("count,10", "count,11", 1);
    snapshots.add_output(&lying, &[]);
    let loaded = snapshots.load();
    assert!(has(&loaded, Code::CountMismatch), "{:?}", loaded.findings);
    assert!(has(&loaded, Code::ExtremesContradictBuckets), "{:?}", loaded.findings);
}

fn everything() -> Options {
    Options {
        filter: Filter::None,
        ..Options::default()
    }
}

fn analyze(directory: &Path, options: &Options) -> Result<Analysis, SamplesError> {
    analyze_job(
        &JobFiles::at(directory),
        options,
        "2025-11-06T09:15:00Z".parse().unwrap(),
    )
}

/// A job of one disk that does so many reads in each of its samples of one second.
pub(crate) fn job_of(counts: &[u64]) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let events: Vec<IoEvent> = counts
        .iter()
        .enumerate()
        .flat_map(|(second, &count)| reads(second as u64 * 1000 + 1, count))
        .collect();
    let moments: Vec<u64> = (0..=counts.len() as u64).map(|second| second * 1_000_000).collect();
    collect(directory.path(), &[events], &moments);
    directory
}

#[test]
fn compressed_snapshots_give_the_same_samples() {
    let directory = job_of(&[10, 20, 30]);
    let plain = load(directory.path()).loaded;
    let files = JobFiles::at(directory.path());
    let compressed = compress(&files).unwrap();
    assert_eq!(compressed.files, 4);
    assert!(compressed.after_bytes < compressed.before_bytes);
    for entry in fs::read_dir(directory.path().join("samples")).unwrap() {
        assert_eq!(entry.unwrap().path().extension().unwrap(), "gz");
    }
    let unpacked = load(directory.path()).loaded;
    assert_eq!((unpacked.series, unpacked.findings), (plain.series, plain.findings));
    assert_eq!(compress(&files).unwrap(), Compressed::default());
}

#[test]
fn a_job_without_any_io_has_a_profile_of_zeros() {
    let directory = job_of(&[0, 0]);
    let analysis = analyze(directory.path(), &Options::default()).unwrap();
    assert_eq!(analysis.profile.ios.total, Some(0));
    assert_eq!(analysis.profile.iops.total, Some(0.0));
    assert_eq!(analysis.profile.latency_ms.all, None);
    assert_eq!(analysis.profile.burst_index, None);
}

#[test]
fn a_job_with_one_sample_keeps_it_through_the_default_filter() {
    let directory = job_of(&[10]);
    let analysis = analyze(directory.path(), &Options::default()).unwrap();
    assert_eq!(analysis.kept, [true]);
    assert!((analysis.profile.iops.total.unwrap() - 10.0).abs() < 1e-9);
}

#[test]
fn a_filter_that_leaves_nothing_says_what_would_be_left() {
    let directory = job_of(&[10, 20, 30, 40]);
    let options = Options {
        filter: Filter::Absolute(1000.0),
        ..Options::default()
    };
    let error = analyze(directory.path(), &options).unwrap_err();
    assert_eq!(error.exit_code(), exit_code::NOTHING_LEFT);
    let hint = error.hint().unwrap();
    assert!(hint.contains("1 of 4 at 40") && hint.contains("2 of 4 at 30"), "{hint}");
}

#[test]
fn a_job_without_samples_says_why() {
    let directory = tempfile::tempdir().unwrap();
    write_job(directory.path(), &job(1, 3, 1));
    let error = analyze(directory.path(), &everything()).unwrap_err();
    assert_eq!(error.exit_code(), exit_code::FAILED);
    assert!(error.to_string().contains("fewer than two snapshots"), "{error}");
}

#[test]
fn a_job_that_did_not_complete_is_analysed_as_partial() {
    let directory = job_of(&[10, 20]);
    let mut job = read_job(directory.path());
    job.status = Status::Failed;
    write_job(directory.path(), &job);
    assert!(analyze(directory.path(), &everything()).unwrap().is_partial());
}

#[test]
fn a_completed_job_that_lacks_samples_is_partial() {
    let directory = job_of(&[10, 20]);
    let mut job = read_job(directory.path());
    (job.collection.samples_collected, job.collection.samples_expected) = (20, 20);
    write_job(directory.path(), &job);
    assert!(!analyze(directory.path(), &everything()).unwrap().is_partial());
    job.collection.samples_collected = 19;
    write_job(directory.path(), &job);
    assert!(analyze(directory.path(), &everything()).unwrap().is_partial());
}

#[test]
fn a_disk_is_found_by_its_node_its_handle_and_its_lun() {
    let directory = tempfile::tempdir().unwrap();
    collect(directory.path(), &[reads(1, 10), reads(1, 77)], &[0, 1_000_000]);
    for name in ["scsi0:1", "8195", "lun-1"] {
        let options = Options {
            disks: vec![name.to_owned()],
            ..everything()
        };
        assert_eq!(
            analyze(directory.path(), &options).unwrap().profile.ios.total,
            Some(77),
            "{name}"
        );
    }
}

#[test]
fn a_disk_that_the_job_does_not_have_is_refused_with_those_it_has() {
    let directory = job_of(&[10]);
    let options = Options {
        disks: vec!["scsi0:9".to_owned()],
        ..everything()
    };
    let error = analyze(directory.path(), &options).unwrap_err();
    assert_eq!(error.exit_code(), exit_code::NO_SUCH_TARGET);
    assert!(error.to_string().contains("scsi0:0"), "{error}");
}

#[test]
fn the_first_io_of_a_collection_leaves_no_artefact_behind() {
    let directory = job_of(&[10, 10]);
    let analysis = analyze(directory.path(), &everything()).unwrap();
    let times = analysis.profile.interarrival_us.all.unwrap();
    // Twenty reads have nineteen gaps: 1 ms within each burst, 991 ms between the two.
    assert_eq!(times.count, 19);
    assert!(
        (times.mean.est - (18.0 * 1000.0 + 991_000.0) / 19.0).abs() < 1.0,
        "{times:?}"
    );
    // Reads of 16 blocks, 16 blocks apart, follow each other; the second burst begins anew.
    let strict = analysis.profile.sequentiality.strict.unwrap();
    assert!((strict.est - 100.0 * 18.0 / 19.0).abs() < 1e-9, "{strict:?}");
}
