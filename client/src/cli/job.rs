//! What commands that take a JOB share.

use vscsi_shared::job::{Job, JobDocument};
use vscsi_shared::wire::v1::JobView;

use super::connect::{ConnectArgs, Target};
use super::{CliError, Env};
use crate::failure::Failure;
use crate::import::is_imported;
use crate::store::{JobDirectory, JobReference, Store};

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

/// The job that `text` means, and the host it runs on.
pub(super) fn known<'env>(
    text: &str,
    connect: &ConnectArgs,
    store: &Store,
    env: &'env Env,
) -> Result<KnownJob<'env>, CliError> {
    let (directory, document) = store.find(text)?;
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

impl KnownJob<'_> {
    pub(super) fn job(&self) -> &Job {
        &self.document.job
    }

    /// Records what the host says of the job.
    pub(super) fn update(&mut self, view: &JobView) -> Result<(), CliError> {
        if self.document.job != view.job {
            self.document.job = view.job.clone();
            self.directory.write_job(&self.document)?;
        }
        Ok(())
    }
}
