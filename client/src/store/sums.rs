//! `SHA256SUMS` beside the snapshots: what each of them was when it was stored, in the form that `sha256sum` prints and
//! checks. No host's word changes it.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use rayon::prelude::*;
use sha2::{Digest as _, Sha256};
use vscsi_shared::snapshot::{file_name, sequence_of};

use super::snapshots::{SnapshotFile, read_snapshot_bytes, snapshot_files};
use super::{JobFiles, open_file};
use crate::failure::FileError;
use crate::sha256::hexadecimal;

impl JobFiles {
    /// The SHA-256 of each snapshot that was recorded when it was stored, by sequence.
    ///
    /// # Errors
    /// When the file cannot be read; without one nothing was recorded.
    pub fn sums(&self) -> Result<BTreeMap<u32, String>, FileError> {
        let path = self.sums_file();
        match fs::read(&path) {
            Ok(text) => Ok(parse(&String::from_utf8_lossy(&text))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(BTreeMap::new()),
            Err(error) => Err(FileError::new("read", &path)(error)),
        }
    }

    /// Opens the file to record further snapshots.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub fn record_sums(&self) -> Result<SumsFile, FileError> {
        let path = self.sums_file();
        let open = || {
            let mut file = open_file(&path, File::options().create(true).read(true).append(true))?;
            // A line that a crash tore must not swallow the next one.
            if file.seek(SeekFrom::End(-1)).is_ok() {
                let mut last = [0];
                file.read_exact(&mut last)?;
                if last != *b"\n" {
                    file.write_all(b"\n")?;
                }
            }
            Ok(file)
        };
        let file = open().map_err(FileError::new("open", &path))?;
        Ok(SumsFile {
            file: Mutex::new(file),
            path,
        })
    }

    /// The snapshots that are not what they were when they were stored, or cannot be read.
    ///
    /// # Errors
    /// When the snapshots cannot be listed, or what was recorded cannot be read.
    pub fn damaged(&self) -> Result<Vec<SnapshotFile>, FileError> {
        let sums = self.sums()?;
        let is_damaged = |file: &SnapshotFile| {
            let recorded = sums.get(&file.sequence);
            recorded.is_some_and(|sum| !read_snapshot_bytes(file).is_ok_and(|bytes| sum_of(&bytes) == *sum))
        };
        Ok(snapshot_files(self)?.into_par_iter().filter(is_damaged).collect())
    }

    fn sums_file(&self) -> PathBuf {
        self.samples().join("SHA256SUMS")
    }
}

/// The SHA-256 of a snapshot, which is that of its content, compressed or not.
pub fn sum_of(snapshot: &[u8]) -> String {
    hexadecimal(&Sha256::digest(snapshot))
}

/// The file, open to be added to by many threads.
#[derive(Debug)]
pub struct SumsFile {
    file: Mutex<File>,
    path: PathBuf,
}

impl SumsFile {
    /// Records a snapshot.
    ///
    /// # Errors
    /// When that cannot be written.
    pub fn add(&self, sequence: u32, sha256: &str) -> Result<(), FileError> {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.write_all(format!("{sha256}  {}\n", file_name(sequence)).as_bytes())
            .map_err(FileError::new("write", &self.path))
    }

    /// Makes what was recorded survive a power failure.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn sync(&self) -> Result<(), FileError> {
        let file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.sync_all().map_err(FileError::new("write", &self.path))
    }
}

/// The checksums in `text` by sequence; the last line of a sequence counts, and torn lines are skipped.
fn parse(text: &str) -> BTreeMap<u32, String> {
    text.split_inclusive('\n')
        .filter_map(|line| {
            let (digits, name) = line.strip_suffix('\n')?.split_once("  ")?;
            let whole = digits.len() == 64 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
            Some((sequence_of(name).filter(|_| whole)?, digits.to_owned()))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_torn_line_does_not_swallow_the_next_one() {
        let folder = tempfile::tempdir().unwrap();
        let job = JobFiles::at(folder.path());
        fs::create_dir(job.samples()).unwrap();
        let sum = |digit: &str| digit.repeat(64);
        job.record_sums().unwrap().add(0, &sum("a")).unwrap();
        fs::write(
            job.sums_file(),
            fs::read_to_string(job.sums_file()).unwrap() + &sum("b")[..20],
        )
        .unwrap();
        job.record_sums().unwrap().add(2, &sum("c")).unwrap();
        assert_eq!(job.sums().unwrap(), BTreeMap::from([(0, sum("a")), (2, sum("c"))]));
    }
}
