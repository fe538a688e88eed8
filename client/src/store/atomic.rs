//! Files that are either there with all their bytes or not at all.

use std::error::Error;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};

use serde::Serialize;
use tempfile::NamedTempFile;

use crate::failure::FileError;
use crate::number::bytes as size;

/// Puts `bytes` into `path`, as [`write_whole`] does.
///
/// # Errors
/// When that fails; `path` then is as it was.
pub fn write_atomic(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    let needed = || format!("it needs {}", size(bytes.len() as u64));
    let write = |file: &mut BufWriter<&File>| file.write_all(bytes).map_err(FileError::new("write", path));
    put(path, write, |_| needed())
}

/// Puts `value` into `path` as indented JSON that ends with a line feed, as [`write_whole`] does.
///
/// # Errors
/// When that fails; `path` then is as it was.
pub fn write_json(path: &Path, value: &impl Serialize) -> Result<(), FileError> {
    let mut json = serde_json::to_vec_pretty(value).map_err(|error| FileError::new("write", path)(error.into()))?;
    json.push(b'\n');
    write_atomic(path, &json)
}

/// Puts what `write` writes into `path`: a temporary file beside it, fsync, rename, fsync of the directory.
///
/// A symbolic link there is replaced by the file, so that nobody who laid one has another file written; the one that a
/// user means by the name of a link is [`followed`] first.
///
/// # Errors
/// When any of that fails, or `path` is there and is neither file nor link, which a rename would replace by one; `path`
/// then is as it was.
pub fn write_whole<E: From<FileError> + Error + 'static>(
    path: &Path,
    write: impl FnOnce(&mut BufWriter<&File>) -> Result<(), E>,
) -> Result<(), E> {
    put(path, write, |written| format!("it needs more than {}", size(written)))
}

/// Where there is no room for the file, `needed` says of the bytes that went in how much it needs.
fn put<E: From<FileError> + Error + 'static>(
    path: &Path,
    write: impl FnOnce(&mut BufWriter<&File>) -> Result<(), E>,
    needed: impl FnOnce(u64) -> String,
) -> Result<(), E> {
    let failed = || FileError::new("write", path);
    check_place(path).map_err(failed())?;
    let directory = match path.parent() {
        // The parent of a bare name is the empty path, which is no directory.
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let file = NamedTempFile::new_in(directory)
        .map_err(without_temporary)
        .map_err(failed())?;
    let fill = || {
        let mut buffered = BufWriter::new(file.as_file());
        write(&mut buffered)?;
        buffered.flush().map_err(failed())?;
        file.as_file().sync_all().map_err(failed())?;
        Ok(())
    };
    fill().map_err(|error: E| {
        let Some(full) = out_of_room(&error) else { return error };
        let written = file.as_file().metadata().map_or(0, |metadata| metadata.len());
        let reason = format!("{full}; {}", needed(written));
        failed()(io::Error::new(io::ErrorKind::StorageFull, reason)).into()
    })?;
    file.persist(path).map_err(|error| failed()(error.error))?;
    Ok(sync_directory(directory)?)
}

/// What the system said when there was no room, somewhere behind `error`.
fn out_of_room<'error>(error: &'error (dyn Error + 'static)) -> Option<&'error io::Error> {
    std::iter::successors(Some(error), |&error| error.source())
        .filter_map(|error| error.downcast_ref::<io::Error>())
        .find(|said| said.kind() == io::ErrorKind::StorageFull)
}

/// Refuses to put a file where something else is.
fn check_place(path: &Path) -> io::Result<()> {
    match fs::symlink_metadata(path) {
        Ok(there) if there.is_symlink() => Ok(()),
        Ok(there) => check_kind(&there),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

fn check_kind(there: &fs::Metadata) -> io::Result<()> {
    if there.is_file() {
        Ok(())
    } else if there.is_dir() {
        Err(io::ErrorKind::IsADirectory.into())
    } else {
        Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "it is a device, a pipe or a socket; name a regular file",
        ))
    }
}

/// The file that a user means by `path`, whether it is there yet or not: where it is a symbolic link, what that leads to.
///
/// # Errors
/// When that is no regular file, or links lead in a circle.
pub fn followed(path: &Path) -> Result<PathBuf, FileError> {
    target_of(path).map_err(FileError::new("write", path))
}

fn target_of(path: &Path) -> io::Result<PathBuf> {
    match fs::metadata(path) {
        Ok(there) => {
            check_kind(&there)?;
            if fs::symlink_metadata(path)?.is_symlink() {
                fs::canonicalize(path)
            } else {
                Ok(path.to_owned())
            }
        }
        // A link to a file that is not there yet. Links in a circle are another error, so this ends.
        Err(error) if error.kind() == io::ErrorKind::NotFound => match fs::read_link(path) {
            Ok(next) => target_of(&path.parent().unwrap_or(Path::new("")).join(next)),
            Err(_) => Ok(path.to_owned()),
        },
        Err(error) => Err(error),
    }
}

/// The error without the name of the temporary file, which says nothing to the user and is not there any more.
fn without_temporary(error: io::Error) -> io::Error {
    match error.to_string().split_once(" at path ") {
        Some((reason, _)) => io::Error::new(error.kind(), reason),
        None => error,
    }
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

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;
    use std::os::unix::net::UnixListener;

    #[test]
    fn what_is_no_regular_file_is_refused_and_left_alone() {
        let directory = tempfile::tempdir().unwrap();
        let socket = directory.path().join("socket");
        let _listening = UnixListener::bind(&socket).unwrap();
        let link = directory.path().join("link");
        symlink("socket", &link).unwrap();
        let errors = [
            write_atomic(&socket, b"x").unwrap_err(),
            followed(&socket).unwrap_err(),
            followed(&link).unwrap_err(),
        ];
        for error in errors {
            assert!(error.source.to_string().contains("name a regular file"), "{error}");
        }
        assert!(!fs::metadata(&link).unwrap().is_file());
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 2);
    }

    #[test]
    fn the_link_that_a_user_names_stays_a_link_and_its_file_is_written() {
        let directory = tempfile::tempdir().unwrap();
        let link = directory.path().join("link");
        symlink("file", &link).unwrap();
        // The file is not there the first time, and is there the second.
        for content in ["one", "two"] {
            write_atomic(&followed(&link).unwrap(), content.as_bytes()).unwrap();
            assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
            assert_eq!(fs::read_to_string(directory.path().join("file")).unwrap(), content);
        }
    }

    #[test]
    fn a_link_that_nobody_named_is_replaced_and_where_it_leads_is_left_alone() {
        let directory = tempfile::tempdir().unwrap();
        let (file, link) = (directory.path().join("file"), directory.path().join("link"));
        fs::write(&file, "theirs").unwrap();
        symlink("file", &link).unwrap();
        write_atomic(&link, b"ours").unwrap();
        let content = |path| fs::read_to_string(path).unwrap();
        assert_eq!([content(&file), content(&link)], ["theirs", "ours"]);
    }

    #[test]
    fn links_in_a_circle_are_an_error() {
        let directory = tempfile::tempdir().unwrap();
        let link = directory.path().join("link");
        symlink("link", &link).unwrap();
        assert!(followed(&link).is_err());
    }

    #[test]
    fn an_error_does_not_name_the_temporary_file() {
        let missing = Path::new("/nonexistent/file");
        let error = write_atomic(missing, b"x").unwrap_err();
        assert!(!error.source.to_string().contains("path"), "{}", error.source);
    }
}
