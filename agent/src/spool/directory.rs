//! The spool as a directory.

use std::collections::BTreeMap;
use std::fs::{self};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::Value;
use vscsi_shared::identifier::Name;
use vscsi_shared::job::{JobDocument, overlay};
use vscsi_shared::snapshot;
use vscsi_shared::wire::v1::ManifestEntry;

use super::index::{Entry, Index};
use super::space::{self, Blocks};
use super::sums::{self, Sum};
use super::{Record, Spool, SpoolError, Stored};
use crate::fault::fault_point;
use crate::files;

/// Largest job.json or agent.json that is read.
pub(super) const TEXT_LIMIT: u64 = 16 * 1024 * 1024;

/// Largest snapshot that is read; a print of 64 disks takes less than half a megabyte.
pub(super) const SNAPSHOT_LIMIT: u64 = 16 * 1024 * 1024;

/// The spool below a directory. Its index of snapshots is in memory and is rebuilt by [`Spool::load`].
#[derive(Debug)]
pub struct DirectorySpool {
    pub(super) directory: PathBuf,
    limit_bytes: u64,
    blocks: Blocks,
    index: Mutex<BTreeMap<Name, Index>>,
    /// Held while a list of sums changes together with its index; taken before the index.
    listing: Mutex<()>,
}

pub(super) fn failed(what: impl Into<String>) -> impl FnOnce(io::Error) -> SpoolError {
    let what = what.into();
    move |source| SpoolError::Io { what, source }
}

impl DirectorySpool {
    /// A spool in `directory`, which is created, whose snapshots take at most `limit_bytes`.
    ///
    /// # Errors
    /// When the directory cannot be created.
    pub fn open(directory: &Path, limit_bytes: u64) -> Result<Self, SpoolError> {
        files::create_directory(directory).map_err(failed("create the spool"))?;
        Ok(Self {
            directory: directory.to_path_buf(),
            limit_bytes,
            blocks: Blocks::of(directory),
            index: Mutex::default(),
            listing: Mutex::default(),
        })
    }

    pub(super) fn job_directory(&self, job: &Name) -> PathBuf {
        self.directory.join(job.as_str())
    }

    pub(super) fn samples_directory(&self, job: &Name) -> PathBuf {
        self.job_directory(job).join("samples")
    }

    pub(super) fn with_index<T>(&self, use_it: impl FnOnce(&mut BTreeMap<Name, Index>) -> T) -> T {
        // The index is a plain map: a panic elsewhere leaves it as consistent as it was.
        use_it(&mut self.index.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn with_job<T: Default>(&self, job: &Name, use_it: impl FnOnce(&Index) -> T) -> T {
        self.with_index(|map| map.get(job).map(use_it).unwrap_or_default())
    }

    fn listing(&self) -> MutexGuard<'_, ()> {
        self.listing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Moves a damaged file to those set aside.
    pub(super) fn move_aside(&self, job: &Name, name: &str) -> io::Result<()> {
        let aside = self.job_directory(job).join("set-aside");
        files::create_directory(&aside)?;
        fs::rename(self.samples_directory(job).join(name), aside.join(name))?;
        files::sync_directory(&aside)
    }

    /// Takes a snapshot that turned out to be damaged out of the list. Its file goes first: a file without a line would
    /// be taken for whole at the next start.
    fn set_aside(&self, job: &Name, sequence: u32) -> Result<(), SpoolError> {
        let _listing = self.listing();
        let name = snapshot::file_name(sequence);
        self.move_aside(job, &name)
            .map_err(failed(format!("set {name} of {job} aside")))?;
        let left: Vec<(u32, Sum)> = self.with_index(|map| {
            let Some(index) = map.get_mut(job) else {
                return Vec::new();
            };
            index.set_aside(name);
            index.from(0).iter().map(|entry| (entry.sequence, entry.sum)).collect()
        });
        sums::rewrite(&self.samples_directory(job), left.into_iter())
            .map_err(failed(format!("write the checksums of {job}")))
    }
}

/// What the file held before, with `new` over it: keys of a newer version stay.
fn over_what_was_there(path: &Path, new: Value) -> Value {
    let before = files::read_if_there(path, TEXT_LIMIT).ok().flatten();
    let mut merged = before
        .and_then(|bytes| serde_json::from_slice(&bytes).ok())
        .unwrap_or(Value::Null);
    overlay(&mut merged, new);
    merged
}

impl Spool for DirectorySpool {
    fn load(&self) -> Result<(Vec<Stored>, Vec<String>), SpoolError> {
        self.load_all()
    }

    fn create(&self, document: &JobDocument, record: &Record) -> Result<(), SpoolError> {
        let job = &document.job.job_id;
        // What is there already may be samples of a job whose other files are damaged.
        files::create_new_directory(&self.job_directory(job)).map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => SpoolError::Exists(job.clone()),
            _ => failed(format!("create job {job}"))(error),
        })?;
        files::create_directory(&self.samples_directory(job)).map_err(failed(format!("create job {job}")))?;
        self.with_index(|map| map.insert(job.clone(), Index::default()));
        self.save_record(record)?;
        fault_point("job-between-files");
        self.save_job(document)?;
        files::sync_directory(&self.directory).map_err(failed(format!("create job {job}")))
    }

    fn save_job(&self, document: &JobDocument) -> Result<(), SpoolError> {
        let job = &document.job.job_id;
        let what = || format!("write job.json of {job}");
        let bytes = document.to_json().map_err(|error| failed(what())(error.into()))?;
        files::write_atomically(&self.job_directory(job).join("job.json"), &bytes).map_err(failed(what()))
    }

    fn save_record(&self, record: &Record) -> Result<(), SpoolError> {
        let job = &record.request.name;
        let what = || format!("write agent.json of {job}");
        let path = self.job_directory(job).join("agent.json");
        let bytes = serde_json::to_value(record)
            .and_then(|record| serde_json::to_vec_pretty(&over_what_was_there(&path, record)))
            .map_err(|error| failed(what())(error.into()))?;
        files::write_atomically(&path, &bytes).map_err(failed(what()))
    }

    fn write_snapshot(&self, job: &Name, sequence: u32, bytes: &[u8]) -> Result<(), SpoolError> {
        let would_take = self.used_bytes().saturating_add(self.takes(bytes.len() as u64));
        if would_take > self.limit_bytes {
            return Err(SpoolError::Full {
                would_take,
                limit: self.limit_bytes,
            });
        }
        space::check_volume(&self.directory)?;
        let directory = self.samples_directory(job);
        let path = directory.join(snapshot::file_name(sequence));
        let entry = Entry {
            sequence,
            bytes: bytes.len() as u64,
            sum: Sum::of(bytes),
        };
        let what = || format!("write snapshot {sequence} of {job}");
        fault_point("snapshot-before-file");
        let taken = files::write_atomically_with(&path, bytes, |_| Ok(()))
            .and_then(|file| file.metadata())
            .map(|metadata| space::taken(&metadata))
            .map_err(failed(what()))?;
        fault_point("snapshot-after-file");
        let _listing = self.listing();
        if let Err(error) = sums::append(&directory, sequence, entry.sum) {
            // Nobody was told of it, and without its checksum it could not be verified.
            let _ = fs::remove_file(&path);
            return Err(failed(what())(error));
        }
        fault_point("snapshot-after-sum");
        self.with_index(|map| map.entry(job.clone()).or_default().insert(entry, taken));
        Ok(())
    }

    fn entries(&self, job: &Name, from: u32, count: usize) -> Vec<ManifestEntry> {
        self.with_job(job, |index| {
            index.from(from).iter().take(count).map(ManifestEntry::from).collect()
        })
    }

    fn set_aside(&self, job: &Name) -> Vec<String> {
        self.with_job(job, |index| index.set_aside.clone())
    }

    fn last_sequence(&self, job: &Name) -> Option<u32> {
        self.with_job(job, |index| index.last)
    }

    fn largest_bytes(&self, job: &Name) -> u64 {
        self.with_job(job, |index| index.largest)
    }

    fn read_snapshot(&self, job: &Name, sequence: u32) -> Result<Vec<u8>, SpoolError> {
        let name = snapshot::file_name(sequence);
        let missing = || SpoolError::Missing(format!("{name} of {job}"));
        let entry = self.with_job(job, |index| index.get(sequence)).ok_or_else(missing)?;
        let bytes = files::read_if_there(&self.samples_directory(job).join(&name), SNAPSHOT_LIMIT)
            .map_err(failed(format!("read {name} of {job}")))?
            .ok_or_else(missing)?;
        if Sum::of(&bytes) == entry.sum {
            return Ok(bytes);
        }
        self.set_aside(job, sequence)?;
        Err(SpoolError::Corrupt(format!("{name} of {job}")))
    }

    fn delete(&self, job: &Name) -> Result<(), SpoolError> {
        self.with_index(|map| map.remove(job));
        match fs::remove_dir_all(self.job_directory(job)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed(format!("delete job {job}"))(error)),
            _ => files::sync_directory(&self.directory).map_err(failed(format!("delete job {job}"))),
        }
    }

    fn used_bytes(&self) -> u64 {
        self.with_index(|map| map.values().map(|index| index.taken).sum())
    }

    fn takes(&self, bytes: u64) -> u64 {
        self.blocks.takes(bytes)
    }

    fn limit_bytes(&self) -> u64 {
        self.limit_bytes
    }

    fn free_bytes(&self) -> Option<u64> {
        space::free_bytes(&self.directory)
    }
}
