//! What a parser could not use, and where it stood.

use std::fmt;

/// A located, non-fatal finding of a parser. Texts taken from the input are shortened and free of control characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic<Kind> {
    /// Line of the input, counted from 1. A finding about a whole histogram or record names its first line.
    pub line: u64,
    /// What was found there.
    pub kind: Kind,
}

impl<Kind: fmt::Display> fmt::Display for Diagnostic<Kind> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "line {}: {}", self.line, self.kind)
    }
}

/// How many findings of one input are kept, so that a gigabyte of garbage does not become gigabytes of findings.
const KEPT: usize = 100;

/// The findings of one input while it is read: the first ones kept, the others counted.
#[derive(Debug)]
pub struct Findings<Kind> {
    kept: Vec<Diagnostic<Kind>>,
    further: u64,
    first_further_line: u64,
}

impl<Kind> Default for Findings<Kind> {
    fn default() -> Self {
        Self {
            kept: Vec::new(),
            further: 0,
            first_further_line: 0,
        }
    }
}

impl<Kind> Findings<Kind> {
    /// Keeps a finding, or counts it.
    pub fn report(&mut self, line: u64, kind: Kind) {
        if self.kept.len() < KEPT {
            self.kept.push(Diagnostic { line, kind });
        } else {
            if self.further == 0 {
                self.first_further_line = line;
            }
            self.further += 1;
        }
    }

    /// The findings in order of lines; the number of those not kept comes last, as the kind that `further` makes.
    pub fn finish(self, further: impl FnOnce(u64) -> Kind) -> Vec<Diagnostic<Kind>> {
        let mut diagnostics = self.kept;
        diagnostics.sort_by_key(|diagnostic| diagnostic.line);
        if self.further > 0 {
            diagnostics.push(Diagnostic {
                line: self.first_further_line,
                kind: further(self.further),
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
            findings.report(line, "strange".to_owned());
        }
        let diagnostics = findings.finish(|number| format!("{number} more"));
        assert_eq!(diagnostics.len(), 101);
        assert_eq!(
            diagnostics.last(),
            Some(&Diagnostic {
                line: 101,
                kind: "30 more".to_owned()
            })
        );
    }
}
