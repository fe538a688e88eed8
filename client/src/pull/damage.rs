//! What is here of a job and is not what the host recorded: it is set aside, so that it is fetched again.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use sha2::Digest as _;
use vscsi_shared::wire::v1::ManifestEntry;

use super::receive::hash_of;
use crate::failure::FileError;
use crate::sha256::hexadecimal;
use crate::store::JobDirectory;

/// How closely snapshots are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Depth {
    /// Their sizes, which costs next to nothing.
    Sizes,
    /// Their SHA-256.
    Contents,
}

/// Sets aside each snapshot that the host still has and that is another one here. Compressed ones have another size and
/// a checksum of their own, so they stay.
pub(super) fn set_aside_samples(
    directory: &JobDirectory,
    recorded: &[ManifestEntry],
    depth: Depth,
) -> Result<Vec<PathBuf>, FileError> {
    let mut aside = Vec::new();
    for entry in recorded {
        let path = directory.sample(entry.sequence);
        match is_as_recorded(&path, entry, depth) {
            Ok(true) => {}
            Ok(false) => aside.push(set_aside(&path)?),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(FileError::new("read", &path)(error)),
        }
    }
    Ok(aside)
}

fn is_as_recorded(path: &Path, entry: &ManifestEntry, depth: Depth) -> io::Result<bool> {
    if fs::metadata(path)?.len() != entry.bytes {
        return Ok(false);
    }
    match depth {
        Depth::Sizes => Ok(true),
        Depth::Contents => {
            let (_, hash) = hash_of(&mut File::open(path)?)?;
            Ok(hexadecimal(&hash.finalize()) == entry.sha256)
        }
    }
}

/// Renames a file to its name with `.damaged` behind, and with a number where such a file is there already.
pub(super) fn set_aside(path: &Path) -> Result<PathBuf, FileError> {
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
    use sha2::Sha256;
    use vscsi_shared::job::JobDocument;

    /// A job here with the snapshots `zero`, `one` and `two`, and what the host recorded of them.
    fn pulled() -> (tempfile::TempDir, JobDirectory, Vec<ManifestEntry>) {
        let root = tempfile::tempdir().unwrap();
        let job = crate::store::tests::job("sql", "esx1");
        let directory = Store::open(root.path()).unwrap().place_for(&job).unwrap();
        directory.write_job(&JobDocument::new(job)).unwrap();
        let recorded = (0..).zip(["zero", "one", "two"]).map(|(sequence, content)| {
            fs::write(directory.sample(sequence), content).unwrap();
            ManifestEntry {
                sequence,
                bytes: content.len() as u64,
                sha256: hexadecimal(&Sha256::digest(content)),
            }
        });
        let recorded = recorded.collect();
        (root, directory, recorded)
    }

    #[test]
    fn a_snapshot_that_is_cut_short_is_missing_afterwards_and_kept_aside() {
        let (_root, directory, recorded) = pulled();
        fs::write(directory.sample(2), "t").unwrap();
        let aside = set_aside_samples(&directory, &recorded, Depth::Sizes).unwrap();
        assert_eq!(directory.sequences().unwrap().into_iter().collect::<Vec<_>>(), [0, 1]);
        assert_eq!(aside, [directory.samples().join("sample_002.csv.damaged")]);
        assert_eq!(fs::read_to_string(&aside[0]).unwrap(), "t");
    }

    #[test]
    fn a_second_damage_leaves_the_first_one_there() {
        let (_root, directory, recorded) = pulled();
        for content in ["1", "22222"] {
            fs::write(directory.sample(1), content).unwrap();
            set_aside_samples(&directory, &recorded, Depth::Sizes).unwrap();
        }
        let content = |name: &str| fs::read_to_string(directory.samples().join(name)).unwrap();
        assert_eq!(
            [content("sample_001.csv.damaged"), content("sample_001.csv.damaged-2")],
            ["1", "22222"]
        );
    }

    #[test]
    fn other_content_of_the_same_size_is_found_by_its_checksum() {
        let (_root, directory, recorded) = pulled();
        fs::write(directory.sample(1), "uno").unwrap();
        assert!(
            set_aside_samples(&directory, &recorded, Depth::Sizes)
                .unwrap()
                .is_empty()
        );
        assert_eq!(
            set_aside_samples(&directory, &recorded, Depth::Contents).unwrap().len(),
            1
        );
        assert_eq!(directory.sequences().unwrap().into_iter().collect::<Vec<_>>(), [0, 2]);
    }

    #[test]
    fn a_snapshot_that_the_host_has_no_more_stays() {
        let (_root, directory, _) = pulled();
        assert!(set_aside_samples(&directory, &[], Depth::Contents).unwrap().is_empty());
        assert_eq!(directory.sequences().unwrap().len(), 3);
    }
}
