//! A trace of commands, as `vscsiStats -e` exports what `-s -t` recorded.
//!
//! ```text
//! #Vscsi Cmd Trace. (Trace Format Version 1)
//! #Serial Number,IO Data Length,Num SG Entries,Command Type,LBN,Time Stamp (microseconds)
//! 2147483692,4096,1,write,24048792,2756778716647
//! ```
//!
//! Both heading lines occur with and without the sign before them. Lengths are bytes, block numbers count 512 bytes, and
//! the time is that of the host since it was booted. Version 1 records no completion, so it tells no latency.

use std::fmt;

use super::diagnostic::Findings;
use super::number::unsigned;
use super::{Diagnostic, DiagnosticKind};
use crate::diagnostic::excerpt;
use crate::histogram::Operation;

/// The headings of version 1.
const TITLE: &str = "Vscsi Cmd Trace. (Trace Format Version 1)";
const COLUMNS: &str = "Serial Number,IO Data Length,Num SG Entries,Command Type,LBN,Time Stamp (microseconds)";

/// One read or write of a trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TracedCommand {
    /// Serial number, which says nothing about the order.
    pub serial: u64,
    /// Length, bytes.
    pub bytes: u32,
    /// Entries of the scatter-gather list.
    pub segments: u32,
    /// It writes, or it reads.
    pub is_write: bool,
    /// First block, in 512 bytes.
    pub first_block: u64,
    /// When it was issued, microseconds since the host was booted.
    pub issued_us: u64,
}

/// The input is a trace: its first line that is not empty has the title of one, of whatever version.
pub fn is_trace(input: &[u8]) -> bool {
    let mut lines = input.split(|&byte| byte == b'\n').map(clean);
    let first = lines.find(|line| !line.is_empty()).unwrap_or_default();
    uncommented(first).starts_with(b"Vscsi Cmd Trace")
}

/// Reads a trace line by line.
#[derive(Debug, Default)]
pub struct TraceParser {
    line: u64,
    findings: Findings,
}

impl TraceParser {
    /// Reads the next line, with or without its end; `None` when it holds no read and no write.
    pub fn read(&mut self, line: &[u8]) -> Option<TracedCommand> {
        self.line += 1;
        let line = clean(line);
        let heading = uncommented(line);
        if line.is_empty() || heading == TITLE.as_bytes() || heading == COLUMNS.as_bytes() {
            return None;
        }
        match command(line) {
            Ok(command) => Some(command),
            Err(finding) => {
                self.findings.report(self.line, finding);
                None
            }
        }
    }

    /// What could not be used.
    pub fn finish(self) -> Vec<Diagnostic> {
        self.findings.finish(DiagnosticKind::Further)
    }
}

/// The headings of a trace, as vscsiStats exports them.
pub fn trace_heading() -> String {
    format!("#{TITLE}\n#{COLUMNS}\n")
}

/// The command as a line of a trace, without its end.
impl fmt::Display for TracedCommand {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = if self.is_write {
            Operation::Write
        } else {
            Operation::Read
        };
        write!(
            formatter,
            "{},{},{},{},{},{}",
            self.serial, self.bytes, self.segments, kind, self.first_block, self.issued_us
        )
    }
}

fn clean(line: &[u8]) -> &[u8] {
    line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line).trim_ascii()
}

fn uncommented(line: &[u8]) -> &[u8] {
    line.strip_prefix(b"#").unwrap_or(line).trim_ascii_start()
}

fn command(line: &[u8]) -> Result<TracedCommand, DiagnosticKind> {
    let mut cells = line.split(|&byte| byte == b',').map(<[u8]>::trim_ascii);
    let mut next = || cells.next().unwrap_or_default();
    let (serial, bytes, segments, kind, block, time) = (next(), next(), next(), next(), next(), next());
    if time.is_empty() || cells.next().is_some() {
        return Err(DiagnosticKind::UnexpectedLine(excerpt(line)));
    }
    let number = |cell: &[u8]| unsigned(cell).map_err(|_| DiagnosticKind::BadNumber(excerpt(cell)));
    let small = |cell: &[u8]| {
        let number = number(cell)?;
        u32::try_from(number).map_err(|_| DiagnosticKind::BadNumber(excerpt(cell)))
    };
    let is_write = if kind.eq_ignore_ascii_case(b"write") {
        true
    } else if kind.eq_ignore_ascii_case(b"read") {
        false
    } else {
        return Err(DiagnosticKind::OtherCommand(excerpt(kind)));
    };
    Ok(TracedCommand {
        serial: number(serial)?,
        bytes: small(bytes)?,
        segments: small(segments)?,
        is_write,
        first_block: number(block)?,
        issued_us: number(time)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (Vec<TracedCommand>, Vec<String>) {
        let mut parser = TraceParser::default();
        let commands = text.lines().filter_map(|line| parser.read(line.as_bytes())).collect();
        let findings = parser.finish().iter().map(ToString::to_string).collect();
        (commands, findings)
    }

    #[test]
    fn both_forms_of_the_headings_are_known() {
        let plain = "Vscsi Cmd Trace. (Trace Format Version 1)\n\
                     Serial Number,IO Data Length,Num SG Entries,Command Type,LBN,Time Stamp (microseconds)\n\
                     2148401256,4096,1,read,12312,4332930811158\n";
        for text in [
            plain.to_owned(),
            plain.replace("Vscsi", "#Vscsi").replace("Serial", "#Serial"),
        ] {
            assert!(is_trace(text.as_bytes()));
            let (commands, findings) = read(&text);
            assert_eq!(findings, Vec::<String>::new());
            let [command] = commands[..] else {
                panic!("{commands:?}")
            };
            assert_eq!(command.first_block, 12_312);
            assert_eq!(command.issued_us, 4_332_930_811_158);
            assert!(!command.is_write);
        }
    }

    #[test]
    fn what_is_written_is_read_back() {
        let line = "2147483658,4608,2,write,23749656,2756797029103";
        let (commands, _) = read(line);
        assert_eq!(commands[0].to_string(), line);
        assert!(is_trace(trace_heading().as_bytes()));
    }

    #[test]
    fn what_is_no_read_and_no_write_is_named_and_left_out() {
        let (commands, findings) = read("1,4096,1,unmap,8,10\n2,4096,1,write,8,x\n3,4096,1\n4,512,1,READ,8,12\n");
        assert_eq!(commands.len(), 1);
        assert_eq!(findings.len(), 3);
        for (finding, part) in findings
            .iter()
            .zip(["line 1: a command `unmap`", "line 2: `x`", "line 3: unexpected"])
        {
            assert!(finding.starts_with(part), "{finding}");
        }
    }

    #[test]
    fn prints_are_no_trace() {
        assert!(!is_trace(b"Histogram: IO lengths of commands,virtual"));
        assert!(!is_trace(b""));
    }
}
