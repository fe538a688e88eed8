//! How a replay log differs from what was measured: its speed and its intensity.

use std::fmt;
use std::str::FromStr;

use super::options::ByteSize;

/// Smallest and largest factor, thousandths.
const FACTORS: std::ops::RangeInclusive<f64> = 1.0..=1_000_000.0;

/// How much faster than measured time passes, in thousandths.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Speed(u32);

/// How many commands are issued for each measured one, in thousandths.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Intensity(u32);

/// A text is no speed or intensity.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPace {
    /// It is no speed.
    #[error("`{0}` is not a speed: write a factor from 0.001 to 1000, such as 2 or 0.5")]
    Speed(String),
    /// It is no intensity.
    #[error("`{0}` is not an intensity: write a percentage from 0.1% to 100000%, such as 150%")]
    Intensity(String),
    /// It is no size of a sector.
    #[error("`{0}` is not the size of a sector: write 512 or 4k")]
    Sector(String),
}

impl Speed {
    /// As a number; 2 when time passes twice as fast.
    pub fn factor(self) -> f64 {
        f64::from(self.0) / 1000.0
    }
}

impl Intensity {
    /// As a number; 1.5 when half as many commands again are issued.
    pub fn factor(self) -> f64 {
        f64::from(self.0) / 1000.0
    }
}

impl Default for Speed {
    fn default() -> Self {
        Self(1000)
    }
}

impl Default for Intensity {
    fn default() -> Self {
        Self(1000)
    }
}

impl fmt::Display for Speed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.factor())
    }
}

impl fmt::Display for Intensity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}%", f64::from(self.0) / 10.0)
    }
}

impl FromStr for Speed {
    type Err = InvalidPace;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let factor = text.trim().trim_end_matches('x').parse().ok();
        let found = factor.and_then(|factor: f64| thousandths(factor * 1000.0));
        found.map(Self).ok_or_else(|| InvalidPace::Speed(shortened(text)))
    }
}

impl FromStr for Intensity {
    type Err = InvalidPace;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let percent = text
            .trim()
            .strip_suffix('%')
            .and_then(|number| number.trim().parse().ok());
        let found = percent.and_then(|percent: f64| thousandths(percent * 10.0));
        found.map(Self).ok_or_else(|| InvalidPace::Intensity(shortened(text)))
    }
}

/// A size of sectors that devices have.
pub(super) fn sector_size(text: &str) -> Result<ByteSize, InvalidPace> {
    let size = text
        .parse::<ByteSize>()
        .ok()
        .filter(|size| [512, 4096].contains(&size.0));
    size.ok_or_else(|| InvalidPace::Sector(shortened(text)))
}

fn thousandths(number: f64) -> Option<u32> {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "inside the range of factors"
    )]
    FACTORS.contains(&number).then(|| number.round() as u32)
}

fn shortened(text: &str) -> String {
    text.chars().take(40).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_speed_is_a_factor_and_an_intensity_a_percentage() {
        assert!(("2".parse::<Speed>().unwrap().factor() - 2.0).abs() < 1e-9);
        assert!(("0.5".parse::<Speed>().unwrap().factor() - 0.5).abs() < 1e-9);
        assert!(("150%".parse::<Intensity>().unwrap().factor() - 1.5).abs() < 1e-9);
        assert_eq!("150%".parse::<Intensity>().unwrap().to_string(), "150%");
    }

    #[test]
    fn what_is_neither_is_refused() {
        for text in ["0", "-1", "fast", "NaN", "inf", "1e9", ""] {
            assert!(text.parse::<Speed>().is_err(), "{text} was taken for a speed");
        }
        for text in ["150", "0%", "-5%", "%", "NaN%"] {
            assert!(text.parse::<Intensity>().is_err(), "{text} was taken for an intensity");
        }
        for text in ["0", "520", "8k", "x"] {
            assert!(sector_size(text).is_err(), "{text} was taken for a sector");
        }
    }
}
