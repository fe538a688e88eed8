//! The bundle: snapshot files one after another, read from the spool as the client takes them.

use std::io::{self, Read};
use std::sync::Arc;

use vscsi_shared::identifier::Name;
use vscsi_shared::wire::v1::{BundleEntry, ManifestEntry};

use crate::spool::Spool;

/// Gives the bytes of a bundle. One snapshot at a time is in memory.
pub(super) struct Bundle {
    spool: Arc<dyn Spool>,
    job: Name,
    entries: std::vec::IntoIter<ManifestEntry>,
    skip: u64,
    current: io::Cursor<Vec<u8>>,
}

impl Bundle {
    /// The files of `entries`, without the first `skip` bytes of the first one.
    pub(super) fn new(spool: Arc<dyn Spool>, job: Name, entries: Vec<ManifestEntry>, skip: u64) -> Self {
        Self {
            spool,
            job,
            entries: entries.into_iter(),
            skip,
            current: io::Cursor::default(),
        }
    }

    /// Bytes the bundle will have.
    pub(super) fn length(entries: &[ManifestEntry], skip: u64) -> io::Result<u64> {
        entries.iter().enumerate().try_fold(0, |sum, (position, entry)| {
            let skipped = if position == 0 { skip.min(entry.bytes) } else { 0 };
            Ok(sum + header(entry, skipped)?.len() as u64 + entry.bytes - skipped)
        })
    }

    fn load(&mut self, entry: &ManifestEntry) -> io::Result<()> {
        let skipped = std::mem::take(&mut self.skip).min(entry.bytes);
        let file = self
            .spool
            .read_snapshot(&self.job, entry.sequence)
            .map_err(io::Error::other)?;
        let mut bytes = header(entry, skipped)?;
        let rest = usize::try_from(skipped).ok().and_then(|skipped| file.get(skipped..));
        bytes.extend_from_slice(rest.unwrap_or_default());
        self.current = io::Cursor::new(bytes);
        Ok(())
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
        loop {
            let length = self.current.read(buffer)?;
            if length > 0 || buffer.is_empty() {
                return Ok(length);
            }
            match self.entries.next() {
                // A file that is corrupt breaks the bundle off: the client asks for the manifest again.
                Some(entry) => self.load(&entry)?,
                None => return Ok(0),
            }
        }
    }
}
