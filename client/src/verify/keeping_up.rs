//! Whether the storage keeps up with what it is asked: a pure decision over the commands of a run.

use std::fmt;

use serde::Serialize;

use crate::number::{duration_ms, percent, rate};
use crate::stream::Command;

/// The course of a run is looked at in so many stretches of equal length.
const STRETCHES: usize = 4;
/// Fewer commands than this in a run show no course.
const FEW_COMMANDS: usize = 100;
/// Rates that are lower than asked by no more than this are as asked: the gate of rates.
const RATE_GATE: f64 = 0.02;
/// A process whose queue is as full as this for half of the time waits for the storage, and not for its own clock. Not
/// quite full counts: after each wait a replay goes on at the pace of its log and takes a while to fill what has become free.
const NEARLY_FULL: f64 = 7.0 / 8.0;
const MOSTLY: f64 = 0.5;
/// In flight and latency that grow have at least doubled, and by so many commands.
const GROWTH: f64 = 2.0;
const GROWTH_COMMANDS: f64 = 4.0;
/// Stretches whose rates differ by no more than this ask for the same.
const SAME_RATE: f64 = 1.25;

/// What one process of fio issued.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Process {
    /// Commands that it may have in flight.
    pub depth: u64,
    /// In any order.
    pub commands: Vec<Command>,
}

/// How a run went, by stretches of the time in which commands were issued.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Course {
    /// Commands in flight, on average over time.
    in_flight: [f64; STRETCHES],
    /// Mean latency of the commands issued in each, milliseconds.
    latency_ms: [f64; STRETCHES],
    /// Commands issued per second.
    iops: [f64; STRETCHES],
    /// Share of the time after the first stretch in which the queue was nearly full, of the process of which that was longest.
    full: f64,
}

impl Course {
    /// The course of a run of several processes; `None` of too few commands.
    pub(super) fn of(processes: &[Process]) -> Option<Self> {
        let commands = || processes.iter().flat_map(|process| &process.commands);
        let issued = || commands().map(|command| command.issued_ns);
        let (first, last) = (issued().min()?, issued().max()?);
        if commands().count() < FEW_COMMANDS || last == first {
            return None;
        }
        let stretch = (last - first) as f64 / STRETCHES as f64;
        let mut in_flight = [0.0; STRETCHES];
        let mut latency = [0.0; STRETCHES];
        let mut number = [0.0; STRETCHES];
        for command in commands() {
            let begin = (command.issued_ns - first) as f64;
            let Some(latency_ns) = command.latency_ns else { continue };
            let end = begin + latency_ns as f64;
            let mut from = 0.0;
            for index in 0..STRETCHES {
                let to = from + stretch;
                in_flight[index] += (end.min(to) - begin.max(from)).max(0.0) / stretch;
                if begin >= from && (begin < to || index + 1 == STRETCHES) {
                    latency[index] += latency_ns as f64 / 1e6;
                    number[index] += 1.0;
                }
                from = to;
            }
        }
        let mean = |index: usize| {
            if number[index] > 0.0 {
                latency[index] / number[index]
            } else {
                0.0
            }
        };
        let after_first = first + (last - first) / STRETCHES as u64;
        let full = processes.iter().map(|process| process.full(after_first, last));
        Some(Self {
            in_flight,
            latency_ms: std::array::from_fn(mean),
            iops: number.map(|number| number / (stretch / 1e9)),
            full: full.fold(0.0, f64::max),
        })
    }

    /// In flight and latency grow from stretch to stretch, and what is asked does not.
    fn grows(&self) -> bool {
        let rises = |values: &[f64; STRETCHES]| {
            values.windows(2).all(|pair| pair[1] > pair[0]) && values[STRETCHES - 1] >= GROWTH * values[0]
        };
        let most = self.iops.iter().copied().fold(0.0, f64::max);
        let least = self.iops.iter().copied().fold(f64::INFINITY, f64::min);
        rises(&self.in_flight)
            && rises(&self.latency_ms)
            && self.in_flight[STRETCHES - 1] - self.in_flight[0] >= GROWTH_COMMANDS
            && most <= SAME_RATE * least
    }

    /// How far the storage fell behind, when it did not keep up with `asked` commands per second and `got` came of them.
    ///
    /// It did not where fewer came and a process waited for a place in its queue most of the time, or where commands pile up
    /// in flight while the same is asked all the time. A generator that wakes up late does neither.
    pub(super) fn behind(&self, asked: f64, got: f64) -> Option<Behind> {
        let is_held_back = got < asked * (1.0 - RATE_GATE) && self.full >= MOSTLY;
        let fullest = (1..STRETCHES).max_by(|one, other| self.in_flight[*one].total_cmp(&self.in_flight[*other]))?;
        (is_held_back || self.grows()).then(|| Behind {
            asked_iops: asked,
            got_iops: got,
            in_flight: [self.in_flight[0], self.in_flight[fullest]],
            latency_ms: [self.latency_ms[0], self.latency_ms[fullest]],
            queue_full_percent: 100.0 * self.full,
        })
    }
}

impl Process {
    /// Share of the time from `from` to `to` in which its queue was nearly full.
    fn full(&self, from: u64, to: u64) -> f64 {
        let known = self.commands.iter();
        let known = known.filter_map(|command| Some((command.issued_ns, command.latency_ns?)));
        let mut changes: Vec<(u64, bool)> = known
            .flat_map(|(issued, latency)| [(issued, true), (issued.saturating_add(latency), false)])
            .collect();
        // Of one moment the ends come first, since a place is free before it is taken.
        changes.sort_unstable();
        let (mut depth, mut since, mut full) = (0_u64, from, 0_u64);
        for (moment, begins) in changes {
            let now = moment.clamp(from, to);
            if depth as f64 >= NEARLY_FULL * self.depth as f64 {
                full += now - since;
            }
            since = now;
            depth = if begins { depth + 1 } else { depth.saturating_sub(1) };
        }
        if to > from {
            full as f64 / (to - from) as f64
        } else {
            0.0
        }
    }
}

/// The storage did not keep up.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Behind {
    /// Commands per second that the file asks for.
    pub asked_iops: f64,
    /// Commands per second that were issued.
    pub got_iops: f64,
    /// Commands in flight in the first quarter of the run and in the fullest of those after it, on average over time.
    pub in_flight: [f64; 2],
    /// Mean latency in the same two, milliseconds.
    pub latency_ms: [f64; 2],
    /// Time in which the queue of the process that waited most was at least seven eighths full, percent of all but the first
    /// quarter.
    pub queue_full_percent: f64,
}

impl fmt::Display for Behind {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [first, fullest] = self.in_flight;
        let [early, late] = self.latency_ms.map(duration_ms);
        let verb = if fullest >= GROWTH * first { "grew" } else { "went" };
        write!(
            out,
            "The storage did not keep up: asked {} IOPS, got {}; in flight {verb} from {} in the first quarter of the run to {} in the \
             fullest, mean latency from {early} to {late}, and a queue was full, or nearly, for {} of the time.",
            rate(self.asked_iops),
            rate(self.got_iops),
            rate(first),
            rate(fullest),
            percent(self.queue_full_percent),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stream::Direction;

    fn command(issued_us: u64, latency_us: u64) -> Command {
        Command {
            issued_ns: issued_us * 1000,
            direction: Direction::Read,
            offset: 0,
            bytes: 4096,
            latency_ns: Some(latency_us * 1000),
        }
    }

    /// What a process of this depth gets that asks for `asked` commands per second, of storage that serves one after the
    /// other, `serves` a second. A command waits for a place in the queue before it is issued.
    fn of_a_server(asked: u64, serves: u64, depth: usize, seconds: u64) -> Process {
        let mut ends: Vec<u64> = Vec::new();
        let mut commands = Vec::new();
        for index in 0..asked * seconds {
            let due = index * 1_000_000 / asked;
            let place = ends.len().checked_sub(depth).map_or(0, |first| ends[first]);
            let issued = due.max(place);
            let begin = ends.last().copied().unwrap_or(0).max(issued);
            let end = begin + 1_000_000 / serves;
            ends.push(end);
            commands.push(command(issued, end - issued));
        }
        Process {
            depth: depth as u64,
            commands,
        }
    }

    fn got(process: &Process) -> f64 {
        let last = process.commands.last().unwrap().issued_ns;
        process.commands.len() as f64 * 1e9 / last as f64
    }

    fn behind(process: Process, asked: f64) -> Option<Behind> {
        let got = got(&process);
        Course::of(&[process]).unwrap().behind(asked, got)
    }

    #[test]
    fn storage_that_serves_400_of_470_with_the_queue_full_did_not_keep_up() {
        // 70 a second too many fill 32 places in half a second of 30.
        let behind = behind(of_a_server(470, 400, 32, 30), 470.0).unwrap();
        assert!((behind.got_iops - 400.0).abs() < 4.0, "{behind:?}");
        assert!(behind.queue_full_percent > 99.0, "{behind:?}");
        // 32 in flight at 400 a second take 80 ms.
        assert!((behind.latency_ms[1] - 80.0).abs() < 1.0, "{behind:?}");
        let told = behind.to_string();
        assert!(
            told.starts_with("The storage did not keep up: asked 470 IOPS, got 40"),
            "{told}"
        );
    }

    #[test]
    fn a_replay_that_goes_on_at_its_own_pace_after_each_wait_is_held_back_by_the_storage() {
        // As fio replays a log: each gap is kept after the wait for a place. Storage serves ten at once, every 25 ms.
        let (mut now, mut ends, mut commands) = (0_u64, Vec::<u64>::new(), Vec::new());
        for index in 0..14_000_usize {
            now += 2128;
            now = now.max(index.checked_sub(128).map_or(0, |first| ends[first]));
            let group = ends.len() as u64 / 10;
            let end = now.max((group + 1) * 25_000);
            ends.push(end);
            commands.push(command(now, end - now));
        }
        let process = Process { depth: 128, commands };
        let behind = behind(process, 470.0).unwrap();
        assert!(behind.got_iops < 405.0 && behind.in_flight[1] > 110.0, "{behind:?}");
    }

    #[test]
    fn commands_that_pile_up_in_a_queue_that_never_fills_are_told_before_a_rate_is_missed() {
        // After 10 s 700 wait, and 1024 may.
        let process = of_a_server(470, 400, 1024, 10);
        assert!((got(&process) - 470.0).abs() < 5.0);
        let behind = behind(process, 470.0).unwrap();
        // A quarter later 175 more wait: 87 on average in the first quarter, 612 in the last.
        assert!((behind.in_flight[0] - 87.0).abs() < 10.0, "{behind:?}");
        assert!((behind.in_flight[1] - 612.0).abs() < 10.0, "{behind:?}");
        assert!(behind.to_string().contains("in flight grew from 8"), "{behind}");
    }

    #[test]
    fn storage_that_serves_more_than_is_asked_keeps_up() {
        assert_eq!(behind(of_a_server(470, 500, 32, 30), 470.0), None);
    }

    #[test]
    fn a_generator_that_wakes_up_late_is_no_slow_storage() {
        // 400 of 470 commands a second come, each served in 1 ms.
        let commands = (0..12_000).map(|index| command(index * 2500, 1000)).collect();
        assert_eq!(behind(Process { depth: 32, commands }, 470.0), None);
    }

    #[test]
    fn a_workload_that_asks_for_more_and_more_may_have_more_in_flight() {
        // Four stretches of 1 s with 100, 200, 300 and 400 commands that take longer the more there are.
        let stretch = |index: u64| {
            let number = (index + 1) * 100;
            (0..number).map(move |place| command(index * 1_000_000 + place * 1_000_000 / number, (index + 1) * 20_000))
        };
        let commands = (0..4).flat_map(stretch).collect();
        assert_eq!(behind(Process { depth: 256, commands }, 250.0), None);
    }

    #[test]
    fn a_run_of_few_commands_has_no_course() {
        let commands = (0..99).map(|index| command(index * 1000, 100)).collect();
        assert_eq!(Course::of(&[Process { depth: 1, commands }]), None);
    }

    #[test]
    fn the_process_that_waits_most_tells() {
        let calm = of_a_server(50, 5000, 32, 30);
        let held_back = of_a_server(470, 400, 32, 30);
        let course = Course::of(&[calm, held_back]).unwrap();
        assert!(course.behind(520.0, 450.0).is_some());
    }
}
