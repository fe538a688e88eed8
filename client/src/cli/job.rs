//! What commands that take a JOB share.

use clap::Args;
use vscsi_shared::job::JobDocument;
use vscsi_shared::wire::v1::JobView;

use super::connect::{ConnectArgs, Target};
use super::{CliError, Env};
use crate::failure::Failure;
use crate::import::is_imported;
use crate::store::{JobDirectory, JobReference, Store, StoreError};

/// The job that a command is about.
#[derive(Debug, Args)]
pub(super) struct JobArg {
    /// The job: NAME, or NAME@HOST where two hosts have a job of that name
    #[arg(id = "job", value_name = "JOB")]
    pub(super) reference: String,
}

impl JobArg {
    /// The job here.
    pub(super) fn find(&self, store: &Store) -> Result<(JobDirectory, JobDocument), StoreError> {
        store.find(&self.reference)
    }
}

/// A job that is known here, and its host.
#[derive(Debug)]
pub(super) struct KnownJob<'env> {
    pub(super) directory: JobDirectory,
    pub(super) document: JobDocument,
    pub(super) target: Target<'env>,
}

/// A job that no host has.
#[derive(Debug, thiserror::Error)]
#[error("job `{0}` was imported from files, so there is no host to ask about it")]
pub(super) struct OnNoHost(pub(super) JobReference);

impl Failure for OnNoHost {
    fn exit_code(&self) -> u8 {
        vscsi_shared::exit_code::USAGE
    }

    fn hint(&self) -> Option<String> {
        Some(format!("everything of it is here: `vscsi-helper analyze {}`", self.0))
    }
}

/// The host that the job runs on, and the job.
///
/// # Errors
/// When the job was imported, or the host cannot be addressed.
pub(super) fn known<'env>(
    (directory, document): (JobDirectory, JobDocument),
    connect: &ConnectArgs,
    store: &Store,
    env: &'env Env,
) -> Result<KnownJob<'env>, CliError> {
    if is_imported(&document.job) {
        return Err(OnNoHost(directory.reference().clone()).into());
    }
    let target = connect.target(&document.job.host.hostname, store, env)?;
    Ok(KnownJob {
        directory,
        document,
        target,
    })
}

/// Records what the host says of the job.
pub(super) fn update(directory: &JobDirectory, document: &mut JobDocument, view: &JobView) -> Result<(), CliError> {
    if document.job != view.job {
        document.job = view.job.clone();
        directory.write_job(document)?;
    }
    Ok(())
}
