//! `note.txt`: what the user keeps in mind about a job. It is the workstation's alone: no host knows of it, and neither a pull
//! nor a new index touches it.

use std::fs;
use std::io::{ErrorKind, Read as _};

use super::private::check_directory;
use super::{JobFiles, StoreError, open_file, write_atomic};
use crate::failure::FileError;
use crate::visible;

/// The longest note, bytes.
pub const LONGEST_NOTE_BYTES: usize = 4096;

impl JobFiles {
    /// The note, in one or several lines that command no terminal; `None` when there is none. Of a longer file, which
    /// nothing here writes, it is the beginning.
    ///
    /// # Errors
    /// When it cannot be read, or something else than a file is in its place.
    pub fn note(&self) -> Result<Option<String>, FileError> {
        let path = self.path().join("note.txt");
        let mut bytes = Vec::new();
        let read = open_file(&path, fs::File::options().read(true))
            .and_then(|file| file.take(LONGEST_NOTE_BYTES as u64).read_to_end(&mut bytes));
        match read {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(FileError::new("read", &path)(error)),
            Ok(_) => {
                let text = String::from_utf8_lossy(&bytes);
                let text = visible::lines(text.trim());
                Ok((!text.is_empty()).then(|| text.into_owned()))
            }
        }
    }

    /// Makes `text` the note of the job; an empty one removes it.
    ///
    /// # Errors
    /// When it cannot be written, or others may write to the job.
    pub fn write_note(&self, text: &str) -> Result<(), StoreError> {
        check_directory(self.path())?;
        let path = self.path().join("note.txt");
        if !text.is_empty() {
            return Ok(write_atomic(&path, format!("{text}\n").as_bytes())?);
        }
        match fs::remove_file(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(FileError::new("remove", &path)(error).into()),
            _ => Ok(()),
        }
    }
}
