//! `import`: existing vscsiStats output becomes a job.

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::Args;
use vscsi_shared::identifier::Name;

use crate::cli::{CliError, Env, Outcome, number};
use crate::import::{self, FirstPrint, Imported, Request};
use crate::number::counted;
use crate::store::Store;
use crate::summary;

/// Turn existing vscsiStats output (prints or a trace), or the logs of a fio run, into a job
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  vscsi-helper import capture.csv --name sql-before
  vscsi-helper import hour-*.csv --interval 3600 --name sql-day
  vscsi-helper import run_clat.*.log --fio-job sql-peak.fio --name new-array

Files are taken in the order given; a file may hold several prints.
A time printed beside each print (`date; vscsiStats -p all -c`) tells how long the samples are, whatever --interval says.
Without times and --interval the time comes from the interarrival histograms.
With it the first print counts an interval too, unless it is empty, or the times between its I/Os and those of the second
print tell that it was taken sooner; a finding says so, and --first-print decides otherwise.

A trace of commands as `vscsiStats -e` exports it becomes samples of --interval, or one without it; its commands are kept,
and `analyze --style iolog` replays them one by one. The XML of the vSphere API (FetchAllHistograms) is read too.

fio's own logs become the job that vscsiStats would have collected of the run, in samples of
--interval, or of a sixtieth of the run: `write_lat_log=run`, `log_offset=1` and, with fio 3.38
and newer, `log_issue_time=1` in the [global] section give run_clat.N.log. Of an older fio
distances, times between commands and outstanding I/Os are left out, unless the logs of
`write_iolog` are given too. Then `compare sql-peak new-array` holds the two beside each other.

A table of commands with the columns IOLength(bytes), Seeks(sectors), OutstandingIOs,
Latency(ms), Count and Type is read as well; it has no times, so give --interval.")]
pub struct ImportArgs {
    /// Output of `vscsiStats -p` or `-e`, or logs of a fio run; `.gz` is decompressed
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Name of the job [default: job-YYYYMMDD-HHMMSS]
    #[arg(short, long)]
    name: Option<Name>,
    /// Seconds between two prints
    #[arg(long, value_name = "SECONDS", value_parser = number::at_least(1_u32))]
    interval: Option<u32>,
    /// What the first print counts [default: what the prints themselves tell]
    #[arg(long, value_name = "WHAT", value_enum)]
    first_print: Option<FirstPrint>,
    /// The fio file that was run, which tells the target of each log [default: all logs are of one disk]
    #[arg(long, value_name = "FILE", conflicts_with = "first_print")]
    fio_job: Option<PathBuf>,
    /// Host the files come from, for the record
    #[arg(long)]
    host: Option<String>,
    /// Name of the VM, for the record
    #[arg(long)]
    vm: Option<String>,
}

pub(super) fn run(args: &ImportArgs, env: &Env) -> Result<Outcome, CliError> {
    let now = env.clock.now();
    let name = match &args.name {
        Some(name) => name.clone(),
        None => super::start::default_name(now)?,
    };
    let request = Request {
        files: args.files.clone(),
        name,
        interval_seconds: args.interval,
        first_print: args.first_print,
        fio_job: args.fio_job.clone(),
        host: args.host.clone(),
        vm_name: args.vm.clone(),
    };
    let store = Store::open(&env.data_dir)?;
    let (imported, warnings) = import::import(&store, &request, now)?;
    for warning in &warnings {
        env.warn(format_args!("{}: {}", warning.path.display(), warning.diagnostic));
    }
    for note in imported.iter().flat_map(|job| &job.notes) {
        env.note(note);
    }
    if env.json {
        let jobs: Vec<_> = imported
            .iter()
            .map(|job| {
                serde_json::json!({
                    "job_id": job.directory.reference().to_string(),
                    "path": job.directory.path(),
                    "prints": job.prints,
                    "samples": job.analysis.series.samples.len(),
                })
            })
            .collect();
        env.print_json(&jobs)?;
    } else {
        for job in &imported {
            env.print(report(job, &env.shown(job.directory.path())))?;
        }
    }
    Ok(if imported.iter().any(|job| job.analysis.is_partial()) {
        Outcome::Partial
    } else {
        Outcome::Done
    })
}

/// What an import says of a job.
fn report(job: &Imported, shown_path: &str) -> String {
    let analysis = &job.analysis;
    let mut text = format!(
        "Imported job '{}': {}, {}, {}\n",
        job.directory.reference(),
        counted(job.prints, "print"),
        counted(analysis.series.disks.len(), "disk"),
        counted(analysis.series.samples.len(), "sample"),
    );
    for line in summary::profile_lines(&analysis.profile) {
        let _ = writeln!(text, "  {line}");
    }
    text.push_str(&summary::data_quality(&analysis.findings, analysis.series.disks.len()));
    let _ = write!(
        text,
        "\nSaved to: {shown_path}\nNext: vscsi-helper analyze {}",
        job.directory.reference()
    );
    text
}
