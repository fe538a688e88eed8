//! Snapshot files on the wire.

use serde::{Deserialize, Serialize};

use crate::bounded::at_most;

/// Answer of `GET /v1/jobs/{name}/samples?after=N`: the snapshot files with a higher sequence than N.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Manifest {
    /// In the order of their sequence.
    pub samples: Vec<ManifestEntry>,
    /// What the spool has lost: files that were torn or corrupt and set aside. A job has no more to lose.
    #[serde(default, deserialize_with = "at_most::<100_001, _, _>")]
    pub set_aside: Vec<String>,
}

/// One immutable snapshot file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestEntry {
    /// 0 for the baseline, then 1, 2, …
    pub sequence: u32,
    /// Its size.
    pub bytes: u64,
    /// SHA-256 of the file, 64 lower-case hexadecimal digits.
    pub sha256: String,
}

/// A bundle is a sequence of entries, each one line of JSON (this type) ended by a line feed and followed by the bytes
/// of that file.
///
/// A broken bundle is taken up again with `after` = the last complete file and `skip` = the bytes already received of
/// the next one. Files appear in the order of their sequence, those that were there when the request came.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BundleEntry {
    /// The file.
    #[serde(rename = "file")]
    pub entry: ManifestEntry,
    /// Bytes left out at its beginning: `skip` for the first file, else 0.
    #[serde(default)]
    pub skipped: u64,
}
