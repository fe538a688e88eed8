//! A table as an Excel workbook of one sheet.

use std::path::Path;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use rust_xlsxwriter::{DocProperties, Format, Workbook, Worksheet, XlsxError};

use super::TableError;
use super::column::{Cell, ColumnSpec, Kind, Table, Values};
use crate::store::write_whole;

/// Rows of a sheet, its header included: a limit of the format.
const ROWS_AT_MOST: u32 = 1_048_576;

/// Widths of columns, characters: of a moment, the smallest and largest of a number, in which its header is wrapped, and
/// the largest of a text.
const MOMENT_WIDTH: f64 = 19.0;
const NUMBER_WIDTH: f64 = 9.0;
const LARGEST_NUMBER_WIDTH: f64 = 17.0;
const LARGEST_TEXT_WIDTH: f64 = 40.0;
/// Beside a header there is the button of its filter.
const BUTTON_WIDTH: f64 = 3.0;

/// Before a text there is some room.
const INDENT_WIDTH: f64 = 2.0;

/// Points of three lines, which the longest header is wrapped to. Not every program finds that out by itself.
const HEADER_HEIGHT: f64 = 45.0;

/// Characters across a sheet of paper that lies on its long side, half as large as usual: as small as people still read.
const PAGE_WIDTH: f64 = 260.0;
const MOST_PAGES: u16 = 9;

/// How headers and cells look.
struct Looks {
    header: Format,
    moment: Format,
    text: Format,
}

/// Writes a table: a header with the units that stays in sight and has filters, moments as dates in UTC, numbers as
/// numbers, and texts as texts, never as formulas. Only a row is in memory at a time. `made_at` is the date of the workbook,
/// so that it does not tell when it was exported.
///
/// # Errors
/// [`TableError`] when the table has more rows than a sheet, or the file cannot be written; an older one is then still
/// there.
pub(super) fn write(path: &Path, table: Table<'_>, made_at: Timestamp) -> Result<(), TableError> {
    write_sheet(path, table, made_at, ROWS_AT_MOST)
}

fn write_sheet(path: &Path, table: Table<'_>, made_at: Timestamp, rows_at_most: u32) -> Result<(), TableError> {
    let failed = |error| TableError::workbook(path, error);
    let looks = Looks {
        header: Format::new().set_bold().set_text_wrap(),
        moment: Format::new().set_num_format("yyyy-mm-dd hh:mm:ss"),
        // Away from the number that ends at its left.
        text: Format::new().set_indent(1),
    };
    let mut workbook = Workbook::new();
    let made_at = made_at.to_zoned(TimeZone::UTC).datetime();
    workbook.set_properties(&DocProperties::new().set_creation_datetime(&made_at));
    let sheet = workbook.add_worksheet_with_low_memory().map_err(failed)?;
    let mut widths = write_header(sheet, &table.columns, &looks).map_err(failed)?;
    let columns = u16::try_from(table.columns.len()).unwrap_or(u16::MAX);
    let mut line = 1;
    for values in table.batches {
        let values = values?;
        for row in 0..values.first().map_or(0, Values::len) {
            if line == rows_at_most {
                return Err(TableError::TooManyRows {
                    path: path.to_owned(),
                    rows: rows_at_most - 1,
                });
            }
            for ((column, values), width) in (0..).zip(&values).zip(&mut widths) {
                let cell = values.cell(row);
                if let Cell::Text(text) = cell {
                    *width = width.max((text.chars().count() as f64 + INDENT_WIDTH).min(LARGEST_TEXT_WIDTH));
                }
                write_cell(sheet, line, column, cell, &looks).map_err(failed)?;
            }
            line += 1;
        }
    }
    sheet
        .autofilter(0, 0, line - 1, columns.saturating_sub(1))
        .map_err(failed)?;
    lay_out(sheet, &table.columns, &widths).map_err(failed)?;
    write_whole(path, |file| workbook.save_to_writer(file).map_err(failed))
}

/// Gives the widths that the columns need for their headers.
fn write_header(sheet: &mut Worksheet, columns: &[ColumnSpec], looks: &Looks) -> Result<Vec<f64>, XlsxError> {
    sheet.set_freeze_panes(1, 0)?.set_row_height(0, HEADER_HEIGHT)?;
    let mut widths = Vec::with_capacity(columns.len());
    for (index, column) in (0..).zip(columns) {
        let header = match column.unit {
            "" => column.name.to_owned(),
            unit => format!("{} ({unit})", column.name),
        };
        let of_header = header.chars().count() as f64 + BUTTON_WIDTH;
        widths.push(match column.kind {
            Kind::Timestamp => MOMENT_WIDTH,
            Kind::Text => of_header,
            _ => of_header.clamp(NUMBER_WIDTH, LARGEST_NUMBER_WIDTH),
        });
        sheet.write_string_with_format(0, index, header, &looks.header)?;
    }
    Ok(widths)
}

/// Lays the sheet out for the screen and for paper. Every page that is printed has the header above, and at its left what
/// tells one row from the next: the columns from the first that is no text, as job and host are, to the last text. A table
/// is as many pages wide as it has to be to stay legible.
fn lay_out(sheet: &mut Worksheet, columns: &[ColumnSpec], widths: &[f64]) -> Result<(), XlsxError> {
    for (index, width) in (0..).zip(widths) {
        sheet.set_column_width(index, *width)?;
    }
    let is_text = |column: &ColumnSpec| column.kind == Kind::Text;
    let first = columns.iter().position(|column| !is_text(column)).unwrap_or(0);
    let behind = columns.iter().rposition(is_text).map_or(0, |last| last + 1);
    let repeated: f64 = widths.get(first..behind).unwrap_or_default().iter().sum();
    let others = widths.iter().sum::<f64>() - repeated;
    let pages = (1..MOST_PAGES).find(|pages| others <= f64::from(*pages) * (PAGE_WIDTH - repeated));
    if let (Ok(first), Ok(behind @ 1..)) = (u16::try_from(first), u16::try_from(behind)) {
        sheet.set_repeat_columns(first, behind - 1)?;
    }
    sheet
        .set_repeat_rows(0, 0)?
        .set_landscape()
        .set_margins(0.4, 0.4, 0.5, 0.5, 0.2, 0.2)
        .set_page_order(true)
        .set_print_fit_to_pages(pages.unwrap_or(MOST_PAGES), 0)
        .set_footer("&L&F&RPage &P of &N");
    Ok(())
}

fn write_cell(sheet: &mut Worksheet, line: u32, column: u16, cell: Cell<'_>, looks: &Looks) -> Result<(), XlsxError> {
    match cell {
        Cell::Nothing => {}
        // A workbook has one kind of number, so the last digits of integers beyond 2^53 are lost.
        Cell::Integer(value) => {
            sheet.write_number(line, column, value as f64)?;
        }
        Cell::Number(value) => {
            sheet.write_number(line, column, value)?;
        }
        Cell::Text(value) => {
            sheet.write_string_with_format(line, column, value, &looks.text)?;
        }
        Cell::Timestamp(value) => write_moment(sheet, line, column, value, looks)?,
    }
    Ok(())
}

/// A date where a workbook can hold it, which is from 1900 on, else its text.
fn write_moment(
    sheet: &mut Worksheet,
    line: u32,
    column: u16,
    moment: Timestamp,
    looks: &Looks,
) -> Result<(), XlsxError> {
    let there = moment.to_zoned(TimeZone::UTC).datetime();
    if (1900..=9999).contains(&there.year()) {
        sheet.write_datetime_with_format(line, column, there, &looks.moment)?;
    } else {
        sheet.write_string(line, column, moment.to_string())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(rows: i32) -> Table<'static> {
        Table {
            columns: vec![ColumnSpec::new("sample", Kind::Int32, "", "")],
            batches: Box::new(std::iter::once(Ok(vec![Values::Int32((0..rows).collect())]))),
        }
    }

    #[test]
    fn a_table_of_more_rows_than_a_sheet_is_refused_and_the_older_file_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("table.xlsx");
        // A header and three rows.
        write_sheet(&path, table(3), Timestamp::UNIX_EPOCH, 4).unwrap();
        let before = std::fs::read(&path).unwrap();
        let error = write_sheet(&path, table(4), Timestamp::UNIX_EPOCH, 4).unwrap_err();
        assert!(matches!(error, TableError::TooManyRows { rows: 3, .. }), "{error}");
        assert_eq!(std::fs::read(&path).unwrap(), before);
    }

    #[test]
    fn a_moment_that_no_workbook_holds_is_a_text() {
        let folder = tempfile::tempdir().unwrap();
        let moment: Timestamp = "1601-01-01T00:00:00Z".parse().unwrap();
        let table = Table {
            columns: vec![ColumnSpec::new("taken_at", Kind::Timestamp, "UTC", "")],
            batches: Box::new(std::iter::once(Ok(vec![Values::Timestamp(vec![moment])]))),
        };
        write(&folder.path().join("table.xlsx"), table, moment).unwrap();
    }
}
