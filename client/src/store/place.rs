//! Which directory a job of a host is kept in, and what is written there.

use std::io;

use vscsi_shared::job::{HostIdentity, Job, JobDocument, UnreadableJob};

use super::origin::{is_same_job, put};
use super::private::check_directory;
use super::{JobDirectory, JobReference, Store, StoreError};

/// What is in a directory where a job may be kept.
enum Found {
    /// Nothing, or the job itself.
    Room,
    /// Snapshots without a description, so that nothing says whose they are.
    Orphans,
    /// Another job.
    Another,
}

impl Store {
    /// The directory where `job` of `host` is kept: where it is already, or `NAME`, or `NAME@HOST` when another job has
    /// that name. `adopt` is asked whether snapshots whose `job.json` is lost or damaged are those of the job.
    ///
    /// # Errors
    /// When both are taken by other jobs.
    pub fn place_for<E: From<StoreError>>(
        &self,
        host: &str,
        job: &Job,
        mut adopt: impl FnMut(&JobDirectory) -> Result<bool, E>,
    ) -> Result<JobDirectory, E> {
        let name = job.job_id.clone();
        for reference in [JobReference::named(name.clone()), JobReference::on(name, host)] {
            let directory = self.directory(&reference);
            let is_ours = match found(&directory, host, job)? {
                Found::Room => true,
                Found::Orphans => adopt(&directory)?,
                Found::Another => false,
            };
            if is_ours {
                return Ok(directory);
            }
        }
        Err(StoreError::NameTaken {
            name: job.job_id.clone(),
            host: host.to_owned(),
        }
        .into())
    }
}

fn found(directory: &JobDirectory, host: &str, job: &Job) -> Result<Found, StoreError> {
    match read(directory)? {
        Some(here) if is_same_job(&here, host, job) => Ok(Found::Room),
        Some(_) => Ok(Found::Another),
        None if directory.sequences()?.is_empty() => Ok(Found::Room),
        None => Ok(Found::Orphans),
    }
}

/// `job.json`, when there is one that can be read. One of a newer version is left alone.
fn read(directory: &JobDirectory) -> Result<Option<JobDocument>, StoreError> {
    match directory.read_job() {
        Ok(document) => Ok(Some(document)),
        Err(StoreError::Unreadable {
            source: UnreadableJob::Malformed(_),
            ..
        }) => Ok(None),
        Err(StoreError::File(error)) if error.source.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

impl JobDirectory {
    /// Records what `host`, to which this workstation is connected, tells of its job here.
    ///
    /// # Errors
    /// When another job is here, others may write here, or its description cannot be written. Nothing was changed then.
    pub fn record(&self, host: &HostIdentity, job: &Job) -> Result<JobDocument, StoreError> {
        let (document, written) = self.try_record(host, job)?;
        written.map(|()| document)
    }

    /// The same; what the host tells is given back also where it could not be written.
    ///
    /// # Errors
    /// When another job is here, or others may write here.
    pub fn try_record(
        &self,
        host: &HostIdentity,
        job: &Job,
    ) -> Result<(JobDocument, Result<(), StoreError>), StoreError> {
        for directory in [self.path(), &self.samples()] {
            check_directory(directory)?;
        }
        let here = read(self)?;
        if let Some(here) = &here
            && !(is_same_job(here, &host.hostname, job) && here.job.profile == job.profile)
        {
            return Err(StoreError::AnotherJob {
                job: self.reference().clone(),
                host: host.hostname.clone(),
            });
        }
        let mut document = here.clone().unwrap_or_else(|| JobDocument::new(job.clone()));
        if here.is_none() {
            // What the host says of itself is not what this workstation knows.
            document.job.host = HostIdentity::default();
        }
        put(&mut document, host, job);
        let written = if here.as_ref() == Some(&document) {
            Ok(())
        } else {
            self.write_job(&document)
        };
        Ok((document, written))
    }
}
