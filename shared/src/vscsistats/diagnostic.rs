//! What a parser could not use, and where it stood.

use std::fmt;

/// A located, non-fatal finding of a parser.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// Line of the input, counted from 1.
    pub line: u64,
    /// What was found there.
    pub kind: DiagnosticKind,
}

/// The kinds of findings. Texts taken from the input are shortened and free of control characters.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DiagnosticKind {
    /// The line belongs to nothing the parser knows.
    #[error("unexpected line `{0}`")]
    UnexpectedLine(String),
    /// A histogram with a title of none of the sixteen kinds.
    #[error("unknown histogram `{0}`")]
    UnknownTitle(String),
    /// A histogram ended before it was complete, and is left out.
    #[error("histogram `{0}` is incomplete and left out")]
    Incomplete(&'static str),
    /// The limits differ from those of every known capture; they are used as they stand.
    #[error("histogram `{0}` has bucket limits that no known vscsiStats prints")]
    UnknownLimits(&'static str),
    /// The last limit is not printed twice, so the overflow bucket is missing, and the histogram is left out.
    #[error("histogram `{0}` has no overflow bucket and is left out")]
    NoOverflow(&'static str),
    /// The limits do not grow, and the histogram is left out.
    #[error("histogram `{0}` has bucket limits that do not grow and is left out")]
    LimitsNotIncreasing(&'static str),
    /// A number does not fit 64 bits or is not a number.
    #[error("`{0}` is not a number that fits 64 bits")]
    BadNumber(String),
    /// The input is not text a vscsiStats prints: no histogram was found at all.
    #[error("no vscsiStats histogram was found")]
    NothingFound,
    /// More findings followed; they were counted and not kept.
    #[error("{0} further findings were not kept")]
    Further(u64),
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "line {}: {}", self.line, self.kind)
    }
}
