//! Locks between programs: a pull and a removal of the same job must not meet.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

use super::{StoreError, create_directory, open_file};
use crate::failure::FileError;

/// Who else may hold the lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LockKind {
    /// Others that read.
    Shared,
    /// Nobody.
    Exclusive,
}

/// A lock, held until it is dropped or the program ends, however it ends.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

impl Lock {
    pub(super) fn take(root: &Path, name: &str, kind: LockKind) -> Result<Self, StoreError> {
        let (file, path) = open(root, name)?;
        let result = match kind {
            LockKind::Shared => file.lock_shared(),
            LockKind::Exclusive => file.lock(),
        };
        result.map_err(FileError::new("lock", &path))?;
        Ok(Self { _file: file })
    }

    pub(super) fn try_take(root: &Path, name: &str, kind: LockKind) -> Result<Option<Self>, StoreError> {
        let (file, path) = open(root, name)?;
        let result = match kind {
            LockKind::Shared => file.try_lock_shared(),
            LockKind::Exclusive => file.try_lock(),
        };
        match result {
            Ok(()) => Ok(Some(Self { _file: file })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(FileError::new("lock", &path)(error).into()),
        }
    }
}

/// Where the locks of a data directory are.
pub(super) fn directory(root: &Path) -> PathBuf {
    root.join(".locks")
}

/// Lock files stay: removing one would let two programs hold different files of the same name.
fn open(root: &Path, name: &str) -> Result<(File, PathBuf), StoreError> {
    let directory = directory(root);
    create_directory(&directory)?;
    let path = directory.join(name);
    let file = open_file(&path, File::options().create(true).truncate(false).write(true))
        .map_err(FileError::new("open", &path))?;
    Ok((file, path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_held_elsewhere_is_not_given_twice() {
        let root = tempfile::tempdir().unwrap();
        let held = Lock::take(root.path(), "sql", LockKind::Exclusive).unwrap();
        assert!(Lock::try_take(root.path(), "sql", LockKind::Shared).unwrap().is_none());
        drop(held);
        assert!(Lock::try_take(root.path(), "sql", LockKind::Shared).unwrap().is_some());
    }

    #[test]
    fn readers_share_a_lock() {
        let root = tempfile::tempdir().unwrap();
        let _first = Lock::take(root.path(), "sql", LockKind::Shared).unwrap();
        assert!(Lock::try_take(root.path(), "sql", LockKind::Shared).unwrap().is_some());
        assert!(
            Lock::try_take(root.path(), "sql", LockKind::Exclusive)
                .unwrap()
                .is_none()
        );
    }
}
