//! Tables: filters side by side, phases one after another.

use std::fmt::Write as _;

use super::text::profile_lines;
use crate::analysis::explain::Explained;
use crate::analysis::phases::Phase;
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
