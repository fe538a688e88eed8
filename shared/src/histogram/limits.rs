//! Bucket limits. The four known rows are static, so that parsing a normal capture allocates none.

use std::sync::Arc;

use super::{InvalidHistogram, Metric};

/// Bytes. The pairs such as 4095 and 4096 isolate the exact power of two.
const IO_LENGTH: &[i64] = &[
    512, 1024, 2048, 4095, 4096, 8191, 8192, 16383, 16384, 32768, 49152, 65535, 65536, 81920, 131_072, 262_144, 524_288,
];

/// 512-byte blocks, signed.
const SEEK_DISTANCE: &[i64] = &[
    -500_000, -100_000, -50_000, -10_000, -5000, -1000, -500, -128, -64, -32, -16, -8, -6, -4, -2, -1, 0, 1, 2, 4, 6,
    8, 16, 32, 64, 128, 500, 1000, 5000, 10_000, 50_000, 100_000, 500_000,
];

/// Microseconds, for latency and interarrival time.
const MICROSECONDS: &[i64] = &[1, 10, 100, 500, 1000, 5000, 15_000, 30_000, 50_000, 100_000];

/// Commands in flight, the new one included.
const OUTSTANDING: &[i64] = &[1, 2, 4, 6, 8, 12, 16, 20, 24, 28, 32, 64];

/// The finite upper limits of a histogram's buckets, strictly increasing.
#[derive(Debug, Clone)]
pub enum Limits {
    /// One of the rows every known vscsiStats prints.
    Known(&'static [i64]),
    /// A row met in the input that is none of the known ones.
    Other(Arc<[i64]>),
}

impl Limits {
    /// The row that every known vscsiStats prints for this metric.
    pub fn known(metric: Metric) -> Self {
        Self::Known(match metric {
            Metric::IoLength => IO_LENGTH,
            Metric::SeekDistance | Metric::SeekDistanceClosest16 => SEEK_DISTANCE,
            Metric::Latency | Metric::Interarrival => MICROSECONDS,
            Metric::OutstandingIos => OUTSTANDING,
        })
    }

    /// The index of the bucket that holds `value`: that of the first limit not below it, and the overflow's when there
    /// is none.
    pub fn bucket_of(&self, value: i64) -> usize {
        self.as_slice().partition_point(|limit| *limit < value)
    }

    /// Takes the limits found in an input; a known row is shared instead of copied.
    ///
    /// # Errors
    /// [`InvalidHistogram`] when there is none, or when they do not grow strictly.
    pub fn from_input(metric: Metric, limits: &[i64]) -> Result<Self, InvalidHistogram> {
        let known = Self::known(metric);
        if known.as_slice() == limits {
            return Ok(known);
        }
        if limits.is_empty() {
            return Err(InvalidHistogram::TooFewBuckets);
        }
        if limits.iter().zip(limits.iter().skip(1)).any(|(low, high)| low >= high) {
            return Err(InvalidHistogram::LimitsNotIncreasing);
        }
        Ok(Self::Other(limits.into()))
    }

    /// They are one of the rows that every known vscsiStats prints.
    pub fn is_known(&self) -> bool {
        matches!(self, Self::Known(_))
    }

    /// Each of these limits is one of those that every known vscsiStats prints, and some of those are not there: rows were
    /// lost, because a version with other limits would have other limits.
    pub fn lack_rows(metric: Metric, limits: &[i64]) -> bool {
        let known = Self::known(metric);
        let known = known.as_slice();
        limits.len() < known.len() && limits.iter().all(|limit| known.binary_search(limit).is_ok())
    }

    /// The limits in order.
    pub fn as_slice(&self) -> &[i64] {
        match self {
            Self::Known(limits) => limits,
            Self::Other(limits) => limits,
        }
    }
}

impl PartialEq for Limits {
    fn eq(&self, other: &Self) -> bool {
        self.as_slice() == other.as_slice()
    }
}

impl Eq for Limits {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_known_rows_have_the_bucket_numbers_of_the_captures() {
        let buckets = |metric| Limits::known(metric).as_slice().len() + 1;
        assert_eq!(buckets(Metric::IoLength), 18);
        assert_eq!(buckets(Metric::SeekDistance), 34);
        assert_eq!(buckets(Metric::Latency), 11);
        assert_eq!(buckets(Metric::OutstandingIos), 13);
    }

    #[test]
    fn limits_that_do_not_grow_are_refused() {
        assert_eq!(
            Limits::from_input(Metric::Latency, &[1, 1]),
            Err(InvalidHistogram::LimitsNotIncreasing)
        );
    }

    #[test]
    fn unknown_limits_are_taken_from_the_input() {
        assert_eq!(
            Limits::from_input(Metric::Latency, &[5, 50]).unwrap().as_slice(),
            &[5, 50]
        );
    }
}
