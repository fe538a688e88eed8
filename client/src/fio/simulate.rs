//! What fio does with a job file, by its documented behaviour, without running it.
//!
//! A process with `rate=R` bytes/s issues its next I/O when `bytes issued so far / R` seconds have passed; one with
//! `rate_process=poisson` draws each gap from an exponential distribution and catches up when it is late.
//! `percentage_random` is drawn per I/O; a sequential one begins where the process's last one ended, and starts over
//! at the end of its region. Random offsets are uniform on multiples of `blockalign`. The time a device needs is
//! not simulated, so neither is latency, nor the effect of a queue that runs full. Without a limit processes keep their
//! queues full, so on a device that serves all alike each issues in proportion to its `iodepth`.

use std::collections::BTreeMap;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use vscsi_shared::histogram::IntervalSet;

use super::draft::random_region_bytes;
use super::job_file::{Section, UnreadableJobFile};
use crate::fidelity::Observed;
use crate::replay::{Command, Direction, Histogrammer};

/// Commands simulated to state the fidelity of a finished job file.
pub(super) const SIMULATED_COMMANDS: u64 = 30_000;
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
    let mut on_target: BTreeMap<&str, u64> = BTreeMap::new();
    for section in sections {
        // Counted per target, so that a target's jobs draw the same numbers alone and beside those of other targets.
        let index = on_target
            .entry(section.text("filename").unwrap_or_default())
            .or_default();
        processes.push(Process::new(section, seed.wrapping_add(*index))?);
        *index += 1;
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
    /// Bytes per second. A process without a limit is taken to have every command served in a millisecond, which says
    /// nothing about speed.
    rate: Option<f64>,
    /// Commands in flight.
    depth: f64,
    /// Mean gap of random arrivals, whole microseconds.
    random_gap_us: Option<f64>,
    region_start: u64,
    region_bytes: u64,
    align: u64,
    zones: Vec<(f64, u64)>,
    position: u64,
    issued_bytes: f64,
    issued: f64,
    /// Sum of the random gaps, seconds.
    gaps_seconds: f64,
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
        let align = section.number("blockalign")?.unwrap_or(smallest).max(512);
        let zones = section.zones()?;
        let zoned: u64 = zones.iter().map(|(_, bytes)| *bytes).sum();
        if zoned > random_region_bytes(region_bytes, smallest, align) {
            return Err(section.bad(
                "random_distribution",
                section.text("random_distribution").unwrap_or_default(),
            ));
        }
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let start_seconds = random.random_range(0.0..START_SECONDS);
        Ok(Self {
            target: section.text("filename").unwrap_or_default().to_owned(),
            direction,
            sizes,
            percentage_random: percentage_random as f64,
            rate: rate.map(|rate| rate as f64),
            depth: section.number("iodepth")?.unwrap_or(1).max(1) as f64,
            random_gap_us: random_gap_us(section)?,
            region_start,
            region_bytes,
            align,
            zones,
            position: region_start,
            issued_bytes: 0.0,
            issued: 0.0,
            gaps_seconds: 0.0,
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
        let due = match (self.random_gap_us, self.rate) {
            (Some(gap_us), _) => {
                let draw: f64 = self.random.random_range(f64::MIN_POSITIVE..1.0);
                self.gaps_seconds += (gap_us * -draw.ln()).floor() / 1e6;
                self.gaps_seconds
            }
            (None, Some(rate)) => self.issued_bytes / rate.max(1.0),
            (None, None) => self.issued / (1000.0 * self.depth),
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

/// The mean gap of a process with random arrivals; fio takes it in whole microseconds.
fn random_gap_us(section: &Section) -> Result<Option<f64>, UnreadableJobFile> {
    let iops = section.number("rate_iops")?;
    match (section.text("rate_process"), iops) {
        (None, None) => Ok(None),
        (Some("poisson"), Some(iops)) if iops > 0 => Ok(Some((1_000_000 / iops) as f64)),
        (process, _) => Err(section.bad("rate_process", process.unwrap_or("linear"))),
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

#[cfg(test)]
mod tests {
    use vscsi_shared::histogram::{Metric, Operation};

    use super::super::job_file::sections;
    use super::*;

    /// The file that fio 3.33 ran with three reads repeated for ever, and the same with zones 4 KiB shorter.
    fn zoned(second_zone: &str) -> Result<Observed, UnreadableJobFile> {
        let text = format!(
            "[a]\nrw=randread\nbssplit=8k/85:64k/15\nblockalign=4k\nsize=139g\nrate=4065392\n\
             random_distribution=zoned_abs:70/2g:30/{second_zone}\n"
        );
        simulate(&sections(&text).unwrap(), 1, 100)
    }

    #[test]
    fn random_arrivals_keep_their_rate_and_fall_as_an_exponential_distribution_does() {
        let text = "[a]\nrw=randread\nbs=4k\nsize=1g\nrate_iops=500\nrate_process=poisson\n";
        let observed = simulate(&sections(text).unwrap(), 1, 30_000).unwrap();
        // 1999.5 us between two, and a scatter of 0.6 %.
        assert!((30_000.0 / observed.seconds / 500.1 - 1.0).abs() < 0.02);
        let gaps = observed.histograms.of(Metric::Interarrival, Operation::All).unwrap();
        let up_to_a_millisecond: u64 = (0..gaps.counts.len())
            .filter(|&index| gaps.limits.as_slice().get(index).is_some_and(|&limit| limit <= 1000))
            .map(|index| gaps.counts[index])
            .sum();
        // 1 - exp(-1/2)
        assert!((up_to_a_millisecond as f64 / 30_000.0 - 0.393).abs() < 0.03);
    }

    #[test]
    fn zones_that_leave_no_room_for_the_smallest_command_are_refused() {
        let refused = zoned("137g").unwrap_err().to_string();
        assert_eq!(
            refused,
            "section [a]: `random_distribution=zoned_abs:70/2g:30/137g` is not understood"
        );
        // 137 GiB less 4 KiB: the last offset of a multiple of 4 KiB at which 8 KiB still fit.
        assert!(zoned("143654908k").is_ok());
    }
}
