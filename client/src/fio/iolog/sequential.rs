//! Which sizes the sequential commands have.
//!
//! vscsiStats counts how many commands are sequential and how many have each size, and not which of them. What differs
//! between samples tells: where the large writes are more and the sequential ones too, the large ones are sequential.
//! So the sequential commands of each sample are taken as a sum over its sizes, each size with one share, which is
//! solved by least squares. A share that the samples do not determine stays near that of all commands: the prior has a
//! standard deviation of a quarter, and samples that do not follow one row of shares count less by their own scatter.

use vscsi_shared::histogram::{Interval, IntervalSet, Metric};

use crate::analysis::estimate;
use crate::stream::{Direction, bucket_range};

/// Variance of a share before any sample was looked at.
const PRIOR_VARIANCE: f64 = 0.25 * 0.25;
/// Rounds in which the scatter of the samples is found.
const SCATTER_ROUNDS: usize = 4;
/// Rounds of the descent; each share is set to its best value, the others given.
const DESCENT_ROUNDS: usize = 300;

/// The share of each size bucket of a direction that is sequential, 0 to 1.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct SequentialSizes {
    shares: Vec<f64>,
}

/// What one sample says: commands of each size bucket, and how many of all were sequential.
struct Equation {
    sizes: Vec<f64>,
    sequential: f64,
    /// Commands that were counted.
    commands: f64,
}

impl SequentialSizes {
    /// The shares of a direction of one disk over its samples, such that they give the sequential commands of `whole`.
    pub(super) fn of<'a>(
        samples: impl Iterator<Item = &'a IntervalSet>,
        whole: &IntervalSet,
        direction: Direction,
    ) -> Option<Self> {
        let total = Equation::of(whole, direction)?;
        let equations: Vec<Equation> = samples
            .filter_map(|sample| Equation::of(sample, direction))
            .filter(|equation| equation.sizes.len() == total.sizes.len())
            .collect();
        let overall = (total.sequential / total.commands).clamp(0.0, 1.0);
        let mut fitted = Self {
            shares: vec![overall; total.sizes.len()],
        };
        if overall > 0.0 && overall < 1.0 && equations.len() > 1 {
            fitted.fit(&equations, overall);
        }
        Some(fitted.giving(&total))
    }

    /// The shares as they have to be in one sample, so that they give its own number of sequential commands.
    pub(super) fn within(&self, sample: &IntervalSet, direction: Direction) -> Option<Self> {
        let own = Equation::of(sample, direction)?;
        (own.sizes.len() == self.shares.len()).then(|| self.giving(&own))
    }

    /// The share of a size bucket.
    pub(super) fn share(&self, bucket: usize) -> f64 {
        self.shares.get(bucket).copied().unwrap_or(0.0)
    }

    fn fit(&mut self, equations: &[Equation], overall: f64) {
        let binomial = overall * (1.0 - overall);
        // Sequential commands come in runs, so their number scatters more than that of independent ones.
        let mut scatter = 1.0;
        for _ in 0..SCATTER_ROUNDS {
            self.descend(equations, overall, |equation| {
                scatter * binomial * equation.commands.max(1.0)
            });
            let residuals = equations.iter().map(|equation| {
                let error = equation.sequential - self.sum(equation);
                error * error / (binomial * equation.commands.max(1.0))
            });
            let freedom = equations.len().saturating_sub(1).max(1) as f64;
            scatter = (residuals.sum::<f64>() / freedom).max(1.0);
        }
    }

    /// Least squares with the prior, each share between 0 and 1.
    fn descend(&mut self, equations: &[Equation], overall: f64, variance: impl Fn(&Equation) -> f64) {
        let size = self.shares.len();
        let mut matrix = vec![vec![0.0; size]; size];
        let mut right = vec![overall / PRIOR_VARIANCE; size];
        for equation in equations {
            let weight = 1.0 / variance(equation);
            for ((row, right), one) in matrix.iter_mut().zip(&mut right).zip(&equation.sizes) {
                *right += weight * one * equation.sequential;
                for (cell, other) in row.iter_mut().zip(&equation.sizes) {
                    *cell += weight * one * other;
                }
            }
        }
        for _ in 0..DESCENT_ROUNDS {
            for (index, (row, right)) in matrix.iter().zip(&right).enumerate() {
                let own = row.get(index).copied().unwrap_or(0.0);
                let all: f64 = row.iter().zip(&self.shares).map(|(cell, share)| cell * share).sum();
                if let Some(share) = self.shares.get_mut(index) {
                    *share = ((right - all + own * *share) / (own + 1.0 / PRIOR_VARIANCE)).clamp(0.0, 1.0);
                }
            }
        }
    }

    fn sum(&self, equation: &Equation) -> f64 {
        equation
            .sizes
            .iter()
            .zip(&self.shares)
            .map(|(size, share)| size * share)
            .sum()
    }

    /// The shares moved by one step on the scale of odds, so that they give the equation's number.
    fn giving(&self, equation: &Equation) -> Self {
        let (mut low, mut high) = (-20.0_f64, 20.0_f64);
        let moved = |step: f64| Self {
            shares: self.shares.iter().map(|share| moved_on_odds(*share, step)).collect(),
        };
        let commands: f64 = equation.sizes.iter().sum();
        let wanted = (equation.sequential / equation.commands).clamp(0.0, 1.0) * commands;
        for _ in 0..60 {
            let step = f64::midpoint(low, high);
            if moved(step).sum(equation) < wanted {
                low = step;
            } else {
                high = step;
            }
        }
        moved(f64::midpoint(low, high))
    }
}

impl Equation {
    /// `None` for a direction without commands or distances.
    fn of(histograms: &IntervalSet, direction: Direction) -> Option<Self> {
        let sizes = histograms.of(Metric::IoLength, direction.operation())?;
        let seeks = histograms.of(Metric::SeekDistance, direction.operation())?;
        let commands = seeks.total();
        let sequential = seeks.counts.get(seeks.limits.bucket_of(1)).copied()?;
        (commands > 0 && sizes.total() > 0).then(|| Self {
            sizes: sizes.counts.iter().map(|&count| count as f64).collect(),
            sequential: sequential as f64,
            commands: commands as f64,
        })
    }
}

fn moved_on_odds(share: f64, step: f64) -> f64 {
    const EDGE: f64 = 1e-6;
    let share = share.clamp(EDGE, 1.0 - EDGE);
    let odds = (share / (1.0 - share)).ln() + step;
    1.0 / (1.0 + (-odds).exp())
}

/// Bounds of the share of a direction's bytes that is sequential, and what the shares of sizes say, each 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SequentialBytes {
    /// If the smallest commands were the sequential ones.
    pub lo: f64,
    /// By the shares.
    pub est: f64,
    /// If the largest commands were the sequential ones.
    pub hi: f64,
}

impl SequentialBytes {
    pub(super) fn of(sizes: &Interval, shares: &SequentialSizes) -> Self {
        let total = estimate::sum(sizes, Metric::IoLength).est;
        // Inside a bucket commands are taken as long as on average, which is what the log gives them.
        let mut buckets: Vec<(f64, f64, f64)> = Vec::new();
        for (index, &count) in sizes.counts.iter().enumerate().filter(|(_, count)| **count > 0) {
            let (low, high) = bucket_range(sizes, index);
            buckets.push((count as f64, f64::midpoint(low, high), shares.share(index)));
        }
        let middle: f64 = buckets.iter().map(|(count, bytes, _)| count * bytes).sum();
        let scale = if middle > 0.0 { total / middle } else { 0.0 };
        let commands: f64 = buckets.iter().map(|(count, _, share)| count * share).sum();
        let taken = |buckets: &mut dyn Iterator<Item = &(f64, f64, f64)>| {
            let mut left = commands;
            let mut bytes = 0.0;
            for (count, size, _) in buckets {
                let here = count.min(left);
                left -= here;
                bytes += here * size;
            }
            bytes
        };
        let share = |bytes: f64| {
            if total > 0.0 {
                (bytes * scale / total).clamp(0.0, 1.0)
            } else {
                0.0
            }
        };
        Self {
            lo: share(taken(&mut buckets.iter())),
            est: share(buckets.iter().map(|(count, bytes, share)| count * bytes * share).sum()),
            hi: share(taken(&mut buckets.iter().rev())),
        }
    }
}

#[cfg(test)]
mod tests {
    use vscsi_shared::histogram::{HistogramKind, Limits};

    use super::*;

    /// Writes of which `small` have 4 KiB and `large` 64 KiB, `sequential` of all.
    fn sample(small: u64, large: u64, sequential: u64) -> IntervalSet {
        let mut set = IntervalSet::default();
        let mut put = |metric, counts: &[(i64, u64)]| {
            let mut interval = Interval::empty(Limits::known(metric));
            for &(value, count) in counts {
                interval.counts[interval.limits.bucket_of(value)] += count;
                interval.count += count;
                interval.sum_at_least += i128::from(value) * i128::from(count);
                interval.sum_at_most += i128::from(value) * i128::from(count);
            }
            set.insert(
                HistogramKind::new(metric, Direction::Write.operation()).unwrap(),
                interval,
            );
        };
        put(Metric::IoLength, &[(4096, small), (65_536, large)]);
        put(
            Metric::SeekDistance,
            &[(1, sequential), (99_999, small + large - sequential)],
        );
        set
    }

    fn shares(samples: &[IntervalSet], whole: &IntervalSet) -> (f64, f64) {
        let found = SequentialSizes::of(samples.iter(), whole, Direction::Write).unwrap();
        let at = |bytes| found.share(Limits::known(Metric::IoLength).bucket_of(bytes));
        (at(4096), at(65_536))
    }

    #[test]
    fn samples_with_more_large_commands_and_more_sequential_ones_show_which_are_sequential() {
        let samples = [
            sample(9000, 1000, 1000),
            sample(5000, 5000, 5000),
            sample(1000, 9000, 9000),
        ];
        let (small, large) = shares(&samples, &sample(15_000, 15_000, 15_000));
        assert!(small < 0.02 && large > 0.98, "{small} {large}");
    }

    #[test]
    fn samples_that_are_all_alike_leave_every_size_its_share() {
        let samples = [sample(500, 500, 300), sample(500, 500, 300)];
        let (small, large) = shares(&samples, &sample(1000, 1000, 600));
        assert!(
            (small - 0.3).abs() < 0.01 && (large - 0.3).abs() < 0.01,
            "{small} {large}"
        );
    }

    #[test]
    fn samples_that_contradict_each_other_leave_every_size_nearly_its_share() {
        // As many large ones, and once all, once none of the commands are sequential.
        let samples = [
            sample(500, 510, 990),
            sample(510, 500, 10),
            sample(500, 500, 10),
            sample(505, 505, 990),
        ];
        let (small, large) = shares(&samples, &sample(2015, 2015, 2000));
        assert!(
            (small - 0.5).abs() < 0.1 && (large - 0.5).abs() < 0.1,
            "{small} {large}"
        );
    }

    #[test]
    fn the_bounds_of_sequential_bytes_take_the_smallest_and_the_largest_commands() {
        // 100 of 4 KiB and 100 of 64 KiB, half of them sequential: 4096 of 69632 bytes, or 65536 of them.
        let whole = sample(100, 100, 100);
        let shares = SequentialSizes::of(std::iter::empty(), &whole, Direction::Write).unwrap();
        let sizes = whole.of(Metric::IoLength, Direction::Write.operation()).unwrap();
        let bytes = SequentialBytes::of(sizes, &shares);
        assert!((bytes.lo - 4096.0 / 69_632.0).abs() < 0.01, "{bytes:?}");
        assert!((bytes.est - 0.5).abs() < 0.01, "{bytes:?}");
        assert!((bytes.hi - 65_536.0 / 69_632.0).abs() < 0.01, "{bytes:?}");
    }
}
