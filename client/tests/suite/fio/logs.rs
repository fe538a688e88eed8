//! The logs that the real fio leaves, imported as a job: what it counts against a count of the same lines made here.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::real::{fast_directory, fio, newer_fio};
use crate::support::desk::Desk;
use vscsi_helper::analysis::{Code, DiskSample};
use vscsi_helper::failure::Failure as _;
use vscsi_helper::import::{ImportError, Imported, Request, import};
use vscsi_helper::store::Store;
use vscsi_helper::verify::FioProgram;
use vscsi_shared::exit_code;
use vscsi_shared::histogram::{Metric, Operation};
use vscsi_shared::identifier::Name;

/// Reads and writes on one file, by a job each, and writes of two jobs on another one.
fn job_text(log: &str) -> String {
    format!(
        "[global]\nioengine=psync\nsize=32m\ntime_based\nruntime=4\nthread\n{log}\n\
         [reads]\nfilename=one\nrw=randread\nbs=4k\nrate_iops=150\n\
         [writes]\nfilename=one\nrw=write\nbs=8k\nrate_iops=100\n\
         [others]\nfilename=two\nrw=randwrite\nbs=16k\nnumjobs=2\nrate_iops=50\n"
    )
}

/// What a run left.
struct Ran {
    folder: tempfile::TempDir,
}

impl Ran {
    fn of(fio: &FioProgram, log: &str) -> Self {
        let folder = fast_directory();
        fs::write(folder.path().join("job.fio"), job_text(log)).unwrap();
        let program = if fio.path.is_relative() && fio.path.components().count() > 1 {
            fio.path.canonicalize().unwrap()
        } else {
            fio.path.clone()
        };
        let output = Command::new(program)
            .arg("job.fio")
            .current_dir(folder.path())
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        Self { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The files whose names hold this.
    fn files(&self, part: &str) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.folder.path()).unwrap();
        let mut files: Vec<PathBuf> = entries
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.file_name().unwrap().to_string_lossy().contains(part))
            .collect();
        files.sort();
        files
    }

    fn import(&self, files: Vec<PathBuf>, fio_job: Option<PathBuf>) -> Result<Imported, ImportError> {
        let store = Store::open(&self.path("data")).unwrap();
        let request = Request {
            files,
            name: Name::new("new-array").unwrap(),
            interval_seconds: Some(1),
            first_print: None,
            fio_job,
            host: None,
            vm_name: None,
        };
        let now = "2025-11-06T09:15:00Z".parse().unwrap();
        import(&store, &request, now).map(|(mut jobs, _)| jobs.remove(0))
    }
}

/// How many values lie in each bucket, by its upper limit; above the last by `None`.
type Counts = BTreeMap<Option<i64>, u64>;

/// A line of a completion log.
#[derive(Clone, Copy)]
struct Line {
    is_write: bool,
    bytes: i64,
    first_block: i64,
    latency_us: i64,
    issued_ns: i64,
}

fn lines(path: &Path) -> Vec<Line> {
    let text = fs::read_to_string(path).unwrap();
    let fields = |line: &str| {
        line.split(", ")
            .map(|field| field.parse().unwrap())
            .collect::<Vec<i64>>()
    };
    text.lines()
        .map(|line| {
            let fields = fields(line);
            Line {
                is_write: fields[2] == 1,
                bytes: fields[3],
                first_block: fields[4] / 512,
                latency_us: fields[1] / 1000,
                issued_ns: fields.get(6).copied().unwrap_or(0),
            }
        })
        .collect()
}

/// The lines by file, as the jobs are numbered: one and two go to the first, three and four to the second.
fn by_file(ran: &Ran) -> [Vec<Line>; 2] {
    let of = |jobs: [u32; 2]| {
        let logs = jobs.map(|job| lines(&ran.path(&format!("run_clat.{job}.log"))));
        let mut lines = logs.concat();
        lines.sort_by_key(|line| line.issued_ns);
        lines
    };
    [of([1, 2]), of([3, 4])]
}

fn counted(values: impl Iterator<Item = i64>, limits: &[i64]) -> Counts {
    let mut counts = BTreeMap::new();
    for value in values {
        let limit = limits.iter().find(|limit| value <= **limit).copied();
        *counts.entry(limit).or_insert(0) += 1;
    }
    counts
}

/// The counts of all samples of a disk of the job, and the limits; `None` where the job lacks the histogram.
fn found(job: &Imported, disk: usize, metric: Metric, operation: Operation) -> Option<(Counts, Vec<i64>)> {
    let samples = job.analysis.series.samples.iter();
    let of_disk = |disks: &[DiskSample]| disks.iter().find(|of| of.disk == disk).cloned();
    let mut all = BTreeMap::new();
    let mut limits = None;
    for sample in samples.filter_map(|sample| of_disk(&sample.disks)) {
        let interval = sample.histograms.of(metric, operation)?.clone();
        let known = interval.limits.as_slice().to_vec();
        for (index, count) in interval.counts.iter().enumerate().filter(|(_, count)| **count > 0) {
            *all.entry(known.get(index).copied()).or_insert(0) += count;
        }
        limits = Some(known);
    }
    Some((all, limits?))
}

fn assert_counts(job: &Imported, disk: usize, metric: Metric, operation: Operation, values: impl Iterator<Item = i64>) {
    let (found, limits) = found(job, disk, metric, operation).unwrap();
    assert_eq!(found, counted(values, &limits), "{metric:?} {operation:?} of {disk}");
}

const DIRECTIONS: [(Operation, bool); 2] = [(Operation::Read, false), (Operation::Write, true)];

#[test]
fn the_logs_of_a_fio_that_tells_the_time_of_issue_become_all_that_vscsistats_counts() {
    let ran = Ran::of(&newer_fio(), "write_lat_log=run\nlog_offset=1\nlog_issue_time=1");
    let job = ran.import(ran.files("_clat."), Some(ran.path("job.fio"))).unwrap();
    assert!(job.notes.is_empty(), "{:?}", job.notes);
    for (disk, lines) in by_file(&ran).iter().enumerate() {
        assert!(lines.len() > 300, "{}", lines.len());
        for (operation, is_write) in DIRECTIONS {
            let of = || lines.iter().filter(|line| line.is_write == is_write);
            assert_counts(&job, disk, Metric::IoLength, operation, of().map(|line| line.bytes));
            assert_counts(&job, disk, Metric::Latency, operation, of().map(|line| line.latency_us));
        }
        // Times and distances from one command to the next, and who is still under way.
        let pairs = || lines.windows(2).map(|two| (two[0], two[1]));
        let gaps = pairs().map(|(before, line)| line.issued_ns / 1000 - before.issued_ns / 1000);
        assert_counts(&job, disk, Metric::Interarrival, Operation::All, gaps);
        let distances = pairs().map(|(before, line)| line.first_block - (before.first_block + before.bytes / 512 - 1));
        assert_counts(&job, disk, Metric::SeekDistance, Operation::All, distances);
        let (depths, _) = found(&job, disk, Metric::OutstandingIos, Operation::All).unwrap();
        assert_eq!(depths.values().sum::<u64>(), lines.len() as u64);
        // Two jobs of one command at a time each.
        assert!(depths.keys().all(|limit| matches!(limit, Some(1 | 2))), "{depths:?}");
    }
    let targets: Vec<&str> = job
        .analysis
        .job
        .target
        .disks
        .iter()
        .map(|disk| disk.lun.as_str())
        .collect();
    assert_eq!(targets, ["one", "two"]);
    // Four seconds in samples of one.
    assert!((4..=5).contains(&job.analysis.series.samples.len()));
    let iops = job.analysis.profile.iops.total.unwrap();
    assert!((iops / 350.0 - 1.0).abs() < 0.1, "{iops}");
}

#[test]
fn an_older_fio_tells_no_time_of_issue_and_what_needs_it_is_left_out_and_said() {
    let ran = Ran::of(&fio(), "write_lat_log=run\nlog_offset=1");
    let job = ran.import(ran.files("_clat."), Some(ran.path("job.fio"))).unwrap();
    for (disk, lines) in by_file(&ran).iter().enumerate() {
        for (operation, is_write) in DIRECTIONS {
            let of = || lines.iter().filter(|line| line.is_write == is_write);
            assert_counts(&job, disk, Metric::IoLength, operation, of().map(|line| line.bytes));
            assert_counts(&job, disk, Metric::Latency, operation, of().map(|line| line.latency_us));
        }
        for metric in [
            Metric::Interarrival,
            Metric::SeekDistance,
            Metric::SeekDistanceClosest16,
            Metric::OutstandingIos,
        ] {
            assert_eq!(found(&job, disk, metric, Operation::All), None);
        }
    }
    let [note] = &job.notes[..] else {
        panic!("{:?}", job.notes)
    };
    assert!(note.contains("log_issue_time=1"), "{note}");
    let finding = job
        .analysis
        .findings
        .iter()
        .find(|finding| finding.code == Code::MissingHistograms);
    assert!(finding.unwrap().message.contains("an older fio no time of issue"));
    assert!(job.analysis.profile.sequentiality.strict.is_none());
}

#[test]
fn logs_of_issued_commands_tell_the_order_and_their_completions_the_latency() {
    // One job, because an older fio lets all jobs of a name write one log of issued commands.
    let text = "[one]\nioengine=psync\nfilename=one\nsize=32m\ntime_based\nruntime=3\nrw=randrw\nbs=4k\nrate_iops=100\n\
                write_iolog=issued.log\nwrite_lat_log=run\nlog_offset=1\n";
    let folder = fast_directory();
    fs::write(folder.path().join("one.fio"), text).unwrap();
    let output = Command::new(&fio().path)
        .arg("one.fio")
        .current_dir(folder.path())
        .output()
        .unwrap();
    assert!(output.status.success());
    let ran = Ran { folder };
    let (issued, completed) = (ran.path("issued.log"), ran.path("run_clat.1.log"));
    let log = fs::read_to_string(&issued).unwrap();
    let issued_us: Vec<i64> = log
        .lines()
        .filter(|line| line.contains(" read ") || line.contains(" write "))
        .map(|line| line.split(' ').next().unwrap().parse().unwrap())
        .collect();
    let job = ran.import(vec![completed.clone(), issued.clone()], None).unwrap();
    assert!(job.notes.is_empty(), "{:?}", job.notes);
    let gaps = issued_us.windows(2).map(|two| two[1] - two[0]);
    assert_counts(&job, 0, Metric::Interarrival, Operation::All, gaps);
    let latencies = lines(&completed);
    assert_counts(
        &job,
        0,
        Metric::Latency,
        Operation::All,
        latencies.iter().map(|line| line.latency_us),
    );
    fs::remove_dir_all(ran.path("data")).unwrap();
    let alone = ran.import(vec![issued], None).unwrap();
    assert_eq!(found(&alone, 0, Metric::Latency, Operation::All), None);
    assert!(alone.notes[0].contains("no completion"), "{:?}", alone.notes);
}

#[test]
fn a_log_that_holds_no_single_commands_is_refused_with_what_to_do() {
    let averaged = Ran::of(&fio(), "write_lat_log=run\nlog_offset=1\nlog_avg_msec=500");
    let without_offsets = Ran::of(&fio(), "write_lat_log=run");
    for (ran, why, what) in [
        (&averaged, "average", "without `log_avg_msec`"),
        (&without_offsets, "where", "`log_offset=1`"),
    ] {
        let error = ran.import(ran.files("_clat."), None).unwrap_err();
        let source = std::error::Error::source(&error).unwrap().to_string();
        assert!(source.contains(why), "{source}");
        assert!(error.hint().unwrap().contains(what));
    }
    // The other logs of a run have the same form.
    let error = without_offsets
        .import(without_offsets.files("_lat."), None)
        .unwrap_err();
    assert_eq!(error.exit_code(), exit_code::USAGE);
    assert!(error.hint().unwrap().contains("_clat"), "{error}");
}

#[test]
fn a_run_stands_beside_the_measured_job_in_compare_charts_and_report() {
    let ran = Ran::of(&newer_fio(), "write_lat_log=run\nlog_offset=1\nlog_issue_time=1");
    let desk = Desk::with_the_capture();
    let logs: Vec<String> = ran
        .files("_clat.")
        .iter()
        .map(|path| path.display().to_string())
        .collect();
    let job_file = ran.path("job.fio").display().to_string();
    let mut arguments = vec!["import", "--name", "new-array", "--fio-job", &job_file];
    arguments.extend(logs.iter().map(String::as_str));
    let ended = desk.run(&arguments);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    // A sixtieth of four seconds, in whole ones.
    assert!(ended.stdout.contains("2 disks, 4 samples"), "{}", ended.stdout);
    for arguments in [
        &["compare", "captured", "new-array"][..],
        &["report", "captured", "new-array", "-o", "both.html"],
        &["analyze", "new-array"],
    ] {
        let ended = desk.run(arguments);
        assert_eq!(ended.code, Some(0), "{arguments:?}: {}{}", ended.stdout, ended.stderr);
    }
    let nothing = desk.file("print.csv", b"");
    desk.refuses(&["import", &nothing], 1, &["it is empty"]);
    desk.refuses(
        &[
            "import",
            &logs[0],
            &crate::support::desk::capture_file(),
            "--name",
            "mixed",
        ],
        2,
        &["one after the other"],
    );
    desk.refuses(
        &["import", &crate::support::desk::capture_file(), "--fio-job", &job_file],
        2,
        &["none of the files"],
    );
}
