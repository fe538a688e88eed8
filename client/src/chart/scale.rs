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
