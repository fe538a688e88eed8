//! Streams of file systems and of what tests them.

use rand::Rng as _;
use vscsi_helper::stream::{Command, Direction};

use super::writer::{Source, Writer, interleave, nanoseconds};

/// Any size from a block to 3 MiB, alike in the logarithm, at any block; half of the commands go on where the last of
/// their direction ended, with its size.
pub(super) fn odd_sizes(seconds: f64) -> Vec<Command> {
    let mut last = [(0_u64, 1_u32), (300_000_000, 1)];
    let source = Source::from(0.0, move |out| {
        let index = usize::from(out.chance(0.4));
        let (mut place, mut blocks) = last[index];
        if out.chance(0.5) {
            place = out.random.random_range(0..600_000_000_u64);
            blocks = ONE_TO_6144.sample(out);
        }
        let direction = Direction::ALL[index];
        out.send(direction, place, blocks);
        last[index] = (place + u64::from(blocks), blocks);
        out.now_ns + out.exponential_ns(33_000.0)
    });
    interleave(Writer::new(41), seconds, vec![source])
}

/// A length whose logarithm is uniform up to this power of two, in blocks.
struct LogUniform {
    power: f64,
}

/// Up to 3 MiB.
const ONE_TO_6144: LogUniform = LogUniform { power: 12.585 };

impl LogUniform {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a power of two up to a few thousand"
    )]
    fn sample(&self, out: &mut Writer) -> u32 {
        let power = out.random.random_range(0.0..self.power);
        power.exp2().floor() as u32
    }
}

/// Each place is written three times in a row; the next is mostly the one behind it. What rewrites a header or a tail
/// until it is full does that.
pub(super) fn rewrites(seconds: f64) -> Vec<Command> {
    const TIMES: u32 = 3;
    let (mut place, mut blocks, mut written) = (0_u64, 8_u32, TIMES);
    let source = Source::from(0.0, move |out| {
        if written == TIMES {
            place = if out.chance(0.3) {
                out.random.random_range(0..2_000_000_u64) * 8
            } else {
                place + u64::from(blocks)
            };
            blocks = out.one_of(&[(3.0, 8), (1.0, 16)]);
            written = 0;
        }
        written += 1;
        out.send(Direction::Write, place, blocks);
        out.now_ns + out.exponential_ns(8_000.0)
    });
    interleave(Writer::new(42), seconds, vec![source])
}

/// What a search engine's index asks for: short runs at places some of which are asked for often, and no write.
pub(super) fn reads_only(seconds: f64) -> Vec<Command> {
    let (mut block, mut left) = (0_u64, 0);
    let source = Source::from(0.0, move |out| {
        if left == 0 {
            left = out.one_of(&[(6.0, 1), (2.0, 2), (1.0, 4)]);
            let often = u64::from(LogUniform { power: 24.0 }.sample(out)) + out.random.random_range(0..64_u64);
            let anywhere = out.random.random_range(0..12_000_000_u64);
            block = if out.chance(0.5) { often } else { anywhere } * 32;
        }
        left -= 1;
        let blocks = out.one_of(&[(1.0, 16), (5.0, 32), (2.0, 48), (2.0, 64)]);
        let completed_ns = out.send(Direction::Read, block, blocks);
        block += u64::from(blocks);
        if left > 0 {
            completed_ns
        } else {
            completed_ns + out.exponential_ns(13_000.0)
        }
    });
    interleave(Writer::new(43), seconds, vec![source])
}

/// How a pass goes through the file.
#[derive(Clone, Copy, PartialEq)]
enum Order {
    Forward,
    Backward,
    Strided,
    Random,
}

/// A benchmark of a file system: passes over one file, each of a seventh of half the time, with 64 KiB, then all of them
/// again with 256 KiB: written, written again, read, read again, read backward, read in strides, and both at random.
pub(super) fn passes(seconds: f64) -> Vec<Command> {
    use Direction::{Read, Write};
    const PASSES: [(Direction, Order); 7] = [
        (Write, Order::Forward),
        (Write, Order::Forward),
        (Read, Order::Forward),
        (Read, Order::Forward),
        (Read, Order::Backward),
        (Read, Order::Strided),
        (Write, Order::Random),
    ];
    /// Blocks of the file, 1 GiB.
    const FILE: u64 = 2_097_152;
    let each_seconds = seconds / 14.0;
    let passes = (0..14_u32).map(|index| {
        let (direction, order) = PASSES[index as usize % PASSES.len()];
        let blocks = if index < 7 { 128_u32 } else { 512 };
        let records = FILE / u64::from(blocks);
        let mut record = 0_u64;
        let begin = f64::from(index) * each_seconds;
        let end_ns = nanoseconds(begin + each_seconds);
        Source::from(begin, move |out| {
            let place = match order {
                Order::Forward => record % records,
                Order::Backward => records - 1 - record % records,
                Order::Strided => record * 17 % records,
                Order::Random => out.random.random_range(0..records),
            };
            record += 1;
            let direction = if order == Order::Random && out.chance(0.5) {
                Read
            } else {
                direction
            };
            let completed_ns = out.send(direction, place * u64::from(blocks), blocks);
            let next_ns = completed_ns + out.exponential_ns(7_000.0);
            if next_ns < end_ns { next_ns } else { u64::MAX }
        })
    });
    interleave(Writer::new(44), seconds, passes.collect())
}
