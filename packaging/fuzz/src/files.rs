//! The product's own files, which a person or a broken disk may have changed.

use vscsi_shared::job::JobDocument;
use vscsi_shared::snapshot;

/// A snapshot that can be read is the same after it was written and read again.
pub(crate) fn snapshot(input: &[u8]) {
    let Ok(first) = snapshot::read(input) else { return };
    let written = first.header.with_output(first.output);
    assert_eq!(Ok(first), snapshot::read(&written), "it is not read back");
}

/// A job that can be read is the same after it was written and read again, and so is its file.
pub(crate) fn job_json(input: &[u8]) {
    let Ok(first) = JobDocument::from_json(input) else {
        return;
    };
    let written = first.to_json().unwrap_or_default();
    let again = JobDocument::from_json(&written);
    let again = again.unwrap_or_else(|error| panic!("what was written cannot be read: {error}"));
    assert_eq!(first.job, again.job, "it is not read back");
    assert_eq!(again.to_json().ok(), Some(written), "writing it again changes it");
}
