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

use polars::prelude::{DataFrame, Int32Chunked, Int64Chunked, ParquetReader, SerReader};
use rayon::prelude::*;
use sha2::{Digest as _, Sha256};
use vscsi_shared::histogram::{Interval, IntervalSet, Limits};

pub(crate) use skeleton::CacheKey;

use super::column::{ColumnSpec, Kind, Table, Values, signed};
use super::export::{self, BATCH};
use super::rows::{self, Names};
use super::{TableError, parquet};
use crate::analysis::load::Loaded;
use crate::analysis::{Finding, Sample, Series};
use crate::failure::FileError;
use crate::sha256::hexadecimal;
use crate::visible;
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
    let own = |text| Some((METADATA, text));
    let table = Table {
        columns: intervals::COLUMNS.to_vec(),
        batches: Box::new(samples.chunks(BATCH).map(intervals::values)),
    };
    parquet::write(&files.intervals, table, own(digest(&skeleton)))?;
    let names = Names::new();
    let mut table = export::buckets(&loaded.series, &samples, &names);
    table.columns.push(BUCKET);
    let batches = table.batches.zip(samples.chunks(BATCH)).map(|(values, batch)| {
        let mut values = values?;
        values.push(Values::Int32(signed(bucket_indices(batch))?));
        Ok(values)
    });
    table.batches = Box::new(batches);
    parquet::write(&files.histograms, table, own(skeleton))?;
    Ok(true)
}

/// The one column that the cache has beside those of the tidy table.
const BUCKET: ColumnSpec = ColumnSpec::new("bucket", Kind::Int32, "", "index of the bucket, from 0");

/// The index of each row's bucket.
fn bucket_indices<'samples>(samples: &'samples [&Sample]) -> impl Iterator<Item = usize> + 'samples {
    rows::intervals(samples).flat_map(|(_, _, _, interval)| rows::buckets(interval).map(|(index, ..)| index))
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
    let skeleton: Skeleton = serde_json::from_str(&visible::json_of_lines(&text)).ok()?;
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
        || Intervals::of(&read(opened.intervals, &intervals::COLUMNS.map(|column| column.name))?),
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
    bucket: Int32Chunked,
    count: Int64Chunked,
}

impl Buckets {
    fn of(frame: &DataFrame) -> Option<Self> {
        Some(Self {
            bucket: frame.column("bucket").ok()?.i32().ok()?.rechunk().into_owned(),
            count: frame.column("count").ok()?.i64().ok()?.rechunk().into_owned(),
        })
    }

    /// The counters of a histogram from its rows.
    fn fill(&self, counts: &mut [u64], first: usize, end: usize) -> Option<()> {
        let buckets = self.bucket.cont_slice().ok()?.get(first..end)?;
        let values = self.count.cont_slice().ok()?.get(first..end)?;
        for (&bucket, &value) in buckets.iter().zip(values) {
            *counts.get_mut(usize::try_from(bucket).ok()?)? = value.try_into().ok()?;
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
