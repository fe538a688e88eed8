//! What the parsers of vscsiStats' output report.

use crate::diagnostic;

/// A finding of a parser of this module.
pub type Diagnostic = diagnostic::Diagnostic<DiagnosticKind>;

/// The findings of one input while it is read.
pub(super) type Findings = diagnostic::Findings<DiagnosticKind>;

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
    /// More rows than any histogram can have, and the histogram is left out.
    #[error("histogram `{0}` has too many buckets and is left out")]
    TooManyBuckets(&'static str),
    /// A number does not fit 64 bits or is not a number.
    #[error("`{0}` is not a number that fits 64 bits")]
    BadNumber(String),
    /// A name or path that is not UTF-8; it cannot be given back to the host as it stands.
    #[error("`{0}` is not UTF-8; the offending bytes were replaced")]
    NotUtf8(String),
    /// The input is not text a vscsiStats prints: no histogram was found at all.
    #[error("no vscsiStats histogram was found")]
    NothingFound,
    /// More findings followed; they were counted and not kept.
    #[error("{0} further findings were not kept")]
    Further(u64),
}
