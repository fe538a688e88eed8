//! A log that can be written, as often as needed and always the same.

use std::io::{self, Write};

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use vscsi_shared::histogram::{HistogramKind, Interval, IntervalSet, Metric, Operation};

use super::arrivals::Arrivals;
use super::format::write_log;
use super::placement::Placement;
use super::sizes::Sizes;
use crate::fidelity::part_name;
use crate::fio::FioError;
use crate::stream::{Command, Direction, Observation};

/// Longest log that is written: five minutes of more IOPS than any virtual disk does.
const MOST_COMMANDS: u64 = 50_000_000;
/// A line of a log, about.
const LINE_BYTES: u64 = 48;
/// Commands that are sampled, written and read back in a second, about.
const COMMANDS_PER_SECOND: u64 = 400_000;

/// Everything a log is sampled from.
#[derive(Debug, Clone)]
pub struct IologPlan {
    arrivals: Arrivals,
    sizes: [Option<Sizes>; 2],
    placement: Placement,
    commands: u64,
    seed: u64,
}

impl IologPlan {
    /// Plans a log of `duration_seconds` that follows `target` inside `span_bytes`.
    ///
    /// # Errors
    /// [`FioError::NoCommands`] when there is nothing to replay, [`FioError::MissingHistogram`] when the capture lacks
    /// what a log is sampled from.
    pub(crate) fn new(
        target: Observation,
        span_bytes: u64,
        duration_seconds: f64,
        seed: u64,
    ) -> Result<Self, FioError> {
        let histograms = target.histograms;
        let commands = Direction::ALL
            .into_iter()
            .filter_map(|direction| histograms.of(Metric::IoLength, direction.operation()))
            .map(Interval::total)
            .fold(0, u64::saturating_add);
        if commands == 0 || target.seconds <= 0.0 {
            return Err(FioError::NoCommands);
        }
        let rate = commands as f64 / target.seconds;
        let missing = |metric| FioError::MissingHistogram {
            part: part_name(metric, Operation::All),
        };
        let interarrival = histograms
            .of(Metric::Interarrival, Operation::All)
            .ok_or_else(|| missing(Metric::Interarrival))?;
        require(histograms)?;
        let sizes = Direction::ALL.map(|direction| {
            let sizes = histograms.of(Metric::IoLength, direction.operation())?;
            Sizes::new(sizes)
        });
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a number of commands"
        )]
        let planned = (rate * duration_seconds).round().max(1.0) as u64;
        if planned > MOST_COMMANDS {
            return Err(FioError::LogTooLong {
                commands: planned,
                bytes: planned.saturating_mul(LINE_BYTES),
                seconds: planned / COMMANDS_PER_SECOND,
            });
        }
        Ok(Self {
            arrivals: Arrivals::new(interarrival, 1e6 / rate).ok_or_else(|| missing(Metric::Interarrival))?,
            sizes,
            placement: Placement::new(histograms, span_bytes).ok_or(FioError::NoCommands)?,
            commands: planned,
            seed,
        })
    }

    /// How many commands the log holds.
    pub fn commands(&self) -> u64 {
        self.commands
    }

    /// Writes the log. Memory does not grow with its length.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write(&self, out: &mut impl Write) -> io::Result<()> {
        write_log(self.stream().map(Ok), out)
    }

    /// The commands of the log, one after another.
    pub fn stream(&self) -> impl Iterator<Item = Command> {
        let mut state = self.clone();
        let mut random = ChaCha8Rng::seed_from_u64(self.seed);
        let mut bytes = state
            .sizes
            .each_mut()
            .map(|sizes| next_size(sizes.as_mut(), &mut random));
        let mut now_us = 0.0_f64;
        (0..self.commands).map(move |index| {
            if index > 0 {
                now_us += state.arrivals.next_gap_us(&mut random);
            }
            let (direction, offset) = state.placement.next(bytes, &mut random);
            let slot = usize::from(direction == Direction::Write);
            let fresh = next_size(state.sizes.get_mut(slot).and_then(Option::as_mut), &mut random);
            let length = bytes
                .get_mut(slot)
                .map_or(fresh, |bytes| std::mem::replace(bytes, fresh));
            Command {
                issued_ns: nanoseconds(now_us),
                direction,
                offset,
                bytes: u32::try_from(length).unwrap_or(u32::MAX),
                latency_ns: None,
            }
        })
    }
}

fn next_size(sizes: Option<&mut Sizes>, random: &mut ChaCha8Rng) -> u64 {
    sizes.map_or(4096, |sizes| sizes.next(random))
}

/// The distances of all commands and those of the directions that have commands must be there.
fn require(histograms: &IntervalSet) -> Result<(), FioError> {
    let kind = HistogramKind::new(Metric::SeekDistance, Operation::All);
    match kind.and_then(|kind| histograms.get(kind)) {
        Some(_) => Ok(()),
        None => Err(FioError::MissingHistogram {
            part: part_name(Metric::SeekDistance, Operation::All),
        }),
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
