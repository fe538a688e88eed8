//! Streams that differ in how fast they come: next to nothing, very fast, and both in turn.

use rand::Rng as _;
use vscsi_helper::stream::{Command, Direction};

use super::writer::{Source, Writer, interleave, seconds as seconds_of};

/// Less than one command in two seconds.
pub(super) fn trickle(seconds: f64) -> Vec<Command> {
    interleave(Writer::new(26), seconds, vec![now_and_then(0.4)])
}

/// A few commands at a time at independent moments, mostly a file system's own writes, `per_second` on average.
pub(super) fn now_and_then<'a>(per_second: f64) -> Source<'a> {
    const MEAN_GROUP: f64 = 3.0;
    let mut journal = 50_000_000_u64;
    Source::from(0.5, move |out| {
        let group = out.random.random_range(1..6_u32);
        for _ in 0..group {
            match out.one_of(&[(4.0, 0), (3.0, 1), (1.0, 2)]) {
                0 => {
                    let blocks = out.one_of(&[(3.0, 8), (1.0, 24)]);
                    out.send(Direction::Write, journal, blocks);
                    journal += u64::from(blocks);
                }
                1 => {
                    let block = out.random.random_range(0..3_000_000_u64) * 8;
                    out.send(Direction::Write, block, 8);
                }
                _ => {
                    let block = out.random.random_range(0..3_000_000_u64) * 8;
                    out.send(Direction::Read, block, 32);
                }
            }
        }
        out.now_ns + out.exponential_ns(1e6 * MEAN_GROUP / per_second)
    })
}

/// Fifty thousand commands a second of 4 KiB, seven reads to three writes, half of them on a tenth of the disk, at
/// latencies that a queue of memory has.
pub(super) fn fast(seconds: f64) -> Vec<Command> {
    let reads = Source::from(0.0, |out| {
        for _ in 0..out.one_of(&[(6.0, 1), (3.0, 2), (1.0, 4)]) {
            let places = if out.chance(0.5) { 2_000_000_u64 } else { 20_000_000 };
            let block = out.random.random_range(0..places) * 8;
            let direction = if out.chance(0.7) {
                Direction::Read
            } else {
                Direction::Write
            };
            out.issue(direction, block, 8);
            out.now_ns += 2_500;
        }
        // 1.6 commands at a time, and one second in six is a fifth slower.
        let load = if seconds_of(out.now_ns) % 6.0 < 1.0 { 0.8 } else { 1.04 };
        out.now_ns + out.exponential_ns(28.0 / load)
    });
    interleave(Writer::new(27), seconds, vec![reads])
}

/// Most samples of a day hold next to nothing. In the busy ones work comes in clusters of hundreds of commands within
/// a second, most of them in order of place, and at night a backup reads for a short while.
pub(super) fn day_and_night(seconds: f64) -> Vec<Command> {
    const BACKUP: std::ops::Range<f64> = 0.10..0.13;
    const WORK: [std::ops::Range<f64>; 2] = [0.40..0.52, 0.62..0.74];
    let at = move |out: &Writer| seconds_of(out.now_ns) / seconds;
    let (mut place, mut direction, mut left) = (0_u64, Direction::Read, 0_u64);
    let work = Source::from(seconds * WORK[0].start, move |out| {
        if left == 0 {
            if !WORK.iter().any(|hours| hours.contains(&at(out))) {
                return out.now_ns + out.exponential_ns(1e6);
            }
            left = out.exponential_ns(0.22) + 20;
            place = out.random.random_range(0..40_000_u64) * 10_000;
            direction = if out.chance(0.75) {
                Direction::Read
            } else {
                Direction::Write
            };
            return out.now_ns + out.exponential_ns(6e6);
        }
        left -= 1;
        if out.chance(0.06) {
            let block = out.random.random_range(0..40_000_000_u64) * 8;
            out.send(Direction::Read, block, 8);
        }
        out.send(direction, place, 128);
        place += 128;
        out.now_ns + out.exponential_ns(1_500.0)
    });
    let mut copied = 500_000_000_u64;
    let backup = Source::from(seconds * BACKUP.start, move |out| {
        if !BACKUP.contains(&at(out)) {
            return u64::MAX;
        }
        let completed_ns = out.send(Direction::Read, copied, 512);
        copied += 512;
        completed_ns + out.exponential_ns(18_000.0)
    });
    interleave(Writer::new(28), seconds, vec![work, backup, now_and_then(0.5)])
}
