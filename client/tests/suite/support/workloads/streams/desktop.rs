//! Guests with a desktop: many that start at once, and one with five disks.

use rand::Rng as _;
use vscsi_helper::stream::{Command, Direction};

use super::database;
use super::paces;
use super::writer::{Source, Writer, interleave, nanoseconds};

/// Guests that start from one image, most of them soon after the first, each a chain of reads that wait for each other.
///
/// A file of the image is read from its beginning, with up to four commands at once, then comes another file; all start
/// with the same files. One command in eight writes to the guest's own place.
pub(super) fn boot_storm(seconds: f64) -> Vec<Command> {
    const GUESTS: u64 = 40;
    const COMMANDS: u32 = 1200;
    let guests = (0..GUESTS).map(|guest| {
        let late = (guest as f64 / GUESTS as f64).powi(3);
        let own = 400_000_000 + guest * 2_000_000;
        let (mut left, mut file, mut place) = (COMMANDS, 0_u64, 0_u64);
        Source::from(late * seconds * 0.9, move |out| {
            if left == 0 {
                return u64::MAX;
            }
            let mut completed_ns = 0;
            for _ in 0..out.one_of(&[(6.0, 1), (3.0, 2), (1.0, 4)]) {
                left = left.saturating_sub(1);
                if out.chance(0.125) {
                    let block = own + out.random.random_range(0..200_000_u64) * 8;
                    let blocks = out.one_of(&[(7.0, 8), (2.0, 16), (1.0, 64)]);
                    completed_ns = out.send(Direction::Write, block, blocks);
                    continue;
                }
                if out.chance(0.15) {
                    file += out.random.random_range(1..40_u64);
                    place = (file * 7919 % 30_000) * 1024;
                }
                let blocks = out.one_of(&[(3.0, 8), (2.0, 32), (3.0, 64), (2.0, 128)]);
                completed_ns = out.send(Direction::Read, place, blocks);
                place += u64::from(blocks);
            }
            completed_ns + out.exponential_ns(9_000.0)
        })
    });
    interleave(Writer::new(21), seconds, guests.collect())
}

/// A log, random pages, a target of large sequential writes, a disk that is nearly idle, and one that is paged to.
pub(super) fn five_disks(seconds: f64) -> Vec<Vec<Command>> {
    vec![
        interleave(Writer::new(31), seconds, vec![database::log(60.0, 1_000_000)]),
        interleave(
            Writer::new(32),
            seconds,
            vec![database::random_reads(120.0, 16, 2_000_000)],
        ),
        interleave(Writer::new(33), seconds, vec![large_writes()]),
        interleave(Writer::new(34), seconds, vec![paces::now_and_then(1.0)]),
        interleave(Writer::new(35), seconds, vec![paging()]),
    ]
}

/// A megabyte after the other, each when the one before it is written.
fn large_writes<'a>() -> Source<'a> {
    let mut place = 5_000_000;
    Source::from(0.0, move |out| {
        let completed_ns = out.send(Direction::Write, place, 2048);
        place += 2048;
        completed_ns + out.exponential_ns(20_000.0)
    })
}

/// Every few seconds pages go out in runs, and later single ones come back.
fn paging<'a>() -> Source<'a> {
    let mut waiting = 0_u32;
    Source::from(1.0, move |out| {
        if waiting == 0 {
            let start = out.random.random_range(0..500_u64) * 8192;
            for k in 0..out.random.random_range(20..80_u64) {
                out.send(Direction::Write, start + k * 128, 128);
            }
            waiting = out.random.random_range(5..40);
            return out.now_ns + nanoseconds(0.5) + out.exponential_ns(3e6);
        }
        waiting -= 1;
        let page = out.random.random_range(0..500_u64) * 8192 + out.random.random_range(0..1000_u64) * 8;
        out.send(Direction::Read, page, 8);
        out.now_ns + out.exponential_ns(60_000.0)
    })
}
