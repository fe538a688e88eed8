//! Which files a host with `execInstalledOnly` executes.

use std::io;
use std::path::{Path, PathBuf};

use crate::tracee::Tracee;

/// How much of a file tells which interpreter it names.
const FIRST_LINE_BYTES: usize = 256;

/// Only installed files run, and scripts whose interpreter is one.
#[derive(Debug)]
pub(crate) struct ExecPolicy {
    installed: Vec<PathBuf>,
}

impl ExecPolicy {
    /// The policy that takes what lies below these folders as installed.
    pub(crate) fn new(folders: &[PathBuf]) -> io::Result<Self> {
        let installed = folders.iter().map(|folder| folder.canonicalize());
        Ok(Self {
            installed: installed.collect::<io::Result<_>>()?,
        })
    }

    /// Whether the process may execute the file at `path`. What is not there is for the kernel to refuse.
    pub(crate) fn permits(&self, tracee: Tracee, path: &Path) -> bool {
        let Ok(file) = tracee.resolve(path) else { return true };
        if self.is_installed(&file) {
            return true;
        }
        let Ok(first_line) = first_bytes(&file) else {
            return true;
        };
        let Some(interpreter) = interpreter(&first_line) else {
            return false;
        };
        // A script runs by the interpreter of its first line; a file without such a line counts as a program.
        tracee.resolve(&interpreter).is_ok_and(|file| self.is_installed(&file))
    }

    fn is_installed(&self, file: &Path) -> bool {
        self.installed.iter().any(|folder| file.starts_with(folder))
    }
}

fn first_bytes(file: &Path) -> io::Result<Vec<u8>> {
    use io::Read as _;
    let mut bytes = Vec::new();
    std::fs::File::open(file)?
        .take(FIRST_LINE_BYTES as u64)
        .read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The program that a first line such as `#! /bin/sh -e` names.
fn interpreter(first_bytes: &[u8]) -> Option<PathBuf> {
    let line = first_bytes.strip_prefix(b"#!")?.split(|byte| *byte == b'\n').next()?;
    let words = std::str::from_utf8(line).ok()?;
    words.split_whitespace().next().map(PathBuf::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_word_of_the_first_line_is_the_interpreter() {
        assert_eq!(interpreter(b"#! /bin/sh -e\nrm x\n"), Some(PathBuf::from("/bin/sh")));
        assert_eq!(interpreter(b"#!/bin/python3"), Some(PathBuf::from("/bin/python3")));
    }

    #[test]
    fn a_program_and_a_script_without_that_line_name_none() {
        for bytes in [b"\x7fELF\x02".as_slice(), b"echo hello\n", b"#!\n", b""] {
            assert_eq!(interpreter(bytes), None);
        }
    }
}
