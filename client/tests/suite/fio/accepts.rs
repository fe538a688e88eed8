//! What fio itself makes of generated files, without replaying them: it accepts each, data never becomes an option, and
//! nothing runs without a target.

use std::path::Path;
use std::process::{Command as Process, Stdio};

use proptest::prelude::*;
use vscsi_helper::analysis::{DiskKey, DiskWorkload, Workload};
use vscsi_helper::fio::{
    ByteSize, FioError, FioJob, FioOptions, Layout, Pace, Phase, Style, generate, generate_phases, sections,
};
use vscsi_shared::histogram::{HistogramKind, Interval, IntervalSet, Limits, Metric, Operation};

use crate::support::workloads::{provenance, streams, workload};

fn options(style: Style, layout: Layout) -> FioOptions {
    FioOptions {
        style,
        layout,
        duration: Some(5),
        // A small region leaves fewer ways to write a job to be searched.
        span: Some(ByteSize(128 << 20)),
        ..FioOptions::default()
    }
}

/// Two disks with a few commands of a database in ten minutes, so that files of them are made fast.
fn two_quiet_disks(job: &str) -> Workload {
    let mut all = streams::all(40).into_iter();
    let few = all.find(|stream| stream.name == "oltp").unwrap().commands;
    let mut two = workload(job, &[&few, &few]);
    two.seconds = 600.0;
    two
}

/// Puts the job and its logs into a new directory.
fn put(job: &FioJob) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("job.fio"), &job.text).unwrap();
    for companion in &job.companions {
        let mut file = std::fs::File::create(directory.path().join(&companion.file_name)).unwrap();
        companion.log.write(&mut file).unwrap();
    }
    directory
}

#[test]
fn without_a_target_fio_stops_before_it_touches_anything() {
    let two = two_quiet_disks("safe");
    let named = |name| Phase::named(name, &two);
    let (whole, phases) = ([named("")], [named("day"), named("night")]);
    for (style, layout, phases) in [
        (Style::Jobs, Layout::Aggregate, &whole[..]),
        (Style::Jobs, Layout::PerDisk, &phases),
        (Style::Iolog, Layout::Aggregate, &whole),
        (Style::Iolog, Layout::Aggregate, &phases),
        (Style::Iolog, Layout::PerDisk, &phases),
    ] {
        let job = generate_phases(&two.provenance, phases, &options(style, layout)).unwrap();
        let directory = put(&job);
        let mut process = fio();
        for variable in ["FILENAME", "FILENAME_1", "FILENAME_2"] {
            process.env_remove(variable);
        }
        process
            .arg("job.fio")
            .stderr(Stdio::null())
            .current_dir(directory.path());
        assert!(!process.status().unwrap().success(), "{}", job.text);
        let files = std::fs::read_dir(directory.path()).unwrap().count();
        assert_eq!(
            files,
            1 + job.companions.len(),
            "fio left something behind of\n{}",
            job.text
        );
    }
}

/// The names in the directory.
fn names(directory: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(directory).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// Runs the job in its directory on a target, and says whether fio was content.
fn run_on(target: &str, directory: &Path, program: &Path) -> bool {
    let mut process = Process::new(program);
    process.arg("job.fio").env("FILENAME", target).current_dir(directory);
    process.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    process.status().unwrap().success()
}

#[test]
fn a_path_that_fio_takes_for_other_names_becomes_no_file() {
    let two = two_quiet_disks("colons");
    let newer = std::env::var_os("FIO_WITH_IOLOG").expect("run these tests with `cargo xtask test`");
    let newer = Path::new(&newer);
    for (style, programs) in [(Style::Jobs, &[Path::new("fio"), newer][..]), (Style::Iolog, &[newer])] {
        let short = FioOptions {
            duration: Some(1),
            ..options(style, Layout::Aggregate)
        };
        let job = generate(&two, &short).unwrap();
        for program in programs {
            let directory = put(&job);
            let before = names(directory.path());
            assert!(
                !run_on("by-path-0000:00:1f.2", directory.path(), program),
                "{}",
                job.text
            );
            assert!(!run_on("no-such-device", directory.path(), program), "{}", job.text);
            assert_eq!(names(directory.path()), before, "{}", job.text);

            // The one file of that name takes the writes when it is written as the head of the file says.
            let target = directory.path().join("by-path-0000:00:1f.2");
            let file = std::fs::File::create(target).unwrap();
            file.set_len(128 << 20).unwrap();
            let there = names(directory.path());
            let (taken, wrong) = match style {
                Style::Jobs => ("by-path-0000\\:00\\:1f.2", "by-path-0000:00:1f.2"),
                Style::Iolog => ("by-path-0000:00:1f.2", "by-path-0000\\:00\\:1f.2"),
            };
            assert!(run_on(taken, directory.path(), program), "{}", job.text);
            assert!(!run_on(wrong, directory.path(), program), "{}", job.text);
            assert_eq!(names(directory.path()), there);
        }
    }
}

fn fio() -> Process {
    let mut process = Process::new("fio");
    let runs = Process::new("fio").arg("--version").stdout(Stdio::null()).status();
    assert!(runs.is_ok(), "these tests need fio: run them with `cargo xtask test`");
    process.stdin(Stdio::null()).stdout(Stdio::null());
    process
}

/// Histograms that no disk needs to have produced: any counters, with sums their buckets allow.
fn any_workload() -> impl Strategy<Value = Workload> {
    let counters = |buckets| {
        prop::collection::vec(
            prop_oneof![3 => Just(0_u64), 2 => 0_u64..50, 1 => 0_u64..1_000_000],
            buckets,
        )
    };
    let kinds = (
        counters(18),
        counters(18),
        counters(34),
        counters(34),
        counters(34),
        counters(11),
        counters(13),
    );
    (
        kinds,
        "\\PC{0,12}",
        prop::sample::select(vec!["\n", "\r", "]", "[global]", ";", "#", "${HOME}", ""]),
        1.0_f64..10_000.0,
    )
        .prop_map(
            |((reads, writes, read_seeks, write_seeks, seeks, gaps, depths), name, trap, seconds)| {
                let mut histograms = IntervalSet::default();
                let all: Vec<u64> = reads.iter().zip(&writes).map(|(read, write)| read + write).collect();
                for (metric, operation, counts) in [
                    (Metric::IoLength, Operation::All, all),
                    (Metric::IoLength, Operation::Read, reads),
                    (Metric::IoLength, Operation::Write, writes),
                    (Metric::SeekDistance, Operation::Read, read_seeks),
                    (Metric::SeekDistance, Operation::Write, write_seeks),
                    (Metric::SeekDistance, Operation::All, seeks.clone()),
                    (Metric::SeekDistanceClosest16, Operation::All, seeks),
                    (Metric::Interarrival, Operation::All, gaps),
                    (Metric::OutstandingIos, Operation::All, depths),
                ] {
                    let mut interval = Interval::empty(Limits::known(metric));
                    interval.count = counts.iter().sum();
                    interval.counts = counts;
                    interval.sum_at_most = i128::from(interval.count) * 1_000_000;
                    histograms.insert(HistogramKind::new(metric, operation).unwrap(), interval);
                }
                let mut provenance = provenance(&format!("{name}{trap}filename=/dev/null"));
                provenance.vm_name = format!("{trap}[x]{trap}filename=/dev/null{trap}");
                provenance.filter.clone_from(&provenance.vm_name);
                let disk = DiskWorkload {
                    disk: DiskKey(format!("scsi0:0{trap}[y]{trap}ioengine=null")),
                    histograms: histograms.clone(),
                    seconds,
                    edge_ios: 0,
                };
                Workload {
                    provenance,
                    histograms,
                    seconds,
                    disks: vec![disk.clone(), disk],
                    edge_ios: 0,
                }
            },
        )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, ..ProptestConfig::default() })]

    #[test]
    fn fio_accepts_every_file_and_data_never_becomes_an_option(
        workload in any_workload(),
        style in prop::sample::select(vec![Style::Jobs, Style::Iolog]),
        pace in prop::sample::select(vec![Pace::Measured, Pace::Max]),
        layout in prop::sample::select(vec![Layout::Aggregate, Layout::PerDisk]),
    ) {
        // Rates of millions of commands per second only make the test slow.
        let rate = workload.histograms.of(Metric::IoLength, Operation::All).unwrap().count as f64 / workload.seconds;
        prop_assume!(rate < 2_000.0 || style == Style::Jobs);
        let options = FioOptions { style, pace, layout, duration: Some(1), ..FioOptions::default() };
        let job = match generate(&workload, &options) {
            Ok(job) => job,
            Err(FioError::NoCommands | FioError::MissingHistogram { .. }) => return Ok(()),
            Err(error) => return Err(TestCaseError::fail(error.to_string())),
        };
        check(&job)?;
    }
}

/// Whether every section of the file is a job on a target of ours, and fio accepts it without a word.
fn check(job: &FioJob) -> Result<(), TestCaseError> {
    for section in sections(&job.text).unwrap() {
        let target = section.text("filename").or(section.text("replay_redirect")).unwrap();
        prop_assert!(target.starts_with("${FILENAME"), "{}", target);
        prop_assert_eq!(section.text("ioengine"), Some("libaio"));
    }
    let directory = put(job);
    let mut process = fio();
    // fio prints what it made of the file: a job for each section, which a section taken for [global] would not be.
    process
        .args(["--parse-only", "--showcmd", "job.fio"])
        .current_dir(directory.path());
    for variable in ["FILENAME", "FILENAME_1", "FILENAME_2"] {
        process.env(variable, "target");
    }
    let output = process.stdout(Stdio::piped()).stderr(Stdio::piped()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    prop_assert!(
        output.status.success() && said.trim().is_empty(),
        "{}\n{}",
        said,
        job.text
    );
    let shown = String::from_utf8_lossy(&output.stdout);
    let jobs: Vec<&str> = shown
        .split_whitespace()
        .filter_map(|word| word.strip_prefix("--name="))
        .collect();
    let named: Vec<String> = sections(&job.text)
        .unwrap()
        .into_iter()
        .map(|section| section.name)
        .collect();
    prop_assert_eq!(&jobs, &named, "{}", job.text);
    let mut distinct = named.clone();
    distinct.sort();
    distinct.dedup();
    prop_assert_eq!(distinct.len(), named.len(), "{:?}", named);
    Ok(())
}

/// Names of jobs and phases that could be mistaken for something else, or are too long to stand as they are.
fn any_name() -> impl Strategy<Value = String> {
    prop_oneof![
        "global[a-z0-9_-]{0,8}",
        "[A-Za-z0-9._-]{60,140}",
        "\\PC{1,12}",
        prop::sample::select(vec!["[a]", "a\nb", "${HOME}", "a:b", "include x", ""]).prop_map(str::to_owned),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    #[test]
    fn fio_runs_every_section_whatever_the_job_and_its_phases_are_called(
        job_name in any_name(),
        phase_names in prop::collection::vec(any_name(), 1..4),
        layout in prop::sample::select(vec![Layout::Aggregate, Layout::PerDisk]),
    ) {
        // Both styles name their sections and targets alike, and a short log costs next to nothing.
        let two = two_quiet_disks(&job_name);
        let phases: Vec<Phase> = phase_names.iter().map(|name| Phase::named(name, &two)).collect();
        let job = generate_phases(&two.provenance, &phases, &options(Style::Iolog, layout)).unwrap();
        check(&job)?;
    }
}

#[test]
fn a_walk_is_accepted() {
    for name in ["bursts", "unaligned"] {
        let mut all = streams::all(8_000).into_iter();
        let stream = all.find(|stream| stream.name == name).unwrap();
        let job = generate(&workload("walk", &[&stream.commands]), &FioOptions::default()).unwrap();
        assert!(job.text.contains("zonemode=strided"), "{}", job.text);
        check(&job).unwrap();
    }
}
