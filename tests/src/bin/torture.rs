//! `torture [--runs N] [--seed S] [--first RUN] [--at-a-time N] [--keep FOLDER]`: see `vscsi_tests::torture`.
//!
//! Prints each failure with all that repeats it as soon as it is known, and a summary at the end. Exit code 1 when a
//! promise was broken.

use std::io::Write as _;
use std::process::ExitCode;

use lexopt::prelude::{Long, ValueExt as _};
use vscsi_tests::torture::{Report, Torture, torture};

fn main() -> ExitCode {
    let what = match arguments() {
        Ok(what) => what,
        Err(error) => {
            say(&format!("torture: {error}"));
            return ExitCode::from(2);
        }
    };
    let report = torture(&what, &say);
    say(&summary(&what, &report));
    if report.failures.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn arguments() -> Result<Torture, lexopt::Error> {
    let mut what = Torture {
        seed: 1,
        first: 0,
        runs: 30,
        at_a_time: 6,
        keep: None,
    };
    let mut parser = lexopt::Parser::from_env();
    while let Some(argument) = parser.next()? {
        match argument {
            Long("runs") => what.runs = parser.value()?.parse()?,
            Long("seed") => what.seed = parser.value()?.parse()?,
            Long("first") => what.first = parser.value()?.parse()?,
            Long("at-a-time") => what.at_a_time = parser.value()?.parse()?,
            Long("keep") => what.keep = Some(parser.value()?.into()),
            _ => return Err(argument.unexpected()),
        }
    }
    Ok(what)
}

fn summary(what: &Torture, report: &Report) -> String {
    let endings: Vec<String> = report
        .endings
        .iter()
        .map(|(ending, count)| format!("{count} {ending}"))
        .collect();
    format!(
        "seed {}: {} runs ({}), {} failures; {} collections were owed an end by a death, the longest waited {} ms; {} \
         differences of snapshots held against the truth",
        what.seed,
        report.runs,
        endings.join(", "),
        report.failures.len(),
        report.owed,
        report.longest_wait_ms,
        report.compared
    )
}

fn say(words: &str) {
    // Whoever closed the other end does not want to know.
    let _ = writeln!(std::io::stderr(), "{words}");
}
