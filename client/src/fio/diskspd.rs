//! The same profile as diskspd command lines, for Windows guests.

use std::fmt::Write as _;

use vscsi_shared::histogram::Metric;

use super::demand::Demand;
use super::error::FioError;
use super::header::header;
use super::job::Phase;
use super::options::{FioOptions, Pace};
use super::target::{Target, span};
use crate::analysis::{Workload, estimate};
use crate::number::size;
use crate::stream::Direction;

/// A command script that runs one diskspd per direction.
///
/// # Errors
/// [`FioError::NoCommands`] when there is nothing to replay, [`FioError::SpanTooSmall`].
pub fn diskspd_commands(workload: &Workload, options: &FioOptions) -> Result<String, FioError> {
    let demands = Target::of_all_disks(workload).demands();
    if demands.is_empty() {
        return Err(FioError::NoCommands);
    }
    let span = span(&workload.histograms, options, 1)?;
    let head = header(&workload.provenance, &[Phase::whole(workload)], "diskspd 2.1 or newer");
    let mut out = String::from("@echo off\r\n");
    for line in head.lines().chain(LIMITS.lines()) {
        // The command interpreter expands percent signs and acts on these characters even in some comments.
        let text = line
            .trim_start_matches('#')
            .replace(['%', '^', '&', '<', '>', '|', '"'], "_");
        let _ = write!(out, "rem{text}\r\n");
    }
    out.push_str("if \"%~1\"==\"\" (echo usage: %~nx0 TARGET-FILE & exit /b 2)\r\n");
    // -c truncates the file, so it would take away what a diskspd already running reads: it gets a step of its own.
    let _ = write!(
        out,
        "rem Creates the target file.\r\n\
         diskspd.exe -c{} -d1 -W0 -w0 \"%~1\"\r\n\
         if errorlevel 1 exit /b 1\r\n",
        size(span).to_uppercase()
    );
    for (index, demand) in demands.iter().enumerate() {
        let last = index + 1 == demands.len();
        let start = if last { "" } else { "start \"\" /b " };
        let _ = write!(out, "{start}{}\r\n", command(demand, options));
    }
    Ok(out)
}

const LIMITS: &str = "\
# Limits of this form: diskspd issues one size per process, so each direction runs at its mean size, rounded to
# 512 bytes; seek distances other than next block are lost; the rate is even, so bursts are lost. Its fidelity is not
# stated. The fio files of vscsi-helper keep more.
# Give the target file as the argument. Writes DESTROY what the target holds.
";

fn command(demand: &Demand, options: &FioOptions) -> String {
    let mean = estimate::mean(demand.sizes, Metric::IoLength).map_or(0.0, |mean| mean.est);
    let bytes = (whole(mean / 512.0) * 512).max(512);
    let random = whole((1.0 - demand.sequential_share) * 100.0);
    let write_percent = if demand.direction == Direction::Write { 100 } else { 0 };
    let depth = match options.pace {
        Pace::Measured => u64::from(demand.depth.p95),
        Pace::Max => whole(demand.depth.mean).max(1),
    };
    let rate = match options.pace {
        // -g limits bytes per millisecond and thread.
        Pace::Measured => format!(" -g{}", whole(demand.iops * bytes as f64 / 1000.0).max(1)),
        Pace::Max => String::new(),
    };
    format!(
        "diskspd.exe -b{bytes} -d{} -o{depth} -t1 -w{write_percent} -rs{random} -Su -L -D{rate} \"%~1\"",
        options.seconds(),
    )
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "sizes, rates and percentages are not negative and far below 2^63"
)]
fn whole(value: f64) -> u64 {
    value.round().max(0.0) as u64
}
