//! What the rows of the tidy table stand for: histograms, and their buckets that hold values.

use vscsi_shared::histogram::{Bucket, HistogramKind, Interval};

use crate::analysis::Sample;

/// The words for each kind, made once.
#[derive(Debug)]
pub(super) struct Names(Vec<(String, String)>);

impl Names {
    pub(super) fn new() -> Self {
        let words = |kind: HistogramKind| (kind.metric().to_string(), kind.operation().to_string());
        Self(HistogramKind::ALL.into_iter().map(words).collect())
    }

    pub(super) fn of(&self, kind: HistogramKind) -> (&str, &str) {
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
