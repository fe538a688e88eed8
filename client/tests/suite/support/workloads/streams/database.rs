//! Databases: pages, a log, and what brings the changed pages to the disk.

use rand::Rng as _;
use vscsi_helper::stream::{Command, Direction};

use super::writer::{Source, Writer, interleave, nanoseconds, seconds as seconds_of};

/// Blocks of an ESE page, 32 KiB. [Source: Microsoft, "Extensible Storage Engine", page sizes since Exchange 2010.]
const PAGE: u32 = 64;

/// A mailbox store: random pages of 32 KiB with a hot part, changed pages written in groups and joined where they are
/// neighbours, a log that grows, and a slow check that reads the whole file in order.
pub(super) fn with_log(seconds: f64) -> Vec<Command> {
    let mut checked = 40_000_000_u64;
    let check = Source::from(0.2, move |out| {
        out.send(Direction::Read, checked, 512);
        checked += 512;
        out.now_ns + out.exponential_ns(200_000.0)
    });
    let flush = Source::from(0.4, |out| {
        let mut pages: Vec<u64> = (0..out.random.random_range(8..40)).map(|_| hot_page(out)).collect();
        pages.sort_unstable();
        for page in pages {
            let joined = out.one_of(&[(6.0, 1), (2.0, 2), (1.0, 4)]);
            out.send(Direction::Write, page * u64::from(PAGE), PAGE * joined);
        }
        out.now_ns + out.exponential_ns(1_000_000.0)
    });
    let reads = Source::from(0.0, |out| {
        let page = if out.chance(0.7) {
            hot_page(out)
        } else {
            out.random.random_range(0..3_000_000_u64)
        };
        out.send(Direction::Read, page * u64::from(PAGE), PAGE);
        // The working day goes up and down.
        let load = 1.0 + 0.8 * (seconds_of(out.now_ns) / 200.0).sin();
        out.now_ns + out.exponential_ns(25_000.0 / load)
    });
    interleave(
        Writer::new(22),
        seconds,
        vec![reads, flush, check, log(25.0, 300_000_000)],
    )
}

fn hot_page(out: &mut Writer) -> u64 {
    1_000_000 + out.random.random_range(0..60_000_u64)
}

/// Reads of 8 KiB pages and a log; every 30 s a checkpoint writes what was changed, in order of place, for four seconds.
pub(super) fn checkpoint(seconds: f64) -> Vec<Command> {
    const EVERY_NS: u64 = 30_000_000_000;
    const TAKES_NS: u64 = 4_000_000_000;
    let mut place = 0_u64;
    let write = Source::from(30.0, move |out| {
        let began_ns = out.now_ns / EVERY_NS * EVERY_NS;
        if out.now_ns - began_ns > TAKES_NS {
            place = 0;
            return began_ns + EVERY_NS;
        }
        for _ in 0..out.random.random_range(8..48) {
            let blocks = out.one_of(&[(6.0, 16), (2.0, 32), (1.0, 128)]);
            place += out.one_of(&[(1.0, 0), (2.0, 16), (2.0, 160)]) + out.random.random_range(0..150_u64) * 16;
            out.send(Direction::Write, 1_000_000 + place, blocks);
            place += u64::from(blocks);
        }
        out.now_ns + out.exponential_ns(60_000.0)
    });
    let sources = vec![random_reads(60.0, 16, 1_000_000), log(20.0, 300_000_000), write];
    interleave(Writer::new(23), seconds, sources)
}

/// Independent reads of `blocks`, `per_second` of them, anywhere in the first `places` multiples of their size.
pub(super) fn random_reads<'a>(per_second: f64, blocks: u32, places: u64) -> Source<'a> {
    Source::from(0.0, move |out| {
        let place = out.random.random_range(0..places) * u64::from(blocks);
        out.send(Direction::Read, place, blocks);
        out.now_ns + out.exponential_ns(1e6 / per_second)
    })
}

/// A log that grows from block `start`: each record is written when the one before it is on the disk.
pub(super) fn log<'a>(per_second: f64, start: u64) -> Source<'a> {
    let mut place = start;
    Source::from(0.001, move |out| {
        let blocks = out.one_of(&[(5.0, 8), (3.0, 16), (1.0, 56), (0.5, 120)]);
        let completed_ns = out.send(Direction::Write, place, blocks);
        place += u64::from(blocks);
        (out.now_ns + out.exponential_ns(1e6 / per_second)).max(completed_ns + nanoseconds(5e-5))
    })
}
