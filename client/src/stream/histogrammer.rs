//! vscsiStats' histograms, rebuilt from a stream of commands.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use vscsi_shared::histogram::{HistogramKind, Interval, IntervalSet, Limits, Metric, Operation};

use super::{Command, Direction};

/// How many earlier commands the windowed seek distance looks back on.
const WINDOW: usize = 16;

/// Counts a stream of commands the way vscsiStats does.
///
/// Distances are first block minus the last block of the earlier command, so a sequential command is at +1; times are
/// differences of whole microseconds. The first command of a class has no predecessor and is not counted in its
/// distances and interarrival times, as an analysed capture has those artefacts removed. Commands must come in order
/// of issue. Memory does not grow with the length of the stream.
#[derive(Debug, Clone, Default)]
pub struct Histogrammer {
    tallies: Tallies,
    all: Predecessor,
    read: Predecessor,
    write: Predecessor,
    recent: VecDeque<i64>,
    in_flight: [BinaryHeap<Reverse<u64>>; 2],
}

/// What is remembered of the last command of a class.
#[derive(Debug, Clone, Default)]
struct Predecessor {
    last_block: Option<i64>,
    issued_us: Option<i64>,
}

impl Histogrammer {
    /// Counts one command.
    pub fn record(&mut self, command: &Command) {
        let operation = command.direction.operation();
        for class in [Operation::All, operation] {
            self.tallies.count(Metric::IoLength, class, i64::from(command.bytes));
        }
        self.record_distances(command, operation);
        self.record_interarrival(command, operation);
        if let Some(latency_ns) = command.latency_ns {
            self.record_service(command, latency_ns);
        }
    }

    /// The histograms of everything counted so far.
    pub fn so_far(&self) -> &IntervalSet {
        &self.tallies.set
    }

    /// The histograms of everything counted since the last cut. What comes next is still measured against the commands
    /// before, as vscsiStats does from one print to the next.
    pub fn cut(&mut self) -> IntervalSet {
        std::mem::take(&mut self.tallies).finish()
    }

    /// The histograms of everything counted. Latency and outstanding I/O are absent when no latency was known.
    pub fn finish(self) -> IntervalSet {
        self.tallies.finish()
    }

    fn predecessor(&mut self, operation: Operation) -> &mut Predecessor {
        match operation {
            Operation::All => &mut self.all,
            Operation::Read => &mut self.read,
            Operation::Write => &mut self.write,
        }
    }

    fn record_distances(&mut self, command: &Command, operation: Operation) {
        let first = command.first_block();
        for class in [Operation::All, operation] {
            let last = self.predecessor(class).last_block.replace(command.last_block());
            if let Some(last) = last {
                self.tallies
                    .count(Metric::SeekDistance, class, first.saturating_sub(last));
            }
        }
        let closest = self
            .recent
            .iter()
            .map(|last| first.saturating_sub(*last))
            .min_by_key(|distance| distance.unsigned_abs());
        if let Some(distance) = closest {
            self.tallies
                .count(Metric::SeekDistanceClosest16, Operation::All, distance);
        }
        if self.recent.len() == WINDOW {
            self.recent.pop_back();
        }
        self.recent.push_front(command.last_block());
    }

    fn record_interarrival(&mut self, command: &Command, operation: Operation) {
        let now = i64::try_from(command.issued_ns / 1000).unwrap_or(i64::MAX);
        for class in [Operation::All, operation] {
            let before = self.predecessor(class).issued_us.replace(now);
            if let Some(before) = before {
                self.tallies
                    .count(Metric::Interarrival, class, now.saturating_sub(before));
            }
        }
    }

    /// Latency, and the commands in flight when this one was issued, itself included.
    fn record_service(&mut self, command: &Command, latency_ns: u64) {
        let operation = command.direction.operation();
        let microseconds = i64::try_from(latency_ns / 1000).unwrap_or(i64::MAX);
        for class in [Operation::All, operation] {
            self.tallies.count(Metric::Latency, class, microseconds);
        }
        let [reads, writes] = &mut self.in_flight;
        for queue in [&mut *reads, &mut *writes] {
            while queue.peek().is_some_and(|Reverse(end)| *end <= command.issued_ns) {
                queue.pop();
            }
        }
        let own = match command.direction {
            Direction::Read => &mut *reads,
            Direction::Write => &mut *writes,
        };
        own.push(Reverse(command.issued_ns.saturating_add(latency_ns)));
        let own = own.len();
        let all = reads.len() + writes.len();
        for (class, depth) in [(Operation::All, all), (operation, own)] {
            let depth = i64::try_from(depth).unwrap_or(i64::MAX);
            self.tallies.count(Metric::OutstandingIos, class, depth);
        }
    }
}

/// The sixteen histograms being filled.
#[derive(Debug, Clone, Default)]
struct Tallies {
    set: IntervalSet,
}

impl Tallies {
    fn count(&mut self, metric: Metric, operation: Operation, value: i64) {
        let Some(kind) = HistogramKind::new(metric, operation) else {
            return;
        };
        if self.set.get(kind).is_none() {
            self.set.insert(kind, Interval::empty(Limits::known(metric)));
        }
        let Some(interval) = self.set.get_mut(kind) else {
            return;
        };
        let bucket = interval.limits.bucket_of(value);
        if let Some(count) = interval.counts.get_mut(bucket) {
            *count += 1;
        }
        interval.count += 1;
        interval.sum_at_least += i128::from(value);
        interval.sum_at_most += i128::from(value);
        interval.values_at_least = Some(interval.values_at_least.map_or(value, |least| least.min(value)));
        interval.values_at_most = Some(interval.values_at_most.map_or(value, |most| most.max(value)));
    }

    fn finish(self) -> IntervalSet {
        self.set
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command(issued_us: u64, direction: Direction, first_block: u64, blocks: u32) -> Command {
        Command {
            issued_ns: issued_us * 1000,
            direction,
            offset: first_block * 512,
            bytes: blocks * 512,
            latency_ns: Some(100_000),
        }
    }

    fn histograms(commands: &[Command]) -> IntervalSet {
        let mut histogrammer = Histogrammer::default();
        for command in commands {
            histogrammer.record(command);
        }
        histogrammer.finish()
    }

    fn count_at(set: &IntervalSet, metric: Metric, operation: Operation, limit: i64) -> u64 {
        let interval = set.of(metric, operation).unwrap();
        let index = interval.limits.as_slice().iter().position(|&l| l == limit).unwrap();
        interval.counts[index]
    }

    #[test]
    fn a_command_that_begins_where_the_last_one_ended_is_at_distance_one() {
        use Direction::Read;
        let set = histograms(&[command(0, Read, 0, 8), command(10, Read, 8, 8)]);
        assert_eq!(count_at(&set, Metric::SeekDistance, Operation::Read, 1), 1);
    }

    #[test]
    fn rewriting_the_same_4_kib_is_at_distance_minus_seven() {
        use Direction::Write;
        let set = histograms(&[command(0, Write, 80, 8), command(10, Write, 80, 8)]);
        // -7 lies in (-8, -6].
        assert_eq!(count_at(&set, Metric::SeekDistance, Operation::Write, -6), 1);
    }

    #[test]
    fn each_direction_is_measured_against_its_own_predecessor() {
        use Direction::{Read, Write};
        let set = histograms(&[
            command(0, Read, 0, 8),
            command(10, Write, 9000, 8),
            command(20, Read, 8, 8),
        ]);
        assert_eq!(count_at(&set, Metric::SeekDistance, Operation::Read, 1), 1);
        assert_eq!(count_at(&set, Metric::SeekDistance, Operation::All, 1), 0);
        assert_eq!(count_at(&set, Metric::SeekDistanceClosest16, Operation::All, 1), 1);
    }

    #[test]
    fn the_window_forgets_the_seventeenth_command_before() {
        use Direction::Read;
        let mut commands = vec![command(0, Read, 0, 8)];
        commands.extend((1..=16).map(|k| command(k * 10, Read, k * 1_000_000, 8)));
        commands.push(command(200, Read, 8, 8));
        let set = histograms(&commands);
        assert_eq!(count_at(&set, Metric::SeekDistanceClosest16, Operation::All, 1), 0);
    }

    #[test]
    fn interarrival_times_are_differences_of_whole_microseconds() {
        use Direction::Read;
        let mut commands = [command(0, Read, 0, 8), command(100, Read, 8, 8)];
        commands[1].issued_ns += 999;
        let set = histograms(&commands);
        assert_eq!(count_at(&set, Metric::Interarrival, Operation::All, 100), 1);
    }

    #[test]
    fn outstanding_counts_the_new_command_and_those_not_completed() {
        use Direction::{Read, Write};
        // Each takes 100 us: at 50 us the first is in flight, at 100 us it has just completed.
        let set = histograms(&[
            command(0, Read, 0, 8),
            command(50, Write, 8, 8),
            command(100, Read, 16, 8),
        ]);
        assert_eq!(count_at(&set, Metric::OutstandingIos, Operation::All, 1), 1);
        assert_eq!(count_at(&set, Metric::OutstandingIos, Operation::All, 2), 2);
        assert_eq!(count_at(&set, Metric::OutstandingIos, Operation::Read, 1), 2);
    }
}
