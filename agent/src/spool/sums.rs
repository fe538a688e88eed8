//! `SHA256SUMS`: one line for each snapshot, in the form `sha256sum` prints and checks.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};
use vscsi_shared::snapshot;

/// SHA-256 of `bytes`, lower-case hexadecimal.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .fold(String::with_capacity(64), |mut digits, byte| {
            // Writing to a string cannot fail.
            let _ = write!(digits, "{byte:02x}");
            digits
        })
}

/// The line of a snapshot.
pub(crate) fn line(sequence: u32, sha256: &str) -> String {
    format!("{sha256}  {}\n", snapshot::file_name(sequence))
}

/// The checksums in `text` by sequence; the last line of a sequence counts, and torn lines are skipped.
pub(crate) fn parse(text: &str) -> BTreeMap<u32, String> {
    text.split_inclusive('\n')
        .filter_map(|line| {
            let (digits, name) = line.strip_suffix('\n')?.split_once("  ")?;
            let whole = digits.len() == 64 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
            Some((snapshot::sequence_of(name).filter(|_| whole)?, digits.to_owned()))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_of_abc_is_the_one_of_the_standard() {
        // FIPS 180-2, appendix B.1.
        assert_eq!(
            sha256(b"abc"),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }

    #[test]
    fn a_torn_last_line_is_skipped() {
        let digits = "a".repeat(64);
        let text = format!("{}{}", line(0, &digits), &line(1, &digits)[..70]);
        assert_eq!(parse(&text), BTreeMap::from([(0, digits)]));
    }

    #[test]
    fn the_last_line_of_a_sequence_counts() {
        let (first, second) = ("a".repeat(64), "b".repeat(64));
        let text = line(3, &first) + &line(3, &second);
        assert_eq!(parse(&text), BTreeMap::from([(3, second)]));
    }
}
