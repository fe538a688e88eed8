//! The manifest, written as the client takes it: a job may have a hundred thousand snapshots, and several clients may
//! ask at one time.

use std::io::{self, Read};
use std::sync::Arc;

use vscsi_shared::identifier::Name;

use crate::spool::Spool;

/// Snapshots taken from the spool at a time.
pub(super) const BATCH: usize = 128;

/// Gives the bytes of a [`vscsi_shared::wire::v1::Manifest`].
pub(super) struct ManifestBody {
    spool: Arc<dyn Spool>,
    job: Name,
    part: Part,
    current: io::Cursor<Vec<u8>>,
}

/// What comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Beginning { from: u32 },
    Samples { from: u32 },
    Nothing,
}

impl ManifestBody {
    /// The snapshots of `job` from sequence `from` on, and everything that was set aside.
    pub(super) fn new(spool: Arc<dyn Spool>, job: Name, from: u32) -> Self {
        Self {
            spool,
            job,
            part: Part::Beginning { from },
            current: io::Cursor::default(),
        }
    }

    fn next_piece(&mut self) -> serde_json::Result<Vec<u8>> {
        let (mut piece, from, mut is_first) = match self.part {
            Part::Beginning { from } => (br#"{"samples":["#.to_vec(), from, true),
            Part::Samples { from } => (Vec::new(), from, false),
            Part::Nothing => return Ok(Vec::new()),
        };
        let entries = self.spool.entries(&self.job, from, BATCH);
        for entry in &entries {
            if !std::mem::take(&mut is_first) {
                piece.push(b',');
            }
            serde_json::to_writer(&mut piece, entry)?;
        }
        let next = entries.last().and_then(|last| last.sequence.checked_add(1));
        self.part = if let Some(from) = next {
            Part::Samples { from }
        } else {
            piece.extend_from_slice(br#"],"set_aside":"#);
            serde_json::to_writer(&mut piece, &self.spool.set_aside(&self.job))?;
            piece.push(b'}');
            Part::Nothing
        };
        Ok(piece)
    }
}

impl Read for ManifestBody {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.current.read(buffer)?;
        if length > 0 {
            return Ok(length);
        }
        self.current = io::Cursor::new(self.next_piece()?);
        self.current.read(buffer)
    }
}
