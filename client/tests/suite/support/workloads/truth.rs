//! What a stream of commands is, beyond what vscsiStats records of it: measured from the commands themselves, by code
//! that shares nothing with the product's.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

use vscsi_helper::stream::{Command, Direction};

/// Bytes of the block in which places are told apart.
const BLOCK: u64 = 4096;
const BLOCKS_OF_A_MASK: u64 = 64;

/// Figures of one disk's commands. A share of nothing is 0.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Truth {
    /// Share of the bytes in commands that begin right behind the command before of the same direction.
    pub(crate) sequential_bytes: f64,
    /// Variance of the counts of whole seconds over their mean; `None` when there are fewer than two, or no command.
    pub(crate) dispersion: Option<f64>,
    /// Share of the bytes that lie in a 4 KiB block which an earlier command touched.
    pub(crate) reused_bytes: f64,
    /// Size of all 4 KiB blocks touched, bytes.
    pub(crate) unique_bytes: u64,
    /// Share of the commands whose place and size are multiples of 4 KiB.
    pub(crate) aligned: f64,
    /// Mean number in flight when a command is issued, itself included; a command without a latency is alone in it.
    pub(crate) in_flight: f64,
}

impl Truth {
    /// Measures commands in order of issue, which came in the first `seconds`.
    pub(crate) fn of(commands: &[Command], seconds: f64) -> Self {
        let (reused_bytes, unique_bytes) = reuse(commands);
        let is_aligned = |command: &Command| (command.offset | u64::from(command.bytes)).is_multiple_of(BLOCK);
        let aligned = commands.iter().filter(|command| is_aligned(command)).count();
        Self {
            sequential_bytes: sequential_bytes(commands),
            dispersion: dispersion(commands, seconds),
            reused_bytes,
            unique_bytes,
            aligned: share(aligned as f64, commands.len() as f64),
            in_flight: share(in_flight(commands), commands.len() as f64),
        }
    }
}

fn share(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { part / whole } else { 0.0 }
}

fn bytes_of(commands: &[Command]) -> f64 {
    commands.iter().map(|command| f64::from(command.bytes)).sum()
}

fn sequential_bytes(commands: &[Command]) -> f64 {
    let mut expected: HashMap<Direction, u64> = HashMap::new();
    let mut sequential = 0.0;
    for command in commands {
        let behind = command.offset + u64::from(command.bytes);
        if expected.insert(command.direction, behind) == Some(command.offset) {
            sequential += f64::from(command.bytes);
        }
    }
    share(sequential, bytes_of(commands))
}

fn dispersion(commands: &[Command], seconds: f64) -> Option<f64> {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "whole seconds of a short stream"
    )]
    let mut counts = vec![0.0_f64; seconds.floor() as usize];
    for command in commands {
        let second = usize::try_from(command.issued_ns / 1_000_000_000).unwrap_or(usize::MAX);
        if let Some(count) = counts.get_mut(second) {
            *count += 1.0;
        }
    }
    let (windows, sum) = (counts.len() as f64, counts.iter().sum::<f64>());
    if windows < 2.0 || sum <= 0.0 {
        return None;
    }
    let mean = sum / windows;
    let squares: f64 = counts.iter().map(|count| (count - mean).powi(2)).sum();
    Some(squares / (windows - 1.0) / mean)
}

/// Share of the bytes in blocks touched before, and the size of all blocks touched.
fn reuse(commands: &[Command]) -> (f64, u64) {
    let mut touched: HashMap<u64, u64> = HashMap::new();
    let (mut reused, mut unique) = (0_u64, 0_u64);
    for command in commands.iter().filter(|command| command.bytes > 0) {
        let end = command.offset + u64::from(command.bytes);
        let (mut block, last) = (command.offset / BLOCK, (end - 1) / BLOCK);
        while block <= last {
            let group = block / BLOCKS_OF_A_MASK;
            let mask = touched.entry(group).or_default();
            while block <= last && block / BLOCKS_OF_A_MASK == group {
                let bit = 1 << (block % BLOCKS_OF_A_MASK);
                if *mask & bit == 0 {
                    *mask |= bit;
                    unique += 1;
                } else {
                    reused += end.min((block + 1) * BLOCK) - command.offset.max(block * BLOCK);
                }
                block += 1;
            }
        }
    }
    (share(reused as f64, bytes_of(commands)), unique * BLOCK)
}

/// The sum over all commands of those in flight.
fn in_flight(commands: &[Command]) -> f64 {
    let mut ends: BinaryHeap<Reverse<u64>> = BinaryHeap::new();
    let mut sum = 0.0;
    for command in commands {
        while ends.peek().is_some_and(|end| end.0 <= command.issued_ns) {
            ends.pop();
        }
        ends.push(Reverse(command.issued_ns + command.latency_ns.unwrap_or(0)));
        sum += ends.len() as f64;
    }
    sum
}
