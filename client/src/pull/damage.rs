//! What is here of a job, looked at before anything is fetched: what was damaged here is set aside so that it is fetched
//! again, and what the host now tells otherwise than when it was stored is not touched.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};
use vscsi_shared::snapshot;

use super::PullError;
use super::contract::Contract;
use super::receive::hash_of;
use crate::failure::FileError;
use crate::sha256::hexadecimal;
use crate::store::{JobDirectory, SnapshotFile, StoreError, read_snapshot_bytes, snapshot_files};

/// Sets aside each snapshot that was damaged here and that the host still has as it was when it was stored, and gives
/// their new names.
///
/// # Errors
/// [`PullError::Changed`] when the host tells of a snapshot otherwise than what is recorded here, or than a whole one
/// that is here from before anything was recorded.
pub(super) fn examine(directory: &JobDirectory, contract: &Contract) -> Result<Vec<PathBuf>, PullError> {
    let recorded = directory.sums()?;
    let mut unrecorded = Vec::new();
    let mut damaged = Vec::new();
    for file in snapshot_files(directory)? {
        let sequence = file.sequence;
        let Some(promise) = contract.promise(sequence) else {
            continue;
        };
        match recorded.get(&sequence) {
            Some(sum) if *sum != promise.sha256 => return Err(PullError::Changed { sequence }),
            Some(sum) if hash(&file).is_ok_and(|hash| hash == *sum) => {}
            None if hash(&file)? == promise.sha256 => unrecorded.push((sequence, &promise.sha256)),
            None if is_whole(&file, directory) => return Err(PullError::Changed { sequence }),
            Some(_) | None => damaged.push(file.path),
        }
    }
    if !unrecorded.is_empty() {
        let sums = directory.record_sums()?;
        for (sequence, sha256) in unrecorded {
            sums.add(sequence, sha256)?;
        }
        sums.sync()?;
    }
    Ok(damaged
        .iter()
        .map(|path| set_aside(path))
        .collect::<Result<_, FileError>>()?)
}

/// Are all snapshots in `directory`, whose description is lost, those of this contract?
pub(super) fn are_those_of(directory: &JobDirectory, contract: &Contract) -> Result<bool, PullError> {
    let recorded = directory.sums()?;
    for file in snapshot_files(directory)? {
        let Some(promise) = contract.promise(file.sequence) else {
            return Ok(false);
        };
        let is_known = recorded.get(&file.sequence) == Some(&promise.sha256);
        if !is_known && hash(&file)? != promise.sha256 {
            return Ok(false);
        }
    }
    Ok(true)
}

/// SHA-256 of a snapshot, decompressed.
fn hash(file: &SnapshotFile) -> Result<String, FileError> {
    let hash = || {
        if file.compressed {
            return Ok(Sha256::digest(read_snapshot_bytes(file)?));
        }
        Ok(hash_of(&mut File::open(&file.path)?)?.1.finalize())
    };
    hash()
        .map(|hash: sha2::digest::Output<Sha256>| hexadecimal(&hash))
        .map_err(FileError::new("read", &file.path))
}

/// The file is a snapshot of this job with all its bytes, by its own header.
fn is_whole(file: &SnapshotFile, directory: &JobDirectory) -> bool {
    let bytes = read_snapshot_bytes(file).unwrap_or_default();
    snapshot::read(&bytes).is_ok_and(|snapshot| {
        snapshot.header.sequence == file.sequence && snapshot.header.job == directory.reference().name
    })
}

/// Sets a `job.json` aside that is damaged, so that it is written anew; nothing when it is not.
pub(super) fn set_aside_description(directory: &JobDirectory) -> Result<Option<PathBuf>, PullError> {
    use vscsi_shared::job::UnreadableJob::Malformed;
    match directory.read_job() {
        Err(StoreError::Unreadable {
            path,
            source: Malformed(_),
        }) => Ok(Some(set_aside(&path)?)),
        _ => Ok(None),
    }
}

/// Renames a file to its name with `.damaged` behind, and with a number where such a file is there already.
fn set_aside(path: &Path) -> Result<PathBuf, FileError> {
    let named = |suffix: &str| {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        PathBuf::from(name)
    };
    let mut aside = named(".damaged");
    let mut number = 2_u32;
    while aside.exists() {
        aside = named(&format!(".damaged-{number}"));
        number += 1;
    }
    match fs::rename(path, &aside) {
        // Another program did it in the meantime.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(aside),
        renamed => renamed.map(|()| aside).map_err(FileError::new("set aside", path)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Store;
    use crate::store::tests::{job, keep};
    use vscsi_shared::job::Profile;
    use vscsi_shared::wire::v1::{Manifest, ManifestEntry};

    const CONTENTS: [&str; 3] = ["zero", "one", "two"];

    fn contract(contents: &[&str]) -> Contract {
        let entries = (0..).zip(contents).map(|(sequence, content)| ManifestEntry {
            sequence,
            bytes: content.len() as u64,
            sha256: hexadecimal(&Sha256::digest(content)),
        });
        let manifest = Manifest {
            samples: entries.collect(),
            set_aside: Vec::new(),
        };
        let profile = Profile {
            name: "quick".into(),
            samples: 10,
            interval_seconds: 30,
        };
        Contract::new(manifest, &profile).unwrap()
    }

    /// A job here with the snapshots [`CONTENTS`], and whether they were recorded when they were stored.
    fn pulled(are_recorded: bool) -> (tempfile::TempDir, JobDirectory) {
        let root = tempfile::tempdir().unwrap();
        let directory = keep(&Store::open(root.path()).unwrap(), &job("sql", "esx1"));
        for (sequence, content) in (0..).zip(CONTENTS) {
            fs::write(directory.sample(sequence), content).unwrap();
        }
        if are_recorded {
            examine(&directory, &contract(&CONTENTS)).unwrap();
        }
        (root, directory)
    }

    fn here(directory: &JobDirectory) -> Vec<u32> {
        directory.sequences().unwrap().into_iter().collect()
    }

    #[test]
    fn a_snapshot_that_is_cut_short_is_missing_afterwards_and_kept_aside() {
        for are_recorded in [true, false] {
            let (_root, directory) = pulled(are_recorded);
            fs::write(directory.sample(2), "t").unwrap();
            let aside = examine(&directory, &contract(&CONTENTS)).unwrap();
            assert_eq!(here(&directory), [0, 1]);
            assert_eq!(aside, [directory.samples().join("sample_002.csv.damaged")]);
            assert_eq!(fs::read_to_string(&aside[0]).unwrap(), "t");
        }
    }

    #[test]
    fn a_snapshot_that_is_damaged_without_a_change_of_length_is_fetched_again() {
        let (_root, directory) = pulled(true);
        fs::write(directory.sample(1), "two").unwrap();
        examine(&directory, &contract(&CONTENTS)).unwrap();
        assert_eq!(here(&directory), [0, 2]);
    }

    #[test]
    fn a_second_damage_leaves_the_first_one_there() {
        let (_root, directory) = pulled(true);
        for content in ["1", "22222"] {
            fs::write(directory.sample(1), content).unwrap();
            examine(&directory, &contract(&CONTENTS)).unwrap();
        }
        let content = |name: &str| fs::read_to_string(directory.samples().join(name)).unwrap();
        assert_eq!(
            [content("sample_001.csv.damaged"), content("sample_001.csv.damaged-2")],
            ["1", "22222"]
        );
    }

    #[test]
    fn a_snapshot_that_the_host_tells_otherwise_than_before_is_not_touched() {
        let (_root, directory) = pulled(true);
        let changed = examine(&directory, &contract(&["zero", "uno", "two"]));
        assert!(
            matches!(changed, Err(PullError::Changed { sequence: 1 })),
            "{changed:?}"
        );
        assert_eq!(here(&directory), [0, 1, 2]);
    }

    #[test]
    fn a_whole_snapshot_from_before_anything_was_recorded_is_not_touched_either() {
        let (_root, directory) = pulled(false);
        let whole = "# vscsi-snapshot: 1.0\n# job: sql\n# sequence: 1\n# taken_at: 2025-11-06T08:30:30Z\n\
                     # monotonic_ms: 1\n# duration_ms: 1\n# boot_id: b\n# host: h\n# vm: v\n# config_file: c\n\
                     # world_group_id: 1\n# flags:\n# exit_status: 0\n# output_bytes: 3\nabc";
        fs::write(directory.sample(1), whole).unwrap();
        let changed = examine(&directory, &contract(&CONTENTS));
        assert!(
            matches!(changed, Err(PullError::Changed { sequence: 1 })),
            "{changed:?}"
        );
        assert_eq!(here(&directory), [0, 1, 2]);
    }

    #[test]
    fn a_snapshot_that_the_host_has_no_more_stays() {
        let (_root, directory) = pulled(true);
        assert!(examine(&directory, &contract(&[])).unwrap().is_empty());
        assert_eq!(here(&directory).len(), 3);
    }

    #[test]
    fn snapshots_without_a_description_are_known_again_by_their_content() {
        let (_root, directory) = pulled(false);
        assert!(are_those_of(&directory, &contract(&CONTENTS)).unwrap());
        assert!(!are_those_of(&directory, &contract(&["zero", "uno", "two"])).unwrap());
        assert!(!are_those_of(&directory, &contract(&["zero", "one"])).unwrap());
    }

    #[test]
    fn a_damaged_one_of_them_is_known_again_by_what_was_recorded() {
        let (_root, directory) = pulled(true);
        fs::write(directory.sample(1), "o").unwrap();
        assert!(are_those_of(&directory, &contract(&CONTENTS)).unwrap());
    }
}
