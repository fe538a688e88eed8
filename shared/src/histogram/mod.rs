//! One vscsiStats histogram, and the arithmetic on it.
//!
//! A histogram is a row of buckets with the summary that the kernel keeps beside it. Bucket `i` counts the values in
//! `(limit[i-1], limit[i]]`; the first bucket is open below and the last, the overflow, is open above. vscsiStats
//! prints the overflow with the last limit a second time, so a bucket is known by its position and never by its limit.

mod arithmetic;
mod bucket;
mod figure;
mod interval_set;
mod kind;
mod limits;

pub use arithmetic::{Incompatible, Interval, Step};
pub use bucket::Bucket;
pub use figure::Figure;
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

/// The minimum, maximum, mean and count that vscsiStats prints above the buckets, as far as the input has them.
///
/// All are zero in an empty histogram, so a zero minimum alone means nothing. The mean is truncated to an integer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Summary {
    /// Smallest value seen.
    pub min: Option<Figure>,
    /// Largest value seen.
    pub max: Option<Figure>,
    /// Sum of the values divided by their count, truncated toward zero.
    pub mean: Option<Figure>,
    /// Number of values.
    pub count: Option<u64>,
}

impl Summary {
    /// A summary as vscsiStats prints it.
    pub fn exact(min: i64, max: i64, mean: i64, count: u64) -> Self {
        Self {
            min: Some(Figure::exact(min)),
            max: Some(Figure::exact(max)),
            mean: Some(Figure::exact(mean)),
            count: Some(count),
        }
    }

    /// All of it is there, though some of it may be rounded.
    pub fn is_whole(self) -> bool {
        self.min.is_some() && self.max.is_some() && self.mean.is_some() && self.count.is_some()
    }
}

/// One histogram as vscsiStats prints it.
///
/// Invariant: there is exactly one counter more than there are finite limits. The summary is what the host printed; that
/// its count equals the sum of the buckets is checked by the analysis and not assumed here.
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
            summary: Summary::exact(0, 0, 0, 0),
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

    /// Number of values: as printed, and by the buckets where no count is printed.
    pub fn count(&self) -> u64 {
        self.summary.count.unwrap_or_else(|| self.total())
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
