//! Limits on a candidate, and how they came out.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{Judgement, Measure, Row, shown_percent};
use crate::analysis::estimate::Range;
use crate::analysis::profile::Profile;

/// A limit on the candidate, in percent of the baseline: `iops=90%`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Limit {
    /// What is limited.
    pub measure: Measure,
    /// Floor or ceiling in percent of the baseline (see `Measure::less_is_better`).
    pub percent: f64,
}

/// Why a text is no limit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a limit: write MEASURE=PERCENT%, such as iops=90% or read_p99=120%; measures are {measures}")]
pub struct InvalidLimit {
    text: String,
    measures: String,
}

impl FromStr for Limit {
    type Err = InvalidLimit;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parsed = text.split_once('=').and_then(|(name, percent)| {
            let measure = Measure::ALL.into_iter().find(|measure| measure.name() == name.trim())?;
            let percent: f64 = percent.trim().strip_suffix('%')?.trim().parse().ok()?;
            (percent.is_finite() && percent >= 0.0).then_some(Self { measure, percent })
        });
        parsed.ok_or_else(|| InvalidLimit {
            text: text.to_owned(),
            measures: Measure::ALL.map(Measure::name).join(", "),
        })
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = if self.measure.less_is_better() {
            "at most"
        } else {
            "at least"
        };
        write!(formatter, "{} {word} {}%", self.measure.name(), self.percent)
    }
}

/// How a limit came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Everything inside the ranges keeps it.
    Kept,
    /// Everything inside the ranges breaks it.
    Missed,
    /// The ranges allow both.
    Undecided,
    /// One of the workloads has no such value.
    NotMeasured,
}

impl Verdict {
    /// The words of the tables.
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::Kept => "kept",
            Self::Missed => "missed",
            Self::Undecided => "undecided",
            Self::NotMeasured => "not measured",
        }
    }

    fn of(limit: Limit, row: &Row) -> Self {
        let Some((baseline, candidate)) = row.baseline.zip(row.candidate) else {
            return Self::NotMeasured;
        };
        let share = limit.percent / 100.0;
        let (always_keeps, can_keep) = if limit.measure.less_is_better() {
            (
                candidate.hi.is_some_and(|most| most <= baseline.lo * share),
                baseline.hi.is_none_or(|most| candidate.lo <= most * share),
            )
        } else {
            (
                baseline.hi.is_some_and(|most| candidate.lo >= most * share),
                candidate.hi.is_none_or(|most| most >= baseline.lo * share),
            )
        };
        match (always_keeps, can_keep) {
            (true, _) => Self::Kept,
            (false, true) => Self::Undecided,
            (false, false) => Self::Missed,
        }
    }
}

/// A limit that is not kept as far as can be told counts against the candidate: what is not measured cannot be kept.
impl From<Verdict> for Judgement {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Kept => Self::Kept,
            Verdict::Undecided => Self::Undecided,
            Verdict::Missed | Verdict::NotMeasured => Self::Missed,
        }
    }
}

/// A limit with how it came out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct JudgedLimit {
    /// The limit.
    #[serde(flatten)]
    pub limit: Limit,
    /// How it came out.
    pub verdict: Verdict,
    /// The candidate in percent of the baseline; `None` where one of them has no such value, or the baseline is zero.
    pub candidate_percent: Option<Range>,
    /// The same limit on the mean, where this one is undecided and that one is not.
    pub on_the_mean: Option<Box<JudgedLimit>>,
}

impl JudgedLimit {
    /// Judges a candidate by a limit.
    pub(crate) fn of(limit: Limit, baseline: &Profile, candidate: &Profile) -> Self {
        let row = Row::of(limit.measure, baseline, candidate);
        let verdict = Verdict::of(limit, &row);
        let undecided = limit.measure.mean().filter(|_| verdict == Verdict::Undecided);
        let on_the_mean = undecided.map(|measure| Self::of(Limit { measure, ..limit }, baseline, candidate));
        Self {
            limit,
            verdict,
            candidate_percent: row.percent(),
            on_the_mean: on_the_mean
                .filter(|mean| mean.verdict != Verdict::Undecided)
                .map(Box::new),
        }
    }

    /// Why it came out so, as a clause.
    pub(crate) fn why(&self) -> String {
        let Some(percent) = &self.candidate_percent else {
            return "one of the two has no such value".to_owned();
        };
        if self.verdict != Verdict::Undecided {
            return format!("it is {}", shown_percent(percent));
        }
        let between = match percent.hi {
            Some(hi) => format!("it lies anywhere between {:.1}% and {hi:.1}%", percent.lo),
            None => format!("it is {:.1}% or more", percent.lo),
        };
        let Some(mean) = &self.on_the_mean else {
            return between;
        };
        format!(
            "{between}, by the width of the buckets; {} is known and would be {} (`--limit {}={}%`): {}",
            mean.limit.measure.name(),
            mean.verdict.words(),
            mean.limit.measure.name(),
            mean.limit.percent,
            mean.why()
        )
    }
}

impl fmt::Display for JudgedLimit {
    /// `iops at least 90%: kept, it is 100.0%`.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}, {}", self.limit, self.verdict.words(), self.why())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::estimate::Method;

    fn verdict(limit: &str, baseline: Range, candidate: Range) -> Verdict {
        let limit: Limit = limit.parse().unwrap();
        let row = Row {
            measure: limit.measure,
            baseline: Some(baseline),
            candidate: Some(candidate),
        };
        Verdict::of(limit, &row)
    }

    fn bucket(lo: f64, hi: f64) -> Range {
        Range::between(lo, hi, lo, Method::LogLinear)
    }

    #[test]
    fn iops_have_a_floor_and_latencies_a_ceiling() {
        let iops = |candidate| verdict("iops=90%", Range::exact(1000.0), Range::exact(candidate));
        assert_eq!(iops(900.0), Verdict::Kept);
        assert_eq!(iops(899.0), Verdict::Missed);
        let latency = |candidate| verdict("read_p99=120%", Range::exact(10.0), Range::exact(candidate));
        assert_eq!(latency(12.0), Verdict::Kept);
        assert_eq!(latency(12.1), Verdict::Missed);
    }

    #[test]
    fn a_ceiling_is_decided_where_all_that_the_ranges_allow_lies_on_one_side_of_it() {
        let judged = |baseline, candidate| verdict("read_p99=120%", baseline, candidate);
        // At most 6 of at least 5, exactly 120 %.
        assert_eq!(judged(bucket(5.0, 15.0), bucket(1.0, 6.0)), Verdict::Kept);
        assert_eq!(judged(bucket(5.0, 15.0), bucket(1.0, 6.1)), Verdict::Undecided);
        // At least 18 of at most 15, exactly 120 %, and more.
        assert_eq!(judged(bucket(5.0, 15.0), bucket(18.0, 30.0)), Verdict::Undecided);
        assert_eq!(judged(bucket(5.0, 15.0), bucket(18.1, 30.0)), Verdict::Missed);
        assert_eq!(judged(bucket(5.0, 15.0), Range::at_least(1.0)), Verdict::Undecided);
        assert_eq!(judged(Range::at_least(5.0), bucket(100.0, 200.0)), Verdict::Undecided);
    }

    #[test]
    fn a_floor_is_decided_where_all_that_the_ranges_allow_lies_on_one_side_of_it() {
        let judged = |baseline, candidate| verdict("mbps=90%", baseline, candidate);
        // At least 18 of at most 20, exactly 90 %.
        assert_eq!(judged(bucket(10.0, 20.0), bucket(18.0, 30.0)), Verdict::Kept);
        assert_eq!(judged(bucket(10.0, 20.0), bucket(17.9, 30.0)), Verdict::Undecided);
        // At most 9 of at least 10, exactly 90 %, and less.
        assert_eq!(judged(bucket(10.0, 20.0), bucket(1.0, 9.0)), Verdict::Undecided);
        assert_eq!(judged(bucket(10.0, 20.0), bucket(1.0, 8.9)), Verdict::Missed);
    }

    #[test]
    fn a_limit_on_something_not_measured_does_not_pass() {
        let missing = Row {
            measure: Measure::WriteP99,
            baseline: None,
            candidate: Some(Range::exact(1.0)),
        };
        let verdict = Verdict::of("write_p99=120%".parse().unwrap(), &missing);
        assert_eq!(verdict, Verdict::NotMeasured);
        assert_eq!(Judgement::from(verdict), Judgement::Missed);
    }

    #[test]
    fn a_limit_needs_a_known_measure_and_a_percentage() {
        for text in ["iops", "iops=90", "speed=90%", "iops=-1%", "iops=x%"] {
            assert!(text.parse::<Limit>().is_err(), "{text} was accepted");
        }
    }
}
