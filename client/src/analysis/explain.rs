//! What each filter would keep of a job, side by side.

use super::filter::Filter;
use super::profile::{Counts, Rates};
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
    /// IOPS over the kept samples; `None` when none is.
    pub iops: Option<f64>,
    /// Bytes per second over the kept samples in MB/s, estimated; `None` when none is.
    pub mbps: Option<f64>,
}

/// The chosen filter, and every method with thresholds that people use.
pub fn explain(series: &Series, chosen: Filter) -> Vec<Explained> {
    let iops: Vec<f64> = series.samples.iter().map(Sample::iops).collect();
    let busiest = iops.iter().copied().fold(0.0, f64::max);
    let mut filters = vec![chosen];
    let usual = [
        Filter::None,
        Filter::Percentile(75.0),
        Filter::Percentile(25.0),
        Filter::Statistical(1.0),
        Filter::Statistical(0.0),
        Filter::Absolute((busiest * TENTH).round()),
        Filter::Cluster,
    ];
    filters.extend(usual.into_iter().filter(|filter| *filter != chosen));
    filters
        .into_iter()
        .map(|filter| explained(series, &iops, filter))
        .collect()
}

fn explained(series: &Series, iops: &[f64], filter: Filter) -> Explained {
    let selection = filter.select(iops);
    let (mut seconds, mut commands, mut edge_ios, mut bytes, mut kept) = (0.0, 0, 0, 0.0, 0);
    for (sample, _) in series.samples.iter().zip(&selection.kept).filter(|(_, kept)| **kept) {
        kept += 1;
        seconds += sample.seconds;
        commands += sample.ios();
        edge_ios += sample.edge_ios();
        bytes += sample.bytes();
    }
    let counts = Counts {
        total: commands,
        ..Counts::default()
    };
    Explained {
        filter,
        kept,
        cut_iops: selection.cut_iops,
        shares: Shares::of(series, &selection.kept),
        iops: (kept > 0).then(|| Rates::of(counts, seconds, edge_ios).total),
        mbps: (kept > 0).then(|| bytes / seconds / 1e6),
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
        let summary = Summary {
            min: 4096,
            max: 4096,
            mean: 4096,
            count: 11,
        };
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
