//! A table as a JSON array with an object per row.

use std::io::Write as _;
use std::path::Path;

use serde::ser::{Serialize, SerializeMap as _, Serializer};

use super::TableError;
use super::column::{Cell, ColumnSpec, Table, Values};
use crate::failure::FileError;
use crate::store::write_whole;

/// Writes a table, one row a line.
///
/// # Errors
/// [`TableError`] when the file cannot be written; an older one is then still there.
pub(super) fn write(path: &Path, table: Table<'_>) -> Result<(), TableError> {
    let failed = || FileError::new("write", path);
    write_whole(path, |file| {
        let mut separator = "[\n";
        for values in table.batches {
            let values = values?;
            for index in 0..values.first().map_or(0, Values::len) {
                let row = Row {
                    columns: &table.columns,
                    values: &values,
                    index,
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

struct Row<'table> {
    columns: &'table [ColumnSpec],
    values: &'table [Values<'table>],
    index: usize,
}

impl Serialize for Row<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.columns.len()))?;
        for (column, values) in self.columns.iter().zip(self.values) {
            match values.cell(self.index) {
                Cell::Nothing => map.serialize_entry(column.name, &())?,
                Cell::Integer(value) => map.serialize_entry(column.name, &value)?,
                Cell::Number(value) => map.serialize_entry(column.name, &value)?,
                Cell::Text(value) => map.serialize_entry(column.name, value)?,
                Cell::Timestamp(value) => map.serialize_entry(column.name, &value)?,
            }
        }
        map.end()
    }
}
