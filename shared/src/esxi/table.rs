//! Tables with a line of dashes below their column titles, as esxcli prints the other lists.

use std::ops::Range;

use super::diagnostic::Findings;
use super::record::{Field, Record};
use super::text::{Line, lines};

/// No list of esxcli has more columns. A line of more groups of dashes is no table, and its rows would take long.
const MOST_COLUMNS: usize = 64;

/// What separates two cells, at the least. A cell holds no such gap, though it may hold single blanks.
const GAP: &str = "  ";

/// A column: its title and the characters that its dashes take.
#[derive(Debug)]
struct Column<'text> {
    title: &'text str,
    span: Range<usize>,
}

/// The rows. Any cell may be empty or hold blanks.
///
/// Cells are cut where the dashes are; a cell wider than its dashes moves those behind it. A row that does not stand
/// below its dashes (an edited or re-typed output) is cut at its gaps, when that gives one cell for each column. Any
/// other row is reported.
pub(super) fn read<'text>(text: &'text str, findings: &mut Findings) -> Vec<Record<'text>> {
    let mut columns: Vec<Column<'text>> = Vec::new();
    let mut records = Vec::new();
    // The line before, which the dashes turn into the column titles.
    let mut before: Option<Line<'text>> = None;
    for line in lines(text).filter(|line| !line.text.trim().is_empty()) {
        if !columns.is_empty() {
            match cells(line.text, &columns) {
                Some(cells) => records.push(record(line, &columns, &cells, findings)),
                None => findings.unexpected(line.number, line.text),
            }
            continue;
        }
        let titles = before.replace(line);
        if let Some(titles) = titles {
            columns = columns_of(titles.text, line.text);
            if columns.is_empty() {
                findings.unexpected(titles.number, titles.text);
            }
        }
    }
    if let (true, Some(line)) = (columns.is_empty(), before) {
        findings.unexpected(line.number, line.text);
    }
    records
}

fn record<'text>(
    line: Line<'text>,
    columns: &[Column<'text>],
    cells: &[&'text str],
    findings: &mut Findings,
) -> Record<'text> {
    let mut fields: Vec<Field<'text>> = columns
        .iter()
        .zip(cells)
        .map(|(column, cell)| Field {
            line: line.number,
            key: column.title,
            value: cell,
        })
        .collect();
    if !line.ended
        && let Some(last) = fields.iter_mut().rfind(|field| !field.value.is_empty())
    {
        findings.cut_short(line.number, last.value);
        last.value = "";
    }
    Record {
        line: line.number,
        heading: "",
        fields,
    }
}

/// The columns that a line of dashes makes of the line above it; none when it is no such line.
fn columns_of<'text>(titles: &'text str, dashes: &str) -> Vec<Column<'text>> {
    let is_dashes = dashes.contains("--") && dashes.bytes().all(|byte| matches!(byte, b'-' | b' '));
    if !is_dashes || dashes.split_ascii_whitespace().count() > MOST_COLUMNS {
        return Vec::new();
    }
    let titles = Characters::of(titles);
    let mut columns = Vec::new();
    let mut start = 0;
    for group in dashes.split(' ') {
        let span = start..start + group.len();
        start = span.end + 1;
        if !group.is_empty() {
            let title = titles.slice(span.clone()).trim();
            columns.push(Column { title, span });
        }
    }
    columns
}

/// One cell for each column; `None` when the row cannot be cut into them.
fn cells<'text>(line: &'text str, columns: &[Column<'_>]) -> Option<Vec<&'text str>> {
    let below_dashes = below_dashes(line, columns);
    if below_dashes.iter().flatten().all(|cell| !cell.contains(GAP)) && below_dashes.is_some() {
        return below_dashes;
    }
    let between_gaps: Vec<&str> = line
        .split(GAP)
        .map(str::trim)
        .filter(|cell| !cell.is_empty())
        .take(columns.len() + 1)
        .collect();
    match between_gaps.len().cmp(&columns.len()) {
        std::cmp::Ordering::Equal => Some(between_gaps),
        // A name that holds a gap of its own.
        std::cmp::Ordering::Greater => below_dashes,
        std::cmp::Ordering::Less => None,
    }
}

/// The cells below the dashes. A cell wider than its dashes ends at a gap, and moves the cells behind it.
fn below_dashes<'text>(line: &'text str, columns: &[Column<'_>]) -> Option<Vec<&'text str>> {
    let line = Characters::of(line);
    let mut cells = Vec::with_capacity(columns.len());
    let mut moved = 0;
    for (column, next) in columns.iter().zip(columns.iter().skip(1)) {
        let start = column.span.start + moved;
        let end = column.span.end + moved;
        if line.slice(end..next.span.start + moved).trim().is_empty() {
            cells.push(line.slice(start..end).trim());
            continue;
        }
        // Text in the gap belongs to this cell only when it comes out of it.
        if line.slice(end.checked_sub(1)?..end).trim().is_empty() {
            return None;
        }
        let (cell, _) = line.slice(start..usize::MAX).split_once(GAP)?;
        cells.push(cell.trim());
        moved += cell.chars().count().checked_sub(column.span.len())?;
    }
    let last = columns.last()?;
    cells.push(line.slice(last.span.start + moved..usize::MAX).trim());
    Some(cells)
}

/// A line by characters; names need not be ASCII.
struct Characters<'text> {
    line: &'text str,
    /// Where each character begins, and the end.
    offsets: Vec<usize>,
}

impl<'text> Characters<'text> {
    fn of(line: &'text str) -> Self {
        let offsets = line.char_indices().map(|(offset, _)| offset).chain([line.len()]);
        Self {
            line,
            offsets: offsets.collect(),
        }
    }

    /// The characters of `range`, as far as the line has them.
    fn slice(&self, range: Range<usize>) -> &'text str {
        let offset = |character: usize| self.offsets.get(character).copied().unwrap_or(self.line.len());
        self.line
            .get(offset(range.start)..offset(range.end))
            .unwrap_or_default()
    }
}
