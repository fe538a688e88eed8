//! The recorded job inside this program, with which it shows itself where no host is at hand.
//!
//! It was recorded on a simulated host when the program was built (`client/build/recording.rs`).

use std::fs;
use std::io::Read as _;

use flate2::read::GzDecoder;
use vscsi_shared::job::JobDocument;
use vscsi_shared::snapshot::sequence_of;

use crate::failure::FileError;
use crate::store::{
    JobDirectory, JobFiles, JobReference, LockKind, Store, StoreError, create_file, sum_of, sync_directory,
};

/// `job.json` first, and then the snapshots as `samples/sample_000.csv` and so on.
const RECORDING: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/recording.tar.gz"));
const JOB_FILE: &str = "job.json";
/// What the recorded job is called.
pub(crate) const NAME: &str = "sql-peak";

/// Where the recorded job lies in a data directory, or will lie.
///
/// # Errors
/// None that could happen: its name is one.
pub(crate) fn place(store: &Store) -> Result<JobDirectory, StoreError> {
    Ok(store.directory(&NAME.parse::<JobReference>()?))
}

/// Writes the recorded job into a data directory that has none of its name, whole or not at all.
///
/// # Errors
/// When it cannot be written.
pub(crate) fn unpack(store: &Store) -> Result<(), StoreError> {
    let directory = place(store)?;
    let _lock = store.lock(directory.reference(), LockKind::Exclusive)?;
    let staging = tempfile::Builder::new()
        .prefix(".recording-")
        .tempdir_in(store.root())
        .map_err(FileError::new("create a directory in", store.root()))?;
    let files = JobFiles::at(staging.path().join(NAME));
    write(&files)?;
    sync_directory(&files.samples())?;
    fs::rename(files.path(), directory.path()).map_err(FileError::new("create", directory.path()))?;
    Ok(sync_directory(store.root())?)
}

fn write(files: &JobFiles) -> Result<(), StoreError> {
    let mut archive = tar::Archive::new(GzDecoder::new(RECORDING));
    let broken = || FileError::new("read the recorded job for", files.path());
    let mut sums = None;
    for entry in archive.entries().map_err(broken())? {
        let mut entry = entry.map_err(broken())?;
        let name = entry.path().map_err(broken())?.into_owned();
        let mut content = Vec::new();
        entry.read_to_end(&mut content).map_err(broken())?;
        if name.as_os_str() == JOB_FILE {
            let document = JobDocument::from_json(&content).map_err(|source| StoreError::Unreadable {
                path: files.job_file(),
                source,
            })?;
            files.write_job(&document)?;
            continue;
        }
        let sequence = name.file_name().and_then(|name| sequence_of(name.to_str()?));
        let Some(sequence) = sequence else { continue };
        create_file(&files.sample(sequence), &content)?;
        let sums = match &sums {
            Some(sums) => sums,
            None => sums.insert(files.record_sums()?),
        };
        sums.add(sequence, &sum_of(&content))?;
    }
    sums.map_or(Ok(()), |sums| Ok(sums.sync()?))
}
