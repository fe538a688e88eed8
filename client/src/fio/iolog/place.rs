//! Where on the disk recent commands ended.

/// How many commands the windowed distance looks back on.
const WINDOW: usize = 16;

/// A command that was issued.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Issued {
    /// 0 reads, 1 writes.
    pub direction: usize,
    pub last_block: i64,
    pub bytes: u64,
}

/// The last commands.
#[derive(Debug, Clone, Default)]
pub(super) struct Recent {
    commands: [Option<Issued>; WINDOW],
    next: usize,
    /// The last command of each direction, reads first.
    of_direction: [Option<Issued>; 2],
}

impl Recent {
    /// Up to sixteen commands, in no order.
    pub(super) fn commands(&self) -> impl Iterator<Item = Issued> + '_ {
        self.commands.iter().flatten().copied()
    }

    /// The last command.
    pub(super) fn last(&self) -> Option<Issued> {
        let newest = (self.next + WINDOW - 1) % WINDOW;
        self.commands.get(newest).copied().flatten()
    }

    /// The last command of a direction (0 reads, 1 writes).
    pub(super) fn last_of(&self, direction: usize) -> Option<Issued> {
        self.of_direction.get(direction).copied().flatten()
    }

    /// Distance to the closest of the recent ends.
    pub(super) fn closest(&self, first_block: i64) -> Option<i64> {
        let distances = self.commands().map(|command| first_block - command.last_block);
        distances.min_by_key(|distance| distance.unsigned_abs())
    }

    pub(super) fn push(&mut self, command: Issued) {
        if let Some(slot) = self.commands.get_mut(self.next) {
            *slot = Some(command);
        }
        self.next = (self.next + 1) % WINDOW;
        if let Some(slot) = self.of_direction.get_mut(command.direction) {
            *slot = Some(command);
        }
    }
}
