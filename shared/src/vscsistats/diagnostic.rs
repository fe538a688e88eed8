//! What a parser could not use, and where it stood.

use std::fmt;

/// A located, non-fatal finding of a parser.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// Line of the input, counted from 1. A finding about a whole histogram names the line of its title.
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

impl fmt::Display for Diagnostic {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "line {}: {}", self.line, self.kind)
    }
}

/// How many findings of one input are kept, so that a gigabyte of garbage does not become gigabytes of findings.
const KEPT: usize = 100;

/// The findings of one input: the first ones kept, the others counted.
#[derive(Debug, Default)]
pub(super) struct Findings {
    kept: Vec<Diagnostic>,
    further: u64,
    first_further_line: u64,
}

impl Findings {
    pub(super) fn report(&mut self, line: u64, kind: DiagnosticKind) {
        if self.kept.len() < KEPT {
            self.kept.push(Diagnostic { line, kind });
        } else {
            if self.further == 0 {
                self.first_further_line = line;
            }
            self.further += 1;
        }
    }

    /// The findings in order of lines, the number of those not kept last.
    pub(super) fn finish(self) -> Vec<Diagnostic> {
        let mut diagnostics = self.kept;
        diagnostics.sort_by_key(|diagnostic| diagnostic.line);
        if self.further > 0 {
            diagnostics.push(Diagnostic {
                line: self.first_further_line,
                kind: DiagnosticKind::Further(self.further),
            });
        }
        diagnostics
    }
}

/// A piece of the input fit for a message: at most 80 characters, control characters escaped.
pub(crate) fn excerpt(bytes: &[u8]) -> String {
    const LENGTH: usize = 80;
    // Four bytes hold any character, so this many bytes are enough and a long line is not decoded in full.
    let start = bytes.get(..LENGTH * 4).unwrap_or(bytes);
    let text = String::from_utf8_lossy(start);
    let mut excerpt = String::with_capacity(LENGTH);
    for character in text.chars().take(LENGTH) {
        if character.is_control() {
            excerpt.extend(character.escape_default());
        } else {
            excerpt.push(character);
        }
    }
    if text.chars().nth(LENGTH).is_some() {
        excerpt.push('…');
    }
    excerpt
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_excerpt_is_short_and_holds_no_control_character() {
        let text = excerpt(format!("\u{1b}[31mred\0{}", "x".repeat(1000)).as_bytes());
        assert!(text.chars().all(|character| !character.is_control()), "{text:?}");
        assert!(text.starts_with("\\u{1b}[31mred\\u{0}xxx"), "{text:?}");
        assert!(text.ends_with("x…"), "{text:?}");
    }

    #[test]
    fn findings_beyond_the_limit_are_counted() {
        let mut findings = Findings::default();
        for line in 1..=130 {
            findings.report(line, DiagnosticKind::NothingFound);
        }
        let diagnostics = findings.finish();
        assert_eq!(diagnostics.len(), 101);
        assert_eq!(
            diagnostics.last(),
            Some(&Diagnostic {
                line: 101,
                kind: DiagnosticKind::Further(30)
            })
        );
    }
}
