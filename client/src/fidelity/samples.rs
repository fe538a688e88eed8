//! How near a replay comes to each of the samples that it was made from.

use serde::{Deserialize, Serialize};

/// F of each sample, in short.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct SampleFidelity {
    /// The lowest F.
    pub worst: f64,
    /// The F that half of the samples do not reach.
    pub median: f64,
    /// The mean F, each sample weighted by its I/Os.
    pub mean: f64,
    /// Samples with enough I/O to judge.
    pub judged: usize,
    /// All samples.
    pub samples: usize,
    /// Share of the I/Os in the samples judged, 0 to 1.
    pub io_share: f64,
}

impl SampleFidelity {
    /// Of samples with their I/Os and F, which a sample with too little I/O has not. `None` when no sample has.
    pub(crate) fn of(samples: &[(u64, Option<f64>)]) -> Option<Self> {
        let mut judged: Vec<(f64, f64)> = samples
            .iter()
            .filter_map(|(ios, score)| Some((*ios as f64, (*score)?)))
            .collect();
        judged.sort_by(|one, other| one.1.total_cmp(&other.1));
        let all: f64 = samples.iter().map(|(ios, _)| *ios as f64).sum();
        let ios: f64 = judged.iter().map(|(ios, _)| ios).sum();
        Some(Self {
            worst: judged.first()?.1,
            median: judged.get(judged.len() / 2)?.1,
            mean: judged.iter().map(|(ios, score)| ios * score).sum::<f64>() / ios,
            judged: judged.len(),
            samples: samples.len(),
            io_share: ios / all,
        })
    }
}

impl std::fmt::Display for SampleFidelity {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            worst,
            median,
            mean,
            judged,
            samples,
            io_share,
        } = self;
        write!(
            formatter,
            "against each sample F {mean:.1} on average of the I/O, median {median:.1}, worst {worst:.1} ({judged} of {samples} \
             samples, {:.1}% of the I/O)",
            io_share * 100.0
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_busy_sample_weighs_by_its_ios_and_a_quiet_one_is_not_judged() {
        let found = SampleFidelity::of(&[(900, Some(99.0)), (100, Some(49.0)), (10, None)]).unwrap();
        assert!((found.mean - 94.0).abs() < 1e-9);
        assert!((found.worst - 49.0).abs() < 1e-9 && (found.median - 99.0).abs() < 1e-9);
        assert_eq!((found.judged, found.samples), (2, 3));
        assert!((found.io_share - 1000.0 / 1010.0).abs() < 1e-9);
        assert_eq!(SampleFidelity::of(&[(10, None)]), None);
    }
}
