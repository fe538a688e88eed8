//! What writes a stream: a clock, seeded random numbers, and storage with a queue.

use std::collections::BinaryHeap;
use std::time::Duration;

use rand::{Rng as _, SeedableRng};
use rand_chacha::ChaCha8Rng;
use vscsi_helper::stream::{Command, Direction};

const NS_PER_SECOND: f64 = 1e9;

/// Writes the commands of one disk in order of issue.
pub(super) struct Writer {
    pub(super) random: ChaCha8Rng,
    pub(super) now_ns: u64,
    pub(super) commands: Vec<Command>,
    storage: Storage,
}

/// Servers of equal speed with one queue: a command waits for the first that is free and holds it for its service time.
struct Storage {
    /// When each is free again, nanoseconds, the earliest on top.
    free_ns: BinaryHeap<std::cmp::Reverse<u64>>,
}

/// Commands that are served at once.
const SERVERS: usize = 8;
/// Mean of the exponential part of a service time, and its fixed part, microseconds.
const SERVICE_US: (f64, f64) = (150.0, 100.0);
/// Time from one command to the next that a guest sends together with it, nanoseconds.
const SUBMIT_NS: std::ops::Range<u64> = 3_000..15_000;
/// Bytes that a server moves in a microsecond.
const BYTES_PER_US: f64 = 250.0;

impl Writer {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            random: ChaCha8Rng::seed_from_u64(seed),
            now_ns: 0,
            commands: Vec::new(),
            storage: Storage {
                free_ns: std::iter::repeat_n(std::cmp::Reverse(0), SERVERS).collect(),
            },
        }
    }

    /// Exponential time with this mean, nanoseconds.
    pub(super) fn exponential_ns(&mut self, mean_us: f64) -> u64 {
        let draw: f64 = self.random.random_range(1e-12..1.0);
        u64::try_from(Duration::from_secs_f64(-draw.ln() * mean_us / 1e6).as_nanos()).unwrap_or(0)
    }

    /// Exponential pause with this mean.
    pub(super) fn pause(&mut self, mean_us: f64) {
        self.now_ns += self.exponential_ns(mean_us);
    }

    /// Issues a command whose latency depends on nothing, and gives the block behind its last.
    pub(super) fn issue(&mut self, direction: Direction, block: u64, blocks: u32) -> u64 {
        let latency_ns = self.random.random_range(80_000..900_000);
        self.push(direction, block, blocks, latency_ns);
        block + u64::from(blocks)
    }

    /// Sends a command through the storage's queue, and gives the moment of its completion, nanoseconds.
    pub(super) fn send(&mut self, direction: Direction, block: u64, blocks: u32) -> u64 {
        let (mean_us, fixed_us) = SERVICE_US;
        let moved_us = f64::from(blocks) * 512.0 / BYTES_PER_US;
        let service = Duration::from_secs_f64((fixed_us + moved_us) / 1e6);
        let service_ns = u64::try_from(service.as_nanos()).unwrap_or(0) + self.exponential_ns(mean_us);
        let free_ns = self.storage.free_ns.pop().map_or(0, |free| free.0);
        let completed_ns = free_ns.max(self.now_ns) + service_ns;
        self.storage.free_ns.push(std::cmp::Reverse(completed_ns));
        self.push(direction, block, blocks, completed_ns - self.now_ns);
        self.now_ns += self.random.random_range(SUBMIT_NS);
        completed_ns
    }

    fn push(&mut self, direction: Direction, block: u64, blocks: u32, latency_ns: u64) {
        self.commands.push(Command {
            issued_ns: self.now_ns,
            direction,
            offset: block * 512,
            bytes: blocks * 512,
            latency_ns: Some(latency_ns),
        });
    }

    pub(super) fn one_of<T: Copy>(&mut self, choices: &[(f64, T)]) -> T {
        let mut draw = self
            .random
            .random_range(0.0..choices.iter().map(|choice| choice.0).sum());
        for (weight, choice) in choices {
            draw -= weight;
            if draw < 0.0 {
                return *choice;
            }
        }
        choices[choices.len() - 1].1
    }

    /// Whether something of this probability happens.
    pub(super) fn chance(&mut self, probability: f64) -> bool {
        self.random.random_bool(probability)
    }
}

/// A part of the guest that issues commands: called when it is its turn, it sends any number of commands, each some
/// microseconds after the other, and gives the moment of its next turn, nanoseconds.
pub(super) struct Source<'a> {
    next_ns: u64,
    turn: Box<dyn FnMut(&mut Writer) -> u64 + 'a>,
}

impl<'a> Source<'a> {
    /// One whose first turn is `seconds` after the start.
    pub(super) fn from(seconds: f64, turn: impl FnMut(&mut Writer) -> u64 + 'a) -> Self {
        Self {
            next_ns: nanoseconds(seconds),
            turn: Box::new(turn),
        }
    }
}

/// Lets the sources take turns until `seconds` have passed, and gives the commands they sent.
pub(super) fn interleave(mut writer: Writer, seconds: f64, mut sources: Vec<Source>) -> Vec<Command> {
    let end_ns = nanoseconds(seconds);
    while let Some(source) = sources.iter_mut().min_by_key(|source| source.next_ns) {
        if source.next_ns >= end_ns {
            break;
        }
        writer.now_ns = source.next_ns.max(writer.now_ns);
        source.next_ns = (source.turn)(&mut writer).max(writer.now_ns);
    }
    writer.commands
}

/// Seconds as whole nanoseconds; a stream's times are small and not negative.
pub(super) fn nanoseconds(seconds: f64) -> u64 {
    Duration::from_secs_f64(seconds)
        .as_nanos()
        .try_into()
        .unwrap_or(u64::MAX)
}

/// Nanoseconds as seconds.
pub(super) fn seconds(nanoseconds: u64) -> f64 {
    nanoseconds as f64 / NS_PER_SECOND
}
