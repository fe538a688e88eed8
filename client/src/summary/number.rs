//! Numbers as people read them.

use crate::analysis::estimate::Range;

/// Three significant digits for small rates, whole numbers with thousands separators for large ones.
pub fn rate(value: f64) -> String {
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

/// A whole number with thousands separators.
pub fn count(value: f64) -> String {
    let digits = format!("{value:.0}");
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) && !text.ends_with('-') {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A number with its noun: `1 sample`, `30 samples`.
pub(super) fn counted(number: usize, noun: &str) -> String {
    let ending = if number == 1 { "" } else { "s" };
    format!("{} {noun}{ending}", count(number as f64))
}

/// A time given in milliseconds, in the unit that keeps it short: `40us`, `2.1ms`, `51s`.
pub fn duration_ms(milliseconds: f64) -> String {
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
pub(super) fn percent(value: f64) -> String {
    match value {
        value if value > 0.0 && value < 0.5 => "<1%".to_owned(),
        value if (99.5..100.0).contains(&value) => ">99%".to_owned(),
        value => format!("{value:.0}%"),
    }
}

/// `2.1ms (1ms-5ms)`, or `>100ms (max 51s)` in the overflow bucket; `value` writes a number with its unit.
pub(super) fn with_range(range: &Range, last_limit: f64, value: impl Fn(f64) -> String) -> String {
    if range.lo >= last_limit {
        return match range.hi {
            Some(hi) => format!(">{} (max {})", value(last_limit), value(hi)),
            None => format!(">{}", value(last_limit)),
        };
    }
    let (est, lo) = (value(range.est), value(range.lo));
    match range.hi.map(&value) {
        Some(hi) if hi == lo => est,
        Some(hi) => format!("{est} ({lo}-{hi})"),
        None => format!("{est} (from {lo})"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::estimate::Method;

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
    fn a_percentile_in_the_overflow_is_shown_as_beyond_the_last_limit() {
        let range = Range::between(100.0, 51_000.0, 2000.0, Method::LogLinear);
        assert_eq!(with_range(&range, 100.0, duration_ms), ">100ms (max 51s)");
    }

    #[test]
    fn a_range_stands_behind_its_estimate() {
        let range = Range::between(1.0, 5.0, 2.1, Method::LogLinear);
        assert_eq!(with_range(&range, 100.0, duration_ms), "2.1ms (1ms-5ms)");
    }
}
