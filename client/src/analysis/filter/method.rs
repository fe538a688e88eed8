//! The filters by name.

use serde::{Deserialize, Serialize};

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
