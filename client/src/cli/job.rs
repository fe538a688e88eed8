//! What commands that take a JOB share.

use std::collections::BTreeMap;

use clap::Args;
use vscsi_shared::identifier::WorldGroupId;
use vscsi_shared::job::{Job, JobDocument};
use vscsi_shared::wire::v1::JobView;

use super::connect::{ConnectArgs, Target};
use super::{CliError, Env};
use crate::failure::Failure;
use crate::host::HostError;
use crate::store::{JobDirectory, JobFiles, JobReference, Origin, Store, StoreError};
use crate::transport::{HostName, TransportError};

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

/// The user's note on a job. One that cannot be read is a warning, and no reason to show nothing else.
pub(super) fn note_of(directory: &JobFiles, env: &Env) -> Option<String> {
    directory.note().unwrap_or_else(|error| {
        env.warn(CliError::told(&error));
        None
    })
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

/// Jobs by the host on which each runs. One of which no host can be asked costs a warning, unless it was imported; the
/// second value says whether there was one.
pub(super) fn by_host(
    jobs: impl IntoIterator<Item = (JobDirectory, JobDocument)>,
    env: &Env,
) -> (BTreeMap<HostName, Vec<(JobDirectory, JobDocument)>>, bool) {
    let mut hosts: BTreeMap<HostName, Vec<_>> = BTreeMap::new();
    let mut some_are_claimed = false;
    for (directory, document) in jobs {
        match host_of(directory.reference(), &document) {
            Ok(host) => hosts.entry(host).or_default().push((directory, document)),
            Err(NoHost::Imported(_)) => {}
            Err(error @ NoHost::Claimed { .. }) => {
                env.warn(CliError::told(&error));
                some_are_claimed = true;
            }
        }
    }
    (hosts, some_are_claimed)
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

/// The job's host has no agent any more.
#[derive(Debug, thiserror::Error)]
#[error("the agent that kept job `{job}` is not on {host} any more")]
struct AgentGone {
    job: JobReference,
    host: HostName,
    world_group: WorldGroupId,
}

impl Failure for AgentGone {
    fn exit_code(&self) -> u8 {
        vscsi_shared::exit_code::VSCSISTATS_UNAVAILABLE
    }

    fn hint(&self) -> Option<String> {
        let Self { job, host, world_group } = self;
        Some(format!(
            "`vscsi-helper uninstall` ends every collection before it takes an agent away, so that nothing is left to do on \
             {host}; if the agent was removed otherwise, vscsiStats ends by itself within 30 minutes, or now if you run \
             `vscsiStats -x -w {world_group}` there. What was fetched is here: `vscsi-helper analyze {job}`, and \
             `vscsi-helper delete {job} --keep-on-host` removes it"
        ))
    }
}

/// The host answered that it has no agent.
pub(super) fn is_without_agent(error: &HostError) -> bool {
    matches!(error, HostError::Transport(TransportError::AgentMissing { .. }))
}

/// Why `host` gave no answer about a job of its own; without an agent there, what is left to do.
pub(super) fn no_answer(error: HostError, job: &JobReference, document: &JobDocument, host: &HostName) -> CliError {
    if is_without_agent(&error) {
        AgentGone {
            job: job.clone(),
            host: host.clone(),
            world_group: document.job.target.world_group_id,
        }
        .into()
    } else {
        error.into()
    }
}

/// The job has ended, and every snapshot of it is here.
///
/// # Errors
/// When its snapshots cannot be listed.
pub(super) fn is_all_here(directory: &JobFiles, job: &Job) -> Result<bool, StoreError> {
    let here = directory.sequences()?.len() as u64;
    Ok(job.status.is_final() && here > u64::from(job.collection.samples_collected))
}

impl KnownJob<'_> {
    /// What the host answered about the job.
    ///
    /// # Errors
    /// When the host gave no answer (see [`no_answer`]).
    pub(super) fn answer<T>(&self, answer: Result<T, HostError>) -> Result<T, CliError> {
        answer.map_err(|error| no_answer(error, self.directory.reference(), &self.document, self.target.name()))
    }

    /// Records what the host says of the job, and gives it back as this workstation knows it. A disk that is full keeps
    /// nobody from stopping a job: that it was not recorded is a warning.
    ///
    /// # Errors
    /// When it is not about this job.
    pub(super) fn update(&self, mut view: JobView) -> Result<JobView, CliError> {
        let (document, written) = self.directory.try_record(&self.target.identity(), &view.job)?;
        self.target.warn_of(written);
        view.job = document.job;
        Ok(view)
    }
}
