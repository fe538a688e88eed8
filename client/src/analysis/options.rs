//! What an analysis looks at, and how.

use super::filter::Filter;
use super::profile::SequentialGap;
use super::select::Period;

/// What to look at, and how.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// Which samples make the profile.
    pub filter: Filter,
    /// Disks by node, handle, or the name they were selected by; none means all.
    pub disks: Vec<String>,
    /// The time to look at.
    pub period: Period,
    /// Blocks that may lie between two sequential I/Os.
    pub sequential_gap: SequentialGap,
}

impl Default for Options {
    /// The 75 % most active samples of all disks.
    fn default() -> Self {
        Self {
            filter: Filter::Percentile(75.0),
            disks: Vec::new(),
            period: Period::default(),
            sequential_gap: SequentialGap::default(),
        }
    }
}
