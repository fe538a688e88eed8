//! The sizes of commands, one direction at a time.
//!
//! Sequential commands and the others draw from two rows of counts, whose sum is the histogram. A command that continues
//! another is as long as that one while its row has such sizes left: a stream that is read or written from one end to
//! the other uses one size.

use rand::Rng;
use rand_chacha::ChaCha8Rng;
use vscsi_shared::histogram::Interval;

use super::balance::Balance;
use super::sequential::SequentialSizes;
use crate::fio::sizes::Occupied;

/// How far ahead of its share a size may be while a stream goes on with it: a part of the commands, and no more than some.
const RUN_SHARE: f64 = 0.002;
const LONGEST_RUN: f64 = 64.0;

/// Whether a command begins where the one before it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    Sequential,
    Elsewhere,
}

/// Draws sizes of one direction.
#[derive(Debug, Clone)]
pub(super) struct Sizes {
    /// Sequential commands, and the others; `None` where there are none of them.
    rows: [Option<Balance>; 2],
    buckets: Vec<Occupied>,
    position: f64,
    /// How far ahead of its share a size may be.
    longest_run: f64,
    /// Bytes drawn beyond what the mean asks for.
    ahead_bytes: f64,
}

impl Sizes {
    /// Sizes for about `commands` commands that follow the histogram and keep its mean, multiples of `step_bytes`. `None`
    /// when it is empty.
    pub(super) fn new(
        sizes: &Interval,
        sequential: Option<&SequentialSizes>,
        commands: u64,
        step_bytes: u64,
    ) -> Option<Self> {
        let buckets = Occupied::in_steps(sizes, step_bytes);
        let occupied = sizes.counts.iter().enumerate().filter(|(_, count)| **count > 0);
        let shares: Vec<f64> = occupied
            .map(|(index, _)| sequential.map_or(0.0, |shares| shares.share(index)))
            .collect();
        let row = |share: fn(f64) -> f64| {
            let weights = buckets.iter().zip(&shares);
            Balance::from_weights(weights.map(|(bucket, of)| bucket.count * share(*of)).collect())
        };
        let rows = [row(|share| share), row(|share| 1.0 - share)];
        (!buckets.is_empty()).then(|| Self {
            rows,
            position: Occupied::position_of_even_mean(sizes, &buckets),
            longest_run: (RUN_SHARE * commands as f64).clamp(1.0, LONGEST_RUN),
            buckets,
            ahead_bytes: 0.0,
        })
    }

    /// The size of a command that continues nothing, bytes.
    pub(super) fn fresh(&self, random: &mut ChaCha8Rng) -> u64 {
        let index = self.row(Access::Elsewhere).map_or(0, |row| row.draw(random));
        self.bytes(index, random)
    }

    /// The size of a command that continues one of `bytes`.
    pub(super) fn continuing(&self, access: Access, bytes: u64, random: &mut ChaCha8Rng) -> u64 {
        let Some(row) = self.row(access) else { return bytes };
        match self.bucket_of(bytes) {
            Some(index) if row.deficit(index) > -self.longest_run && row.has(index) => bytes,
            _ => self.bytes(row.draw(random), random),
        }
    }

    /// How much the histogram would like a command of this size; never more than a distance would be liked.
    pub(super) fn deficit(&self, access: Access, bytes: u64) -> f64 {
        let row = self.row(access).zip(self.bucket_of(bytes));
        row.map_or(0.0, |(row, index)| row.deficit(index)).clamp(-1.0, 1.0)
    }

    /// Counts a command.
    pub(super) fn used(&mut self, access: Access, bytes: u64) {
        let Some(index) = self.bucket_of(bytes) else { return };
        let expected = self
            .buckets
            .get(index)
            .map_or(0.0, |bucket| bucket.mean_at(self.position));
        self.ahead_bytes += bytes as f64 - expected;
        let slot = self.slot(access);
        if let Some(Some(row)) = self.rows.get_mut(slot) {
            row.used(index);
        }
    }

    /// The row of this kind of command, or of the other where there is none.
    fn slot(&self, access: Access) -> usize {
        let own = usize::from(access == Access::Elsewhere);
        if self.rows.get(own).is_some_and(Option::is_some) {
            own
        } else {
            1 - own
        }
    }

    fn row(&self, access: Access) -> Option<&Balance> {
        self.rows.get(self.slot(access)).and_then(Option::as_ref)
    }

    fn bucket_of(&self, bytes: u64) -> Option<usize> {
        self.buckets.iter().position(|bucket| bucket.holds(bytes))
    }

    /// A size of the bucket: around the position that keeps the mean, as far as the bucket reaches on either side, and on
    /// the side that makes up for what was drawn before.
    fn bytes(&self, index: usize, random: &mut ChaCha8Rng) -> u64 {
        let Some(bucket) = self.buckets.get(index) else {
            return 4096;
        };
        let reach = self.position.min(1.0 - self.position);
        let mut aside = random.random_range(-1.0..=1.0) * reach;
        if self.ahead_bytes.abs() > bucket.width_bytes() as f64 {
            aside = -aside.abs() * self.ahead_bytes.signum();
        }
        bucket.at_between(self.position + aside, random.random_range(0.0..1.0))
    }
}
