//! The name of a job as the command line gives it: the time may stand in it, for cron.

use std::str::FromStr;

use jiff::Timestamp;
use jiff::fmt::strtime;
use vscsi_shared::identifier::{InvalidName, Name};

use crate::failure::UsageError;

/// A name, or a pattern such as `nightly-%Y%m%d-%H%M` that the time makes a name of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct JobName(String);

/// Why a text is no name of a job.
#[derive(Debug, thiserror::Error)]
pub(super) enum InvalidJobName {
    /// Not a name.
    #[error(transparent)]
    Name(#[from] InvalidName),
    /// What stands behind a percent sign means no part of the time.
    #[error("`{pattern}` is no pattern of the time: {reason}; such as `nightly-%Y%m%d-%H%M` is")]
    Pattern {
        /// The text.
        pattern: String,
        /// What is wrong with it.
        reason: String,
    },
}

impl FromStr for JobName {
    type Err = InvalidJobName;

    /// A pattern is tried at once, so that a wrong one is told before anything is begun.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let pattern = Self(text.to_owned());
        pattern.name_at(Timestamp::UNIX_EPOCH)?;
        Ok(pattern)
    }
}

impl JobName {
    fn name_at(&self, now: Timestamp) -> Result<Name, InvalidJobName> {
        let text = strtime::format(&self.0, now).map_err(|error| InvalidJobName::Pattern {
            pattern: self.0.escape_debug().to_string(),
            reason: error.to_string(),
        })?;
        Ok(Name::new(&text)?)
    }

    /// The name at this moment, in UTC.
    ///
    /// # Errors
    /// When the time makes it longer than a name may be.
    pub(super) fn at(&self, now: Timestamp) -> Result<Name, UsageError> {
        let hint = "use letters, digits, `.`, `_`, `-`, and parts of the time such as `%Y%m%d-%H%M`";
        self.name_at(now)
            .map_err(|error| UsageError::new(error.to_string(), hint))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> String {
        let now = "2025-11-06T22:05:09Z".parse().unwrap();
        text.parse::<JobName>().unwrap().at(now).unwrap().to_string()
    }

    #[test]
    fn the_time_stands_where_the_pattern_has_it() {
        assert_eq!(name("nightly-%Y%m%d-%H%M"), "nightly-20251106-2205");
        assert_eq!(name("sql-peak"), "sql-peak");
    }

    #[test]
    fn a_pattern_that_makes_no_name_is_refused_at_once() {
        for text in ["nightly-%", "nightly-%Q", "at-%H:%M", "../%Y", "%%", ""] {
            assert!(text.parse::<JobName>().is_err(), "{text}");
        }
    }
}
