//! A job's samples as a table for other programs.

use std::path::Path;

use jiff::Timestamp;

use super::column::{ColumnSpec, Kind, Table, Values};
use super::csv::{self, Texts};
use super::rows::Names;
use super::{TableError, by_sample, json, parquet, tidy, xlsx};
use crate::analysis::{Analysis, Sample, Series};

/// Samples per batch: a table of a large job is made and written piece by piece.
pub(super) const BATCH: usize = 256;

/// The forms a table can be exported in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// Comma-separated values with a header line.
    Csv,
    /// Apache Parquet.
    Parquet,
    /// A JSON array with one object per row.
    Json,
    /// An Excel workbook.
    Xlsx,
}

impl Format {
    /// The ending of its files.
    pub(crate) fn extension(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Parquet => "parquet",
            Self::Json => "json",
            Self::Xlsx => "xlsx",
        }
    }
}

/// What a row of an exported table is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub(crate) enum Contents {
    /// A bucket of a histogram that holds I/Os.
    #[default]
    Buckets,
    /// A sample, disk and operation, with rates, percentiles and their bounds.
    Samples,
}

/// What tells the rows of one job from those of another when files are read together.
const SOURCE: [ColumnSpec; 3] = [
    ColumnSpec::new("job", Kind::Text, "", "name of the job"),
    ColumnSpec::new("host", Kind::Text, "", "ESXi host the job was collected on"),
    ColumnSpec::new("vm", Kind::Text, "", "display name of the virtual machine"),
];

/// Writes the kept samples of an analysis. Each row names job, host and VM first, except in the tidy table as text,
/// where they would be most of its bytes.
///
/// # Errors
/// [`TableError`] when the file cannot be written; an older one is then still there.
pub(crate) fn export(
    path: &Path,
    analysis: &Analysis,
    contents: Contents,
    format: Format,
    texts: Texts,
) -> Result<(), TableError> {
    let names = Names::new();
    // The same job makes the same file, whenever that is.
    let made_at = analysis
        .series
        .samples
        .last()
        .map_or(Timestamp::UNIX_EPOCH, |last| last.taken_at);
    let kept = kept(&analysis.series, &analysis.kept);
    let table = match contents {
        Contents::Buckets => buckets(&analysis.series, &kept, &names),
        Contents::Samples => samples(analysis, &kept),
    };
    let named = contents == Contents::Samples || matches!(format, Format::Parquet | Format::Xlsx);
    let table = if named { with_source(table, analysis) } else { table };
    match format {
        Format::Csv => csv::write(path, table, texts),
        Format::Parquet => parquet::write(path, table, None),
        Format::Json => json::write(path, table),
        Format::Xlsx => xlsx::write(path, table, made_at),
    }
}

/// The samples of a series for which `kept` is true.
fn kept<'series>(series: &'series Series, kept: &[bool]) -> Vec<&'series Sample> {
    let samples = series.samples.iter().zip(kept);
    samples.filter(|(_, kept)| **kept).map(|(sample, _)| sample).collect()
}

/// The tidy table of some samples.
pub(super) fn buckets<'data>(series: &'data Series, samples: &'data [&Sample], names: &'data Names) -> Table<'data> {
    let batches = samples.chunks(BATCH);
    Table {
        columns: tidy::COLUMNS.to_vec(),
        batches: Box::new(batches.map(|batch| tidy::values(series, batch, names))),
    }
}

fn samples<'data>(analysis: &'data Analysis, samples: &'data [&Sample]) -> Table<'data> {
    let gap = analysis.options.sequential_gap;
    let batches = samples.chunks(BATCH);
    Table {
        columns: by_sample::columns(),
        batches: Box::new(batches.map(move |batch| by_sample::values(&analysis.series, batch, gap))),
    }
}

fn with_source<'data>(table: Table<'data>, analysis: &'data Analysis) -> Table<'data> {
    let source = &analysis.workload.provenance;
    let batches = table.batches.map(move |values| {
        let values = values?;
        let rows = values.first().map_or(0, Values::len);
        let source = [&source.job, &source.host, &source.vm_name];
        let named = source.map(|text| Values::repeated(text, rows));
        Ok(named.into_iter().chain(values).collect())
    });
    Table {
        columns: SOURCE.into_iter().chain(table.columns).collect(),
        batches: Box::new(batches),
    }
}
