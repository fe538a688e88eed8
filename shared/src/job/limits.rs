//! What a job may ask for.
//!
//! The command line, the configuration and the agent all check against these limits, so that a number is refused where
//! it is written, in the same words as where it would arrive.

use std::fmt;
use std::ops::RangeInclusive;

use super::Profile;

/// A number of a job's request, and the values it may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// What is counted, such as `samples`, as a message names it.
    quantity: &'static str,
    least: u32,
    most: u32,
}

/// Samples of a job. At an interval of a minute the most are more than two months.
pub const SAMPLES: Limit = Limit {
    quantity: "the number of samples",
    least: 1,
    most: 100_000,
};

/// Seconds between two snapshots: up to a day.
pub const INTERVAL_SECONDS: Limit = Limit {
    quantity: "the interval in seconds",
    least: 1,
    most: 86_400,
};

/// Disks of a job: a VM has at most 64 on one kind of controller.
pub const DISKS: Limit = Limit {
    quantity: "the number of disks",
    least: 1,
    most: 64,
};

/// Consecutive misses after which a job fails. No job has more snapshots to miss than the most samples.
pub const MAX_MISSES: Limit = Limit {
    quantity: "the number of misses in a row",
    least: 1,
    most: SAMPLES.most,
};

/// A number lies outside its limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{limit}, not {value}")]
pub struct OutOfRange {
    limit: Limit,
    value: u64,
}

impl Limit {
    /// The values allowed.
    pub fn range(self) -> RangeInclusive<u32> {
        self.least..=self.most
    }

    /// Refuses a value outside the range.
    ///
    /// # Errors
    /// [`OutOfRange`], which names the quantity, the range and the value.
    pub fn check(self, value: impl TryInto<u64>) -> Result<(), OutOfRange> {
        // What does not fit 64 bits is outside of every limit.
        let value = value.try_into().unwrap_or(u64::MAX);
        if (u64::from(self.least)..=u64::from(self.most)).contains(&value) {
            Ok(())
        } else {
            Err(OutOfRange { limit: self, value })
        }
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { quantity, least, most } = self;
        write!(formatter, "{quantity} must be {least} to {most}")
    }
}

impl Profile {
    /// Refuses a profile that no job may have.
    ///
    /// # Errors
    /// [`OutOfRange`] for the first number outside its limit.
    pub fn check(&self) -> Result<(), OutOfRange> {
        SAMPLES.check(self.samples)?;
        INTERVAL_SECONDS.check(self.interval_seconds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn profile(samples: u32, interval_seconds: u32) -> Profile {
        Profile {
            name: "p".to_owned(),
            samples,
            interval_seconds,
        }
    }

    #[test]
    fn the_ends_of_each_range_are_allowed() {
        for limit in [SAMPLES, INTERVAL_SECONDS, DISKS, MAX_MISSES] {
            assert_eq!(limit.check(*limit.range().start()), Ok(()), "{limit}");
            assert_eq!(limit.check(*limit.range().end()), Ok(()), "{limit}");
        }
    }

    #[test]
    fn one_beyond_each_end_is_refused() {
        for limit in [SAMPLES, INTERVAL_SECONDS, DISKS, MAX_MISSES] {
            assert!(limit.check(*limit.range().start() - 1).is_err(), "{limit}");
            assert!(limit.check(*limit.range().end() + 1).is_err(), "{limit}");
        }
    }

    #[test]
    fn a_refusal_names_the_quantity_the_range_and_the_value() {
        assert_eq!(
            profile(0, 60).check().unwrap_err().to_string(),
            "the number of samples must be 1 to 100000, not 0"
        );
        assert_eq!(
            profile(30, 86_401).check().unwrap_err().to_string(),
            "the interval in seconds must be 1 to 86400, not 86401"
        );
        assert_eq!(
            SAMPLES.check(u128::MAX).unwrap_err().to_string(),
            "the number of samples must be 1 to 100000, not 18446744073709551615"
        );
    }
}
