//! From snapshot files to their [`Series`]: they are read and parsed in parallel, a batch at a time, and
//! assembled in order. Memory holds the samples and one batch of snapshots, never the raw files of a job.

mod agree;
mod artefact;
mod assemble;
mod chain;
mod check;
mod disks;
mod duration;
mod figures;
mod gaps;
mod reading;

use std::collections::BTreeMap;

use rayon::prelude::*;
use vscsi_shared::histogram::{HistogramKind, Metric, Operation, Step};
use vscsi_shared::vscsistats::Print;

use super::estimate::{self, PerMille, Range};
use super::finding::{Code, Finding, Findings, Severity};
use super::{Sample, Series};
use crate::store::SnapshotFile;
use assemble::Assembler;
use reading::Reading;

/// Snapshots parsed at once: enough to keep every core busy, few enough to stay small beside the samples.
const BATCH: usize = 256;

/// How long the disks of a print were watched, by the times between their I/Os; `None` when there are too few.
pub fn seconds_of_print(print: &Print) -> Option<Range> {
    let disks = print.disks.iter();
    duration::longest(disks.filter_map(|disk| duration::seconds_by_interarrival(&chain::whole(disk, None).0)))
}

/// What the times between the I/Os of a disk tell of the stretch between two prints.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Watched {
    /// What they add up to, estimated, seconds.
    pub seconds: f64,
    /// No pause between two I/Os is longer, seconds.
    pub longest_pause_seconds: f64,
}

/// How the disks were watched between two prints of one loop.
pub fn watched_between_prints<'print>(
    first: &'print Print,
    next: &'print Print,
) -> impl Iterator<Item = Watched> + 'print {
    next.disks.iter().filter_map(|disk| {
        let kind = HistogramKind::new(Metric::Interarrival, Operation::All)?;
        let before = first.disks.iter().find(|before| before.handle_id == disk.handle_id);
        let interval = match disk.get(kind)?.since(before?.get(kind)?) {
            Ok(Step::Difference(interval)) => interval,
            Ok(Step::Reset) => chain::whole(disk, None).0.get(kind)?.clone(),
            Err(_) => return None,
        };
        let longest = estimate::percentile(&interval, Metric::Interarrival, PerMille(1000))?;
        Some(Watched {
            seconds: duration::seconds_of_interarrival(&interval)?.est,
            longest_pause_seconds: longest.hi.map_or(f64::INFINITY, |us| us / 1e6),
        })
    })
}

/// How long the disks of a sample were watched, by the times between their I/Os.
pub(super) fn seconds_of_sample(sample: &Sample) -> Option<Range> {
    let disks = sample.disks.iter();
    duration::longest(disks.filter_map(|disk| duration::seconds_by_interarrival(&disk.histograms)))
}

/// A job's samples with everything noticed on the way.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Loaded {
    /// The samples.
    pub series: Series,
    /// What was noticed, the gravest first.
    pub findings: Vec<Finding>,
    /// Sequence of the last snapshot file, usable or not; `None` when there is none.
    pub last_sequence: Option<u32>,
}

/// Reads the samples from snapshot files, whose checksums were recorded when they were stored.
///
/// A file that cannot be used, or is not what was stored, is reported as a finding and left out, and the next difference spans it.
pub fn load_snapshots(files: &[SnapshotFile], sums: &BTreeMap<u32, String>) -> Loaded {
    let mut findings = Findings::default();
    let mut assembler = Assembler::default();
    let mut expected = 0;
    for batch in files.chunks(BATCH) {
        let readings: Vec<_> = batch
            .par_iter()
            .map(|file| (file, Reading::of_file(file, sums.get(&file.sequence))))
            .collect();
        for (file, reading) in readings {
            if file.sequence > expected {
                findings.add(
                    Severity::Warning,
                    Code::MissingSnapshot,
                    Some(expected),
                    None,
                    missing_before(file, expected),
                );
            }
            expected = file.sequence.saturating_add(1);
            match reading {
                Ok(reading) => assembler.push(reading, &mut findings),
                Err(error) => findings.add(
                    Severity::Error,
                    Code::UnreadableSnapshot,
                    Some(file.sequence),
                    None,
                    format!("{} is left out: {error}", file.name),
                ),
            }
        }
    }
    let series = assembler.finish(&mut findings);
    check::series(&series, &mut findings);
    Loaded {
        series,
        findings: findings.into_sorted(),
        last_sequence: files.last().map(|file| file.sequence),
    }
}

fn missing_before(file: &SnapshotFile, expected: u32) -> String {
    let missing = match file.sequence - expected {
        1 => "1 snapshot is".to_owned(),
        several => format!("{several} snapshots are"),
    };
    let outcome = if expected == 0 {
        "what was counted until then is not in the samples"
    } else {
        "the sample after spans the time"
    };
    format!("{missing} missing before {}; {outcome}", file.name)
}
