//! Whether I/Os come one by one or in bursts.

use vscsi_shared::histogram::{IntervalSet, Metric, Operation};

use super::{Counts, Rates};
use crate::analysis::Workload;
use crate::analysis::estimate::{self, Method, Range};

/// What one disk did while it was observed.
#[derive(Debug, Clone, Copy)]
pub(super) struct DiskLoad<'a> {
    pub(super) histograms: &'a IntervalSet,
    pub(super) seconds: f64,
    pub(super) edge_ios: u64,
}

/// The burst index of a workload: the I/Os that a new one finds outstanding on its disk, over those that a new one would
/// find if it arrived at any moment. 1 for arrivals that do not depend on each other, more for bursts, less for I/Os that
/// wait for each other; `None` without I/O.
///
/// What is found is the mean of the outstanding I/Os, less the new one. What would be found is the time average, which
/// Little's law gives as IOPS times mean latency (J. D. C. Little, "A Proof for the Queuing Formula L = λW", Operations
/// Research 9(3), 1961). vscsiStats counts each disk for itself, so both are averaged over the disks by their share of
/// the I/Os.
pub fn burst_index(workload: &Workload) -> Option<Range> {
    of_disks(workload.disks.iter().map(|disk| DiskLoad {
        histograms: &disk.histograms,
        seconds: disk.seconds,
        edge_ios: disk.edge_ios,
    }))
}

pub(super) fn of_disks<'a>(disks: impl Iterator<Item = DiskLoad<'a>>) -> Option<Range> {
    let figures: Vec<Figures> = disks.filter_map(Figures::of).collect();
    let ios: f64 = figures.iter().map(|disk| disk.ios).sum();
    let average = |figure: fn(&Figures) -> Range| {
        figures
            .iter()
            .map(|disk| figure(disk).times(disk.ios / ios))
            .reduce(Range::plus)
    };
    let depth = average(|disk| disk.depth)?;
    let in_flight = average(|disk| disk.in_flight)?;
    if in_flight.est <= 0.0 {
        return None;
    }
    let found = |depth: f64| (depth - 1.0).max(0.0);
    Some(Range {
        lo: in_flight.hi.map_or(0.0, |in_flight| found(depth.lo) / in_flight),
        hi: depth
            .hi
            .filter(|_| in_flight.lo > 0.0)
            .map(|depth| found(depth) / in_flight.lo),
        est: found(depth.est) / in_flight.est,
        method: Method::Mean,
    })
}

/// One disk's part of the two averages.
struct Figures {
    ios: f64,
    /// Mean outstanding I/Os when one is issued, itself included.
    depth: Range,
    /// Outstanding I/Os on average over time.
    in_flight: Range,
}

impl Figures {
    fn of(disk: DiskLoad<'_>) -> Option<Self> {
        let mean = |metric| estimate::mean(disk.histograms.of(metric, Operation::All)?, metric);
        let counts = Counts::of(disk.histograms);
        let iops = Rates::of(counts, disk.seconds, disk.edge_ios).total?;
        Some(Self {
            ios: counts.total? as f64,
            depth: mean(Metric::OutstandingIos)?,
            in_flight: mean(Metric::Latency)?.times(iops * 1e-6),
        })
    }
}

#[cfg(test)]
mod tests {
    use vscsi_shared::histogram::{Histogram, HistogramKind, Interval, Limits, Summary};

    use super::*;

    /// `count` times the same value, as vscsiStats prints it.
    fn constant(metric: Metric, value: i64, count: u64) -> Interval {
        let limits = Limits::known(metric);
        let mut counts = vec![0; limits.as_slice().len() + 1];
        counts[limits.as_slice().partition_point(|limit| *limit < value)] = count;
        let summary = Summary::exact(value, value, value, count);
        Histogram::new(limits, counts, summary).unwrap().whole()
    }

    fn disk(ios: u64, depth: i64, latency_us: i64) -> IntervalSet {
        let mut set = IntervalSet::default();
        for (metric, value) in [
            (Metric::IoLength, 4096),
            (Metric::OutstandingIos, depth),
            (Metric::Latency, latency_us),
        ] {
            let kind = HistogramKind::new(metric, Operation::All).unwrap();
            set.insert(kind, constant(metric, value, ios));
        }
        set
    }

    fn index(disks: &[&IntervalSet]) -> f64 {
        let load = |histograms| DiskLoad {
            histograms,
            seconds: 1.0,
            edge_ios: 0,
        };
        of_disks(disks.iter().copied().map(load)).unwrap().est
    }

    /// 100 I/Os a second of 10 ms keep 1 in flight; 1000 a second of 5 ms keep 5.
    #[test]
    fn disks_whose_arrivals_find_the_time_average_have_the_index_one_alone_and_together() {
        let (slow, busy) = (disk(100, 2, 10_000), disk(1000, 6, 5000));
        for disks in [vec![&slow], vec![&busy], vec![&slow, &busy]] {
            assert!((index(&disks) - 1.0).abs() < 1e-9, "{}", index(&disks));
        }
    }

    /// Alone the disks have (17 - 1) / 1 = 16 and 1. Of 1100 I/Os, 100 find 16, the others 5:
    /// (100 * 16 + 1000 * 5) / (100 * 1 + 1000 * 5) = 6600 / 5100.
    #[test]
    fn the_disks_of_a_job_count_by_their_share_of_the_ios() {
        let (bursty, busy) = (disk(100, 17, 10_000), disk(1000, 6, 5000));
        assert!((index(&[&bursty]) - 16.0).abs() < 1e-9);
        assert!((index(&[&bursty, &busy]) - 6600.0 / 5100.0).abs() < 1e-9);
    }

    #[test]
    fn ios_that_never_meet_have_the_index_zero_and_a_disk_without_ios_has_none() {
        assert!(index(&[&disk(100, 1, 1000)]).abs() < 1e-9);
        let idle = IntervalSet::default();
        let load = DiskLoad {
            histograms: &idle,
            seconds: 1.0,
            edge_ios: 0,
        };
        assert_eq!(of_disks([load].into_iter()), None);
    }
}
