//! Compressing the snapshots of a job in place. Every reader reads both forms.

use std::fs;
use std::io::{self, Write};

use flate2::Compression;
use flate2::write::GzEncoder;
use rayon::prelude::*;

use super::snapshots::{SnapshotFile, read_snapshot_bytes, snapshot_files};
use super::{JobFiles, sync_directory, write_atomic};
use crate::failure::FileError;

/// What compressing a job came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Compressed {
    /// Snapshots that were compressed.
    pub files: usize,
    /// Their size before, bytes.
    pub before_bytes: u64,
    /// Their size after, bytes.
    pub after_bytes: u64,
}

/// Compresses every snapshot of a job that is not yet. A plain file is removed only after its compressed
/// form is safely there and gives back the same bytes, so this can be interrupted and repeated at any time.
///
/// # Errors
/// [`FileError`] of the first file that cannot be read, written or removed; what was compressed before stays so.
pub fn compress(job: &JobFiles) -> Result<Compressed, FileError> {
    let files = snapshot_files(job)?;
    let plain: Vec<&SnapshotFile> = files.iter().filter(|file| !file.compressed).collect();
    let sizes: Vec<(u64, u64)> = plain
        .par_iter()
        .map(|file| compress_one(file))
        .collect::<Result<_, _>>()?;
    if !sizes.is_empty() {
        sync_directory(&job.samples())?;
    }
    Ok(Compressed {
        files: sizes.len(),
        before_bytes: sizes.iter().map(|(before, _)| before).sum(),
        after_bytes: sizes.iter().map(|(_, after)| after).sum(),
    })
}

fn compress_one(file: &SnapshotFile) -> Result<(u64, u64), FileError> {
    let bytes = read_snapshot_bytes(file).map_err(FileError::new("read", &file.path))?;
    let target = SnapshotFile {
        name: format!("{}.gz", file.name),
        path: file.path.with_file_name(format!("{}.gz", file.name)),
        compressed: true,
        sequence: file.sequence,
    };
    let failed = || FileError::new("compress", &file.path);
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(&bytes).map_err(failed())?;
    let packed = encoder.finish().map_err(failed())?;
    write_atomic(&target.path, &packed)?;
    if read_snapshot_bytes(&target).map_err(failed())? != bytes {
        return Err(failed()(io::Error::other("the compressed file gives back other bytes")));
    }
    fs::remove_file(&file.path).map_err(FileError::new("remove", &file.path))?;
    Ok((bytes.len() as u64, packed.len() as u64))
}
