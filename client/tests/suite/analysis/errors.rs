//! How far the estimated percentiles are from the true ones, over many sets of values like those of real disks.
//!
//! The figures of `METHODS.md` are printed by `cargo test -p vscsi-helper --test suite errors -- --nocapture`.

use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use vscsi_helper::analysis::estimate::{PerMille, percentile};
use vscsi_shared::histogram::{Histogram, Interval, Limits, Metric, Summary};

use crate::support::raw_job::nearest_rank;

/// Sets of each kind.
const SETS: u64 = 100;
/// Values in a set: a quiet minute.
const VALUES: usize = 2000;

const PERCENTILES: [PerMille; 4] = [PerMille::P50, PerMille::P95, PerMille::P99, PerMille::P999];

/// A kind of values, and how a set of it is made.
type Kind = (&'static str, Metric, fn(&mut ChaCha8Rng) -> Vec<i64>);

fn normal(random: &mut ChaCha8Rng) -> f64 {
    // G. E. P. Box, M. E. Muller, "A Note on the Generation of Random Normal Deviates", 1958.
    let radius = (-2.0 * (1.0 - random.random::<f64>()).ln()).sqrt();
    radius * (std::f64::consts::TAU * random.random::<f64>()).cos()
}

/// Between two numbers, each order of magnitude as likely as another.
fn between(random: &mut ChaCha8Rng, low: f64, high: f64) -> f64 {
    low * (high / low).powf(random.random())
}

#[expect(clippy::cast_possible_truncation, reason = "microseconds of a test")]
fn whole(value: f64) -> i64 {
    value.round().max(1.0) as i64
}

/// One kind of storage: a median of 80 us to 20 ms, with a short or a long tail.
fn latencies(random: &mut ChaCha8Rng) -> Vec<i64> {
    let (median, sigma) = (between(random, 80.0, 20_000.0), between(random, 0.15, 1.2));
    (0..VALUES)
        .map(|_| whole(median * (sigma * normal(random)).exp()))
        .collect()
}

/// A cache in front of something slower.
fn latencies_with_a_cache(random: &mut ChaCha8Rng) -> Vec<i64> {
    let (hit, miss) = (between(random, 60.0, 400.0), between(random, 2000.0, 15_000.0));
    let hits = random.random_range(0.3..0.95);
    (0..VALUES)
        .map(|_| {
            let median = if random.random_bool(hits) { hit } else { miss };
            whole(median * (0.4 * normal(random)).exp())
        })
        .collect()
}

/// I/Os that come independently of each other.
fn interarrivals(random: &mut ChaCha8Rng) -> Vec<i64> {
    let mean = between(random, 30.0, 30_000.0);
    (0..VALUES)
        .map(|_| whole(-mean * (1.0 - random.random::<f64>()).ln()))
        .collect()
}

/// I/Os that find others waiting: a geometric number of them, and themselves.
fn outstanding(random: &mut ChaCha8Rng) -> Vec<i64> {
    let mean = between(random, 0.5, 40.0);
    let stays = (mean / (1.0 + mean)).ln();
    (0..VALUES)
        .map(|_| whole(((1.0 - random.random::<f64>()).ln() / stays).floor() + 1.0))
        .collect()
}

/// What vscsiStats keeps of the values.
fn counted(metric: Metric, values: &[i64]) -> Interval {
    let limits = Limits::known(metric);
    let mut counts = vec![0; limits.as_slice().len() + 1];
    for value in values {
        counts[limits.as_slice().iter().take_while(|limit| *limit < value).count()] += 1;
    }
    let count = values.len() as u64;
    let summary = Summary::exact(
        *values.iter().min().unwrap(),
        *values.iter().max().unwrap(),
        values.iter().sum::<i64>() / i64::try_from(count).unwrap(),
        count,
    );
    Histogram::new(limits, counts, summary).unwrap().whole()
}

fn median(errors: &mut [f64]) -> f64 {
    errors.sort_by(f64::total_cmp);
    errors[errors.len() / 2]
}

#[test]
fn the_median_error_of_the_estimates_is_what_the_documentation_says() {
    // With the median error that METHODS.md states, in percent.
    let kinds: [(Kind, f64); 4] = [
        (("latency, one kind of storage", Metric::Latency, latencies), 11.0),
        (("latency, with a cache", Metric::Latency, latencies_with_a_cache), 15.0),
        (("interarrival", Metric::Interarrival, interarrivals), 11.0),
        (("queue depth", Metric::OutstandingIos, outstanding), 4.0),
    ];
    println!("{:<30} {:>8} {:>8} {:>8}   inside", "", "median", "90 %", "worst");
    for ((name, metric, set), documented) in kinds {
        let mut errors = Vec::new();
        let mut inside = 0;
        for seed in 0..SETS {
            let values = set(&mut ChaCha8Rng::seed_from_u64(seed));
            let interval = counted(metric, &values);
            for per_mille in PERCENTILES {
                let truth = nearest_rank(&values, u64::from(per_mille.0)) as f64;
                let range = percentile(&interval, metric, per_mille).unwrap();
                inside += usize::from(range.lo <= truth && range.hi.is_none_or(|hi| truth <= hi));
                errors.push(100.0 * (range.est - truth).abs() / truth);
            }
        }
        let median = median(&mut errors);
        println!(
            "{name:<30} {median:>6.1} % {:>6.1} % {:>6.1} %   {inside} of {}",
            errors[errors.len() * 9 / 10],
            errors[errors.len() - 1],
            errors.len()
        );
        assert_eq!(inside, errors.len(), "{name}");
        assert!((median - documented).abs() <= 0.5, "{name}: {median} %");
    }
}
