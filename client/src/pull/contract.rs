//! The manifest as a contract: what a host promised, once it was found to be possible. Nothing else is stored.

use std::collections::BTreeSet;

use vscsi_shared::job::Profile;
use vscsi_shared::wire::v1::{Manifest, ManifestEntry};

use super::PullError;
use crate::store::LARGEST_SNAPSHOT_BYTES;

/// The snapshots of a job: each once, in order, as many as the profile has at most, none larger than any honest one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Contract {
    entries: Vec<ManifestEntry>,
    set_aside: Vec<String>,
}

impl Contract {
    /// The manifest of a job with this profile.
    ///
    /// # Errors
    /// When no honest host could have told it.
    pub(super) fn new(manifest: Manifest, profile: &Profile) -> Result<Self, PullError> {
        profile.check().map_err(|error| nonsense(&error.to_string()))?;
        let mut last = None;
        for entry in &manifest.samples {
            let sequence = entry.sequence;
            if last >= Some(sequence) {
                return Err(nonsense(&format!(
                    "snapshot {sequence} does not follow those before it"
                )));
            }
            // The baseline has the sequence 0, and each sample of the profile one more.
            if sequence > profile.samples {
                return Err(nonsense(&format!(
                    "there is a snapshot {sequence}, and the job has {} samples",
                    profile.samples
                )));
            }
            if entry.bytes > LARGEST_SNAPSHOT_BYTES {
                return Err(nonsense(&format!("snapshot {sequence} has {} bytes", entry.bytes)));
            }
            let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
            if entry.sha256.len() != 64 || !entry.sha256.bytes().all(is_digit) {
                return Err(nonsense(&format!("the SHA-256 of snapshot {sequence} is none")));
            }
            last = Some(sequence);
        }
        Ok(Self {
            entries: manifest.samples,
            set_aside: manifest.set_aside,
        })
    }

    /// Every snapshot.
    pub(super) fn entries(&self) -> &[ManifestEntry] {
        &self.entries
    }

    /// Those that are not `here`.
    pub(super) fn missing<'contract>(
        &'contract self,
        here: &'contract BTreeSet<u32>,
    ) -> impl Iterator<Item = &'contract ManifestEntry> {
        self.entries.iter().filter(|entry| !here.contains(&entry.sequence))
    }

    /// What was promised of a snapshot.
    pub(super) fn promise(&self, sequence: u32) -> Option<&ManifestEntry> {
        let found = self.entries.binary_search_by_key(&sequence, |entry| entry.sequence);
        found.ok().and_then(|index| self.entries.get(index))
    }

    /// What the host has lost.
    pub(super) fn into_set_aside(self) -> Vec<String> {
        self.set_aside
    }
}

fn nonsense(what: &str) -> PullError {
    PullError::Nonsense(format!("its list of snapshots is impossible: {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(sequence: u32) -> ManifestEntry {
        ManifestEntry {
            sequence,
            bytes: 3,
            sha256: "a".repeat(64),
        }
    }

    fn contract(samples: Vec<ManifestEntry>) -> Result<Contract, PullError> {
        let profile = Profile {
            name: "quick".into(),
            samples: 10,
            interval_seconds: 30,
        };
        let manifest = Manifest {
            samples,
            set_aside: Vec::new(),
        };
        Contract::new(manifest, &profile)
    }

    #[test]
    fn a_list_with_gaps_is_one() {
        let contract = contract([0, 2, 3, 10].map(entry).to_vec()).unwrap();
        let missing: Vec<u32> = contract
            .missing(&BTreeSet::from([0, 3]))
            .map(|entry| entry.sequence)
            .collect();
        assert_eq!(missing, [2, 10]);
        assert_eq!(contract.promise(3), Some(&entry(3)));
        assert_eq!(contract.promise(1), None);
    }

    #[test]
    fn a_snapshot_twice_or_out_of_order_is_refused() {
        for sequences in [[0, 1, 1], [1, 0, 2], [0, 2, 1]] {
            assert!(contract(sequences.map(entry).to_vec()).is_err(), "{sequences:?}");
        }
    }

    #[test]
    fn more_snapshots_than_the_profile_has_are_refused() {
        assert!(contract((0..=10).map(entry).collect()).is_ok());
        for sequence in [11, u32::MAX] {
            assert!(contract(vec![entry(sequence)]).is_err(), "{sequence}");
        }
    }

    #[test]
    fn a_snapshot_larger_than_any_is_refused() {
        for (bytes, fits) in [(64 << 20, true), ((64 << 20) + 1, false), (u64::MAX, false)] {
            assert_eq!(
                contract(vec![ManifestEntry { bytes, ..entry(0) }]).is_ok(),
                fits,
                "{bytes}"
            );
        }
    }

    #[test]
    fn a_checksum_that_is_none_is_refused() {
        for sha256 in [
            "",
            "a",
            &"A".repeat(64),
            &"g".repeat(64),
            &"a".repeat(65),
            &"../".repeat(22),
        ] {
            let sha256 = sha256.to_owned();
            assert!(contract(vec![ManifestEntry { sha256, ..entry(0) }]).is_err());
        }
    }
}
