//! What fio does with a job file, by its documented behaviour, without running it.
//!
//! A process with `rate=R` bytes/s issues its next I/O when `bytes issued so far / R` seconds have passed.
//! `percentage_random` is drawn per I/O; a sequential one begins where the process's last one ended, and starts over
//! at the end of its region. Random offsets are uniform on multiples of `blockalign`. The time a device needs is
//! not simulated, so neither is latency, nor the effect of a queue that runs full.

use std::collections::BTreeMap;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use vscsi_shared::histogram::IntervalSet;

use super::job_file::{Section, UnreadableJobFile};
use crate::fidelity::Observed;
use crate::replay::{Command, Direction, Histogrammer};

/// Largest difference between the starts of two processes, and largest delay of a wake-up, seconds. Without them two
/// processes of one rate would alternate for ever, which no real pair does.
const START_SECONDS: f64 = 3e-3;
const LATE_SECONDS: f64 = 3e-4;

/// Plays the sections on paper, all of them from the start, and counts the first `commands` they issue.
///
/// # Errors
/// [`UnreadableJobFile`] when an option is not of its form.
pub(super) fn simulate(sections: &[Section], seed: u64, commands: u64) -> Result<Observed, UnreadableJobFile> {
    let mut processes = Vec::new();
    for (index, section) in sections.iter().enumerate() {
        processes.push(Process::new(section, seed.wrapping_add(index as u64))?);
    }
    let mut disks: BTreeMap<String, Histogrammer> = BTreeMap::new();
    let mut last_seconds = 0.0;
    for _ in 0..commands {
        let next = processes
            .iter_mut()
            .min_by(|one, other| one.next_seconds.total_cmp(&other.next_seconds));
        let Some(process) = next else { break };
        last_seconds = process.next_seconds;
        let command = process.issue();
        disks.entry(process.target.clone()).or_default().record(&command);
    }
    // The first command of the next round closes the last interval, so a rate is not counted one interval short.
    let end = processes.iter().map(|process| process.next_seconds).reduce(f64::min);
    Ok(Observed {
        histograms: merged(disks.into_values().map(Histogrammer::finish)),
        seconds: end.unwrap_or(last_seconds).max(last_seconds),
    })
}

/// The histograms of several disks as one set.
pub(crate) fn merged(disks: impl Iterator<Item = IntervalSet>) -> IntervalSet {
    let mut all = IntervalSet::default();
    for disk in disks {
        // Every set comes from our own histogrammer, so the limits are the same and the merge cannot fail.
        if all.merge(&disk).is_err() {
            debug_assert!(false, "one histogrammer made two rows of limits");
        }
    }
    all
}

/// One fio process.
struct Process {
    /// The target as written; each is a disk of its own.
    target: String,
    direction: Direction,
    sizes: Vec<(u64, f64)>,
    percentage_random: f64,
    /// Bytes per second. A process without a limit is taken to go at one I/O per millisecond, which keeps the order
    /// between processes even and says nothing about speed.
    rate: Option<f64>,
    region_start: u64,
    region_bytes: u64,
    align: u64,
    zones: Vec<(f64, u64)>,
    position: u64,
    issued_bytes: f64,
    issued: f64,
    /// When it starts, seconds: processes do not start at the same instant.
    start_seconds: f64,
    next_seconds: f64,
    random: ChaCha8Rng,
}

impl Process {
    fn new(section: &Section, seed: u64) -> Result<Self, UnreadableJobFile> {
        let rw = section.text("rw").unwrap_or("read");
        let (direction, is_random) = match rw {
            "read" => (Direction::Read, false),
            "randread" => (Direction::Read, true),
            "write" => (Direction::Write, false),
            "randwrite" => (Direction::Write, true),
            _ => return Err(section.bad("rw", rw)),
        };
        let percentage_random = if is_random {
            section.number("percentage_random")?.unwrap_or(100)
        } else {
            0
        };
        let sizes = section.sizes()?;
        let smallest = sizes.iter().map(|(bytes, _)| *bytes).min().unwrap_or(4096);
        let region_start = section.number("offset")?.unwrap_or(0);
        let region_bytes = section.number("size")?.unwrap_or(1 << 30);
        let rate = section.number("rate")?;
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let start_seconds = random.random_range(0.0..START_SECONDS);
        Ok(Self {
            target: section.text("filename").unwrap_or_default().to_owned(),
            direction,
            sizes,
            percentage_random: percentage_random as f64,
            rate: rate.map(|rate| rate as f64),
            region_start,
            region_bytes,
            align: section.number("blockalign")?.unwrap_or(smallest).max(512),
            zones: section.zones()?,
            position: region_start,
            issued_bytes: 0.0,
            issued: 0.0,
            start_seconds,
            next_seconds: start_seconds,
            random,
        })
    }

    fn issue(&mut self) -> Command {
        let bytes = self.draw_size();
        let is_random = self.random.random_range(0.0..100.0) < self.percentage_random;
        let end = self.region_start + self.region_bytes;
        if is_random {
            self.position = self.draw_offset(bytes);
        } else if self.position + bytes > end {
            self.position = self.region_start;
        }
        let command = Command {
            issued_ns: nanoseconds(self.next_seconds),
            direction: self.direction,
            offset: self.position,
            bytes: u32::try_from(bytes).unwrap_or(u32::MAX),
            latency_ns: None,
        };
        self.position += bytes;
        self.issued_bytes += bytes as f64;
        self.issued += 1.0;
        let due = match self.rate {
            Some(rate) => self.issued_bytes / rate.max(1.0),
            None => self.issued / 1000.0,
        };
        // A process wakes up late and does not pass the delay on to its next command.
        let late = self.random.random_range(0.0..LATE_SECONDS);
        self.next_seconds = (self.start_seconds + due + late).max(self.next_seconds);
        command
    }

    fn draw_size(&mut self) -> u64 {
        let total: f64 = self.sizes.iter().map(|(_, weight)| weight).sum();
        let mut draw = self.random.random_range(0.0..1.0) * total;
        let mut chosen = 4096;
        for &(bytes, weight) in &self.sizes {
            chosen = bytes;
            draw -= weight;
            if draw < 0.0 {
                break;
            }
        }
        chosen
    }

    fn draw_offset(&mut self, bytes: u64) -> u64 {
        let (mut start, mut length) = (0, self.region_bytes);
        let mut draw = self.random.random_range(0.0..100.0);
        let mut before = 0;
        for &(percent, size) in &self.zones {
            (start, length) = (before, size);
            before += size;
            draw -= percent;
            if draw < 0.0 {
                break;
            }
        }
        let blocks = (length.saturating_sub(bytes) / self.align).max(1);
        self.region_start + start + self.random.random_range(0..blocks) * self.align
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "times of a simulated run are small and not negative"
)]
fn nanoseconds(seconds: f64) -> u64 {
    (seconds * 1e9).round() as u64
}
