//! `summary.json`. Its keys are documented in `METHODS.md`, section "summary.json".

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Serialize, Serializer};
use vscsi_shared::histogram::IntervalSet;
use vscsi_shared::job::Status;

use super::text::read_write_ratio;
use crate::analysis::estimate::Range;
use crate::analysis::explain::Explained;
use crate::analysis::phases::Phase;
use crate::analysis::profile::{BlockSizes, ByOperation, Distribution};
use crate::analysis::{Analysis, Finding, Profile, Shares};
use crate::fio::PhaseFidelity;

/// Version of this file's schema: the first number grows when a key changes its meaning or goes, the second when keys
/// are added.
pub(crate) const SCHEMA_VERSION: &str = "1.0";

/// The content of `summary.json`.
#[derive(Debug, Serialize)]
pub(crate) struct Summary<'analysis> {
    schema_version: &'static str,
    method_version: u32,
    generator: &'static str,
    job_id: &'analysis str,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<&'analysis str>,
    analyzed_at: Timestamp,
    host: &'analysis str,
    vm_name: &'analysis str,
    period: Option<PeriodJson>,
    collection: CollectionJson,
    filter: FilterJson,
    metrics: Metrics,
    disks: Vec<DiskJson<'analysis>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    phases: Vec<PhaseJson<'analysis>>,
    #[serde(skip_serializing_if = "<[PhaseFidelity]>::is_empty")]
    static_fidelity: &'analysis [PhaseFidelity],
    histograms: BTreeMap<String, HistogramJson<'analysis>>,
    findings: &'analysis [Finding],
}

#[derive(Debug, Serialize)]
struct PeriodJson {
    from: Timestamp,
    to: Timestamp,
    analyzed_seconds: f64,
}

#[derive(Debug, Serialize)]
struct CollectionJson {
    status: Status,
    partial: bool,
    samples_collected: u32,
    samples_expected: u32,
}

#[derive(Debug, Serialize)]
struct FilterJson {
    method: &'static str,
    threshold: Option<f64>,
    samples_filtered: usize,
    samples_analyzed: usize,
    cut_iops: Option<f64>,
    kept_percent: KeptJson,
}

#[derive(Debug, Serialize)]
struct KeptJson {
    time: f64,
    ios: Option<f64>,
    bytes: Option<f64>,
}

#[derive(Debug, Serialize)]
struct DiskJson<'analysis> {
    disk: &'analysis str,
    seconds: f64,
    metrics: Metrics,
}

/// The numbers of one profile.
#[derive(Debug, Serialize)]
pub(crate) struct Metrics {
    iops: IopsJson,
    ios: IosJson,
    throughput_mbps: Option<f64>,
    throughput_read_mbps: Option<f64>,
    throughput_write_mbps: Option<f64>,
    block_size_distribution: Option<InOrder<f64>>,
    block_sizes: DirectionsJson<Option<BlockSizesJson>>,
    sequential_random: SequentialJson,
    queue_depth: Option<QueueDepthJson>,
    latency_ms: DirectionsJson<Option<DistributionJson>>,
    interarrival_us: DirectionsJson<Option<DistributionJson>>,
    burst_index: Option<f64>,
    ranges: BTreeMap<&'static str, Range>,
}

#[derive(Debug, Serialize)]
struct IopsJson {
    total: Option<f64>,
    read: Option<f64>,
    write: Option<f64>,
    read_write_ratio: Option<String>,
}

#[derive(Debug, Serialize)]
struct IosJson {
    total: Option<u64>,
    read: Option<u64>,
    write: Option<u64>,
    other: Option<u64>,
}

#[derive(Debug, Serialize)]
struct DirectionsJson<T> {
    all: T,
    read: T,
    write: T,
}

impl<T> DirectionsJson<T> {
    fn from<S>(values: &ByOperation<S>, convert: impl Fn(&S) -> T) -> Self {
        Self {
            all: convert(&values.all),
            read: convert(&values.read),
            write: convert(&values.write),
        }
    }
}

#[derive(Debug, Serialize)]
struct BlockSizesJson {
    count: u64,
    mean_bytes: Option<Range>,
    sizes: Vec<SizeJson>,
}

#[derive(Debug, Serialize)]
struct SizeJson {
    label: String,
    smallest_bytes: i64,
    largest_bytes: Option<i64>,
    count: u64,
    percent: f64,
    bytes_percent: Range,
}

#[derive(Debug, Serialize)]
struct SequentialJson {
    sequential_percent: Option<f64>,
    random_percent: Option<f64>,
    by_stream_percent: Option<f64>,
    read_percent: Option<f64>,
    write_percent: Option<f64>,
    gap_blocks: u32,
    ranges: BTreeMap<&'static str, Range>,
}

#[derive(Debug, Serialize)]
struct QueueDepthJson {
    #[serde(flatten)]
    all: DistributionJson,
    read: Option<DistributionJson>,
    write: Option<DistributionJson>,
}

#[derive(Debug, Serialize)]
struct DistributionJson {
    average: f64,
    p50: f64,
    p95: f64,
    p99: f64,
    p999: f64,
    count: u64,
    at_most: Option<f64>,
    above_last_limit: u64,
    ranges: BTreeMap<&'static str, Range>,
}

#[derive(Debug, Serialize)]
struct HistogramJson<'analysis> {
    limits: &'analysis [i64],
    counts: &'analysis [u64],
}

/// An object whose keys keep the order they were given in.
#[derive(Debug)]
pub(super) struct InOrder<T>(Vec<(String, T)>);

impl<T> FromIterator<(String, T)> for InOrder<T> {
    fn from_iter<I: IntoIterator<Item = (String, T)>>(entries: I) -> Self {
        Self(entries.into_iter().collect())
    }
}

impl<T: Serialize> Serialize for InOrder<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(key, value)| (key, value)))
    }
}

#[derive(Debug, Serialize)]
struct PhaseJson<'analysis> {
    name: &'analysis str,
    start_seconds: f64,
    end_seconds: f64,
    samples: usize,
    metrics: Metrics,
}

impl<'analysis> Summary<'analysis> {
    /// Everything about an analysis, the phases it was split into, if it was, and how near the fio file written from it
    /// comes by our own reading.
    pub(crate) fn of(
        analysis: &'analysis Analysis,
        phases: &'analysis [Phase],
        static_fidelity: &'analysis [PhaseFidelity],
    ) -> Self {
        let provenance = &analysis.workload.provenance;
        let filter = analysis.options.filter;
        Self {
            schema_version: SCHEMA_VERSION,
            method_version: provenance.method_version,
            generator: concat!("vscsi-helper ", env!("CARGO_PKG_VERSION")),
            job_id: &provenance.job,
            note: provenance.note.as_deref(),
            analyzed_at: provenance.analyzed_at,
            host: &provenance.host,
            vm_name: &provenance.vm_name,
            period: provenance.period.map(|(from, to)| PeriodJson {
                from,
                to,
                analyzed_seconds: analysis.workload.seconds,
            }),
            collection: CollectionJson {
                status: analysis.job.status,
                partial: analysis.is_partial(),
                samples_collected: analysis.job.collection.samples_collected,
                samples_expected: analysis.job.collection.samples_expected,
            },
            filter: FilterJson {
                method: filter.method(),
                threshold: filter.threshold(),
                samples_filtered: provenance.samples_total - provenance.samples_kept,
                samples_analyzed: provenance.samples_kept,
                cut_iops: analysis.cut_iops,
                kept_percent: KeptJson::of(
                    analysis.shares,
                    analysis.profile.ios.total.is_some(),
                    analysis.profile.throughput_mbps.total.is_some(),
                ),
            },
            metrics: Metrics::of(&analysis.profile),
            disks: analysis
                .disks
                .iter()
                .map(|(disk, profile)| DiskJson {
                    disk: &disk.0,
                    seconds: profile.seconds,
                    metrics: Metrics::of(profile),
                })
                .collect(),
            phases: phases
                .iter()
                .map(|phase| PhaseJson {
                    name: &phase.name,
                    start_seconds: phase.start_seconds,
                    end_seconds: phase.end_seconds,
                    samples: phase.workload.provenance.samples_kept,
                    metrics: Metrics::of(&phase.profile),
                })
                .collect(),
            static_fidelity,
            histograms: histograms(&analysis.workload.histograms),
            findings: &analysis.findings,
        }
    }
}

impl Metrics {
    pub(crate) fn of(profile: &Profile) -> Self {
        let throughput = &profile.throughput_mbps;
        Self {
            iops: IopsJson {
                total: profile.iops.total,
                read: profile.iops.read,
                write: profile.iops.write,
                read_write_ratio: read_write_ratio(profile),
            },
            ios: IosJson {
                total: profile.ios.total,
                read: profile.ios.read,
                write: profile.ios.write,
                other: profile.ios.other(),
            },
            throughput_mbps: est(throughput.total),
            throughput_read_mbps: est(throughput.read),
            throughput_write_mbps: est(throughput.write),
            block_size_distribution: profile.block_sizes.all.as_ref().map(|sizes| {
                let shares = sizes.buckets.iter();
                shares.map(|bucket| (bucket.label.clone(), bucket.percent)).collect()
            }),
            block_sizes: DirectionsJson::from(&profile.block_sizes, |sizes| sizes.as_ref().map(block_sizes)),
            sequential_random: sequential(profile),
            queue_depth: profile.queue_depth.all.as_ref().map(|all| QueueDepthJson {
                all: distribution(all),
                read: profile.queue_depth.read.as_ref().map(distribution),
                write: profile.queue_depth.write.as_ref().map(distribution),
            }),
            latency_ms: DirectionsJson::from(&profile.latency_ms, |latency| latency.as_ref().map(distribution)),
            interarrival_us: DirectionsJson::from(&profile.interarrival_us, |times| times.as_ref().map(distribution)),
            burst_index: est(profile.burst_index),
            ranges: known([
                ("throughput_mbps", throughput.total),
                ("throughput_read_mbps", throughput.read),
                ("throughput_write_mbps", throughput.write),
                ("burst_index", profile.burst_index),
            ]),
        }
    }
}

fn est(range: Option<Range>) -> Option<f64> {
    range.map(|range| range.est)
}

/// The ranges of the numbers that are known.
fn known<const N: usize>(ranges: [(&'static str, Option<Range>); N]) -> BTreeMap<&'static str, Range> {
    let known = ranges.into_iter().filter_map(|(name, range)| Some((name, range?)));
    known.collect()
}

fn block_sizes(sizes: &BlockSizes) -> BlockSizesJson {
    BlockSizesJson {
        count: sizes.count,
        mean_bytes: sizes.mean,
        sizes: sizes
            .buckets
            .iter()
            .map(|bucket| SizeJson {
                label: bucket.label.clone(),
                smallest_bytes: bucket.smallest,
                largest_bytes: bucket.largest,
                count: bucket.count,
                percent: bucket.percent,
                bytes_percent: bucket.bytes_percent,
            })
            .collect(),
    }
}

fn sequential(profile: &Profile) -> SequentialJson {
    let shares = &profile.sequentiality;
    SequentialJson {
        sequential_percent: est(shares.strict),
        random_percent: est(shares.strict).map(|percent| 100.0 - percent),
        by_stream_percent: est(shares.by_stream),
        read_percent: est(shares.read),
        write_percent: est(shares.write),
        gap_blocks: shares.gap.0,
        ranges: known([
            ("sequential_percent", shares.strict),
            ("by_stream_percent", shares.by_stream),
            ("read_percent", shares.read),
            ("write_percent", shares.write),
        ]),
    }
}

fn distribution(distribution: &Distribution) -> DistributionJson {
    let ranges = [
        ("average", distribution.mean),
        ("p50", distribution.p50),
        ("p95", distribution.p95),
        ("p99", distribution.p99),
        ("p999", distribution.p999),
    ];
    DistributionJson {
        average: distribution.mean.est,
        p50: distribution.p50.est,
        p95: distribution.p95.est,
        p99: distribution.p99.est,
        p999: distribution.p999.est,
        count: distribution.count,
        at_most: distribution.at_most,
        above_last_limit: distribution.overflow,
        ranges: BTreeMap::from(ranges),
    }
}

/// The merged histograms by `metric.operation`, such as `io_length.read`.
fn histograms(set: &IntervalSet) -> BTreeMap<String, HistogramJson<'_>> {
    set.iter()
        .map(|(kind, interval)| {
            let name = format!("{}.{}", kind.metric(), kind.operation());
            let histogram = HistogramJson {
                limits: interval.limits.as_slice(),
                counts: &interval.counts,
            };
            (name, histogram)
        })
        .collect()
}

/// A row of `analyze --explain-filters --json`.
#[derive(Debug, Serialize)]
pub(crate) struct FilterRow {
    method: &'static str,
    threshold: Option<f64>,
    samples_kept: usize,
    cut_iops: Option<f64>,
    kept_percent: KeptJson,
    iops: Option<f64>,
    throughput_mbps: Option<f64>,
}

impl From<&Explained> for FilterRow {
    fn from(explained: &Explained) -> Self {
        Self {
            method: explained.filter.method(),
            threshold: explained.filter.threshold(),
            samples_kept: explained.kept,
            cut_iops: explained.cut_iops,
            kept_percent: KeptJson::of(explained.shares, explained.ios_are_known(), explained.bytes_are_known()),
            iops: explained.iops,
            throughput_mbps: explained.mbps,
        }
    }
}

impl KeptJson {
    fn of(shares: Shares, ios_are_known: bool, bytes_are_known: bool) -> Self {
        Self {
            time: 100.0 * shares.time,
            ios: ios_are_known.then_some(100.0 * shares.ios),
            bytes: bytes_are_known.then_some(100.0 * shares.bytes),
        }
    }
}
