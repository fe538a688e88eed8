//! Bringing snapshots that have arrived to disk while the next ones arrive.
//!
//! An fsync takes about as long as the transfer of a snapshot, and several at once take little longer than one.

use std::fs::{self, File};
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread;

use super::PullError;
use crate::failure::FileError;
use crate::store::{JobDirectory, SumsFile};

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
    pub(super) sequence: u32,
    /// What it is, by its content and by the host's promise.
    pub(super) sha256: String,
}

impl Arrived {
    fn keep(self, sums: &SumsFile) -> Result<(), FileError> {
        self.file.sync_all().map_err(FileError::new("write", &self.part))?;
        // Nothing that is stored is ever replaced.
        if self.sample.exists() {
            return Err(FileError::new("create", &self.sample)(
                io::ErrorKind::AlreadyExists.into(),
            ));
        }
        fs::rename(&self.part, &self.sample).map_err(FileError::new("create", &self.sample))?;
        sums.add(self.sequence, &self.sha256)
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

/// Does `receive`, and returns when every snapshot of `directory` that it left to the keeper is on disk under its name
/// and recorded, even if `receive` fails.
///
/// # Errors
/// The error of the disk before that of `receive`.
pub(super) fn keeping(
    directory: &JobDirectory,
    receive: impl FnOnce(&Keeper<'_>) -> Result<(), PullError>,
) -> Result<(), PullError> {
    let sums = directory.record_sums()?;
    let (sender, queue) = sync_channel(WAITING);
    let queue = Mutex::new(queue);
    let failed = AtomicBool::new(false);
    thread::scope(|scope| {
        let workers: Vec<_> = (0..WORKERS)
            .map(|_| scope.spawn(|| work(&queue, &failed, &sums)))
            .collect();
        let keeper = Keeper {
            queue: sender,
            failed: &failed,
        };
        let received = receive(&keeper);
        drop(keeper);
        for worker in workers {
            worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        }
        sums.sync()?;
        received
    })
}

/// Keeps what arrives. After an error the rest is only taken away, so that the receiving side never waits for nobody.
fn work(queue: &Mutex<Receiver<Arrived>>, failed: &AtomicBool, sums: &SumsFile) -> Result<(), FileError> {
    let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
    let mut result = Ok(());
    while let Ok(arrived) = next() {
        if result.is_ok() {
            result = arrived.keep(sums);
            failed.fetch_or(result.is_err(), Ordering::Relaxed);
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Store;
    use crate::store::tests::{job, keep};

    /// More than wait and are worked on together.
    const MANY: u32 = 40;

    fn directory() -> (tempfile::TempDir, JobDirectory) {
        let root = tempfile::tempdir().unwrap();
        let directory = keep(&Store::open(root.path()).unwrap(), &job("sql", "esx1"));
        (root, directory)
    }

    fn arrived(directory: &JobDirectory, sequence: u32, sample: PathBuf) -> Arrived {
        let part = directory.samples().join(format!("{sequence}.part"));
        fs::write(&part, sequence.to_string()).unwrap();
        Arrived {
            file: File::open(&part).unwrap(),
            part,
            sample,
            sequence,
            sha256: "a".repeat(64),
        }
    }

    #[test]
    fn everything_that_arrived_is_kept_and_recorded_when_receiving_ends_early() {
        let (_root, directory) = directory();
        let result = keeping(&directory, |keeper| {
            for sequence in 0..MANY {
                keeper.keep(arrived(&directory, sequence, directory.sample(sequence)));
            }
            Err(PullError::Corrupt { sequence: 0 })
        });
        assert!(matches!(result, Err(PullError::Corrupt { sequence: 0 })));
        for sequence in 0..MANY {
            assert_eq!(
                fs::read_to_string(directory.sample(sequence)).unwrap(),
                sequence.to_string()
            );
        }
        assert!(directory.sums().unwrap().into_keys().eq(0..MANY));
    }

    #[test]
    fn a_disk_that_refuses_everything_is_reported_and_holds_nobody_up() {
        let (_root, directory) = directory();
        let nowhere = directory.samples().join("no-such-folder/sample");
        let result = keeping(&directory, |keeper| {
            for sequence in 0..MANY {
                keeper.keep(arrived(&directory, sequence, nowhere.clone()));
            }
            Ok(())
        });
        assert!(matches!(result, Err(PullError::File(_))), "{result:?}");
    }

    #[test]
    fn a_snapshot_that_is_there_is_not_replaced() {
        let (_root, directory) = directory();
        fs::write(directory.sample(0), "stored").unwrap();
        let result = keeping(&directory, |keeper| {
            keeper.keep(arrived(&directory, 0, directory.sample(0)));
            Ok(())
        });
        assert!(matches!(result, Err(PullError::File(_))), "{result:?}");
        assert_eq!(fs::read_to_string(directory.sample(0)).unwrap(), "stored");
    }
}
