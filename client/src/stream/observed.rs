//! The histograms of a stream, with the time in which they were counted.

use vscsi_shared::histogram::IntervalSet;

/// What was counted of a stream, as one side of a comparison.
#[derive(Debug, Clone, Copy)]
pub struct Observation<'a> {
    /// What was counted.
    pub histograms: &'a IntervalSet,
    /// Time it was observed, seconds.
    pub seconds: f64,
}

/// The owned form of an [`Observation`].
#[derive(Debug, Clone, PartialEq)]
pub struct Observed {
    /// What was counted.
    pub histograms: IntervalSet,
    /// Time it was observed, seconds.
    pub seconds: f64,
}

impl Observed {
    /// Its borrowed form.
    pub fn as_observation(&self) -> Observation<'_> {
        Observation {
            histograms: &self.histograms,
            seconds: self.seconds,
        }
    }
}

/// The histograms of several disks as one set.
pub fn merged(disks: impl Iterator<Item = IntervalSet>) -> IntervalSet {
    let mut all = IntervalSet::default();
    for disk in disks {
        // Every set comes from our own histogrammer, so the limits are the same and the merge cannot fail.
        if all.merge(&disk).is_err() {
            debug_assert!(false, "one histogrammer made two rows of limits");
        }
    }
    all
}
