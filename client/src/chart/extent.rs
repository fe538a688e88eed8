//! What the axes of one chart have to hold, so that the same chart of another job can be given the same axes.

/// The least and the largest of the positive ones among some values.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Extent {
    least: f64,
    most: f64,
}

impl Extent {
    /// `None` when no value is positive.
    pub(super) fn of(values: impl Iterator<Item = f64>) -> Option<Self> {
        let extents = values.filter(|value| *value > 0.0).map(|value| Self {
            least: value,
            most: value,
        });
        extents.reduce(Self::and)
    }

    /// What holds both.
    pub(super) fn and(self, other: Self) -> Self {
        Self {
            least: self.least.min(other.least),
            most: self.most.max(other.most),
        }
    }

    /// What holds all that there are.
    pub(super) fn around(extents: impl Iterator<Item = Option<Self>>) -> Option<Self> {
        extents.flatten().reduce(Self::and)
    }

    /// The two ends, which stand for all the values wherever an axis is made of values.
    pub(super) fn ends(extent: Option<Self>) -> impl Iterator<Item = f64> {
        extent.into_iter().flat_map(|extent| [extent.least, extent.most])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_extent_of_two_holds_the_positive_values_of_both() {
        let one = Extent::of([0.0, 3.0, 5.0].into_iter());
        let other = Extent::of([4.0, 9.0].into_iter());
        let both = Extent::around([one, None, other].into_iter());
        assert_eq!(Extent::ends(both).collect::<Vec<_>>(), [3.0, 9.0]);
        assert_eq!(Extent::of([0.0, -1.0].into_iter()), None);
    }
}
