//! Lines that a spreadsheet saved again, made plain.

use std::borrow::Cow;

use memchr::memchr;

/// What stands between two cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Separator {
    /// As vscsiStats prints it.
    #[default]
    Comma,
    /// Of spreadsheets in countries whose decimal point is a comma.
    Semicolon,
    /// Of "text" as spreadsheets save it.
    Tab,
}

impl Separator {
    /// Every separator, the most usual first.
    pub(super) const ALL: [Self; 3] = [Self::Comma, Self::Semicolon, Self::Tab];

    fn byte(self) -> u8 {
        match self {
            Self::Comma => b',',
            Self::Semicolon => b';',
            Self::Tab => b'\t',
        }
    }
}

/// Something in a line that vscsiStats does not print, and that does not touch its numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trace {
    /// Cells between semicolons.
    Semicolons,
    /// Cells between tabs.
    Tabs,
    /// Cells in quotation marks.
    Quotes,
    /// Empty cells at an end of the line.
    EmptyCells,
    /// No-break spaces for blanks.
    NoBreakSpaces,
    /// UTF-16 that no byte order mark announces.
    UnmarkedUtf16,
}

impl Trace {
    /// What is said about it.
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Semicolons => "cells stand between semicolons",
            Self::Tabs => "cells stand between tabs",
            Self::Quotes => "cells stand in quotation marks",
            Self::EmptyCells => "lines end in empty cells",
            Self::NoBreakSpaces => "no-break spaces stand for blanks",
            Self::UnmarkedUtf16 => "it is UTF-16 without a byte order mark",
        }
    }
}

/// A line as vscsiStats would have printed it, and what was found on the way there.
#[derive(Debug)]
pub(super) struct Plain {
    pub(super) line: Vec<u8>,
    pub(super) traces: Vec<Trace>,
}

/// Takes the cells of `line` out of their quotes and paddings, and puts commas between them. `None` when the line is
/// that already, or when its quotes do not close.
pub(super) fn plain(line: &[u8], separator: Separator) -> Option<Plain> {
    let mut traces = Vec::new();
    let spaced = without_no_break_spaces(line);
    if spaced.is_some() {
        traces.push(Trace::NoBreakSpaces);
    }
    let mut cells: Vec<Cow<'_, [u8]>> = Vec::new();
    let mut rest = Some(spaced.as_deref().unwrap_or(line));
    while let Some(text) = rest {
        let cell = Cell::at_start_of(text, separator)?;
        if cell.is_quoted && !traces.contains(&Trace::Quotes) {
            traces.push(Trace::Quotes);
        }
        cells.push(cell.text);
        rest = cell.after;
    }
    let first = cells.iter().position(|cell| !cell.is_empty())?;
    let last = cells.iter().rposition(|cell| !cell.is_empty())?;
    let filled = cells.get(first..=last)?;
    if filled.len() < cells.len() {
        traces.push(Trace::EmptyCells);
    }
    match separator {
        Separator::Semicolon if filled.len() > 1 => traces.push(Trace::Semicolons),
        Separator::Tab if filled.len() > 1 => traces.push(Trace::Tabs),
        _ => {}
    }
    let line_in_cells = filled.join(&b',');
    (line_in_cells != line).then_some(Plain {
        line: line_in_cells,
        traces,
    })
}

/// The line with blanks for its no-break spaces, in UTF-8 or in Latin-1; `None` when it has none.
fn without_no_break_spaces(line: &[u8]) -> Option<Vec<u8>> {
    memchr(0xa0, line)?;
    let mut spaced = Vec::with_capacity(line.len());
    for &byte in line {
        if byte == 0xa0 {
            spaced.pop_if(|before| *before == 0xc2);
            spaced.push(b' ');
        } else {
            spaced.push(byte);
        }
    }
    Some(spaced)
}

/// A cell, and what follows its separator.
#[derive(Debug)]
struct Cell<'line> {
    text: Cow<'line, [u8]>,
    is_quoted: bool,
    after: Option<&'line [u8]>,
}

impl<'line> Cell<'line> {
    fn at_start_of(text: &'line [u8], separator: Separator) -> Option<Self> {
        let separator = separator.byte();
        let begin = text
            .iter()
            .position(|&byte| byte == separator || !byte.is_ascii_whitespace());
        let begin = text.get(begin.unwrap_or(text.len())..)?;
        let Some(quoted) = begin.strip_prefix(b"\"") else {
            let (cell, after) = match memchr(separator, begin) {
                Some(end) => (begin.get(..end)?, begin.get(end + 1..)),
                None => (begin, None),
            };
            return Some(Self {
                text: Cow::Borrowed(cell.trim_ascii()),
                is_quoted: false,
                after,
            });
        };
        let mut cell = Vec::new();
        let mut rest = quoted;
        loop {
            let (piece, after) = rest.split_at_checked(memchr(b'"', rest)?)?;
            cell.extend_from_slice(piece);
            rest = after.get(1..)?;
            // A quotation mark in a cell is written twice.
            let Some(more) = rest.strip_prefix(b"\"") else { break };
            cell.push(b'"');
            rest = more;
        }
        let blanks = rest.iter().take_while(|&&byte| byte == b' ').count();
        let after = match rest.get(blanks..)?.split_first() {
            None => None,
            Some((&first, after)) if first == separator => Some(after),
            Some(_) => return None,
        };
        Some(Self {
            text: Cow::Owned(cell.trim_ascii().to_vec()),
            is_quoted: true,
            after,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str, separator: Separator) -> Option<(String, Vec<Trace>)> {
        let plain = plain(line.as_bytes(), separator)?;
        Some((String::from_utf8(plain.line).unwrap(), plain.traces))
    }

    #[test]
    fn a_line_that_is_plain_already_is_left_alone() {
        for line in [
            "42,512",
            "min,-7",
            "min : 512",
            "92               (<=                 512)",
            "",
        ] {
            assert_eq!(read(line, Separator::Comma), None, "{line}");
        }
    }

    #[test]
    fn empty_cells_quotes_and_other_separators_are_taken_away() {
        use Separator::{Comma, Semicolon, Tab};
        use Trace::{EmptyCells, NoBreakSpaces, Quotes, Semicolons, Tabs};
        for (line, separator, expected, traces) in [
            ("min,512,,,", Comma, "min,512", &[EmptyCells][..]),
            ("42;512;;;", Semicolon, "42,512", &[EmptyCells, Semicolons]),
            ("42\t512", Tab, "42,512", &[Tabs]),
            ("\"42\",\"512\"", Comma, "42,512", &[Quotes]),
            ("\"42\"\t\"512\"", Tab, "42,512", &[Quotes, Tabs]),
            ("\"42,512\"", Comma, "42,512", &[Quotes]),
            ("\"42,512\";;", Semicolon, "42,512", &[Quotes, EmptyCells]),
            (" 42 ; 512 ", Semicolon, "42,512", &[Semicolons]),
            ("\"a \"\"b\"\"\",c", Comma, "a \"b\",c", &[Quotes]),
            ("42,512\u{a0}", Comma, "42,512", &[NoBreakSpaces]),
            ("min\u{a0}: 512", Comma, "min : 512", &[NoBreakSpaces]),
        ] {
            assert_eq!(
                read(line, separator),
                Some((expected.to_owned(), traces.to_vec())),
                "{line}"
            );
        }
    }

    #[test]
    fn a_no_break_space_of_latin_1_is_a_blank_too() {
        assert_eq!(plain(b"42,512\xa0", Separator::Comma).unwrap().line, b"42,512");
    }

    #[test]
    fn quotes_that_do_not_close_or_are_followed_by_text_are_not_read() {
        for line in ["\"42,512", "\"42\"x,512", "42,\"512"] {
            assert_eq!(read(line, Separator::Comma), None, "{line}");
        }
    }
}
