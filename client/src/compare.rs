//! Two profiles side by side: a baseline and a candidate, such as before and after a migration.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;

use crate::analysis::estimate::Range;
use crate::analysis::profile::{Distribution, Profile};
use crate::analysis::{Analysis, Workload};
use crate::fidelity::{Distance, distance};
use crate::number::{duration_ms, rate};

/// A number that two profiles are compared by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Measure {
    /// I/Os per second.
    Iops,
    /// Reads per second.
    ReadIops,
    /// Writes per second.
    WriteIops,
    /// MB/s of 10^6 bytes.
    Mbps,
    /// MB/s read.
    ReadMbps,
    /// MB/s written.
    WriteMbps,
    /// Reads in percent of reads and writes.
    ReadPercent,
    /// Strictly sequential I/Os, percent.
    SequentialPercent,
    /// Mean outstanding I/Os.
    QueueDepth,
    /// Mean read latency, ms.
    ReadMean,
    /// Median read latency, ms.
    ReadP50,
    /// 95th percentile of the read latency, ms.
    ReadP95,
    /// 99th percentile of the read latency, ms.
    ReadP99,
    /// Mean write latency, ms.
    WriteMean,
    /// Median write latency, ms.
    WriteP50,
    /// 95th percentile of the write latency, ms.
    WriteP95,
    /// 99th percentile of the write latency, ms.
    WriteP99,
}

/// What a measure is counted in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unit {
    /// A rate, or a number of I/Os.
    Number,
    Percent,
    Milliseconds,
}

impl Measure {
    /// Every measure, in the order of the table.
    pub(crate) const ALL: [Self; 17] = [
        Self::Iops,
        Self::ReadIops,
        Self::WriteIops,
        Self::Mbps,
        Self::ReadMbps,
        Self::WriteMbps,
        Self::ReadPercent,
        Self::SequentialPercent,
        Self::QueueDepth,
        Self::ReadMean,
        Self::ReadP50,
        Self::ReadP95,
        Self::ReadP99,
        Self::WriteMean,
        Self::WriteP50,
        Self::WriteP95,
        Self::WriteP99,
    ];

    /// Its name in limits, tables and JSON.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Iops => "iops",
            Self::ReadIops => "read_iops",
            Self::WriteIops => "write_iops",
            Self::Mbps => "mbps",
            Self::ReadMbps => "read_mbps",
            Self::WriteMbps => "write_mbps",
            Self::ReadPercent => "read_percent",
            Self::SequentialPercent => "sequential_percent",
            Self::QueueDepth => "queue_depth",
            Self::ReadMean => "read_mean",
            Self::ReadP50 => "read_p50",
            Self::ReadP95 => "read_p95",
            Self::ReadP99 => "read_p99",
            Self::WriteMean => "write_mean",
            Self::WriteP50 => "write_p50",
            Self::WriteP95 => "write_p95",
            Self::WriteP99 => "write_p99",
        }
    }

    /// Less of it is better, so a limit is a ceiling; of the others a limit is a floor.
    pub(crate) fn less_is_better(self) -> bool {
        self == Self::QueueDepth || self.unit() == Unit::Milliseconds
    }

    /// It is a share of something, in percent.
    pub(crate) fn is_share(self) -> bool {
        self.unit() == Unit::Percent
    }

    /// A value of it with its unit; rates and queue depths have none.
    pub(crate) fn shown(self, value: f64) -> String {
        match self.unit() {
            Unit::Milliseconds => duration_ms(value),
            Unit::Percent => format!("{value:.1}%"),
            Unit::Number => rate(value),
        }
    }

    fn unit(self) -> Unit {
        match self {
            Self::ReadMean
            | Self::ReadP50
            | Self::ReadP95
            | Self::ReadP99
            | Self::WriteMean
            | Self::WriteP50
            | Self::WriteP95
            | Self::WriteP99 => Unit::Milliseconds,
            Self::ReadPercent | Self::SequentialPercent => Unit::Percent,
            Self::Iops
            | Self::ReadIops
            | Self::WriteIops
            | Self::Mbps
            | Self::ReadMbps
            | Self::WriteMbps
            | Self::QueueDepth => Unit::Number,
        }
    }

    /// Its value in a profile; `None` when it is unknown, or there is no I/O to take it from.
    pub(crate) fn of(self, profile: &Profile) -> Option<Range> {
        let latency =
            |of: fn(&Distribution) -> Range, distribution: &Option<Distribution>| distribution.as_ref().map(of);
        let (read, write) = (&profile.latency_ms.read, &profile.latency_ms.write);
        match self {
            Self::Iops => profile.iops.total.map(Range::exact),
            Self::ReadIops => profile.iops.read.map(Range::exact),
            Self::WriteIops => profile.iops.write.map(Range::exact),
            Self::Mbps => profile.throughput_mbps.total,
            Self::ReadMbps => profile.throughput_mbps.read,
            Self::WriteMbps => profile.throughput_mbps.write,
            Self::ReadPercent => profile.ios.read_percent().map(Range::exact),
            Self::SequentialPercent => profile.sequentiality.strict,
            Self::QueueDepth => profile.queue_depth.all.as_ref().map(|depth| depth.mean),
            Self::ReadMean => latency(|found| found.mean, read),
            Self::ReadP50 => latency(|found| found.p50, read),
            Self::ReadP95 => latency(|found| found.p95, read),
            Self::ReadP99 => latency(|found| found.p99, read),
            Self::WriteMean => latency(|found| found.mean, write),
            Self::WriteP50 => latency(|found| found.p50, write),
            Self::WriteP95 => latency(|found| found.p95, write),
            Self::WriteP99 => latency(|found| found.p99, write),
        }
    }
}

/// A limit on the candidate, in percent of the baseline: `iops=90%`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Limit {
    /// What is limited.
    pub measure: Measure,
    /// Floor or ceiling in percent of the baseline (see [`Measure::less_is_better`]).
    pub percent: f64,
}

/// Why a text is no limit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a limit: write MEASURE=PERCENT%, such as iops=90% or read_p99=120%; measures are {measures}")]
pub(crate) struct InvalidLimit {
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Verdict {
    /// The estimates keep it, and so does everything inside the ranges.
    Met,
    /// The estimates keep it, but the ranges leave room for the opposite.
    MetByEstimate,
    /// The estimates break it, but the ranges leave room for the opposite.
    MissedByEstimate,
    /// It is broken whatever the true values inside the ranges are.
    Missed,
    /// One of the profiles has no such value.
    NotMeasured,
}

impl Verdict {
    /// The limit counts as kept. What is not measured is not kept: a limit that cannot be checked must not pass.
    pub(crate) fn passes(self) -> bool {
        matches!(self, Self::Met | Self::MetByEstimate)
    }

    /// The words of the table.
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::Met => "met",
            Self::MetByEstimate => "met by the estimates, within the uncertainty",
            Self::MissedByEstimate => "missed by the estimates, within the uncertainty",
            Self::Missed => "missed",
            Self::NotMeasured => "not measured",
        }
    }
}

/// Whether two profiles differ in a measure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Difference {
    /// Both values are known exactly, and they are equal.
    None,
    /// The ranges have nothing in common, so the true values differ.
    Certain,
    /// The ranges overlap, so the true values may be equal.
    Possible,
    /// One of the profiles has no such value.
    Unknown,
}

/// One measure of both profiles.
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

    /// The candidate in percent of the baseline, by the estimates; `None` without a baseline to compare with.
    pub(crate) fn percent(&self) -> Option<f64> {
        let (baseline, candidate) = self.baseline.zip(self.candidate)?;
        (baseline.est > 0.0).then(|| 100.0 * candidate.est / baseline.est)
    }
}

/// A comparison.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Comparison {
    /// Every measure.
    pub rows: Vec<Row>,
    /// How far the histograms are apart, by `metric.operation`.
    pub distances: Vec<(String, Distance)>,
    /// Every limit with its verdict.
    pub limits: Vec<(Limit, Verdict)>,
}

impl Comparison {
    /// Compares a candidate with a baseline.
    pub(crate) fn of(baseline: &Analysis, candidate: &Analysis, limits: &[Limit]) -> Self {
        let row = |measure: Measure| Row {
            measure,
            baseline: measure.of(&baseline.profile),
            candidate: measure.of(&candidate.profile),
        };
        Self {
            rows: Measure::ALL.into_iter().map(row).collect(),
            distances: distances(&baseline.workload, &candidate.workload),
            limits: limits
                .iter()
                .map(|limit| (*limit, verdict(*limit, row(limit.measure))))
                .collect(),
        }
    }

    /// Every limit is kept.
    pub(crate) fn passes(&self) -> bool {
        self.limits.iter().all(|(_, verdict)| verdict.passes())
    }
}

fn distances(baseline: &Workload, candidate: &Workload) -> Vec<(String, Distance)> {
    let pairs = baseline.histograms.iter().filter_map(|(kind, interval)| {
        let other = candidate.histograms.get(kind)?;
        // Histograms with other limits, from another version of ESXi, have no distance.
        let distance = distance(interval, other).ok()?;
        Some((format!("{}.{}", kind.metric(), kind.operation()), distance))
    });
    pairs.collect()
}

fn verdict(limit: Limit, row: Row) -> Verdict {
    let Some((baseline, candidate)) = row.baseline.zip(row.candidate) else {
        return Verdict::NotMeasured;
    };
    let share = limit.percent / 100.0;
    let keeps = |baseline: f64, candidate: f64| {
        if limit.measure.less_is_better() {
            candidate <= baseline * share
        } else {
            candidate >= baseline * share
        }
    };
    let (worst, best) = if limit.measure.less_is_better() {
        (
            candidate.hi.is_some_and(|candidate| keeps(baseline.lo, candidate)),
            baseline.hi.is_none_or(|baseline| keeps(baseline, candidate.lo)),
        )
    } else {
        (
            baseline.hi.is_some_and(|baseline| keeps(baseline, candidate.lo)),
            candidate.hi.is_none_or(|candidate| keeps(baseline.lo, candidate)),
        )
    };
    match (keeps(baseline.est, candidate.est), worst, best) {
        (true, true, _) => Verdict::Met,
        (true, false, _) => Verdict::MetByEstimate,
        (false, _, true) => Verdict::MissedByEstimate,
        (false, _, false) => Verdict::Missed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::estimate::Method;

    fn row(measure: Measure, baseline: Range, candidate: Range) -> Row {
        Row {
            measure,
            baseline: Some(baseline),
            candidate: Some(candidate),
        }
    }

    #[test]
    fn iops_have_a_floor_and_latencies_a_ceiling() {
        let floor: Limit = "iops=90%".parse().unwrap();
        let iops = |candidate| row(Measure::Iops, Range::exact(1000.0), Range::exact(candidate));
        assert_eq!(verdict(floor, iops(900.0)), Verdict::Met);
        assert_eq!(verdict(floor, iops(899.0)), Verdict::Missed);
        let ceiling: Limit = "read_p99=120%".parse().unwrap();
        let latency = |candidate| row(Measure::ReadP99, Range::exact(10.0), Range::exact(candidate));
        assert_eq!(verdict(ceiling, latency(12.0)), Verdict::Met);
        assert_eq!(verdict(ceiling, latency(12.1)), Verdict::Missed);
    }

    #[test]
    fn a_verdict_inside_the_ranges_says_so() {
        let limit: Limit = "read_p99=120%".parse().unwrap();
        let range = |est| Range::between(5.0, 15.0, est, Method::LogLinear);
        assert_eq!(
            verdict(limit, row(Measure::ReadP99, range(8.0), range(9.0))),
            Verdict::MetByEstimate
        );
        assert_eq!(
            verdict(limit, row(Measure::ReadP99, range(8.0), range(12.0))),
            Verdict::MissedByEstimate
        );
    }

    #[test]
    fn a_limit_on_something_not_measured_does_not_pass() {
        let limit: Limit = "write_p99=120%".parse().unwrap();
        let missing = Row {
            measure: Measure::WriteP99,
            baseline: None,
            candidate: Some(Range::exact(1.0)),
        };
        assert!(!verdict(limit, missing).passes());
    }

    #[test]
    fn values_differ_for_certain_when_their_ranges_have_nothing_in_common() {
        let bucket = |lo, hi| Range::between(lo, hi, lo, Method::LogLinear);
        let difference = |one, other| row(Measure::ReadP99, one, other).difference();
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
    fn a_limit_needs_a_known_measure_and_a_percentage() {
        for text in ["iops", "iops=90", "speed=90%", "iops=-1%", "iops=x%"] {
            assert!(text.parse::<Limit>().is_err(), "{text} was accepted");
        }
    }
}
