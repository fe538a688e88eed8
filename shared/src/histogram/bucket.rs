//! The buckets of a histogram, which are those of an interval as well.

use super::Limits;

/// One bucket: the values in `(above, up_to]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bucket {
    /// Exclusive lower edge; `None` for the first bucket.
    pub above: Option<i64>,
    /// Inclusive upper edge; `None` for the overflow bucket.
    pub up_to: Option<i64>,
    /// Number of values.
    pub count: u64,
}

/// The sum of counters, saturating: a host that prints nonsense must not stop the analysis.
pub(super) fn total(counts: &[u64]) -> u64 {
    counts.iter().fold(0, |sum, &count| sum.saturating_add(count))
}

/// The buckets in order, each with its range; there is one counter more than limits.
pub(super) fn buckets<'a>(
    limits: &'a Limits,
    counts: &'a [u64],
) -> impl ExactSizeIterator<Item = Bucket> + DoubleEndedIterator + 'a {
    let limits = limits.as_slice();
    counts.iter().enumerate().map(move |(index, &count)| Bucket {
        above: index.checked_sub(1).and_then(|below| limits.get(below)).copied(),
        up_to: limits.get(index).copied(),
        count,
    })
}
