//! Blocks of indented `Key: value` lines, each below a heading at the first column, as esxcli prints many lists.

use super::diagnostic::Findings;
use super::record::{Field, Record};
use super::text::{Line, lines};

/// The blocks. A blank line ends one; `… get` commands print a single block without a heading.
pub(super) fn read<'text>(text: &'text str, findings: &mut Findings) -> Vec<Record<'text>> {
    let mut records: Vec<Record<'text>> = Vec::new();
    let mut open = false;
    for Line {
        number,
        text: line,
        ended,
    } in lines(text)
    {
        if line.trim().is_empty() {
            open = false;
        } else if !line.starts_with([' ', '\t']) {
            records.push(Record {
                line: number,
                heading: line.trim_end(),
                fields: Vec::new(),
            });
            open = true;
        } else if let Some((key, value)) = line.split_once(':') {
            if !open {
                records.push(Record {
                    line: number,
                    ..Record::default()
                });
                open = true;
            }
            if !ended {
                findings.cut_short(number, value);
            } else if let Some(record) = records.last_mut() {
                record.fields.push(Field {
                    line: number,
                    key: key.trim(),
                    value,
                });
            }
        } else {
            findings.unexpected(number, line);
        }
    }
    // A shell prompt or an error message stands at the first column and has no fields below it.
    records.retain(|record| {
        if record.fields.is_empty() {
            findings.unexpected(record.line, record.heading);
        }
        !record.fields.is_empty()
    });
    records
}
