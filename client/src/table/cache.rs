//! `analysis/histograms.parquet`: the tidy table of a job's samples, with what is needed to take the samples from it
//! instead of parsing the snapshots again.
//!
//! Beside the columns of the tidy table, the first row of each histogram holds the numbers that belong to it as a whole;
//! the file's key-value metadata holds the samples and the findings, and the names, sizes and dates of the snapshot
//! files it was made from. It is used only while those are as they were.

use std::fs::File;
use std::path::Path;
use std::time::UNIX_EPOCH;

use jiff::Timestamp;
use polars::prelude::{
    Column, Int64Chunked, KeyValueMetadata, NamedFrom, ParquetReader, ParquetWriter, PolarsResult, SerReader,
    Series as PolarsSeries, UInt64Chunked,
};
use serde::{Deserialize, Serialize};
use vscsi_shared::histogram::{HistogramKind, Interval, IntervalSet, Limits};
use vscsi_shared::snapshot::SnapshotFlag;

use super::TableError;
use super::export::write_whole;
use super::rows::{self, BATCH, Names};
use crate::analysis::load::{Loaded, SnapshotFile};
use crate::analysis::{DiskKey, DiskSample, Finding, Sample, Series};

/// Grows whenever the file or the loading of snapshots changes, so that older caches are not used.
const CACHE_VERSION: u32 = 1;

/// The key of our entry in the file's metadata.
const METADATA: &str = "vscsi-helper";

/// The columns that the cache is read from.
const CACHED: [&str; 7] = [
    "upper",
    "count",
    "values",
    "sum_at_least",
    "sum_at_most",
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
        files.iter().map(identity).collect::<Option<_>>().map(Self)
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

/// Disk, I/Os at the edge, and a bit for each kind of histogram that is there.
#[derive(Debug, Serialize, Deserialize)]
struct DiskSkeleton(usize, u64, u16);

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
            DiskSkeleton(part.disk, part.edge_ios, kinds)
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

/// The tidy table with the columns of whole histograms.
fn frame(series: &Series, samples: &[&Sample], names: &Names) -> PolarsResult<polars::prelude::DataFrame> {
    let mut frame = rows::frame(series, samples, names)?;
    let height = frame.height();
    let mut values: Vec<Option<u64>> = Vec::with_capacity(height);
    let mut numbers: [Vec<Option<i64>>; 4] = Default::default();
    for (_, _, _, interval) in rows::intervals(samples) {
        values.push(Some(interval.count));
        let whole = [
            i64::try_from(interval.sum_at_least).ok(),
            i64::try_from(interval.sum_at_most).ok(),
            interval.values_at_least,
            interval.values_at_most,
        ];
        let more = rows::buckets(interval).count() - 1;
        values.resize(values.len() + more, None);
        for (column, number) in numbers.iter_mut().zip(whole) {
            column.push(number);
            column.resize(column.len() + more, None);
        }
    }
    let mut columns = vec![Column::from(PolarsSeries::new("values".into(), values))];
    let names = ["sum_at_least", "sum_at_most", "at_least", "at_most"];
    for (name, column) in names.into_iter().zip(numbers) {
        columns.push(Column::from(PolarsSeries::new(name.into(), column)));
    }
    frame.hstack_mut(&columns)?;
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
pub fn read_cache(path: &Path, key: &CacheKey) -> Option<Loaded> {
    let (reader, skeleton) = read_skeleton(path).filter(|(_, skeleton)| skeleton.fits(key))?;
    let wanted = CACHED.iter().map(|&name| name.to_owned()).collect();
    let frame = reader.with_columns(Some(wanted)).finish().ok()?;
    let mut rows = Rows::of(&frame)?;
    let mut samples = Vec::with_capacity(skeleton.samples.len());
    for sample in skeleton.samples {
        let mut disks = Vec::with_capacity(sample.disks.len());
        for DiskSkeleton(disk, edge_ios, kinds) in sample.disks {
            let mut histograms = IntervalSet::default();
            for kind in HistogramKind::ALL
                .into_iter()
                .filter(|kind| kinds >> kind.index() & 1 == 1)
            {
                histograms.insert(kind, rows.interval(kind)?);
            }
            disks.push(DiskSample {
                disk,
                histograms,
                edge_ios,
            });
        }
        let flag = |word: &String| SnapshotFlag::ALL.into_iter().find(|flag| flag.as_str() == word);
        samples.push(Sample {
            sequence: sample.sequence,
            taken_at: sample.taken_at,
            start_seconds: sample.start_seconds,
            seconds: sample.seconds,
            flags: sample.flags.iter().filter_map(flag).collect(),
            disks,
        });
    }
    Some(Loaded {
        series: Series {
            disks: skeleton.disks,
            samples,
        },
        findings: skeleton.findings,
    })
}

/// The cached columns, read from the first row to the last.
struct Rows {
    upper: Vec<Option<i64>>,
    count: Vec<Option<u64>>,
    values: Vec<Option<u64>>,
    whole: [Vec<Option<i64>>; 4],
    next: usize,
}

impl Rows {
    fn of(frame: &polars::prelude::DataFrame) -> Option<Self> {
        let signed = |name: &str| -> Option<Vec<Option<i64>>> {
            let column: &Int64Chunked = frame.column(name).ok()?.i64().ok()?;
            Some(column.iter().collect())
        };
        let unsigned = |name: &str| -> Option<Vec<Option<u64>>> {
            let column: &UInt64Chunked = frame.column(name).ok()?.u64().ok()?;
            Some(column.iter().collect())
        };
        Some(Self {
            upper: signed("upper")?,
            count: unsigned("count")?,
            values: unsigned("values")?,
            whole: [
                signed("sum_at_least")?,
                signed("sum_at_most")?,
                signed("at_least")?,
                signed("at_most")?,
            ],
            next: 0,
        })
    }

    /// The next histogram: the rows up to the one at which another begins.
    fn interval(&mut self, kind: HistogramKind) -> Option<Interval> {
        let first = self.next;
        let [sum_at_least, sum_at_most, at_least, at_most] = &self.whole;
        let mut interval = Interval::empty(Limits::known(kind.metric()));
        interval.count = (*self.values.get(first)?)?;
        interval.sum_at_least = (*sum_at_least.get(first)?)?.into();
        interval.sum_at_most = (*sum_at_most.get(first)?)?.into();
        interval.values_at_least = *at_least.get(first)?;
        interval.values_at_most = *at_most.get(first)?;
        loop {
            let upper = *self.upper.get(self.next)?;
            let limits = interval.limits.as_slice();
            let bucket = upper.map_or(limits.len(), |upper| limits.partition_point(|limit| *limit < upper));
            *interval.counts.get_mut(bucket)? = (*self.count.get(self.next)?)?;
            self.next += 1;
            if self.values.get(self.next).is_none_or(Option::is_some) {
                return Some(interval);
            }
        }
    }
}
