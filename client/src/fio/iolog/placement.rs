//! The direction, place and size of the next command.
//!
//! One place decides three distances at once: to the last command, to the last one of its direction, and to the closest
//! of sixteen. Places that each of the histograms would like are proposed, and the one that brings all of them
//! nearer to their shares is taken (the largest sum of deficits, which is the steepest descent of the sum of squared
//! deficits). Which direction goes next is part of the proposal: how often directions alternate is what ties the
//! distances of all commands to those of each direction. A place that continues a command decides the size too.
//!
//! vscsiStats does not record which blocks are used again. So a place that was not used yet is preferred, and one comes
//! back only where a distance of the histograms leads back to it.

use rand::Rng;
use rand_chacha::ChaCha8Rng;
use vscsi_shared::histogram::{IntervalSet, Limits, Metric, Operation};

use super::balance::Balance;
use super::place::{Issued, Recent};
use super::sizes::{Access, Sizes};
use super::touched::Touched;
use crate::stream::{BLOCK_BYTES, Direction};

/// Proposals drawn by deficit beside the most wanted bucket.
const DRAWS: usize = 3;
/// Draws of a place in one bucket, until one is found that was not used.
const UNUSED_DRAWS: usize = 4;
/// How far on either side of a place the region is looked at, so that a stream that begins there has room: 8 MiB.
const ROOM_BLOCKS: i64 = 16_384;
/// What a used place costs a proposal, in commands that a distance has to be behind before it is taken all the same.
const USED_COST: f64 = 3.0;

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

    /// Whether the bucket holds the distance of a command that continues another, and no other one.
    fn continues(&self, bucket: usize) -> bool {
        bucket == self.limits.bucket_of(1)
    }
}

/// The region that is written and read, and what was done in it so far. It outlasts the stretches of a log.
#[derive(Debug, Clone)]
pub(super) struct Region {
    /// Its length.
    pub blocks: i64,
    /// Places are multiples of this where the histogram leaves room, or always.
    pub aligned_blocks: i64,
    /// Always.
    pub is_aligned: bool,
    pub recent: Recent,
    pub touched: Touched,
}

/// Chooses the places of a stretch.
#[derive(Debug, Clone)]
pub(super) struct Placement {
    all: Option<Distances>,
    of_direction: [Option<Distances>; 2],
    closest: Option<Distances>,
    directions: Balance,
}

/// Buckets that would do the histograms of all commands good.
#[derive(Debug, Clone, Copy)]
struct Wishes {
    all: Option<[usize; DRAWS + 1]>,
    closest: Option<[usize; 2]>,
}

/// A proposed place.
#[derive(Debug, Clone, Copy)]
pub(super) struct Proposal {
    pub direction: usize,
    pub first_block: i64,
    pub bytes: u64,
    access: Access,
    score: f64,
}

/// One direction, while places are proposed for it.
struct Proposing<'a> {
    placement: &'a Placement,
    region: &'a Region,
    direction: usize,
    sizes: Option<&'a Sizes>,
    /// Size of a command that continues nothing, bytes.
    fresh: u64,
    best: &'a mut Option<Proposal>,
}

impl Placement {
    /// Places that follow the histograms. `None` when there is no read and no write.
    pub(super) fn new(target: &IntervalSet) -> Option<Self> {
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
        })
    }

    /// The next command.
    pub(super) fn next(
        &mut self,
        sizes: &mut [Option<Sizes>; 2],
        region: &mut Region,
        random: &mut ChaCha8Rng,
    ) -> Proposal {
        let wishes = Wishes {
            all: self.all.as_ref().map(|all| wanted(&all.balance, random)),
            closest: self
                .closest
                .as_ref()
                .map(|closest| [closest.balance.most_wanted(), closest.balance.draw(random)]),
        };
        let mut best: Option<Proposal> = None;
        for (direction, sizes) in sizes.iter().enumerate() {
            if self.directions.deficit(direction) <= -1.0 {
                continue;
            }
            Proposing {
                placement: self,
                region,
                direction,
                fresh: sizes.as_ref().map_or(BLOCK_BYTES, |sizes| sizes.fresh(random)),
                sizes: sizes.as_ref(),
                best: &mut best,
            }
            .propose(&wishes, random);
        }
        let chosen = best.unwrap_or_else(|| Proposal {
            direction: self.directions.most_wanted(),
            first_block: 0,
            bytes: BLOCK_BYTES,
            access: Access::Elsewhere,
            score: 0.0,
        });
        self.take(&chosen, region);
        if let Some(Some(sizes)) = sizes.get_mut(chosen.direction) {
            sizes.used(chosen.access, chosen.bytes);
        }
        chosen
    }

    /// The sum of the deficits of every bucket a command at this place would be counted in.
    fn score(&self, recent: &Recent, direction: usize, first_block: i64) -> f64 {
        let deficit = |distances: Option<&Distances>, before: Option<Issued>| match (distances, before) {
            (Some(distances), Some(before)) => distances.deficit(first_block - before.last_block),
            _ => 0.0,
        };
        let own = self.of_direction.get(direction).and_then(Option::as_ref);
        let closest = self
            .closest
            .as_ref()
            .zip(recent.closest(first_block))
            .map_or(0.0, |(distances, distance)| distances.deficit(distance));
        deficit(own, recent.last_of(direction))
            + deficit(self.all.as_ref(), recent.last())
            + closest
            + self.directions.deficit(direction)
    }

    fn take(&mut self, chosen: &Proposal, region: &mut Region) {
        let first = chosen.first_block;
        let recent = &mut region.recent;
        if let (Some(all), Some(before)) = (&mut self.all, recent.last()) {
            all.used(first - before.last_block);
        }
        let own = self.of_direction.get_mut(chosen.direction).and_then(Option::as_mut);
        if let (Some(own), Some(before)) = (own, recent.last_of(chosen.direction)) {
            own.used(first - before.last_block);
        }
        if let (Some(closest), Some(distance)) = (&mut self.closest, recent.closest(first)) {
            closest.used(distance);
        }
        self.directions.used(chosen.direction);
        let last_block = first + blocks_of(chosen.bytes) - 1;
        recent.push(Issued {
            direction: chosen.direction,
            last_block,
            bytes: chosen.bytes,
        });
        region.touched.touch(first, last_block);
    }
}

impl Proposing<'_> {
    fn propose(&mut self, wishes: &Wishes, random: &mut ChaCha8Rng) {
        let (placement, region) = (self.placement, self.region);
        let own = placement.of_direction.get(self.direction).and_then(Option::as_ref);
        if let (Some(own), Some(before)) = (own, region.recent.last_of(self.direction)) {
            for bucket in wanted(&own.balance, random) {
                self.near(before, own, bucket, random);
            }
        }
        if let (Some(all), Some(buckets), Some(before)) = (&placement.all, wishes.all, region.recent.last()) {
            for bucket in buckets {
                self.near(before, all, bucket, random);
            }
        }
        if let (Some(closest), Some(buckets)) = (&placement.closest, wishes.closest) {
            for before in region.recent.commands() {
                for bucket in buckets {
                    self.near(before, closest, bucket, random);
                }
            }
        }
        for _ in 0..DRAWS {
            let most = (region.blocks - blocks_of(self.fresh)).max(0);
            if let Some(place) = self.unused(0, most, self.fresh, random) {
                self.weigh(place, self.fresh, random);
            }
        }
    }

    /// Proposes a place at a distance inside the bucket from the end of an earlier command.
    fn near(&mut self, before: Issued, distances: &Distances, bucket: usize, random: &mut ChaCha8Rng) {
        let end = before.last_block;
        let continues = distances.continues(bucket) && before.direction == self.direction;
        let bytes = match self.sizes.filter(|_| continues) {
            Some(sizes) => sizes.continuing(self.access(end + 1), before.bytes, random),
            None => self.fresh,
        };
        let limits = distances.limits.as_slice();
        let above = bucket.checked_sub(1).and_then(|below| limits.get(below));
        let least = above
            .map_or(0, |edge| end.saturating_add(*edge).saturating_add(1))
            .max(0);
        let most = limits.get(bucket).map_or(i64::MAX, |edge| end.saturating_add(*edge));
        let most = most.min(self.region.blocks - blocks_of(bytes));
        if let Some(place) = self.unused(least, most, bytes, random) {
            self.weigh(place, bytes, random);
        }
    }

    /// A place in `least..=most` for a command of `bytes`, aligned where there is room, and not used before where a few draws
    /// find one.
    fn unused(&self, least: i64, most: i64, bytes: u64, random: &mut ChaCha8Rng) -> Option<i64> {
        if least > most {
            return None;
        }
        let mut place = None;
        let is_wide = most - least >= ROOM_BLOCKS;
        let draws = if most - least < self.region.aligned_blocks {
            1
        } else {
            UNUSED_DRAWS
        };
        for _ in 0..draws {
            let drawn = random.random_range(least..=most);
            let below = drawn - drawn.rem_euclid(self.region.aligned_blocks);
            let above = below + self.region.aligned_blocks;
            place = if below >= least {
                Some(below)
            } else if above <= most {
                Some(above)
            } else {
                (!self.region.is_aligned).then_some(drawn)
            };
            let has_room = |place: i64| {
                let touched = &self.region.touched;
                !(is_wide && (touched.contains(place + ROOM_BLOCKS) || touched.contains(place - ROOM_BLOCKS)))
            };
            if place.is_some_and(|place| !self.is_used(place, bytes) && has_room(place)) {
                break;
            }
        }
        place
    }

    /// Whether a command there would use a place again, as far as its ends tell.
    fn is_used(&self, first_block: i64, bytes: u64) -> bool {
        let touched = &self.region.touched;
        touched.contains(first_block) || touched.contains(first_block + blocks_of(bytes) - 1)
    }

    /// Whether a command of this direction is sequential there.
    fn access(&self, first_block: i64) -> Access {
        match self.region.recent.last_of(self.direction) {
            Some(before) if before.last_block + 1 == first_block => Access::Sequential,
            _ => Access::Elsewhere,
        }
    }

    fn weigh(&mut self, first_block: i64, bytes: u64, random: &mut ChaCha8Rng) {
        let region = self.region;
        if first_block < 0 || first_block + blocks_of(bytes) > region.blocks {
            return;
        }
        let access = self.access(first_block);
        let of_size = self.sizes.map_or(0.0, |sizes| sizes.deficit(access, bytes));
        let tie = random.random_range(0.0..0.01);
        let mut score = self.placement.score(&region.recent, self.direction, first_block) + of_size + tie;
        let most = self.best.map_or(f64::NEG_INFINITY, |best| best.score);
        if score > most && self.is_used(first_block, bytes) {
            score -= USED_COST;
        }
        if score > most {
            *self.best = Some(Proposal {
                direction: self.direction,
                first_block,
                bytes,
                access,
                score,
            });
        }
    }
}

fn blocks_of(bytes: u64) -> i64 {
    i64::try_from(bytes.div_ceil(BLOCK_BYTES)).unwrap_or(1).max(1)
}

/// The most wanted bucket and some drawn by deficit.
fn wanted(balance: &Balance, random: &mut ChaCha8Rng) -> [usize; DRAWS + 1] {
    let mut buckets = [balance.most_wanted(); DRAWS + 1];
    for bucket in buckets.iter_mut().skip(1) {
        *bucket = balance.draw(random);
    }
    buckets
}
