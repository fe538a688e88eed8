//! Folders of runs that were killed: marked while they are used, found and removed by the next run.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use super::error::VerifyError;
use super::scratch::Place;

/// How the names of a run's folders begin.
pub(super) const FOLDER_PREFIX: &str = "vscsi-verify-";
/// The file in a folder that is locked for as long as somebody uses it.
const MARK: &str = ".vscsi-verify-in-use";

/// A folder of a killed run, and whether it could be removed.
#[derive(Debug)]
pub struct Leftover {
    /// The folder.
    pub path: PathBuf,
    /// What became of it.
    pub removed: io::Result<()>,
}

/// Marks a folder as used by this run, and by every program that inherits the file, until the last of them has ended.
///
/// The file is locked before it gets its name, so that nobody finds a mark that is not locked yet. Where the file system
/// has no locks the folder stays without a mark, and is nobody's to remove.
pub(super) fn mark(folder: &Path) -> Result<File, VerifyError> {
    let (path, draft) = (folder.join(MARK), folder.join(".new-mark"));
    let file = File::create_new(&draft).map_err(VerifyError::file("create", &draft))?;
    if file.try_lock().is_ok() {
        fs::rename(&draft, &path).map_err(VerifyError::file("create", &path))?;
    }
    Ok(file)
}

/// Removes what killed runs left where a run is to take `place`: folders of this user with a mark that nobody holds.
///
/// # Errors
/// [`VerifyError::File`] when the directory cannot be read.
pub fn remove_leftovers(place: &Place) -> Result<Vec<Leftover>, VerifyError> {
    let parent = place.parent();
    let mut leftovers = Vec::new();
    for entry in fs::read_dir(&parent).map_err(VerifyError::file("list", &parent))? {
        let entry = entry.map_err(VerifyError::file("list", &parent))?;
        if !entry.file_name().to_string_lossy().starts_with(FOLDER_PREFIX) {
            continue;
        }
        let path = entry.path();
        let Some(_lock) = take_over(&path) else {
            continue;
        };
        match fs::remove_dir_all(&path) {
            // It was removed by the run that just ended, or by another one that looks for leftovers.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            removed => leftovers.push(Leftover { path, removed }),
        }
    }
    Ok(leftovers)
}

/// The lock of a folder that a run of this user made, and that nobody uses any more.
fn take_over(folder: &Path) -> Option<File> {
    let is_own_folder = fs::symlink_metadata(folder).is_ok_and(|found| found.is_dir() && is_own(&found));
    let mark = folder.join(MARK);
    let is_own_mark = || fs::symlink_metadata(&mark).is_ok_and(|found| found.is_file() && is_own(&found));
    if !is_own_folder || !is_own_mark() {
        return None;
    }
    let file = OpenOptions::new().write(true).open(&mark).ok()?;
    file.try_lock().ok().map(|()| file)
}

#[cfg(unix)]
fn is_own(found: &fs::Metadata) -> bool {
    std::os::unix::fs::MetadataExt::uid(found) == rustix::process::geteuid().as_raw()
}

#[cfg(not(unix))]
fn is_own(_found: &fs::Metadata) -> bool {
    true
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    fn folder(parent: &Path, name: &str) -> PathBuf {
        let path = parent.join(name);
        fs::create_dir(&path).unwrap();
        fs::write(path.join("scratch-0"), "data").unwrap();
        path
    }

    fn removed(parent: &Path) -> Vec<PathBuf> {
        let found = remove_leftovers(&Place::Directory(parent.to_owned())).unwrap();
        found
            .into_iter()
            .map(|leftover| {
                leftover.removed.unwrap();
                leftover.path
            })
            .collect()
    }

    #[test]
    fn a_folder_is_removed_once_nobody_holds_its_mark() {
        let parent = tempfile::tempdir().unwrap();
        let path = folder(parent.path(), "vscsi-verify-abc");
        let held = mark(&path).unwrap();
        assert!(removed(parent.path()).is_empty());
        assert!(path.join("scratch-0").exists());
        drop(held);
        // A program that another test is just starting holds each file of this process until it runs.
        let until = Instant::now() + Duration::from_secs(30);
        let mut gone = removed(parent.path());
        while gone.is_empty() && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(5));
            gone = removed(parent.path());
        }
        assert_eq!(gone, std::slice::from_ref(&path));
        assert!(!path.exists());
    }

    #[test]
    fn what_no_run_has_marked_stays() {
        let parent = tempfile::tempdir().unwrap();
        let unmarked = folder(parent.path(), "vscsi-verify-mine");
        let other_name = folder(parent.path(), "other");
        drop(mark(&other_name).unwrap());
        fs::write(parent.path().join("vscsi-verify-file"), "").unwrap();
        assert!(removed(parent.path()).is_empty());
        assert!(unmarked.exists() && other_name.exists());
    }

    #[cfg(unix)]
    #[test]
    fn a_link_to_a_marked_folder_is_not_followed() {
        let (parent, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let target = folder(elsewhere.path(), "target");
        drop(mark(&target).unwrap());
        std::os::unix::fs::symlink(&target, parent.path().join("vscsi-verify-link")).unwrap();
        assert!(removed(parent.path()).is_empty());
        assert!(target.join("scratch-0").exists());
    }
}
