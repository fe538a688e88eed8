//! `cleanup`: ends what a job left collecting on its host.

use clap::Args;

use super::connect::ConnectArgs;
use super::job::known;
use super::phrase::Plain;
use super::{CliError, Env, Outcome};
use crate::host::Host as _;
use crate::store::Store;

/// End a collection that a job left running on its host
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  vscsi-helper cleanup sql-peak")]
pub struct CleanupArgs {
    /// The job; NAME@HOST where two hosts have one of that name
    job: String,
    #[command(flatten)]
    connect: ConnectArgs,
}

pub(super) fn run(args: &CleanupArgs, env: &Env) -> Result<Outcome, CliError> {
    let store = Store::open(&env.data_dir)?;
    let mut known = known(&args.job, &args.connect, &store, env)?;
    let view = known.target.host().clean_up_job(&known.job().job_id)?;
    known.update(&view)?;
    let cleanup = &view.job.cleanup;
    if env.json {
        env.print_json(&view)?;
    } else if cleanup.manual_cleanup_required {
        let host = known.target.name();
        env.print(format_args!("vscsiStats may still be running on {host}."))?;
        if let Some(error) = &cleanup.cleanup_error {
            env.print(format_args!("  {}", Plain(error)))?;
        }
        if let Some(command) = &cleanup.manual_cleanup_command {
            env.print(format_args!(
                "\nManual cleanup required:\n  1. SSH to {host}\n  2. Run: {}",
                Plain(command)
            ))?;
        }
    } else {
        env.print(format_args!(
            "vscsiStats is stopped for job '{}' on {}.",
            view.job.job_id,
            known.target.name()
        ))?;
    }
    Ok(if cleanup.manual_cleanup_required {
        Outcome::Partial
    } else {
        Outcome::Done
    })
}
