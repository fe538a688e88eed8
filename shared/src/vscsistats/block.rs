//! A histogram while its lines come in, and the rules for when it is complete.

use super::DiagnosticKind;
use super::body::{Edge, Field, Row};
use super::header::Form;
use crate::histogram::{Histogram, HistogramKind, InvalidHistogram, Limits, Summary};

/// Far above the 34 buckets of the largest known histogram, and low enough that no input fills the memory.
const MOST_BUCKETS: usize = 1024;

/// An open histogram.
#[derive(Debug)]
pub(super) struct Block {
    kind: HistogramKind,
    form: Form,
    /// Line of the title.
    pub(super) line: u64,
    min: Option<i64>,
    max: Option<i64>,
    mean: Option<i64>,
    count: Option<u64>,
    limits: Vec<i64>,
    counts: Vec<u64>,
}

/// What a line did to the block.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// It goes on.
    Open,
    /// The overflow row came: the block has all its rows.
    AllRows,
    /// The line does not belong here.
    Unexpected,
    /// The block cannot become a histogram.
    Broken(DiagnosticKind),
}

impl Block {
    pub(super) fn new(kind: HistogramKind, form: Form, line: u64) -> Self {
        Self {
            kind,
            form,
            line,
            min: None,
            max: None,
            mean: None,
            count: None,
            limits: Vec::new(),
            counts: Vec::new(),
        }
    }

    pub(super) fn kind(&self) -> HistogramKind {
        self.kind
    }

    /// The next line should be the first row of a CSV histogram.
    pub(super) fn expects_csv_rows(&self) -> bool {
        self.form == Form::Csv && self.limits.is_empty() && self.summary().is_some()
    }

    /// The summary lines come once each, and before the rows.
    pub(super) fn field(&mut self, field: Field) -> Progress {
        let was_there = match field {
            Field::Min(value) => self.min.replace(value).is_some(),
            Field::Max(value) => self.max.replace(value).is_some(),
            Field::Mean(value) => self.mean.replace(value).is_some(),
            Field::Count(value) => self.count.replace(value).is_some(),
        };
        if was_there || !self.limits.is_empty() {
            Progress::Unexpected
        } else {
            Progress::Open
        }
    }

    /// Takes a row. In CSV the overflow bucket is the row that repeats the limit before it; plain text marks it.
    pub(super) fn row(&mut self, row: Row) -> Progress {
        let last = self.limits.last().copied();
        let overflow = match (self.form, row.edge) {
            (Form::Csv, Edge::Bare) => last == Some(row.limit),
            (Form::Text, Edge::UpTo) => false,
            (Form::Text, Edge::Above) if last == Some(row.limit) => true,
            (Form::Text, Edge::Above) => return Progress::Broken(DiagnosticKind::NoOverflow(self.kind.title())),
            (Form::Csv, _) | (Form::Text, Edge::Bare) => return Progress::Unexpected,
        };
        if overflow {
            self.counts.push(row.count);
            return Progress::AllRows;
        }
        if last.is_some_and(|last| row.limit <= last) {
            return Progress::Broken(DiagnosticKind::LimitsNotIncreasing(self.kind.title()));
        }
        if self.limits.len() == MOST_BUCKETS {
            return Progress::Broken(DiagnosticKind::TooManyBuckets(self.kind.title()));
        }
        self.limits.push(row.limit);
        self.counts.push(row.count);
        Progress::Open
    }

    /// Turns a block with all its rows into a histogram.
    ///
    /// `cut_short` says that the last row has no line end. A CSV row such as `7,10` cut to `7,1` then looks like the
    /// overflow of a row `3,1` before it, so only the known limits are believed.
    pub(super) fn close(self, cut_short: bool) -> Result<Histogram, DiagnosticKind> {
        let title = self.kind.title();
        let summary = self.summary().ok_or(DiagnosticKind::Incomplete(title))?;
        let limits = Limits::from_input(self.kind.metric(), &self.limits).map_err(|error| match error {
            InvalidHistogram::TooFewBuckets | InvalidHistogram::BucketCount { .. } => DiagnosticKind::Incomplete(title),
            InvalidHistogram::LimitsNotIncreasing => DiagnosticKind::LimitsNotIncreasing(title),
        })?;
        if self.form == Form::Csv && !limits.is_known() {
            if cut_short {
                return Err(DiagnosticKind::Incomplete(title));
            }
            // The beginning of the known limits with one of them printed twice is damage and not a new version.
            if self.breaks_off() {
                return Err(DiagnosticKind::LimitsNotIncreasing(title));
            }
        }
        Histogram::new(limits, self.counts, summary).map_err(|_| DiagnosticKind::Incomplete(title))
    }

    /// Turns rows that were read as a whole over the known limits into a histogram.
    pub(super) fn close_with(self, counts: Vec<u64>) -> Result<Histogram, DiagnosticKind> {
        let incomplete = DiagnosticKind::Incomplete(self.kind.title());
        let Some(summary) = self.summary() else {
            return Err(incomplete);
        };
        Histogram::new(Limits::known(self.kind.metric()), counts, summary).map_err(|_| incomplete)
    }

    /// What is wrong with a block that the next title ends.
    pub(super) fn ended_by_title(&self) -> DiagnosticKind {
        let title = self.kind.title();
        if self.limits.is_empty() || self.summary().is_none() || self.breaks_off() {
            DiagnosticKind::Incomplete(title)
        } else {
            DiagnosticKind::NoOverflow(title)
        }
    }

    /// The rows so far are the beginning of the known ones and not all of them.
    fn breaks_off(&self) -> bool {
        let known = Limits::known(self.kind.metric());
        self.limits.len() < known.as_slice().len() && known.as_slice().starts_with(&self.limits)
    }

    fn summary(&self) -> Option<Summary> {
        Some(Summary {
            min: self.min?,
            max: self.max?,
            mean: self.mean?,
            count: self.count?,
        })
    }
}
