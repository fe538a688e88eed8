//! The direction and place of the next command.
//!
//! One place decides three distances at once: to the last command, to the last one of its direction, and to the closest
//! of sixteen. Places that each of the histograms would like are proposed, and the one that brings all of them
//! nearer to their shares is taken (the largest sum of deficits, which is the steepest descent of the sum of squared
//! deficits). Which direction goes next is part of the proposal: how often directions alternate is what ties the
//! distances of all commands to those of each direction.

use rand::Rng;
use rand_chacha::ChaCha8Rng;
use vscsi_shared::histogram::{IntervalSet, Limits, Metric, Operation};

use super::balance::Balance;
use super::place::Recent;
use crate::stream::{BLOCK_BYTES, Direction};

/// Blocks of the 4 KiB that places are aligned to where the histogram leaves room.
const ALIGNED_BLOCKS: i64 = 8;
/// Proposals drawn by deficit beside the most wanted bucket.
const DRAWS: usize = 3;

/// A histogram of distances and the state of its copy.
#[derive(Debug, Clone)]
struct Distances {
    limits: Limits,
    balance: Balance,
}

impl Distances {
    fn new(target: &IntervalSet, metric: Metric, operation: Operation) -> Option<Self> {
        let interval = target.of(metric, operation)?;
        Some(Self {
            limits: interval.limits.clone(),
            balance: Balance::new(interval)?,
        })
    }

    fn deficit(&self, distance: i64) -> f64 {
        self.balance.deficit(self.limits.bucket_of(distance))
    }

    fn used(&mut self, distance: i64) {
        self.balance.used(self.limits.bucket_of(distance));
    }
}

/// Chooses places.
#[derive(Debug, Clone)]
pub(super) struct Placement {
    all: Option<Distances>,
    of_direction: [Option<Distances>; 2],
    closest: Option<Distances>,
    directions: Balance,
    recent: Recent,
    span_blocks: i64,
}

/// Buckets that would do the histograms of all commands good.
#[derive(Debug, Clone, Copy)]
struct Wishes {
    all: Option<[usize; DRAWS + 1]>,
    closest: Option<[usize; 2]>,
}

/// A proposed place.
#[derive(Debug, Clone, Copy)]
struct Proposal {
    direction: usize,
    first_block: i64,
    score: f64,
}

impl Placement {
    /// Places inside `span_bytes` that follow the histograms. `None` when there is no read and no write.
    pub(super) fn new(target: &IntervalSet, span_bytes: u64) -> Option<Self> {
        let commands = |direction: Direction| {
            let sizes = target.of(Metric::IoLength, direction.operation());
            sizes.map_or(0.0, |sizes| sizes.total() as f64)
        };
        let seeks = |operation| Distances::new(target, Metric::SeekDistance, operation);
        Some(Self {
            all: seeks(Operation::All),
            of_direction: [seeks(Operation::Read), seeks(Operation::Write)],
            closest: Distances::new(target, Metric::SeekDistanceClosest16, Operation::All),
            directions: Balance::from_weights(Direction::ALL.map(commands).to_vec())?,
            recent: Recent::new(),
            span_blocks: i64::try_from(span_bytes / BLOCK_BYTES).unwrap_or(i64::MAX / 4),
        })
    }

    /// Direction and first byte of the next command, given how many bytes a read and a write would have.
    pub(super) fn next(&mut self, bytes: [u64; 2], random: &mut ChaCha8Rng) -> (Direction, u64) {
        let blocks = bytes.map(|bytes| i64::try_from(bytes.div_ceil(BLOCK_BYTES)).unwrap_or(1).max(1));
        let wishes = Wishes {
            all: self.all.as_ref().map(|all| wanted(&all.balance, random)),
            closest: self
                .closest
                .as_ref()
                .map(|closest| [closest.balance.most_wanted(), closest.balance.draw(random)]),
        };
        let mut best: Option<Proposal> = None;
        for (direction, length) in blocks.into_iter().enumerate() {
            if self.directions.deficit(direction) <= -1.0 {
                continue;
            }
            self.propose(direction, length, &wishes, random, &mut best);
        }
        let chosen = best.unwrap_or_else(|| Proposal {
            direction: self.directions.most_wanted(),
            first_block: 0,
            score: 0.0,
        });
        self.take(chosen, blocks.get(chosen.direction).copied().unwrap_or(1));
        let direction = if chosen.direction == 0 {
            Direction::Read
        } else {
            Direction::Write
        };
        let offset = chosen.first_block.unsigned_abs() * BLOCK_BYTES;
        (direction, offset)
    }

    fn propose(
        &self,
        direction: usize,
        length: i64,
        wishes: &Wishes,
        random: &mut ChaCha8Rng,
        best: &mut Option<Proposal>,
    ) {
        let mut weigh = |first_block: i64, random: &mut ChaCha8Rng| {
            if first_block < 0 || first_block + length > self.span_blocks {
                return;
            }
            let tie = random.random_range(0.0..0.01);
            let score = self.score(direction, first_block) + tie;
            if best.is_none_or(|best| score > best.score) {
                *best = Some(Proposal {
                    direction,
                    first_block,
                    score,
                });
            }
        };
        let own = self.of_direction.get(direction).and_then(Option::as_ref);
        if let (Some(own), Some(end)) = (own, self.recent.last_of(direction)) {
            for bucket in wanted(&own.balance, random) {
                if let Some(place) = self.near(end, &own.limits, bucket, length, random) {
                    weigh(place, random);
                }
            }
        }
        if let (Some(all), Some(buckets), Some(end)) = (&self.all, wishes.all, self.recent.last()) {
            for bucket in buckets {
                if let Some(place) = self.near(end, &all.limits, bucket, length, random) {
                    weigh(place, random);
                }
            }
        }
        if let (Some(closest), Some(buckets)) = (&self.closest, wishes.closest) {
            for &end in self.recent.ends() {
                for bucket in buckets {
                    if let Some(place) = self.near(end, &closest.limits, bucket, length, random) {
                        weigh(place, random);
                    }
                }
            }
        }
        for _ in 0..DRAWS {
            let place = self.anywhere(length, random);
            weigh(place, random);
        }
    }

    /// The sum of the deficits of every bucket a command at this place would be counted in.
    fn score(&self, direction: usize, first_block: i64) -> f64 {
        let deficit = |distances: Option<&Distances>, end: Option<i64>| match (distances, end) {
            (Some(distances), Some(end)) => distances.deficit(first_block - end),
            _ => 0.0,
        };
        let own = self.of_direction.get(direction).and_then(Option::as_ref);
        let closest = self
            .closest
            .as_ref()
            .zip(self.recent.closest(first_block))
            .map_or(0.0, |(distances, distance)| distances.deficit(distance));
        deficit(own, self.recent.last_of(direction))
            + deficit(self.all.as_ref(), self.recent.last())
            + closest
            + self.directions.deficit(direction)
    }

    fn take(&mut self, chosen: Proposal, length: i64) {
        let first = chosen.first_block;
        if let (Some(all), Some(end)) = (&mut self.all, self.recent.last()) {
            all.used(first - end);
        }
        let own = self.of_direction.get_mut(chosen.direction).and_then(Option::as_mut);
        if let (Some(own), Some(end)) = (own, self.recent.last_of(chosen.direction)) {
            own.used(first - end);
        }
        if let (Some(closest), Some(distance)) = (&mut self.closest, self.recent.closest(first)) {
            closest.used(distance);
        }
        self.directions.used(chosen.direction);
        self.recent.push(chosen.direction, first + length - 1);
    }

    /// A place at a distance inside the bucket from `end`, aligned where the bucket is wide enough.
    fn near(&self, end: i64, limits: &Limits, bucket: usize, length: i64, random: &mut ChaCha8Rng) -> Option<i64> {
        let limits = limits.as_slice();
        let above = bucket.checked_sub(1).and_then(|below| limits.get(below));
        let least = above
            .map_or(0, |edge| end.saturating_add(*edge).saturating_add(1))
            .max(0);
        let most = limits.get(bucket).map_or(i64::MAX, |edge| end.saturating_add(*edge));
        let most = most.min(self.span_blocks - length);
        if least > most {
            return None;
        }
        let place = random.random_range(least..=most);
        let aligned = place - place.rem_euclid(ALIGNED_BLOCKS);
        Some(if aligned >= least { aligned } else { place })
    }

    fn anywhere(&self, length: i64, random: &mut ChaCha8Rng) -> i64 {
        let most = (self.span_blocks - length).max(0);
        random.random_range(0..=most) / ALIGNED_BLOCKS * ALIGNED_BLOCKS
    }
}

/// The most wanted bucket and some drawn by deficit.
fn wanted(balance: &Balance, random: &mut ChaCha8Rng) -> [usize; DRAWS + 1] {
    let mut buckets = [balance.most_wanted(); DRAWS + 1];
    for bucket in buckets.iter_mut().skip(1) {
        *bucket = balance.draw(random);
    }
    buckets
}
