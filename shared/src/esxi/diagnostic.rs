//! What the parsers of companion commands report.

use crate::diagnostic::{self, excerpt};

/// A finding of a parser of this module.
pub type Diagnostic = diagnostic::Diagnostic<DiagnosticKind>;

/// The findings of one output while it is read.
pub(super) type Findings = diagnostic::Findings<DiagnosticKind>;

/// The kinds of findings. Texts taken from the input are shortened and free of control characters.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DiagnosticKind {
    /// The line belongs to nothing the parser knows.
    #[error("unexpected line `{0}`")]
    Unexpected(String),
    /// A record lacks what makes it one, and is left out.
    #[error("an entry without `{0}` is left out")]
    Missing(&'static str),
    /// A value is not what its key promises, and counts as absent.
    #[error("`{value}` is not a value of `{key}`")]
    BadValue {
        /// Its key or column.
        key: &'static str,
        /// The value.
        value: String,
    },
    /// The output ends without a line end, so it was cut, and its last value counts as absent.
    #[error("the output breaks off, and `{0}` may be the beginning of something longer")]
    CutShort(String),
    /// Bytes that are not UTF-8; they were replaced, so a name or path with them is not that of the host.
    #[error("text that is not UTF-8 was replaced in `{0}`")]
    NotUtf8(String),
    /// More findings followed; they were counted and not kept.
    #[error("{0} further findings were not kept")]
    Further(u64),
}

impl Findings {
    pub(super) fn unexpected(&mut self, line: u64, text: &str) {
        self.report(line, DiagnosticKind::Unexpected(excerpt(text.as_bytes())));
    }

    pub(super) fn bad_value(&mut self, line: u64, key: &'static str, value: &str) {
        let value = excerpt(value.as_bytes());
        self.report(line, DiagnosticKind::BadValue { key, value });
    }

    pub(super) fn cut_short(&mut self, line: u64, value: &str) {
        self.report(line, DiagnosticKind::CutShort(excerpt(value.trim().as_bytes())));
    }

    /// Puts what was read beside the findings.
    pub(super) fn with<T>(self, value: T) -> super::Reading<T> {
        super::Reading {
            value,
            diagnostics: self.finish(DiagnosticKind::Further),
        }
    }
}
