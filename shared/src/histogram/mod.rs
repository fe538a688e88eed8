//! One vscsiStats histogram, and the arithmetic on it.
//!
//! A histogram is a row of buckets with the summary that the kernel keeps beside it. Bucket `i` counts the values in
//! `(limit[i-1], limit[i]]`; the first bucket is open below and the last, the overflow, is open above. vscsiStats
//! prints the overflow with the last limit a second time, so a bucket is known by its position and never by its limit.

mod arithmetic;
mod bucket;
mod interval_set;
mod kind;
mod limits;

pub use arithmetic::{Incompatible, Interval, Step};
pub use bucket::Bucket;
pub use interval_set::IntervalSet;
pub use kind::{HistogramKind, Metric, Operation};
pub use limits::Limits;

/// What a row of counters does not add up to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidHistogram {
    /// A histogram needs at least one limit, so one bucket below it and one above.
    #[error("a histogram needs at least two buckets")]
    TooFewBuckets,
    /// There is one bucket more than there are finite limits.
    #[error("{counts} buckets do not fit {limits} limits: one more is needed, for the overflow")]
    BucketCount {
        /// Finite limits given.
        limits: usize,
        /// Counters given.
        counts: usize,
    },
    /// Limits must grow strictly.
    #[error("bucket limits do not grow strictly")]
    LimitsNotIncreasing,
}

/// The minimum, maximum, mean and count that vscsiStats prints above the buckets, as printed.
///
/// All are zero in an empty histogram, so a zero minimum alone means nothing. The mean is truncated to an integer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Summary {
    /// Smallest value seen.
    pub min: i64,
    /// Largest value seen.
    pub max: i64,
    /// Sum of the values divided by their count, truncated toward zero.
    pub mean: i64,
    /// Number of values.
    pub count: u64,
}

/// One histogram as vscsiStats prints it.
///
/// Invariant: there is exactly one counter more than there are finite limits. `summary.count` is what the host
/// printed; that it equals the sum of the buckets is checked by the analysis and not assumed here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Histogram {
    limits: Limits,
    counts: Vec<u64>,
    summary: Summary,
}

impl Histogram {
    /// Builds a histogram from its finite limits, its counters (one more than limits) and its printed summary.
    ///
    /// # Errors
    /// [`InvalidHistogram`] when the number of counters does not fit the limits.
    pub fn new(limits: Limits, counts: Vec<u64>, summary: Summary) -> Result<Self, InvalidHistogram> {
        if counts.len() != limits.as_slice().len() + 1 {
            return Err(InvalidHistogram::BucketCount {
                limits: limits.as_slice().len(),
                counts: counts.len(),
            });
        }
        Ok(Self {
            limits,
            counts,
            summary,
        })
    }

    /// An empty histogram over `limits`.
    pub fn empty(limits: Limits) -> Self {
        let counts = vec![0; limits.as_slice().len() + 1];
        Self {
            limits,
            counts,
            summary: Summary::default(),
        }
    }

    /// The finite upper limits; the overflow bucket has none.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// The counters, overflow last.
    pub fn counts(&self) -> &[u64] {
        &self.counts
    }

    /// The printed summary.
    pub fn summary(&self) -> Summary {
        self.summary
    }

    /// The sum of the counters, saturating: a host that prints nonsense must not stop the analysis.
    pub fn total(&self) -> u64 {
        bucket::total(&self.counts)
    }

    /// Buckets in order, each with its range.
    pub fn buckets(&self) -> impl ExactSizeIterator<Item = Bucket> + DoubleEndedIterator + '_ {
        bucket::buckets(&self.limits, &self.counts)
    }
}
