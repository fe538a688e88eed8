//! Where on the disk recent commands ended.

/// How many commands the windowed distance looks back on.
const WINDOW: usize = 16;

/// The ends of the last commands.
#[derive(Debug, Clone)]
pub(super) struct Recent {
    ends: [i64; WINDOW],
    length: usize,
    next: usize,
    /// Last block of the last command of each direction, reads first.
    of_direction: [Option<i64>; 2],
}

impl Recent {
    pub(super) fn new() -> Self {
        Self {
            ends: [0; WINDOW],
            length: 0,
            next: 0,
            of_direction: [None; 2],
        }
    }

    /// Last blocks of up to sixteen commands, in no order.
    pub(super) fn ends(&self) -> &[i64] {
        self.ends.get(..self.length).unwrap_or(&self.ends)
    }

    /// Last block of the last command.
    pub(super) fn last(&self) -> Option<i64> {
        let newest = (self.next + WINDOW - 1) % WINDOW;
        (self.length > 0).then(|| self.ends.get(newest).copied()).flatten()
    }

    /// Last block of the last command of a direction (0 reads, 1 writes).
    pub(super) fn last_of(&self, direction: usize) -> Option<i64> {
        self.of_direction.get(direction).copied().flatten()
    }

    /// Distance to the closest of the recent ends.
    pub(super) fn closest(&self, first_block: i64) -> Option<i64> {
        let distances = self.ends().iter().map(|end| first_block - end);
        distances.min_by_key(|distance| distance.unsigned_abs())
    }

    pub(super) fn push(&mut self, direction: usize, last_block: i64) {
        if let Some(slot) = self.ends.get_mut(self.next) {
            *slot = last_block;
        }
        self.next = (self.next + 1) % WINDOW;
        self.length = (self.length + 1).min(WINDOW);
        if let Some(slot) = self.of_direction.get_mut(direction) {
            *slot = Some(last_block);
        }
    }
}
