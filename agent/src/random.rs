//! Random bytes from `/dev/urandom`, read as a file: `getrandom` answers differently on every ESXi version.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Read as _};

/// `bytes` random bytes as lower-case hexadecimal digits.
pub(crate) fn hexadecimal(bytes: usize) -> io::Result<String> {
    let mut buffer = vec![0; bytes];
    File::open("/dev/urandom")?.read_exact(&mut buffer)?;
    Ok(buffer
        .iter()
        .fold(String::with_capacity(bytes * 2), |mut digits, byte| {
            // Writing to a string cannot fail.
            let _ = write!(digits, "{byte:02x}");
            digits
        }))
}
