//! `SHA256SUMS`: one line for each snapshot, in the form `sha256sum` prints and checks.
//!
//! A line is written after its file is whole and durable, and goes after its file has gone: at every moment each line
//! names a file that is there. After a crash the last file may lack its line, which the next start writes.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use sha2::{Digest as _, Sha256};
use vscsi_shared::snapshot;

use crate::files;

/// Name of the file.
const NAME: &str = "SHA256SUMS";

/// Longest line that is read, bytes; the longest of ours has 87.
const LINE_LIMIT: u64 = 256;

/// Most that is read of the file, bytes; the lines of the longest job take less than nine million.
const SIZE_LIMIT: u64 = 16 * 1024 * 1024;

/// SHA-256 of a file. It is shown as 64 lower-case hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sum([u8; 32]);

impl Sum {
    pub(super) fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    fn from_digits(digits: &str) -> Option<Self> {
        let mut sum = [0; 32];
        let pairs = digits.as_bytes().chunks_exact(2);
        if digits.len() != 2 * sum.len() || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        for (byte, pair) in sum.iter_mut().zip(pairs) {
            *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
        }
        Some(Self(sum))
    }
}

impl fmt::Display for Sum {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

fn line(sequence: u32, sum: Sum) -> String {
    format!("{sum}  {}\n", snapshot::file_name(sequence))
}

/// What the file says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Listed {
    /// Sums by sequence; the last line of a sequence counts.
    pub(super) sums: BTreeMap<u32, Sum>,
    /// It has lines that are torn or repeated.
    pub(super) is_untidy: bool,
}

/// Reads the file in `directory`; nothing when there is none.
pub(super) fn read(directory: &Path) -> io::Result<Listed> {
    let mut listed = Listed::default();
    let file = match File::open(directory.join(NAME)) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(listed),
        Err(error) => return Err(error),
    };
    let mut reader = BufReader::new(file.take(SIZE_LIMIT));
    let mut bytes = Vec::new();
    loop {
        bytes.clear();
        // A line without end, as in a damaged file, is taken in pieces, none of which is a line of ours.
        if reader.by_ref().take(LINE_LIMIT).read_until(b'\n', &mut bytes)? == 0 {
            return Ok(listed);
        }
        let is_new = parse(&bytes).map(|(sequence, sum)| listed.sums.insert(sequence, sum).is_none());
        listed.is_untidy |= is_new != Some(true);
    }
}

fn parse(line: &[u8]) -> Option<(u32, Sum)> {
    let (digits, name) = std::str::from_utf8(line).ok()?.strip_suffix('\n')?.split_once("  ")?;
    Some((snapshot::sequence_of(name)?, Sum::from_digits(digits)?))
}

/// Adds a line; after an error the file is as it was, as far as the file system lets it be.
pub(super) fn append(directory: &Path, sequence: u32, sum: Sum) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o600)
        .open(directory.join(NAME))?;
    let before = file.metadata()?.len();
    let written = file
        .write_all(line(sequence, sum).as_bytes())
        .and_then(|()| file.sync_all());
    if written.is_err() {
        // The next line would otherwise be glued to a torn one.
        let _ = file.set_len(before);
    }
    written
}

/// Writes the file anew.
pub(super) fn rewrite(directory: &Path, sums: impl Iterator<Item = (u32, Sum)>) -> io::Result<()> {
    let lines: String = sums.map(|(sequence, sum)| line(sequence, sum)).collect();
    files::write_atomically(&directory.join(NAME), lines.as_bytes())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn read_text(text: &str) -> Listed {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join(NAME), text).unwrap();
        read(directory.path()).unwrap()
    }

    #[test]
    fn the_checksum_of_abc_is_the_one_of_the_standard() {
        // FIPS 180-2, appendix B.1.
        let digits = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(Sum::of(b"abc").to_string(), digits);
        assert_eq!(Sum::from_digits(digits), Some(Sum::of(b"abc")));
    }

    #[test]
    fn what_was_appended_is_read() {
        let directory = tempfile::tempdir().unwrap();
        assert_eq!(read(directory.path()).unwrap(), Listed::default());
        append(directory.path(), 0, Sum::of(b"a")).unwrap();
        append(directory.path(), 1000, Sum::of(b"b")).unwrap();
        let listed = read(directory.path()).unwrap();
        assert!(!listed.is_untidy);
        assert_eq!(listed.sums, BTreeMap::from([(0, Sum::of(b"a")), (1000, Sum::of(b"b"))]));
    }

    #[test]
    fn a_torn_last_line_is_skipped_and_told() {
        let text = line(0, Sum::of(b"a")) + &line(1, Sum::of(b"b"))[..70];
        let listed = read_text(&text);
        assert!(listed.is_untidy);
        assert_eq!(listed.sums, BTreeMap::from([(0, Sum::of(b"a"))]));
    }

    #[test]
    fn the_last_line_of_a_sequence_counts_and_the_repetition_is_told() {
        let listed = read_text(&(line(3, Sum::of(b"a")) + &line(3, Sum::of(b"b"))));
        assert!(listed.is_untidy);
        assert_eq!(listed.sums, BTreeMap::from([(3, Sum::of(b"b"))]));
    }

    #[test]
    fn a_damaged_file_costs_only_its_own_lines() {
        let long = "x".repeat(10_000);
        let listed = read_text(&format!("{long}\nnonsense\n{}", line(7, Sum::of(b"a"))));
        assert!(listed.is_untidy);
        assert_eq!(listed.sums, BTreeMap::from([(7, Sum::of(b"a"))]));
    }
}
