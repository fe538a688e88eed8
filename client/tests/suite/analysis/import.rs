//! Captures that were taken without this product: what they become, and what is refused.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use jiff::Timestamp;

use crate::analysis::failures::without;
use crate::analysis::snapshots::load;
use crate::support::raw_job::{UPTIME_US, print};
use vscsi_fixtures::{Direction, DiskLabel, DiskStatistics, HistogramType, IoEvent};
use vscsi_helper::analysis::{Code, Finding, Sample, Severity};
use vscsi_helper::failure::Failure;
use vscsi_helper::import::{ImportError, Imported, Request, Warning, import};
use vscsi_helper::store::Store;
use vscsi_shared::exit_code;
use vscsi_shared::histogram::{Metric, Operation};
use vscsi_shared::identifier::Name;
use vscsi_shared::vscsistats::DiagnosticKind;

/// The published capture's figures under an invented VM, and the capture itself where `VSCSI_SAMPLES` names the folder
/// of real captures.
fn captures() -> Vec<PathBuf> {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let published = std::env::var_os("VSCSI_SAMPLES")
        .map(|samples| Path::new(&samples).join("vscsistats_p-all_csv_1disk_er0080-algonquin.csv"));
    let invented = repository.join("fixtures/data/vscsistats/one-disk.csv");
    [invented].into_iter().chain(published).collect()
}

pub(super) struct Place {
    directory: tempfile::TempDir,
    pub(super) store: Store,
}

impl Place {
    pub(super) fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(&directory.path().join("data")).unwrap();
        Self { directory, store }
    }

    pub(super) fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.directory.path().join(name);
        fs::write(&path, content).unwrap();
        path
    }

    pub(super) fn import(
        &self,
        files: &[PathBuf],
        interval_seconds: Option<u32>,
    ) -> Result<(Vec<Imported>, Vec<Warning>), ImportError> {
        import(&self.store, &request(files, interval_seconds), now())
    }

    /// Nothing but the folder of locks may be there.
    pub(super) fn is_untouched(&self) -> bool {
        let names: Vec<_> = fs::read_dir(self.store.root())
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        names.iter().all(|name| name == ".locks")
    }
}

pub(super) fn now() -> Timestamp {
    "2025-11-06T09:15:00Z".parse().unwrap()
}

pub(super) fn request(files: &[PathBuf], interval_seconds: Option<u32>) -> Request {
    Request {
        files: files.to_vec(),
        name: Name::new("captured").unwrap(),
        interval_seconds,
        first_print: None,
        fio_job: None,
        host: None,
        vm_name: None,
    }
}

pub(super) fn found(findings: &[Finding], code: Code) -> Option<&Finding> {
    findings.iter().find(|finding| finding.code == code)
}

/// Reads of 4 KiB, 10 ms apart, from `start_ms` on.
pub(super) fn reads(start_ms: u64, count: u64) -> Vec<IoEvent> {
    (0..count)
        .map(|index| IoEvent {
            issue_us: UPTIME_US + (start_ms + index * 10) * 1000,
            latency_us: 300,
            lbn: 2_000_000 + index * 8,
            bytes: 4096,
            direction: Direction::Read,
        })
        .collect()
}

pub(super) fn counted(events: &[IoEvent]) -> DiskStatistics {
    let mut statistics = DiskStatistics::new();
    for event in events {
        statistics.record(event);
    }
    statistics.advance_to(u64::MAX);
    statistics
}

#[test]
fn a_single_print_stands_alone_with_the_time_between_its_first_and_last_io() {
    let place = Place::new();
    let file = place.file("one.csv", print(&counted(&reads(0, 101)), 0));
    let (jobs, warnings) = place.import(&[file], None).unwrap();
    assert!(warnings.is_empty());
    let profile = &jobs[0].analysis.profile;
    assert_eq!(profile.ios.total, Some(101));
    // 100 gaps of 10 ms; the printed mean is truncated to a microsecond.
    assert!((profile.seconds - 1.0).abs() < 2e-4, "{}", profile.seconds);
    let iops = profile.iops.total.unwrap();
    assert!((iops - 100.0).abs() < 0.02, "{iops}");
}

#[test]
fn the_published_capture_gives_the_figures_worked_out_by_hand() {
    for capture in captures() {
        let place = Place::new();
        let (jobs, _) = place.import(&[capture], None).unwrap();
        let analysis = &jobs[0].analysis;
        let profile = &analysis.profile;
        assert_eq!((profile.ios.total, profile.ios.read), (Some(793), Some(4)));
        // 733915974 * 793 - 581013626718 microseconds, and less than one more for each I/O, because the mean is
        // truncated: 792 / 2 in the middle.
        assert!((profile.seconds - 981.741_060).abs() < 1e-6);
        assert_eq!(format!("{:.3}", profile.iops.total.unwrap()), "0.807");
        assert_eq!(format!("{:.1}", profile.sequentiality.strict.unwrap().est), "26.9");
        assert_eq!(format!("{:.1}", profile.sequentiality.by_stream.unwrap().est), "36.6");
        let uptime = analysis
            .findings
            .iter()
            .find(|finding| finding.message.contains("uptime"))
            .unwrap();
        assert!(uptime.message.contains("6.72 days"), "{}", uptime.message);
    }
}

#[test]
fn growing_prints_are_cumulative_and_become_differences() {
    let place = Place::new();
    let events = reads(0, 300);
    let prints: String = [100, 250, 300]
        .map(|count| print(&counted(&events[..count]), 0))
        .concat();
    let file = place.file("loop.csv", prints);
    let (jobs, _) = place.import(&[file], Some(60)).unwrap();
    let counts: Vec<u64> = jobs[0].analysis.series.samples.iter().map(Sample::ios).collect();
    assert_eq!(counts, [100, 150, 50]);
    assert!((jobs[0].analysis.profile.seconds - 180.0).abs() < 1e-9);
}

#[test]
fn prints_of_separate_collections_stand_alone_even_when_they_grow() {
    let place = Place::new();
    let first = place.file("1.csv", print(&counted(&reads(0, 100)), 0));
    let second = place.file("2.csv", print(&counted(&reads(3_600_000, 400)), 0));
    let (jobs, _) = place.import(&[first, second], None).unwrap();
    let counts: Vec<u64> = jobs[0].analysis.series.samples.iter().map(Sample::ios).collect();
    assert_eq!(counts, [100, 400]);
}

#[test]
fn plain_text_gives_the_same_numbers_as_csv() {
    let place = Place::new();
    let statistics = counted(&reads(0, 50));
    let label = DiskLabel {
        world_group_id: 12345,
        handle_id: 8194,
        node: "scsi0:0",
    };
    let text = place.file("plain.txt", statistics.print_text(label, HistogramType::All));
    let (jobs, warnings) = place.import(&[text], None).unwrap();
    assert!(warnings.is_empty(), "{warnings:?}");
    let from_text = jobs.into_iter().next().unwrap().analysis.workload.histograms;
    let other = Place::new();
    let csv = other.file("capture.csv", print(&statistics, 0));
    let (jobs, _) = other.import(&[csv], None).unwrap();
    assert_eq!(from_text, jobs[0].analysis.workload.histograms);
}

#[test]
fn several_vms_in_one_print_become_a_job_each() {
    let place = Place::new();
    let statistics = counted(&reads(0, 20));
    let other = print(&statistics, 1).replace("worldGroupID,12345", "worldGroupID,777");
    let file = place.file("all.csv", print(&statistics, 0) + &other);
    let (jobs, _) = place.import(&[file], None).unwrap();
    let names: Vec<String> = jobs.iter().map(|job| job.directory.reference().to_string()).collect();
    assert_eq!(names, ["captured-777", "captured-12345"]);
}

/// A print of two VMs, each with one disk that did so many of the reads.
fn print_of_two(first: usize, second: usize) -> [String; 2] {
    let events = reads(0, 400);
    let other = print(&counted(&events[..second]), 1).replace("worldGroupID,12345", "worldGroupID,777");
    [print(&counted(&events[..first]), 0), other]
}

fn sample_seconds(job: &Imported) -> Vec<f64> {
    job.analysis
        .series
        .samples
        .iter()
        .map(|sample| sample.seconds)
        .collect()
}

#[test]
fn a_vm_that_a_print_of_several_lacks_has_twice_the_interval_to_its_next_one() {
    let place = Place::new();
    let whole = [(100, 40), (200, 80), (300, 120), (400, 160)].map(|(first, second)| print_of_two(first, second));
    let files: Vec<PathBuf> = whole
        .iter()
        .enumerate()
        .map(|(index, [first, second])| {
            let second = if index == 2 { "" } else { second };
            place.file(&format!("{index}.csv"), first.clone() + second)
        })
        .collect();
    let (jobs, _) = place.import(&files, Some(3600)).unwrap();
    assert_eq!(sample_seconds(&jobs[0]), [3600.0, 3600.0, 7200.0]);
    assert_eq!(sample_seconds(&jobs[1]), [3600.0; 4]);
}

#[test]
fn vms_printed_one_after_the_other_have_one_interval_between_their_prints() {
    // Once turn by turn, and once all prints of one VM before all of the other.
    for order in [[(0, 0), (0, 1), (1, 0), (1, 1)], [(0, 0), (1, 0), (0, 1), (1, 1)]] {
        let place = Place::new();
        let prints = [print_of_two(100, 40), print_of_two(200, 80)];
        let files: Vec<PathBuf> = order
            .into_iter()
            .map(|(turn, vm): (usize, usize)| place.file(&format!("{turn}-{vm}.csv"), &prints[turn][vm]))
            .collect();
        let (jobs, _) = place.import(&files, Some(60)).unwrap();
        for job in &jobs {
            assert_eq!(sample_seconds(job), [60.0, 60.0], "{order:?}");
        }
    }
}

#[test]
fn a_disk_without_a_node_is_known_by_its_handle_where_another_one_is_missing() {
    let place = Place::new();
    let events = reads(0, 400);
    let text = |disk: usize, count: usize| {
        print(&counted(&events[..count]), disk)
            .replace(" (scsi0:0)", "")
            .replace(" (scsi0:1)", "")
    };
    let files = [
        place.file("1.csv", text(0, 10) + &text(1, 100)),
        place.file("2.csv", text(1, 200)),
        place.file("3.csv", text(0, 30) + &text(1, 300)),
    ];
    let (jobs, _) = place.import(&files, Some(60)).unwrap();
    let analysis = &jobs[0].analysis;
    let totals: Vec<(String, u64)> = analysis
        .disks
        .iter()
        .map(|(disk, profile)| (disk.to_string(), profile.ios.total.unwrap()))
        .collect();
    assert_eq!(totals, [("8194".to_owned(), 30), ("8195".to_owned(), 300)]);
    assert!(found(&analysis.findings, Code::HandleChanged).is_none());
}

#[test]
fn a_histogram_that_the_first_print_lost_counts_from_the_beginning_in_the_second() {
    let place = Place::new();
    let events = reads(0, 250);
    let title = "latency of Read IOs in Microseconds (us)";
    let files = [
        place.file("1.csv", without(&print(&counted(&events[..100]), 0), title)),
        place.file("2.csv", print(&counted(&events), 0)),
    ];
    let (jobs, _) = place.import(&files, Some(60)).unwrap();
    let analysis = &jobs[0].analysis;
    let merged = &analysis.workload.histograms;
    assert_eq!(merged.of(Metric::Latency, Operation::Read).unwrap().count, 250);
    assert_eq!(merged.of(Metric::Latency, Operation::All).unwrap().count, 250);
    let finding = found(&analysis.findings, Code::IncompleteDisk).unwrap();
    assert!(finding.message.contains(title), "{}", finding.message);
}
/// A table of commands: a VM, a LUN, 1271 reads and 112 writes, and a line that is none.
const COMMANDS: &str = "# This is a vscsiStats histogram output\n\
                        # VM: SQL-Server-01, World Group: 12345, LUN: vmhba1:C0:T0:L0\n\
                        IOLength(bytes),Seeks(sectors),OutstandingIOs,Latency(ms),Count,Type\n\
                        512,0,1,0.5,145,Read\n\
                        4096,0,1,0.8,892,Read\n\
                        8192,8,1,1.5,234,Read\n\
                        4096,0,2,2.1,112,Write\n\
                        not,a,row\n";

#[test]
fn a_table_of_commands_becomes_the_histograms_it_stands_for() {
    let place = Place::new();
    let file = place.file("commands.csv", COMMANDS);
    let (jobs, warnings) = place.import(&[file], Some(100)).unwrap();
    let profile = &jobs[0].analysis.profile;
    assert_eq!(
        (profile.ios.read, profile.ios.write),
        (Some(145 + 892 + 234), Some(112))
    );
    // Its seek 0 is sequential: all but the 234 that left out 8 sectors.
    let strict = profile.sequentiality.strict.unwrap().est;
    assert!((strict - 100.0 * 1149.0 / 1383.0).abs() < 1e-9, "{strict}");
    assert_eq!(warnings.len(), 1);
    assert_eq!(warnings[0].diagnostic.line, 8);
}

#[test]
fn a_compressed_table_of_commands_is_recognized() {
    let place = Place::new();
    let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
    gzip.write_all(COMMANDS.as_bytes()).unwrap();
    let file = place.file("commands.csv.gz", gzip.finish().unwrap());
    let (jobs, _) = place.import(&[file], Some(100)).unwrap();
    assert_eq!(jobs[0].analysis.profile.ios.total, Some(145 + 892 + 234 + 112));
}

#[test]
fn vm_and_lun_of_a_table_of_commands_are_those_of_its_comment() {
    let place = Place::new();
    let file = place.file("commands.csv", COMMANDS);
    let (jobs, _) = place.import(std::slice::from_ref(&file), Some(100)).unwrap();
    let target = &jobs[0].analysis.job.target;
    assert_eq!(target.vm_name, "SQL-Server-01");
    assert_eq!(target.disks[0].lun, "vmhba1:C0:T0:L0");

    let other = Place::new();
    let request = Request {
        vm_name: Some("given".to_owned()),
        ..request(&[file], Some(100))
    };
    let (jobs, _) = import(&other.store, &request, now()).unwrap();
    assert_eq!(jobs[0].analysis.job.target.vm_name, "given");
}

#[test]
fn lines_of_a_table_of_commands_that_are_not_rows_are_all_accounted_for() {
    let place = Place::new();
    // 130 of them, and one in the table itself.
    let file = place.file("commands.csv", format!("{COMMANDS}{}", "not,a,row\n".repeat(130)));
    let (_, warnings) = place.import(&[file], Some(100)).unwrap();
    let further: u64 = warnings
        .iter()
        .map(|warning| match warning.diagnostic.kind {
            DiagnosticKind::Further(number) => number,
            _ => 1,
        })
        .sum();
    assert_eq!(further, 131);
}

#[test]
fn a_table_of_commands_without_a_row_is_refused() {
    let place = Place::new();
    let titles = COMMANDS.lines().take(3).collect::<Vec<_>>().join("\n");
    let error = place
        .import(&[place.file("titles.csv", titles)], Some(100))
        .unwrap_err();
    assert!(matches!(error, ImportError::NothingFound { .. }), "{error}");
    assert!(place.is_untouched());
}

#[test]
fn files_without_any_histogram_are_refused_and_leave_nothing() {
    let place = Place::new();
    for (name, content) in [
        ("empty.csv", &b""[..]),
        ("prose.txt", b"Dear colleague,\nthe disks are slow.\n"),
        ("binary.bin", &[0_u8, 159, 146, 150, 255, 10, 0, 13][..]),
    ] {
        let error = place.import(&[place.file(name, content)], None).unwrap_err();
        assert_eq!(error.exit_code(), exit_code::FAILED, "{name}: {error}");
        assert!(error.to_string().contains(name), "{error}");
        assert!(place.is_untouched(), "{name} left something behind");
    }
}

#[test]
fn a_truncated_capture_gives_what_is_complete_and_says_where_it_broke_off() {
    let place = Place::new();
    let whole = print(&counted(&reads(0, 50)), 0);
    // The interarrival histograms come last, so their loss takes the duration with it.
    let file = place.file("cut.csv", &whole[..whole.len() * 3 / 4]);
    let (jobs, warnings) = place.import(&[file], Some(60)).unwrap();
    assert_eq!(jobs[0].analysis.profile.ios.total, Some(50));
    assert!(!warnings.is_empty());
    // A later analysis sees the job alone, not the warnings of the import.
    let loaded = load(jobs[0].directory.path()).loaded;
    let missing = found(&loaded.findings, Code::MissingHistograms).unwrap();
    assert_eq!(missing.severity, Severity::Warning);
    assert!(missing.message.contains("interarrival"), "{}", missing.message);
}

#[test]
fn a_first_print_whose_ios_took_longer_than_the_interval_counts_the_longer_time_and_says_so() {
    let place = Place::new();
    // 10001 reads 10 ms apart take 100 s.
    let file = place.file("one.csv", print(&counted(&reads(0, 10_001)), 0));
    let (jobs, _) = place.import(&[file], Some(6)).unwrap();
    let analysis = &jobs[0].analysis;
    assert!(
        (analysis.profile.seconds - 100.0).abs() < 0.02,
        "{}",
        analysis.profile.seconds
    );
    // The first I/O lies at the edge of that time: 10000 in 100 s.
    let iops = analysis.profile.iops.total.unwrap();
    assert!((iops - 100.0).abs() < 0.005, "{iops}");
    let finding = found(&analysis.findings, Code::TimeFromInterarrival).unwrap();
    assert_eq!(finding.severity, Severity::Warning);
}

#[test]
fn the_same_print_twice_is_said_to_be_so() {
    let place = Place::new();
    let once = print(&counted(&reads(0, 100)), 0);
    let file = place.file("twice.csv", once.repeat(2));
    let (jobs, _) = place.import(&[file], Some(60)).unwrap();
    let findings = &jobs[0].analysis.findings;
    assert_eq!(found(findings, Code::IdenticalPrints).unwrap().sequence, Some(1));
}

#[test]
fn an_interval_far_longer_than_the_interarrival_times_is_used_with_a_warning() {
    let place = Place::new();
    let file = place.file("one.csv", print(&counted(&reads(0, 10_001)), 0));
    let (jobs, _) = place.import(std::slice::from_ref(&file), Some(112)).unwrap();
    let analysis = &jobs[0].analysis;
    assert!((analysis.profile.seconds - 112.0).abs() < 1e-9);
    assert!(found(&analysis.findings, Code::IntervalContradictsInterarrival).is_some());
    let other = Place::new();
    let (jobs, _) = other.import(&[file], Some(110)).unwrap();
    assert!(found(&jobs[0].analysis.findings, Code::IntervalContradictsInterarrival).is_none());
}

#[test]
fn a_capture_that_does_not_tell_its_time_asks_for_the_interval() {
    let place = Place::new();
    let whole = print(&counted(&reads(0, 50)), 0);
    let file = place.file("cut.csv", &whole[..whole.len() * 3 / 4]);
    let error = place.import(&[file], None).unwrap_err();
    assert_eq!(error.exit_code(), exit_code::USAGE);
    assert!(error.hint().unwrap().contains("--interval"));
    // The file was cut, which is why it does not tell.
    assert!(error.to_string().contains("cut.csv"), "{error}");
    assert!(place.is_untouched());
}

#[test]
fn mixed_line_ends_and_a_byte_order_mark_change_nothing() {
    let place = Place::new();
    let lines = print(&counted(&reads(0, 50)), 0);
    let mixed: String = lines
        .lines()
        .enumerate()
        .flat_map(|(index, line)| [line, ["\n", "\r\n"][index % 2]])
        .collect();
    let file = place.file("mixed.csv", format!("\u{feff}{mixed}"));
    let (jobs, _) = place.import(&[file], None).unwrap();
    assert_eq!(jobs[0].analysis.profile.ios.total, Some(50));
}

#[test]
fn a_name_in_use_is_refused_and_the_job_stays_as_it_was() {
    let place = Place::new();
    let file = place.file("one.csv", print(&counted(&reads(0, 50)), 0));
    let (jobs, _) = place.import(std::slice::from_ref(&file), None).unwrap();
    let before = fs::read(jobs[0].directory.job_file()).unwrap();
    let error = place.import(&[file], Some(60)).unwrap_err();
    assert_eq!(error.exit_code(), exit_code::USAGE);
    assert_eq!(fs::read(jobs[0].directory.job_file()).unwrap(), before);
}

#[test]
fn a_missing_file_among_good_ones_leaves_nothing() {
    let place = Place::new();
    let good = place.file("one.csv", print(&counted(&reads(0, 50)), 0));
    let missing = place.directory.path().join("missing.csv");
    assert!(place.import(&[good, missing], None).is_err());
    assert!(place.is_untouched());
}

#[test]
fn the_time_before_each_print_of_a_hand_loop_is_no_loss() {
    let capture = fs::read_to_string(&captures()[0]).unwrap();
    for times in [
        ["Sun Nov 29 06:00:00 UTC 2026", "Sun Nov 29 06:00:30 UTC 2026"],
        ["2026-11-29T06:00:00Z", "2026-11-29T06:00:30Z"],
    ] {
        let place = Place::new();
        let text: String = times.map(|time| format!("{time}\n{capture}")).concat();
        let (imported, warnings) = place.import(&[place.file("loop.csv", text)], Some(30)).unwrap();
        assert!(!imported[0].analysis.is_partial());
        let kinds: Vec<&DiagnosticKind> = warnings.iter().map(|warning| &warning.diagnostic.kind).collect();
        assert_eq!(kinds, [&DiagnosticKind::TimeLine(times[0].to_owned())]);
    }
    // A line that is half a time and half a row is one.
    let place = Place::new();
    let file = place.file("torn.csv", format!("2026-11-29T06:00:00Z 4096,12\n{capture}"));
    let (imported, _) = place.import(&[file], Some(30)).unwrap();
    assert!(imported[0].analysis.is_partial());
}
