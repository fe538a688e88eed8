//! What copies whole disks.

use rand::Rng as _;
use vscsi_helper::stream::{Command, Direction};

use super::database;
use super::writer::{Source, Writer, interleave, nanoseconds};

/// A backup that reads the disk once from its beginning with two commands in flight, a reader that goes backward from
/// the disk's end, and the guest's own small writes. No place is read twice.
pub(super) fn full(seconds: f64) -> Vec<Command> {
    let mut place = 0_u64;
    let copy = Source::from(0.0, move |out| {
        // Now and then a stretch was never written, and is left out.
        if out.chance(0.02) {
            place += out.random.random_range(1..200_u64) * 2048;
        }
        out.send(Direction::Read, place, 512);
        let completed_ns = out.send(Direction::Read, place + 512, 512);
        place += 1024;
        completed_ns + out.exponential_ns(30_000.0)
    });
    let mut end = 800_000_000_u64;
    let backward = Source::from(0.0, move |out| {
        end -= 128;
        let completed_ns = out.send(Direction::Read, end, 128);
        completed_ns + out.exponential_ns(25_000.0)
    });
    let guest = Source::from(0.1, |out| {
        let block = 500_000_000 + out.random.random_range(0..2_000_000_u64) * 8;
        out.send(Direction::Write, block, 8);
        out.now_ns + out.exponential_ns(120_000.0)
    });
    interleave(Writer::new(24), seconds, vec![copy, backward, guest])
}

/// Grains of a snapshot are read in runs and written back to where they belong, both in order of place; every few
/// seconds it rests for the guest, which reads and logs all the time.
pub(super) fn consolidation(seconds: f64) -> Vec<Command> {
    const GRAIN: u64 = 128;
    let (mut from, mut to) = (600_000_000_u64, 0_u64);
    let mut read = 0_u64;
    let copy = Source::from(0.0, move |out| {
        let (direction, place, grains) = if read == 0 {
            read = out.one_of(&[(5.0, 1), (3.0, 4), (2.0, 16)]);
            from += read * GRAIN;
            (Direction::Read, from - read * GRAIN, read)
        } else {
            to += (out.random.random_range(0..64_u64) + read) * GRAIN;
            (Direction::Write, to - read * GRAIN, std::mem::take(&mut read))
        };
        let sent = (0..grains).map(|k| out.send(direction, place + k * GRAIN, 128));
        let completed_ns = sent.max().unwrap_or(0);
        if direction == Direction::Read {
            return completed_ns;
        }
        let rest_ns = if out.chance(0.004) { nanoseconds(5.0) } else { 0 };
        completed_ns + rest_ns + out.exponential_ns(60_000.0)
    });
    let guest = vec![
        copy,
        database::random_reads(15.0, 8, 10_000_000),
        database::log(6.0, 400_000_000),
    ];
    interleave(Writer::new(25), seconds, guest)
}
