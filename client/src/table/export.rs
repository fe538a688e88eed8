//! The tidy table as CSV, Parquet and JSON.

use std::io::Write as _;
use std::path::Path;

use polars::prelude::{CsvWriter, ParquetWriter, SerWriter};
use serde::Serialize;

use super::TableError;
use super::rows::{self, BATCH, Names};
use crate::analysis::{Sample, Series};
use crate::failure::FileError;
use crate::store::write_whole;

/// The forms a table can be exported in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// Comma-separated values with a header line.
    Csv,
    /// Apache Parquet.
    Parquet,
    /// A JSON array with one object per row.
    Json,
}

/// The samples of a series for which `kept` is true.
fn selected<'series>(series: &'series Series, kept: &[bool]) -> Vec<&'series Sample> {
    let samples = series.samples.iter().zip(kept);
    samples.filter(|(_, kept)| **kept).map(|(sample, _)| sample).collect()
}

/// Writes the kept samples as CSV.
///
/// # Errors
/// [`TableError`] when the file cannot be written; an older one is then still there.
pub(crate) fn write_csv(path: &Path, series: &Series, kept: &[bool]) -> Result<(), TableError> {
    write_whole(path, |file| {
        let samples = selected(series, kept);
        let names = Names::new();
        let schema = rows::frame(series, &[], &names)
            .map_err(TableError::frame(path))?
            .schema()
            .clone();
        let mut writer = CsvWriter::new(file).batched(&schema).map_err(TableError::frame(path))?;
        for batch in samples.chunks(BATCH) {
            let frame = rows::frame(series, batch, &names).map_err(TableError::frame(path))?;
            writer.write_batch(&frame).map_err(TableError::frame(path))?;
        }
        writer.finish().map_err(TableError::frame(path))
    })
}

/// Writes the kept samples as Parquet.
///
/// # Errors
/// [`TableError`] when the file cannot be written; an older one is then still there.
pub(crate) fn write_parquet(path: &Path, series: &Series, kept: &[bool]) -> Result<(), TableError> {
    write_whole(path, |file| {
        let samples = selected(series, kept);
        let names = Names::new();
        let frame = |samples: &[&Sample]| rows::frame(series, samples, &names).map_err(TableError::frame(path));
        let schema = frame(&[])?.schema().clone();
        let mut writer = ParquetWriter::new(file)
            .batched(&schema)
            .map_err(TableError::frame(path))?;
        for batch in samples.chunks(BATCH) {
            writer.write_batch(&frame(batch)?).map_err(TableError::frame(path))?;
        }
        writer.finish().map_err(TableError::frame(path)).map(drop)
    })
}

/// A row of the table as JSON.
#[derive(Debug, Serialize)]
struct Row<'series> {
    sample: u32,
    taken_at: jiff::Timestamp,
    start_seconds: f64,
    seconds: f64,
    disk: &'series str,
    metric: vscsi_shared::histogram::Metric,
    operation: vscsi_shared::histogram::Operation,
    lower: Option<i64>,
    upper: Option<i64>,
    count: u64,
}

/// Writes the kept samples as a JSON array, one row of the table per line.
///
/// # Errors
/// [`TableError`] when the file cannot be written; an older one is then still there.
pub(crate) fn write_json(path: &Path, series: &Series, kept: &[bool]) -> Result<(), TableError> {
    let failed = || FileError::new("write", path);
    write_whole(path, |file| {
        let mut separator = "[\n";
        for (sample, disk, kind, interval) in rows::intervals(&selected(series, kept)) {
            for (_, bucket) in rows::buckets(interval) {
                let row = Row {
                    sample: sample.sequence,
                    taken_at: sample.taken_at,
                    start_seconds: sample.start_seconds,
                    seconds: sample.seconds,
                    disk: series.disks.get(disk).map_or("", |key| key.0.as_str()),
                    metric: kind.metric(),
                    operation: kind.operation(),
                    lower: bucket.above,
                    upper: bucket.up_to,
                    count: bucket.count,
                };
                file.write_all(separator.as_bytes()).map_err(failed())?;
                serde_json::to_writer(&mut *file, &row).map_err(|error| failed()(error.into()))?;
                separator = ",\n";
            }
        }
        let end: &[u8] = if separator == ",\n" { b"\n]\n" } else { b"[]\n" };
        Ok(file.write_all(end).map_err(failed())?)
    })
}
