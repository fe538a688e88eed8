//! Copying a job's snapshots from its host: incremental, resumable at any byte, verified, and safe to repeat and to
//! kill.
//!
//! A snapshot becomes visible under its name only when all its bytes are here, have the SHA-256 of the manifest, and
//! are on disk. What arrived of the next one waits in `sample_NNN.csv.part`. The host is told that snapshots are safe
//! only after all of that.

mod contract;
mod damage;
mod error;
mod keep;
mod many;
mod receive;

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use vscsi_shared::identifier::Name;
use vscsi_shared::job::{HostIdentity, Job};
use vscsi_shared::wire::v1::JobView;

use contract::Contract;
pub(crate) use error::PullError;
pub(crate) use many::for_each_concurrently;

use crate::clock::Clock;
use crate::failure::FileError;
use crate::host::{Host, HostError};
use crate::store::{JobDirectory, Lock, LockKind, Store, StoreError, sync_directory};

/// How often a snapshot whose checksum is wrong is fetched again before the pull gives up.
const CORRUPTIONS_BORNE: u32 = 2;
/// What has to arrive before a connection breaks so that the row of waits begins anew: or a whole snapshot.
const PROGRESS_BYTES: u64 = 256 * 1024;
/// Space that is left free.
const SPARE_BYTES: u64 = 64 * 1024 * 1024;
/// How long the pull of one job may take; the next one goes on where it stopped.
const LONGEST_PULL: Duration = Duration::from_hours(24);

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
    /// The host that is connected, as this workstation knows it.
    pub from: &'a HostIdentity,
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
    /// When the host cannot be asked, tells of something else than of this job, or a file cannot be written. Everything
    /// that arrived stays, and the next pull goes on from there.
    pub(crate) fn pull(&self, host: &dyn Host, name: &Name) -> Result<Pulled, PullError> {
        let view = host.job(name)?;
        let contract = Contract::new(host.manifest(name)?, &view.job.profile)?;
        let (directory, _lock) = self.claim(&view.job, &contract)?;
        if let Some(aside) = damage::set_aside_description(&directory)? {
            self.progress.damaged(&aside);
        }
        directory.record(self.from, &view.job)?;
        for aside in damage::examine(&directory, &contract)? {
            self.progress.damaged(&aside);
        }
        let before = directory.sequences()?;
        let mut bytes = 0;
        let contract = self.fetch_all(host, &view.job, &directory, contract, &mut bytes)?;
        sync_directory(&directory.samples()).map_err(StoreError::from)?;

        let mut view = host.job(name)?;
        directory.record(self.from, &view.job)?;
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
            set_aside: contract.into_set_aside(),
        })
    }

    /// The directory for `job` with its lock. Another program may claim a place between our look and our lock, so we
    /// look again.
    fn claim(&self, job: &Job, contract: &Contract) -> Result<(JobDirectory, Lock), PullError> {
        let place = || {
            let host = &self.from.hostname;
            self.store
                .place_for(host, job, |directory| damage::are_those_of(directory, contract))
        };
        loop {
            let directory = place()?;
            let reference = directory.reference();
            let lock = if let Some(lock) = self.store.try_lock(reference, LockKind::Exclusive)? {
                lock
            } else {
                self.progress.waiting(&job.job_id);
                self.store.lock(reference, LockKind::Exclusive)?
            };
            if place()? == directory {
                return Ok((directory, lock));
            }
        }
    }

    /// Fetches until nothing of the contract is missing. Each try brings something, or counts as a failed one.
    fn fetch_all(
        &self,
        host: &dyn Host,
        job: &Job,
        directory: &JobDirectory,
        mut contract: Contract,
        bytes: &mut u64,
    ) -> Result<Contract, PullError> {
        let name = &job.job_id;
        let until = self
            .clock
            .now()
            .checked_add(LONGEST_PULL)
            .unwrap_or(jiff::Timestamp::MAX);
        let mut delays = self.delays.iter();
        let mut corruptions = 0;
        self.progress.expect(missing_bytes(&contract, &directory.sequences()?));
        loop {
            let here = directory.sequences()?;
            check_room(directory, missing_bytes(&contract, &here))?;
            let bytes_before = *bytes;
            let result = receive::receive(host, name, directory, &contract, &here, &mut |amount| {
                *bytes += amount;
                self.progress.advance(amount);
                if self.clock.now() > until {
                    return Err(PullError::TooLong { longest: LONGEST_PULL });
                }
                Ok(())
            });
            let Err(error) = result else { return Ok(contract) };
            if directory.sequences()?.len() > here.len() || *bytes - bytes_before >= PROGRESS_BYTES {
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
            // The host may have set aside what broke the stream.
            contract = Contract::new(host.manifest(name)?, &job.profile)?;
        }
    }
}

fn missing_bytes(contract: &Contract, here: &BTreeSet<u32>) -> u64 {
    contract.missing(here).map(|entry| entry.bytes).sum()
}

/// Refuses what would fill the file system.
fn check_room(directory: &JobDirectory, needed: u64) -> Result<(), PullError> {
    let place = directory.path();
    let free = fs4::available_space(place).map_err(FileError::new("look at the free space of", place))?;
    if needed > 0 && needed.saturating_add(SPARE_BYTES) > free {
        return Err(PullError::NoRoom {
            needed,
            free,
            place: place.to_owned(),
        });
    }
    Ok(())
}

impl From<HostError> for PullError {
    fn from(error: HostError) -> Self {
        Self::Host(error)
    }
}
