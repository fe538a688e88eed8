//! What the parsers of vscsiStats' output report.

use crate::diagnostic;
use crate::identifier::HandleId;

/// A finding of a parser of this module.
pub type Diagnostic = diagnostic::Diagnostic<DiagnosticKind>;

/// The findings of one input while it is read.
pub type Findings = diagnostic::Findings<DiagnosticKind>;

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
    /// The limits are some of those that every known vscsiStats prints and not all, so rows were lost, and the histogram
    /// is left out.
    #[error("histogram `{0}` lacks rows and is left out")]
    RowsMissing(&'static str),
    /// The limits do not grow, and the histogram is left out.
    #[error("histogram `{0}` has bucket limits that do not grow and is left out")]
    LimitsNotIncreasing(&'static str),
    /// More rows than any histogram can have, and the histogram is left out.
    #[error("histogram `{0}` has too many buckets and is left out")]
    TooManyBuckets(&'static str),
    /// Titles of one disk in one print name different nodes; the first is used.
    #[error("handle {handle} is `{first}` in the titles before and `{other}` in this one; the first name is used")]
    OtherNode {
        /// The handle.
        handle: HandleId,
        /// The node of the first title.
        first: String,
        /// The node of this one.
        other: String,
    },
    /// Lines above the rows are missing; the buckets are used.
    #[error("histogram `{title}` is printed without {lines}; its buckets are used")]
    SummaryMissing {
        /// The histogram.
        title: &'static str,
        /// Which of `min`, `max`, `mean` and `count`.
        lines: String,
    },
    /// The input passed through a program that wrote it in another way; told once.
    #[error("it was saved again by another program: {0}; the numbers are read all the same")]
    Respelled(&'static str),
    /// Text before what vscsiStats prints, such as a time stamp or a prompt; told once for each shape of it.
    #[error("`{0}` before the text of vscsiStats is left out, here and wherever the like stands")]
    Stripped(String),
    /// A line between prints that tells the time and nothing else; told once.
    #[error("`{0}` and other times between the prints are taken for the moments of the prints")]
    TimeLine(String),
    /// A minimum, maximum or mean that a spreadsheet rounded; it is used as the range that its digits leave.
    #[error("`{0}` was rounded, as spreadsheets do; what it may have been is used")]
    Rounded(String),
    /// A count that a spreadsheet rounded, and the histogram is left out.
    #[error("`{0}` was rounded, as spreadsheets do, and a count has to be exact")]
    RoundedCount(String),
    /// A traced command of another type, which is left out.
    #[error("a command `{0}` neither reads nor writes, and is left out")]
    OtherCommand(String),
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

impl DiagnosticKind {
    /// Some of the input could not be used, so that numbers may be missing. The others say how it was read.
    pub fn is_loss(&self) -> bool {
        match self {
            Self::UnexpectedLine(_)
            | Self::UnknownTitle(_)
            | Self::Incomplete(_)
            | Self::NoOverflow(_)
            | Self::RowsMissing(_)
            | Self::LimitsNotIncreasing(_)
            | Self::TooManyBuckets(_)
            | Self::RoundedCount(_)
            | Self::BadNumber(_)
            | Self::NothingFound
            | Self::Further(_) => true,
            Self::UnknownLimits(_)
            | Self::OtherNode { .. }
            | Self::SummaryMissing { .. }
            | Self::Respelled(_)
            | Self::Stripped(_)
            | Self::TimeLine(_)
            | Self::Rounded(_)
            | Self::OtherCommand(_)
            | Self::NotUtf8(_) => false,
        }
    }
}
