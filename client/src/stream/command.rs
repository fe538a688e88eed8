//! One read or write.

use serde::{Deserialize, Serialize};
use vscsi_shared::histogram::Operation;
use vscsi_shared::vscsistats::TracedCommand;

/// Bytes of the block in which vscsiStats counts distances.
pub const BLOCK_BYTES: u64 = 512;

/// Reading or writing: the two directions fio jobs are made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// From the disk.
    Read,
    /// To the disk.
    Write,
}

impl Direction {
    /// Both, reads first.
    pub const ALL: [Self; 2] = [Self::Read, Self::Write];

    /// The histograms that count this direction alone.
    pub fn operation(self) -> Operation {
        match self {
            Self::Read => Operation::Read,
            Self::Write => Operation::Write,
        }
    }

    /// The word fio uses.
    pub fn word(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
        }
    }
}

/// A command of a trace whose first one was issued at `first_us`.
pub fn command_of(traced: &TracedCommand, first_us: u64) -> Command {
    Command {
        issued_ns: traced.issued_us.saturating_sub(first_us).saturating_mul(1000),
        direction: if traced.is_write {
            Direction::Write
        } else {
            Direction::Read
        },
        offset: traced.first_block.saturating_mul(BLOCK_BYTES),
        bytes: traced.bytes,
        latency_ns: None,
    }
}

/// One command as a disk sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Command {
    /// When it was issued, nanoseconds since the start of the stream.
    pub issued_ns: u64,
    /// Read or write.
    pub direction: Direction,
    /// First byte on the disk.
    pub offset: u64,
    /// Length, bytes.
    pub bytes: u32,
    /// Time from issue to completion, nanoseconds, where it is known.
    pub latency_ns: Option<u64>,
}

impl Command {
    /// First block.
    pub fn first_block(&self) -> i64 {
        i64::try_from(self.offset / BLOCK_BYTES).unwrap_or(i64::MAX)
    }

    /// Last block, which for a command shorter than a block is the first one.
    pub fn last_block(&self) -> i64 {
        let blocks = u64::from(self.bytes).div_ceil(BLOCK_BYTES).max(1);
        self.first_block().saturating_add_unsigned(blocks - 1)
    }
}
