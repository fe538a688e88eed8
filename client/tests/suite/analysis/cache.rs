//! The cache: the same samples as the snapshots, and never those of other snapshots.

use std::fs;
use std::io::Write;
use std::path::Path;

use vscsi_helper::samples::{self, Samples};
use vscsi_helper::store::JobFiles;

use crate::analysis::snapshots::{ios, job_of, load};

fn keep(directory: &Path, samples: &Samples) {
    samples::keep(&JobFiles::at(directory), samples).unwrap();
}

#[test]
fn the_cache_holds_exactly_what_the_snapshots_say() {
    let directory = job_of(&[10, 0, 30]);
    let parsed = load(directory.path());
    keep(directory.path(), &parsed);
    let cache = directory.path().join("analysis").join("histograms.parquet");
    assert!(cache.exists());
    assert_eq!(load(directory.path()), parsed);
}

#[test]
fn a_cache_is_read_instead_of_the_snapshots_until_one_of_them_changes() {
    let directory = job_of(&[10, 20, 30]);
    let parsed = load(directory.path());
    keep(directory.path(), &parsed);
    let path = directory.path().join("samples").join("sample_002.csv");
    let (content, changed) = (
        fs::read(&path).unwrap(),
        fs::metadata(&path).unwrap().modified().unwrap(),
    );
    // The same size and date with other bytes shows that the snapshots were not read.
    let file = fs::File::create(&path).unwrap();
    (&file).write_all(&vec![b'x'; content.len()]).unwrap();
    file.set_modified(changed).unwrap();
    assert_eq!(load(directory.path()), parsed);
    fs::write(&path, b"no snapshot").unwrap();
    let changed = load(directory.path());
    assert_eq!(ios(&changed.loaded), [10, 50]);
}

#[test]
fn a_cache_holds_the_snapshots_that_were_read_and_not_those_that_came_meanwhile() {
    let directory = job_of(&[10, 20, 30]);
    let last = directory.path().join("samples").join("sample_003.csv");
    let late = fs::read(&last).unwrap();
    fs::remove_file(&last).unwrap();
    let early = load(directory.path());
    fs::write(&last, late).unwrap();
    keep(directory.path(), &early);
    assert_eq!(ios(&load(directory.path()).loaded), [10, 20, 30]);
}

#[test]
fn a_cache_that_is_true_is_not_written_again() {
    let directory = job_of(&[10, 20]);
    keep(directory.path(), &load(directory.path()));
    let cache = directory.path().join("analysis").join("histograms.parquet");
    let long_ago = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000);
    fs::File::options()
        .write(true)
        .open(&cache)
        .unwrap()
        .set_modified(long_ago)
        .unwrap();
    keep(directory.path(), &load(directory.path()));
    assert_eq!(fs::metadata(&cache).unwrap().modified().unwrap(), long_ago);
}

#[test]
fn a_job_with_a_snapshot_that_could_not_be_read_is_not_kept_without_it() {
    let directory = job_of(&[10, 20]);
    fs::write(directory.path().join("samples").join("sample_001.csv"), b"no snapshot").unwrap();
    keep(directory.path(), &load(directory.path()));
    assert!(!directory.path().join("analysis").join("histograms.parquet").exists());
}

#[test]
fn a_damaged_cache_is_passed_over() {
    for name in ["histograms.parquet", "intervals.parquet"] {
        let directory = job_of(&[10, 20]);
        let parsed = load(directory.path());
        keep(directory.path(), &parsed);
        let cache = directory.path().join("analysis").join(name);
        let bytes = fs::read(&cache).unwrap();
        fs::write(&cache, &bytes[..bytes.len() / 2]).unwrap();
        assert_eq!(load(directory.path()), parsed);
    }
}

#[test]
fn the_halves_of_two_caches_are_not_taken_together() {
    // Snapshots of the same names, so that only what they hold tells the two jobs apart.
    let [one, other] = [[10, 20], [30, 40]].map(|counts| job_of(&counts));
    for job in [&one, &other] {
        keep(job.path(), &load(job.path()));
    }
    let intervals = Path::new("analysis").join("intervals.parquet");
    fs::copy(other.path().join(&intervals), one.path().join(&intervals)).unwrap();
    assert_eq!(ios(&load(one.path()).loaded), [10, 20]);
}
