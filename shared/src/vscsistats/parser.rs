//! The parser: lines in, prints and findings out.

use memchr::memrchr_iter;

use super::assembly::Assembly;
use super::block::{Block, Progress};
use super::body::{self, Body};
use super::cells::{Plain, Separator, Trace, plain};
use super::diagnostic::Findings;
use super::encoding::Encoding;
use super::header::{self, Header, NoHeader};
use super::lines::{Cut, LONGEST, LineCutter};
use super::notes::Notes;
use super::print::{Parsed, Print};
use super::printed_time::PrintedTime;
use super::{DiagnosticKind, exact};
use crate::diagnostic::excerpt;
use crate::histogram::{Histogram, HistogramKind};

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// How spreadsheets tell one another what separates the cells of the lines below.
const SEPARATOR_HINT: &[u8] = b"sep=";

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
    /// What separates the cells of the histogram at which the input stands.
    separator: Separator,
    preamble_reported: bool,
    assembly: Assembly,
    findings: Findings,
    notes: Notes,
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
        } else if self.encoding.is_unmarked_utf16() {
            self.notes.trace(1, Trace::UnmarkedUtf16, &mut self.findings);
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
            self.end(block, |block| block.close_with(counts));
            return after;
        }
        rest
    }

    /// Counts and reads a line; `ended` is false for the last line of an input that has no line end there.
    fn next_line(&mut self, line: &[u8], ended: bool) {
        self.line += 1;
        let line = line.get(..LONGEST).unwrap_or(line);
        let line = line.strip_prefix(BYTE_ORDER_MARK).unwrap_or(line).trim_ascii();
        if line.is_empty() {
            return;
        }
        match title_in(line) {
            Some((before, title)) => {
                self.before_title(before);
                self.title(title);
            }
            None => self.body_line(line, ended),
        }
    }

    /// Text on the line of a title: what is left of an output that broke off without a line end and was continued by
    /// the next one, or something that stands before every line.
    fn before_title(&mut self, text: &[u8]) {
        let torn = text.trim_ascii();
        let in_block = matches!(self.place, Place::In(_));
        if torn.is_empty() {
        } else if torn.starts_with(header::BEGINNING) {
            self.title(torn);
        } else if !in_block && !body::classify(torn).is_usable() && body::ends_other_text(text) {
            self.notes.stripped(self.line, torn, &mut self.findings);
            if let Some(time) = PrintedTime::within(torn) {
                self.assembly.time(time);
            }
        } else {
            self.body_line(torn, false);
        }
    }

    fn title(&mut self, title: &[u8]) {
        if let Place::In(block) = &self.place {
            self.findings.report(block.line, block.ended_by_title());
        }
        self.place = Place::InLeftOut;
        self.separator = Separator::Comma;
        let text = title.strip_prefix(header::BEGINNING).unwrap_or_default();
        let refused = match header::read(text) {
            // A title of another version, or one with no-break spaces or padding.
            Ok(found) => match header::kind(found.title) {
                Some(kind) => return self.begin(&found, kind),
                None => DiagnosticKind::UnknownTitle(excerpt(found.title)),
            },
            Err(NoHeader::Number(digits)) => DiagnosticKind::BadNumber(excerpt(digits)),
            Err(NoHeader::Shape) => DiagnosticKind::UnexpectedLine(excerpt(title)),
        };
        for separator in Separator::ALL {
            let Some(Plain { line, traces }) = plain(title, separator) else {
                continue;
            };
            if let Some(Ok(found)) = line.strip_prefix(header::BEGINNING).map(header::read) {
                self.separator = separator;
                match header::kind(found.title) {
                    Some(kind) => {
                        self.note(&traces);
                        self.begin(&found, kind);
                    }
                    None => self.report(DiagnosticKind::UnknownTitle(excerpt(found.title))),
                }
                return;
            }
        }
        self.report(refused);
    }

    fn begin(&mut self, found: &Header<'_>, kind: HistogramKind) {
        let other = self.assembly.begin(found, kind).map(str::to_owned);
        if let Some(first) = other {
            let other = excerpt(found.node.unwrap_or_default());
            let handle = found.handle_id;
            let finding = DiagnosticKind::OtherNode { handle, first, other };
            self.notes.other_node(self.line, finding, &mut self.findings);
        }
        self.place = Place::In(Block::new(kind, found.form, self.line));
    }

    /// Reads a line that holds no title.
    fn body_line(&mut self, line: &[u8], ended: bool) {
        let direct = body::classify(line);
        if direct.is_usable() {
            return self.placed(direct, line, ended);
        }
        if let Some(Plain { line: plain, traces }) = plain(line, self.separator) {
            let body = body::classify(&plain);
            if body.is_usable() {
                if !matches!(self.place, Place::BeforeFirst) {
                    self.note(&traces);
                }
                return self.placed(body, line, ended);
            }
            if matches!(body, Body::Rounded(_) | Body::BadNumber(_)) {
                return self.placed(body, line, ended);
            }
        }
        let behind = match &self.place {
            Place::In(block) => body::behind_other_text(line, self.separator, |body| block.expects(body)),
            // The braces that end a histogram in plain text.
            Place::Between => body::behind_other_text(line, self.separator, |body| body == Body::Decoration)
                .filter(|(before, _)| self.notes.has_stripped(before)),
            Place::BeforeFirst | Place::InLeftOut => None,
        };
        let Some((before, body)) = behind else {
            return self.placed(direct, line, ended);
        };
        self.notes.stripped(self.line, before, &mut self.findings);
        if let Place::In(block) = &mut self.place {
            block.must_add_up();
        }
        self.placed(body, line, ended);
    }

    /// Takes a line that was read to where the parser stands.
    fn placed(&mut self, body: Body<'_>, line: &[u8], ended: bool) {
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
                if !self.takes_time(line) && !self.preamble_reported && !line.starts_with(SEPARATOR_HINT) {
                    self.preamble_reported = true;
                    self.report(DiagnosticKind::UnexpectedLine(excerpt(line)));
                }
            }
        }
    }

    fn in_block(&mut self, mut block: Block, body: Body<'_>, line: &[u8], ended: bool) {
        let progress = match body {
            Body::Row(row) => block.row(row),
            Body::Field(field) => {
                if let Some(rounded) = field.rounded() {
                    self.report(DiagnosticKind::Rounded(rounded));
                }
                block.field(field)
            }
            Body::Decoration => {
                block.titles();
                Progress::Open
            }
            Body::BadNumber(_) | Body::Rounded(_) | Body::Other => Progress::Unexpected,
        };
        let kind = block.kind();
        match progress {
            Progress::AllRows => self.end(block, |block| block.close(!ended)),
            // What an unfinished line says is not to be trusted, and the block that it leaves open says enough.
            _ if !ended => self.leave_out(&block, DiagnosticKind::Incomplete(kind.title())),
            Progress::Open => self.place = Place::In(block),
            Progress::Broken(finding) => self.leave_out(&block, finding),
            Progress::Unexpected => {
                self.leave_out(&block, DiagnosticKind::Incomplete(kind.title()));
                match body {
                    Body::BadNumber(number) => self.report(DiagnosticKind::BadNumber(excerpt(number))),
                    Body::Rounded(number) => self.report(DiagnosticKind::RoundedCount(excerpt(number))),
                    _ => self.unexpected(line),
                }
            }
        }
    }

    /// Ends a block that has all its rows.
    fn end(&mut self, block: Block, close: impl FnOnce(Block) -> Result<Histogram, DiagnosticKind>) {
        let (kind, line) = (block.kind(), block.line);
        self.place = Place::Between;
        match close(block) {
            Ok(histogram) => {
                if !histogram.limits().is_known() {
                    self.findings.report(line, DiagnosticKind::UnknownLimits(kind.title()));
                }
                let summary = histogram.summary();
                if !summary.is_whole() {
                    self.notes.summary(line, kind, summary, &mut self.findings);
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

    fn note(&mut self, traces: &[Trace]) {
        for &trace in traces {
            self.notes.trace(self.line, trace, &mut self.findings);
        }
    }

    fn unexpected(&mut self, line: &[u8]) {
        if !self.takes_time(line) {
            self.report(DiagnosticKind::UnexpectedLine(excerpt(line)));
        }
    }

    /// The line is a time that stands beside the prints.
    fn takes_time(&mut self, line: &[u8]) -> bool {
        let is_between = matches!(self.place, Place::BeforeFirst | Place::Between);
        let Some(time) = PrintedTime::of_line(line, is_between) else {
            return false;
        };
        self.notes.time(self.line, line, &mut self.findings);
        self.assembly.time(time);
        true
    }

    fn report(&mut self, kind: DiagnosticKind) {
        self.findings.report(self.line, kind);
    }
}

/// The last title in a line, with the quotation mark before it, and what stands before that.
fn title_in(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let begins = |&at: &usize| line.get(at..).is_some_and(|text| text.starts_with(header::BEGINNING));
    let at = memrchr_iter(b'H', line).find(begins)?;
    let quoted = at.checked_sub(1).filter(|&before| line.get(before) == Some(&b'"'));
    line.split_at_checked(quoted.unwrap_or(at))
}
