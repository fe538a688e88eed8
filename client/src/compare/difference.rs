//! One measure of two workloads, and whether they differ in it.

use crate::analysis::estimate::Range;
use crate::analysis::profile::Profile;

use super::Measure;

/// Whether two workloads differ in a measure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Difference {
    /// Both values are known exactly, and they are equal.
    None,
    /// The ranges have nothing in common, so the true values differ.
    Certain,
    /// The ranges overlap, so the true values may be equal.
    Possible,
    /// One of the workloads has no such value.
    Unknown,
}

/// One measure of both workloads.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Row {
    /// The measure.
    pub measure: Measure,
    /// Its value in the baseline.
    pub baseline: Option<Range>,
    /// Its value in the candidate.
    pub candidate: Option<Range>,
}

impl Row {
    /// A measure of two profiles.
    pub(crate) fn of(measure: Measure, baseline: &Profile, candidate: &Profile) -> Self {
        Self {
            measure,
            baseline: measure.of(baseline),
            candidate: measure.of(candidate),
        }
    }

    /// Whether the two differ, whatever the true values inside the ranges are.
    pub(crate) fn difference(&self) -> Difference {
        let Some((baseline, candidate)) = self.baseline.zip(self.candidate) else {
            return Difference::Unknown;
        };
        let lies_above = |one: Range, other: Range| other.hi.is_some_and(|hi| hi < one.lo);
        let is_exact = |range: Range| range.hi == Some(range.lo);
        if lies_above(baseline, candidate) || lies_above(candidate, baseline) {
            Difference::Certain
        } else if is_exact(baseline) && is_exact(candidate) {
            Difference::None
        } else {
            Difference::Possible
        }
    }

    /// The candidate in percent of the baseline; `None` without a baseline to compare with.
    pub(crate) fn percent(&self) -> Option<Range> {
        let (baseline, candidate) = self.baseline.zip(self.candidate)?;
        percent_of(baseline, candidate)
    }
}

/// A number in percent of another, with all that the ranges of both allow; `None` where the other is zero.
pub(super) fn percent_of(baseline: Range, candidate: Range) -> Option<Range> {
    (baseline.est > 0.0).then(|| Range {
        lo: baseline.hi.map_or(0.0, |hi| 100.0 * candidate.lo / hi),
        hi: candidate
            .hi
            .filter(|_| baseline.lo > 0.0)
            .map(|hi| 100.0 * hi / baseline.lo),
        est: 100.0 * candidate.est / baseline.est,
        method: candidate.method,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::estimate::Method;

    fn row(baseline: Range, candidate: Range) -> Row {
        Row {
            measure: Measure::ReadP99,
            baseline: Some(baseline),
            candidate: Some(candidate),
        }
    }

    fn bucket(lo: f64, hi: f64) -> Range {
        Range::between(lo, hi, lo, Method::LogLinear)
    }

    #[test]
    fn values_differ_for_certain_when_their_ranges_have_nothing_in_common() {
        let difference = |one, other| row(one, other).difference();
        assert_eq!(difference(bucket(1.0, 5.0), bucket(6.0, 15.0)), Difference::Certain);
        assert_eq!(difference(bucket(6.0, 15.0), bucket(1.0, 5.0)), Difference::Certain);
        assert_eq!(difference(bucket(1.0, 5.0), bucket(5.0, 15.0)), Difference::Possible);
        assert_eq!(difference(bucket(1.0, 5.0), bucket(1.0, 5.0)), Difference::Possible);
        assert_eq!(difference(Range::exact(3.0), Range::exact(3.0)), Difference::None);
        assert_eq!(
            difference(Range::at_least(9.0), Range::exact(90.0)),
            Difference::Possible
        );
        assert_eq!(difference(Range::at_least(9.0), Range::exact(8.0)), Difference::Certain);
    }

    #[test]
    fn a_percentage_is_least_for_the_least_candidate_and_the_most_baseline() {
        // 6 of 5 is 120 %, 15 of 1 is 1500 %.
        let percent = row(bucket(1.0, 5.0), bucket(6.0, 15.0)).percent().unwrap();
        assert_eq!((percent.lo, percent.hi), (120.0, Some(1500.0)));
        assert_eq!(row(bucket(0.0, 5.0), bucket(6.0, 15.0)).percent(), None);
        let unbounded = row(Range::at_least(2.0), bucket(6.0, 15.0)).percent().unwrap();
        assert_eq!((unbounded.lo, unbounded.hi, unbounded.est), (0.0, Some(750.0), 300.0));
    }
}
