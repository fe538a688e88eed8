//! Block sizes: their shares by number and by bytes, under readable labels.

use vscsi_shared::histogram::{Interval, Metric};

use crate::analysis::estimate::{self, Method, Range};

/// The block sizes of one direction.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct BlockSizes {
    /// Number of I/Os.
    pub count: u64,
    /// Mean size in bytes; `None` without I/O.
    pub mean: Option<Range>,
    /// The buckets that hold I/Os, in order of size.
    pub buckets: Vec<SizeBucket>,
}

/// The I/Os of one size, or of one range of sizes.
#[derive(Debug, Clone, PartialEq)]
pub struct SizeBucket {
    /// The size as people write it: `8k`, or `(4k,8k)` for the sizes between.
    pub label: String,
    /// Smallest size it may hold, bytes.
    pub smallest: i64,
    /// Largest size it may hold, bytes; `None` in the overflow when no maximum is known.
    pub largest: Option<i64>,
    /// Number of I/Os.
    pub count: u64,
    /// Share of the I/Os, percent.
    pub percent: f64,
    /// Share of the bytes, percent.
    pub bytes_percent: Range,
}

impl BlockSizes {
    /// Describes a histogram of sizes.
    pub fn of(interval: &Interval) -> Self {
        let count = estimate::total_count(interval);
        let total = estimate::sum(interval, Metric::IoLength);
        let buckets = estimate::buckets(interval, Metric::IoLength)
            .filter(|bucket| bucket.count > 0)
            .map(|bucket| {
                let (smallest, largest) = (bucket.smallest(), bucket.largest());
                SizeBucket {
                    label: label(bucket.above, bucket.up_to),
                    smallest,
                    largest,
                    count: bucket.count,
                    percent: 100.0 * bucket.count as f64 / count as f64,
                    bytes_percent: bytes_percent(bucket.count, smallest, largest, total),
                }
            })
            .collect();
        Self {
            count,
            mean: estimate::mean(interval, Metric::IoLength),
            buckets,
        }
    }
}

/// The share of the bytes that `count` I/Os of `smallest` to `largest` bytes move, of a `total` that has bounds itself.
fn bytes_percent(count: u64, smallest: i64, largest: Option<i64>, total: Range) -> Range {
    let (low, high) = (
        smallest as f64 * count as f64,
        largest.map(|largest| largest as f64 * count as f64),
    );
    if total.est <= 0.0 {
        return Range::exact(0.0);
    }
    // The share grows with this bucket's bytes, so its extremes have the other buckets' bytes at their own extremes;
    // those are at least `total.lo - high` and at most `total.hi - low`.
    let share = |bytes: f64, total: f64| {
        if total > 0.0 {
            (100.0 * bytes / total).clamp(0.0, 100.0)
        } else {
            0.0
        }
    };
    let lo = total.hi.map_or(0.0, |total| share(low, total));
    let hi = high.map_or(100.0, |high| share(high, total.lo.max(1.0)));
    let middle = high.map_or(low, |high| f64::midpoint(low, high));
    Range::between(lo, hi, share(middle, total.est), Method::Midpoint)
}

/// The label of a bucket: `8k` for a bucket that holds one size, `<=512`, `(4k,8k)`, `(512,1k]` or `>512k` for one
/// that holds several. A square bracket includes the size beside it, a round one does not.
pub fn label(above: Option<i64>, up_to: Option<i64>) -> String {
    match (above, up_to) {
        (None | Some(..=0), None) => "any".to_owned(),
        (None | Some(..=0), Some(up_to)) => format!("<={}", size(up_to)),
        (Some(above), None) => format!(">{}", size(above)),
        (Some(above), Some(up_to)) if up_to - above == 1 => size(up_to),
        (Some(above), Some(up_to)) => {
            // 4095 as an upper limit means everything below 4k.
            let (end, bracket) = if up_to % 1024 == 1023 {
                (up_to + 1, ')')
            } else {
                (up_to, ']')
            };
            format!("({},{}{bracket}", size(above), size(end))
        }
    }
}

/// A number of bytes in the largest binary unit that divides it.
fn size(bytes: i64) -> String {
    const MIB: i64 = 1024 * 1024;
    match bytes {
        0 => "0".to_owned(),
        bytes if bytes % MIB == 0 => format!("{}m", bytes / MIB),
        bytes if bytes % 1024 == 0 => format!("{}k", bytes / 1024),
        bytes => bytes.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_buckets_of_vscsistats_have_the_labels_people_use() {
        let cases = [
            (None, Some(512), "<=512"),
            (Some(512), Some(1024), "(512,1k]"),
            (Some(2048), Some(4095), "(2k,4k)"),
            (Some(4095), Some(4096), "4k"),
            (Some(4096), Some(8191), "(4k,8k)"),
            (Some(32768), Some(49152), "(32k,48k]"),
            (Some(65535), Some(65536), "64k"),
            (Some(65536), Some(81920), "(64k,80k]"),
            (Some(524_288), None, ">512k"),
        ];
        for (above, up_to, expected) in cases {
            assert_eq!(label(above, up_to), expected);
        }
    }
}
