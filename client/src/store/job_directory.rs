//! One job's files, and the directory they are kept in.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::ops::Deref;
use std::path::{Path, PathBuf};

use vscsi_shared::job::JobDocument;
use vscsi_shared::snapshot;

use super::private::check_directory;
use super::{JobReference, StoreError, TraceFile, create_directory, write_atomic};
use crate::failure::FileError;
use crate::visible;

/// The largest `job.json` that is read or written. An agent keeps a bounded number of errors, so an honest one has a few
/// kilobytes.
pub const JOB_LIMIT_BYTES: u64 = 1024 * 1024;

/// The files of one job, which need not be there yet, wherever they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobFiles {
    path: PathBuf,
}

/// One job's place in the data directory: its files, and what the user calls it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobDirectory {
    files: JobFiles,
    reference: JobReference,
}

impl JobDirectory {
    pub(super) fn new(path: PathBuf, reference: JobReference) -> Self {
        let files = JobFiles { path };
        Self { files, reference }
    }

    /// What the user calls it.
    pub fn reference(&self) -> &JobReference {
        &self.reference
    }
}

impl Deref for JobDirectory {
    type Target = JobFiles;

    fn deref(&self) -> &JobFiles {
        &self.files
    }
}

impl JobFiles {
    /// Those in the directory `path`.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// `job.json`.
    pub fn job_file(&self) -> PathBuf {
        self.path.join("job.json")
    }

    /// The directory of snapshots.
    pub fn samples(&self) -> PathBuf {
        self.path.join("samples")
    }

    /// The file of a snapshot.
    pub fn sample(&self, sequence: u32) -> PathBuf {
        self.samples().join(snapshot::file_name(sequence))
    }

    /// The trace that the job was made from, where it was made from one.
    pub fn trace(&self) -> TraceFile {
        TraceFile::at(self.path.join("trace.csv.gz"))
    }

    /// The directory of what `analyze` writes.
    pub fn analysis(&self) -> PathBuf {
        self.path.join("analysis")
    }

    /// The directory of charts.
    pub fn visualizations(&self) -> PathBuf {
        self.path.join("visualizations")
    }

    /// Makes one of its directories, `folder`, for what is to be written into it.
    ///
    /// # Errors
    /// When it cannot be made, or has another owner, or others may write to it or to the job's own.
    pub fn make(&self, folder: &Path) -> Result<(), StoreError> {
        create_directory(folder)?;
        check_directory(&self.path)?;
        check_directory(folder)
    }

    /// Reads `job.json`, each of whose texts is then a line that commands no terminal.
    ///
    /// # Errors
    /// When it cannot be read, is of a newer version, or is larger than any.
    pub fn read_job(&self) -> Result<JobDocument, StoreError> {
        let path = self.job_file();
        let mut text = Vec::new();
        File::open(&path)
            .and_then(|file| file.take(JOB_LIMIT_BYTES + 1).read_to_end(&mut text))
            .map_err(FileError::new("read", &path))?;
        if text.len() as u64 > JOB_LIMIT_BYTES {
            return Err(StoreError::TooLarge { path });
        }
        let text = String::from_utf8_lossy(&text);
        let mut document = JobDocument::from_json(visible::json_of_lines(&text).as_bytes())
            .map_err(|source| StoreError::Unreadable { path, source })?;
        if let Some(from) = &document.pulled_from {
            document.job.host.hostname.clone_from(&from.host);
        }
        Ok(document)
    }

    /// Makes the directory and writes `job.json`, whole or not at all.
    ///
    /// # Errors
    /// When it cannot be written, or would be too large to be read.
    pub fn write_job(&self, document: &JobDocument) -> Result<(), StoreError> {
        let path = self.job_file();
        let bytes = document
            .to_json()
            .map_err(|error| FileError::new("write", &path)(error.into()))?;
        if bytes.len() as u64 > JOB_LIMIT_BYTES {
            return Err(StoreError::TooLarge { path });
        }
        let samples = self.samples();
        create_directory(&samples)?;
        Ok(write_atomic(&path, &bytes)?)
    }

    /// Bytes that its files hold, links not followed.
    ///
    /// # Errors
    /// When a directory of it cannot be listed.
    pub fn bytes(&self) -> Result<u64, FileError> {
        bytes_in(&self.path)
    }

    /// Sequences of the snapshots that are here, compressed or not.
    ///
    /// # Errors
    /// When the directory cannot be listed; without one there is none.
    pub fn sequences(&self) -> Result<BTreeSet<u32>, StoreError> {
        let samples = self.samples();
        let listing = match fs::read_dir(&samples) {
            Ok(listing) => listing,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(BTreeSet::new()),
            Err(error) => return Err(FileError::new("list", &samples)(error).into()),
        };
        let mut sequences = BTreeSet::new();
        for entry in listing {
            let name = entry.map_err(FileError::new("list", &samples))?.file_name();
            let Some(name) = name.to_str() else { continue };
            sequences.extend(snapshot::sequence_of(name.strip_suffix(".gz").unwrap_or(name)));
        }
        Ok(sequences)
    }
}

fn bytes_in(directory: &Path) -> Result<u64, FileError> {
    let failed = || FileError::new("list", directory);
    let mut bytes = 0;
    for entry in fs::read_dir(directory).map_err(failed())? {
        let entry = entry.map_err(failed())?;
        let metadata = entry.metadata().map_err(failed())?;
        bytes += if metadata.is_dir() {
            bytes_in(&entry.path())?
        } else {
            metadata.len()
        };
    }
    Ok(bytes)
}
