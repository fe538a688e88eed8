//! Which places of a region have been used.

use crate::stream::BLOCK_BYTES;

/// Size of a place, which is what the caches of systems and arrays count in.
pub(super) const PLACE_BYTES: u64 = 4096;
/// Blocks of a place.
const PLACE_BLOCKS: i64 = (PLACE_BYTES / BLOCK_BYTES).cast_signed();
/// Places of a page of the map.
const PAGE_PLACES: i64 = 64 * 64;

/// A set of places of 4 KiB. Memory grows with the parts of the region that were used, 512 bytes for each 16 MiB, and by
/// 8 bytes for each 16 MiB before the furthest one.
#[derive(Debug, Clone, Default)]
pub(super) struct Touched {
    pages: Vec<Option<Box<[u64; 64]>>>,
    places: u64,
}

impl Touched {
    /// Whether the place of this block was used.
    pub(super) fn contains(&self, block: i64) -> bool {
        let Some((page, word, bit)) = address(block.div_euclid(PLACE_BLOCKS)) else {
            return false;
        };
        let page = self.pages.get(page).and_then(Option::as_ref);
        page.and_then(|page| page.get(word)).is_some_and(|word| word & bit != 0)
    }

    /// Uses the places of blocks `first..=last`; how many of them had been used before.
    pub(super) fn touch(&mut self, first: i64, last: i64) -> u64 {
        let mut again = 0;
        for place in first.div_euclid(PLACE_BLOCKS)..=last.div_euclid(PLACE_BLOCKS) {
            let Some((page, word, bit)) = address(place) else {
                continue;
            };
            if page >= self.pages.len() {
                self.pages.resize(page + 1, None);
            }
            let Some(page) = self.pages.get_mut(page) else { continue };
            let page = page.get_or_insert_with(|| Box::new([0; 64]));
            let Some(word) = page.get_mut(word) else { continue };
            if *word & bit == 0 {
                *word |= bit;
                self.places += 1;
            } else {
                again += 1;
            }
        }
        again
    }

    /// Size of all places used, bytes.
    pub(super) fn bytes(&self) -> u64 {
        self.places * PLACE_BYTES
    }
}

/// Page, word and bit of a place; `None` before the region.
fn address(place: i64) -> Option<(usize, usize, u64)> {
    let inside = place.rem_euclid(PAGE_PLACES);
    let page = usize::try_from(place.div_euclid(PAGE_PLACES)).ok()?;
    Some((page, usize::try_from(inside / 64).ok()?, 1 << (inside % 64)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_used_once_however_often_it_is_touched() {
        let mut touched = Touched::default();
        // 16 KiB are four places; the second command overlaps the last two of them.
        assert_eq!(touched.touch(0, 31), 0);
        assert_eq!(touched.touch(16, 47), 2);
        assert_eq!(touched.bytes(), 6 * 4096);
        assert!(touched.contains(40) && !touched.contains(48));
    }

    #[test]
    fn a_command_across_two_pages_touches_both() {
        let mut touched = Touched::default();
        let page_blocks = PAGE_PLACES * PLACE_BLOCKS;
        touched.touch(page_blocks - 8, page_blocks + 7);
        assert_eq!(touched.bytes(), 2 * 4096);
        assert!(touched.contains(page_blocks - 1) && touched.contains(page_blocks));
    }
}
