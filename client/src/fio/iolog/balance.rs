//! Keeps the counts of a growing log near the shares of a histogram.

use rand::Rng;
use rand_chacha::ChaCha8Rng;
use vscsi_shared::histogram::Interval;

/// A histogram's shares, and how far each bucket is behind its share.
#[derive(Debug, Clone)]
pub(super) struct Balance {
    shares: Vec<f64>,
    /// What the shares ask for after the next command, less what was used.
    deficits: Vec<f64>,
}

impl Balance {
    /// Starts with nothing used. `None` when the histogram is empty.
    pub(super) fn new(target: &Interval) -> Option<Self> {
        Self::from_weights(target.counts.iter().map(|&count| count as f64).collect())
    }

    /// The same from weights that are not negative; `None` when all are zero.
    pub(super) fn from_weights(weights: Vec<f64>) -> Option<Self> {
        let total: f64 = weights.iter().sum();
        let shares: Vec<f64> = weights.into_iter().map(|weight| weight / total).collect();
        (total > 0.0).then(|| Self {
            deficits: shares.clone(),
            shares,
        })
    }

    /// How many more uses of the bucket the shares ask for after the next command; negative when it is ahead.
    pub(super) fn deficit(&self, bucket: usize) -> f64 {
        self.deficits.get(bucket).copied().unwrap_or(0.0)
    }

    /// Whether the histogram has anything in this bucket.
    pub(super) fn has(&self, bucket: usize) -> bool {
        self.shares.get(bucket).is_some_and(|share| *share > 0.0)
    }

    /// Counts a use.
    pub(super) fn used(&mut self, bucket: usize) {
        if let Some(deficit) = self.deficits.get_mut(bucket) {
            *deficit -= 1.0;
        }
        for (deficit, share) in self.deficits.iter_mut().zip(&self.shares) {
            *deficit += share;
        }
    }

    /// The bucket that is furthest behind.
    pub(super) fn most_wanted(&self) -> usize {
        let deficits = self.deficits.iter().enumerate();
        deficits
            .max_by(|one, other| one.1.total_cmp(other.1))
            .map_or(0, |(bucket, _)| bucket)
    }

    /// A bucket drawn by its deficit: those behind in proportion, those ahead not at all.
    pub(super) fn draw(&self, random: &mut ChaCha8Rng) -> usize {
        let wanted: f64 = self.deficits.iter().map(|deficit| deficit.max(0.0)).sum();
        let mut draw = random.random_range(0.0..1.0) * wanted;
        for (bucket, deficit) in self.deficits.iter().enumerate() {
            draw -= deficit.max(0.0);
            if draw < 0.0 {
                return bucket;
            }
        }
        self.most_wanted()
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    #[test]
    fn drawing_by_deficit_keeps_every_count_within_a_few_of_its_share() {
        let mut balance = Balance::from_weights(vec![70.0, 29.0, 1.0]).unwrap();
        let mut random = ChaCha8Rng::seed_from_u64(1);
        let mut counts = [0.0_f64; 3];
        for _ in 0..10_000 {
            let bucket = balance.draw(&mut random);
            balance.used(bucket);
            counts[bucket] += 1.0;
        }
        for (count, share) in counts.iter().zip([0.70, 0.29, 0.01]) {
            assert!((count - share * 10_000.0).abs() < 5.0, "{counts:?}");
        }
    }
}
