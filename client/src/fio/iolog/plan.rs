//! A log that can be written, as often as needed and always the same.
//!
//! Each disk has a stream of its own, in a region of its own, made of stretches that follow one another in time: one for
//! each sample, or one for the average of all. A log holds the streams of its disks in the order of time.

use std::io::{self, Write};

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use vscsi_shared::histogram::{Interval, IntervalSet, Metric, Operation};

use super::alignment::{ALIGNED_BYTES, Alignment};
use super::arrivals::InFlight;
use super::format::{Turns, write_log};
use super::place::Recent;
use super::placement::Region;
use super::sequential::{SequentialBytes, SequentialSizes};
use super::stretch::{Carried, Playing, Stretch, Timing};
use super::touched::Touched;
use crate::analysis::DiskKey;
use crate::fidelity::part_name;
use crate::fio::FioError;
use crate::stream::{BLOCK_BYTES, Command, Direction};

/// Longest log that is written.
const MOST_COMMANDS: u64 = 50_000_000;
/// A line of a log, about.
const LINE_BYTES: u64 = 54;
/// A process of fio issues no more than about 40 000 commands a second. With more than this, several share the log.
const MOST_PER_PROCESS: f64 = 30_000.0;
const MOST_PROCESSES: f64 = 64.0;
/// Turns that each has at least, and the longest one.
const LEAST_TURNS: f64 = 4.0;
const LONGEST_TURN_SECONDS: f64 = 1.0;
/// Commands that an optimised client samples, reads back and writes in a second, about.
const COMMANDS_PER_SECOND: u64 = 20_000;

/// What one disk is to do, and when.
#[derive(Debug, Clone)]
pub(crate) struct DiskDemand<'a> {
    /// The disk; `None` for all disks of a capture that does not tell them apart.
    pub disk: Option<&'a DiskKey>,
    /// Its histograms over all time.
    pub whole: &'a IntervalSet,
    /// Its samples, from which is learned what the sums do not tell; empty where they are not known.
    pub samples: Vec<&'a IntervalSet>,
    /// What is replayed, in order of time.
    pub stretches: Vec<StretchDemand<'a>>,
    /// Length of its region, bytes.
    pub span_bytes: u64,
}

/// What one disk is to do in one stretch of the log; times are seconds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct StretchDemand<'a> {
    /// The histograms it follows.
    pub histograms: &'a IntervalSet,
    /// Time in which they were counted.
    pub measured_seconds: f64,
    /// Where it begins in the log.
    pub start: f64,
    /// How long it takes.
    pub length: f64,
    /// Gaps of the log are shorter than measured ones by this factor.
    pub compression: f64,
    /// The longest gap that can have been measured.
    pub longest_gap: f64,
}

impl StretchDemand<'_> {
    /// How many commands it has in the log.
    fn commands(&self) -> u64 {
        let measured = reads_and_writes(self.histograms) as f64;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a number of commands"
        )]
        let commands = (measured * self.length * self.compression / self.measured_seconds).round() as u64;
        // The log is at least one command long wherever one was measured.
        commands.max(u64::from(measured > 0.0))
    }
}

/// How large a log is and how long it takes to make.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LogEstimate {
    /// Commands in it.
    pub commands: u64,
    /// Its size, about.
    pub bytes: u64,
    /// How long it takes to make, seconds, about.
    pub seconds: u64,
}

impl LogEstimate {
    /// Of a log with the stretches of these disks.
    pub(crate) fn of(disks: &[DiskDemand]) -> Self {
        let stretches = disks.iter().flat_map(|disk| &disk.stretches);
        let commands = stretches.map(StretchDemand::commands).fold(0, u64::saturating_add);
        Self {
            commands,
            bytes: commands.saturating_mul(LINE_BYTES),
            seconds: commands / COMMANDS_PER_SECOND,
        }
    }

    /// Of both logs.
    pub(crate) fn plus(self, other: Self) -> Self {
        Self {
            commands: self.commands.saturating_add(other.commands),
            bytes: self.bytes.saturating_add(other.bytes),
            seconds: self.seconds.saturating_add(other.seconds),
        }
    }
}

/// Everything a log is sampled from.
#[derive(Debug, Clone)]
pub struct IologPlan {
    disks: Vec<DiskPlan>,
    commands: u64,
    seconds: f64,
    seed: u64,
    /// How processes share the log, and which of them it is for.
    turns: Turns,
    turn: u64,
}

/// The stream of one disk.
#[derive(Debug, Clone)]
struct DiskPlan {
    disk: Option<DiskKey>,
    first_block: i64,
    blocks: i64,
    alignment: Alignment,
    step_bytes: u64,
    sequential: [Option<SequentialBytes>; 2],
    stretches: Vec<Stretch>,
}

/// What a plan has decided about a disk.
#[derive(Debug, Clone, Copy)]
pub struct DiskFacts<'a> {
    /// The disk.
    pub disk: Option<&'a DiskKey>,
    /// Where its region begins, bytes.
    pub first_byte: u64,
    /// Whether its commands lie on 4 KiB.
    pub alignment: Alignment,
    /// Places and sizes are multiples of this, bytes.
    pub step_bytes: u64,
    /// Share of the bytes of reads and of writes that is sequential.
    pub sequential: [Option<SequentialBytes>; 2],
}

impl IologPlan {
    /// Plans a log of the disks, each in a region behind the one before it.
    ///
    /// # Errors
    /// [`FioError::NoCommands`] when there is nothing to replay, [`FioError::MissingHistogram`] when the capture lacks
    /// what a log is sampled from, [`FioError::LogTooLong`].
    pub(crate) fn new(disks: &[DiskDemand], sector_bytes: Option<u64>, seed: u64) -> Result<Self, FioError> {
        let estimate = LogEstimate::of(disks);
        if estimate.commands == 0 {
            return Err(FioError::NoCommands);
        }
        if estimate.commands > MOST_COMMANDS {
            return Err(FioError::LogTooLong {
                commands: estimate.commands,
                bytes: estimate.bytes,
                seconds: estimate.seconds,
            });
        }
        let mut first_block = 0;
        let mut plans = Vec::new();
        let mut seconds = 0.0_f64;
        for disk in disks {
            let plan = DiskPlan::new(disk, first_block, sector_bytes)?;
            first_block += plan.blocks;
            plans.push(plan);
            let ends = disk.stretches.iter().map(|stretch| stretch.start + stretch.length);
            seconds = ends.fold(seconds, f64::max);
        }
        Ok(Self {
            disks: plans,
            commands: estimate.commands,
            seconds,
            seed,
            turns: turns(disks, seconds),
            turn: 0,
        })
    }

    /// How processes share the log.
    pub(crate) fn turns(&self) -> Turns {
        self.turns
    }

    /// The parts of the log for the processes that share it.
    pub(crate) fn parts(&self) -> impl Iterator<Item = Self> + '_ {
        (0..self.turns.processes).map(|turn| Self { turn, ..self.clone() })
    }

    /// The whole log, whatever processes share it.
    pub(crate) fn together(&self) -> Self {
        Self {
            turn: 0,
            turns: Turns::default(),
            ..self.clone()
        }
    }

    /// How many commands the log holds; about, where several processes share it.
    pub fn commands(&self) -> u64 {
        self.commands.div_ceil(self.turns.processes)
    }

    /// How long it takes, seconds.
    pub fn seconds(&self) -> f64 {
        self.seconds
    }

    /// What was decided about each disk, in the order of their regions.
    pub fn disks(&self) -> impl Iterator<Item = DiskFacts<'_>> {
        self.disks.iter().map(|disk| DiskFacts {
            disk: disk.disk.as_ref(),
            first_byte: disk.first_block.unsigned_abs() * BLOCK_BYTES,
            alignment: disk.alignment,
            step_bytes: disk.step_bytes,
            sequential: disk.sequential,
        })
    }

    /// Writes the log. Memory grows with the region that is used, and not with the length of the log.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write(&self, out: &mut impl Write) -> io::Result<()> {
        write_log(self.stream().map(Ok), out)
    }

    /// The commands of the log, one after another, with latencies like those measured where these are known.
    pub fn stream(&self) -> impl Iterator<Item = Command> + '_ {
        let disks = self.disks.iter().zip(self.seed..);
        let mut streams: Vec<_> = disks.map(|(disk, seed)| disk.stream(seed).peekable()).collect();
        let all = std::iter::from_fn(move || {
            let next = streams.iter_mut().filter_map(|stream| {
                let issued_ns = stream.peek()?.issued_ns;
                Some((issued_ns, stream))
            });
            next.min_by_key(|(issued_ns, _)| *issued_ns)?.1.next()
        });
        all.filter(|command| self.turns.at(command.issued_ns) == self.turn)
    }
}

/// As many processes as the busiest stretches of the disks need together, each with some turns in the log.
fn turns(disks: &[DiskDemand], seconds: f64) -> Turns {
    let rate = |stretch: &StretchDemand| stretch.commands() as f64 / stretch.length;
    let busiest = |disk: &DiskDemand| disk.stretches.iter().map(rate).fold(0.0, f64::max);
    let rate: f64 = disks.iter().map(busiest).sum();
    let processes = (rate / MOST_PER_PROCESS).ceil().clamp(1.0, MOST_PROCESSES);
    let length = (seconds / (processes * LEAST_TURNS)).clamp(1e-6, LONGEST_TURN_SECONDS);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a small number of processes, and a second at most"
    )]
    let turns = Turns {
        processes: processes as u64,
        length_ns: if processes > 1.0 {
            (length * 1e9) as u64
        } else {
            u64::MAX
        },
    };
    turns
}

impl DiskPlan {
    fn new(demand: &DiskDemand, first_block: i64, sector_bytes: Option<u64>) -> Result<Self, FioError> {
        let whole = demand.whole;
        for metric in [Metric::Interarrival, Metric::SeekDistance] {
            if whole.of(metric, Operation::All).is_none() {
                return Err(FioError::MissingHistogram {
                    part: part_name(metric, Operation::All),
                });
            }
        }
        let alignment = Alignment::of(whole);
        let step_bytes = sector_bytes.unwrap_or(match alignment {
            Alignment::Aligned | Alignment::Unknown => ALIGNED_BYTES,
            Alignment::Unaligned => BLOCK_BYTES,
        });
        let samples = || demand.samples.iter().copied();
        let sequential = Direction::ALL.map(|direction| SequentialSizes::of(samples(), whole, direction));
        let stretches = demand.stretches.iter().filter(|stretch| stretch.commands() > 0);
        let planned: Option<Vec<Stretch>> = stretches
            .map(|stretch| {
                let timing = Timing {
                    start_us: stretch.start * 1e6,
                    length_us: stretch.length * 1e6,
                    compression: stretch.compression,
                    longest_us: stretch.longest_gap * 1e6,
                };
                let commands = stretch.commands();
                Stretch::new(stretch.histograms, whole, commands, timing, &sequential, step_bytes)
            })
            .collect();
        let [read, write] = &sequential;
        let bytes = |direction: Direction, shares: &Option<SequentialSizes>| {
            let sizes = whole.of(Metric::IoLength, direction.operation())?;
            Some(SequentialBytes::of(sizes, shares.as_ref()?))
        };
        Ok(Self {
            disk: demand.disk.cloned(),
            first_block,
            blocks: i64::try_from(demand.span_bytes / BLOCK_BYTES).unwrap_or(i64::MAX / 64),
            alignment,
            step_bytes,
            sequential: [bytes(Direction::Read, read), bytes(Direction::Write, write)],
            stretches: planned.ok_or(FioError::NoCommands)?,
        })
    }

    fn stream(&self, seed: u64) -> impl Iterator<Item = Command> + '_ {
        let step_blocks = i64::try_from(self.step_bytes / BLOCK_BYTES).unwrap_or(1);
        let aligned_blocks = i64::try_from(ALIGNED_BYTES / BLOCK_BYTES).unwrap_or(1);
        let mut carried = Carried {
            region: Region {
                blocks: self.blocks,
                aligned_blocks: aligned_blocks.max(step_blocks),
                is_aligned: step_blocks >= aligned_blocks,
                recent: Recent::default(),
                touched: Touched::default(),
            },
            in_flight: InFlight::default(),
            random: ChaCha8Rng::seed_from_u64(seed),
        };
        let mut waiting = self.stretches.iter();
        let mut playing: Option<Playing> = None;
        std::iter::from_fn(move || {
            loop {
                if let Some(command) = playing.as_mut().and_then(|playing| playing.next(&mut carried)) {
                    return Some(command);
                }
                playing = Some(waiting.next()?.play(self.first_block));
            }
        })
    }
}

/// Commands that a log can hold: those with a direction and a size.
pub(crate) fn reads_and_writes(histograms: &IntervalSet) -> u64 {
    Direction::ALL
        .into_iter()
        .filter_map(|direction| histograms.of(Metric::IoLength, direction.operation()))
        .map(Interval::total)
        .fold(0, u64::saturating_add)
}
