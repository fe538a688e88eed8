//! The tidy table: a row per bucket that holds values. `METHODS.md` describes its columns at length.

use super::TableError;
use super::column::{ColumnSpec, Kind, Values, signed};
use super::rows::{self, Names};
use crate::analysis::{Sample, Series};

const UNIT_OF_METRIC: &str = "of the metric";

/// The columns, in the order of [`values`].
pub(super) const COLUMNS: [ColumnSpec; 10] = [
    ColumnSpec::new(
        "sample",
        Kind::Int32,
        "",
        "sequence of the snapshot that ends the sample",
    ),
    ColumnSpec::new(
        "taken_at",
        Kind::Timestamp,
        "UTC",
        "wall clock at the end of the sample",
    ),
    ColumnSpec::new(
        "start_seconds",
        Kind::Float64,
        "seconds",
        "beginning of the sample, since the first one began",
    ),
    ColumnSpec::new("seconds", Kind::Float64, "seconds", "length of the sample"),
    ColumnSpec::new("disk", Kind::Text, "", "node, or handle where the host prints no node"),
    ColumnSpec::new(
        "metric",
        Kind::Text,
        "",
        "io_length in bytes, seek_distance and seek_distance_closest16 in 512-byte blocks, latency and interarrival in \
         microseconds, or outstanding_ios in commands",
    ),
    ColumnSpec::new("operation", Kind::Text, "", "all, read or write"),
    ColumnSpec::new(
        "lower",
        Kind::OptionalInt64,
        UNIT_OF_METRIC,
        "exclusive lower edge of the bucket; null in the first",
    ),
    ColumnSpec::new(
        "upper",
        Kind::OptionalInt64,
        UNIT_OF_METRIC,
        "inclusive upper edge of the bucket; null in the overflow bucket",
    ),
    ColumnSpec::new("count", Kind::Int64, "values", "values in the bucket"),
];

/// The rows of some samples, column by column.
///
/// # Errors
/// [`TableError::TooLarge`] when a count is beyond 63 bits.
pub(super) fn values<'series>(
    series: &'series Series,
    samples: &[&Sample],
    names: &'series Names,
) -> Result<Vec<Values<'series>>, TableError> {
    let mut sequence = Vec::new();
    let (mut taken_at, mut start_seconds, mut seconds) = (Vec::new(), Vec::new(), Vec::new());
    let (mut disks, mut metrics, mut operations) = (Vec::new(), Vec::new(), Vec::new());
    let (mut lowers, mut uppers, mut counts) = (Vec::new(), Vec::new(), Vec::new());
    for (sample, disk, kind, interval) in rows::intervals(samples) {
        let (metric, operation) = names.of(kind);
        let disk = series.disks.get(disk).map_or("", |key| key.0.as_str());
        for (_, bucket) in rows::buckets(interval) {
            sequence.push(sample.sequence);
            taken_at.push(sample.taken_at);
            start_seconds.push(sample.start_seconds);
            seconds.push(sample.seconds);
            disks.push(disk);
            metrics.push(metric);
            operations.push(operation);
            lowers.push(bucket.above);
            uppers.push(bucket.up_to);
            counts.push(bucket.count);
        }
    }
    Ok(vec![
        Values::Int32(signed(sequence)?),
        Values::Timestamp(taken_at),
        Values::Float64(start_seconds),
        Values::Float64(seconds),
        Values::Text(disks),
        Values::Text(metrics),
        Values::Text(operations),
        Values::OptionalInt64(lowers),
        Values::OptionalInt64(uppers),
        Values::Int64(signed(counts)?),
    ])
}
