//! `collect`: start, wait, pull and analyse in one command, for cron.

use std::path::Path;

use clap::Args;
use serde::Serialize;
use vscsi_shared::job::Status;

use super::analyze::write_profile;
use super::pull::{Voice, puller};
use super::start::{CollectArgs, start};
use super::status;
use crate::cli::connect::{ConnectArgs, HostOption};
use crate::cli::job_name::JobName;
use crate::cli::selection::SelectionArgs;
use crate::cli::{CliError, Env, Outcome};
use crate::failure::Failure;
use crate::fio::FioOptions;
use crate::samples;
use crate::store::Store;

/// Start a collection, wait for its end, pull and analyse it: for cron
///
/// Prints only errors and the final line. Does not start while another one runs for the same host and VM, and waits until
/// an hour after the last sample is due.
#[derive(Debug, Args)]
#[command(after_help = "Example of a crontab line:
  0 22 * * 1-5  vscsi-helper collect --host esxi-host01 --vm SQL-Server-01 --report

Exit codes: 0 complete, 3 partial data, 5 the filter left no sample, 10 host
unreachable, 11 login refused, 12 vscsiStats unavailable, 13 no such VM or disk,
1 one is already running, a job of that name has ended, or something else failed.")]
pub struct CollectCommandArgs {
    #[command(flatten)]
    host: HostOption,
    #[command(flatten)]
    what: CollectArgs,
    /// Name of the job; the time may stand in it, as in `nightly-%Y%m%d-%H%M` (UTC; a crontab wants each `%` as `\%`)
    /// [default: job-YYYYMMDD-HHMMSS]
    #[arg(short, long)]
    name: Option<JobName>,
    /// Write the report too, one page to be passed on
    #[arg(long)]
    report: bool,
    #[command(flatten)]
    selection: SelectionArgs,
    #[command(flatten, next_help_heading = "fio job")]
    fio: FioOptions,
    #[command(flatten)]
    connect: ConnectArgs,
}

/// A collection of the same VM is going on.
#[derive(Debug, thiserror::Error)]
#[error("a collection of `{vm}` on {host} is already running")]
struct Overlap {
    vm: String,
    host: String,
}

impl Failure for Overlap {
    fn exit_code(&self) -> u8 {
        vscsi_shared::exit_code::FAILED
    }

    fn hint(&self) -> Option<String> {
        Some(
            "make the profile shorter than the time between two runs, or let `vscsi-helper schedule` do it on the host"
                .to_owned(),
        )
    }
}

#[derive(Serialize)]
struct Report<'a> {
    job: String,
    status: Status,
    samples_collected: u32,
    samples_expected: u32,
    directory: &'a Path,
    files: Vec<&'a Path>,
}

pub(super) fn run(args: &CollectCommandArgs, env: &Env) -> Result<Outcome, CliError> {
    let store = Store::open(&env.data_dir)?;
    let target = args.connect.target(&args.host.name, &store, env)?;
    // A wrong option is told now, and not after a night of collecting.
    let options = args.selection.options(env)?;
    let Some(_lock) = store.try_lock_named(&format!("collect {} {}", target.name(), args.what.vm()))? else {
        return Err(Overlap {
            vm: args.what.vm().to_owned(),
            host: target.name().to_string(),
        }
        .into());
    };
    let host = target.host();
    let view = start(&args.what, args.name.as_ref(), &target, &store, env)?.view;
    let view = status::watch(&host, view, env)?;
    let voice = Voice::new(env, target.name());
    let from = target.identity();
    let pulled = puller(&store, &from, env, &voice).pull(&host, &view.job.job_id)?;
    let job = &pulled.view.job;
    let analysis = samples::analyze_job(&pulled.directory, &options, env.clock.now())?;
    let mut written = write_profile(None, &args.fio, &pulled.directory, &analysis, &[], env)?;
    if args.report {
        written.add_report(&pulled.directory, &analysis, &args.fio)?;
    }
    written.replace_the_last(&pulled.directory, env)?;
    let report = Report {
        job: pulled.directory.reference().to_string(),
        status: job.status,
        samples_collected: job.collection.samples_collected,
        samples_expected: job.collection.samples_expected,
        directory: pulled.directory.path(),
        files: written.files.iter().map(|(_, path)| path.as_path()).collect(),
    };
    if env.json {
        env.print_json(&report)?;
    } else {
        env.print(format_args!(
            "{} {} {}/{} samples {}",
            report.job,
            report.status,
            report.samples_collected,
            report.samples_expected,
            env.shown(report.directory)
        ))?;
    }
    Ok(status::outcome(job))
}
