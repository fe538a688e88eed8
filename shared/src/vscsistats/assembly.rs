//! Histograms put together to disks, and disks to prints.

use std::collections::BTreeMap;

use super::header::Header;
use super::print::{DiskHistograms, Print};
use crate::histogram::{Histogram, HistogramKind};
use crate::identifier::{HandleId, WorldGroupId};

/// A disk of the current print, and which histograms were begun for it.
#[derive(Debug)]
struct Slot {
    disk: DiskHistograms,
    begun: u16,
}

/// The prints of an input. A histogram that was begun before for a disk of the current print begins the next one,
/// whether or not it became complete: a damaged print must not be filled up from the one after it.
#[derive(Debug, Default)]
pub(super) struct Assembly {
    finished: Vec<Print>,
    slots: Vec<Slot>,
    positions: BTreeMap<(WorldGroupId, HandleId), usize>,
    /// Position of the disk whose histogram was begun last.
    current: usize,
}

impl Assembly {
    /// Begins a histogram; [`Self::store`] completes it.
    pub(super) fn begin(&mut self, header: &Header<'_>, kind: HistogramKind) {
        let bit = 1 << kind.index();
        let known = self.position(header);
        let again = known
            .and_then(|position| self.slots.get(position))
            .is_some_and(|slot| slot.begun & bit != 0);
        if again {
            self.finish_print();
        }
        self.current = match known {
            Some(position) if !again => position,
            _ => self.add(header),
        };
        if let Some(slot) = self.slots.get_mut(self.current) {
            slot.begun |= bit;
        }
    }

    /// Stores the histogram begun last.
    pub(super) fn store(&mut self, kind: HistogramKind, histogram: Histogram) {
        if let Some(slot) = self.slots.get_mut(self.current) {
            slot.disk.insert(kind, histogram);
        }
    }

    /// The prints that are finished, in order.
    pub(super) fn take_finished(&mut self) -> Vec<Print> {
        std::mem::take(&mut self.finished)
    }

    /// Ends the current print; disks without a complete histogram are left out.
    pub(super) fn finish_print(&mut self) {
        let disks: Vec<DiskHistograms> = self
            .slots
            .drain(..)
            .map(|slot| slot.disk)
            .filter(|disk| disk.iter().next().is_some())
            .collect();
        if !disks.is_empty() {
            self.finished.push(Print { disks });
        }
        self.positions.clear();
        self.current = 0;
    }

    /// The histograms of a disk follow one another, so the current disk is looked at first.
    fn position(&self, header: &Header<'_>) -> Option<usize> {
        let same =
            |slot: &Slot| slot.disk.handle_id == header.handle_id && slot.disk.world_group_id == header.world_group_id;
        if self.slots.get(self.current).is_some_and(same) {
            return Some(self.current);
        }
        self.positions.get(&(header.world_group_id, header.handle_id)).copied()
    }

    fn add(&mut self, header: &Header<'_>) -> usize {
        let position = self.slots.len();
        let node = header.node.map(|node| String::from_utf8_lossy(node).into_owned());
        self.slots.push(Slot {
            disk: DiskHistograms::new(header.world_group_id, header.handle_id, node),
            begun: 0,
        });
        self.positions
            .insert((header.world_group_id, header.handle_id), position);
        position
    }
}
