//! Histograms put together to disks, and disks to prints.

use std::collections::BTreeMap;

use super::header::Header;
use super::print::{DiskHistograms, Print};
use super::printed_time::PrintedTime;
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
    times: Times,
}

/// The times beside the prints. Those of an input stand all before the prints or all behind them, as its loop had it.
#[derive(Debug, Default)]
struct Times {
    /// Where they stand, once the first print has begun.
    stand_before: Option<bool>,
    /// The last one so far.
    last: Option<PrintedTime>,
    /// The last one before the current print, and the first one since it began.
    before: Option<PrintedTime>,
    behind: Option<PrintedTime>,
}

impl Times {
    fn begin_print(&mut self) {
        self.before = self.last.take();
        self.behind = None;
        self.stand_before.get_or_insert(self.before.is_some());
    }

    fn of_print(&mut self) -> Option<PrintedTime> {
        if self.stand_before == Some(true) {
            self.before.take()
        } else {
            self.behind.take()
        }
    }
}

impl Assembly {
    /// Takes a time that stands beside the prints.
    pub(super) fn time(&mut self, time: PrintedTime) {
        self.times.behind.get_or_insert_with(|| time.clone());
        self.times.last = Some(time);
    }

    /// Begins a histogram; [`Self::store`] completes it. Gives the node of the disk where an earlier title of this print has
    /// another one.
    pub(super) fn begin(&mut self, header: &Header<'_>, kind: HistogramKind) -> Option<&str> {
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
        let slot = self.slots.get_mut(self.current)?;
        slot.begun |= bit;
        let node = slot.disk.node.as_deref()?;
        let is_other = |other| String::from_utf8_lossy(other) != node;
        header.node.is_some_and(is_other).then_some(node)
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
        let time = self.times.of_print();
        if !disks.is_empty() {
            self.finished.push(Print { disks, time });
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
        if position == 0 {
            self.times.begin_print();
        }
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
