//! The sixteen histograms of one disk, or of several merged ones, over one interval.

use super::{HistogramKind, Incompatible, Interval, Metric, Operation};

/// Up to sixteen intervals, by kind.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct IntervalSet {
    intervals: [Option<Interval>; HistogramKind::COUNT],
}

impl IntervalSet {
    /// The interval of this kind, when there is one.
    pub fn get(&self, kind: HistogramKind) -> Option<&Interval> {
        self.intervals.get(kind.index()).and_then(Option::as_ref)
    }

    /// The interval of `metric` over the commands of `operation`, when there is one.
    pub fn of(&self, metric: Metric, operation: Operation) -> Option<&Interval> {
        self.get(HistogramKind::new(metric, operation)?)
    }

    /// Stores an interval in place of the one that was there.
    pub fn insert(&mut self, kind: HistogramKind, interval: Interval) {
        if let Some(slot) = self.intervals.get_mut(kind.index()) {
            *slot = Some(interval);
        }
    }

    /// The interval of this kind, for a correction in place.
    pub fn get_mut(&mut self, kind: HistogramKind) -> Option<&mut Interval> {
        self.intervals.get_mut(kind.index()).and_then(Option::as_mut)
    }

    /// The intervals present, in print order.
    pub fn iter(&self) -> impl Iterator<Item = (HistogramKind, &Interval)> {
        HistogramKind::ALL
            .into_iter()
            .zip(&self.intervals)
            .filter_map(|(kind, slot)| Some((kind, slot.as_ref()?)))
    }

    /// Adds every interval of `other`.
    ///
    /// # Errors
    /// [`Incompatible`] when the limits of one kind differ; kinds before it in print order are then already added.
    pub fn merge(&mut self, other: &Self) -> Result<(), Incompatible> {
        for (slot, added) in self.intervals.iter_mut().zip(&other.intervals) {
            match (slot.as_mut(), added) {
                (Some(present), Some(added)) => present.merge(added)?,
                (None, Some(added)) => *slot = Some(added.clone()),
                (_, None) => {}
            }
        }
        Ok(())
    }

    /// Adds every interval of `next`, which begins with the print that this ends with (see [`Interval::extend`]).
    ///
    /// # Errors
    /// [`Incompatible`] when the limits of one kind differ; kinds before it in print order are then already added.
    pub fn extend(&mut self, next: &Self) -> Result<(), Incompatible> {
        for (slot, added) in self.intervals.iter_mut().zip(&next.intervals) {
            match (slot.as_mut(), added) {
                (Some(present), Some(added)) => present.extend(added)?,
                (None, Some(added)) => *slot = Some(added.clone()),
                (Some(present), None) => present.end_slack = 0,
                (None, None) => {}
            }
        }
        Ok(())
    }

    /// Says that what is added next does not begin with the print that this ends with.
    pub fn break_off(&mut self) {
        for interval in self.intervals.iter_mut().flatten() {
            interval.end_slack = 0;
        }
    }
}
