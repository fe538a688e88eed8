//! Where a job lives: what this workstation recorded when it connected, and never what a host says of itself.

use std::fmt;

use vscsi_shared::job::{HostIdentity, Job, JobDocument, PulledFrom};

/// Stands for a profile, because nobody asked for the samples of an import.
pub const IMPORT_PROFILE: &str = "import";
/// The host's name in such a job where nobody told it.
pub const UNKNOWN_HOST: &str = "imported";
/// The VM's name in such a job where nobody told it; the world group ID stands beside it.
pub const UNKNOWN_VM: &str = "unknown";

/// Where a job lives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// On the host of this name, to which this workstation was connected when it got the job.
    Host(String),
    /// On no host: it was made from files, which came from there.
    Files(String),
    /// On this host, by the job's own word: it was pulled before this workstation recorded where from. Nothing is sent
    /// there on its word.
    Claimed(String),
}

impl Origin {
    /// Where the job of `document` lives.
    pub fn of(document: &JobDocument) -> Self {
        let told = || document.job.host.hostname.clone();
        match &document.pulled_from {
            Some(from) => Self::Host(from.host.clone()),
            None if is_imported(&document.job) => Self::Files(told()),
            None => Self::Claimed(told()),
        }
    }

    /// The host's name, whoever told it.
    pub fn name(&self) -> &str {
        match self {
            Self::Host(name) | Self::Files(name) | Self::Claimed(name) => name,
        }
    }
}

/// The name, marked where only the job says so.
impl fmt::Display for Origin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())?;
        if matches!(self, Self::Claimed(_)) {
            formatter.write_str(" (claimed)")?;
        }
        Ok(())
    }
}

/// The job was made from files, so that no host has it. Every job of a host knows when its collection began.
pub fn is_imported(job: &Job) -> bool {
    job.profile.name == IMPORT_PROFILE && job.collection.started_at.is_none()
}

/// What is here and what `host` tells are two descriptions of one job: it is on the same host, and has the same name and
/// the same beginning. A job that was pulled before its origin was recorded is known by its own word, if that is the name
/// of the very host that is connected now.
pub(super) fn is_same_job(here: &JobDocument, host: &str, there: &Job) -> bool {
    let is_there = match Origin::of(here) {
        Origin::Host(name) | Origin::Claimed(name) => name == host,
        Origin::Files(_) => false,
    };
    is_there && here.job.job_id == there.job_id && here.job.created_at == there.created_at
}

/// Puts what a host tells of a job into its document, as a job of the host that this workstation is connected to. What
/// the host says of its own name and keys goes.
pub(super) fn put(document: &mut JobDocument, host: &HostIdentity, job: &Job) {
    let known = &document.job.host;
    let identity = HostIdentity {
        hostname: host.hostname.clone(),
        username: host.username.clone().or(known.username.clone()),
        fingerprint: host.fingerprint.clone().or(known.fingerprint.clone()),
    };
    document.job = job.clone();
    document.job.host = identity;
    document.pulled_from = Some(PulledFrom {
        host: host.hostname.clone(),
    });
}
