//! The bundle: snapshot files one after another, read from the spool as the client takes them.

use std::io::{self, Read};
use std::sync::Arc;

use vscsi_shared::identifier::Name;
use vscsi_shared::wire::v1::{BundleEntry, ManifestEntry};

use super::manifest::BATCH;
use crate::spool::Spool;

/// Gives the bytes of a bundle. One snapshot at a time is in memory.
pub(super) struct Bundle {
    spool: Arc<dyn Spool>,
    job: Name,
    /// The next sequence.
    from: u32,
    /// Bytes to leave out of the next file.
    skip: u64,
    /// Bytes still to come.
    left: u64,
    current: io::Cursor<Vec<u8>>,
}

impl Bundle {
    /// The files of `job` from sequence `from` on that are there now, without the first `skip` bytes of the first one.
    pub(super) fn new(spool: Arc<dyn Spool>, job: Name, from: u32, skip: u64) -> io::Result<Self> {
        let mut left = 0;
        let (mut next, mut to_skip) = (Some(from), skip);
        while let Some(first) = next {
            let entries = spool.entries(&job, first, BATCH);
            for entry in &entries {
                let skipped = std::mem::take(&mut to_skip).min(entry.bytes);
                left += header(entry, skipped)?.len() as u64 + entry.bytes - skipped;
            }
            next = entries.last().and_then(|last| last.sequence.checked_add(1));
        }
        Ok(Self {
            spool,
            job,
            from,
            skip,
            left,
            current: io::Cursor::default(),
        })
    }

    /// Bytes the bundle has.
    pub(super) fn length(&self) -> u64 {
        self.left
    }

    /// The next file with its header; nothing when there is none.
    fn next_file(&mut self) -> io::Result<Vec<u8>> {
        let Some(entry) = self.spool.entries(&self.job, self.from, 1).pop() else {
            return Ok(Vec::new());
        };
        self.from = entry.sequence.saturating_add(1);
        let skipped = std::mem::take(&mut self.skip).min(entry.bytes);
        // A file that is corrupt breaks the bundle off: the client asks for the manifest again.
        let file = self
            .spool
            .read_snapshot(&self.job, entry.sequence)
            .map_err(io::Error::other)?;
        let mut bytes = header(&entry, skipped)?;
        let rest = usize::try_from(skipped).ok().and_then(|skipped| file.get(skipped..));
        bytes.extend_from_slice(rest.unwrap_or_default());
        Ok(bytes)
    }
}

fn header(entry: &ManifestEntry, skipped: u64) -> io::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(&BundleEntry {
        entry: entry.clone(),
        skipped,
    })?;
    line.push(b'\n');
    Ok(line)
}

impl Read for Bundle {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 || buffer.is_empty() {
            return Ok(0);
        }
        let mut length = self.current.read(buffer)?;
        if length == 0 {
            self.current = io::Cursor::new(self.next_file()?);
            length = self.current.read(buffer)?;
        }
        // What was set aside since it was measured is missing now, and what came since belongs to the next bundle.
        let wanted = usize::try_from(self.left).unwrap_or(usize::MAX).min(length);
        self.left -= wanted as u64;
        if wanted == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(wanted)
    }
}
