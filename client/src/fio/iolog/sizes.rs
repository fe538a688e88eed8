//! The sizes of commands, one direction at a time.

use rand::Rng;
use rand_chacha::ChaCha8Rng;
use vscsi_shared::histogram::Interval;

use super::balance::Balance;
use crate::fio::sizes::Occupied;

/// Draws sizes of one direction.
#[derive(Debug, Clone)]
pub(super) struct Sizes {
    balance: Balance,
    buckets: Vec<Occupied>,
    position: f64,
}

impl Sizes {
    /// Sizes that follow the histogram and keep its mean. `None` when it is empty.
    pub(super) fn new(sizes: &Interval) -> Option<Self> {
        let buckets = Occupied::of(sizes);
        let weights = buckets.iter().map(|bucket| bucket.count).collect();
        Some(Self {
            balance: Balance::from_weights(weights)?,
            position: Occupied::position_of_mean(sizes, &buckets),
            buckets,
        })
    }

    /// The next size, bytes: spread evenly around the position that keeps the mean, as far as the bucket reaches.
    pub(super) fn next(&mut self, random: &mut ChaCha8Rng) -> u64 {
        let index = self.balance.draw(random);
        self.balance.used(index);
        let reach = self.position.min(1.0 - self.position);
        let position = self.position + random.random_range(-1.0..=1.0) * reach;
        self.buckets.get(index).map_or(4096, |bucket| bucket.at(position))
    }
}
