//! The agent's log: one file with a size cap and one predecessor.

use std::collections::VecDeque;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;

/// The log and its predecessor together take at most twice this.
const SIZE_CAP_BYTES: u64 = 512 * 1024;

/// Longest message, so that a host's garbage does not fill the log.
const MESSAGE_CAP_CHARACTERS: usize = 2000;

/// Writes lines with a time stamp. Failing to log is never a reason to fail.
#[derive(Debug, Clone)]
pub struct Log {
    inner: Arc<Mutex<Inner>>,
}

#[derive(Debug)]
struct Inner {
    path: PathBuf,
    file: Option<File>,
    bytes: u64,
    also_stderr: bool,
}

impl Log {
    /// Appends to `agent.log` in `state_directory`; in the foreground lines go to standard error as well.
    pub fn open(state_directory: &Path, also_stderr: bool) -> Self {
        let mut inner = Inner {
            path: state_directory.join("agent.log"),
            file: None,
            bytes: 0,
            also_stderr,
        };
        // A log that cannot be opened is tried again with the next line.
        let _ = inner.open();
        Self {
            inner: Arc::new(Mutex::new(inner)),
        }
    }

    /// Takes what a panicking thread says, which would else go to standard error, where nothing bounds it.
    pub(crate) fn takes_panics(&self) {
        let log = self.clone();
        std::panic::set_hook(Box::new(move |panic| log.line(&format!("a thread {panic}"))));
    }

    /// Writes one line.
    pub fn line(&self, message: &str) {
        let message: String = message
            .chars()
            .take(MESSAGE_CAP_CHARACTERS)
            .flat_map(|character| {
                let shown: Vec<char> = if character.is_control() {
                    character.escape_debug().collect()
                } else {
                    vec![character]
                };
                shown
            })
            .collect();
        let line = format!("{:.3} {message}\n", Timestamp::now());
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = inner.write(&line);
    }

    /// The last `lines` lines.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub fn tail(&self, lines: usize) -> io::Result<String> {
        let path = self.inner.lock().unwrap_or_else(PoisonError::into_inner).path.clone();
        let mut file = File::open(path)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(SIZE_CAP_BYTES)))?;
        let mut bytes = Vec::new();
        file.take(SIZE_CAP_BYTES).read_to_end(&mut bytes)?;
        let text = String::from_utf8_lossy(&bytes);
        let mut last = VecDeque::new();
        for line in text.split_inclusive('\n') {
            last.push_back(line);
            if last.len() > lines {
                last.pop_front();
            }
        }
        Ok(last.into_iter().collect())
    }
}

impl Inner {
    fn open(&mut self) -> io::Result<()> {
        let file = OpenOptions::new()
            .append(true)
            .create(true)
            .mode(0o600)
            .open(&self.path)?;
        self.bytes = file.metadata()?.len();
        self.file = Some(file);
        Ok(())
    }

    fn write(&mut self, line: &str) -> io::Result<()> {
        if self.also_stderr {
            // Whoever closed standard error still finds the line in the file.
            let _ = io::stderr().write_all(line.as_bytes());
        }
        if self.bytes + line.len() as u64 > SIZE_CAP_BYTES {
            self.file = None;
            match fs::rename(&self.path, self.path.with_extension("log.1")) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                // Somebody took the log away, and a new one begins.
                _ => self.bytes = 0,
            }
        }
        if self.file.is_none() {
            self.open()?;
        }
        if let Some(file) = &mut self.file {
            file.write_all(line.as_bytes())?;
            self.bytes += line.len() as u64;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_and_its_predecessor_stay_below_their_cap() {
        let directory = tempfile::tempdir().unwrap();
        let log = Log::open(directory.path(), false);
        for _ in 0..1500 {
            log.line(&"x".repeat(1000));
        }
        let total: u64 = fs::read_dir(directory.path())
            .unwrap()
            .map(|entry| entry.unwrap().metadata().unwrap().len())
            .sum();
        assert!(total <= 2 * SIZE_CAP_BYTES, "{total} bytes");
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 2);
    }

    #[test]
    fn a_log_that_somebody_took_away_when_it_was_full_begins_anew() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("agent.log");
        fs::write(&path, vec![b'x'; usize::try_from(SIZE_CAP_BYTES).unwrap()]).unwrap();
        let log = Log::open(directory.path(), false);
        fs::remove_file(&path).unwrap();
        log.line("after");
        assert!(log.tail(1).unwrap().contains("after"));
    }

    #[test]
    fn a_message_stays_on_its_line() {
        let directory = tempfile::tempdir().unwrap();
        let log = Log::open(directory.path(), false);
        log.line("one\ntwo");
        assert_eq!(log.tail(10).unwrap().lines().count(), 1);
    }

    #[test]
    fn the_tail_is_the_last_lines() {
        let directory = tempfile::tempdir().unwrap();
        let log = Log::open(directory.path(), false);
        for number in 0..5 {
            log.line(&format!("line {number}"));
        }
        let tail = log.tail(2).unwrap();
        assert!(
            tail.contains("line 3") && tail.contains("line 4") && !tail.contains("line 2"),
            "{tail}"
        );
    }
}
