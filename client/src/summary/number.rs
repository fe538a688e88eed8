//! Times, shares and ranges as people read them.

use crate::analysis::estimate::Range;

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
