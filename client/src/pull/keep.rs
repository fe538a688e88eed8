//! Bringing snapshots that have arrived to disk while the next ones arrive.
//!
//! An fsync takes about as long as the transfer of a snapshot, and several at once take little longer than one.

use std::fs::{self, File};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread;

use super::PullError;
use crate::failure::FileError;

const WORKERS: usize = 4;
/// Snapshots that may wait, each with an open file.
const WAITING: usize = 16;

/// A snapshot whose bytes are all here and are what the host promised.
pub(super) struct Arrived {
    pub(super) file: File,
    /// Where its bytes are.
    pub(super) part: PathBuf,
    /// The name it gets once they are on disk.
    pub(super) sample: PathBuf,
}

impl Arrived {
    fn keep(self) -> Result<(), FileError> {
        self.file.sync_all().map_err(FileError::new("write", &self.part))?;
        fs::rename(&self.part, &self.sample).map_err(FileError::new("create", &self.sample))
    }
}

/// Takes what has arrived.
pub(super) struct Keeper<'a> {
    queue: SyncSender<Arrived>,
    failed: &'a AtomicBool,
}

impl Keeper<'_> {
    /// Leaves a snapshot to be kept; waits while many are.
    pub(super) fn keep(&self, arrived: Arrived) {
        // The workers take from the queue until this end of it is gone.
        let _ = self.queue.send(arrived);
    }

    /// A snapshot could not be kept: what arrives from now on is in vain.
    pub(super) fn has_failed(&self) -> bool {
        self.failed.load(Ordering::Relaxed)
    }
}

/// Does `receive`, and returns when every snapshot that it left to the keeper is on disk under its name, even if
/// `receive` fails.
///
/// # Errors
/// The error of the disk before that of `receive`.
pub(super) fn keeping(receive: impl FnOnce(&Keeper<'_>) -> Result<(), PullError>) -> Result<(), PullError> {
    let (sender, queue) = sync_channel(WAITING);
    let queue = Mutex::new(queue);
    let failed = AtomicBool::new(false);
    thread::scope(|scope| {
        let workers: Vec<_> = (0..WORKERS).map(|_| scope.spawn(|| work(&queue, &failed))).collect();
        let keeper = Keeper {
            queue: sender,
            failed: &failed,
        };
        let received = receive(&keeper);
        drop(keeper);
        for worker in workers {
            worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        }
        received
    })
}

/// Keeps what arrives. After an error the rest is only taken away, so that the receiving side never waits for nobody.
fn work(queue: &Mutex<Receiver<Arrived>>, failed: &AtomicBool) -> Result<(), FileError> {
    let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
    let mut result = Ok(());
    while let Ok(arrived) = next() {
        if result.is_ok() {
            result = arrived.keep();
            failed.fetch_or(result.is_err(), Ordering::Relaxed);
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    /// More than wait and are worked on together.
    const MANY: usize = 2 * (WAITING + WORKERS);

    fn arrived(folder: &std::path::Path, number: usize, sample: &str) -> Arrived {
        let part = folder.join(format!("{number}.part"));
        fs::write(&part, number.to_string()).unwrap();
        Arrived {
            file: File::open(&part).unwrap(),
            part,
            sample: folder.join(sample),
        }
    }

    #[test]
    fn everything_that_arrived_is_kept_when_receiving_ends_early() {
        let folder = tempfile::tempdir().unwrap();
        let result = keeping(|keeper| {
            for number in 0..MANY {
                keeper.keep(arrived(folder.path(), number, &number.to_string()));
            }
            Err(PullError::Corrupt { sequence: 0 })
        });
        assert!(matches!(result, Err(PullError::Corrupt { sequence: 0 })));
        for number in 0..MANY {
            let kept = fs::read_to_string(folder.path().join(number.to_string())).unwrap();
            assert_eq!(kept, number.to_string());
        }
    }

    #[test]
    fn a_disk_that_refuses_everything_is_reported_and_holds_nobody_up() {
        let folder = tempfile::tempdir().unwrap();
        let result = keeping(|keeper| {
            for number in 0..MANY {
                keeper.keep(arrived(folder.path(), number, "no-such-folder/sample"));
            }
            Ok(())
        });
        assert!(matches!(result, Err(PullError::File(_))), "{result:?}");
    }
}
