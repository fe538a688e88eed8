//! How an input is written where it is not as vscsiStats prints it: told once each, at the first line that shows it.

use super::cells::Trace;
use super::diagnostic::{DiagnosticKind, Findings};
use crate::diagnostic::excerpt;
use crate::histogram::{HistogramKind, Summary};

/// How many shapes of text before the lines are told; more of them are no shapes but noise.
const MOST_SHAPES: usize = 8;

/// What was told already.
#[derive(Debug, Default)]
pub(super) struct Notes {
    traces: Vec<Trace>,
    /// Text that was left out before lines, with one digit for each number in it.
    shapes: Vec<Vec<u8>>,
    has_time: bool,
    has_other_node: bool,
    without_summary: [bool; HistogramKind::COUNT],
}

impl Notes {
    pub(super) fn trace(&mut self, line: u64, trace: Trace, findings: &mut Findings) {
        if !self.traces.contains(&trace) {
            self.traces.push(trace);
            findings.report(line, DiagnosticKind::Respelled(trace.words()));
        }
    }

    pub(super) fn stripped(&mut self, line: u64, text: &[u8], findings: &mut Findings) {
        let shape = shape(text);
        if self.shapes.len() < MOST_SHAPES && !self.shapes.contains(&shape) {
            self.shapes.push(shape);
            findings.report(line, DiagnosticKind::Stripped(excerpt(text.trim_ascii())));
        }
    }

    pub(super) fn time(&mut self, line: u64, text: &[u8], findings: &mut Findings) {
        if !std::mem::replace(&mut self.has_time, true) {
            findings.report(line, DiagnosticKind::TimeLine(excerpt(text.trim_ascii())));
        }
    }

    pub(super) fn other_node(&mut self, line: u64, finding: DiagnosticKind, findings: &mut Findings) {
        if !std::mem::replace(&mut self.has_other_node, true) {
            findings.report(line, finding);
        }
    }

    /// Text of this shape was left out before.
    pub(super) fn has_stripped(&self, text: &[u8]) -> bool {
        self.shapes.contains(&shape(text))
    }

    pub(super) fn summary(&mut self, line: u64, kind: HistogramKind, summary: Summary, findings: &mut Findings) {
        let lines = [
            ("min", summary.min.is_some()),
            ("max", summary.max.is_some()),
            ("mean", summary.mean.is_some()),
            ("count", summary.count.is_some()),
        ];
        let missing: Vec<&str> = lines
            .into_iter()
            .filter_map(|(name, is_there)| (!is_there).then_some(name))
            .collect();
        let Some((last, others)) = missing.split_last() else {
            return;
        };
        let told = self.without_summary.get_mut(kind.index());
        if told.is_some_and(|told| !std::mem::replace(told, true)) {
            let lines = if others.is_empty() {
                (*last).to_owned()
            } else {
                format!("{} and {last}", others.join(", "))
            };
            let title = kind.title();
            findings.report(line, DiagnosticKind::SummaryMissing { title, lines });
        }
    }
}

/// The text with one digit for each run of digits, and one blank for each run of blanks, so that two time stamps are
/// alike.
fn shape(text: &[u8]) -> Vec<u8> {
    let mut shape = Vec::with_capacity(text.len());
    for &byte in text.trim_ascii() {
        let class = match byte {
            b'0'..=b'9' => b'0',
            byte if byte.is_ascii_whitespace() => b' ',
            byte => byte,
        };
        if shape.last() != Some(&class) || !matches!(class, b'0' | b' ') {
            shape.push(class);
        }
    }
    shape
}
