//! Files on the disk: which belong together, what they say of phases, and what other tools are refused.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use vscsi_helper::analysis::Workload;
use vscsi_helper::failure::Failure;
use vscsi_helper::fio::{
    ByteSize, FioOptions, Layout, Phase, Style, TargetFile, Tool, diskspd_commands, sections, vdbench_parameters,
    write_files,
};
use vscsi_shared::histogram::{HistogramKind, Metric, Operation};

use super::stream;
use crate::support::workloads::workload;

fn options(style: Style) -> FioOptions {
    FioOptions {
        style,
        duration: Some(5),
        // A small region leaves fewer ways to write a job to be searched.
        span: Some(ByteSize(64 << 20)),
        ..FioOptions::default()
    }
}

/// Writes the workload, or its phases, to the path.
fn write(phases: &[(&str, &Workload)], style: Style, path: &Path) {
    let phases: Vec<Phase> = phases
        .iter()
        .map(|&(name, workload)| Phase::named(name, workload))
        .collect();
    write_files(&phases[0].workload.provenance, &phases, &options(style), None, path).unwrap();
}

/// The logs that a written job file reads, as their paths.
fn logs(path: &Path) -> Vec<PathBuf> {
    let text = std::fs::read_to_string(path).unwrap();
    let sections = sections(&text).unwrap();
    let names = sections.iter().map(|section| section.text("read_iolog").unwrap());
    names.map(|name| path.with_file_name(name)).collect()
}

#[test]
fn a_file_that_is_replaced_takes_its_logs_and_its_verdict_with_it() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("replaced.fio");
    let workload = workload("replaced", &[&stream("oltp", 3_000)]);
    let phases = [Phase::whole(&workload)];
    let write = |style| write_files(&workload.provenance, &phases, &options(style), None, &path).unwrap();
    write(Style::Iolog);
    let verdict = directory.path().join("replaced.verify.json");
    let (log, other) = (
        directory.path().join("replaced.iolog"),
        directory.path().join("mine.iolog"),
    );
    std::fs::write(&verdict, "{}").unwrap();
    std::fs::write(&other, "").unwrap();
    assert!(log.exists());
    write(Style::Jobs);
    assert!(!log.exists() && !verdict.exists());
    assert!(other.exists() && path.exists());
}

#[test]
fn two_files_of_one_job_in_one_directory_read_logs_of_their_own() {
    let directory = tempfile::tempdir().unwrap();
    let (busy, other) = (
        workload("sql", &[&stream("oltp", 2_000)]),
        workload("sql", &[&stream("log writer", 2_000)]),
    );
    // Names that differ in what a log's name cannot hold, and in what a phase could add to one.
    let names = ["a", "b", "a b", "a_b", "a+1-day", "global", "\u{e9}", "\u{e8}"];
    let paths = names.map(|name| directory.path().join(format!("{name}.fio")));
    for path in &paths {
        write(&[("", &busy)], Style::Iolog, path);
    }
    write(
        &[("day", &busy), ("night", &other)],
        Style::Iolog,
        &directory.path().join("a.fio"),
    );
    let all: Vec<PathBuf> = paths.iter().flat_map(|path| logs(path)).collect();
    assert_eq!(all.len(), names.len() + 1);
    assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len(), "{all:?}");
    assert!(all.iter().all(|log| log.exists()), "{all:?}");
}

#[test]
fn a_file_that_becomes_jobs_takes_no_log_of_another_file_with_it() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    let workload = workload("sql", &[&stream("oltp", 2_000)]);
    for name in ["a.fio", "b.fio"] {
        write(&[("", &workload)], Style::Iolog, &path(name));
    }
    std::fs::copy(path("b.fio"), path("copy.fio")).unwrap();
    let (of_a, of_b) = (logs(&path("a.fio")), logs(&path("b.fio")));
    for name in ["a.fio", "copy.fio"] {
        write(&[("", &workload)], Style::Jobs, &path(name));
    }
    assert!(!of_a[0].exists() && of_b[0].exists());
}

#[test]
fn phases_of_a_job_with_a_long_name_have_sections_and_logs_of_their_own() {
    let directory = tempfile::tempdir().unwrap();
    let long = "long-".repeat(20);
    let workload = workload(&long, &[&stream("oltp", 2_000)]);
    let path = directory.path().join(format!("{long}-workload.fio"));
    let names = ["quiet-1", "quiet-2", "a.b", "a_b"].map(|name| (name, &workload));
    write(&names, Style::Iolog, &path);
    let all: BTreeSet<PathBuf> = logs(&path).into_iter().collect();
    assert_eq!(all.len(), 4, "{all:?}");
    write(&names, Style::Jobs, &path);
    let sections = sections(&std::fs::read_to_string(&path).unwrap()).unwrap();
    let distinct: BTreeSet<&str> = sections.iter().map(|section| section.name.as_str()).collect();
    assert_eq!(distinct.len(), sections.len(), "{distinct:?}");
    assert!(all.iter().all(|log| !log.exists()));
}

#[test]
fn a_phase_without_commands_is_neither_in_the_file_nor_in_its_target() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("idle.fio");
    let busy = workload("idle", &[&stream("oltp", 2_000)]);
    let mut idle = workload("idle", &[&[]]);
    idle.seconds = 100.0;
    write(&[("day", &busy), ("night", &idle)], Style::Jobs, &path);
    let target = TargetFile::read(&TargetFile::path_for(&path)).unwrap();
    let names: Vec<&str> = target.phases.iter().map(|phase| phase.name.as_str()).collect();
    assert_eq!(names, ["day"]);
    assert_eq!(target.static_fidelity.len(), 1);
}

/// A phase of two samples in ten, as the analysis of a job makes it.
fn phase_of(name: &str, stream_name: &str) -> Workload {
    let mut phase = workload("sql", &[&stream(stream_name, 3_000)]);
    phase.provenance.filter = format!("phase {name}");
    phase.provenance.samples_total = 10;
    phase.provenance.samples_kept = 2;
    phase.provenance.io_share_kept = 0.25;
    phase
}

#[test]
fn the_header_of_phases_says_of_each_what_it_is_made_from() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("phased.fio");
    let day = phase_of("day", "oltp");
    let mut night = phase_of("night", "bursts");
    let all = HistogramKind::new(Metric::IoLength, Operation::All).unwrap();
    let mut sizes = night.histograms.get(all).unwrap().clone();
    sizes.counts[0] += 7;
    night.histograms.insert(all, sizes);
    let mut whole = day.provenance.clone();
    whole.filter = "percentile (75th)".to_owned();
    whole.samples_kept = 7;
    let phases = [("day", &day), ("night", &night)].map(|(name, workload)| Phase::named(name, workload));
    write_files(&whole, &phases, &options(Style::Jobs), None, &path).unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    for part in [
        "# Phase day: 2/10 samples, 25.0% of the I/O\n",
        "# Phase night: 2/10 samples, 25.0% of the I/O\n",
        "# Not replayed of phase night: 7 commands that neither read nor write\n",
        "# WARNING: the measured commands of phase night come in bursts",
    ] {
        assert!(text.contains(part), "{part:?} is missing in\n{text}");
    }
    assert!(
        !text.contains("percentile") && !text.contains("of phase day come in bursts"),
        "{text}"
    );
    let target = TargetFile::read(&TargetFile::path_for(&path)).unwrap();
    assert_eq!(target.filter, "phase day, phase night");
}

#[test]
fn what_another_tool_has_no_form_for_is_refused_and_not_left_out() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("refused.vdbench");
    let workload = workload("refused", &[&stream("oltp", 500), &stream("oltp", 500)]);
    for tool in [Tool::Vdbench, Tool::Diskspd] {
        for (layout, name, option) in [
            (Layout::PerDisk, "", "--layout per-disk"),
            (Layout::Aggregate, "day", "--phase"),
        ] {
            let phases = [Phase::named(name, &workload)];
            let options = FioOptions {
                tool,
                layout,
                ..options(Style::Jobs)
            };
            let error = write_files(&workload.provenance, &phases, &options, None, &path).unwrap_err();
            assert_eq!(error.exit_code(), 2, "{error}");
            assert!(error.hint().unwrap().contains(option), "{:?}", error.hint());
            assert!(!path.exists());
        }
    }
}

#[test]
fn what_only_a_replay_log_has_is_refused_for_jobs_and_for_other_tools() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("refused.fio");
    let workload = workload("refused", &[&stream("oltp", 3_000)]);
    for tool in [Tool::Fio, Tool::Vdbench, Tool::Diskspd] {
        let options = FioOptions {
            tool,
            timeline: true,
            ..options(Style::Jobs)
        };
        let phases = [Phase::whole(&workload)];
        let error = write_files(&workload.provenance, &phases, &options, None, &path).unwrap_err();
        assert_eq!(error.exit_code(), 2, "{error}");
        assert!(error.to_string().contains("--timeline"), "{error}");
        assert!(!path.exists());
    }
}

#[test]
fn diskspd_creates_the_target_once_before_reads_and_writes_begin() {
    let workload = workload("mixed", &[&stream("oltp", 500)]);
    let script = diskspd_commands(&workload, &options(Style::Jobs)).unwrap();
    let lines: Vec<&str> = script.lines().filter(|line| line.contains("diskspd.exe")).collect();
    let creates: Vec<bool> = lines.iter().map(|line| line.contains(" -c")).collect();
    assert_eq!(creates, [true, false, false], "{script}");
    // The first runs to its end; only then does one of the others start in the background.
    let starts: Vec<bool> = lines.iter().map(|line| line.starts_with("start ")).collect();
    assert_eq!(starts, [false, true, false], "{script}");
    // Mixed random and sequential commands (-rs) came with DISKSPD 2.1.
    assert!(script.contains("diskspd 2.1 or newer"), "{script}");
}

#[test]
fn a_replay_log_for_a_tool_that_reads_none_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("refused.vdbench");
    let workload = workload("refused", &[&stream("oltp", 3_000)]);
    let phases = [Phase::whole(&workload)];
    let options = FioOptions {
        tool: Tool::Vdbench,
        ..options(Style::Iolog)
    };
    let error = write_files(&workload.provenance, &phases, &options, None, &path).unwrap_err();
    assert_eq!(error.exit_code(), 2, "{error}");
    assert!(!path.exists());
}

#[test]
fn other_tools_get_their_form_with_its_limits() {
    let workload = workload("other", &[&stream("oltp", 3_000)]);
    let vdbench = vdbench_parameters(&workload, &options(Style::Jobs)).unwrap();
    assert!(vdbench.contains("rd=rd1,wd=wd*,iorate=") && vdbench.contains("# Limits of this form"));
    let diskspd = diskspd_commands(&workload, &options(Style::Jobs)).unwrap();
    assert!(diskspd.contains("diskspd.exe -c") && diskspd.contains("rem Limits of this form"));
    assert!(!diskspd.contains("/dev/") && !vdbench.contains("/dev/"));
}
