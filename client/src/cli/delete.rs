//! `delete`: removes a job with its data.

use std::io::{BufRead as _, IsTerminal as _};

use clap::Args;
use serde::Serialize;
use vscsi_shared::wire::v1::ErrorCode;

use super::connect::ConnectArgs;
use super::job::JobArg;
use super::{CliError, Env, Outcome};
use crate::failure::{Failure, UsageError};
use crate::host::Host as _;
use crate::import::is_imported;
use crate::store::{JobReference, LockKind, Store};

/// Delete a job and its data, here and in the host's spool
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  vscsi-helper delete job-20251105-143022")]
pub struct DeleteArgs {
    #[command(flatten)]
    job: JobArg,
    /// Do not ask
    #[arg(short, long)]
    force: bool,
    /// Leave the host's copy where it is
    #[arg(long)]
    keep_on_host: bool,
    #[command(flatten)]
    connect: ConnectArgs,
}

/// The job is in use.
#[derive(Debug, thiserror::Error)]
#[error("job `{0}` {1}")]
struct InUse(JobReference, &'static str);

impl Failure for InUse {
    fn exit_code(&self) -> u8 {
        vscsi_shared::exit_code::FAILED
    }

    fn hint(&self) -> Option<String> {
        Some(format!("`vscsi-helper stop {}` ends it", self.0))
    }
}

#[derive(Serialize)]
struct Deleted {
    deleted: String,
    on_host: bool,
}

pub(super) fn run(args: &DeleteArgs, env: &Env) -> Result<Outcome, CliError> {
    let store = Store::open(&env.data_dir)?;
    let (directory, document) = args.job.find(&store)?;
    let reference = directory.reference().clone();
    if !args.force {
        confirm(&reference, env)?;
    }
    let Some(_lock) = store.try_lock(&reference, LockKind::Exclusive)? else {
        return Err(InUse(reference, "is in use by another vscsi-helper").into());
    };
    let on_host = !args.keep_on_host && !is_imported(&document.job);
    if on_host {
        let target = args.connect.target(&document.job.host.hostname, &store, env)?;
        let host = target.host();
        match host.job(&document.job.job_id) {
            // A name may have been used again on the host since: only this job is deleted there.
            Ok(view) if view.job.created_at != document.job.created_at => {}
            Ok(view) if !view.job.status.is_final() => return Err(InUse(reference, "is running").into()),
            Ok(_) => host.delete_job(&document.job.job_id)?,
            Err(error) if error.code() == Some(ErrorCode::NotFound) => {}
            Err(error) => return Err(error.into()),
        }
    }
    store.remove(&directory)?;
    if env.json {
        env.print_json(&Deleted {
            deleted: reference.to_string(),
            on_host,
        })?;
    } else {
        env.print("Deleting job... done.")?;
    }
    Ok(Outcome::Done)
}

/// Asks the user to type the name, so that nothing is deleted by a reflex.
fn confirm(reference: &JobReference, env: &Env) -> Result<(), CliError> {
    if !std::io::stdin().is_terminal() {
        let message = format!("deleting `{reference}` needs to be confirmed, and there is no terminal to ask on");
        return Err(UsageError::new(message, "give `--force` to delete without being asked").into());
    }
    env.note(format_args!(
        "Delete job '{reference}'?\nThis will remove all collected data and cannot be undone.\n\
         Type the job name to confirm:"
    ));
    let mut typed = String::new();
    let read = std::io::stdin().lock().read_line(&mut typed);
    if read.is_ok() && typed.trim() == reference.to_string() {
        return Ok(());
    }
    Err(UsageError::new(
        "the name was not typed, so nothing was deleted",
        "type it exactly as it is shown",
    )
    .into())
}
