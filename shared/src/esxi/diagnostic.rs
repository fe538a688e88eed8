//! What a parser of this module could not use, and where it stood.

use std::fmt;

use crate::vscsistats::excerpt;

/// A located, non-fatal finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// Line of the output, counted from 1. A finding about a whole record names the record's first line.
    pub line: u64,
    /// What was found there.
    pub kind: DiagnosticKind,
}

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
    #[error("`{value}` is no value for `{key}`")]
    BadValue {
        /// Its key or column.
        key: &'static str,
        /// The value.
        value: String,
    },
    /// Bytes that are not UTF-8; they were replaced, so a name or path with them is not that of the host.
    #[error("text that is not UTF-8 was replaced in `{0}`")]
    NotUtf8(String),
    /// More findings followed; they were counted and not kept.
    #[error("{0} further findings were not kept")]
    Further(u64),
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "line {}: {}", self.line, self.kind)
    }
}

/// How many findings of one output are kept.
const KEPT: usize = 100;

/// The findings of one output while it is read.
#[derive(Debug, Default)]
pub(super) struct Findings {
    kept: Vec<Diagnostic>,
    further: Option<Diagnostic>,
}

impl Findings {
    pub(super) fn report(&mut self, line: u64, kind: DiagnosticKind) {
        if self.kept.len() < KEPT {
            self.kept.push(Diagnostic { line, kind });
            return;
        }
        match &mut self.further {
            Some(Diagnostic {
                kind: DiagnosticKind::Further(number),
                ..
            }) => *number += 1,
            further => {
                *further = Some(Diagnostic {
                    line,
                    kind: DiagnosticKind::Further(1),
                });
            }
        }
    }

    pub(super) fn unexpected(&mut self, line: u64, text: &str) {
        self.report(line, DiagnosticKind::Unexpected(excerpt(text.as_bytes())));
    }

    pub(super) fn bad_value(&mut self, line: u64, key: &'static str, value: &str) {
        let value = excerpt(value.as_bytes());
        self.report(line, DiagnosticKind::BadValue { key, value });
    }

    /// Puts what was read beside the findings.
    pub(super) fn with<T>(mut self, value: T) -> super::Reading<T> {
        self.kept.sort_by_key(|diagnostic| diagnostic.line);
        self.kept.extend(self.further);
        super::Reading {
            value,
            diagnostics: self.kept,
        }
    }
}
