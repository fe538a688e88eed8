//! The part of one disk's log that follows one observation: a sample, or all of them on average.

use rand_chacha::ChaCha8Rng;
use vscsi_shared::histogram::{IntervalSet, Metric};

use super::arrivals::{Arrivals, InFlight};
use super::placement::{Placement, Region};
use super::sequential::SequentialSizes;
use super::sizes::Sizes;
use crate::stream::{BLOCK_BYTES, Command, Direction};

/// When a stretch is replayed, and how much of it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Timing {
    /// Where it begins in the log, microseconds.
    pub start_us: f64,
    /// How long it takes, microseconds.
    pub length_us: f64,
    /// Gaps of the log are shorter than measured ones by this factor.
    pub compression: f64,
    /// No gap is longer, measured microseconds.
    pub longest_us: f64,
}

/// A stretch that is ready to be drawn from.
#[derive(Debug, Clone)]
pub(super) struct Stretch {
    timing: Timing,
    commands: u64,
    state: State,
}

impl Stretch {
    /// A stretch of `commands` commands that follows the histograms of a disk; what they lack is taken from those of the
    /// disk over all time. `None` when nothing says when its commands come.
    pub(super) fn new(
        own: &IntervalSet,
        of_all_time: &IntervalSet,
        commands: u64,
        timing: Timing,
        sequential: &[Option<SequentialSizes>; 2],
        step_bytes: u64,
    ) -> Option<Self> {
        let total_us = timing.length_us * timing.compression;
        let arrivals = |from| Arrivals::new(from, commands, total_us, timing.longest_us);
        let [read, write] = sequential;
        let sizes = |direction: Direction, fitted: &Option<SequentialSizes>| {
            let sizes = own.of(Metric::IoLength, direction.operation())?;
            let shares = fitted.as_ref().and_then(|fitted| fitted.within(own, direction));
            Sizes::new(sizes, shares.as_ref(), commands, step_bytes)
        };
        let state = State {
            arrivals: arrivals(own).or_else(|| arrivals(of_all_time))?,
            sizes: [sizes(Direction::Read, read), sizes(Direction::Write, write)],
            placement: Placement::new(own)?,
        };
        Some(Self {
            timing,
            commands,
            state,
        })
    }

    /// The commands, one after another. `region` and `in_flight` come from the stretch before and go to the next.
    pub(super) fn play(&self, first_block: i64) -> Playing<'_> {
        Playing {
            stretch: self,
            state: None,
            first_block,
            issued: 0,
            measured_us: 0.0,
        }
    }
}

/// What goes on from stretch to stretch.
#[derive(Debug, Clone)]
pub(super) struct Carried {
    pub region: Region,
    pub in_flight: InFlight,
    pub random: ChaCha8Rng,
}

/// What commands are drawn from.
#[derive(Debug, Clone)]
struct State {
    arrivals: Arrivals,
    sizes: [Option<Sizes>; 2],
    placement: Placement,
}

/// A stretch on its way.
pub(super) struct Playing<'a> {
    stretch: &'a Stretch,
    /// What is drawn from, copied when the stretch begins, so that a log can be written as often as needed.
    state: Option<Box<State>>,
    first_block: i64,
    issued: u64,
    measured_us: f64,
}

impl Playing<'_> {
    /// The next command; `None` at the end of the stretch.
    pub(super) fn next(&mut self, carried: &mut Carried) -> Option<Command> {
        if self.issued >= self.stretch.commands {
            return None;
        }
        self.issued += 1;
        let stretch = self.stretch;
        let State {
            arrivals,
            sizes,
            placement,
        } = self
            .state
            .get_or_insert_with(|| Box::new(stretch.state.clone()))
            .as_mut();
        let Carried {
            region,
            in_flight,
            random,
        } = carried;
        self.measured_us += arrivals.next_gap_us(self.measured_us, in_flight, random);
        let chosen = placement.next(sizes, region, random);
        let direction = if chosen.direction == 0 {
            Direction::Read
        } else {
            Direction::Write
        };
        let latency_us = arrivals.issued(direction, self.measured_us, in_flight, random);
        if self.issued == stretch.commands {
            in_flight.move_back(self.measured_us);
            self.state = None;
        }
        let at_us = stretch.timing.start_us + self.measured_us / stretch.timing.compression;
        Some(Command {
            issued_ns: nanoseconds(at_us.floor()),
            direction,
            offset: (self.first_block + chosen.first_block).unsigned_abs() * BLOCK_BYTES,
            bytes: u32::try_from(chosen.bytes).unwrap_or(u32::MAX),
            latency_ns: latency_us.map(nanoseconds),
        })
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "times of a log are not negative and far below 2^63"
)]
fn nanoseconds(microseconds: f64) -> u64 {
    (microseconds * 1000.0) as u64
}
