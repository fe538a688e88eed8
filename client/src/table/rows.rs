//! The rows of the tidy table, column by column.

use polars::prelude::{Column, DataFrame, NamedFrom, PolarsResult, Series as PolarsSeries};
use vscsi_shared::histogram::{Bucket, HistogramKind, Interval};

use crate::analysis::{Sample, Series};

/// Samples per batch: a table of a large job is made and written piece by piece.
pub(super) const BATCH: usize = 256;

/// The columns of a batch. Their types and meanings stand in `METHODS.md`, section "The tidy table".
#[derive(Debug, Default)]
struct Columns<'series> {
    sample: Vec<u32>,
    taken_at: Vec<&'series str>,
    start_seconds: Vec<f64>,
    seconds: Vec<f64>,
    disk: Vec<&'series str>,
    metric: Vec<&'series str>,
    operation: Vec<&'series str>,
    lower: Vec<Option<i64>>,
    upper: Vec<Option<i64>>,
    count: Vec<u64>,
}

/// The words for each kind, made once.
#[derive(Debug)]
pub(super) struct Names(Vec<(String, String)>);

impl Names {
    pub(super) fn new() -> Self {
        let words = |kind: HistogramKind| (kind.metric().to_string(), kind.operation().to_string());
        Self(HistogramKind::ALL.into_iter().map(words).collect())
    }

    fn of(&self, kind: HistogramKind) -> (&str, &str) {
        self.0
            .get(kind.index())
            .map_or(("", ""), |(metric, operation)| (metric, operation))
    }
}

/// The buckets of a histogram that hold values, or its first one when none does, each with its index.
pub(super) fn buckets(interval: &Interval) -> impl Iterator<Item = (usize, Bucket)> + '_ {
    let empty = interval.total() == 0;
    let buckets = interval.buckets().enumerate();
    buckets.filter(move |(index, bucket)| bucket.count > 0 || (empty && *index == 0))
}

/// Every interval of a sample, in the order of the rows.
pub(super) fn intervals<'sample>(
    samples: &[&'sample Sample],
) -> impl Iterator<Item = (&'sample Sample, usize, HistogramKind, &'sample Interval)> {
    samples.iter().flat_map(|&sample| {
        sample.disks.iter().flat_map(move |part| {
            let kinds = part.histograms.iter();
            kinds.map(move |(kind, interval)| (sample, part.disk, kind, interval))
        })
    })
}

/// The tidy table of some samples of a series.
pub(super) fn frame(series: &Series, samples: &[&Sample], names: &Names) -> PolarsResult<DataFrame> {
    let ends: Vec<(u32, String)> = samples
        .iter()
        .map(|sample| (sample.sequence, sample.taken_at.to_string()))
        .collect();
    let mut ends = ends.iter();
    let mut end = ends.next();
    let mut columns = Columns::default();
    for (sample, disk, kind, interval) in intervals(samples) {
        while end.is_some_and(|(sequence, _)| *sequence != sample.sequence) {
            end = ends.next();
        }
        let (metric, operation) = names.of(kind);
        for (_, bucket) in buckets(interval) {
            columns.sample.push(sample.sequence);
            columns.taken_at.push(end.map_or("", |(_, taken_at)| taken_at));
            columns.start_seconds.push(sample.start_seconds);
            columns.seconds.push(sample.seconds);
            columns
                .disk
                .push(series.disks.get(disk).map_or("", |key| key.0.as_str()));
            columns.metric.push(metric);
            columns.operation.push(operation);
            columns.lower.push(bucket.above);
            columns.upper.push(bucket.up_to);
            columns.count.push(bucket.count);
        }
    }
    columns.into_frame()
}

impl Columns<'_> {
    fn into_frame(self) -> PolarsResult<DataFrame> {
        let text = |name: &str, values: Vec<&str>| Column::from(PolarsSeries::new(name.into(), values));
        DataFrame::new_infer_height(vec![
            Column::from(PolarsSeries::new("sample".into(), self.sample)),
            text("taken_at", self.taken_at),
            Column::from(PolarsSeries::new("start_seconds".into(), self.start_seconds)),
            Column::from(PolarsSeries::new("seconds".into(), self.seconds)),
            text("disk", self.disk),
            text("metric", self.metric),
            text("operation", self.operation),
            Column::from(PolarsSeries::new("lower".into(), self.lower)),
            Column::from(PolarsSeries::new("upper".into(), self.upper)),
            Column::from(PolarsSeries::new("count".into(), self.count)),
        ])
    }
}
