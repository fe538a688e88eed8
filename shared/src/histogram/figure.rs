//! A number of a histogram's summary, as far as it is known.

use std::fmt;
use std::num::NonZeroU8;

/// A whole number that vscsiStats printed: exact, or rounded by a program that it passed through.
///
/// Spreadsheets show large numbers by their first six digits, such as `5.81014E+11`, and save them that way. The digits
/// that are left bound the number that was printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Figure {
    /// The digits that are known, as a number.
    significand: i64,
    /// How many digits are not known, and one more: a summary with three of these stays small.
    unknown_digits_and_one: NonZeroU8,
}

impl Figure {
    /// A number as vscsiStats printed it.
    pub fn exact(value: i64) -> Self {
        Self {
            significand: value,
            unknown_digits_and_one: NonZeroU8::MIN,
        }
    }

    /// A number of which the digits of `significand` are known, and then `unknown_digits` more are not. `None` when it
    /// may not fit 64 bits.
    pub fn rounded(significand: i64, unknown_digits: u8) -> Option<Self> {
        let unit = 10_i64.checked_pow(u32::from(unknown_digits))?;
        let nearest = significand.checked_mul(unit)?;
        nearest.checked_add(unit / 2)?;
        nearest.checked_sub(unit / 2)?;
        Some(Self {
            significand,
            unknown_digits_and_one: NonZeroU8::MIN.checked_add(unknown_digits)?,
        })
    }

    /// All of its digits are known.
    pub fn is_exact(self) -> bool {
        self.unknown_digits() == 0
    }

    fn unknown_digits(self) -> u8 {
        self.unknown_digits_and_one.get() - 1
    }

    /// The unit of the last known digit.
    fn unit(self) -> i64 {
        10_i64.saturating_pow(u32::from(self.unknown_digits()))
    }

    /// The printed number is not below this.
    pub fn at_least(self) -> i64 {
        self.nearest().saturating_sub(self.unit() / 2)
    }

    /// The printed number is not above this.
    pub fn at_most(self) -> i64 {
        self.nearest().saturating_add(self.unit() / 2)
    }

    /// The middle of what it may be.
    pub fn nearest(self) -> i64 {
        self.significand.saturating_mul(self.unit())
    }
}

/// As it is read again: `581013626718`, or `5.81014E+11`.
impl fmt::Display for Figure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_exact() {
            return self.significand.fmt(formatter);
        }
        let sign = if self.significand < 0 { "-" } else { "" };
        let digits = self.significand.unsigned_abs().to_string();
        let (first, others) = digits.split_at_checked(1).unwrap_or((&digits, ""));
        let point = if others.is_empty() { "" } else { "." };
        let exponent = usize::from(self.unknown_digits()) + others.len();
        write!(formatter, "{sign}{first}{point}{others}E+{exponent:02}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rounded_number_lies_within_half_a_unit_of_its_last_digit() {
        // 581 013 626 718 as a spreadsheet shows it.
        let figure = Figure::rounded(581_014, 6).unwrap();
        assert_eq!(figure.at_least(), 581_013_500_000);
        assert_eq!(figure.at_most(), 581_014_500_000);
        assert_eq!(figure.to_string(), "5.81014E+11");
    }

    #[test]
    fn an_exact_number_has_no_room() {
        for value in [0, -7, i64::MIN, i64::MAX] {
            let figure = Figure::exact(value);
            assert_eq!((figure.at_least(), figure.at_most()), (value, value));
            assert_eq!(figure.to_string(), value.to_string());
        }
    }

    #[test]
    fn a_number_that_may_not_fit_64_bits_is_none() {
        assert_eq!(
            Figure::rounded(9_223_371, 12).map(Figure::at_most),
            Some(9_223_371_500_000_000_000)
        );
        assert_eq!(Figure::rounded(9_223_373, 12), None);
        assert_eq!(Figure::rounded(1, 19), None);
        assert_eq!(Figure::rounded(-9_223_373, 12), None);
    }

    #[test]
    fn one_digit_has_no_decimal_point() {
        assert_eq!(Figure::rounded(-5, 11).unwrap().to_string(), "-5E+11");
    }
}
