//! What each filter would keep of a job, side by side.

use super::filter::Filter;
use super::profile::Rates;
use super::run::Shares;
use super::{Sample, Series};

/// Share of the busiest sample's IOPS below which a sample hardly counts as busy.
const TENTH: f64 = 0.1;

/// What one filter keeps.
#[derive(Debug, Clone, PartialEq)]
pub struct Explained {
    /// The filter.
    pub filter: Filter,
    /// Samples kept.
    pub kept: usize,
    /// The IOPS from which samples are kept; `None` when it draws no line.
    pub cut_iops: Option<f64>,
    /// How much is kept.
    pub shares: Shares,
    /// IOPS over the kept samples; `None` when none is, or its I/Os are unknown.
    pub iops: Option<f64>,
    /// Bytes per second over the kept samples in MB/s, estimated; `None` when none is, or its sizes are unknown.
    pub mbps: Option<f64>,
}

impl Explained {
    /// The share of the I/Os means something: some are counted, or nothing is kept of them.
    pub fn ios_are_known(&self) -> bool {
        self.iops.is_some() || self.kept == 0
    }

    /// The share of the bytes means something.
    pub fn bytes_are_known(&self) -> bool {
        self.mbps.is_some() || self.kept == 0
    }
}

/// The chosen filter, and every method with thresholds that people use.
pub fn explain(series: &Series, chosen: Filter) -> Vec<Explained> {
    let iops: Vec<f64> = series.samples.iter().map(Sample::iops).collect();
    let mut filters = vec![chosen];
    filters.extend(usual(&iops).into_iter().filter(|filter| *filter != chosen));
    filters
        .into_iter()
        .map(|filter| explained(series, &iops, filter))
        .collect()
}

/// Every method with thresholds that people use, for samples with these IOPS.
pub fn usual(iops: &[f64]) -> [Filter; 7] {
    let busiest = iops.iter().copied().fold(0.0, f64::max);
    [
        Filter::None,
        Filter::Percentile(75.0),
        Filter::Percentile(25.0),
        Filter::Statistical(1.0),
        Filter::Statistical(0.0),
        Filter::Absolute((busiest * TENTH).round()),
        Filter::Cluster,
    ]
}

fn explained(series: &Series, iops: &[f64], filter: Filter) -> Explained {
    let selection = filter.select(iops);
    let kept = || {
        let samples = series.samples.iter().zip(&selection.kept);
        samples.filter_map(|(sample, kept)| kept.then_some(sample))
    };
    let seconds: f64 = kept().map(|sample| sample.seconds).sum();
    let edge_ios = kept().map(Sample::edge_ios).sum();
    let ios = kept().filter_map(Sample::known_ios).reduce(u64::saturating_add);
    let bytes = kept().filter_map(Sample::known_bytes).reduce(|one, two| one + two);
    Explained {
        filter,
        kept: kept().count(),
        cut_iops: selection.cut_iops,
        shares: Shares::of(series, &selection.kept),
        iops: ios.map(|ios| Rates::total(ios, seconds, edge_ios)),
        mbps: bytes.map(|bytes| bytes / seconds / 1e6),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use vscsi_shared::histogram::{Histogram, HistogramKind, IntervalSet, Limits, Metric, Operation, Summary};

    use super::*;
    use crate::analysis::DiskSample;

    /// An import whose 11 I/Os span 10 s: the first lies at the edge of that time, so the rate is 1 a second.
    #[test]
    fn an_io_at_the_edge_of_the_time_is_left_out_of_every_rate() {
        let limits = Limits::known(Metric::IoLength);
        let mut counts = vec![0; limits.as_slice().len() + 1];
        counts[3] = 11;
        let summary = Summary::exact(4096, 4096, 4096, 11);
        let mut histograms = IntervalSet::default();
        histograms.insert(
            HistogramKind::new(Metric::IoLength, Operation::All).unwrap(),
            Histogram::new(limits, counts, summary).unwrap().whole(),
        );
        let sample = Sample {
            sequence: 1,
            taken_at: jiff::Timestamp::UNIX_EPOCH,
            start_seconds: 0.0,
            seconds: 10.0,
            flags: BTreeSet::new(),
            disks: vec![DiskSample {
                disk: 0,
                histograms,
                edge_ios: 1,
                from_snapshot: None,
                to_snapshot: 1,
            }],
        };
        assert!((sample.iops() - 1.0).abs() < 1e-12);
        let series = Series {
            disks: Vec::new(),
            samples: vec![sample],
        };
        let explained = explain(&series, Filter::None);
        assert!((explained[0].iops.unwrap() - 1.0).abs() < 1e-12);
    }
}
