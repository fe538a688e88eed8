//! `intervals.parquet`: a row per histogram, in the order of the tidy table.

use polars::prelude::{
    Column, DataFrame, Int64Chunked, NamedFrom, PolarsResult, Series as PolarsSeries, UInt32Chunked, UInt64Chunked,
};
use vscsi_shared::histogram::{HistogramKind, Interval, Limits};

use super::Place;
use crate::analysis::Sample;
use crate::table::rows;

/// Its columns: rows in the tidy table, and the fields of [`Interval`] other than its counters.
pub(super) const COLUMNS: [&str; 7] = [
    "rows",
    "values",
    "sum_at_least",
    "sum_at_most",
    "end_slack",
    "at_least",
    "at_most",
];

/// Whether the columns have room for the histogram.
pub(super) fn can_hold(kind: HistogramKind, interval: &Interval) -> bool {
    interval.limits == Limits::known(kind.metric())
        && i64::try_from(interval.sum_at_least).is_ok()
        && i64::try_from(interval.sum_at_most).is_ok()
}

/// The rows of some samples.
pub(super) fn frame(samples: &[&Sample]) -> PolarsResult<DataFrame> {
    let intervals: Vec<&Interval> = rows::intervals(samples).map(|(_, _, _, interval)| interval).collect();
    let counters = |name: &str, value: fn(&Interval) -> u64| {
        let values: Vec<u64> = intervals.iter().map(|interval| value(interval)).collect();
        Column::from(PolarsSeries::new(name.into(), values))
    };
    let numbers = |name: &str, value: fn(&Interval) -> Option<i64>| {
        let values: Vec<Option<i64>> = intervals.iter().map(|interval| value(interval)).collect();
        Column::from(PolarsSeries::new(name.into(), values))
    };
    let rows: Vec<u32> = intervals
        .iter()
        .map(|interval| u32::try_from(rows::buckets(interval).count()).unwrap_or(u32::MAX))
        .collect();
    DataFrame::new_infer_height(vec![
        Column::from(PolarsSeries::new("rows".into(), rows)),
        counters("values", |interval| interval.count),
        numbers("sum_at_least", |interval| interval.sum_at_least.try_into().ok()),
        numbers("sum_at_most", |interval| interval.sum_at_most.try_into().ok()),
        counters("end_slack", |interval| interval.end_slack),
        numbers("at_least", |interval| interval.values_at_least),
        numbers("at_most", |interval| interval.values_at_most),
    ])
}

/// The columns of a file.
pub(super) struct Intervals {
    rows: UInt32Chunked,
    values: UInt64Chunked,
    sum_at_least: Int64Chunked,
    sum_at_most: Int64Chunked,
    end_slack: UInt64Chunked,
    at_least: Int64Chunked,
    at_most: Int64Chunked,
}

impl Intervals {
    pub(super) fn of(frame: &DataFrame) -> Option<Self> {
        let counters = |name: &str| Some(frame.column(name).ok()?.u64().ok()?.rechunk().into_owned());
        let numbers = |name: &str| Some(frame.column(name).ok()?.i64().ok()?.rechunk().into_owned());
        Some(Self {
            rows: frame.column("rows").ok()?.u32().ok()?.rechunk().into_owned(),
            values: counters("values")?,
            sum_at_least: numbers("sum_at_least")?,
            sum_at_most: numbers("sum_at_most")?,
            end_slack: counters("end_slack")?,
            at_least: numbers("at_least")?,
            at_most: numbers("at_most")?,
        })
    }

    /// The place so many histograms after `place`.
    pub(super) fn after(&self, place: Place, histograms: usize) -> Option<Place> {
        let interval = place.interval + histograms;
        let rows = self.rows.cont_slice().ok()?.get(place.interval..interval)?;
        let rows: u64 = rows.iter().copied().map(u64::from).sum();
        Some(Place {
            interval,
            bucket: place.bucket.checked_add(usize::try_from(rows).ok()?)?,
        })
    }

    /// Everything of the histogram in `row` but its counters.
    pub(super) fn fill(&self, interval: &mut Interval, row: usize) -> Option<()> {
        interval.count = self.values.get(row)?;
        interval.sum_at_least = self.sum_at_least.get(row)?.into();
        interval.sum_at_most = self.sum_at_most.get(row)?.into();
        interval.end_slack = self.end_slack.get(row)?;
        interval.values_at_least = self.at_least.get(row);
        interval.values_at_most = self.at_most.get(row);
        Some(())
    }
}
