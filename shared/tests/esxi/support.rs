//! Data files, captures, and short ways to say what is expected.

use std::fmt::Debug;
use std::path::{Path, PathBuf};

use vscsi_shared::esxi::Reading;

/// A data file of the invented host.
pub(crate) fn data(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../fixtures/data/esxi")
        .join(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A real capture, where `VSCSI_SAMPLES` names their folder.
pub(crate) fn sample(name: &str) -> Option<Vec<u8>> {
    let path = PathBuf::from(std::env::var_os("VSCSI_SAMPLES")?).join(name);
    Some(std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display())))
}

/// What was read of an output that has nothing wrong with it.
#[track_caller]
pub(crate) fn clean<T: Debug>(reading: Reading<T>) -> T {
    assert_eq!(reading.diagnostics, [], "{:?}", reading.value);
    reading.value
}

/// The findings as text, as a user sees them.
pub(crate) fn findings<T>(reading: &Reading<T>) -> Vec<String> {
    reading.diagnostics.iter().map(ToString::to_string).collect()
}
