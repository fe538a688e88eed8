//! Each stream has one habit in the extreme; together they are what a replay must survive.

use rand::Rng as _;
use vscsi_helper::stream::{Command, Direction};

use super::Stream;
use super::writer::Writer;

/// All of them, each of about `length` commands.
pub(crate) fn all(length: usize) -> Vec<Stream> {
    let stream = |name, commands| Stream { name, commands };
    vec![
        stream("oltp", oltp(length)),
        stream("sequential runs", sequential_runs(length)),
        stream("interleaved streams", interleaved_streams(length)),
        stream("bursts", bursts(length)),
        stream("rare large", rare_large(length)),
        stream("unaligned", unaligned(length)),
        stream("log writer", log_writer(length)),
    ]
}

/// Random 8 KiB reads in tables with hot spots, writes of pages and a log that grows.
fn oltp(length: usize) -> Vec<Command> {
    let mut out = Writer::new(11);
    let mut log = 300_000_000_u64;
    let mut last_read = 0;
    while out.commands.len() < length {
        out.pause(900.0);
        match out.one_of(&[(55.0, 0), (10.0, 1), (20.0, 2), (15.0, 3)]) {
            0 => {
                let table = out.one_of(&[(6.0, 10_000_000_u64), (3.0, 40_000_000), (1.0, 150_000_000)]);
                let block = table + out.random.random_range(0..200_000_u64) * 16;
                last_read = out.issue(Direction::Read, block, 16);
            }
            1 => last_read = out.issue(Direction::Read, last_read, 128),
            2 => {
                let block = 10_000_000 + out.random.random_range(0..200_000_u64) * 16;
                out.issue(Direction::Write, block, 16);
            }
            _ => {
                let blocks = out.one_of(&[(5.0, 1), (3.0, 8), (2.0, 56)]);
                log = out.issue(Direction::Write, log, blocks);
            }
        }
    }
    out.commands
}

/// Long runs of large reads from one place, now and then another place.
fn sequential_runs(length: usize) -> Vec<Command> {
    let mut out = Writer::new(12);
    let mut place = 0;
    while out.commands.len() < length {
        if out.random.random_range(0..200) == 0 {
            place = out.random.random_range(0..1_000_000_u64) * 2048;
        }
        out.pause(2000.0);
        place = out.issue(Direction::Read, place, 512);
        if out.random.random_range(0..50) == 0 {
            let block = out.random.random_range(0..5000_u64) * 8;
            out.issue(Direction::Write, block, 8);
        }
    }
    out.commands
}

/// Nine readers and three writers, each sequential in its own file.
fn interleaved_streams(length: usize) -> Vec<Command> {
    let mut out = Writer::new(13);
    let mut places: Vec<u64> = (0..12).map(|k| k * 80_000_000).collect();
    while out.commands.len() < length {
        out.pause(500.0);
        let stream = out.random.random_range(0..12_usize);
        let direction = if stream < 9 { Direction::Read } else { Direction::Write };
        let blocks = if stream % 2 == 0 { 128 } else { 64 };
        if out.random.random_range(0..40) == 0 {
            places[stream] = out.random.random_range(0..80_000_000_u64) + stream as u64 * 80_000_000;
        }
        places[stream] = out.issue(direction, places[stream], blocks);
    }
    out.commands
}

/// Twenty to sixty commands within a millisecond or two, then nothing for most of a second.
fn bursts(length: usize) -> Vec<Command> {
    let mut out = Writer::new(14);
    while out.commands.len() < length {
        out.pause(400_000.0);
        let start = out.random.random_range(0..40_000_000_u64) * 8;
        for k in 0..out.random.random_range(20..60_u64) {
            let jump = out.random.random_range(1..200_u64) * 8;
            let direction = if out.random.random_bool(0.8) {
                Direction::Write
            } else {
                Direction::Read
            };
            out.issue(direction, start + k * 2000 + jump, 8);
            out.pause(40.0);
        }
    }
    out.commands
}

/// 4 KiB almost always; one command in three hundred is a megabyte.
fn rare_large(length: usize) -> Vec<Command> {
    let mut out = Writer::new(15);
    while out.commands.len() < length {
        out.pause(1500.0);
        let block = out.random.random_range(0..30_000_000_u64) * 8;
        let blocks = out.one_of(&[(296.0, 8), (3.0, 24), (1.0, 2048)]);
        let direction = if out.random.random_bool(0.5) {
            Direction::Read
        } else {
            Direction::Write
        };
        out.issue(direction, block, blocks);
    }
    out.commands
}

/// Sizes and places of a file system with 512-byte sectors and no alignment.
fn unaligned(length: usize) -> Vec<Command> {
    let mut out = Writer::new(16);
    let mut last = 63;
    while out.commands.len() < length {
        out.pause(1200.0);
        let blocks = out.random.random_range(1..70_u32);
        let block = match out.one_of(&[(30.0, 0), (30.0, 1), (20.0, 2), (20.0, 3)]) {
            0 => last,
            1 => last + out.random.random_range(1..90_u64),
            2 => last.saturating_sub(out.random.random_range(1..3000_u64)),
            _ => out.random.random_range(0..100_000_000_u64),
        };
        let direction = if out.random.random_bool(0.6) {
            Direction::Read
        } else {
            Direction::Write
        };
        last = out.issue(direction, block, blocks);
    }
    out.commands
}

/// Small sequential writes that often write their last block again, and a rare read.
fn log_writer(length: usize) -> Vec<Command> {
    let mut out = Writer::new(17);
    let mut place = 5_000_000_u64;
    while out.commands.len() < length {
        out.pause(700.0);
        let blocks = out.one_of(&[(60.0, 8), (25.0, 16), (10.0, 3), (5.0, 120)]);
        if out.random.random_range(0..4) == 0 {
            place -= 8;
        }
        place = out.issue(Direction::Write, place, blocks);
        if out.random.random_range(0..60) == 0 {
            let block = out.random.random_range(0..60_000_000_u64);
            out.issue(Direction::Read, block, 64);
        }
    }
    out.commands
}
