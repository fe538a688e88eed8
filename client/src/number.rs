//! Numbers as people read them.

use std::fmt::Display;

/// Three significant digits for small rates, whole numbers with thousands separators for large ones.
pub(crate) fn rate(value: f64) -> String {
    if value == 0.0 {
        return "0".to_owned();
    }
    if value.abs() >= 99.95 {
        return count(value.round());
    }
    // Written with three digits first, so that a value that rounds up to the next power of ten has no fourth.
    let exponent = format!("{value:.2e}")
        .rsplit_once('e')
        .and_then(|(_, exponent)| exponent.parse().ok())
        .unwrap_or(0_i32);
    let decimals = usize::try_from(2 - exponent).unwrap_or(0);
    format!("{value:.decimals$}")
}

/// A time given in milliseconds, in the unit that keeps it short: `40us`, `2.1ms`, `51s`.
pub(crate) fn duration_ms(milliseconds: f64) -> String {
    let (value, unit) = match milliseconds {
        0.0 => (0.0, "s"),
        ms if ms < 1.0 => (ms * 1000.0, "us"),
        ms if ms < 1000.0 => (ms, "ms"),
        ms => (ms / 1000.0, "s"),
    };
    format!("{}{unit}", short(value))
}

/// At most one decimal, and none where it is zero or the number is large.
fn short(value: f64) -> String {
    let rounded = (value * 10.0).round() / 10.0;
    if rounded >= 100.0 || rounded.fract() == 0.0 {
        format!("{rounded:.0}")
    } else {
        format!("{rounded:.1}")
    }
}

/// A percentage without decimals, but never 0 % or 100 % for what is neither.
pub(crate) fn percent(value: f64) -> String {
    match value {
        value if value > 0.0 && value < 0.5 => "<1%".to_owned(),
        value if (99.5..100.0).contains(&value) => ">99%".to_owned(),
        value => format!("{value:.0}%"),
    }
}

/// A whole number with thousands separators.
pub(crate) fn count(value: f64) -> String {
    grouped(&format!("{value:.0}"))
}

/// A whole number with its noun: `1 sample`, `30 samples`, `10,000 samples`.
pub(crate) fn counted(number: impl Display, noun: &str) -> String {
    let digits = number.to_string();
    let ending = if digits == "1" { "" } else { "s" };
    format!("{} {noun}{ending}", grouped(&digits))
}

/// A size in the largest binary unit that divides it, as people write it in fio files: `512`, `8k`, `1m`, `3g`.
pub(crate) fn size(bytes: impl Into<i128>) -> String {
    match bytes.into() {
        0 => "0".to_owned(),
        bytes if bytes % (1 << 30) == 0 => format!("{}g", bytes >> 30),
        bytes if bytes % (1 << 20) == 0 => format!("{}m", bytes >> 20),
        bytes if bytes % (1 << 10) == 0 => format!("{}k", bytes >> 10),
        bytes => bytes.to_string(),
    }
}

/// Digits with a separator before every third one from the right.
fn grouped(digits: &str) -> String {
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) && !text.ends_with('-') {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_rates_have_thousands_separators_and_small_ones_three_digits() {
        let texts = [1_234_567.0, 4280.4, 100.0, 42.04, 3.456, 0.8067, 0.00431, 0.0].map(rate);
        assert_eq!(
            texts,
            ["1,234,567", "4,280", "100", "42.0", "3.46", "0.807", "0.00431", "0"]
        );
        assert_eq!(
            [0.04312, 0.0001, 0.099_96, 9.996, 99.96].map(rate),
            ["0.0431", "0.000100", "0.100", "10.0", "100"]
        );
    }

    #[test]
    fn times_take_the_unit_that_keeps_them_short() {
        let texts = [0.0, 0.04, 2.13, 15.0, 999.4, 51_537.0].map(duration_ms);
        assert_eq!(texts, ["0s", "40us", "2.1ms", "15ms", "999ms", "51.5s"]);
    }

    #[test]
    fn a_share_that_is_not_nothing_is_not_shown_as_zero() {
        assert_eq!(
            [0.0, 0.2, 35.4, 99.9, 100.0].map(percent),
            ["0%", "<1%", "35%", ">99%", "100%"]
        );
    }

    #[test]
    fn sizes_are_written_exactly() {
        assert_eq!(
            [0_i64, 512, 4095, 4096, 6656, 1 << 20, 3 << 30].map(size),
            ["0", "512", "4095", "4k", "6656", "1m", "3g"]
        );
    }

    #[test]
    fn a_noun_is_in_the_plural_for_every_number_but_one() {
        assert_eq!(
            [0_u64, 1, 2, 10_000].map(|number| counted(number, "sample")),
            ["0 samples", "1 sample", "2 samples", "10,000 samples"]
        );
    }
}
