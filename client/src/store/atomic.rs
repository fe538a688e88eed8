//! Files that are either there with all their bytes or not at all.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;

use crate::failure::FileError;

/// Puts `bytes` into `path`: a temporary file beside it, fsync, rename, fsync of the directory.
///
/// # Errors
/// When any of that fails; `path` then is as it was.
pub fn write_atomic(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    let failed = || FileError::new("write", path);
    let directory = path.parent().unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(directory).map_err(failed())?;
    file.write_all(bytes).map_err(failed())?;
    file.as_file().sync_all().map_err(failed())?;
    file.persist(path).map_err(|error| failed()(error.error))?;
    sync_directory(directory)
}

/// Makes renames in `directory` survive a power failure.
///
/// # Errors
/// When the directory cannot be synchronised.
pub fn sync_directory(directory: &Path) -> Result<(), FileError> {
    // Windows has no handle on a directory to synchronise, and journals renames by itself.
    if cfg!(windows) {
        return Ok(());
    }
    File::open(directory)
        .and_then(|directory| directory.sync_all())
        .map_err(FileError::new("synchronise", directory))
}
