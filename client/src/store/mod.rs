//! The data directory: one directory per job, whose files are the truth.
//!
//! ```text
//! DATA/<job>/job.json
//! DATA/<job>/samples/sample_000.csv …
//! DATA/<job>/…/….damaged                what was not as the host recorded it, set aside by a pull
//! DATA/<job>/analysis/…
//! DATA/<job>/visualizations/…
//! DATA/.hosts/<host>.json               how a host is reached, and what was installed there
//! DATA/catalog.db                      an index that can be rebuilt
//! DATA/.locks/<job>                    held while a command writes to the job
//! ```

mod atomic;
mod compress;
mod error;
mod job_directory;
mod lock;
mod reference;
mod snapshots;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};
use vscsi_shared::job::{Job, JobDocument};

pub use atomic::{sync_directory, write_atomic, write_json, write_whole};
pub use compress::{Compressed, compress};
pub use error::StoreError;
pub use job_directory::{JobDirectory, JobFiles};
pub use lock::{Lock, LockKind};
pub use reference::JobReference;
pub use snapshots::{SnapshotFile, read_snapshot_bytes, snapshot_files};

use crate::failure::FileError;
use crate::sha256::hexadecimal;

/// The data directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Store {
    root: PathBuf,
}

/// Every job that can be read, and why the others cannot.
#[derive(Debug, Default)]
pub struct Jobs {
    /// By directory name.
    pub jobs: Vec<(JobDirectory, Job)>,
    /// Directories whose `job.json` cannot be used, or is missing beside snapshots.
    pub unreadable: Vec<StoreError>,
}

impl Store {
    /// The data directory at `root`, which is made when it is not there.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn open(root: &Path) -> Result<Self, StoreError> {
        let root = std::path::absolute(root).map_err(FileError::new("find", root))?;
        fs::create_dir_all(&root).map_err(FileError::new("create", &root))?;
        Ok(Self { root })
    }

    /// Where it is.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Every job.
    ///
    /// # Errors
    /// When the directory cannot be listed. A single unreadable job is reported in [`Jobs::unreadable`].
    pub fn jobs(&self) -> Result<Jobs, StoreError> {
        let mut found = Jobs::default();
        for directory in self.directories()? {
            match directory.read_job() {
                Ok(document) => found.jobs.push((directory, document.job)),
                Err(error) => found.unreadable.push(error),
            }
        }
        found.unreadable.extend(self.without_job_file()?);
        Ok(found)
    }

    /// What is wrong with the directories that hold snapshots and no `job.json`.
    ///
    /// # Errors
    /// When the data directory cannot be listed.
    pub fn without_job_file(&self) -> Result<Vec<StoreError>, StoreError> {
        let candidates = self.candidates()?.into_iter();
        let orphans = candidates.filter(|directory| !directory.job_file().exists());
        let has_snapshots = |directory: &JobDirectory| directory.sequences().is_ok_and(|here| !here.is_empty());
        Ok(orphans
            .filter(has_snapshots)
            .map(|directory| StoreError::NoJobFile {
                path: directory.path().to_owned(),
                reference: directory.reference().clone(),
            })
            .collect())
    }

    /// The directories of all jobs, by name.
    ///
    /// # Errors
    /// When the data directory cannot be listed.
    pub fn directories(&self) -> Result<Vec<JobDirectory>, StoreError> {
        let mut directories = self.candidates()?;
        directories.retain(|directory| directory.job_file().exists());
        Ok(directories)
    }

    /// Everything that has the name of a job, by name.
    fn candidates(&self) -> Result<Vec<JobDirectory>, StoreError> {
        let mut directories = Vec::new();
        let listing = fs::read_dir(&self.root).map_err(FileError::new("list", &self.root))?;
        for entry in listing {
            let name = entry.map_err(FileError::new("list", &self.root))?.file_name();
            let reference = name.to_str().and_then(|name| name.parse().ok());
            directories.extend(reference.map(|reference| self.directory(&reference)));
        }
        directories.sort_by(|a, b| a.path().cmp(b.path()));
        Ok(directories)
    }

    /// The job that a user's text means: a name, or `NAME@HOST` where the name alone is ambiguous.
    ///
    /// # Errors
    /// When there is none, or several.
    pub fn find(&self, text: &str) -> Result<(JobDirectory, JobDocument), StoreError> {
        let wanted: JobReference = text.parse()?;
        let jobs = self.jobs()?;
        let mut matching: Vec<&(JobDirectory, Job)> = jobs.jobs.iter().filter(|(_, job)| wanted.matches(job)).collect();
        if wanted.host.is_some() && matching.len() > 1 {
            matching.retain(|(directory, _)| directory.reference() == &wanted);
        }
        match matching.as_slice() {
            [(directory, _)] => Ok((directory.clone(), directory.read_job()?)),
            [] => {
                // A job whose file is damaged is there all the same, and that is the better message.
                let directory = self.directory(&wanted);
                if directory.job_file().exists() {
                    directory.read_job()?;
                }
                let known = jobs.jobs.iter().map(|(directory, _)| directory.reference().to_string());
                Err(StoreError::no_such_job(text, &self.root, known))
            }
            several => Err(StoreError::Ambiguous {
                name: text.to_owned(),
                choices: several
                    .iter()
                    .map(|(_, job)| JobReference::of(job).to_string())
                    .collect(),
            }),
        }
    }

    /// The directory where `job`, which comes from a host, is kept: where it is already, or `NAME`, or `NAME@HOST` when
    /// another job has that name.
    ///
    /// # Errors
    /// When both are taken by other jobs.
    pub fn place_for(&self, job: &Job) -> Result<JobDirectory, StoreError> {
        for reference in [JobReference::named(job.job_id.clone()), JobReference::of(job)] {
            let directory = self.directory(&reference);
            if !directory.path().exists() {
                return Ok(directory);
            }
            if !directory.job_file().exists() || is_same_job(&directory.read_job()?.job, job) {
                return Ok(directory);
            }
        }
        Err(StoreError::NameTaken {
            name: job.job_id.clone(),
            host: job.host.hostname.clone(),
        })
    }

    /// The directory of what is known of hosts.
    pub fn hosts_directory(&self) -> PathBuf {
        self.root.join(".hosts")
    }

    /// The directory of a reference, whether it is there or not.
    pub fn directory(&self, reference: &JobReference) -> JobDirectory {
        JobDirectory::new(self.root.join(reference.to_string()), reference.clone())
    }

    /// Takes the lock of a job. `None` when another program holds it.
    ///
    /// # Errors
    /// When the lock file cannot be made.
    pub fn try_lock(&self, reference: &JobReference, kind: LockKind) -> Result<Option<Lock>, StoreError> {
        Lock::try_take(&self.root, &reference.to_string(), kind)
    }

    /// Takes the lock of a job, waiting for whoever holds it.
    ///
    /// # Errors
    /// When the lock file cannot be made.
    pub fn lock(&self, reference: &JobReference, kind: LockKind) -> Result<Lock, StoreError> {
        Lock::take(&self.root, &reference.to_string(), kind)
    }

    /// Takes a lock that belongs to no job, such as that of `collect` for one VM. `None` when another program holds it.
    ///
    /// # Errors
    /// When the lock file cannot be made.
    pub fn try_lock_named(&self, what: &str) -> Result<Option<Lock>, StoreError> {
        // A hash, because a VM's name may hold what a file name may not; and no job's name begins with a dot.
        let name = format!(".{}", hexadecimal(&Sha256::digest(what)));
        Lock::try_take(&self.root, &name, LockKind::Exclusive)
    }

    /// Removes a job with all its files.
    ///
    /// The directory is renamed first, so that a removal that is cut short leaves no half job behind.
    ///
    /// # Errors
    /// When it cannot be removed.
    pub fn remove(&self, directory: &JobDirectory) -> Result<(), StoreError> {
        let doomed = self.root.join(format!(".removed-{}", directory.reference()));
        match fs::remove_dir_all(&doomed) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(FileError::new("remove", &doomed)(error).into());
            }
            _ => {}
        }
        fs::rename(directory.path(), &doomed).map_err(FileError::new("remove", directory.path()))?;
        sync_directory(&self.root)?;
        fs::remove_dir_all(&doomed).map_err(FileError::new("remove", &doomed))?;
        Ok(())
    }
}

/// Two descriptions of one job: the collection goes on in one of them, its identity does not change.
fn is_same_job(here: &Job, there: &Job) -> bool {
    here.job_id == there.job_id
        && here.created_at == there.created_at
        && here.host.hostname == there.host.hostname
        && here.target.config_file == there.target.config_file
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A job as an agent describes it.
    pub(crate) fn job(name: &str, host: &str) -> Job {
        serde_json::from_value(serde_json::json!({
            "format_version": "1.0", "job_id": name,
            "created_at": "2025-11-06T08:30:22Z", "updated_at": "2025-11-06T08:30:22Z", "status": "running",
            "host": {"hostname": host, "username": "root", "fingerprint": null},
            "target": {"vm_name": "SQL-Server-01", "world_group_id": "12345",
                       "config_file": "/vmfs/volumes/5f/SQL/SQL.vmx",
                       "disks": [{"handle_id": "8194", "node": "scsi0:0", "lun": "scsi0:0"}]},
            "profile": {"name": "standard", "samples": 30, "interval_seconds": 60},
            "collection": {"started_at": "2025-11-06T08:30:22Z", "samples_collected": 18, "samples_expected": 30},
            "cleanup": {"vscsiStats_stopped": false}
        }))
        .unwrap()
    }

    fn store_with(jobs: &[Job]) -> (tempfile::TempDir, Store) {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(directory.path()).unwrap();
        for job in jobs {
            store
                .place_for(job)
                .unwrap()
                .write_job(&JobDocument::new(job.clone()))
                .unwrap();
        }
        (directory, store)
    }

    #[test]
    fn a_job_is_found_by_its_name() {
        let (_directory, store) = store_with(&[job("sql-peak", "esx1")]);
        assert_eq!(store.find("sql-peak").unwrap().1.job.host.hostname, "esx1");
    }

    #[test]
    fn the_same_name_from_a_second_host_is_kept_beside_the_first() {
        let (_directory, store) = store_with(&[job("sql", "esx1"), job("sql", "esx2")]);
        let names: Vec<String> = store
            .jobs()
            .unwrap()
            .jobs
            .iter()
            .map(|(directory, _)| directory.reference().to_string())
            .collect();
        assert_eq!(names, ["sql", "sql@esx2"]);
    }

    #[test]
    fn an_ambiguous_name_is_answered_with_the_choices() {
        let (_directory, store) = store_with(&[job("sql", "esx1"), job("sql", "esx2")]);
        let error = store.find("sql").unwrap_err();
        assert!(
            matches!(&error, StoreError::Ambiguous { choices, .. } if choices == &["sql@esx1", "sql@esx2"]),
            "{error}"
        );
    }

    #[test]
    fn every_choice_of_an_ambiguous_name_finds_its_job() {
        let (_directory, store) = store_with(&[job("sql", "esx1"), job("sql", "esx2")]);
        for host in ["esx1", "esx2"] {
            assert_eq!(store.find(&format!("sql@{host}")).unwrap().1.job.host.hostname, host);
        }
    }

    #[test]
    fn a_job_that_was_here_before_goes_to_its_old_place() {
        let (_directory, store) = store_with(&[job("sql", "esx1"), job("sql", "esx2")]);
        let mut later = job("sql", "esx2");
        later.collection.samples_collected = 30;
        assert_eq!(store.place_for(&later).unwrap().reference().to_string(), "sql@esx2");
    }

    #[test]
    fn a_third_job_of_the_same_name_is_refused_rather_than_mixed() {
        let (_directory, store) = store_with(&[job("sql", "esx1"), job("sql", "esx2")]);
        let mut other = job("sql", "esx2");
        other.created_at = "2025-12-24T00:00:00Z".parse().unwrap();
        assert!(matches!(store.place_for(&other), Err(StoreError::NameTaken { .. })));
    }

    #[test]
    fn a_mistyped_job_is_answered_with_the_one_probably_meant() {
        use crate::failure::Failure as _;
        let (_directory, store) = store_with(&[job("sql-peak", "esx1")]);
        assert_eq!(
            store.find("sql-peek").unwrap_err().hint().as_deref(),
            Some("did you mean `sql-peak`?")
        );
    }

    #[test]
    fn a_name_that_leaves_the_directory_is_refused() {
        let (_directory, store) = store_with(&[]);
        for text in ["../etc", "a/b", "sql@../x", ""] {
            assert!(matches!(store.find(text), Err(StoreError::Reference(_))), "{text:?}");
        }
    }

    #[test]
    fn a_damaged_job_file_is_reported_and_hides_no_other_job() {
        let (_directory, store) = store_with(&[job("sql", "esx1"), job("web", "esx1")]);
        fs::write(store.root().join("sql/job.json"), "{").unwrap();
        let jobs = store.jobs().unwrap();
        assert_eq!((jobs.jobs.len(), jobs.unreadable.len()), (1, 1));
        assert!(matches!(store.find("sql"), Err(StoreError::Unreadable { .. })));
    }

    #[test]
    fn a_removed_job_leaves_nothing() {
        let (_directory, store) = store_with(&[job("sql", "esx1")]);
        let (directory, _) = store.find("sql").unwrap();
        store.remove(&directory).unwrap();
        assert_eq!(fs::read_dir(store.root()).unwrap().count(), 0);
    }
}
