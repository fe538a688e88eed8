//! A database server's day in small: an idle night, a busy morning, a backup that reads in sequence.
//!
//! Counters follow from the shares below by plain multiplication, so tests can say what a picture must show.

#![allow(dead_code, reason = "each test program uses a part of it")]

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use vscsi_helper::analysis::{DiskKey, DiskSample, Filter, Provenance, Sample, Series, Workload};
use vscsi_helper::chart::ChartInput;
use vscsi_shared::histogram::{HistogramKind, Interval, IntervalSet, Limits, Metric, Operation};

/// Length of a sample, seconds.
pub(crate) const SECONDS: f64 = 60.0;

/// Shares of a metric's buckets, each named by its limit; `i64::MAX` names the overflow.
type Shares = &'static [(i64, f64)];

struct Phase {
    reads_per_second: f64,
    writes_per_second: f64,
    read_sizes: Shares,
    write_sizes: Shares,
    read_seeks: Shares,
    write_seeks: Shares,
    read_latencies: Shares,
    write_latencies: Shares,
    outstanding: Shares,
}

const READ_SEEKS: Shares = &[
    (-500_000, 0.22),
    (-100_000, 0.06),
    (-50_000, 0.05),
    (-5000, 0.03),
    (-64, 0.02),
    (1, 0.12),
    (64, 0.03),
    (500, 0.04),
    (5000, 0.06),
    (50_000, 0.07),
    (500_000, 0.08),
    (i64::MAX, 0.22),
];
const STREAM_SEEKS: Shares = &[(-500_000, 0.10), (1, 0.62), (64, 0.08), (5000, 0.08), (i64::MAX, 0.12)];
const LOG_SEEKS: Shares = &[
    (-500_000, 0.12),
    (-6, 0.06),
    (1, 0.58),
    (16, 0.06),
    (500_000, 0.06),
    (i64::MAX, 0.12),
];
const FAST: Shares = &[(100, 0.05), (500, 0.55), (1000, 0.30), (5000, 0.09), (15_000, 0.01)];
const SLOW: Shares = &[
    (500, 0.12),
    (1000, 0.28),
    (5000, 0.42),
    (15_000, 0.13),
    (30_000, 0.04),
    (100_000, 0.01),
];

const IDLE: Phase = Phase {
    reads_per_second: 3.0,
    writes_per_second: 9.0,
    read_sizes: &[(4096, 0.6), (8192, 0.4)],
    write_sizes: &[(512, 0.1), (4095, 0.1), (4096, 0.6), (8192, 0.2)],
    read_seeks: READ_SEEKS,
    write_seeks: LOG_SEEKS,
    read_latencies: FAST,
    write_latencies: FAST,
    outstanding: &[(1, 0.8), (2, 0.15), (4, 0.05)],
};
const BUSY: Phase = Phase {
    reads_per_second: 1400.0,
    writes_per_second: 520.0,
    read_sizes: &[(4096, 0.05), (8192, 0.80), (16_383, 0.02), (65_536, 0.13)],
    write_sizes: &[
        (512, 0.10),
        (2048, 0.05),
        (4095, 0.1),
        (4096, 0.25),
        (8192, 0.38),
        (32_768, 0.07),
        (65_536, 0.05),
    ],
    read_seeks: READ_SEEKS,
    write_seeks: LOG_SEEKS,
    read_latencies: SLOW,
    write_latencies: FAST,
    outstanding: &[
        (1, 0.12),
        (2, 0.16),
        (4, 0.22),
        (6, 0.16),
        (8, 0.12),
        (12, 0.10),
        (16, 0.06),
        (32, 0.04),
        (64, 0.02),
    ],
};
const BACKUP: Phase = Phase {
    reads_per_second: 620.0,
    writes_per_second: 14.0,
    read_sizes: &[(65_536, 0.25), (262_144, 0.65), (i64::MAX, 0.10)],
    write_sizes: IDLE.write_sizes,
    read_seeks: &[(1, 0.93), (500_000, 0.03), (i64::MAX, 0.04)],
    write_seeks: LOG_SEEKS,
    read_latencies: &[(1000, 0.2), (5000, 0.6), (15_000, 0.2)],
    write_latencies: FAST,
    outstanding: &[(4, 0.1), (6, 0.2), (8, 0.5), (12, 0.2)],
};

/// An interval with `total` values spread by `shares`; every value is taken to be its bucket's limit.
pub(crate) fn interval(metric: Metric, shares: &[(i64, f64)], total: f64) -> Interval {
    let limits = Limits::known(metric);
    let mut interval = Interval::empty(limits.clone());
    for &(limit, share) in shares {
        let bucket = limits.as_slice().iter().position(|&known| known == limit);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "counts are small and positive"
        )]
        let count = (share * total).round() as u64;
        interval.counts[bucket.unwrap_or(limits.as_slice().len())] += count;
        let value = if limit == i64::MAX {
            2 * limits.as_slice().last().unwrap()
        } else {
            limit
        };
        interval.count += count;
        interval.sum_at_least += i128::from(value) * i128::from(count);
        interval.values_at_least = Some(interval.values_at_least.map_or(value, |least| least.min(value)));
        interval.values_at_most = Some(interval.values_at_most.map_or(value, |most| most.max(value)));
    }
    interval.sum_at_most = interval.sum_at_least;
    interval
}

/// Which directions have I/O.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Directions {
    Both,
    ReadsOnly,
}

fn histograms(phase: &Phase, level: f64, directions: Directions) -> IntervalSet {
    let reads = phase.reads_per_second * level * SECONDS;
    let writes = match directions {
        Directions::Both => phase.writes_per_second * level * SECONDS,
        Directions::ReadsOnly => 0.0,
    };
    let mut set = IntervalSet::default();
    let mut add = |metric, read: &[(i64, f64)], write: &[(i64, f64)]| {
        let reads = interval(metric, read, reads);
        let writes = interval(metric, write, writes);
        let mut all = reads.clone();
        all.merge(&writes).unwrap();
        for (operation, interval) in [
            (Operation::All, all),
            (Operation::Read, reads),
            (Operation::Write, writes),
        ] {
            if let Some(kind) = HistogramKind::new(metric, operation) {
                set.insert(kind, interval);
            }
        }
    };
    add(Metric::IoLength, phase.read_sizes, phase.write_sizes);
    add(Metric::SeekDistance, phase.read_seeks, phase.write_seeks);
    add(Metric::SeekDistanceClosest16, STREAM_SEEKS, phase.write_seeks);
    add(Metric::Latency, phase.read_latencies, phase.write_latencies);
    add(Metric::OutstandingIos, phase.outstanding, IDLE.outstanding);
    let rate = phase.reads_per_second * level;
    let gaps: &[(i64, f64)] = if rate > 300.0 {
        &[
            (10, 0.08),
            (100, 0.30),
            (500, 0.32),
            (1000, 0.17),
            (5000, 0.12),
            (15_000, 0.01),
        ]
    } else {
        &[
            (500, 0.06),
            (1000, 0.06),
            (5000, 0.12),
            (15_000, 0.1),
            (30_000, 0.1),
            (50_000, 0.1),
            (100_000, 0.16),
            (i64::MAX, 0.3),
        ]
    };
    add(Metric::Interarrival, gaps, gaps);
    set
}

/// A number between 0.8 and 1.2 that looks random and is always the same.
fn flutter(index: usize) -> f64 {
    let mixed = (index as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40;
    0.8 + 0.4 * (mixed as f64 / f64::from(1_u32 << 24))
}

/// A job of `samples` samples on `disks` disks, without gaps.
pub(crate) fn job(samples: usize, disks: usize, directions: Directions) -> Series {
    let begin: Timestamp = "2025-11-06T08:30:30Z".parse().unwrap();
    let keys = (0..disks).map(|disk| DiskKey(format!("scsi{}:{}", disk / 15, disk % 15)));
    let samples = (0..samples).map(|index| {
        let share = index as f64 / samples.max(1) as f64;
        let phase = match share {
            share if share < 0.2 || (0.75..0.8).contains(&share) => &IDLE,
            share if share < 0.75 => &BUSY,
            _ => &BACKUP,
        };
        let level = flutter(index) * (0.7 + 0.3 * (share * 14.0).sin());
        let end = SECONDS * (index + 1) as f64;
        Sample {
            sequence: u32::try_from(index + 1).unwrap(),
            taken_at: begin.checked_add(SignedDuration::from_secs_f64(end)).unwrap(),
            start_seconds: end - SECONDS,
            seconds: SECONDS,
            flags: BTreeSet::new(),
            disks: (0..disks)
                .map(|disk| DiskSample {
                    disk,
                    histograms: histograms(phase, level / (disk + 1) as f64, directions),
                    edge_ios: 0,
                    from_snapshot: None,
                    to_snapshot: u32::try_from(index + 1).unwrap(),
                })
                .collect(),
        }
    });
    Series {
        samples: samples.collect(),
        disks: keys.collect(),
    }
}

/// A series with the samples that `percentile 75` keeps.
pub(crate) struct Filtered {
    pub(crate) series: Series,
    pub(crate) kept: Vec<bool>,
    pub(crate) cut_iops: Option<f64>,
    pub(crate) workload: Workload,
}

impl Filtered {
    pub(crate) fn of(series: Series) -> Self {
        let iops: Vec<f64> = series.samples.iter().map(Sample::iops).collect();
        let selection = Filter::Percentile(75.0).select(&iops);
        let provenance = provenance(&series, &selection.kept);
        let workload = Workload::of(&series, &selection.kept, provenance).unwrap();
        Self {
            series,
            kept: selection.kept,
            cut_iops: selection.cut_iops,
            workload,
        }
    }

    pub(crate) fn input(&self) -> ChartInput<'_> {
        ChartInput {
            series: &self.series,
            kept: &self.kept,
            cut_iops: self.cut_iops,
            workload: &self.workload,
        }
    }
}

fn provenance(series: &Series, kept: &[bool]) -> Provenance {
    let first = series.samples.first().unwrap();
    let last = series.samples.last().unwrap();
    let begin = first
        .taken_at
        .checked_sub(SignedDuration::from_secs_f64(first.seconds))
        .unwrap();
    Provenance {
        job: "sql-peak".to_owned(),
        vm_name: "SQL-Server-01".to_owned(),
        host: "esxi-host01.example.com".to_owned(),
        filter: "percentile (75th)".to_owned(),
        samples_total: kept.len(),
        samples_kept: kept.iter().filter(|kept| **kept).count(),
        io_share_kept: 0.987,
        period: Some((begin, last.taken_at)),
        analyzed_at: "2025-11-06T12:00:00Z".parse().unwrap(),
        note: None,
        method_version: 1,
    }
}
