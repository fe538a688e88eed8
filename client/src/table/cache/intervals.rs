//! `intervals.parquet`: a row per histogram, in the order of the tidy table.

use polars::prelude::{DataFrame, Int32Chunked, Int64Chunked};
use vscsi_shared::histogram::{HistogramKind, Interval, Limits};

use super::Place;
use crate::analysis::Sample;
use crate::table::column::{ColumnSpec, Kind, Values, signed};
use crate::table::{TableError, rows};

/// Its columns: rows in the tidy table, and the fields of [`Interval`] other than its counters.
pub(super) const COLUMNS: [ColumnSpec; 7] = [
    column("rows", Kind::Int32, "rows of the histogram in histograms.parquet"),
    column("values", Kind::Int64, "values that vscsiStats says it counted"),
    column("sum_at_least", Kind::Int64, "lower bound of the sum of the values"),
    column("sum_at_most", Kind::Int64, "upper bound of the sum of the values"),
    column(
        "end_slack",
        Kind::Int64,
        "distance of the bounds that cancels with the next sample",
    ),
    column("at_least", Kind::OptionalInt64, "lower bound of every value"),
    column("at_most", Kind::OptionalInt64, "upper bound of every value"),
];

const fn column(name: &'static str, kind: Kind, meaning: &'static str) -> ColumnSpec {
    ColumnSpec::new(name, kind, "", meaning)
}

/// Whether the columns have room for the histogram.
pub(super) fn can_hold(kind: HistogramKind, interval: &Interval) -> bool {
    interval.limits == Limits::known(kind.metric())
        && i64::try_from(interval.sum_at_least).is_ok()
        && i64::try_from(interval.sum_at_most).is_ok()
        && i64::try_from(interval.end_slack).is_ok()
        && i64::try_from(interval.count).is_ok()
        && interval.counts.iter().all(|&count| i64::try_from(count).is_ok())
}

/// The rows of some samples, column by column.
pub(super) fn values<'data>(samples: &[&Sample]) -> Result<Vec<Values<'data>>, TableError> {
    let intervals: Vec<&Interval> = rows::intervals(samples).map(|(_, _, _, interval)| interval).collect();
    let each = || intervals.iter().copied();
    Ok(vec![
        Values::Int32(signed(each().map(|interval| rows::buckets(interval).count()))?),
        Values::Int64(signed(each().map(|interval| interval.count))?),
        Values::Int64(signed(each().map(|interval| interval.sum_at_least))?),
        Values::Int64(signed(each().map(|interval| interval.sum_at_most))?),
        Values::Int64(signed(each().map(|interval| interval.end_slack))?),
        Values::OptionalInt64(each().map(|interval| interval.values_at_least).collect()),
        Values::OptionalInt64(each().map(|interval| interval.values_at_most).collect()),
    ])
}

/// The columns of a file.
pub(super) struct Intervals {
    rows: Int32Chunked,
    values: Int64Chunked,
    sum_at_least: Int64Chunked,
    sum_at_most: Int64Chunked,
    end_slack: Int64Chunked,
    at_least: Int64Chunked,
    at_most: Int64Chunked,
}

impl Intervals {
    pub(super) fn of(frame: &DataFrame) -> Option<Self> {
        let numbers = |name: &str| Some(frame.column(name).ok()?.i64().ok()?.rechunk().into_owned());
        Some(Self {
            rows: frame.column("rows").ok()?.i32().ok()?.rechunk().into_owned(),
            values: numbers("values")?,
            sum_at_least: numbers("sum_at_least")?,
            sum_at_most: numbers("sum_at_most")?,
            end_slack: numbers("end_slack")?,
            at_least: numbers("at_least")?,
            at_most: numbers("at_most")?,
        })
    }

    /// The place so many histograms after `place`.
    pub(super) fn after(&self, place: Place, histograms: usize) -> Option<Place> {
        let interval = place.interval + histograms;
        let rows = self.rows.cont_slice().ok()?.get(place.interval..interval)?;
        let rows: usize = rows.iter().map(|&rows| usize::try_from(rows).ok()).sum::<Option<_>>()?;
        Some(Place {
            interval,
            bucket: place.bucket.checked_add(rows)?,
        })
    }

    /// Everything of the histogram in `row` but its counters.
    pub(super) fn fill(&self, interval: &mut Interval, row: usize) -> Option<()> {
        interval.count = self.values.get(row)?.try_into().ok()?;
        interval.sum_at_least = self.sum_at_least.get(row)?.into();
        interval.sum_at_most = self.sum_at_most.get(row)?.into();
        interval.end_slack = self.end_slack.get(row)?.try_into().ok()?;
        interval.values_at_least = self.at_least.get(row);
        interval.values_at_most = self.at_most.get(row);
        Some(())
    }
}
