//! Files that are either there whole or not at all.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

/// Suffix of a file that is being written; such a file is never read and is removed at the next start.
pub(crate) const TEMPORARY_SUFFIX: &str = ".tmp";

/// Creates `path` and its missing parents, readable by the owner alone.
pub(crate) fn create_directory(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Creates `path`, which must not be there yet, readable by the owner alone.
pub(crate) fn create_new_directory(path: &Path) -> io::Result<()> {
    DirBuilder::new().mode(0o700).create(path)
}

/// What came of an fsync of a directory.
#[derive(Debug)]
pub(crate) enum DirectorySync {
    /// Its entries are durable.
    Done,
    /// Its file system has no such call, and answered with this; entries are as durable as it makes them by itself.
    NotSupported(io::Error),
}

/// What a file system answers that has no fsync for directories; any other error means that entries may be lost.
const NO_DIRECTORY_SYNC: [i32; 4] = [libc::EINVAL, libc::ENOTSUP, libc::ENOSYS, libc::EBADF];

/// Makes the entries of `directory` durable, where its file system can.
pub(crate) fn try_sync_directory(directory: &Path) -> io::Result<DirectorySync> {
    match File::open(directory)?.sync_all() {
        Ok(()) => Ok(DirectorySync::Done),
        Err(error)
            if error
                .raw_os_error()
                .is_some_and(|code| NO_DIRECTORY_SYNC.contains(&code)) =>
        {
            Ok(DirectorySync::NotSupported(error))
        }
        Err(error) => Err(error),
    }
}

/// Makes the entries of `directory` durable, as far as its file system can.
pub(crate) fn sync_directory(directory: &Path) -> io::Result<()> {
    try_sync_directory(directory).map(drop)
}

/// Writes `path` in one step: temporary file, fsync, rename, fsync of the directory.
///
/// After an error or a crash the old content is still there whole, or the new one is.
pub(crate) fn write_atomically(path: &Path, bytes: &[u8]) -> io::Result<()> {
    write_atomically_with(path, bytes, |_| Ok(())).map(drop)
}

/// The same, with something done to the file before it has its name.
pub(crate) fn write_atomically_with(
    path: &Path,
    bytes: &[u8],
    before: impl FnOnce(&File) -> io::Result<()>,
) -> io::Result<File> {
    let directory = path.parent().unwrap_or(Path::new("."));
    let temporary = temporary_beside(path);
    let written = write_new(&temporary, bytes).and_then(|file| {
        before(&file)?;
        fs::rename(&temporary, path)?;
        Ok(file)
    });
    if written.is_err() {
        // What is left of the attempt would otherwise take space on a disk that may just be full.
        let _ = fs::remove_file(&temporary);
    }
    let file = written?;
    sync_directory(directory)?;
    Ok(file)
}

/// Removes what interrupted writes have left in `directory`; for whoever alone may write there.
pub(crate) fn remove_temporary(directory: &Path) {
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().ends_with(TEMPORARY_SUFFIX) {
            // It is never read, and the next write of its file replaces it.
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// Where `path` is written before it has its name.
pub(crate) fn temporary_beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(TEMPORARY_SUFFIX);
    PathBuf::from(name)
}

fn write_new(path: &Path, bytes: &[u8]) -> io::Result<File> {
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    Ok(file)
}

/// Renames a damaged file so that it is kept and not read again; gives its new name.
pub(crate) fn set_aside(path: &Path) -> io::Result<PathBuf> {
    let mut name = path.as_os_str().to_owned();
    name.push(".damaged");
    let aside = PathBuf::from(name);
    fs::rename(path, &aside)?;
    Ok(aside)
}

/// Reads a whole file; `None` when there is none.
pub(crate) fn read_if_there(path: &Path, limit: u64) -> io::Result<Option<Vec<u8>>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut bytes = Vec::new();
    file.take(limit).read_to_end(&mut bytes)?;
    Ok(Some(bytes))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_written_file_is_readable_by_its_owner_alone() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("secret");
        write_atomically(&path, b"x").unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_directory_that_cannot_be_synced_is_no_failure_and_is_told_apart() {
        // procfs has no fsync: the kernel answers EINVAL, as file systems of hosts may.
        let sync = try_sync_directory(Path::new("/proc/self")).unwrap();
        assert!(matches!(sync, DirectorySync::NotSupported(_)), "{sync:?}");
        sync_directory(Path::new("/proc/self")).unwrap();
        let directory = tempfile::tempdir().unwrap();
        let sync = try_sync_directory(directory.path()).unwrap();
        assert!(matches!(sync, DirectorySync::Done), "{sync:?}");
    }

    #[test]
    fn a_directory_that_is_not_there_is_a_failure() {
        assert!(sync_directory(Path::new("/nowhere/at/all")).is_err());
    }

    #[test]
    fn a_failed_write_leaves_the_old_content_and_no_rest() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("target");
        // Renaming a file over a directory fails after the temporary file was written.
        create_directory(&path).unwrap();
        assert!(write_atomically(&path, b"new").is_err());
        assert!(path.is_dir());
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }
}
