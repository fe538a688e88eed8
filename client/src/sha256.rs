//! SHA-256 sums as text.

use std::fmt::Write as _;

/// The lower-case hexadecimal digits of a sum, as `sha256sum` prints them.
pub(crate) fn hexadecimal(sum: &[u8]) -> String {
    sum.iter().fold(String::with_capacity(sum.len() * 2), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
