//! What commands that take a JOB share.

use clap::Args;
use vscsi_shared::job::JobDocument;
use vscsi_shared::wire::v1::JobView;

use super::connect::{ConnectArgs, Target};
use super::{CliError, Env};
use crate::failure::Failure;
use crate::store::{JobDirectory, JobReference, Origin, Store, StoreError};
use crate::transport::HostName;

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

/// A job about which no host can be asked.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoHost {
    /// It was made from files.
    #[error("job `{0}` was imported from files, so there is no host to ask about it")]
    Imported(JobReference),
    /// Nothing is known of its host but what the job says.
    #[error(
        "job `{job}` was pulled before its host was recorded here, and only its own word says that it is on `{claimed}`"
    )]
    Claimed {
        /// The job.
        job: JobReference,
        /// What it says.
        claimed: String,
    },
}

impl Failure for NoHost {
    fn exit_code(&self) -> u8 {
        vscsi_shared::exit_code::USAGE
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Imported(job) => format!("everything of it is here: `vscsi-helper analyze {job}`"),
            Self::Claimed { job, claimed } => format!(
                "if that is right, `vscsi-helper pull {} --host {claimed}` asks that host and records it",
                job.name
            ),
        })
    }
}

/// The host on which this workstation got the job, and never the one that the job names.
///
/// # Errors
/// When there is none.
pub(super) fn host_of(reference: &JobReference, document: &JobDocument) -> Result<HostName, NoHost> {
    let claimed = |claimed: String| NoHost::Claimed {
        job: reference.clone(),
        claimed,
    };
    match Origin::of(document) {
        Origin::Host(name) => name.parse().map_err(|_| claimed(name)),
        Origin::Files(_) => Err(NoHost::Imported(reference.clone())),
        Origin::Claimed(name) => Err(claimed(name)),
    }
}

/// The host that the job runs on, and the job.
///
/// # Errors
/// When no host is known for it.
pub(super) fn known<'env>(
    (directory, document): (JobDirectory, JobDocument),
    connect: &ConnectArgs,
    store: &Store,
    env: &'env Env,
) -> Result<KnownJob<'env>, CliError> {
    let host = host_of(directory.reference(), &document)?;
    let target = connect.recorded(host, store, env)?;
    Ok(KnownJob {
        directory,
        document,
        target,
    })
}

impl KnownJob<'_> {
    /// Records what the host says of the job, and gives it back as this workstation knows it.
    ///
    /// # Errors
    /// When it is not about this job, or cannot be written.
    pub(super) fn update(&self, mut view: JobView) -> Result<JobView, CliError> {
        view.job = self.directory.record(&self.target.identity(), &view.job)?.job;
        Ok(view)
    }
}
