//! Parquet files that every reader opens and filters: plain UTF-8 text, signed integers, UTC timestamps, and unit and
//! meaning of each column in its metadata.
//!
//! The data frame library's own writer makes strings into views, which pyarrow before 15 cannot read and later ones
//! cannot filter; Spark, Athena and Trino have no unsigned integers. So the arrays are made here, and only their
//! encoding is the library's.

use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;
use polars::error::PolarsResult;
use polars_arrow::array::{Array, Float64Array, Int32Array, Int64Array, Utf8Array};
use polars_arrow::datatypes::{ArrowDataType, ArrowSchema, Field, TimeUnit};
use polars_arrow::record_batch::RecordBatchT;
use polars_parquet::write::{
    CompressionOptions, FileWriter, KeyValue, StatisticsOptions, Version, WriteOptions, get_dtype_encoding,
    row_group_iter, schema_to_metadata_key,
};

use super::TableError;
use super::column::{ColumnSpec, Kind, Table, Values};
use crate::store::write_whole;

/// What readers are told that a column is.
fn declared(kind: Kind) -> ArrowDataType {
    match kind {
        Kind::Int32 => ArrowDataType::Int32,
        Kind::Int64 | Kind::OptionalInt64 => ArrowDataType::Int64,
        Kind::Float64 | Kind::OptionalFloat64 => ArrowDataType::Float64,
        Kind::Text => ArrowDataType::Utf8,
        Kind::Timestamp => ArrowDataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
    }
}

/// What it is written from: text only from 64-bit offsets. In the file both are the same bytes.
fn written(kind: Kind) -> ArrowDataType {
    match kind {
        Kind::Text => ArrowDataType::LargeUtf8,
        other => declared(other),
    }
}

fn schema(columns: &[ColumnSpec], data_type: fn(Kind) -> ArrowDataType) -> ArrowSchema {
    let fields = columns.iter().map(|column| field(column, data_type(column.kind)));
    fields.map(|field| (field.name.clone(), field)).collect()
}

fn field(column: &ColumnSpec, data_type: ArrowDataType) -> Field {
    let metadata = [("unit", column.unit), ("meaning", column.meaning)];
    let told = metadata.into_iter().filter(|(_, text)| !text.is_empty());
    let metadata = told.map(|(key, text)| (key.into(), text.into())).collect();
    let optional = matches!(column.kind, Kind::OptionalInt64 | Kind::OptionalFloat64);
    Field::new(column.name.into(), data_type, optional).with_metadata(metadata)
}

fn array(values: Values<'_>) -> Box<dyn Array> {
    match values {
        Values::Int32(values) => Int32Array::from_vec(values).boxed(),
        Values::Int64(values) => Int64Array::from_vec(values).boxed(),
        Values::OptionalInt64(values) => Int64Array::from(values).boxed(),
        Values::Float64(values) => Float64Array::from_vec(values).boxed(),
        Values::OptionalFloat64(values) => Float64Array::from(values).boxed(),
        Values::Text(values) => Utf8Array::<i64>::from_slice(values).boxed(),
        Values::Timestamp(values) => {
            let microseconds = values.into_iter().map(Timestamp::as_microsecond).collect();
            Int64Array::from_vec(microseconds).to(written(Kind::Timestamp)).boxed()
        }
    }
}

/// Writes a file, each batch as a row group. `entry` is a key of ours and its text in the metadata of the file.
///
/// # Errors
/// [`TableError`] when the file cannot be written; an older one is then still there.
pub(super) fn write(path: &Path, table: Table<'_>, entry: Option<(&str, String)>) -> Result<(), TableError> {
    let schema_of = |data_type| schema(&table.columns, data_type);
    let (schema, declared) = (schema_of(written), schema_of(declared));
    let failed = || TableError::frame(path);
    write_whole(path, |file| {
        let mut writer = FileWriter::try_new(file, schema.clone(), options()).map_err(failed())?;
        for columns in table.batches {
            write_batch(&mut writer, &schema, columns?).map_err(failed())?;
        }
        let own = entry.map(|(key, text)| KeyValue::new(key.to_owned(), text));
        let metadata = [schema_to_metadata_key(&declared)].into_iter().chain(own).collect();
        writer.end(Some(metadata)).map_err(failed())?;
        Ok(())
    })
}

fn options() -> WriteOptions {
    WriteOptions {
        statistics: StatisticsOptions::default(),
        version: Version::V1,
        compression: CompressionOptions::Zstd(None),
        data_page_size: None,
    }
}

fn write_batch(
    writer: &mut FileWriter<impl Write>,
    schema: &ArrowSchema,
    columns: Vec<Values<'_>>,
) -> PolarsResult<()> {
    let arrays: Vec<Box<dyn Array>> = columns.into_iter().map(array).collect();
    let rows = arrays.first().map_or(0, |array| array.len());
    if rows == 0 {
        return Ok(());
    }
    let batch = RecordBatchT::try_new(rows, Arc::new(schema.clone()), arrays)?;
    let encodings = schema
        .iter_values()
        .map(|field| get_dtype_encoding(&field.dtype))
        .collect();
    let fields = writer.parquet_schema().fields().to_vec();
    let group = row_group_iter(batch, encodings, fields, options());
    writer.write(u64::try_from(rows).unwrap_or(u64::MAX), group)
}
