//! The data directory: one directory per job, whose files are the truth.
//!
//! ```text
//! DATA/<job>/job.json
//! DATA/<job>/samples/sample_000.csv …
//! DATA/<job>/samples/SHA256SUMS         what each of them was when it was stored
//! DATA/<job>/…/….damaged                what was not as the host recorded it, set aside by a pull
//! DATA/<job>/trace.csv.gz               of a job made from a trace: each command with its exact values
//! DATA/<job>/note.txt                   what the user notes about it
//! DATA/<job>/analysis/…                 files.json names what the last analysis left
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
mod note;
mod origin;
mod place;
mod private;
mod reference;
mod runs;
mod snapshots;
mod sums;
mod trace;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};
use vscsi_shared::job::JobDocument;

pub use atomic::{followed, sync_directory, write_atomic, write_json, write_whole};
pub use compress::{Compressed, compress};
pub use error::StoreError;
pub use job_directory::{JOB_LIMIT_BYTES, JobDirectory, JobFiles};
pub use lock::{Lock, LockKind};
pub use note::LONGEST_NOTE_BYTES;
pub use origin::{IMPORT_PROFILE, Origin, UNKNOWN_HOST, UNKNOWN_VM, is_imported};
pub use private::{create_directory, create_file, open_file};
pub use reference::JobReference;
pub use snapshots::{LARGEST_SNAPSHOT_BYTES, SnapshotFile, read_snapshot_bytes, snapshot_files};
pub use sums::{SumsFile, sum_of};
pub use trace::TraceFile;

use crate::failure::{FileError, is_about_the_place};
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
    pub jobs: Vec<(JobDirectory, JobDocument)>,
    /// Directories whose `job.json` cannot be used, or is missing beside snapshots.
    pub unreadable: Vec<StoreError>,
}

impl Store {
    /// The data directory at `root`, which is made when it is not there.
    ///
    /// # Errors
    /// When it cannot be made, has another owner, or others may write to it or to what is known of hosts.
    pub fn open(root: &Path) -> Result<Self, StoreError> {
        let root = std::path::absolute(root).map_err(FileError::new("find", root))?;
        create_directory(&root)?;
        let store = Self { root };
        for directory in [
            store.root.clone(),
            store.hosts_directory(),
            lock::directory(&store.root),
        ] {
            private::check_directory(&directory)?;
        }
        Ok(store)
    }

    /// The same for whoever only looks: where there is no room or no right to make the directory, it is an empty one.
    ///
    /// # Errors
    /// As [`Store::open`], but for that.
    pub fn open_to_look(root: &Path) -> Result<Self, StoreError> {
        match Self::open(root) {
            Err(StoreError::File(error)) if is_about_the_place(&error) => {
                let root = std::path::absolute(root).map_err(FileError::new("find", root))?;
                log::debug!("{}: cannot be made, so it is taken for empty", root.display());
                Ok(Self { root })
            }
            opened => opened,
        }
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
                Ok(document) => found.jobs.push((directory, document)),
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
        let listing = match fs::read_dir(&self.root) {
            Ok(listing) => listing,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(directories),
            Err(error) => return Err(FileError::new("list", &self.root)(error).into()),
        };
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
        let mut matching: Vec<&(JobDirectory, JobDocument)> =
            jobs.jobs.iter().filter(|(_, job)| wanted.matches(job)).collect();
        if wanted.host.is_some() && matching.len() > 1 {
            matching.retain(|(directory, _)| directory.reference() == &wanted);
        }
        match matching.as_slice() {
            [(directory, document)] => Ok((directory.clone(), document.clone())),
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

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use vscsi_shared::job::{HostIdentity, Job};

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

    /// Keeps a job of the host that it names.
    pub(crate) fn keep(store: &Store, job: &Job) -> JobDirectory {
        let directory = place(store, &job.host.hostname, job).unwrap();
        directory.record(&job.host, job).unwrap();
        directory
    }

    fn place(store: &Store, host: &str, job: &Job) -> Result<JobDirectory, StoreError> {
        store.place_for(host, job, |_| Ok(false))
    }

    fn store_with(jobs: &[Job]) -> (tempfile::TempDir, Store) {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(directory.path()).unwrap();
        for job in jobs {
            keep(&store, job);
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
        assert_eq!(
            place(&store, "esx2", &later).unwrap().reference().to_string(),
            "sql@esx2"
        );
    }

    #[test]
    fn a_third_job_of_the_same_name_is_refused_rather_than_mixed() {
        let (_directory, store) = store_with(&[job("sql", "esx1"), job("sql", "esx2")]);
        let mut other = job("sql", "esx2");
        other.created_at = "2025-12-24T00:00:00Z".parse().unwrap();
        assert!(matches!(
            place(&store, "esx2", &other),
            Err(StoreError::NameTaken { .. })
        ));
    }

    #[test]
    fn a_host_that_tells_of_another_hosts_job_gets_a_place_of_its_own() {
        let (_directory, store) = store_with(&[job("sql", "esx1")]);
        let directory = place(&store, "mallory", &job("sql", "esx1")).unwrap();
        assert_eq!(directory.reference().to_string(), "sql@mallory");
        let (old, _) = store.find("sql").unwrap();
        let mallory = HostIdentity {
            hostname: "mallory".into(),
            ..HostIdentity::default()
        };
        let before = fs::read(old.job_file()).unwrap();
        assert!(matches!(
            old.record(&mallory, &job("sql", "esx1")),
            Err(StoreError::AnotherJob { .. })
        ));
        assert_eq!(fs::read(old.job_file()).unwrap(), before);
    }

    #[test]
    fn a_job_lives_on_the_host_that_was_connected_whatever_it_says() {
        let (_directory, store) = store_with(&[]);
        let host = HostIdentity {
            hostname: "esx1".into(),
            username: Some("admin".into()),
            fingerprint: None,
        };
        let told = job("sql", "mallory@attacker.example");
        let directory = place(&store, "esx1", &told).unwrap();
        directory.record(&host, &told).unwrap();
        let document = directory.read_job().unwrap();
        assert_eq!(
            (Origin::of(&document), document.job.host),
            (Origin::Host("esx1".into()), host)
        );
    }

    #[test]
    fn a_profile_that_grows_is_another_job() {
        let (_directory, store) = store_with(&[job("sql", "esx1")]);
        let mut larger = job("sql", "esx1");
        larger.profile.samples = 100_000;
        let directory = place(&store, "esx1", &larger).unwrap();
        assert!(matches!(
            directory.record(&larger.host, &larger),
            Err(StoreError::AnotherJob { .. })
        ));
    }

    /// A job as it was kept before its origin was recorded.
    fn keep_as_before(store: &Store, job: &Job) -> JobDirectory {
        let directory = place(store, &job.host.hostname, job).unwrap();
        directory.write_job(&JobDocument::new(job.clone())).unwrap();
        directory
    }

    #[test]
    fn a_job_that_was_pulled_before_is_read_and_what_it_says_of_its_host_is_a_claim() {
        let (_directory, store) = store_with(&[]);
        keep_as_before(&store, &job("sql", "esx1"));
        let (_, document) = store.find("sql@esx1").unwrap();
        assert_eq!(Origin::of(&document).to_string(), "esx1 (claimed)");
    }

    #[test]
    fn a_job_that_was_pulled_before_is_known_again_by_the_host_of_that_name_only() {
        let (_directory, store) = store_with(&[]);
        keep_as_before(&store, &job("sql", "esx1"));
        assert_eq!(
            place(&store, "esx2", &job("sql", "esx1"))
                .unwrap()
                .reference()
                .to_string(),
            "sql@esx2"
        );
        let directory = keep(&store, &job("sql", "esx1"));
        let document = directory.read_job().unwrap();
        assert_eq!(
            (directory.reference().to_string(), Origin::of(&document)),
            ("sql".into(), Origin::Host("esx1".into()))
        );
    }

    #[test]
    fn snapshots_without_a_description_are_not_taken_for_those_of_any_job() {
        let (_directory, store) = store_with(&[job("sql", "esx1")]);
        let (directory, _) = store.find("sql").unwrap();
        fs::write(directory.sample(0), "snapshot").unwrap();
        for damage in ["{", ""] {
            fs::write(directory.job_file(), damage).unwrap();
            assert_eq!(
                place(&store, "mallory", &job("sql", "mallory"))
                    .unwrap()
                    .reference()
                    .to_string(),
                "sql@mallory"
            );
        }
    }

    #[test]
    fn a_description_of_more_than_a_mebibyte_is_refused() {
        let (_directory, store) = store_with(&[job("sql", "esx1")]);
        let (directory, mut document) = store.find("sql").unwrap();
        document.job.target.vm_name = "x".repeat(1 << 20);
        assert!(matches!(
            directory.write_job(&document),
            Err(StoreError::TooLarge { .. })
        ));
        fs::write(directory.job_file(), document.to_json().unwrap()).unwrap();
        assert!(matches!(directory.read_job(), Err(StoreError::TooLarge { .. })));
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
