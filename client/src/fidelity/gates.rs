//! Limits a replay must keep.

use serde::{Deserialize, Serialize};

/// The largest differences allowed, as shares (0.02 is 2 % or 2 points). `None` is reported and not gated.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Gates {
    /// IOPS and bytes/s per direction, relative.
    pub rate: Option<f64>,
    /// Share of reads among the commands, absolute.
    pub read_share: Option<f64>,
    /// Kolmogorov-Smirnov distance of the sizes of a direction.
    pub size_ks: Option<f64>,
    /// Share of strictly sequential commands of a direction, absolute.
    pub sequential_share: Option<f64>,
    /// Kolmogorov-Smirnov distance of the seek distances of a direction.
    pub direction_seek_ks: Option<f64>,
    /// The same for all commands, against the last one and against the closest of 16, and for interarrival times.
    pub overall_ks: Option<f64>,
    /// Smallest composite score, 0 to 100.
    pub score: f64,
}

impl Gates {
    /// What fio jobs with one or more processes per direction must keep on any fio 3.x.
    pub const JOBS: Self = Self {
        rate: Some(0.02),
        read_share: Some(0.01),
        size_ks: Some(0.03),
        sequential_share: Some(0.02),
        direction_seek_ks: None,
        overall_ks: None,
        score: 70.0,
    };

    /// What a timed replay log must keep.
    pub const IOLOG: Self = Self {
        rate: Some(0.02),
        read_share: Some(0.01),
        size_ks: Some(0.03),
        sequential_share: Some(0.02),
        direction_seek_ks: Some(0.05),
        overall_ks: Some(0.10),
        score: 90.0,
    };

    /// The same for a replay that goes as fast as it can: its rates, and the share of a direction that follows from
    /// them, are a finding and not a goal.
    #[must_use]
    pub fn at_full_speed(self) -> Self {
        Self {
            rate: None,
            read_share: None,
            overall_ks: None,
            ..self
        }
    }
}

/// How a row of the comparison stands to its gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Inside the gate.
    Met,
    /// Outside, but by no more than two samples of one workload may differ.
    WithinSampling,
    /// Outside.
    Missed,
    /// There is no gate.
    Reported,
}

impl Verdict {
    /// Judges a difference, given as an absolute share, against its gate and the sampling floor.
    pub fn of(difference: f64, gate: Option<f64>, sampling_floor: f64) -> Self {
        match gate {
            None => Self::Reported,
            Some(gate) if difference <= gate => Self::Met,
            Some(_) if difference <= sampling_floor => Self::WithinSampling,
            Some(_) => Self::Missed,
        }
    }

    /// The mark printed in tables.
    pub fn word(self) -> &'static str {
        match self {
            Self::Met => "ok",
            Self::WithinSampling => "ok (sampling)",
            Self::Missed => "MISSED",
            Self::Reported => "-",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_above_its_gate_is_missed() {
        assert_eq!(Verdict::of(0.031, Some(0.03), 0.01), Verdict::Missed);
    }

    #[test]
    fn a_difference_that_sampling_explains_is_not_missed() {
        assert_eq!(Verdict::of(0.031, Some(0.03), 0.04), Verdict::WithinSampling);
    }

    #[test]
    fn a_difference_that_is_no_number_is_missed() {
        assert_eq!(Verdict::of(f64::NAN, Some(0.03), 0.04), Verdict::Missed);
    }
}
