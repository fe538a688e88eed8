//! One histogram of two workloads: whether they differ by more than two samples of one workload do.

use std::fmt::Write as _;

use serde::Serialize;
use vscsi_shared::histogram::{HistogramKind, Interval, IntervalSet};

use super::difference::percent_of;
use crate::analysis::estimate::{self, Range};
use crate::fidelity::{Distance, distance, part_name};
use crate::stream::bucket_range;

/// The 5 % point of the normal distribution on both sides, as 1.36 is that of the distribution of KS distances.
const NORMAL_95: f64 = 1.96;

/// What two histograms tell of their workloads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Likeness {
    /// KS distance or mean is further away than chance brings two samples of one workload, in 95 of 100 cases.
    Differs,
    /// Neither is.
    WithinChance,
    /// Only one of the workloads has values in it.
    OneSided,
    /// The bucket limits are not the same, as of two versions of ESXi, and the means tell no difference.
    OtherLimits,
}

impl Likeness {
    /// The words of the tables.
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::Differs => "differs",
            Self::WithinChance => "not more than chance",
            Self::OneSided => "only one has values",
            Self::OtherLimits => "other bucket limits",
        }
    }
}

/// How the mean moved.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct MeanShift {
    /// That of the candidate in percent of the baseline's.
    pub percent: Range,
    /// Two samples of one workload are apart by up to so many points, in 95 of 100 cases.
    pub chance: f64,
}

impl MeanShift {
    fn of(kind: HistogramKind, baseline: &Interval, candidate: &Interval) -> Option<Self> {
        if kind.metric().is_signed() {
            return None;
        }
        let mean = |interval| estimate::mean(interval, kind.metric());
        let squared_error = squared_relative_error(baseline) + squared_relative_error(candidate);
        Some(Self {
            percent: percent_of(mean(baseline)?, mean(candidate)?)?,
            chance: 100.0 * NORMAL_95 * squared_error.sqrt(),
        })
    }

    fn differs(self) -> bool {
        self.percent.lo > 100.0 + self.chance || self.percent.hi.is_some_and(|hi| hi < 100.0 - self.chance)
    }
}

/// Variance over squared mean and number of the values, each spread evenly over its bucket.
fn squared_relative_error(interval: &Interval) -> f64 {
    let (mut sum, mut squares) = (0.0, 0.0);
    for (index, &count) in interval.counts.iter().enumerate().filter(|(_, count)| **count > 0) {
        let (low, high) = bucket_range(interval, index);
        sum += count as f64 * f64::midpoint(low, high);
        squares += count as f64 * (low * low + low * high + high * high) / 3.0;
    }
    let number = interval.total() as f64;
    let mean = sum / number;
    if mean > 0.0 {
        (squares / number / (mean * mean) - 1.0).max(0.0) / number
    } else {
        0.0
    }
}

/// One histogram of both workloads.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ComparedHistogram {
    /// Which it is.
    #[serde(flatten)]
    pub kind: HistogramKind,
    /// What the two tell.
    pub likeness: Likeness,
    /// How far their shares are apart; `None` where they cannot be compared.
    #[serde(flatten)]
    pub distance: Option<Distance>,
    /// How the mean moved; `None` for distances on the disk, whose mean says nothing, and without values.
    pub mean: Option<MeanShift>,
}

impl ComparedHistogram {
    /// Every histogram in which one of the two has values.
    pub(crate) fn all(baseline: &IntervalSet, candidate: &IntervalSet) -> Vec<Self> {
        let filled = |set: &IntervalSet| -> Vec<HistogramKind> {
            let filled = set.iter().filter(|(_, interval)| interval.total() > 0);
            filled.map(|(kind, _)| kind).collect()
        };
        let of_baseline = filled(baseline);
        let of_candidate = filled(candidate);
        let more = of_candidate.iter().filter(|kind| !of_baseline.contains(kind));
        let kinds = of_baseline.iter().chain(more);
        kinds
            .map(|&kind| Self::of(kind, baseline.get(kind), candidate.get(kind)))
            .collect()
    }

    fn of(kind: HistogramKind, baseline: Option<&Interval>, candidate: Option<&Interval>) -> Self {
        let filled = |side: Option<&'_ Interval>| side.is_some_and(|interval| interval.total() > 0);
        let both = baseline
            .zip(candidate)
            .filter(|_| filled(baseline) && filled(candidate));
        let distance = both.and_then(|(baseline, candidate)| distance(baseline, candidate).ok());
        let mean = both.and_then(|(baseline, candidate)| MeanShift::of(kind, baseline, candidate));
        let likeness = match (both, distance) {
            (None, _) => Likeness::OneSided,
            (Some(_), _) if mean.is_some_and(MeanShift::differs) => Likeness::Differs,
            (Some(_), None) => Likeness::OtherLimits,
            (Some(_), Some(distance)) if distance.ks > distance.sampling_floor => Likeness::Differs,
            (Some(_), Some(_)) => Likeness::WithinChance,
        };
        Self {
            kind,
            likeness,
            distance,
            mean,
        }
    }

    /// `read latency: differs, KS 0.142 where chance gives up to 0.005; mean 150.0%`, with what the percentage is of.
    pub(crate) fn sentence(&self, baseline: &str) -> String {
        let name = part_name(self.kind.metric(), self.kind.operation());
        let mut told = format!("{name}: {}", self.likeness.words());
        if let Some(distance) = &self.distance {
            let chance = distance.sampling_floor.min(1.0);
            // Writing to a string cannot fail.
            let _ = write!(told, ", KS {:.3} where chance gives up to {chance:.3}", distance.ks);
        }
        if let Some(mean) = &self.mean {
            let _ = write!(told, "; mean {} of {baseline}", shown_percent(&mean.percent));
        }
        told
    }
}

/// `150.0%`, with the range where that is wider than the figure shown.
pub(crate) fn shown_percent(percent: &Range) -> String {
    percent.shown(f64::INFINITY, |value| format!("{value:.1}%"))
}

#[cfg(test)]
mod tests {
    use vscsi_shared::histogram::{Histogram, Limits, Metric, Operation, Summary};

    use super::*;

    const READS: (Metric, Operation) = (Metric::Latency, Operation::Read);

    /// The latencies of reads as vscsiStats counts them.
    fn latencies(values: &[i64]) -> IntervalSet {
        let limits = Limits::known(Metric::Latency);
        let mut counts = vec![0; limits.as_slice().len() + 1];
        for value in values {
            counts[limits.as_slice().partition_point(|limit| limit < value)] += 1;
        }
        let number = values.len() as u64;
        let summary = Summary::exact(
            values.iter().copied().min().unwrap(),
            values.iter().copied().max().unwrap(),
            values.iter().sum::<i64>() / i64::try_from(number).unwrap(),
            number,
        );
        let mut set = IntervalSet::default();
        set.insert(
            HistogramKind::new(READS.0, READS.1).unwrap(),
            Histogram::new(limits, counts, summary).unwrap().whole(),
        );
        set
    }

    fn compared(baseline: &[i64], candidate: &[i64]) -> ComparedHistogram {
        let mut all = ComparedHistogram::all(&latencies(baseline), &latencies(candidate));
        assert_eq!(all.len(), 1);
        all.remove(0)
    }

    /// So many latencies between 5.5 and 9.5 ms, all in the bucket (5 ms, 15 ms].
    fn inside_one_bucket(number: i64) -> Vec<i64> {
        (0..number).map(|index| 5500 + 4000 * index / number).collect()
    }

    #[test]
    fn a_mean_that_moved_inside_a_bucket_is_a_difference_that_no_distance_shows() {
        let usual = inside_one_bucket(4000);
        let slower: Vec<i64> = usual.iter().map(|latency| latency * 3 / 2).collect();
        let found = compared(&usual, &slower);
        assert_eq!(found.likeness, Likeness::Differs);
        assert!(found.distance.unwrap().ks.abs() < 1e-12);
        let told = found.sentence("the baseline");
        assert!(
            told.starts_with("read latency: differs, KS 0.000 where chance gives up to 0.030; mean 150.0%"),
            "{told}"
        );
    }

    #[test]
    fn a_mean_within_chance_is_no_difference() {
        // 100 values between 5.5 and 9.5 ms, a variation of 4/sqrt(12) of 7.5 ms or 15.4 %: two means of 100 lie within
        // 1.96 * 15.4 % * sqrt(2 / 100) = 4.3 %.
        let usual = inside_one_bucket(100);
        let scaled = |percent: i64| usual.iter().map(|latency| latency * percent / 100).collect::<Vec<_>>();
        let chance = compared(&usual, &usual).mean.unwrap().chance;
        assert!((chance - 4.27).abs() < 0.05, "{chance}");
        assert_eq!(compared(&usual, &scaled(103)).likeness, Likeness::WithinChance);
        assert_eq!(compared(&usual, &scaled(106)).likeness, Likeness::Differs);
    }

    #[test]
    fn shares_that_moved_further_than_chance_differ() {
        let usual: Vec<i64> = (0..1000).map(|index| if index < 500 { 700 } else { 7000 }).collect();
        let moved = |fast| {
            (0..1000)
                .map(|index| if index < fast { 700 } else { 7000 })
                .collect::<Vec<_>>()
        };
        // 1.36 * sqrt(2 / 1000) is 0.0608.
        assert_eq!(compared(&usual, &moved(600)).likeness, Likeness::Differs);
        assert_eq!(compared(&usual, &usual).likeness, Likeness::WithinChance);
    }

    #[test]
    fn values_on_one_side_alone_are_told_as_that() {
        let some = latencies(&[700]);
        for (baseline, candidate) in [(&some, &IntervalSet::default()), (&IntervalSet::default(), &some)] {
            let all = ComparedHistogram::all(baseline, candidate);
            assert_eq!(all.len(), 1);
            assert_eq!((all[0].likeness, all[0].distance), (Likeness::OneSided, None));
        }
    }

    #[test]
    fn histograms_with_other_limits_are_compared_by_their_means() {
        let usual = latencies(&[700; 1000]);
        let of_other_limits = |latency: i64| {
            let limits = Limits::from_input(Metric::Latency, &[1000, 2000]).unwrap();
            let count = |index| u64::from(index == 0 && latency <= 1000 || index == 1 && latency > 1000) * 1000;
            let counts = vec![count(0), count(1), 0];
            let mut set = IntervalSet::default();
            set.insert(
                HistogramKind::new(READS.0, READS.1).unwrap(),
                Histogram::new(limits, counts, Summary::exact(latency, latency, latency, 1000))
                    .unwrap()
                    .whole(),
            );
            set
        };
        let likeness = |latency| ComparedHistogram::all(&usual, &of_other_limits(latency))[0].likeness;
        assert_eq!(likeness(700), Likeness::OtherLimits);
        assert_eq!(likeness(1400), Likeness::Differs);
    }
}
