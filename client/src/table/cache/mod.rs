//! The cache of a job's samples: two Parquet files that spare the next run the parsing of the snapshots.
//!
//! `analysis/histograms.parquet` is the tidy table of all samples with the index of each bucket. Its key-value metadata
//! holds everything but the histograms, and the names, sizes and dates of the snapshot files it was made from; it is
//! used only while those are as they were. `analysis/intervals.parquet` has a row per histogram, with the numbers that
//! belong to it as a whole; its metadata names the table it belongs to.

mod intervals;
mod skeleton;

use std::fs::File;
use std::path::{Path, PathBuf};

use polars::prelude::{
    Column, DataFrame, KeyValueMetadata, NamedFrom, ParquetReader, ParquetWriter, PolarsResult, Schema, SerReader,
    Series as PolarsSeries, UInt32Chunked, UInt64Chunked,
};
use rayon::prelude::*;
use sha2::{Digest as _, Sha256};
use vscsi_shared::histogram::{Interval, IntervalSet, Limits};

pub(crate) use skeleton::CacheKey;

use super::TableError;
use super::rows::{self, BATCH, Names};
use crate::analysis::load::Loaded;
use crate::analysis::{Finding, Sample, Series};
use crate::failure::FileError;
use crate::sha256::hexadecimal;
use crate::store::write_whole;
use intervals::Intervals;
use skeleton::{SampleSkeleton, Skeleton};

/// The key of our entry in the metadata of both files.
const METADATA: &str = "vscsi-helper";

/// Where the cache of a job is.
struct Files {
    histograms: PathBuf,
    intervals: PathBuf,
}

impl Files {
    fn of(folder: &Path) -> Self {
        Self {
            histograms: folder.join("histograms.parquet"),
            intervals: folder.join("intervals.parquet"),
        }
    }
}

/// Writes the cache of a job into its folder `analysis`. `false` when its histograms have limits that no known
/// vscsiStats prints, or sums beyond 64 bits; such a job is read from its snapshots each time.
///
/// # Errors
/// [`TableError`] when a file cannot be written.
pub(crate) fn write_cache(folder: &Path, loaded: &Loaded, key: CacheKey) -> Result<bool, TableError> {
    let samples: Vec<&Sample> = loaded.series.samples.iter().collect();
    if !rows::intervals(&samples).all(|(_, _, kind, interval)| intervals::can_hold(kind, interval)) {
        return Ok(false);
    }
    let files = Files::of(folder);
    let skeleton = serde_json::to_string(&Skeleton::of(loaded, key))
        .map_err(|error| FileError::new("write", &files.histograms)(error.into()))?;
    write_parquet(&files.intervals, digest(&skeleton), &samples, intervals::frame)?;
    let names = Names::new();
    write_parquet(&files.histograms, skeleton, &samples, |samples| {
        let mut frame = rows::frame(&loaded.series, samples, &names)?;
        frame.hstack_mut(&[bucket_column(samples)])?;
        Ok(frame)
    })?;
    Ok(true)
}

/// The index of each row's bucket.
fn bucket_column(samples: &[&Sample]) -> Column {
    let index = |(index, _): (usize, _)| u32::try_from(index).unwrap_or(u32::MAX);
    let buckets: Vec<u32> = rows::intervals(samples)
        .flat_map(|(_, _, _, interval)| rows::buckets(interval).map(index))
        .collect();
    Column::from(PolarsSeries::new("bucket".into(), buckets))
}

/// Writes samples piece by piece, with `text` as our entry in the metadata.
fn write_parquet(
    path: &Path,
    text: String,
    samples: &[&Sample],
    frame: impl Fn(&[&Sample]) -> PolarsResult<DataFrame>,
) -> Result<(), TableError> {
    let failed = || TableError::frame(path);
    write_whole(path, |file| {
        let schema: Schema = frame(&[]).map_err(failed())?.schema().as_ref().clone();
        let metadata = KeyValueMetadata::from_static(vec![(METADATA.to_owned(), text)]);
        let mut writer = ParquetWriter::new(file)
            .with_key_value_metadata(Some(metadata))
            .batched(&schema)
            .map_err(failed())?;
        for batch in samples.chunks(BATCH) {
            writer.write_batch(&frame(batch).map_err(failed())?).map_err(failed())?;
        }
        writer.finish().map_err(failed()).map(drop)
    })
}

/// There is a cache of exactly these files.
pub(crate) fn is_cached(folder: &Path, key: &CacheKey) -> bool {
    open(&Files::of(folder), key).is_some()
}

/// A Parquet file of ours with the text of our entry in its metadata.
fn open_parquet(path: &Path) -> Option<(ParquetReader<File>, String)> {
    let mut reader = ParquetReader::new(File::open(path).ok()?);
    let metadata = reader.get_metadata().ok()?.key_value_metadata().as_ref()?;
    let entry = metadata.iter().find(|entry| entry.key == METADATA)?;
    let text = entry.value.clone()?;
    Some((reader, text))
}

struct Opened {
    skeleton: Skeleton,
    histograms: ParquetReader<File>,
    intervals: ParquetReader<File>,
}

fn open(files: &Files, key: &CacheKey) -> Option<Opened> {
    let (histograms, text) = open_parquet(&files.histograms)?;
    let skeleton: Skeleton = serde_json::from_str(&text).ok()?;
    let (intervals, table) = open_parquet(&files.intervals)?;
    (skeleton.fits(key) && table == digest(&text)).then_some(Opened {
        skeleton,
        histograms,
        intervals,
    })
}

/// What `intervals.parquet` calls the table whose metadata is `skeleton`.
fn digest(skeleton: &str) -> String {
    hexadecimal(&Sha256::digest(skeleton))
}

/// The samples of a job and its findings from its cache; `None` when there is none, or it was made from other files, or
/// cannot be read: the snapshots are the truth and are read then.
pub(crate) fn read_cache(folder: &Path, key: &CacheKey) -> Option<(Series, Vec<Finding>)> {
    let opened = open(&Files::of(folder), key)?;
    let (buckets, intervals) = rayon::join(
        || Buckets::of(&read(opened.histograms, &["bucket", "count"])?),
        || Intervals::of(&read(opened.intervals, &intervals::COLUMNS)?),
    );
    let (buckets, intervals) = (buckets?, intervals?);
    let skeleton = opened.skeleton;
    let mut place = Place::default();
    let mut places = Vec::with_capacity(skeleton.samples.len());
    for sample in &skeleton.samples {
        places.push(place);
        place = intervals.after(place, sample.histograms())?;
    }
    let samples = skeleton.samples.into_par_iter().zip(places);
    let samples = samples
        .map(|(sample, place)| sample_at(place, sample, &buckets, &intervals))
        .collect::<Option<_>>()?;
    let series = Series {
        disks: skeleton.disks,
        samples,
    };
    Some((series, skeleton.findings))
}

fn read(reader: ParquetReader<File>, columns: &[&str]) -> Option<DataFrame> {
    let columns = columns.iter().map(|&name| name.to_owned()).collect();
    reader.with_columns(Some(columns)).finish().ok()
}

/// Where a histogram begins: its row in the table of intervals, and its first row in the tidy table.
#[derive(Debug, Clone, Copy, Default)]
struct Place {
    interval: usize,
    bucket: usize,
}

/// The columns of the tidy table that the cache is read from.
struct Buckets {
    bucket: UInt32Chunked,
    count: UInt64Chunked,
}

impl Buckets {
    fn of(frame: &DataFrame) -> Option<Self> {
        Some(Self {
            bucket: frame.column("bucket").ok()?.u32().ok()?.rechunk().into_owned(),
            count: frame.column("count").ok()?.u64().ok()?.rechunk().into_owned(),
        })
    }

    /// The counters of a histogram from its rows.
    fn fill(&self, counts: &mut [u64], first: usize, end: usize) -> Option<()> {
        let buckets = self.bucket.cont_slice().ok()?.get(first..end)?;
        let values = self.count.cont_slice().ok()?.get(first..end)?;
        for (&bucket, &value) in buckets.iter().zip(values) {
            *counts.get_mut(usize::try_from(bucket).ok()?)? = value;
        }
        Some(())
    }
}

/// The sample whose first histogram is at `place`.
fn sample_at(mut place: Place, skeleton: SampleSkeleton, buckets: &Buckets, intervals: &Intervals) -> Option<Sample> {
    let mut disks = Vec::with_capacity(skeleton.disks.len());
    for disk in &skeleton.disks {
        let mut histograms = IntervalSet::default();
        for kind in disk.kinds() {
            let next = intervals.after(place, 1)?;
            let mut interval = Interval::empty(Limits::known(kind.metric()));
            intervals.fill(&mut interval, place.interval)?;
            buckets.fill(&mut interval.counts, place.bucket, next.bucket)?;
            histograms.insert(kind, interval);
            place = next;
        }
        disks.push(disk.with(histograms));
    }
    Some(skeleton.with(disks))
}
