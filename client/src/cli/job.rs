//! What commands that take a JOB share.

use vscsi_shared::job::{Job, JobDocument};
use vscsi_shared::wire::v1::JobView;

use super::connect::{ConnectArgs, Target};
use super::{CliError, Env};
use crate::store::{JobDirectory, Store};

/// A job that is known here, and its host.
#[derive(Debug)]
pub(super) struct KnownJob<'env> {
    pub(super) directory: JobDirectory,
    pub(super) document: JobDocument,
    pub(super) target: Target<'env>,
}

/// The job that `text` means, and the host it runs on.
pub(super) fn known<'env>(
    text: &str,
    connect: &ConnectArgs,
    store: &Store,
    env: &'env Env,
) -> Result<KnownJob<'env>, CliError> {
    let (directory, document) = store.find(text)?;
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
