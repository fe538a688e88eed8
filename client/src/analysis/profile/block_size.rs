//! Block sizes: their shares by number and by bytes, under readable labels.

use vscsi_shared::histogram::{Interval, Metric};

use crate::analysis::estimate::{self, BoundedBucket, Method, Range};
use crate::number::size;

/// The block sizes of one direction.
#[derive(Debug, Clone, PartialEq)]
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
        let count = interval.total();
        let filled: Vec<BoundedBucket> = estimate::buckets(interval, Metric::IoLength)
            .filter(|bucket| bucket.count > 0)
            .collect();
        let shares = byte_shares(&filled, estimate::sum(interval, Metric::IoLength));
        let buckets = filled
            .iter()
            .zip(shares)
            .map(|(bucket, bytes_percent)| SizeBucket {
                label: label(bucket.above, bucket.up_to),
                smallest: bucket.smallest(),
                largest: bucket.largest(),
                count: bucket.count,
                percent: 100.0 * bucket.count as f64 / count as f64,
                bytes_percent,
            })
            .collect();
        Self {
            count,
            mean: estimate::mean(interval, Metric::IoLength),
            buckets,
        }
    }

    /// The buckets, the one with the largest share first; of equal shares the smaller size.
    pub(crate) fn largest_first(&self, share: impl Fn(&SizeBucket) -> f64) -> Vec<&SizeBucket> {
        let mut buckets: Vec<_> = self.buckets.iter().collect();
        buckets.sort_by(|one, other| share(other).total_cmp(&share(one)));
        buckets
    }
}

/// The share of each bucket in the bytes of all, of which `total` is the sum, percent. The estimates add up to 100.
///
/// A bucket's bytes are bounded by its edges, and by what the total leaves when the others hold their least or their
/// most. Every estimate lies equally far between the two bounds, as far as makes them the total's estimate together.
fn byte_shares(buckets: &[BoundedBucket], total: Range) -> Vec<Range> {
    if total.est <= 0.0 {
        return vec![Range::exact(0.0); buckets.len()];
    }
    let least: Vec<f64> = buckets
        .iter()
        .map(|bucket| bucket.smallest() as f64 * bucket.count as f64)
        .collect();
    let most: Vec<Option<f64>> = buckets
        .iter()
        .map(|bucket| bucket.largest().map(|largest| largest as f64 * bucket.count as f64))
        .collect();
    let bytes: Vec<BucketBytes> = (0..buckets.len())
        .zip(least.iter().zip(&most))
        .map(|(index, (least_here, most_here))| {
            let others_least: f64 = others(&least, index).sum();
            let others_most: Option<f64> = others(&most, index).sum();
            let lo = others_most.map_or(*least_here, |others| least_here.max(total.lo - others));
            let left = total.hi.map(|total| total - others_least);
            let hi = most_here.iter().copied().chain(left).reduce(f64::min);
            BucketBytes {
                lo,
                hi: hi.map(|hi| hi.max(lo)),
                others_least,
                others_most,
            }
        })
        .collect();
    let at_least: f64 = bytes.iter().map(|bytes| bytes.lo).sum();
    let room: f64 = bytes.iter().map(BucketBytes::room).sum();
    let depth = if room > 0.0 {
        ((total.est - at_least) / room).clamp(0.0, 1.0)
    } else {
        0.0
    };
    bytes.iter().map(|bytes| bytes.share(depth, total)).collect()
}

fn others<T: Copy>(values: &[T], index: usize) -> impl Iterator<Item = T> {
    values
        .iter()
        .enumerate()
        .filter(move |(other, _)| *other != index)
        .map(|(_, value)| *value)
}

/// What bounds the bytes of a bucket, and those of all others.
struct BucketBytes {
    lo: f64,
    hi: Option<f64>,
    others_least: f64,
    others_most: Option<f64>,
}

impl BucketBytes {
    fn room(&self) -> f64 {
        self.hi.map_or(0.0, |hi| hi - self.lo)
    }

    /// Its share of the bytes. It is smallest with the least bytes here and the most elsewhere, as far as the total
    /// allows, and largest the other way round.
    fn share(&self, depth: f64, total: Range) -> Range {
        let share = |bytes: f64, of: f64| {
            if of > 0.0 {
                (100.0 * bytes / of).clamp(0.0, 100.0)
            } else {
                0.0
            }
        };
        let largest_total = self
            .others_most
            .map(|others| self.lo + others)
            .into_iter()
            .chain(total.hi)
            .reduce(f64::min);
        let lo = largest_total.map_or(0.0, |of| share(self.lo, of));
        let hi = self
            .hi
            .map_or(100.0, |hi| share(hi, total.lo.max(hi + self.others_least)));
        Range::between(lo, hi, share(self.lo + depth * self.room(), total.est), Method::Mean)
    }
}

/// The label of a bucket: `8k` for a bucket that holds one size, `<=512`, `(4k,8k)`, `(512,1k]` or `>512k` for one
/// that holds several. A square bracket includes the size beside it, a round one does not.
fn label(above: Option<i64>, up_to: Option<i64>) -> String {
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use vscsi_shared::histogram::{Histogram, Limits, Summary};

    use super::*;

    /// The sizes as vscsiStats counts them: buckets, extremes, and the truncated mean.
    fn sizes(values: &[i64]) -> BlockSizes {
        let limits = Limits::known(Metric::IoLength);
        let mut counts = vec![0; limits.as_slice().len() + 1];
        for value in values {
            counts[limits.as_slice().partition_point(|limit| limit < value)] += 1;
        }
        let number = i64::try_from(values.len()).unwrap();
        let summary = Summary::exact(
            values.iter().copied().min().unwrap(),
            values.iter().copied().max().unwrap(),
            values.iter().sum::<i64>() / number,
            values.len() as u64,
        );
        BlockSizes::of(&Histogram::new(limits, counts, summary).unwrap().whole())
    }

    #[test]
    fn a_bucket_of_many_sizes_gets_the_bytes_that_the_exact_ones_leave() {
        // 500 * 8 KiB + 40 * 64 KiB + 10 * 4 KiB + 20 * 160 KiB = 9800 KiB; 3200 of them lie in (128k,256k].
        let values = [
            vec![8192; 500],
            vec![65_536; 40],
            vec![4096; 10],
            vec![163_840; 19],
            vec![163_840],
        ]
        .concat();
        let described = sizes(&values);
        let wide = described.buckets.last().unwrap();
        assert_eq!(wide.label, "(128k,256k]");
        let share = wide.bytes_percent;
        assert!((share.est - 100.0 * 3200.0 / 9800.0).abs() < 0.01, "{share:?}");
        assert!(share.hi.unwrap() - share.lo < 0.02, "{share:?}");
    }

    proptest! {
        #[test]
        fn byte_shares_hold_the_truth_and_add_up(values in proptest::collection::vec(
            prop_oneof![Just(512_i64), Just(4096), Just(8192), Just(65_536), 1..2_000_000_i64], 1..200)) {
            let described = sizes(&values);
            let total: i64 = values.iter().sum();
            let mut estimates = 0.0;
            let limits = Limits::known(Metric::IoLength);
            let bucket_of = |value: i64| limits.as_slice().partition_point(|limit| *limit < value);
            for bucket in &described.buckets {
                let range = bucket.bytes_percent;
                let here = values.iter().filter(|value| bucket_of(**value) == bucket_of(bucket.smallest));
                let truth = 100.0 * here.sum::<i64>() as f64 / total as f64;
                let hi = range.hi.unwrap();
                prop_assert!(range.lo <= range.est && range.est <= hi, "{bucket:?}");
                prop_assert!(range.lo - 1e-9 <= truth && truth <= hi + 1e-9, "{truth} is not in {bucket:?}");
                estimates += range.est;
            }
            prop_assert!((estimates - 100.0).abs() < 1e-6, "{estimates}");
        }
    }

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
