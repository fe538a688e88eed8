//! Whether storage has come to a steady state: the rule of SNIA, a pure decision over rounds.
//!
//! [Source: SNIA Solid State Storage Performance Test Specification 2.0.2, "Steady State Verification": over a window of five
//! rounds the tracked variable stays within 20 % of its average from the least to the most, and the line fitted to it by
//! least squares within 10 % of the average from its one end to the other.]

use serde::Serialize;

/// Rounds that are looked at together.
pub(super) const WINDOW: usize = 5;
/// The largest excursion allowed, and that of the fitted line, as shares of the average.
const MOST_EXCURSION: f64 = 0.20;
const MOST_SLOPE: f64 = 0.10;

/// How much a tracked number moves in the last five rounds, as shares of its average.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Steadiness {
    /// The most less the least.
    pub excursion: f64,
    /// What the line fitted by least squares rises or falls by over the window.
    pub slope: f64,
}

impl Steadiness {
    /// That of the last five rounds; `None` of fewer, and where all are zero.
    pub(super) fn of(rounds: &[f64]) -> Option<Self> {
        let window = rounds.last_chunk::<WINDOW>()?;
        let average = window.iter().sum::<f64>() / WINDOW as f64;
        let most = window.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let least = window.iter().copied().fold(f64::INFINITY, f64::min);
        let middle = (WINDOW - 1) as f64 / 2.0;
        let places = || (0..WINDOW).map(|place| place as f64 - middle);
        let covariance: f64 = places().zip(window).map(|(place, value)| place * value).sum();
        let variance: f64 = places().map(|place| place * place).sum();
        (average > 0.0).then(|| Self {
            excursion: (most - least) / average,
            slope: (covariance / variance * (WINDOW - 1) as f64).abs() / average,
        })
    }

    pub(super) fn is_steady(self) -> bool {
        self.excursion <= MOST_EXCURSION && self.slope <= MOST_SLOPE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fewer_than_five_rounds_say_nothing() {
        assert_eq!(Steadiness::of(&[100.0; 4]), None);
        assert_eq!(Steadiness::of(&[0.0; 5]), None);
    }

    #[test]
    fn excursion_and_slope_are_those_of_the_last_five_rounds() {
        // Average 100, from 96 to 104. The line through them has a slope of (-2*96 - 1*98 + 1*102 + 2*104) / 10 = 2.
        let moving = Steadiness::of(&[900.0, 96.0, 98.0, 100.0, 102.0, 104.0]).unwrap();
        assert!(
            (moving.excursion - 0.08).abs() < 1e-12 && (moving.slope - 0.08).abs() < 1e-12,
            "{moving:?}"
        );
        assert!(moving.is_steady());
    }

    #[test]
    fn a_slope_of_more_than_ten_percent_is_not_steady_inside_the_excursion() {
        // From 93 to 107 of 100, in a line: both move by 14 %.
        let falling = Steadiness::of(&[107.0, 103.5, 100.0, 96.5, 93.0]).unwrap();
        assert!(
            (falling.excursion - 0.14).abs() < 1e-12 && (falling.slope - 0.14).abs() < 1e-12,
            "{falling:?}"
        );
        assert!(!falling.is_steady());
    }

    #[test]
    fn an_excursion_of_more_than_twenty_percent_is_not_steady_without_a_slope() {
        // 88 and 112 on both sides of the middle: 24 % apart, and level.
        let jumping = Steadiness::of(&[100.0, 88.0, 100.0, 88.0, 112.0]).unwrap();
        assert!(jumping.excursion > 0.24 && !jumping.is_steady());
        let level = Steadiness::of(&[100.0, 88.0, 112.0, 88.0, 100.0]).unwrap();
        assert!(level.slope.abs() < 1e-12 && !level.is_steady(), "{level:?}");
    }

    #[test]
    fn the_limits_themselves_are_allowed() {
        assert!(
            Steadiness {
                excursion: 0.20,
                slope: 0.10
            }
            .is_steady()
        );
    }
}
