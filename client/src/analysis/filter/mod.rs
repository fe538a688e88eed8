//! Which samples make the profile. A filter looks at the samples' IOPS over the selected disks and at nothing else.

pub(super) mod advice;
mod cluster;
mod method;

use std::fmt;

pub use method::FilterMethod;

/// How samples are selected.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Filter {
    /// The given percentage of the samples, those with the most IOPS.
    Percentile(f64),
    /// The samples with at least the mean IOPS less so many standard deviations.
    Statistical(f64),
    /// The samples with at least so many IOPS.
    Absolute(f64),
    /// The busy samples of a job that has busy and idle ones; the boundary is found in the data.
    Cluster,
    /// Every sample.
    None,
}

/// A threshold that its filter cannot use.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("the {method} filter cannot use the threshold {threshold}: {allowed}")]
pub struct InvalidThreshold {
    /// The filter's name.
    pub method: &'static str,
    /// The threshold given.
    pub threshold: f64,
    /// What it accepts.
    pub allowed: &'static str,
}

/// What the filter did.
#[derive(Debug, Clone, PartialEq)]
pub struct Selection {
    /// Per sample: is it kept?
    pub kept: Vec<bool>,
    /// The IOPS from which samples are kept; `None` when nothing separates the samples.
    pub cut_iops: Option<f64>,
}

impl Filter {
    /// Checks the threshold.
    ///
    /// # Errors
    /// [`InvalidThreshold`] for a percentage outside (0, 100], a negative limit, or what is no number.
    pub fn checked(self) -> Result<Self, InvalidThreshold> {
        let (threshold, fits) = match self {
            Self::Percentile(percent) => (percent, percent > 0.0 && percent <= 100.0),
            Self::Statistical(deviations) => (deviations, deviations.is_finite()),
            Self::Absolute(iops) => (iops, iops.is_finite() && iops >= 0.0),
            Self::Cluster | Self::None => return Ok(self),
        };
        if fits {
            Ok(self)
        } else {
            Err(InvalidThreshold {
                method: self.method(),
                threshold,
                allowed: self.allowed(),
            })
        }
    }

    /// What its threshold may be, as a sentence that goes on.
    pub fn allowed(self) -> &'static str {
        match self {
            Self::Percentile(_) => "it is the percentage of samples to keep, more than 0 and at most 100",
            Self::Statistical(_) => "it is a number of standard deviations below the mean",
            Self::Absolute(_) => "it is a number of IOPS",
            Self::Cluster | Self::None => "it has none",
        }
    }

    /// The filter's name on the command line and in `summary.json`.
    pub fn method(self) -> &'static str {
        match self {
            Self::Percentile(_) => "percentile",
            Self::Statistical(_) => "statistical",
            Self::Absolute(_) => "absolute",
            Self::Cluster => "cluster",
            Self::None => "none",
        }
    }

    /// Its threshold, when it has one.
    pub fn threshold(self) -> Option<f64> {
        match self {
            Self::Percentile(threshold) | Self::Statistical(threshold) | Self::Absolute(threshold) => Some(threshold),
            Self::Cluster | Self::None => None,
        }
    }

    /// Selects among samples, given the IOPS of each in order of time.
    pub fn select(self, iops: &[f64]) -> Selection {
        match self {
            Self::None => Selection {
                kept: vec![true; iops.len()],
                cut_iops: None,
            },
            Self::Percentile(percent) => most_active(iops, percent),
            Self::Statistical(deviations) => {
                let (mean, deviation) = mean_and_deviation(iops);
                at_least(iops, mean - deviations * deviation)
            }
            Self::Absolute(limit) => at_least(iops, limit),
            Self::Cluster => match cluster::boundary(iops) {
                Some(boundary) => at_least(iops, boundary),
                None => Self::None.select(iops),
            },
        }
    }
}

/// As texts and captions show it: `percentile (75th)`, `absolute (>= 500 IOPS)`.
impl fmt::Display for Filter {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Percentile(percent) => write!(formatter, "percentile ({percent}th)"),
            Self::Statistical(deviations) => write!(formatter, "statistical (mean - {deviations} sd)"),
            Self::Absolute(iops) => write!(formatter, "absolute (>= {iops} IOPS)"),
            Self::Cluster => formatter.write_str("cluster (busy samples)"),
            Self::None => formatter.write_str("none (all samples)"),
        }
    }
}

/// The samples by their IOPS, the most first; of equals the earlier first. Every filter keeps the first few of this order.
pub fn order(iops: &[f64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..iops.len()).collect();
    let rate = |index: usize| iops.get(index).copied().unwrap_or(0.0);
    order.sort_by(|&one, &two| rate(two).total_cmp(&rate(one)).then(one.cmp(&two)));
    order
}

/// Drops `floor(n * (100 - percent) / 100)` samples, those with the fewest IOPS. Among equals the later ones go first.
fn most_active(iops: &[f64], percent: f64) -> Selection {
    // A percentage such as 99.9 has no exact binary form; a thousandth of a sample is never a sample.
    let share = (iops.len() as f64 * (100.0 - percent) / 100.0 + 1e-3).floor();
    // A percentage to keep is more than nothing, so the busiest sample stays.
    let to_drop = share.min(iops.len().saturating_sub(1) as f64);
    let order = order(iops);
    let mut kept = vec![false; iops.len()];
    let mut cut_iops = None;
    let keep = order
        .iter()
        .enumerate()
        .take_while(|(rank, _)| iops.len() as f64 - *rank as f64 > to_drop);
    for (_, &index) in keep {
        if let Some(slot) = kept.get_mut(index) {
            *slot = true;
        }
        cut_iops = iops.get(index).copied();
    }
    Selection { kept, cut_iops }
}

fn at_least(iops: &[f64], limit: f64) -> Selection {
    Selection {
        kept: iops.iter().map(|&iops| iops >= limit).collect(),
        cut_iops: Some(limit),
    }
}

/// Mean and standard deviation of the samples as a population: they are all the samples there are.
pub fn mean_and_deviation(iops: &[f64]) -> (f64, f64) {
    if iops.is_empty() {
        return (0.0, 0.0);
    }
    let count = iops.len() as f64;
    let least = iops.iter().copied().fold(f64::INFINITY, f64::min);
    let most = iops.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    // A rounded sum may put the mean of equal samples above each of them.
    let mean = (iops.iter().sum::<f64>() / count).clamp(least, most);
    let variance = iops.iter().map(|iops| (iops - mean).powi(2)).sum::<f64>() / count;
    (mean, variance.sqrt())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_filter_keeps_the_first_of_the_order(
            iops in prop::collection::vec(prop_oneof![0.0..1e6_f64, Just(0.0), Just(7.0)], 1..60),
            percent in 1e-9..=100.0_f64,
            deviations in -4.0..4.0_f64,
            limit in prop_oneof![0.0..1e6_f64, Just(7.0)],
        ) {
            let filters = [
                Filter::Percentile(percent),
                Filter::Statistical(deviations),
                Filter::Absolute(limit),
                Filter::Cluster,
                Filter::None,
            ];
            for filter in filters {
                let mut first = order(&iops);
                first.truncate(kept(filter, &iops).len());
                first.sort_unstable();
                prop_assert_eq!(kept(filter, &iops), first, "{:?}", filter);
            }
        }

        #[test]
        fn the_busiest_sample_passes_every_percentile_and_every_cut_not_above_the_mean(
            iops in prop::collection::vec(0.0..1e6_f64, 1..40),
            percent in prop_oneof![1e-9..100.0_f64, Just(0.001)],
            deviations in prop_oneof![0.0..10.0_f64, Just(0.0)],
        ) {
            let busiest = (0..iops.len()).max_by(|&one, &two| iops[one].total_cmp(&iops[two]).then(two.cmp(&one))).unwrap();
            for filter in [Filter::Percentile(percent), Filter::Statistical(deviations)] {
                prop_assert!(kept(filter, &iops).contains(&busiest), "{filter:?} {iops:?}");
            }
        }

        #[test]
        fn equal_samples_all_pass_whatever_the_deviations(
            rate in 0.0..1e6_f64,
            number in 1..40_usize,
            deviations in -10.0..10.0_f64,
        ) {
            prop_assert_eq!(kept(Filter::Statistical(deviations), &vec![rate; number]).len(), number);
        }
    }

    fn kept(filter: Filter, iops: &[f64]) -> Vec<usize> {
        let selection = filter.checked().unwrap().select(iops);
        (0..iops.len()).filter(|&index| selection.kept[index]).collect()
    }

    #[test]
    fn the_75th_percentile_of_thirty_samples_drops_seven() {
        let iops: Vec<f64> = (0..30).map(f64::from).collect();
        assert_eq!(kept(Filter::Percentile(75.0), &iops), (7..30).collect::<Vec<_>>());
    }

    #[test]
    fn a_single_sample_is_never_dropped_by_a_percentile() {
        assert_eq!(kept(Filter::Percentile(1.0), &[5.0]), [0]);
        assert_eq!(kept(Filter::Percentile(0.001), &[5.0]), [0]);
    }

    #[test]
    fn among_equals_the_percentile_filter_keeps_the_earlier_samples() {
        assert_eq!(kept(Filter::Percentile(50.0), &[7.0, 7.0, 7.0, 7.0]), [0, 1]);
    }

    #[test]
    fn a_percentage_without_an_exact_binary_form_drops_what_it_says() {
        // 0.1 % of 1000 samples is one sample, although 100 - 99.9 is a little less than 0.1 in binary.
        let iops: Vec<f64> = (0..1000).map(f64::from).collect();
        assert_eq!(kept(Filter::Percentile(99.9), &iops).len(), 999);
    }

    #[test]
    fn the_statistical_filter_cuts_below_the_mean_less_its_deviations() {
        // Mean 4, population deviation sqrt((9 + 1 + 1 + 9) / 4) = 2.236: the cut at one deviation is 1.764.
        assert_eq!(kept(Filter::Statistical(1.0), &[1.0, 3.0, 5.0, 7.0]), [1, 2, 3]);
    }

    #[test]
    fn equal_samples_all_pass_the_statistical_filter() {
        assert_eq!(kept(Filter::Statistical(0.0), &[3.0, 3.0]), [0, 1]);
        // 0.1 + 0.1 + 0.1 is more than 0.3 in binary.
        assert_eq!(kept(Filter::Statistical(0.0), &[0.1, 0.1, 0.1]), [0, 1, 2]);
    }

    #[test]
    fn the_absolute_filter_keeps_a_sample_at_its_limit() {
        assert_eq!(kept(Filter::Absolute(2.0), &[1.9, 2.0, 2.1]), [1, 2]);
    }

    #[test]
    fn thresholds_without_meaning_are_refused() {
        for filter in [
            Filter::Percentile(0.0),
            Filter::Percentile(100.1),
            Filter::Percentile(f64::NAN),
            Filter::Absolute(-1.0),
            Filter::Statistical(f64::INFINITY),
        ] {
            assert!(filter.checked().is_err(), "{filter:?} was accepted");
        }
    }
}
