//! Numbers as people read them.

use std::cmp::Ordering;
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

/// A time since a beginning in hours, minutes and seconds, as a clock shows it: `0:12:00`.
pub(crate) fn elapsed(seconds: f64) -> String {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a float cast saturates, and nothing lies before the beginning"
    )]
    let seconds = seconds.round() as u64;
    format!("{}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
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

/// How people sort names: digits are compared as the numbers they are, so that `scsi0:2` stands before `scsi0:10`.
pub(crate) fn natural_order(one: &str, other: &str) -> Ordering {
    let (mut left, mut right) = (one, other);
    loop {
        let (left_text, left_digits, left_rest) = first_number(left);
        let (right_text, right_digits, right_rest) = first_number(right);
        let by_number = || {
            let [left, right] = [left_digits, right_digits].map(|digits| digits.trim_start_matches('0'));
            left.len().cmp(&right.len()).then_with(|| left.cmp(right))
        };
        let order = left_text.cmp(right_text).then_with(by_number);
        if order.is_ne() {
            return order;
        }
        if left_rest.is_empty() && right_rest.is_empty() {
            // Only names that are the same are equal.
            return one.cmp(other);
        }
        (left, right) = (left_rest, right_rest);
    }
}

/// What stands before the first digits of a text, the digits, and the rest.
fn first_number(text: &str) -> (&str, &str, &str) {
    let is_digit = |character: char| character.is_ascii_digit();
    let (before, rest) = text.split_at(text.find(is_digit).unwrap_or(text.len()));
    let (digits, after) = rest.split_at(rest.find(|character| !is_digit(character)).unwrap_or(rest.len()));
    (before, digits, after)
}

/// Bytes in binary units with at most one decimal: `500 GiB`, `1.5 TiB`.
pub(crate) fn bytes(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
    let mut value = bytes as f64;
    let mut unit = 0;
    while value >= 1023.95 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    let number = format!("{value:.1}");
    let name = UNITS.get(unit).copied().unwrap_or("B");
    format!("{} {name}", number.strip_suffix(".0").unwrap_or(&number))
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
    fn a_time_since_a_beginning_is_told_as_a_clock_does() {
        let texts = [0.0, 59.6, 720.0, 36_061.0, 360_000.0].map(elapsed);
        assert_eq!(texts, ["0:00:00", "0:01:00", "0:12:00", "10:01:01", "100:00:00"]);
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

    #[test]
    fn bytes_are_told_in_binary_units() {
        let gib = 1 << 30;
        for (number, text) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1536, "1.5 KiB"),
            (500 * gib, "500 GiB"),
            (1024 * gib, "1 TiB"),
        ] {
            assert_eq!(bytes(number), text);
        }
    }

    #[test]
    fn names_are_sorted_by_the_numbers_in_them() {
        let sorted = [
            "", "8194", "10000", "scsi0:0", "scsi0:2", "scsi0:10", "scsi1:0", "scsi1:00", "scsi10:0",
        ];
        for (position, one) in sorted.iter().enumerate() {
            for (other_position, other) in sorted.iter().enumerate() {
                assert_eq!(
                    natural_order(one, other),
                    position.cmp(&other_position),
                    "{one:?} and {other:?}"
                );
            }
        }
    }
}
