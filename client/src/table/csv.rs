//! A table as comma-separated values.

use std::borrow::Cow;
use std::path::Path;

use jiff::Timestamp;
use polars::prelude::{Column, CsvWriter, DataFrame, NamedFrom as _, PolarsResult, SerWriter as _, Series};

use super::TableError;
use super::column::{ColumnSpec, Table, Values};
use crate::store::write_whole;

/// What texts look like in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Texts {
    /// One that a spreadsheet would run as a formula gets an apostrophe before it.
    Harmless,
    /// As they are, for programs.
    Raw,
}

/// Writes a table with a header line.
///
/// # Errors
/// [`TableError`] when the file cannot be written; an older one is then still there.
pub(super) fn write(path: &Path, table: Table<'_>, texts: Texts) -> Result<(), TableError> {
    let failed = || TableError::frame(path);
    write_whole(path, |file| {
        let empty = table.columns.iter().map(|column| Values::none(column.kind)).collect();
        let header = frame(&table.columns, empty, texts).map_err(failed())?;
        let mut writer = CsvWriter::new(file).batched(header.schema()).map_err(failed())?;
        for values in table.batches {
            let frame = frame(&table.columns, values?, texts).map_err(failed())?;
            writer.write_batch(&frame).map_err(failed())?;
        }
        writer.finish().map_err(failed())
    })
}

fn frame(columns: &[ColumnSpec], values: Vec<Values<'_>>, texts: Texts) -> PolarsResult<DataFrame> {
    let columns = columns.iter().zip(values);
    let series = columns.map(|(column, values)| {
        let name = column.name.into();
        Column::from(match values {
            Values::Int32(values) => Series::new(name, values),
            Values::Int64(values) => Series::new(name, values),
            Values::OptionalInt64(values) => Series::new(name, values),
            Values::Float64(values) => Series::new(name, values),
            Values::OptionalFloat64(values) => Series::new(name, values),
            Values::Text(values) if texts == Texts::Raw => Series::new(name, values),
            Values::Text(values) => {
                let texts: Vec<Cow<'_, str>> = values.into_iter().map(harmless).collect();
                Series::new(name, texts)
            }
            Values::Timestamp(values) => Series::new(name, moments(&values)),
        })
    });
    DataFrame::new_infer_height(series.collect())
}

/// A text that a spreadsheet takes for text. What begins like a formula is run by it, whatever program wrote the file,
/// also behind blanks and in the full-width forms that Excel reads. [Source: OWASP, "CSV Injection".]
fn harmless(text: &str) -> Cow<'_, str> {
    let begins_so = |text: &str| text.starts_with(['=', '+', '-', '@', '\t', '\r', '＝', '＋', '－', '＠']);
    if begins_so(text) || begins_so(text.trim_start()) {
        Cow::Owned(format!("'{text}"))
    } else {
        Cow::Borrowed(text)
    }
}

/// Equal moments stand together, so that each is made into text once.
fn moments(values: &[Timestamp]) -> Vec<String> {
    let runs = values.chunk_by(|one, next| one == next);
    runs.flat_map(|run| {
        let text = run.first().map_or_else(String::new, Timestamp::to_string);
        std::iter::repeat_n(text, run.len())
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::harmless;

    #[test]
    fn texts_that_begin_like_a_formula_get_an_apostrophe() {
        for text in [
            "=cmd|'/C calc'!A0",
            "+1",
            "-1",
            "@SUM(A1)",
            "\t=1",
            "\r=1",
            " =1",
            "＝1",
        ] {
            assert_eq!(harmless(text), format!("'{text}"));
        }
    }

    #[test]
    fn other_texts_stay_as_they_are() {
        for text in ["scsi0:0", "", "SQL = fast", "8192"] {
            assert_eq!(harmless(text), text);
        }
    }
}
