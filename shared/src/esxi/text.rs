//! Bytes of a command as numbered lines of text.

use std::borrow::Cow;

use super::DiagnosticKind;
use super::diagnostic::Findings;
use crate::diagnostic::excerpt;

/// The output as text; what is not UTF-8 is replaced and reported, once per line.
pub(super) fn decode<'bytes>(bytes: &'bytes [u8], findings: &mut Findings) -> Cow<'bytes, str> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    if let Ok(text) = std::str::from_utf8(bytes) {
        return Cow::Borrowed(text);
    }
    for (number, line) in (1..).zip(bytes.split(|&byte| byte == b'\n')) {
        if std::str::from_utf8(line).is_err() {
            findings.report(number, DiagnosticKind::NotUtf8(excerpt(line)));
        }
    }
    String::from_utf8_lossy(bytes)
}

/// A line of an output.
#[derive(Debug, Clone, Copy)]
pub(super) struct Line<'text> {
    /// Its number, from 1.
    pub(super) number: u64,
    /// Its text, without its line end.
    pub(super) text: &'text str,
    /// It has a line end. One without is the last of an output that was cut: its last word may be the beginning of one.
    pub(super) ended: bool,
}

/// The lines with their numbers.
pub(super) fn lines(text: &str) -> impl Iterator<Item = Line<'_>> {
    (1..).zip(text.split_inclusive('\n')).map(|(number, line)| {
        let text = line.strip_suffix('\n');
        Line {
            number,
            text: text.map_or(line, |text| text.strip_suffix('\r').unwrap_or(text)),
            ended: text.is_some(),
        }
    })
}

/// The first line that holds anything; what follows it is reported.
pub(super) fn only_line<'text>(text: &'text str, findings: &mut Findings) -> Option<(u64, &'text str)> {
    let mut filled = lines(text)
        .map(|line| (line.number, line.text.trim()))
        .filter(|(_, line)| !line.is_empty());
    let first = filled.next();
    for (number, line) in filled {
        findings.unexpected(number, line);
    }
    first
}
