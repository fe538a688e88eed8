//! Numbers with what is known of them, as cells of a table.

use std::fmt;

use maud::{Markup, html};

use crate::analysis::estimate::Range;
use crate::number::duration_ms;

/// A time given in milliseconds, in the unit that keeps it short.
pub(super) fn time(milliseconds: f64) -> String {
    duration_ms(milliseconds).replace("us", "µs")
}

/// A number and the range that holds the true value, where that is wider than the number shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Figure {
    pub(super) estimate: String,
    pub(super) range: Option<String>,
}

impl Figure {
    /// What nobody measured.
    pub(super) fn unknown() -> Self {
        Self::exact("–")
    }

    /// A number that is what it is.
    pub(super) fn exact(text: impl Into<String>) -> Self {
        Self {
            estimate: text.into(),
            range: None,
        }
    }

    /// A number that is known by its bounds; `shown` writes it with its unit.
    pub(super) fn of(range: &Range, shown: impl Fn(f64) -> String) -> Self {
        Self::within(range, f64::INFINITY, shown)
    }

    /// The same for a percentile of a histogram whose last limit is `last_limit`, beyond which little is known.
    pub(super) fn within(range: &Range, last_limit: f64, shown: impl Fn(f64) -> String) -> Self {
        if range.lo >= last_limit {
            return Self {
                estimate: format!("> {}", shown(last_limit)),
                range: range.hi.map(|hi| format!("at most {}", shown(hi))),
            };
        }
        let (estimate, lo) = (shown(range.est), shown(range.lo));
        let bounds = match range.hi.map(&shown) {
            Some(hi) if hi == lo => None,
            Some(hi) => Some(format!("{lo} to {hi}")),
            None => Some(format!("from {lo}")),
        };
        Self {
            estimate,
            range: bounds,
        }
    }

    /// What lies between two bounds, of which nothing closer is told.
    pub(super) fn between(lo: f64, hi: f64, shown: impl Fn(f64) -> String) -> Self {
        let (lo, hi) = (shown(lo), shown(hi));
        Self::exact(if lo == hi { lo } else { format!("{lo} to {hi}") })
    }

    /// The figure of something that may not be known.
    pub(super) fn known<T>(value: Option<T>, of: impl FnOnce(T) -> Self) -> Self {
        value.map_or_else(Self::unknown, of)
    }

    /// The estimate, with its range behind it.
    pub(super) fn markup(&self) -> Markup {
        html! {
            b { (self.estimate) }
            @if let Some(range) = &self.range { " " span.range { "(" (range) ")" } }
        }
    }
}

impl fmt::Display for Figure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.range {
            Some(range) => write!(formatter, "{} ({range})", self.estimate),
            None => formatter.write_str(&self.estimate),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::estimate::Method;

    fn shown(value: f64) -> String {
        format!("{value}ms")
    }

    #[test]
    fn a_range_stands_behind_its_estimate_unless_both_ends_look_alike() {
        let wide = Figure::of(&Range::between(1.0, 5.0, 2.0, Method::LogLinear), shown);
        assert_eq!(
            (wide.estimate.as_str(), wide.range.as_deref()),
            ("2ms", Some("1ms to 5ms"))
        );
        assert_eq!(Figure::of(&Range::exact(3.0), shown), Figure::exact("3ms"));
    }

    #[test]
    fn what_is_beyond_the_last_limit_is_told_as_that() {
        let beyond = Range::between(100.0, 900.0, 300.0, Method::LogLinear);
        let figure = Figure::within(&beyond, 100.0, shown);
        assert_eq!(
            (figure.estimate.as_str(), figure.range.as_deref()),
            ("> 100ms", Some("at most 900ms"))
        );
    }
}
