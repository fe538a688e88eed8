//! A histogram while its lines come in, and the rules for when it is complete.

use super::DiagnosticKind;
use super::body::{Body, Edge, Field, Row};
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
    summary: Summary,
    titles_seen: bool,
    /// Text was left out before a row, so that only a sum that is right proves that the rows are.
    must_add_up: bool,
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
            summary: Summary::default(),
            titles_seen: false,
            must_add_up: false,
            limits: Vec::new(),
            counts: Vec::new(),
        }
    }

    pub(super) fn kind(&self) -> HistogramKind {
        self.kind
    }

    /// The next line should be the first row of a CSV histogram.
    pub(super) fn expects_csv_rows(&self) -> bool {
        self.form == Form::Csv && self.limits.is_empty() && (self.titles_seen || self.summary.is_whole())
    }

    /// The line of column titles came.
    pub(super) fn titles(&mut self) {
        self.titles_seen = true;
    }

    /// The line is one of those that may come next, and if it is a row, it is the next one of the known limits.
    pub(super) fn expects(&self, body: Body<'_>) -> bool {
        match body {
            Body::Field(field) => self.limits.is_empty() && !self.has(field),
            Body::Row(row) => {
                let known = Limits::known(self.kind.metric());
                let known = known.as_slice();
                let next = known.get(self.limits.len()).or(known.last());
                next == Some(&row.limit) && (row.edge == Edge::Bare) == (self.form == Form::Csv)
            }
            Body::Decoration => true,
            Body::BadNumber(_) | Body::Rounded(_) | Body::Other => false,
        }
    }

    /// Text was left out before one of its lines.
    pub(super) fn must_add_up(&mut self) {
        self.must_add_up = true;
    }

    fn has(&self, field: Field) -> bool {
        match field {
            Field::Min(_) => self.summary.min.is_some(),
            Field::Max(_) => self.summary.max.is_some(),
            Field::Mean(_) => self.summary.mean.is_some(),
            Field::Count(_) => self.summary.count.is_some(),
        }
    }

    /// The summary lines come at most once each, and before the rows.
    pub(super) fn field(&mut self, field: Field) -> Progress {
        if self.has(field) || !self.limits.is_empty() {
            return Progress::Unexpected;
        }
        match field {
            Field::Min(value) => self.summary.min = Some(value),
            Field::Max(value) => self.summary.max = Some(value),
            Field::Mean(value) => self.summary.mean = Some(value),
            Field::Count(value) => self.summary.count = Some(value),
        }
        Progress::Open
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
        let limits = Limits::from_input(self.kind.metric(), &self.limits).map_err(|error| match error {
            InvalidHistogram::TooFewBuckets | InvalidHistogram::BucketCount { .. } => DiagnosticKind::Incomplete(title),
            InvalidHistogram::LimitsNotIncreasing => DiagnosticKind::LimitsNotIncreasing(title),
        })?;
        if !limits.is_known() {
            if self.form == Form::Csv && cut_short {
                return Err(DiagnosticKind::Incomplete(title));
            }
            if self.has_holes() {
                return Err(DiagnosticKind::RowsMissing(title));
            }
        }
        self.histogram(limits)
    }

    /// Turns rows that were read as a whole over the known limits into a histogram.
    pub(super) fn close_with(mut self, counts: Vec<u64>) -> Result<Histogram, DiagnosticKind> {
        self.counts = counts;
        let limits = Limits::known(self.kind.metric());
        self.histogram(limits)
    }

    fn histogram(self, limits: Limits) -> Result<Histogram, DiagnosticKind> {
        let incomplete = DiagnosticKind::Incomplete(self.kind.title());
        let must_add_up = self.must_add_up;
        let histogram = Histogram::new(limits, self.counts, self.summary).map_err(|_| incomplete.clone())?;
        if must_add_up && self.summary.count != Some(histogram.total()) {
            return Err(incomplete);
        }
        Ok(histogram)
    }

    /// What is wrong with a block that the next title ends.
    pub(super) fn ended_by_title(&self) -> DiagnosticKind {
        let title = self.kind.title();
        if self.limits.is_empty() || self.has_holes() {
            DiagnosticKind::Incomplete(title)
        } else {
            DiagnosticKind::NoOverflow(title)
        }
    }

    fn has_holes(&self) -> bool {
        Limits::lack_rows(self.kind.metric(), &self.limits)
    }
}
