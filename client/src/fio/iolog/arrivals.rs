//! When commands are issued: the order of the gaps.
//!
//! The interarrival histogram says how many gaps of each length there are, and nothing about which follows which. The
//! histogram of outstanding I/O does: a command that found thirty others in flight came in a burst. So the log is played
//! on paper with the measured latencies, and of a few gaps that could be next the one is taken after which the command
//! finds as many in flight as the histogram still asks for. Without those histograms the order is random.

use std::collections::VecDeque;

use rand::Rng;
use rand_chacha::ChaCha8Rng;
use vscsi_shared::histogram::{Interval, IntervalSet, Limits, Metric, Operation};

use super::balance::Balance;
use super::gaps::Gaps;
use crate::analysis::estimate;
use crate::stream::{Direction, bucket_range};

/// Gaps that are weighed against each other, and latencies.
const GAP_PROPOSALS: usize = 4;
const LATENCY_PROPOSALS: usize = 3;
/// Gaps of a bucket that may be drawn beyond its share: of any stretch, and of one with bursts.
const LEAST_AHEAD: f64 = 8.0;
const BURST_SHARE: f64 = 0.05;
const LONGEST_BURST: f64 = 1024.0;
/// Part of the gaps left that may still be drawn beyond a share.
const PAID_BACK: f64 = 0.05;
/// How many times as many in flight as with independent arrivals are a sign of bursts.
const BURSTY: f64 = 1.1;

/// Chooses the gaps of a stretch.
#[derive(Debug, Clone)]
pub(super) struct Arrivals {
    gaps: Gaps,
    /// How many gaps of one bucket may be drawn beyond its share.
    most_ahead: f64,
    /// Bucket of the gap before the next command, where it is chosen already.
    chosen_gap: Option<usize>,
    outstanding: Option<Outstanding>,
    /// Of reads and of writes.
    latencies: [Option<Latencies>; 2],
}

/// The histogram of outstanding I/O and the state of its copy.
#[derive(Debug, Clone)]
struct Outstanding {
    limits: Limits,
    balance: Balance,
}

/// What comes next: the bucket of a gap, and with its bucket the latency of the command before it, microseconds.
#[derive(Debug, Clone, Copy)]
struct Chosen {
    gap: usize,
    latency: Option<(usize, f64)>,
}

/// Draws latencies.
#[derive(Debug, Clone)]
struct Latencies {
    balance: Balance,
    /// Least and longest of each bucket, microseconds.
    buckets: Vec<(f64, f64)>,
}

/// The commands that have not ended, by the measured latencies.
#[derive(Debug, Clone, Default)]
pub(super) struct InFlight {
    /// When they end, microseconds, in order.
    ends: VecDeque<f64>,
}

impl InFlight {
    /// How many of them are still there then.
    fn at(&self, now_us: f64) -> usize {
        self.ends.len() - self.ends.partition_point(|end| *end <= now_us)
    }

    fn forget_before(&mut self, now_us: f64) {
        while self.ends.front().is_some_and(|end| *end <= now_us) {
            self.ends.pop_front();
        }
    }

    /// Counts their ends from `now_us` on.
    pub(super) fn move_back(&mut self, now_us: f64) {
        self.forget_before(now_us);
        for end in &mut self.ends {
            *end -= now_us;
        }
    }

    fn push(&mut self, end_us: f64) {
        let place = self.ends.partition_point(|end| *end <= end_us);
        self.ends.insert(place, end_us);
    }
}

impl Arrivals {
    /// The gaps of `commands` commands that take `total_us` together, none of them longer than `longest_us` where the time
    /// can be filled otherwise. `None` when there is no histogram of them.
    pub(super) fn new(target: &IntervalSet, commands: u64, total_us: f64, longest_us: f64) -> Option<Self> {
        let interarrival = target.of(Metric::Interarrival, Operation::All)?;
        let latencies = Direction::ALL.map(|direction| {
            let measured = target.of(Metric::Latency, direction.operation())?;
            Latencies::new(measured)
        });
        let outstanding = target
            .of(Metric::OutstandingIos, Operation::All)
            .and_then(|interval| {
                Some(Outstanding {
                    limits: interval.limits.clone(),
                    balance: Balance::new(interval)?,
                })
            })
            .filter(|_| latencies.iter().any(Option::is_some));
        Some(Self {
            gaps: Gaps::new(interarrival, commands, total_us, longest_us)?,
            most_ahead: most_ahead(target, commands, total_us),
            chosen_gap: None,
            outstanding,
            latencies,
        })
    }

    /// The gap before the next command, whole microseconds.
    pub(super) fn next_gap_us(&mut self, now_us: f64, in_flight: &mut InFlight, random: &mut ChaCha8Rng) -> f64 {
        let gap = self.chosen_gap.take().unwrap_or_else(|| {
            in_flight.forget_before(now_us);
            self.choose(now_us, &[None], in_flight, random).gap
        });
        self.gaps.take_us(gap)
    }

    /// Notes that a command was issued, and chooses how long it stays in flight together with the gap behind it: a host
    /// that waits for one command before it issues the next has long gaps behind long latencies.
    pub(super) fn issued(
        &mut self,
        direction: Direction,
        now_us: f64,
        in_flight: &mut InFlight,
        random: &mut ChaCha8Rng,
    ) -> Option<f64> {
        in_flight.forget_before(now_us);
        let slot = usize::from(direction == Direction::Write);
        let latencies = self.latencies.get(slot).and_then(Option::as_ref)?;
        let proposed: [Option<(usize, f64)>; LATENCY_PROPOSALS] = std::array::from_fn(|_| Some(latencies.draw(random)));
        let Chosen { gap, latency } = self.choose(now_us, &proposed, in_flight, random);
        let (bucket, latency_us) = latency?;
        if let Some(Some(latencies)) = self.latencies.get_mut(slot) {
            latencies.balance.used(bucket);
        }
        self.chosen_gap = self.gaps.left().any(|left| left > 0).then_some(gap);
        in_flight.push(now_us + latency_us);
        Some(latency_us)
    }

    /// The next gap's bucket, and one of the latencies of the command at `now_us`, after which the next command finds as
    /// many in flight as is still asked for.
    fn choose(
        &mut self,
        now_us: f64,
        latencies: &[Option<(usize, f64)>],
        in_flight: &InFlight,
        random: &mut ChaCha8Rng,
    ) -> Chosen {
        let gaps: [usize; GAP_PROPOSALS] = std::array::from_fn(|_| drawn(&self.gaps, random));
        let first = Chosen {
            gap: gaps[0],
            latency: latencies.first().copied().flatten(),
        };
        let Some(outstanding) = &mut self.outstanding else {
            return first;
        };
        // What was put off has to be paid back before the end.
        let left: u64 = self.gaps.left().sum();
        let most_ahead = self.most_ahead.min(PAID_BACK * left as f64);
        let mut best: Option<(f64, usize, Chosen)> = None;
        for (index, &gap) in gaps.iter().enumerate() {
            let is_ahead = index > 0 && self.gaps.ahead(gap) > most_ahead;
            if is_ahead || gaps.iter().take(index).any(|before| *before == gap) {
                continue;
            }
            let gap_us = self.gaps.peek_us(gap);
            let others = in_flight.at(now_us + gap_us);
            for &latency in latencies {
                let own = usize::from(latency.is_some_and(|(_, latency_us)| latency_us > gap_us));
                let found = i64::try_from(others + own + 1).unwrap_or(i64::MAX);
                let bucket = outstanding.limits.bucket_of(found);
                let wanted = outstanding.balance.deficit(bucket);
                if best.is_none_or(|(most, ..)| wanted > most) {
                    best = Some((wanted, bucket, Chosen { gap, latency }));
                }
            }
        }
        let Some((_, bucket, chosen)) = best else { return first };
        outstanding.balance.used(bucket);
        chosen
    }
}

/// How far the order of the gaps may depart from an even mixture. Where commands find no more others in flight than
/// independent arrivals would (the mean at arrival is then 1 + rate * latency), there are no bursts to be made, and a
/// long departure would only be paid back by a burst at the end.
fn most_ahead(target: &IntervalSet, commands: u64, total_us: f64) -> f64 {
    let mean = |metric| {
        let interval = target.of(metric, Operation::All)?;
        Some(estimate::mean(interval, metric)?.est)
    };
    let both = mean(Metric::OutstandingIos).zip(mean(Metric::Latency));
    let is_bursty =
        both.is_some_and(|(found, latency_us)| found > BURSTY * (1.0 + commands as f64 / total_us * latency_us));
    if is_bursty {
        (BURST_SHARE * commands as f64).clamp(LEAST_AHEAD, LONGEST_BURST)
    } else {
        LEAST_AHEAD
    }
}

/// A bucket of gaps, as often as there are gaps left in it.
fn drawn(gaps: &Gaps, random: &mut ChaCha8Rng) -> usize {
    let left: u64 = gaps.left().sum();
    let mut draw = random.random_range(0..left.max(1));
    for (bucket, left) in gaps.left().enumerate() {
        if draw < left {
            return bucket;
        }
        draw -= left;
    }
    0
}

impl Latencies {
    /// `None` when the histogram is empty.
    fn new(measured: &Interval) -> Option<Self> {
        Some(Self {
            balance: Balance::new(measured)?,
            buckets: (0..measured.counts.len())
                .map(|index| {
                    let (low, high) = bucket_range(measured, index);
                    (low.max(1.0), high.max(low).max(1.0))
                })
                .collect(),
        })
    }

    /// A latency, log-uniform inside its bucket, and that bucket; microseconds.
    fn draw(&self, random: &mut ChaCha8Rng) -> (usize, f64) {
        let index = self.balance.draw(random);
        let (low, high) = self.buckets.get(index).copied().unwrap_or((1.0, 1.0));
        (index, low * (high / low).powf(random.random_range(0.0..1.0)))
    }
}
