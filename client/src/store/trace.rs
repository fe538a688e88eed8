//! `trace.csv.gz`: the commands that a job was made from, each with its exact values.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;
use vscsi_shared::vscsistats::{TraceParser, TracedCommand, trace_heading};

use super::write_whole;
use crate::failure::FileError;

/// A stored trace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceFile {
    path: PathBuf,
}

impl TraceFile {
    pub(super) fn at(path: PathBuf) -> Self {
        Self { path }
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes commands, in order of time, in the form in which vscsiStats exports them.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write(&self, commands: &[TracedCommand]) -> Result<(), FileError> {
        let failed = || FileError::new("write", &self.path);
        write_whole(&self.path, |file| {
            let mut out = GzEncoder::new(file, Compression::default());
            out.write_all(trace_heading().as_bytes()).map_err(failed())?;
            for command in commands {
                writeln!(out, "{command}").map_err(failed())?;
            }
            out.finish().map_err(failed())?;
            Ok(())
        })
    }

    /// The commands, in order of time.
    ///
    /// # Errors
    /// When the file cannot be opened; the iterator gives the error at which it cannot be read further.
    pub fn commands(&self) -> io::Result<impl Iterator<Item = io::Result<TracedCommand>> + use<>> {
        let mut input = BufReader::new(MultiGzDecoder::new(File::open(&self.path)?));
        let mut parser = TraceParser::default();
        let mut line = Vec::new();
        Ok(std::iter::from_fn(move || {
            loop {
                line.clear();
                match input.read_until(b'\n', &mut line) {
                    Ok(0) => return None,
                    Ok(_) => {
                        if let Some(command) = parser.read(&line) {
                            return Some(Ok(command));
                        }
                    }
                    Err(error) => return Some(Err(error)),
                }
            }
        }))
    }
}
