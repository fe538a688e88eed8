//! The logs of fio.

use std::io::Write as _;

use vscsi_shared::histogram::IntervalSet;

use crate::format::write_log;
use crate::pieces;
use crate::read_back::{Contents, Parts, ReadBack};
use crate::stream::fio_log::{completion_log, issue_log, issued_by_file, kind_of};
use crate::stream::{Command, Histogrammer};

/// What an iolog says does not depend on how its bytes are cut.
pub(crate) fn iolog(input: &[u8]) {
    let (mut whole, mut cut) = (ReadBack::of(Parts::default()), ReadBack::of(Parts::default()));
    assert!(whole.write_all(input).is_ok(), "a sink refuses");
    for piece in pieces(input) {
        assert!(cut.write_all(piece).is_ok(), "a sink refuses");
    }
    assert_eq!(whole.finish(), cut.finish(), "the pieces make a difference");
}

/// A log of completed commands and one of issued ones have at most a command in each line, their commands can be
/// counted, and none is lost when they are written as an iolog.
pub(crate) fn fio_log(input: &[u8]) {
    let _ = kind_of(input);
    let lines = input.split(|byte| *byte == b'\n').count();
    let by_file = issued_by_file(input).map(|files| files.values().map(Vec::len).sum::<usize>());
    assert_eq!(
        by_file.ok(),
        issue_log(input).map(|commands| commands.len()).ok(),
        "files make a difference"
    );
    for commands in [completion_log(input), issue_log(input)].into_iter().flatten() {
        assert!(commands.len() <= lines, "commands are made up");
        count(commands);
    }
}

fn count(mut commands: Vec<Command>) {
    commands.sort_by_key(|command| command.issued_ns);
    let mut histogrammer = Histogrammer::default();
    for command in &commands {
        histogrammer.record(command);
    }
    let counted = |histograms: &IntervalSet| histograms.iter().map(|(_, interval)| interval.count).max();
    let number = (!commands.is_empty()).then_some(commands.len() as u64);
    assert_eq!(counted(&histogrammer.finish()), number, "commands are lost");
    // An iolog says when in nanoseconds of 64 bits, from its own beginning.
    if commands.last().is_some_and(|last| last.issued_ns > u64::MAX / 2) {
        return;
    }
    let mut back = ReadBack::of(Parts::default());
    assert!(
        write_log(commands.iter().copied().map(Ok), &mut back).is_ok(),
        "a sink refuses"
    );
    let again = back.finish().map(|Contents { whole, .. }| counted(&whole.histograms));
    assert_eq!(again, Ok(number), "commands are lost in the iolog");
}
