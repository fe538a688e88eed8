//! `esxcli --formatter=csv`: column names without blanks, a comma behind the last cell of every line, and cells that
//! hold a list quoted.

use std::borrow::Cow;

use super::diagnostic::Findings;
use super::record::{Field, Record};
use super::text::lines;

/// The first line names columns the way this formatter does.
pub(super) fn is_csv(text: &str) -> bool {
    let first = text.lines().next().unwrap_or_default().trim_end();
    let names = first.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b',');
    names && first.contains(',')
}

/// The rows below the column names. A row with another number of cells is reported.
pub(super) fn read<'text>(text: &'text str, findings: &mut Findings) -> Vec<Record<'text>> {
    let mut lines = lines(text).filter(|(_, line)| !line.trim().is_empty());
    let Some((_, titles)) = lines.next() else {
        return Vec::new();
    };
    let titles: Vec<&'text str> = titles.trim_end().trim_end_matches(',').split(',').collect();
    let mut records = Vec::new();
    for (number, line) in lines {
        let cells = cells(line);
        if cells.len() != titles.len() {
            findings.unexpected(number, line);
            continue;
        }
        let fields = titles.iter().zip(cells).map(|(&key, value)| Field {
            line: number,
            key,
            value,
        });
        records.push(Record {
            line: number,
            heading: "",
            fields: fields.collect(),
        });
    }
    records
}

/// The cells of a line; a doubled quote inside quotes is one quote.
fn cells(line: &str) -> Vec<Cow<'_, str>> {
    let mut cells = Vec::new();
    let mut rest = line.trim_end_matches(['\r', '\n']);
    while !rest.is_empty() {
        let (cell, after) = if let Some(quoted) = rest.strip_prefix('"') {
            quoted_cell(quoted)
        } else {
            let (cell, after) = rest.split_once(',').unwrap_or((rest, ""));
            (Cow::Borrowed(cell), after)
        };
        cells.push(cell);
        rest = after;
    }
    cells
}

fn quoted_cell(text: &str) -> (Cow<'_, str>, &str) {
    let mut from = 0;
    while let Some(at) = text.get(from..).and_then(|rest| rest.find('"')) {
        let quote = from + at;
        let after = text.get(quote + 1..).unwrap_or_default();
        if after.starts_with('"') {
            from = quote + 2;
            continue;
        }
        let cell = text.get(..quote).unwrap_or_default();
        return (unquoted(cell), after.strip_prefix(',').unwrap_or(after));
    }
    (unquoted(text), "")
}

fn unquoted(cell: &str) -> Cow<'_, str> {
    if cell.contains('"') {
        Cow::Owned(cell.replace("\"\"", "\""))
    } else {
        Cow::Borrowed(cell)
    }
}
