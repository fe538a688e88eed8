//! `analysis/histograms.parquet`: the tidy table of a job's samples, with what is needed to take the samples from it
//! instead of parsing the snapshots again.
//!
//! Beside the columns of the tidy table, the first row of each histogram holds the numbers that belong to it as a
//! whole, and the other rows zeros, so that the columns can be read as they lie in memory; the file's key-value
//! metadata holds the samples and the findings, and the names, sizes and dates of the snapshot files it was made from.
//! It is used only while those are as they were.

use std::fs::File;
use std::path::Path;
use std::time::UNIX_EPOCH;

use jiff::Timestamp;
use polars::prelude::{
    Column, DataFrame, Int64Chunked, KeyValueMetadata, NamedFrom, ParquetReader, ParquetWriter, PolarsResult,
    SerReader, Series as PolarsSeries, UInt32Chunked, UInt64Chunked,
};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use vscsi_shared::histogram::{HistogramKind, Interval, IntervalSet, Limits};
use vscsi_shared::snapshot::SnapshotFlag;

use super::TableError;
use super::rows::{self, BATCH, Names};
use crate::analysis::load::{Loaded, SnapshotFile};
use crate::analysis::{DiskKey, DiskSample, Finding, Sample, Series};
use crate::store::write_whole;

/// Grows whenever the file or the loading of snapshots changes, so that older caches are not used.
const CACHE_VERSION: u32 = 3;

/// The key of our entry in the file's metadata.
const METADATA: &str = "vscsi-helper";

/// The columns that the cache is read from.
const CACHED: [&str; 9] = [
    "bucket",
    "count",
    "buckets",
    "values",
    "sum_at_least",
    "sum_at_most",
    "end_slack",
    "at_least",
    "at_most",
];

/// Identity of the snapshot files a cache was made from: name, size in bytes, date of change in nanoseconds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CacheKey(Vec<(String, u64, u64)>);

impl CacheKey {
    /// The key of these files; `None` when one cannot be looked at, and then nothing is cached.
    pub fn of(files: &[SnapshotFile]) -> Option<Self> {
        let identity = |file: &SnapshotFile| {
            let metadata = std::fs::metadata(&file.path).ok()?;
            let changed = metadata.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
            Some((
                file.name.clone(),
                metadata.len(),
                u64::try_from(changed.as_nanos()).ok()?,
            ))
        };
        files.par_iter().map(identity).collect::<Option<_>>().map(Self)
    }
}

/// Everything but the histograms.
#[derive(Debug, Serialize, Deserialize)]
struct Skeleton {
    version: u32,
    key: CacheKey,
    disks: Vec<DiskKey>,
    samples: Vec<SampleSkeleton>,
    findings: Vec<Finding>,
}

#[derive(Debug, Serialize, Deserialize)]
struct SampleSkeleton {
    sequence: u32,
    taken_at: Timestamp,
    start_seconds: f64,
    seconds: f64,
    flags: Vec<String>,
    disks: Vec<DiskSkeleton>,
}

/// Disk, I/Os at the edge, the snapshots it lies between, and a bit for each kind of histogram that is there.
#[derive(Debug, Serialize, Deserialize)]
struct DiskSkeleton(usize, u64, Option<u32>, u32, u16);

impl Skeleton {
    fn fits(&self, key: &CacheKey) -> bool {
        self.version == CACHE_VERSION && self.key == *key
    }

    fn of(loaded: &Loaded, key: CacheKey) -> Self {
        let disk = |part: &DiskSample| {
            let kinds = part
                .histograms
                .iter()
                .fold(0, |bits, (kind, _)| bits | 1 << kind.index());
            DiskSkeleton(part.disk, part.edge_ios, part.from_snapshot, part.to_snapshot, kinds)
        };
        let sample = |sample: &Sample| SampleSkeleton {
            sequence: sample.sequence,
            taken_at: sample.taken_at,
            start_seconds: sample.start_seconds,
            seconds: sample.seconds,
            flags: sample.flags.iter().map(|flag| flag.as_str().to_owned()).collect(),
            disks: sample.disks.iter().map(disk).collect(),
        };
        Self {
            version: CACHE_VERSION,
            key,
            disks: loaded.series.disks.clone(),
            samples: loaded.series.samples.iter().map(sample).collect(),
            findings: loaded.findings.clone(),
        }
    }
}

/// Writes the cache of a job. `false` when its histograms have limits that no known vscsiStats prints, or sums beyond
/// 64 bits; such a job is read from its snapshots each time.
///
/// # Errors
/// [`TableError`] when the file cannot be written.
pub fn write_cache(path: &Path, loaded: &Loaded, key: CacheKey) -> Result<bool, TableError> {
    let samples: Vec<&Sample> = loaded.series.samples.iter().collect();
    if !rows::intervals(&samples).all(|(_, _, kind, interval)| is_cacheable(kind, interval)) {
        return Ok(false);
    }
    let failed = || TableError::frame(path);
    let skeleton = serde_json::to_string(&Skeleton::of(loaded, key))
        .map_err(|error| crate::failure::FileError::new("write", path)(error.into()))?;
    let names = Names::new();
    write_whole(path, |file| {
        let schema = frame(&loaded.series, &[], &names).map_err(failed())?.schema().clone();
        let metadata = KeyValueMetadata::from_static(vec![(METADATA.to_owned(), skeleton)]);
        let mut writer = ParquetWriter::new(file)
            .with_key_value_metadata(Some(metadata))
            .batched(&schema)
            .map_err(failed())?;
        for batch in samples.chunks(BATCH) {
            let frame = frame(&loaded.series, batch, &names).map_err(failed())?;
            writer.write_batch(&frame).map_err(failed())?;
        }
        writer.finish().map_err(failed()).map(drop)
    })?;
    Ok(true)
}

fn is_cacheable(kind: HistogramKind, interval: &Interval) -> bool {
    interval.limits == Limits::known(kind.metric())
        && i64::try_from(interval.sum_at_least).is_ok()
        && i64::try_from(interval.sum_at_most).is_ok()
}

/// The columns that the cache adds to the tidy table.
#[derive(Default)]
struct WholeColumns {
    bucket: Vec<u32>,
    buckets: Vec<u32>,
    values: Vec<u64>,
    sum_at_least: Vec<i64>,
    sum_at_most: Vec<i64>,
    end_slack: Vec<u64>,
    at_least: Vec<Option<i64>>,
    at_most: Vec<Option<i64>>,
}

impl WholeColumns {
    fn push(&mut self, interval: &Interval) {
        let first = self.bucket.len();
        let index = |(index, ..): (usize, _, _, _)| u32::try_from(index).unwrap_or(u32::MAX);
        self.bucket.extend(rows::buckets(interval).map(index));
        let rows = self.bucket.len();
        self.buckets.push(u32::try_from(rows - first).unwrap_or(0));
        self.values.push(interval.count);
        self.sum_at_least
            .push(i64::try_from(interval.sum_at_least).unwrap_or(0));
        self.sum_at_most.push(i64::try_from(interval.sum_at_most).unwrap_or(0));
        self.end_slack.push(interval.end_slack);
        self.at_least.push(interval.values_at_least);
        self.at_most.push(interval.values_at_most);
        self.buckets.resize(rows, 0);
        self.values.resize(rows, 0);
        self.sum_at_least.resize(rows, 0);
        self.sum_at_most.resize(rows, 0);
        self.end_slack.resize(rows, 0);
        self.at_least.resize(rows, None);
        self.at_most.resize(rows, None);
    }

    fn into_columns(self) -> Vec<Column> {
        let number = |name: &str, values: Vec<i64>| Column::from(PolarsSeries::new(name.into(), values));
        let bound = |name: &str, values: Vec<Option<i64>>| Column::from(PolarsSeries::new(name.into(), values));
        vec![
            Column::from(PolarsSeries::new("bucket".into(), self.bucket)),
            Column::from(PolarsSeries::new("buckets".into(), self.buckets)),
            Column::from(PolarsSeries::new("values".into(), self.values)),
            number("sum_at_least", self.sum_at_least),
            number("sum_at_most", self.sum_at_most),
            Column::from(PolarsSeries::new("end_slack".into(), self.end_slack)),
            bound("at_least", self.at_least),
            bound("at_most", self.at_most),
        ]
    }
}

/// The tidy table with the columns of whole histograms.
fn frame(series: &Series, samples: &[&Sample], names: &Names) -> PolarsResult<DataFrame> {
    let mut frame = rows::frame(series, samples, names)?;
    let mut columns = WholeColumns::default();
    for (_, _, _, interval) in rows::intervals(samples) {
        columns.push(interval);
    }
    frame.hstack_mut(&columns.into_columns())?;
    Ok(frame)
}

/// There is a cache of exactly these files.
pub fn is_cached(path: &Path, key: &CacheKey) -> bool {
    read_skeleton(path).is_some_and(|(_, skeleton)| skeleton.fits(key))
}

fn read_skeleton(path: &Path) -> Option<(ParquetReader<File>, Skeleton)> {
    let mut reader = ParquetReader::new(File::open(path).ok()?);
    let metadata = reader.get_metadata().ok()?.key_value_metadata().as_ref()?;
    let entry = metadata.iter().find(|entry| entry.key == METADATA)?;
    let skeleton = serde_json::from_str(entry.value.as_ref()?).ok()?;
    Some((reader, skeleton))
}

/// The samples of a job from its cache; `None` when there is none, or it was made from other files, or cannot be read:
/// the snapshots are the truth and are read then.
pub fn read_cache(path: &Path, key: &CacheKey) -> Option<(Series, Vec<Finding>)> {
    let (reader, skeleton) = read_skeleton(path).filter(|(_, skeleton)| skeleton.fits(key))?;
    let wanted = CACHED.iter().map(|&name| name.to_owned()).collect();
    let frame = reader.with_columns(Some(wanted)).finish().ok()?;
    let rows = Rows::of(&frame)?;
    let mut next = 0;
    let mut starts = Vec::with_capacity(skeleton.samples.len());
    for sample in &skeleton.samples {
        starts.push(next);
        let histograms: u32 = sample
            .disks
            .iter()
            .map(|DiskSkeleton(.., kinds)| kinds.count_ones())
            .sum();
        for _ in 0..histograms {
            next = rows.end(next)?;
        }
    }
    let samples = skeleton.samples.into_par_iter().zip(starts);
    let samples = samples
        .map(|(sample, start)| rows.sample(sample, start))
        .collect::<Option<_>>()?;
    let series = Series {
        disks: skeleton.disks,
        samples,
    };
    Some((series, skeleton.findings))
}

/// The cached columns.
struct Rows {
    bucket: UInt32Chunked,
    buckets: UInt32Chunked,
    count: UInt64Chunked,
    values: UInt64Chunked,
    sum_at_least: Int64Chunked,
    sum_at_most: Int64Chunked,
    end_slack: UInt64Chunked,
    at_least: Int64Chunked,
    at_most: Int64Chunked,
}

impl Rows {
    fn of(frame: &DataFrame) -> Option<Self> {
        let index = |name: &str| Some(frame.column(name).ok()?.u32().ok()?.rechunk().into_owned());
        let counter = |name: &str| Some(frame.column(name).ok()?.u64().ok()?.rechunk().into_owned());
        let number = |name: &str| Some(frame.column(name).ok()?.i64().ok()?.rechunk().into_owned());
        Some(Self {
            bucket: index("bucket")?,
            buckets: index("buckets")?,
            count: counter("count")?,
            values: counter("values")?,
            sum_at_least: number("sum_at_least")?,
            sum_at_most: number("sum_at_most")?,
            end_slack: counter("end_slack")?,
            at_least: number("at_least")?,
            at_most: number("at_most")?,
        })
    }

    /// The row after the histogram that begins in row `first`.
    fn end(&self, first: usize) -> Option<usize> {
        let buckets = *self.buckets.cont_slice().ok()?.get(first)?;
        let end = first + usize::try_from(buckets).ok()?;
        (buckets > 0 && end <= self.bucket.len()).then_some(end)
    }

    /// The sample whose first row is `next`.
    fn sample(&self, skeleton: SampleSkeleton, mut next: usize) -> Option<Sample> {
        let mut disks = Vec::with_capacity(skeleton.disks.len());
        for DiskSkeleton(disk, edge_ios, from_snapshot, to_snapshot, kinds) in skeleton.disks {
            let mut histograms = IntervalSet::default();
            let present = |kind: &HistogramKind| kinds >> kind.index() & 1 == 1;
            for kind in HistogramKind::ALL.into_iter().filter(present) {
                let end = self.end(next)?;
                histograms.insert(kind, self.interval(kind, next, end)?);
                next = end;
            }
            disks.push(DiskSample {
                disk,
                histograms,
                edge_ios,
                from_snapshot,
                to_snapshot,
            });
        }
        let flag = |word: &String| SnapshotFlag::ALL.into_iter().find(|flag| flag.as_str() == word);
        Some(Sample {
            sequence: skeleton.sequence,
            taken_at: skeleton.taken_at,
            start_seconds: skeleton.start_seconds,
            seconds: skeleton.seconds,
            flags: skeleton.flags.iter().filter_map(flag).collect(),
            disks,
        })
    }

    /// The histogram in the rows from `first` to before `end`.
    fn interval(&self, kind: HistogramKind, first: usize, end: usize) -> Option<Interval> {
        let mut interval = Interval::empty(Limits::known(kind.metric()));
        interval.count = *self.values.cont_slice().ok()?.get(first)?;
        interval.sum_at_least = (*self.sum_at_least.cont_slice().ok()?.get(first)?).into();
        interval.sum_at_most = (*self.sum_at_most.cont_slice().ok()?.get(first)?).into();
        interval.end_slack = *self.end_slack.cont_slice().ok()?.get(first)?;
        interval.values_at_least = self.at_least.get(first);
        interval.values_at_most = self.at_most.get(first);
        let buckets = self.bucket.cont_slice().ok()?.get(first..end)?;
        let counts = self.count.cont_slice().ok()?.get(first..end)?;
        for (&bucket, &count) in buckets.iter().zip(counts) {
            *interval.counts.get_mut(usize::try_from(bucket).ok()?)? = count;
        }
        Some(interval)
    }
}
