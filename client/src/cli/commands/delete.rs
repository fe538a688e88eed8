//! `delete`: removes a job with its data.

use clap::Args;
use serde::Serialize;
use vscsi_shared::wire::v1::ErrorCode;

use crate::cli::connect::ConnectArgs;
use crate::cli::job::{JobArg, host_of, is_without_agent};
use crate::cli::{CliError, Env, Outcome, confirm};
use crate::failure::{Failure, UsageError};
use crate::host::Host as _;
use crate::store::{JobReference, LockKind, Origin, Store};
use crate::transport::HostName;

/// Delete a job and its data, here and in the host's spool
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  vscsi-helper delete job-20251105-143022")]
pub struct DeleteArgs {
    #[command(flatten)]
    job: JobArg,
    /// Do not ask for confirmation
    #[arg(short, long)]
    force: bool,
    /// Keep the copy on the host
    #[arg(long)]
    keep_on_host: bool,
    #[command(flatten)]
    connect: ConnectArgs,
}

/// The job is in use.
#[derive(Debug, thiserror::Error)]
enum InUse {
    /// Another command writes to it.
    #[error("job `{0}` is in use by another vscsi-helper")]
    Locked(JobReference),
    /// It is collecting.
    #[error("job `{0}` is running")]
    Running(JobReference),
}

impl Failure for InUse {
    fn exit_code(&self) -> u8 {
        vscsi_shared::exit_code::FAILED
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Locked(_) => "run the command again when the other one has finished".to_owned(),
            Self::Running(job) => format!("`vscsi-helper stop {job}` ends it"),
        })
    }
}

/// Nothing on the host can delete its copy, which went with the agent where `uninstall` removed that.
#[derive(Debug, thiserror::Error)]
#[error("there is no agent on {1} any more to delete its copy of job `{0}`, so nothing was deleted")]
struct NoAgent(JobReference, HostName);

impl Failure for NoAgent {
    fn exit_code(&self) -> u8 {
        vscsi_shared::exit_code::VSCSISTATS_UNAVAILABLE
    }

    fn hint(&self) -> Option<String> {
        Some(format!(
            "`vscsi-helper uninstall` removes the copies of a host with its agent; what is left is here, and \
             `vscsi-helper delete {} --keep-on-host` removes it",
            self.0
        ))
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
        return Err(InUse::Locked(reference).into());
    };
    let on_host = !args.keep_on_host && !matches!(Origin::of(&document), Origin::Files(_));
    if on_host {
        let target = args.connect.recorded(host_of(&reference, &document)?, &store, env)?;
        let host = target.host();
        match host.job(&document.job.job_id) {
            // A name may have been used again on the host since: only this job is deleted there.
            Ok(view) if view.job.created_at != document.job.created_at => {}
            Ok(view) if !view.job.status.is_final() => return Err(InUse::Running(reference).into()),
            Ok(_) => host.delete_job(&document.job.job_id)?,
            Err(error) if error.code() == Some(ErrorCode::NotFound) => {}
            Err(error) if is_without_agent(&error) => return Err(NoAgent(reference, target.name().clone()).into()),
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

/// Asks the user to type the name.
fn confirm(reference: &JobReference, env: &Env) -> Result<(), CliError> {
    confirm::needs_terminal(
        &format!("deleting `{reference}`"),
        "give `--force` to delete without being asked",
    )?;
    let question = format!(
        "Delete job '{reference}'?\nThis will remove all collected data and cannot be undone.\n\
         Type the job name to confirm:"
    );
    if confirm::typed(&reference.to_string(), &question, env) {
        return Ok(());
    }
    Err(UsageError::new(
        "the name was not typed, so nothing was deleted",
        "type it exactly as it is shown",
    )
    .into())
}
