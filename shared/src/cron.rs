//! Cron expressions of schedules: five fields, in UTC.

use std::fmt;
use std::str::FromStr;

use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};
use jiff::Timestamp;
use jiff::tz::TimeZone;

/// Why a text is not a cron expression.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{expression}` is not a cron expression: {reason}; the fields are minute, hour, day of month, month and day of week"
)]
pub struct InvalidCron {
    expression: String,
    reason: String,
}

/// A checked cron expression: minute, hour, day of month, month, day of week.
#[derive(Debug, Clone)]
pub struct CronExpression {
    text: String,
    cron: Cron,
}

impl FromStr for CronExpression {
    type Err = InvalidCron;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = |reason: String| InvalidCron {
            expression: text.chars().take(80).flat_map(char::escape_debug).collect(),
            reason,
        };
        // The parser passes over an empty value, and with it over a field that has no other.
        if text.split_whitespace().any(|field| field.split(',').any(str::is_empty)) {
            return Err(invalid("a value in a list is empty".to_owned()));
        }
        let parser = CronParser::builder()
            .seconds(Seconds::Disallowed)
            .year(Year::Disallowed)
            .build();
        let cron = parser.parse(text).map_err(|error| {
            let fields = text.split_whitespace().count();
            if fields == 5 {
                let reason = error.to_string();
                let reason = reason.split_once(": ").map_or(reason.as_str(), |(_, reason)| reason);
                invalid(reason.trim_end_matches('.').to_lowercase())
            } else {
                invalid(format!("it has {fields} of five fields"))
            }
        })?;
        Ok(Self {
            text: text.to_owned(),
            cron,
        })
    }
}

impl fmt::Display for CronExpression {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

impl CronExpression {
    /// The first moment after `after` that matches; `None` when none ever does, as on 30 February.
    pub fn next_after(&self, after: Timestamp) -> Option<Timestamp> {
        let after = after.to_zoned(TimeZone::UTC);
        self.cron
            .find_next_occurrence(&after, false)
            .ok()
            .map(|next| next.timestamp())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_with_an_expression_is_told_in_words() {
        for (text, reason) in [
            (
                "bogus",
                "`bogus` is not a cron expression: it has 1 of five fields; the fields are minute,",
            ),
            ("0 0 22 * * 1-5", "it has 6 of five fields;"),
            (
                "0 0 1 1 ,",
                "`0 0 1 1 ,` is not a cron expression: a value in a list is empty;",
            ),
            ("0 1,,2 * * *", "a value in a list is empty;"),
            ("0 1, * * *", "a value in a list is empty;"),
            (
                "61 * * * *",
                "`61 * * * *` is not a cron expression: number out of bounds;",
            ),
        ] {
            let error = text.parse::<CronExpression>().unwrap_err().to_string();
            assert!(error.contains(reason), "{error}");
        }
    }
}
