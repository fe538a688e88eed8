//! Captures that are not prints: traces of commands, and the XML of the vSphere API.

use vscsi_shared::histogram::{Histogram, HistogramKind, Metric, Operation};
use vscsi_shared::vscsistats::{Print, TraceParser, TracedCommand, is_trace, parse};

use crate::{trace, xml};

/// How many findings a reader keeps, with the one that counts the rest.
const MOST_FINDINGS: usize = 101;

/// So many samples of an interval are made of a trace at most, so that an input takes no time.
const MOST_SAMPLES: u64 = 40;

/// A trace has at most a command in each line; they are read back from how they are written; and the prints that are
/// made of them go forward in time, lose none, and are read back too.
pub(crate) fn trace(input: &[u8]) {
    let _ = is_trace(input);
    let (mut commands, findings) = read_trace(input);
    assert!(findings <= MOST_FINDINGS, "too many findings");
    let lines = input.split(|byte| *byte == b'\n').count();
    assert!(commands.len() <= lines, "commands are made up");
    let written: Vec<String> = commands.iter().map(ToString::to_string).collect();
    assert_eq!(
        read_trace(written.join("\n").as_bytes()),
        (commands.clone(), 0),
        "they are not read back"
    );
    commands.sort_by_key(|command| command.issued_us);
    let Some((first, last)) = commands.first().zip(commands.last()) else {
        return;
    };
    let seconds = (last.issued_us - first.issued_us) / 1_000_000;
    // An interval that depends on the input, so that the same input always has the same.
    let seconds = u64::from(input.first().copied().unwrap_or(0)).max(seconds / MOST_SAMPLES) + 1;
    let interval_ms = seconds.saturating_mul(1000);
    for interval_ms in [None, Some(interval_ms)] {
        prints(&commands, interval_ms);
    }
}

fn read_trace(input: &[u8]) -> (Vec<TracedCommand>, usize) {
    let mut parser = TraceParser::default();
    let commands = input
        .split(|byte| *byte == b'\n')
        .filter_map(|line| parser.read(line))
        .collect();
    (commands, parser.finish().len())
}

fn prints(commands: &[TracedCommand], interval_ms: Option<u64>) {
    let sizes = HistogramKind::new(Metric::IoLength, Operation::All);
    let mut before: Option<(u64, u64)> = None;
    for traced in trace::prints(commands, interval_ms) {
        let histogram = traced
            .print
            .disks
            .first()
            .zip(sizes)
            .and_then(|(disk, kind)| disk.get(kind));
        let counted = histogram.map_or(0, Histogram::count);
        if let Some((after_ms, earlier)) = before {
            let instant =
                commands.first().map(|command| command.issued_us) == commands.last().map(|last| last.issued_us);
            assert!(traced.after_ms > after_ms || instant, "time stands still");
            assert!(counted >= earlier, "commands are lost");
        }
        before = Some((traced.after_ms, counted));
        read_back(&traced.print);
    }
    assert_eq!(
        before.map(|(_, counted)| counted),
        Some(commands.len() as u64),
        "commands are lost"
    );
}

/// The prints of an answer are read back as they are stored, whole.
pub(crate) fn api_xml(input: &[u8]) {
    let _ = xml::is_xml(input);
    let Ok(answers) = xml::read(&String::from_utf8_lossy(input)) else {
        return;
    };
    assert!(answers.diagnostics.len() <= MOST_FINDINGS, "too many findings");
    for (print, _) in &answers.prints {
        assert!(
            print.disks.iter().all(|disk| disk.iter().next().is_some()),
            "a disk has no histogram"
        );
        read_back(print);
    }
}

fn read_back(print: &Print) {
    let again = parse(print.csv().to_string().as_bytes());
    let is_loss = again.diagnostics.iter().any(|finding| finding.kind.is_loss());
    assert!(!is_loss, "it cannot be read back: {:?}", again.diagnostics);
    assert_eq!(again.prints, std::slice::from_ref(print), "it is not read back");
}
