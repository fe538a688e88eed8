//! What is known of a job's snapshots without reading them: 48 bytes for each.

use vscsi_shared::snapshot;
use vscsi_shared::wire::v1::ManifestEntry;

use super::sums::Sum;

/// Room is made for so many snapshots at a time.
const GROWTH: usize = 256;

/// A snapshot.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry {
    pub(super) sequence: u32,
    pub(super) bytes: u64,
    pub(super) sum: Sum,
}

impl From<&Entry> for ManifestEntry {
    fn from(entry: &Entry) -> Self {
        Self {
            sequence: entry.sequence,
            bytes: entry.bytes,
            sha256: entry.sum.to_string(),
        }
    }
}

/// The snapshots of a job.
#[derive(Debug, Default)]
pub(super) struct Index {
    /// Those that can be read, in the order of their sequence.
    entries: Vec<Entry>,
    /// Names of files that were set aside, sorted.
    pub(super) set_aside: Vec<String>,
    /// Highest sequence that was ever written, whatever has become of it: none is written twice.
    pub(super) last: Option<u32>,
    /// Size of the largest snapshot, bytes.
    pub(super) largest: u64,
    /// Space that all files take, bytes.
    pub(super) taken: u64,
}

impl Index {
    /// Takes in a snapshot that lies in a file which takes `taken` bytes.
    pub(super) fn insert(&mut self, entry: Entry, taken: u64) {
        let position = self.position_after(entry.sequence);
        if self.entries.len() == self.entries.capacity() {
            // Doubling the list of a job with many thousands would take memory for as many more.
            self.entries.reserve_exact(GROWTH);
        }
        self.entries.insert(position, entry);
        self.passed(entry.sequence);
        self.largest = self.largest.max(entry.bytes);
        self.taken += taken;
    }

    /// This sequence has been used.
    pub(super) fn passed(&mut self, sequence: u32) {
        self.last = self.last.max(Some(sequence));
    }

    /// The file `name` was set aside; when it was a snapshot, it is none any more.
    pub(super) fn set_aside(&mut self, name: String) {
        if let Some(sequence) = snapshot::sequence_of(&name) {
            self.entries.retain(|entry| entry.sequence != sequence);
            self.passed(sequence);
        }
        if let Err(position) = self.set_aside.binary_search(&name) {
            self.set_aside.insert(position, name);
        }
    }

    pub(super) fn get(&self, sequence: u32) -> Option<Entry> {
        let entry = self.entries.get(self.position_after(sequence).checked_sub(1)?)?;
        (entry.sequence == sequence).then_some(*entry)
    }

    /// The snapshots from sequence `from` on.
    pub(super) fn from(&self, from: u32) -> &[Entry] {
        let first = self.entries.partition_point(|entry| entry.sequence < from);
        self.entries.get(first..).unwrap_or_default()
    }

    fn position_after(&self, sequence: u32) -> usize {
        self.entries.partition_point(|entry| entry.sequence <= sequence)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn index(sequences: &[u32]) -> Index {
        let mut index = Index::default();
        for &sequence in sequences {
            let entry = Entry {
                sequence,
                bytes: u64::from(sequence),
                sum: Sum::of(&[]),
            };
            index.insert(entry, 4096);
        }
        index
    }

    fn sequences(index: &Index, from: u32) -> Vec<u32> {
        index.from(from).iter().map(|entry| entry.sequence).collect()
    }

    #[test]
    fn snapshots_are_found_and_listed_in_their_order() {
        let index = index(&[0, 1, 5, 3]);
        assert_eq!(sequences(&index, 0), [0, 1, 3, 5]);
        assert_eq!(sequences(&index, 2), [3, 5]);
        assert_eq!(sequences(&index, 6), [0; 0]);
        assert_eq!(index.get(3).map(|entry| entry.bytes), Some(3));
        assert!(index.get(2).is_none() && index.get(6).is_none());
        assert_eq!((index.last, index.largest, index.taken), (Some(5), 5, 4 * 4096));
    }

    #[test]
    fn a_snapshot_that_was_set_aside_is_listed_as_such_and_its_sequence_is_used_up() {
        let mut index = index(&[0, 1]);
        index.set_aside("sample_001.csv".to_owned());
        index.set_aside("sample_001.csv".to_owned());
        assert_eq!(sequences(&index, 0), [0]);
        assert_eq!(index.set_aside, ["sample_001.csv"]);
        assert_eq!(index.last, Some(1));
    }
}
