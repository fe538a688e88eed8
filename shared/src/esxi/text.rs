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

/// The lines with their numbers, without their line ends.
pub(super) fn lines(text: &str) -> impl Iterator<Item = (u64, &str)> {
    (1..).zip(text.lines())
}

/// The first line that holds anything; what follows it is reported.
pub(super) fn only_line<'text>(text: &'text str, findings: &mut Findings) -> Option<(u64, &'text str)> {
    let mut filled = lines(text)
        .map(|(number, line)| (number, line.trim()))
        .filter(|(_, line)| !line.is_empty());
    let first = filled.next();
    for (number, line) in filled {
        findings.unexpected(number, line);
    }
    first
}
