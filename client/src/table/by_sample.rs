//! The table of samples: a row per sample, disk and operation, with the numbers that people chart.

use super::TableError;
use super::column::{ColumnSpec, Kind, Values, signed};
use crate::analysis::estimate::Range;
use crate::analysis::profile::{Distribution, Profile, SequentialGap};
use crate::analysis::{Sample, Series};
use vscsi_shared::histogram::Operation;

const OPERATIONS: [(Operation, &str); 3] = [
    (Operation::All, "all"),
    (Operation::Read, "read"),
    (Operation::Write, "write"),
];

/// A number of a row, known by its bounds.
struct Measure {
    /// Estimate, lower and upper bound; the name of the first is that of the measure.
    columns: [ColumnSpec; 3],
    of: fn(&Profile, Operation) -> Option<Range>,
}

const fn measure(
    names: [&'static str; 3],
    unit: &'static str,
    meaning: &'static str,
    of: fn(&Profile, Operation) -> Option<Range>,
) -> Measure {
    let [estimate, lower, upper] = names;
    Measure {
        columns: [
            ColumnSpec::new(estimate, Kind::OptionalFloat64, unit, meaning),
            ColumnSpec::new(
                lower,
                Kind::OptionalFloat64,
                unit,
                "lower bound of the column before it",
            ),
            ColumnSpec::new(
                upper,
                Kind::OptionalFloat64,
                unit,
                "upper bound of the estimate; null where nothing bounds it",
            ),
        ],
        of,
    }
}

/// The measures with bounds, in the order of their columns.
const MEASURES: [Measure; 8] = [
    measure(
        ["mb_per_s", "mb_per_s_lo", "mb_per_s_hi"],
        "MB/s of 10^6 bytes",
        "throughput",
        throughput,
    ),
    measure(
        ["latency_mean_ms", "latency_mean_ms_lo", "latency_mean_ms_hi"],
        "milliseconds",
        "mean latency",
        |profile, operation| Some(latency(profile, operation)?.mean),
    ),
    measure(
        ["latency_p50_ms", "latency_p50_ms_lo", "latency_p50_ms_hi"],
        "milliseconds",
        "median latency",
        |profile, operation| Some(latency(profile, operation)?.p50),
    ),
    measure(
        ["latency_p95_ms", "latency_p95_ms_lo", "latency_p95_ms_hi"],
        "milliseconds",
        "95th percentile of latency",
        |profile, operation| Some(latency(profile, operation)?.p95),
    ),
    measure(
        ["latency_p99_ms", "latency_p99_ms_lo", "latency_p99_ms_hi"],
        "milliseconds",
        "99th percentile of latency",
        |profile, operation| Some(latency(profile, operation)?.p99),
    ),
    measure(
        ["outstanding_p50", "outstanding_p50_lo", "outstanding_p50_hi"],
        "commands",
        "median of the I/Os in flight",
        |profile, operation| Some(outstanding(profile, operation)?.p50),
    ),
    measure(
        ["outstanding_p95", "outstanding_p95_lo", "outstanding_p95_hi"],
        "commands",
        "95th percentile of the I/Os in flight",
        |profile, operation| Some(outstanding(profile, operation)?.p95),
    ),
    measure(
        ["sequential_percent", "sequential_percent_lo", "sequential_percent_hi"],
        "percent",
        "share of I/Os that follow the one before",
        sequential,
    ),
];

/// The columns, in the order of [`values`].
pub(super) fn columns() -> Vec<ColumnSpec> {
    let first = [
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
        ColumnSpec::new("operation", Kind::Text, "", "all, read or write"),
        ColumnSpec::new(
            "ios",
            Kind::OptionalInt64,
            "I/Os",
            "I/Os issued; null where they were not counted",
        ),
        ColumnSpec::new(
            "iops",
            Kind::OptionalFloat64,
            "I/Os per second",
            "I/Os over the length of the sample",
        ),
    ];
    let measures = MEASURES.iter().flat_map(|measure| measure.columns);
    first.into_iter().chain(measures).collect()
}

/// The rows of some samples, column by column.
///
/// # Errors
/// [`TableError::TooLarge`] when a count is beyond 63 bits.
pub(super) fn values<'series>(
    series: &'series Series,
    samples: &[&Sample],
    gap: SequentialGap,
) -> Result<Vec<Values<'series>>, TableError> {
    let parts = samples
        .iter()
        .flat_map(|&sample| sample.disks.iter().map(move |part| (sample, part)));
    let described: Vec<_> = parts
        .map(|(sample, part)| {
            let profile = Profile::over(&part.histograms, sample.seconds, part.edge_ios, gap);
            (
                sample,
                series.disks.get(part.disk).map_or("", |key| key.0.as_str()),
                profile,
            )
        })
        .collect();
    let rows = || {
        described
            .iter()
            .flat_map(|row| OPERATIONS.into_iter().map(move |operation| (row, operation)))
    };
    let ios = rows().map(|((_, _, profile), (operation, _))| {
        let ios = profile.ios.of_operation(operation);
        ios.map(|ios| i64::try_from(ios).map_err(|_| TableError::TooLarge))
            .transpose()
    });
    let mut values = vec![
        Values::Int32(signed(rows().map(|((sample, ..), _)| sample.sequence))?),
        Values::Timestamp(rows().map(|((sample, ..), _)| sample.taken_at).collect()),
        Values::Float64(rows().map(|((sample, ..), _)| sample.start_seconds).collect()),
        Values::Float64(rows().map(|((sample, ..), _)| sample.seconds).collect()),
        Values::Text(rows().map(|((_, disk, _), _)| *disk).collect()),
        Values::Text(rows().map(|(_, (_, word))| word).collect()),
        Values::OptionalInt64(ios.collect::<Result<_, _>>()?),
        Values::OptionalFloat64(
            rows()
                .map(|((_, _, profile), (operation, _))| match operation {
                    Operation::All => profile.iops.total,
                    Operation::Read => profile.iops.read,
                    Operation::Write => profile.iops.write,
                })
                .collect(),
        ),
    ];
    for measure in &MEASURES {
        let ranges: Vec<Option<Range>> = rows()
            .map(|((_, _, profile), (operation, _))| (measure.of)(profile, operation))
            .collect();
        let column = |part: fn(Range) -> Option<f64>| {
            Values::OptionalFloat64(ranges.iter().map(|range| range.and_then(part)).collect())
        };
        values.extend([
            column(|range| Some(range.est)),
            column(|range| Some(range.lo)),
            column(|range| range.hi),
        ]);
    }
    Ok(values)
}

fn throughput(profile: &Profile, operation: Operation) -> Option<Range> {
    match operation {
        Operation::All => profile.throughput_mbps.total,
        Operation::Read => profile.throughput_mbps.read,
        Operation::Write => profile.throughput_mbps.write,
    }
}

fn latency(profile: &Profile, operation: Operation) -> Option<Distribution> {
    match operation {
        Operation::All => profile.latency_ms.all,
        Operation::Read => profile.latency_ms.read,
        Operation::Write => profile.latency_ms.write,
    }
}

fn outstanding(profile: &Profile, operation: Operation) -> Option<Distribution> {
    match operation {
        Operation::All => profile.queue_depth.all,
        Operation::Read => profile.queue_depth.read,
        Operation::Write => profile.queue_depth.write,
    }
}

fn sequential(profile: &Profile, operation: Operation) -> Option<Range> {
    match operation {
        Operation::All => profile.sequentiality.strict,
        Operation::Read => profile.sequentiality.read,
        Operation::Write => profile.sequentiality.write,
    }
}
