//! Whether commands lie on 4 KiB, which vscsiStats does not record but its buckets betray.
//!
//! A distance is the first block of a command less the last block of another. Where every command begins and ends on a
//! multiple of eight blocks, all distances are one more than a multiple of eight: ..., -7, 1, 9, ... So the buckets
//! (-6, 0] and (1, 8] of every histogram of distances are exactly empty, and sizes are multiples of 4096 bytes.

use vscsi_shared::histogram::{IntervalSet, Metric, Operation};

use crate::stream::{BLOCK_BYTES, bucket_range};

/// Bytes of the alignment that is looked for.
pub(super) const ALIGNED_BYTES: u64 = 4096;
/// Distances within this many blocks of either side say something about alignment.
const NEAR_BLOCKS: i64 = 128;
/// Fewer of them are no evidence.
const LEAST_EVIDENCE: u64 = 30;

/// Whether the commands of a workload lie on 4 KiB.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Alignment {
    /// Every one of them does: no distance and no size says otherwise, and enough distances could have.
    Aligned,
    /// At least one does not.
    Unaligned,
    /// No size says otherwise, but too few distances are short enough to tell.
    Unknown,
}

impl Alignment {
    /// What the histograms of a disk tell.
    pub(super) fn of(histograms: &IntervalSet) -> Self {
        let sizes = [Operation::Read, Operation::Write]
            .into_iter()
            .filter_map(|operation| histograms.of(Metric::IoLength, operation));
        for sizes in sizes {
            let has_unaligned = sizes.counts.iter().enumerate().any(|(index, &count)| {
                let (low, high) = bucket_range(sizes, index);
                count > 0 && (high / ALIGNED_BYTES as f64).floor() * (ALIGNED_BYTES as f64) < low
            });
            if has_unaligned {
                return Self::Unaligned;
            }
        }
        let distances = [
            (Metric::SeekDistance, Operation::All),
            (Metric::SeekDistance, Operation::Read),
            (Metric::SeekDistance, Operation::Write),
            (Metric::SeekDistanceClosest16, Operation::All),
        ];
        let mut evidence = 0_u64;
        for distances in distances
            .into_iter()
            .filter_map(|(metric, operation)| histograms.of(metric, operation))
        {
            for (bucket, &count) in distances.buckets().zip(&distances.counts) {
                let (Some(above), Some(up_to)) = (bucket.above, bucket.up_to) else {
                    continue;
                };
                if count > 0 && !holds_an_aligned_distance(above, up_to) {
                    return Self::Unaligned;
                }
                if above >= -NEAR_BLOCKS && up_to <= NEAR_BLOCKS {
                    evidence = count.saturating_add(evidence);
                }
            }
        }
        if evidence >= LEAST_EVIDENCE {
            Self::Aligned
        } else {
            Self::Unknown
        }
    }
}

/// Whether a multiple of eight and one lies in `(above, up_to]`.
fn holds_an_aligned_distance(above: i64, up_to: i64) -> bool {
    let blocks = i64::try_from(ALIGNED_BYTES / BLOCK_BYTES).unwrap_or(8);
    (up_to - 1).div_euclid(blocks) * blocks + 1 > above
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stream::{Command, Direction, Histogrammer};

    /// Commands `(first block, blocks)`, one after another.
    fn of(commands: impl Iterator<Item = (u64, u32)>) -> Alignment {
        let mut histogrammer = Histogrammer::default();
        for (index, (block, blocks)) in commands.enumerate() {
            histogrammer.record(&Command {
                issued_ns: index as u64 * 1_000_000,
                direction: Direction::Write,
                offset: block * 512,
                bytes: blocks * 512,
                latency_ns: None,
            });
        }
        Alignment::of(&histogrammer.finish())
    }

    #[test]
    fn a_file_that_is_written_page_by_page_is_aligned() {
        assert_eq!(of((0..200).map(|page| (page * 16, 16))), Alignment::Aligned);
    }

    #[test]
    fn one_command_off_the_pages_is_enough_to_see() {
        let pages = (0..200).map(|page| (page * 16, 16));
        assert_eq!(of(pages.chain([(3203, 8)])), Alignment::Unaligned);
    }

    #[test]
    fn a_size_that_is_no_multiple_of_a_page_is_enough_to_see() {
        let pages = (0..200).map(|page| (page * 16, 16));
        assert_eq!(of(pages.chain([(9_000_000, 1)])), Alignment::Unaligned);
    }

    #[test]
    fn commands_far_from_each_other_tell_nothing() {
        let far = (0..200).map(|page| (page * 7_000_000 % 999_000_000 / 8 * 8, 8));
        assert_eq!(of(far), Alignment::Unknown);
    }
}
