//! The filters by name.

use serde::{Deserialize, Serialize};

use super::Filter;

/// How the samples of a job are selected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum FilterMethod {
    /// The threshold's share of samples with the most I/O, in percent.
    Percentile,
    /// Samples above the mean less the threshold's number of standard deviations.
    Statistical,
    /// Samples with at least the threshold's IOPS.
    Absolute,
    /// The busy samples; the boundary is found in the data.
    Cluster,
    /// Every sample.
    None,
}

impl FilterMethod {
    /// The threshold where none is given. How many IOPS are many is different with every job, so `absolute` has none; the
    /// last two read none.
    pub fn default_threshold(self) -> Option<f64> {
        match self {
            Self::Percentile => Some(75.0),
            Self::Statistical => Some(1.0),
            Self::Absolute | Self::Cluster | Self::None => None,
        }
    }

    /// The filter of this method; `None` without the threshold that it needs.
    pub fn with(self, threshold: Option<f64>) -> Option<Filter> {
        let threshold = threshold.or(self.default_threshold());
        match self {
            Self::Percentile => threshold.map(Filter::Percentile),
            Self::Statistical => threshold.map(Filter::Statistical),
            Self::Absolute => threshold.map(Filter::Absolute),
            Self::Cluster => Some(Filter::Cluster),
            Self::None => Some(Filter::None),
        }
    }
}
