//! Numbers on the command line, refused in the words of the user rather than of a parser.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;

/// A parser of whole numbers of at least `least`.
pub(super) fn at_least<T>(least: T) -> impl Fn(&str) -> Result<T, String> + Clone
where
    T: FromStr + PartialOrd + Display + Copy,
{
    move |text| {
        let number = text.parse().ok().filter(|number| *number >= least);
        number.ok_or_else(|| format!("expected a whole number of at least {least}"))
    }
}

/// A parser of whole numbers in `range`.
pub(super) fn within<T>(range: RangeInclusive<T>) -> impl Fn(&str) -> Result<T, String> + Clone
where
    T: FromStr + PartialOrd + Display + Clone,
{
    move |text| {
        let number = text.parse().ok().filter(|number| range.contains(number));
        number.ok_or_else(|| format!("expected a whole number from {} to {}", range.start(), range.end()))
    }
}

/// A number that may have a fraction.
pub(super) fn decimal(text: &str) -> Result<f64, String> {
    let number = text.parse().ok().filter(|number: &f64| number.is_finite());
    number.ok_or_else(|| "expected a number such as 75 or 1.5".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_of_the_range_is_taken() {
        assert_eq!(at_least(1_u32)("1"), Ok(1));
        assert_eq!(within(1_u16..=512)("512"), Ok(512));
        assert_eq!(decimal("-1.5"), Ok(-1.5));
    }

    #[test]
    fn what_is_not_a_number_of_the_range_is_refused_in_words() {
        for text in ["0", "-1", "", "abc", "1.5", "99999999999"] {
            assert!(at_least(1_u32)(text).unwrap_err().contains("at least 1"), "{text:?}");
        }
        for text in ["0", "513", "x"] {
            assert!(
                within(1_u16..=512)(text).unwrap_err().contains("from 1 to 512"),
                "{text:?}"
            );
        }
        for text in ["abc", "", "nan", "inf"] {
            assert!(decimal(text).is_err(), "{text:?}");
        }
    }
}
