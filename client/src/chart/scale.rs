//! Linear and logarithmic axes of numbers.

/// A linear axis from 0 to a round number, with round steps.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Linear {
    /// The upper end, at least the largest value.
    pub(super) top: f64,
    /// Distance between two ticks.
    pub(super) step: f64,
}

impl Linear {
    /// The axis for values up to `maximum` with at most `ticks` steps; all zeros get an axis to 1.
    pub(super) fn up_to(maximum: f64, ticks: usize) -> Self {
        let maximum = if maximum > 0.0 && maximum.is_finite() {
            maximum
        } else {
            1.0
        };
        let rough = maximum / ticks.max(1) as f64;
        let power = 10_f64.powf(rough.log10().floor());
        let step = [1.0, 2.0, 2.5, 5.0, 10.0]
            .into_iter()
            .map(|factor| factor * power)
            // The tolerance keeps 0.3 / 3 from needing a step above 0.1.
            .find(|step| step * (1.0 + 1e-9) >= rough)
            .unwrap_or(10.0 * power);
        let steps = (maximum / step - 1e-9).ceil().max(1.0);
        Self {
            top: steps * step,
            step,
        }
    }

    /// The ticks from 0 to the top.
    pub(super) fn ticks(&self) -> impl Iterator<Item = f64> + use<> {
        let Self { top, step } = *self;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a few steps")]
        let steps = (top / step).round() as u32;
        (0..=steps).map(move |index| f64::from(index) * step)
    }

    /// Where a value is between the ends, 0 to 1.
    pub(super) fn share(&self, value: f64) -> f64 {
        (value / self.top).clamp(0.0, 1.0)
    }
}

/// A logarithmic scale between two powers of ten, for colours.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Decades {
    /// Exponent of the lower end.
    pub(super) low: i32,
    /// Exponent of the upper end.
    pub(super) high: i32,
    /// Whether values below the lower end occur and are drawn as if they were there.
    pub(super) clipped: bool,
}

impl Decades {
    /// Most decades that colours can still tell apart.
    const MOST: i32 = 4;

    /// The decades that hold the positive ones among `values`; `None` when there is none.
    pub(super) fn around(values: impl Iterator<Item = f64>) -> Option<Self> {
        let (mut least, mut most) = (f64::INFINITY, 0.0_f64);
        for value in values.filter(|value| *value > 0.0 && value.is_finite()) {
            least = least.min(value);
            most = most.max(value);
        }
        if most <= 0.0 {
            return None;
        }
        #[expect(clippy::cast_possible_truncation, reason = "exponents of floats are small")]
        let exponent = |value: f64| value as i32;
        let high = exponent((most.log10() - 1e-9).ceil());
        let low = exponent((least.log10() + 1e-9).floor()).min(high - 1);
        Some(Self {
            low: low.max(high - Self::MOST),
            high,
            clipped: low < high - Self::MOST,
        })
    }

    /// Where a positive value is between the ends, 0 to 1.
    pub(super) fn share(&self, value: f64) -> f64 {
        ((value.log10() - f64::from(self.low)) / f64::from(self.high - self.low)).clamp(0.0, 1.0)
    }

    /// The powers of ten from end to end.
    pub(super) fn ticks(&self) -> impl Iterator<Item = f64> + use<> {
        (self.low..=self.high).map(|exponent| 10_f64.powi(exponent))
    }
}

/// An axis of some neighbouring buckets, each as high as any other.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct BucketRows {
    limits: Vec<i64>,
    /// The lowest bucket shown.
    first: usize,
    /// The bucket above the highest one shown.
    end: usize,
}

impl BucketRows {
    /// The rows that hold these values, and all rows where there is none; a value beyond the last limit is in the row
    /// above it.
    pub(super) fn around(limits: &[i64], values: impl Iterator<Item = f64>) -> Self {
        let rows: Vec<usize> = values.map(|value| bucket_of(value, limits)).collect();
        Self {
            limits: limits.to_vec(),
            first: rows.iter().copied().min().unwrap_or(0),
            end: rows.iter().max().map_or(limits.len() + 1, |last| last + 1),
        }
    }

    /// Where a value is between the ends, 0 to 1.
    pub(super) fn share(&self, value: f64) -> f64 {
        let row = bucket_share(value, &self.limits) * (self.limits.len() + 1) as f64;
        ((row - self.first as f64) / (self.end - self.first) as f64).clamp(0.0, 1.0)
    }

    /// Where the edges of the rows are, and the limits there: 0 below the lowest bucket, none above the overflow.
    pub(super) fn edges(&self) -> impl Iterator<Item = (f64, Option<i64>)> {
        let rows = (self.end - self.first) as f64;
        (self.first..=self.end).map(move |edge| {
            let limit = edge
                .checked_sub(1)
                .map_or(Some(0), |below| self.limits.get(below).copied());
            ((edge - self.first) as f64 / rows, limit)
        })
    }
}

/// The bucket that holds a value.
fn bucket_of(value: f64, limits: &[i64]) -> usize {
    limits.partition_point(|limit| (*limit as f64) < value)
}

/// Where a latency is on the axis of equally high buckets, 0 to 1; inside a bucket the axis is logarithmic.
pub(super) fn bucket_share(value: f64, limits: &[i64]) -> f64 {
    let buckets = (limits.len() + 1) as f64;
    let below = bucket_of(value, limits);
    let low = below
        .checked_sub(1)
        .and_then(|index| limits.get(index))
        .map_or(0.0, |low| *low as f64);
    let inside = match limits.get(below) {
        Some(&high) if low > 0.0 => (value / low).ln() / (high as f64 / low).ln(),
        Some(&high) => value / high as f64,
        // The overflow has no end; ten times the last limit is drawn at its top.
        None => (value / low.max(1.0)).log10(),
    };
    (below as f64 + inside.clamp(0.0, 1.0)) / buckets
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn round_numbers_end_the_axis() {
        assert_eq!(Linear::up_to(182.0, 5), Linear { top: 200.0, step: 50.0 });
        assert_eq!(Linear::up_to(100.0, 5), Linear { top: 100.0, step: 20.0 });
        assert_eq!(Linear::up_to(0.0, 5), Linear { top: 1.0, step: 0.2 });
    }

    #[test]
    fn four_decades_are_kept_and_more_are_said_to_be_clipped() {
        let scale = Decades::around([0.0, 0.5, 900.0].into_iter()).unwrap();
        assert_eq!((scale.low, scale.high, scale.clipped), (-1, 3, false));
        let scale = Decades::around([0.001, 900.0].into_iter()).unwrap();
        assert_eq!((scale.low, scale.high, scale.clipped), (-1, 3, true));
        assert_eq!(Decades::around([0.0].into_iter()), None);
    }

    #[test]
    fn a_value_in_the_middle_of_the_decades_is_in_the_middle_of_the_colours() {
        let scale = Decades::around([1.0, 100.0].into_iter()).unwrap();
        assert!((scale.share(10.0) - 0.5).abs() < 1e-12);
    }

    #[test]
    fn a_bucket_limit_is_at_the_upper_edge_of_its_row() {
        let limits = [1, 10, 100];
        for (limit, height) in [(1.0, 0.25), (10.0, 0.5), (100.0, 0.75)] {
            assert!((bucket_share(limit, &limits) - height).abs() < 1e-12);
        }
    }

    #[test]
    fn inside_a_bucket_the_axis_is_logarithmic() {
        // The square root of 10 * 100 is in the middle of the third of four rows.
        assert!((bucket_share(1000_f64.sqrt(), &[1, 10, 100]) - 0.625).abs() < 1e-12);
    }

    #[test]
    fn rows_reach_from_the_bucket_of_the_least_value_to_that_of_the_largest() {
        let rows = BucketRows::around(&[1, 10, 100, 1000], [5.0, 60.0].into_iter());
        assert_eq!(
            rows.edges().collect::<Vec<_>>(),
            [(0.0, Some(1)), (0.5, Some(10)), (1.0, Some(100))]
        );
        let beyond = BucketRows::around(&[1, 10], [0.5, f64::INFINITY].into_iter());
        assert_eq!(
            beyond.edges().map(|(_, limit)| limit).collect::<Vec<_>>(),
            [Some(0), Some(1), Some(10), None]
        );
        assert!((beyond.share(f64::INFINITY) - 1.0).abs() < 1e-12);
        let all = BucketRows::around(&[1, 10], std::iter::empty());
        assert_eq!(all.edges().count(), 4);
    }

    proptest! {
        #[test]
        fn every_axis_holds_its_largest_value_in_at_most_the_steps_asked_for(
            maximum in 1e-6_f64..1e12,
            ticks in 2_usize..12,
        ) {
            let axis = Linear::up_to(maximum, ticks);
            prop_assert!(axis.top >= maximum * (1.0 - 1e-9));
            prop_assert!(axis.ticks().count() <= ticks + 1);
        }
    }
}
