//! The snapshot files of a job.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::PathBuf;

use flate2::read::MultiGzDecoder;
use vscsi_shared::snapshot;

use super::JobFiles;
use crate::failure::FileError;

/// Largest snapshot that is stored, and read into memory: far more than 1000 disks print, and a bound for a file that is
/// none.
pub const LARGEST_SNAPSHOT_BYTES: u64 = 64 * 1024 * 1024;

/// A snapshot file, compressed or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnapshotFile {
    /// Its sequence, by its name.
    pub sequence: u32,
    /// Its name, for messages.
    pub name: String,
    /// Where it is.
    pub path: PathBuf,
    /// `.csv.gz` instead of `.csv`.
    pub compressed: bool,
}

/// The snapshot files of a job, in order. Where a snapshot exists both plain and compressed, as it does
/// for a moment while it is being compressed, the plain file counts.
///
/// # Errors
/// When the directory cannot be listed. A job without that directory has no snapshot yet.
pub fn snapshot_files(job: &JobFiles) -> Result<Vec<SnapshotFile>, FileError> {
    let directory = job.samples();
    let entries = match fs::read_dir(&directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(FileError::new("list", &directory)(error)),
    };
    let mut files = Vec::new();
    for entry in entries {
        let entry = entry.map_err(FileError::new("list", &directory))?;
        let Ok(name) = entry.file_name().into_string() else {
            continue;
        };
        let plain = name.strip_suffix(".gz");
        if let Some(sequence) = snapshot::sequence_of(plain.unwrap_or(&name)) {
            files.push(SnapshotFile {
                sequence,
                compressed: plain.is_some(),
                path: entry.path(),
                name,
            });
        }
    }
    files.sort_by_key(|file| (file.sequence, file.compressed));
    files.dedup_by_key(|file| file.sequence);
    Ok(files)
}

/// The content of a snapshot file, decompressed.
///
/// # Errors
/// When it cannot be read, is no valid gzip file, or is larger than any snapshot.
pub fn read_snapshot_bytes(file: &SnapshotFile) -> io::Result<Vec<u8>> {
    let opened = File::open(&file.path)?;
    let mut bytes = Vec::new();
    let limit = LARGEST_SNAPSHOT_BYTES + 1;
    if file.compressed {
        MultiGzDecoder::new(opened).take(limit).read_to_end(&mut bytes)?;
    } else {
        // One allocation for the usual file: the size is known.
        bytes.reserve(usize::try_from(opened.metadata()?.len().min(limit)).unwrap_or(0));
        opened.take(limit).read_to_end(&mut bytes)?;
    }
    if bytes.len() as u64 > LARGEST_SNAPSHOT_BYTES {
        return Err(io::Error::new(
            io::ErrorKind::FileTooLarge,
            format!("it is larger than {LARGEST_SNAPSHOT_BYTES} bytes, so it is no snapshot"),
        ));
    }
    Ok(bytes)
}
