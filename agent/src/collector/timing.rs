//! When what is due: pure functions of the monotonic clock, without drift and without memory.

use std::ops::Range;

/// The due times of a job: `first_due_ms + k * interval_ms` for k = 0 … `samples`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grid {
    /// When the baseline is due, monotonic milliseconds.
    pub first_due_ms: u64,
    /// Time between two snapshots, milliseconds; at least 1.
    pub interval_ms: u64,
    /// The last sequence: the number of samples.
    pub samples: u32,
}

/// What a grid asks for at some moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Due {
    /// Nothing before this moment, monotonic milliseconds.
    At(u64),
    /// A snapshot now.
    Now {
        /// Earlier sequences whose time is over: they are recorded as missed and never invented.
        missed: Range<u32>,
        /// The sequence to take.
        sequence: u32,
        /// It is taken more than half an interval after it was due.
        late: bool,
    },
    /// Nothing any more.
    Finished,
}

impl Grid {
    /// When `sequence` is due, monotonic milliseconds.
    pub fn due_ms(self, sequence: u32) -> u64 {
        let after = u64::from(sequence).saturating_mul(self.interval_ms);
        self.first_due_ms.saturating_add(after)
    }

    /// What to do at `now_ms` when `next` is the first sequence not taken yet.
    pub fn due(self, next: u32, now_ms: u64) -> Due {
        if next > self.samples {
            return Due::Finished;
        }
        let next_due = self.due_ms(next);
        if now_ms < next_due {
            return Due::At(next_due);
        }
        let passed = (now_ms - next_due) / self.interval_ms.max(1);
        let sequence = u32::try_from(u64::from(next).saturating_add(passed))
            .unwrap_or(u32::MAX)
            .min(self.samples);
        Due::Now {
            missed: next..sequence,
            sequence,
            late: (now_ms - self.due_ms(sequence)).saturating_mul(2) > self.interval_ms,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const GRID: Grid = Grid {
        first_due_ms: 1000,
        interval_ms: 100,
        samples: 5,
    };

    #[test]
    fn before_its_time_a_snapshot_waits() {
        assert_eq!(GRID.due(2, 1199), Due::At(1200));
    }

    #[test]
    fn at_its_time_a_snapshot_is_taken() {
        let due = Due::Now {
            missed: 2..2,
            sequence: 2,
            late: false,
        };
        assert_eq!(GRID.due(2, 1200), due);
    }

    #[test]
    fn more_than_half_an_interval_later_it_is_late() {
        let late = |now_ms| matches!(GRID.due(2, now_ms), Due::Now { late: true, .. });
        assert!(!late(1250));
        assert!(late(1251));
    }

    #[test]
    fn sequences_whose_time_is_over_are_missed() {
        let due = Due::Now {
            missed: 1..4,
            sequence: 4,
            late: false,
        };
        assert_eq!(GRID.due(1, 1410), due);
    }

    #[test]
    fn the_last_snapshot_is_taken_however_late() {
        let due = Due::Now {
            missed: 3..5,
            sequence: 5,
            late: true,
        };
        assert_eq!(GRID.due(3, 1_000_000), due);
    }

    #[test]
    fn after_the_last_snapshot_nothing_is_due() {
        assert_eq!(GRID.due(6, 5000), Due::Finished);
    }

    proptest! {
        /// Whatever the clock does, each sequence is taken or missed exactly once, in order, and none before its time.
        #[test]
        fn every_sequence_is_accounted_for_once(steps in prop::collection::vec(0_u64..500, 1..60)) {
            let (mut now, mut next) = (900, 0);
            for step in steps {
                now += step;
                if let Due::Now { missed, sequence, .. } = GRID.due(next, now) {
                    prop_assert_eq!(missed.start, next);
                    prop_assert_eq!(missed.end, sequence);
                    prop_assert!(sequence <= GRID.samples);
                    prop_assert!(GRID.due_ms(sequence) <= now);
                    next = sequence + 1;
                }
            }
        }
    }
}
