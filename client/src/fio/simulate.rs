//! What fio does with a job file, by its documented behaviour, without running it.
//!
//! A process with `rate=R` bytes/s issues its next I/O when `bytes issued so far / R` seconds have passed; one with
//! `rate_process=poisson` draws each gap from an exponential distribution and catches up when it is late.
//! `percentage_random` is drawn per I/O; a sequential one begins where the process's last one ended, and starts over
//! at the end of its region. Random offsets are uniform on multiples of `blockalign`. A process may use each place several
//! times in a row, or go on in steps. A process of both directions has a rate for each, and with `zonemode=strided` one
//! position for both. The time a device needs is not simulated, so
//! neither is latency, nor the effect of a queue that runs full. Without a limit processes keep their queues full, so on
//! a device that serves all alike each issues in proportion to its `iodepth`.

use std::collections::BTreeMap;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::clusters::Pause;
use super::draft::random_region_bytes;
use super::job_file::{Section, UnreadableJobFile};
use super::order::{self, Step};
use super::walk::Walk;
use crate::stream::{Command, Direction, Histogrammer, Observed, merged};

/// Commands simulated to state the fidelity of a finished job file.
pub(super) const SIMULATED_COMMANDS: u64 = 30_000;
/// Largest difference between the starts of two processes, and largest delay of a wake-up, seconds. Without them two
/// processes of one rate would alternate for ever, which no real pair does.
const START_SECONDS: f64 = 3e-3;
const LATE_SECONDS: f64 = 3e-4;
const LATE_IN_CLUSTER_SECONDS: f64 = 2e-5;
/// Time between two commands of a burst, seconds: what a host takes to issue one.
const BURST_GAP_SECONDS: f64 = 5e-6;

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
        let Some(command) = process.issue() else { break };
        disks.entry(process.target.clone()).or_default().record(&command);
    }
    // The first command of the next round closes the last interval, so a rate is not counted one interval short.
    let end = processes.iter().map(|process| process.next_seconds).reduce(f64::min);
    Ok(Observed {
        histograms: merged(disks.into_values().map(Histogrammer::finish)),
        seconds: end.unwrap_or(last_seconds).max(last_seconds),
    })
}

/// One fio process.
struct Process {
    /// The target as written; each is a disk of its own.
    target: String,
    /// Its directions: one, or both with places and times drawn from one source.
    lanes: Vec<Lane>,
    /// How often a process of both directions would read if no rate held it back, percent.
    read_percent: f64,
    region_start: u64,
    region_bytes: u64,
    align: u64,
    zones: Vec<(f64, u64)>,
    steps: Option<Steps>,
    stepped: Option<Step>,
    repeats: Repeats,
    pauses: Option<Pauses>,
    /// When it starts, seconds: processes do not start at the same instant.
    start_seconds: f64,
    next_seconds: f64,
    random: ChaCha8Rng,
}

/// One direction of a process.
struct Lane {
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
    position: u64,
    last_start: u64,
    issued_bytes: f64,
    issued: f64,
    /// Sum of the random gaps, seconds.
    gaps_seconds: f64,
    /// When its next command is due, seconds after the start of the process.
    due_seconds: f64,
}

/// A walk on its way.
struct Steps {
    walk: Walk,
    /// Where the next command's zone begins, bytes.
    zone: u64,
}

/// Bursts of `thinktime_blocks`, and the `thinktime` after each.
struct Pauses {
    pause: Pause,
    /// Commands left of the burst.
    left: u64,
}

/// How often each place is used, and how often the present one still is.
struct Repeats {
    times: u64,
    left: u64,
}

impl Process {
    fn new(section: &Section, seed: u64) -> Result<Self, UnreadableJobFile> {
        let (directions, is_random) = section.access()?;
        let region_start = section.number("offset")?.unwrap_or(0);
        let region_bytes = section.number("size")?.unwrap_or(1 << 30);
        let lanes: Vec<Lane> = directions
            .into_iter()
            .map(|direction| Lane::new(section, direction, is_random, region_start))
            .collect::<Result<_, _>>()?;
        let smallest = lanes.iter().map(Lane::smallest).max().unwrap_or(4096);
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
            lanes,
            read_percent: section.number("rwmixread")?.unwrap_or(50) as f64,
            region_start,
            region_bytes,
            align,
            zones,
            steps: Walk::of(section)?.map(|walk| Steps { walk, zone: 0 }),
            stepped: Step::of(section)?,
            repeats: Repeats {
                times: order::times(section)?,
                left: 0,
            },
            pauses: Pauses::of(section)?,
            start_seconds,
            next_seconds: start_seconds,
            random,
        })
    }

    /// The next command; `None` for a process without a direction.
    fn issue(&mut self) -> Option<Command> {
        let index = self.choose_lane();
        let lane = self.lanes.get_mut(index)?;
        let bytes = lane.draw_size(&mut self.random);
        let is_random = self.random.random_range(0.0..100.0) < lane.percentage_random;
        if self.repeats.is_same_place() {
            lane.position = lane.last_start;
        } else if let Some(steps) = &mut self.steps {
            lane.position = self.region_start + steps.zone;
            if is_random {
                let places = random_region_bytes(steps.walk.range, lane.smallest(), self.align) / self.align;
                lane.position += self.random.random_range(0..places.max(1)) * self.align;
            }
            steps.zone += steps.walk.stride;
            if steps.zone + steps.walk.stride > self.region_bytes {
                steps.zone = 0;
            }
        } else if is_random {
            let zones = (self.zones.as_slice(), self.region_bytes);
            lane.position = self.region_start + draw_offset(zones, self.align, bytes, &mut self.random);
        } else if let Some(step) = self.stepped.filter(|_| lane.issued > 0.0) {
            lane.position =
                stepped(lane.position - self.region_start, step.bytes, self.region_bytes) + self.region_start;
        } else if lane.position + bytes > self.region_start + self.region_bytes {
            lane.position = self.region_start;
        }
        lane.last_start = lane.position;
        let command = Command {
            issued_ns: nanoseconds(self.next_seconds),
            direction: lane.direction,
            offset: lane.position,
            bytes: u32::try_from(bytes).unwrap_or(u32::MAX),
            latency_ns: None,
        };
        lane.advance(bytes, &mut self.random);
        let due = self
            .lanes
            .iter()
            .map(|lane| lane.due_seconds)
            .fold(f64::INFINITY, f64::min);
        // A process wakes up late and does not pass the delay on to its next command.
        let late = self.random.random_range(0.0..self.latest());
        let earliest = self.next_seconds + self.pauses.as_mut().map_or(0.0, Pauses::after_a_command);
        self.next_seconds = (self.start_seconds + due + late).max(earliest);
        if let Some(pauses) = self.pauses.as_ref().filter(|pauses| pauses.pauses_apart()) {
            self.lanes
                .iter_mut()
                .for_each(|lane| lane.gaps_seconds += pauses.pause.seconds);
        }
        Some(command)
    }

    /// How late it wakes up at most, seconds: for the short times inside a cluster fio spins.
    fn latest(&self) -> f64 {
        match &self.pauses {
            Some(pauses) if pauses.pause.is_apart => LATE_IN_CLUSTER_SECONDS,
            _ => LATE_SECONDS,
        }
    }

    /// A direction is drawn, and the other one taken where that one is ahead of its rate and the other is not.
    /// [Source: `get_rw_ddir` and `rate_ddir` in fio's `io_u.c`.]
    fn choose_lane(&mut self) -> usize {
        let [reads, writes] = self.lanes.as_slice() else {
            return 0;
        };
        let passed = self.next_seconds - self.start_seconds;
        let drawn = usize::from(self.random.random_range(0.0..100.0) >= self.read_percent);
        match (reads.due_seconds <= passed, writes.due_seconds <= passed) {
            (true, true) => drawn,
            (true, false) => 0,
            (false, true) => 1,
            (false, false) => usize::from(writes.due_seconds < reads.due_seconds),
        }
    }
}

impl Lane {
    fn new(
        section: &Section,
        direction: Direction,
        is_random: bool,
        region_start: u64,
    ) -> Result<Self, UnreadableJobFile> {
        let percentage_random = if is_random {
            section.number_for("percentage_random", direction)?.unwrap_or(100)
        } else {
            0
        };
        Ok(Self {
            direction,
            sizes: section.sizes(direction)?,
            percentage_random: percentage_random as f64,
            rate: section.number_for("rate", direction)?.map(|rate| rate as f64),
            depth: section.number("iodepth")?.unwrap_or(1).max(1) as f64,
            random_gap_us: random_gap_us(section, direction)?,
            position: region_start,
            last_start: region_start,
            issued_bytes: 0.0,
            issued: 0.0,
            gaps_seconds: 0.0,
            due_seconds: 0.0,
        })
    }

    fn smallest(&self) -> u64 {
        self.sizes.iter().map(|(bytes, _)| *bytes).min().unwrap_or(4096)
    }

    /// Goes on behind a command of `bytes`.
    fn advance(&mut self, bytes: u64, random: &mut ChaCha8Rng) {
        self.position += bytes;
        self.issued_bytes += bytes as f64;
        self.issued += 1.0;
        self.due_seconds = match (self.random_gap_us, self.rate) {
            (Some(gap_us), _) => {
                let draw: f64 = random.random_range(f64::MIN_POSITIVE..1.0);
                self.gaps_seconds += (gap_us * -draw.ln()).floor() / 1e6;
                self.gaps_seconds
            }
            (None, Some(rate)) => self.issued_bytes / rate.max(1.0),
            (None, None) => self.issued / (1000.0 * self.depth),
        };
    }

    fn draw_size(&self, random: &mut ChaCha8Rng) -> u64 {
        let total: f64 = self.sizes.iter().map(|(_, weight)| weight).sum();
        let mut draw = random.random_range(0.0..1.0) * total;
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
}

impl Pauses {
    fn of(section: &Section) -> Result<Option<Self>, UnreadableJobFile> {
        let pause = Pause::of(section)?;
        Ok(pause.map(|pause| Self {
            pause,
            left: pause.commands,
        }))
    }

    /// Least time from this command to the next, seconds.
    fn after_a_command(&mut self) -> f64 {
        self.left = self.left.saturating_sub(1);
        if self.left > 0 {
            return BURST_GAP_SECONDS;
        }
        self.left = self.pause.commands;
        self.pause.seconds
    }

    /// The command just issued was the last of its burst, and the times of later ones move on by the pause.
    fn pauses_apart(&self) -> bool {
        self.pause.is_apart && self.left == self.pause.commands
    }
}

impl Repeats {
    /// Whether the next command goes to the place of the last.
    fn is_same_place(&mut self) -> bool {
        let is_same = self.left > 0;
        self.left = if is_same { self.left } else { self.times } - 1;
        is_same
    }
}

/// The place a step further, inside the region; behind its end goes on at its beginning, and before its beginning at its
/// end.
fn stepped(place: u64, step: i64, region: u64) -> u64 {
    match place.checked_add_signed(step) {
        Some(place) if place < region => place,
        _ if step > 0 => 0,
        _ => region.saturating_add_signed(step),
    }
}

/// A random place in one of the zones, or anywhere in the region when there are none.
fn draw_offset((zones, region): (&[(f64, u64)], u64), align: u64, bytes: u64, random: &mut ChaCha8Rng) -> u64 {
    let (mut start, mut length) = (0, region);
    let mut draw = random.random_range(0.0..100.0);
    let mut before = 0;
    for &(percent, size) in zones {
        (start, length) = (before, size);
        before += size;
        draw -= percent;
        if draw < 0.0 {
            break;
        }
    }
    let blocks = (length.saturating_sub(bytes) / align).max(1);
    start + random.random_range(0..blocks) * align
}

/// The mean gap of a process with random arrivals; fio takes it in whole microseconds.
fn random_gap_us(section: &Section, direction: Direction) -> Result<Option<f64>, UnreadableJobFile> {
    let iops = section.number_for("rate_iops", direction)?;
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

    /// Writes and reads of 4 KiB that step on by a mebibyte.
    const WALK: &str = "[a]\nrw=randrw\nrwmixread=20\nbs=4k\nsize=100g\nzonemode=strided\nzonesize=512\nzonerange=4k\n\
                        zoneskip=1020k\nrate=80k,320k\n";

    fn count_up_to(observed: &Observed, metric: Metric, operation: Operation, limits: std::ops::Range<i64>) -> u64 {
        let interval = observed.histograms.of(metric, operation).unwrap();
        let within = interval.limits.as_slice().iter().zip(&interval.counts);
        within
            .filter(|(limit, _)| limits.contains(limit))
            .map(|(_, count)| count)
            .sum()
    }

    #[test]
    fn commands_of_both_directions_take_the_same_steps() {
        let observed = simulate(&sections(WALK).unwrap(), 1, 5_000).unwrap();
        // 2048 blocks less the last 7 of the command before: all of them in (1000, 5000].
        let steps = count_up_to(&observed, Metric::SeekDistance, Operation::All, 1001..5001);
        assert_eq!(steps, 4_999);
        // One command in five reads, as the rates say, so that the next read is some steps away.
        let reads = observed.histograms.of(Metric::IoLength, Operation::Read).unwrap().count;
        assert!((990..=1010).contains(&reads), "{reads}");
        let further = count_up_to(&observed, Metric::SeekDistance, Operation::Read, 5001..100_000);
        assert!(further > 500, "{further}");
    }

    #[test]
    fn after_each_burst_a_walk_pauses_and_keeps_its_rate_on_average() {
        let text = format!("{WALK}thinktime=350000\nthinktime_blocks=40\n");
        let observed = simulate(&sections(&text).unwrap(), 1, 4_000).unwrap();
        let gaps = observed.histograms.of(Metric::Interarrival, Operation::All).unwrap();
        // 4 000 commands in bursts of 40: a pause after each but the last.
        assert_eq!(gaps.counts.last(), Some(&99));
        assert!(
            (4_000.0 / observed.seconds / 100.0 - 1.0).abs() < 0.02,
            "{}",
            observed.seconds
        );
    }

    #[test]
    fn a_walk_that_leaves_its_region_before_its_time_is_refused() {
        // 100 MiB a second reach the 90 GiB that a walk may take of 100 GiB after 921.6 s.
        let text = |seconds| format!("{WALK}runtime={seconds}\n");
        assert!(simulate(&sections(&text(921)).unwrap(), 1, 10).is_ok());
        let refused = simulate(&sections(&text(922)).unwrap(), 1, 10).unwrap_err();
        assert_eq!(
            refused.to_string(),
            "section [a]: its commands move on and leave its 107374182400 bytes before its 922 s are over"
        );
    }

    #[test]
    fn a_zone_that_more_than_one_command_goes_to_is_no_step_and_is_refused() {
        let text = WALK.replace("zonesize=512", "zonesize=8k");
        let refused = simulate(&sections(&text).unwrap(), 1, 10).unwrap_err();
        assert_eq!(refused.to_string(), "section [a]: `zonesize=8k` is not understood");
    }
}
