//! Tables with a line of dashes below their column titles, as esxcli prints the other lists.

use super::diagnostic::Findings;
use super::record::{Field, Record};
use super::text::lines;

/// A column: its title and the characters it takes.
#[derive(Debug, Clone, Copy)]
struct Column<'text> {
    title: &'text str,
    start: usize,
    end: usize,
}

/// The rows. Cells are cut where the dashes are, because a cell may be empty or hold blanks.
///
/// A row whose cells do not stand below their dashes (an edited or re-typed output) is cut at its blanks instead, when
/// `loose` names the only column that may be empty or hold blanks; without one it is reported.
pub(super) fn read<'text>(text: &'text str, loose: Option<&str>, findings: &mut Findings) -> Vec<Record<'text>> {
    let mut columns: Vec<Column<'text>> = Vec::new();
    let mut records = Vec::new();
    // The line before, which the dashes turn into the column titles.
    let mut before: Option<(u64, &'text str)> = None;
    for (number, line) in lines(text).filter(|(_, line)| !line.trim().is_empty()) {
        if !columns.is_empty() {
            match aligned(line, &columns, loose).or_else(|| by_blanks(line, &columns, loose?)) {
                Some(cells) => records.push(record(number, &columns, &cells)),
                None => findings.unexpected(number, line),
            }
        } else if let Some((_, titles)) = before
            && is_dashes(line)
        {
            columns = cut_columns(titles, line);
        } else if let Some((number, line)) = before.replace((number, line)) {
            findings.unexpected(number, line);
        }
    }
    if let (true, Some((number, line))) = (columns.is_empty(), before) {
        findings.unexpected(number, line);
    }
    records
}

fn record<'text>(line: u64, columns: &[Column<'text>], cells: &[&'text str]) -> Record<'text> {
    let fields = columns.iter().zip(cells).map(|(column, &value)| Field {
        line,
        key: column.title,
        value,
    });
    Record {
        line,
        heading: "",
        fields: fields.collect(),
    }
}

fn is_dashes(line: &str) -> bool {
    line.contains("--") && line.chars().all(|character| character == '-' || character == ' ')
}

fn cut_columns<'text>(titles: &'text str, dashes: &str) -> Vec<Column<'text>> {
    let mut columns = Vec::new();
    let mut start = 0;
    for group in dashes.split(' ') {
        let end = start + group.len();
        if !group.is_empty() {
            let title = characters(titles, start, end).trim();
            columns.push(Column { title, start, end });
        }
        start = end + 1;
    }
    columns
}

/// The cells below the dashes; `None` when something stands between two columns.
fn aligned<'text>(line: &'text str, columns: &[Column<'_>], loose: Option<&str>) -> Option<Vec<&'text str>> {
    let mut from = 0;
    let mut cells = Vec::with_capacity(columns.len());
    for column in columns {
        if !characters(line, from, column.start).trim().is_empty() {
            return None;
        }
        let cell = characters(line, column.start, column.end).trim();
        // In a row that is shifted by less than a gap, one column would swallow pieces of two.
        if loose.is_some_and(|loose| loose != column.title) && cell.contains(' ') {
            return None;
        }
        cells.push(cell);
        from = column.end;
    }
    // Only the last column may be wider than its dashes promise, and then it is not cut.
    let last = columns.last()?;
    let last_cell = characters(line, last.start, usize::MAX).trim();
    if let Some(cell) = cells.last_mut() {
        *cell = last_cell;
    }
    Some(cells)
}

/// One word per column from both ends; what is left in the middle is the loose column's.
fn by_blanks<'text>(line: &'text str, columns: &[Column<'_>], loose: &str) -> Option<Vec<&'text str>> {
    let position = columns.iter().position(|column| column.title == loose)?;
    let mut middle = line.trim();
    let mut left = Vec::new();
    for _ in 0..position {
        let (word, rest) = middle.split_once(char::is_whitespace)?;
        left.push(word);
        middle = rest.trim_start();
    }
    let mut right = Vec::new();
    for _ in position + 1..columns.len() {
        if middle.is_empty() {
            return None;
        }
        let (rest, word) = middle.rsplit_once(char::is_whitespace).unwrap_or(("", middle));
        right.push(word);
        middle = rest.trim_end();
    }
    left.push(middle);
    left.extend(right.into_iter().rev());
    Some(left)
}

/// The characters `start..end` of a line, as far as it has them; names need not be ASCII.
fn characters(line: &str, start: usize, end: usize) -> &str {
    let mut offsets = line.char_indices().map(|(offset, _)| offset);
    let Some(from) = offsets.by_ref().nth(start) else {
        return "";
    };
    let to = match end.checked_sub(start + 1) {
        Some(more) => offsets.nth(more).unwrap_or(line.len()),
        None => from,
    };
    line.get(from..to).unwrap_or("")
}
