//! The promises, held against what was seen of a run.

mod ends;
mod left;
mod spool;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::perform::Performed;

pub use ends::Ends;
pub(super) use spool::wrong_view;

/// What a run showed.
#[derive(Debug, Clone, Default)]
pub struct Findings {
    /// Promises that were broken, each in words.
    pub violations: Vec<String>,
    /// The longest time from a collector's death to the end of a collection that had no excuse, milliseconds.
    pub longest_wait_ms: u64,
    /// Collections that a collector's death had to end.
    pub owed: u32,
    /// Differences of snapshots that were held against the truth.
    pub compared: usize,
}

/// Checks every promise.
pub fn check(performed: &Performed) -> Findings {
    let ends = ends::check(&performed.evidence);
    let spool = spool::check(performed);
    let mut violations = performed.evidence.complaints.clone();
    violations.extend(ends.violations);
    violations.extend(spool.violations);
    violations.extend(left::check(performed));
    Findings {
        violations,
        longest_wait_ms: ends.longest_wait_ms,
        owed: ends.owed,
        compared: spool.compared,
    }
}

/// The entries of a folder by name; none when it is not there.
pub(super) fn entries(folder: &Path) -> Vec<(String, PathBuf)> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut named: Vec<_> = entries
        .map(|entry| (entry.file_name().to_string_lossy().into_owned(), entry.path()))
        .collect();
    named.sort();
    named
}

/// The folders among them.
pub(super) fn folders(folder: &Path) -> Vec<(String, PathBuf)> {
    let mut folders = entries(folder);
    folders.retain(|(_, path)| path.is_dir());
    folders
}

/// Every file below a folder, by its path from there.
pub(super) fn files_of(root: &Path) -> BTreeSet<String> {
    let mut files = BTreeSet::new();
    let mut left = vec![root.to_owned()];
    while let Some(folder) = left.pop() {
        for (_, path) in entries(&folder) {
            if path.is_dir() && !path.is_symlink() {
                left.push(path);
            } else {
                let name = path.strip_prefix(root).unwrap_or(&path);
                files.insert(name.display().to_string());
            }
        }
    }
    files
}
