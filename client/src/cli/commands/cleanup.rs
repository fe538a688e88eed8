//! `cleanup`: ends what a job left collecting on its host.

use clap::Args;

use crate::cli::connect::ConnectArgs;
use crate::cli::job::{JobArg, known};
use crate::cli::phrase::manual_cleanup;
use crate::cli::{CliError, Env, Outcome};
use crate::host::Host as _;
use crate::store::Store;

/// Stop a collection that a job left running on its host
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  vscsi-helper cleanup sql-peak")]
pub struct CleanupArgs {
    #[command(flatten)]
    job: JobArg,
    #[command(flatten)]
    connect: ConnectArgs,
}

pub(super) fn run(args: &CleanupArgs, env: &Env) -> Result<Outcome, CliError> {
    let store = Store::open(&env.data_dir)?;
    let known = known(args.job.find(&store)?, &args.connect, &store, env)?;
    let view = known.answer(known.target.host().clean_up_job(&known.document.job.job_id))?;
    let view = known.update(view)?;
    let host = known.target.name();
    let cleanup = &view.job.cleanup;
    if env.json {
        env.print_json(&view)?;
    } else if cleanup.manual_cleanup_required {
        env.print(format_args!("vscsiStats may still be running on {host}."))?;
        if let Some(error) = &cleanup.cleanup_error {
            env.print(format_args!("  {error}"))?;
        }
        if let Some(command) = &cleanup.manual_cleanup_command {
            env.print(format_args!("\n{}", manual_cleanup(host.as_str(), command)))?;
        }
    } else {
        env.print(format_args!(
            "vscsiStats is stopped for job '{}' on {host}.",
            view.job.job_id
        ))?;
    }
    Ok(if cleanup.manual_cleanup_required {
        Outcome::Partial
    } else {
        Outcome::Done
    })
}
