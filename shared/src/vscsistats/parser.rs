//! The parser: lines in, prints and findings out.

use memchr::memrchr_iter;

use super::assembly::Assembly;
use super::block::{Block, Progress};
use super::body::{self, Body};
use super::diagnostic::Findings;
use super::encoding::Encoding;
use super::header::{self, Header, NoHeader};
use super::lines::{Cut, LONGEST, LineCutter};
use super::print::{Parsed, Print};
use super::{DiagnosticKind, exact};
use crate::diagnostic::excerpt;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Where in the input the parser stands.
#[derive(Debug, Default)]
enum Place {
    /// No histogram has begun; text here is reported once.
    #[default]
    BeforeFirst,
    /// Between two histograms.
    Between,
    /// In a histogram.
    In(Block),
    /// In a histogram that is left out and was reported; its remaining lines are passed over.
    InLeftOut,
}

/// Reads the output of `vscsiStats -p` in pieces, so that an input larger than memory can be imported.
///
/// The result does not depend on how the input is cut into pieces.
#[derive(Debug, Default)]
pub struct Parser {
    encoding: Encoding,
    cutter: LineCutter,
    line: u64,
    place: Place,
    preamble_reported: bool,
    assembly: Assembly,
    findings: Findings,
}

impl Parser {
    /// A parser at the beginning of an input.
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads the next piece of the input; it may end anywhere.
    pub fn push(&mut self, piece: &[u8]) {
        let text = self.encoding.decode(piece);
        self.push_text(&text);
    }

    fn push_text(&mut self, text: &[u8]) {
        let mut rest = text;
        while !rest.is_empty() {
            rest = self.exact_rows(rest);
            match self.cutter.cut(&mut rest) {
                Cut::Line(line) => self.next_line(line, true),
                Cut::Carried => {
                    let line = self.cutter.carried();
                    self.next_line(&line, true);
                    self.cutter.reuse(line);
                }
                Cut::Unfinished => {}
            }
        }
    }

    /// Takes the prints that are already finished; the one at which the input stands is not yet.
    pub fn take_prints(&mut self) -> Vec<Print> {
        self.assembly.take_finished()
    }

    /// Ends the input: the prints not taken yet, and all findings.
    pub fn finish(mut self) -> Parsed {
        if let Some(byte) = self.encoding.finish() {
            self.push_text(&[byte]);
        }
        let last = self.cutter.carried();
        if !last.is_empty() {
            self.next_line(&last, false);
        }
        if matches!(self.place, Place::BeforeFirst) {
            self.findings.report(1, DiagnosticKind::NothingFound);
        }
        if let Place::In(block) = &self.place {
            self.findings
                .report(block.line, DiagnosticKind::Incomplete(block.kind().title()));
        }
        self.assembly.finish_print();
        Parsed {
            prints: self.assembly.take_finished(),
            diagnostics: self.findings.finish(DiagnosticKind::Further),
        }
    }

    /// Reads all rows of a histogram at once where they have their usual form; returns what is left.
    fn exact_rows<'piece>(&mut self, rest: &'piece [u8]) -> &'piece [u8] {
        if let Place::In(block) = &self.place
            && block.expects_csv_rows()
            && self.cutter.at_line_start()
            && let Some((counts, after)) = exact::rows(block.kind().metric(), rest)
            && let Place::In(block) = std::mem::replace(&mut self.place, Place::Between)
        {
            self.line += counts.len() as u64;
            let (kind, line) = (block.kind(), block.line);
            match block.close_with(counts) {
                Ok(histogram) => self.assembly.store(kind, histogram),
                Err(finding) => self.findings.report(line, finding),
            }
            return after;
        }
        rest
    }

    /// Counts and reads a line; `ended` is false for the last line of an input that has no line end there.
    fn next_line(&mut self, line: &[u8], ended: bool) {
        self.line += 1;
        let line = line.get(..LONGEST).unwrap_or(line);
        let line = line.strip_prefix(BYTE_ORDER_MARK).unwrap_or(line).trim_ascii();
        // An output that broke off without a line end and was continued by the next one shares a line with it.
        match glued(line) {
            Some((torn, title)) => {
                self.read_line(torn.trim_ascii_end(), false);
                self.read_line(title, ended);
            }
            None => self.read_line(line, ended),
        }
    }

    fn read_line(&mut self, line: &[u8], ended: bool) {
        if line.is_empty() {
            return;
        }
        if let Some(rest) = line.strip_prefix(header::BEGINNING) {
            self.title(rest, line);
            return;
        }
        let body = body::classify(line);
        match std::mem::take(&mut self.place) {
            Place::In(block) => self.in_block(block, body, line, ended),
            Place::InLeftOut => {
                self.place = Place::InLeftOut;
                if body == Body::Other {
                    self.unexpected(line);
                }
            }
            Place::Between => {
                self.place = Place::Between;
                if body != Body::Decoration {
                    self.unexpected(line);
                }
            }
            Place::BeforeFirst => {
                if !self.preamble_reported {
                    self.preamble_reported = true;
                    self.unexpected(line);
                }
            }
        }
    }

    fn title(&mut self, text: &[u8], line: &[u8]) {
        if let Place::In(block) = &self.place {
            self.findings.report(block.line, block.ended_by_title());
        }
        self.place = Place::InLeftOut;
        match header::read(text) {
            Ok(found) => self.begin(&found),
            Err(NoHeader::Number(digits)) => self.report(DiagnosticKind::BadNumber(excerpt(digits))),
            Err(NoHeader::Shape) => self.unexpected(line),
        }
    }

    fn begin(&mut self, found: &Header<'_>) {
        match header::kind(found.title) {
            Some(kind) => {
                self.assembly.begin(found, kind);
                self.place = Place::In(Block::new(kind, found.form, self.line));
            }
            None => self.report(DiagnosticKind::UnknownTitle(excerpt(found.title))),
        }
    }

    fn in_block(&mut self, mut block: Block, body: Body<'_>, line: &[u8], ended: bool) {
        let progress = match body {
            Body::Row(row) => block.row(row),
            Body::Field(field) => block.field(field),
            Body::Decoration => Progress::Open,
            Body::BadNumber(_) | Body::Other => Progress::Unexpected,
        };
        let kind = block.kind();
        match progress {
            Progress::AllRows => self.close(block, !ended),
            // What an unfinished line says is not to be trusted, and the block that it leaves open says enough.
            _ if !ended => self.leave_out(&block, DiagnosticKind::Incomplete(kind.title())),
            Progress::Open => self.place = Place::In(block),
            Progress::Broken(finding) => self.leave_out(&block, finding),
            Progress::Unexpected => {
                self.leave_out(&block, DiagnosticKind::Incomplete(kind.title()));
                match body {
                    Body::BadNumber(number) => self.report(DiagnosticKind::BadNumber(excerpt(number))),
                    _ => self.unexpected(line),
                }
            }
        }
    }

    fn close(&mut self, block: Block, cut_short: bool) {
        let (kind, line) = (block.kind(), block.line);
        self.place = Place::Between;
        match block.close(cut_short) {
            Ok(histogram) => {
                if !histogram.limits().is_known() {
                    self.findings.report(line, DiagnosticKind::UnknownLimits(kind.title()));
                }
                self.assembly.store(kind, histogram);
            }
            Err(finding) => {
                self.place = Place::InLeftOut;
                self.findings.report(line, finding);
            }
        }
    }

    fn leave_out(&mut self, block: &Block, finding: DiagnosticKind) {
        self.findings.report(block.line, finding);
        self.place = Place::InLeftOut;
    }

    fn unexpected(&mut self, line: &[u8]) {
        self.report(DiagnosticKind::UnexpectedLine(excerpt(line)));
    }

    fn report(&mut self, kind: DiagnosticKind) {
        self.findings.report(self.line, kind);
    }
}

/// A line that holds a title somewhere behind its start, as what precedes the last title and that title.
fn glued(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut candidates = memrchr_iter(b'H', line).filter_map(|at| line.split_at_checked(at));
    let last = candidates.find(|(_, title)| title.starts_with(header::BEGINNING));
    last.filter(|(torn, _)| !torn.is_empty())
}
