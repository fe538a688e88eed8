//! Copying a job's snapshots from its host: incremental, resumable at any byte, verified, and safe to repeat and to
//! kill.
//!
//! A snapshot becomes visible under its name only when all its bytes are here, have the SHA-256 of the manifest, and
//! are on disk. What arrived of the next one waits in `sample_NNN.csv.part`. The host is told that snapshots are safe
//! only after all of that.

mod damage;
mod error;
mod keep;
mod many;
mod receive;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::Duration;

use vscsi_shared::identifier::Name;
use vscsi_shared::job::{Job, JobDocument, UnreadableJob};
use vscsi_shared::wire::v1::JobView;

use damage::Depth;
pub(crate) use error::PullError;
pub(crate) use many::for_each_concurrently;

use crate::clock::Clock;
use crate::host::{Host, HostError};
use crate::store::{JobDirectory, Lock, LockKind, Store, StoreError, sync_directory};

/// How often a snapshot whose checksum is wrong is fetched again before the pull gives up.
const CORRUPTIONS_BORNE: u32 = 2;

/// What the user hears while a pull goes on.
pub(crate) trait Progress: Sync {
    /// So many bytes are to come.
    fn expect(&self, bytes: u64);
    /// So many came.
    fn advance(&self, bytes: u64);
    /// Something went wrong and is tried again after a wait.
    fn retrying(&self, error: &PullError, delay: Duration);
    /// Another program is pulling this job.
    fn waiting(&self, job: &Name);
    /// A file here was damaged, was renamed to this, and is fetched again.
    fn damaged(&self, aside: &Path);
}

/// What a pull did.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Pulled {
    /// Where the job is.
    pub directory: JobDirectory,
    /// The job as the host sees it afterwards.
    pub view: JobView,
    /// Snapshots that came.
    pub snapshots: usize,
    /// Bytes that came.
    pub bytes: u64,
    /// What the host lost of the job.
    pub set_aside: Vec<String>,
}

/// Everything a pull needs besides the host.
#[derive(Clone, Copy)]
pub(crate) struct Puller<'a> {
    /// Where jobs are kept.
    pub store: &'a Store,
    /// Waits after a failure; the row begins anew whenever something arrived.
    pub delays: &'a [Duration],
    /// Time.
    pub clock: &'a dyn Clock,
    /// What the user hears.
    pub progress: &'a dyn Progress,
}

impl std::fmt::Debug for Puller<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Puller")
            .field("store", &self.store)
            .finish_non_exhaustive()
    }
}

impl Puller<'_> {
    /// Copies everything of job `name` that is not here yet.
    ///
    /// # Errors
    /// When the host cannot be asked, or a file cannot be written. Everything that arrived stays, and the next pull
    /// goes on from there.
    pub(crate) fn pull(&self, host: &dyn Host, name: &Name) -> Result<Pulled, PullError> {
        let view = host.job(name)?;
        let (directory, _lock) = self.claim(&view.job)?;
        self.set_aside_damaged(host, name, &directory)?;
        write_job(&directory, view.job)?;
        let before = directory.sequences()?;
        let mut bytes = 0;
        let set_aside = self.fetch_all(host, name, &directory, &mut bytes)?;
        sync_directory(&directory.samples()).map_err(StoreError::from)?;

        let mut view = host.job(name)?;
        write_job(&directory, view.job.clone())?;
        let here = directory.sequences()?;
        if let Some(through) = here
            .last()
            .copied()
            .filter(|last| view.acknowledged_sequence < Some(*last))
        {
            view = host.acknowledge(name, through)?;
        }
        Ok(Pulled {
            snapshots: here.difference(&before).count(),
            directory,
            view,
            bytes,
            set_aside,
        })
    }

    /// Makes room for what the host has where a snapshot here is not what the host recorded. Without a `job.json` that
    /// could be read nothing says whose snapshots these are, so their contents are compared then.
    fn set_aside_damaged(&self, host: &dyn Host, name: &Name, directory: &JobDirectory) -> Result<(), PullError> {
        if directory.sequences()?.is_empty() {
            return Ok(());
        }
        let recorded = host.manifest(name, None)?.samples;
        let depth = if directory.job_file().exists() {
            Depth::Sizes
        } else {
            Depth::Contents
        };
        for aside in damage::set_aside_samples(directory, &recorded, depth)? {
            self.progress.damaged(&aside);
        }
        Ok(())
    }

    /// The directory for `job` with its lock. Another program may claim a place between our look and our lock, so we
    /// look again.
    fn claim(&self, job: &Job) -> Result<(JobDirectory, Lock), PullError> {
        loop {
            let directory = self.place_for(job)?;
            let reference = directory.reference();
            let lock = if let Some(lock) = self.store.try_lock(reference, LockKind::Exclusive)? {
                lock
            } else {
                self.progress.waiting(&job.job_id);
                self.store.lock(reference, LockKind::Exclusive)?
            };
            if self.place_for(job)? == directory {
                return Ok((directory, lock));
            }
        }
    }

    /// The directory for `job`, for which a `job.json` that is damaged makes room.
    fn place_for(&self, job: &Job) -> Result<JobDirectory, PullError> {
        loop {
            match self.store.place_for(job) {
                Err(StoreError::Unreadable {
                    path,
                    source: UnreadableJob::Malformed(_),
                }) => {
                    let aside = damage::set_aside(&path)?;
                    self.progress.damaged(&aside);
                }
                place => return Ok(place?),
            }
        }
    }

    /// Fetches until nothing of the manifest is missing, and returns what the host has lost.
    fn fetch_all(
        &self,
        host: &dyn Host,
        name: &Name,
        directory: &JobDirectory,
        bytes: &mut u64,
    ) -> Result<Vec<String>, PullError> {
        let mut delays = self.delays.iter();
        let mut corruptions = 0;
        let mut announced = false;
        loop {
            let here = directory.sequences()?;
            let manifest = host.manifest(name, last_without_gap(&here))?;
            let missing: Vec<_> = manifest
                .samples
                .iter()
                .filter(|entry| !here.contains(&entry.sequence))
                .collect();
            let Some(first) = missing.first() else {
                return Ok(manifest.set_aside);
            };
            if !announced {
                self.progress.expect(missing.iter().map(|entry| entry.bytes).sum());
                announced = true;
            }
            let bytes_before = *bytes;
            let result = receive::receive(host, name, directory, first, &here, &mut |amount| {
                *bytes += amount;
                self.progress.advance(amount);
            });
            let Err(error) = result else { continue };
            if *bytes > bytes_before {
                delays = self.delays.iter();
            }
            if let PullError::Corrupt { .. } = error {
                corruptions += 1;
                if corruptions > CORRUPTIONS_BORNE {
                    return Err(error);
                }
            } else if !error.is_worth_retrying() {
                return Err(error);
            }
            let Some(delay) = delays.next() else { return Err(error) };
            self.progress.retrying(&error, *delay);
            self.clock.sleep(*delay);
        }
    }
}

/// The sequence up to which no snapshot is missing here.
fn last_without_gap(here: &BTreeSet<u32>) -> Option<u32> {
    here.iter()
        .zip(0..)
        .take_while(|(sequence, expected)| *sequence == expected)
        .last()
        .map(|(sequence, _)| *sequence)
}

/// Writes `job.json`, keeping what a newer program recorded in it.
fn write_job(directory: &JobDirectory, job: Job) -> Result<(), StoreError> {
    let document = match fs::exists(directory.job_file()) {
        Ok(true) => directory.read_job().ok(),
        _ => None,
    };
    let document = match document {
        Some(mut document) => {
            document.job = job;
            document
        }
        None => JobDocument::new(job),
    };
    directory.write_job(&document)
}

impl From<HostError> for PullError {
    fn from(error: HostError) -> Self {
        Self::Host(error)
    }
}
