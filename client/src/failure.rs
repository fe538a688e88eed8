//! What every error of the client tells besides its message: the exit code it ends the program with, and what to do
//! next.

use std::error::Error;

use vscsi_shared::exit_code;

use crate::number::bytes;

/// An error that knows what it means for the user.
///
/// Its `Display` text says what happened and why, begins in lower case and has no full stop; [`Failure::hint`] says
/// what to do about it. Each library of the client implements this for its own error type, with a `match` over every
/// variant.
pub trait Failure: Error + Send + Sync + 'static {
    /// The documented exit code, one of [`vscsi_shared::exit_code`].
    fn exit_code(&self) -> u8;

    /// What to do next; `None` when the message already says it.
    fn hint(&self) -> Option<String> {
        None
    }

    /// The commands with which it works by hand, printed below the hint on lines of their own. Nothing of it may be in the
    /// words of a host that have more than one line.
    fn by_hand(&self) -> Option<String> {
        None
    }
}

/// The command line or a name on it is wrong in a way that only running the command could tell.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct UsageError {
    /// What is wrong.
    pub message: String,
    /// What to write instead.
    pub hint: Option<String>,
}

impl UsageError {
    /// An error with a message and what to do about it.
    pub fn new(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            hint: Some(hint.into()),
        }
    }
}

impl Failure for UsageError {
    fn exit_code(&self) -> u8 {
        exit_code::USAGE
    }

    fn hint(&self) -> Option<String> {
        self.hint.clone()
    }
}

/// A file could not be read or written.
#[derive(Debug, thiserror::Error)]
#[error("cannot {action} `{}`", path.display())]
pub struct FileError {
    /// What was tried, such as `read`.
    pub action: &'static str,
    /// The file or directory.
    pub path: std::path::PathBuf,
    /// Why it failed.
    #[source]
    pub source: std::io::Error,
}

impl FileError {
    /// For `map_err`: what was tried, and with which file.
    pub fn new(action: &'static str, path: &std::path::Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self { action, path, source }
    }
}

/// A file could not be written because its place has no room or is closed to us, and for no other reason: somewhere behind
/// `error` the system said so.
pub fn is_about_the_place(error: &(dyn Error + 'static)) -> bool {
    use std::io::ErrorKind::{PermissionDenied, QuotaExceeded, ReadOnlyFilesystem, StorageFull};
    let closed = [StorageFull, QuotaExceeded, ReadOnlyFilesystem, PermissionDenied];
    let mut cause = Some(error);
    while let Some(error) = cause {
        let said = error.downcast_ref::<std::io::Error>();
        if said.is_some_and(|said| closed.contains(&said.kind())) {
            return true;
        }
        cause = error.source();
    }
    false
}

/// Bytes that may still be written where `path` is or would be; `None` where nobody can tell.
#[cfg(unix)]
fn free_bytes(path: &std::path::Path) -> Option<u64> {
    let there = path.ancestors().find(|above| above.exists())?;
    let volume = rustix::fs::statvfs(there).ok()?;
    volume.f_bavail.checked_mul(volume.f_frsize)
}

#[cfg(not(unix))]
fn free_bytes(_: &std::path::Path) -> Option<u64> {
    None
}

impl Failure for FileError {
    fn exit_code(&self) -> u8 {
        exit_code::FAILED
    }

    fn hint(&self) -> Option<String> {
        use std::io::ErrorKind;
        match self.source.kind() {
            ErrorKind::NotFound => Some("check the path".to_owned()),
            ErrorKind::NotADirectory => Some("part of the path is a file where a directory is needed".to_owned()),
            ErrorKind::AlreadyExists => Some("a file of that name exists; choose another path".to_owned()),
            ErrorKind::IsADirectory => Some("name a file in it".to_owned()),
            ErrorKind::PermissionDenied => Some("check its owner and permissions".to_owned()),
            ErrorKind::StorageFull => {
                let free =
                    free_bytes(&self.path).map_or_else(String::new, |free| format!(" ({} are free)", bytes(free)));
                Some(format!(
                    "free some space there{free}, then run the command again; nothing is lost"
                ))
            }
            ErrorKind::ReadOnlyFilesystem => Some("mount it for writing, or name another place".to_owned()),
            _ => None,
        }
    }
}
