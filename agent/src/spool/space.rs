//! The space that snapshots take: file systems give it in blocks. A snapshot of 13 KB takes 64 KB to 1 MB on VMFS.

use std::fs::{self, File, Metadata};
use std::io::{self, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use super::SpoolError;
use crate::sys;

/// Space that stays free on the volume: virtual machines live on it, and stop when it is full.
const RESERVED_BYTES: u64 = 64 * 1024 * 1024;

/// Files that the volume can still take when no snapshot is written any more: virtual machines need some too.
const RESERVED_FILES: u64 = 256;

/// Unit of `st_blocks`, bytes, whatever the blocks of the file system are.
const STAT_BLOCK_BYTES: u64 = 512;

/// The smallest block that is assumed, bytes.
const LEAST_BLOCK_BYTES: u64 = 4096;

/// Size of the file by which blocks are measured, bytes.
const PROBE_BYTES: usize = 12 * 1024;

/// Space that a file takes, bytes. Where a file system does not tell its blocks it is at least what the file holds.
pub(super) fn taken(file: &Metadata) -> u64 {
    file.len().max(file.blocks().saturating_mul(STAT_BLOCK_BYTES))
}

/// The blocks in which the file system of the spool gives space, measured once.
#[derive(Debug)]
pub(super) struct Blocks {
    probe: PathBuf,
    /// Bytes; 0 where it is not known yet.
    bytes: AtomicU64,
}

impl Blocks {
    /// The blocks of the file system on which `directory` lies.
    pub(super) fn of(directory: &Path) -> Self {
        let probe = directory.join(".blocks");
        // What a probe left that was interrupted.
        let _ = fs::remove_file(&probe);
        Self {
            probe,
            bytes: AtomicU64::new(0),
        }
    }

    /// What a file of `bytes` will take.
    pub(super) fn takes(&self, bytes: u64) -> u64 {
        let mut block = self.bytes.load(Ordering::Relaxed);
        if block == 0 {
            // On a volume that takes no probe nothing is known, and it is tried again.
            block = self.measure().map_or(LEAST_BLOCK_BYTES, |taken| {
                let block = block_of(taken);
                self.bytes.store(block, Ordering::Relaxed);
                block
            });
        }
        bytes.checked_next_multiple_of(block).unwrap_or(bytes)
    }

    /// What a file of the size of a small snapshot takes, bytes.
    fn measure(&self) -> io::Result<u64> {
        let written = File::create(&self.probe).and_then(|mut file| {
            file.write_all(&[b'x'; PROBE_BYTES])?;
            file.sync_all()?;
            file.metadata()
        });
        let _ = fs::remove_file(&self.probe);
        Ok(taken(&written?))
    }
}

/// The block that a probe tells which takes so many bytes: one that takes hardly more than it holds lies in small ones.
fn block_of(taken: u64) -> u64 {
    if taken < 2 * PROBE_BYTES as u64 {
        LEAST_BLOCK_BYTES
    } else {
        taken
    }
}

/// Bytes that snapshots may still take on the volume of `directory`; `None` when the kernel does not tell.
pub(super) fn free_bytes(directory: &Path) -> Option<u64> {
    Some(sys::volume(directory)?.free_bytes?.saturating_sub(RESERVED_BYTES))
}

/// Refuses to write where the volume of `directory` has only left what others need.
pub(super) fn check_volume(directory: &Path) -> Result<(), SpoolError> {
    let Some(volume) = sys::volume(directory) else {
        return Ok(());
    };
    if let Some(free) = volume.free_bytes.filter(|free| *free < RESERVED_BYTES) {
        return Err(SpoolError::VolumeFull {
            free,
            reserve: RESERVED_BYTES,
        });
    }
    if let Some(free) = volume.free_files.filter(|free| *free < RESERVED_FILES) {
        return Err(SpoolError::NoMoreFiles {
            free,
            reserve: RESERVED_FILES,
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_takes_whole_blocks() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("one byte");
        fs::write(&path, b"x").unwrap();
        File::open(&path).unwrap().sync_all().unwrap();
        let taken = taken(&fs::metadata(&path).unwrap());
        assert!(taken >= 512 && taken.is_multiple_of(512), "{taken}");
    }

    #[test]
    fn blocks_are_large_where_a_small_file_takes_much() {
        // As a file of 12 KiB lies on VMFS 6, VMFS 5, ext4 and a file system with blocks of 8 KiB.
        assert_eq!([65_536, 1 << 20].map(block_of), [65_536, 1 << 20]);
        assert_eq!([12_288, 16_384].map(block_of), [4096, 4096]);
    }

    #[test]
    fn a_file_is_expected_to_take_whole_blocks_and_the_probe_goes_again() {
        let directory = tempfile::tempdir().unwrap();
        let blocks = Blocks::of(directory.path());
        assert_eq!(blocks.takes(0), 0);
        let block = blocks.bytes.load(Ordering::Relaxed);
        assert!(block >= LEAST_BLOCK_BYTES, "{block}");
        assert_eq!(blocks.takes(1), block);
        assert_eq!(blocks.takes(block + 1), 2 * block);
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
    }
}
