//! Tables: filters side by side, phases one after another, two jobs compared.

use std::fmt::Write as _;

use super::text::profile_lines;
use crate::analysis::estimate::Range;
use crate::analysis::explain::Explained;
use crate::analysis::phases::Phase;
use crate::compare::{Comparison, Measure};
use crate::number::{count, counted, elapsed, percent, rate};

/// What each filter keeps of a job of `total` samples.
pub(crate) fn filters(explained: &[Explained], total: usize) -> String {
    let mut text = format!("What each filter keeps of {}:\n", counted(total, "sample"));
    // Writing to a string cannot fail.
    let _ = writeln!(
        text,
        "  {:<26} {:>9} {:>9} {:>6} {:>6} {:>6} {:>9} {:>9}",
        "filter", "samples", "from IOPS", "time", "I/Os", "bytes", "IOPS", "MB/s"
    );
    for row in explained {
        let number = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), rate);
        let share = |share: f64, is_known: bool| {
            if is_known {
                percent(100.0 * share)
            } else {
                "-".to_owned()
            }
        };
        let _ = writeln!(
            text,
            "  {:<26} {:>9} {:>9} {:>6} {:>6} {:>6} {:>9} {:>9}",
            row.filter.to_string(),
            count(row.kept as f64),
            number(row.cut_iops.filter(|cut| *cut > 0.0)),
            percent(100.0 * row.shares.time),
            share(row.shares.ios, row.ios_are_known()),
            share(row.shares.bytes, row.bytes_are_known()),
            number(row.iops),
            number(row.mbps),
        );
    }
    text
}

/// The profile of each phase.
pub(crate) fn phases(phases: &[Phase]) -> String {
    let mut text = String::new();
    for phase in phases {
        let _ = writeln!(
            text,
            "Phase {}: {} to {}, {}",
            phase.name,
            elapsed(phase.start_seconds),
            elapsed(phase.end_seconds),
            counted(phase.workload.provenance.samples_kept, "sample")
        );
        for line in profile_lines(&phase.profile) {
            let _ = writeln!(text, "  {line}");
        }
        text.push('\n');
    }
    text
}

/// A baseline and a candidate side by side, with the verdict on the limits.
pub(crate) fn comparison(comparison: &Comparison, baseline: &str, candidate: &str) -> String {
    let mut text = format!("Baseline:  {baseline}\nCandidate: {candidate}\n\n");
    let _ = writeln!(
        text,
        "  {:<20} {:>22} {:>22} {:>10}",
        "", "baseline", "candidate", "candidate/"
    );
    let _ = writeln!(text, "  {:<20} {:>22} {:>22} {:>10}", "", "", "", "baseline");
    for row in &comparison.rows {
        let percent = row
            .percent()
            .map_or_else(|| "-".to_owned(), |percent| format!("{percent:.1}%"));
        let _ = writeln!(
            text,
            "  {:<20} {:>22} {:>22} {:>10}",
            row.measure.name(),
            value(row.measure, row.baseline),
            value(row.measure, row.candidate),
            percent
        );
    }
    text.push_str("\nDistances of the histograms (0 = equal shares, 1 = nothing in common):\n");
    let _ = writeln!(text, "  {:<28} {:>8} {:>8}", "", "KS", "chance");
    for (name, distance) in &comparison.distances {
        let chance = distance.sampling_floor.min(1.0);
        let _ = writeln!(text, "  {name:<28} {:>8.3} {chance:>8.3}", distance.ks);
    }
    text.push_str("  (KS below chance is what two samples of one workload differ by)\n");
    if !comparison.limits.is_empty() {
        text.push_str("\nLimits:\n");
        for (limit, verdict) in &comparison.limits {
            let sign = if verdict.passes() { "ok  " } else { "MISS" };
            let _ = writeln!(text, "  {sign} {limit}: {}", verdict.words());
        }
        let verdict = if comparison.passes() {
            "every limit is kept"
        } else {
            "a limit is not kept"
        };
        let _ = writeln!(text, "Verdict: {verdict}");
    }
    text
}

/// A value with its range where that is wider than the figure shown.
fn value(measure: Measure, range: Option<Range>) -> String {
    let Some(range) = range else {
        return "-".to_owned();
    };
    let shown = |value: f64| measure.shown(value);
    let (est, lo) = (shown(range.est), shown(range.lo));
    match range.hi.map(shown) {
        Some(hi) if hi == lo => est,
        Some(hi) => format!("{est} ({lo}-{hi})"),
        None => format!("{est} (from {lo})"),
    }
}
