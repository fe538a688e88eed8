//! The times that were printed beside the prints of an import: what they say of its samples.

use vscsi_shared::histogram::{Metric, Operation};
use vscsi_shared::job::Job;
use vscsi_shared::snapshot::SnapshotFlag;

use super::finding::{Code, Finding, Findings, Severity};
use super::load::seconds_of_sample;
use super::{Sample, Series};

/// How far two lengths of time may be apart and yet be meant to be the same: a loop takes a moment to print, and a time
/// of whole seconds is up to one second off at either end.
const TOLERANCE_SHARE: f64 = 0.1;
const TOLERANCE_SECONDS: f64 = 2.0;

/// A sample so many times as long as usual is a pause of the loop, or a time of it is damaged.
const PAUSE: f64 = 3.0;

/// Prints from which on it shows whether a loop made them.
const LOOP: usize = 3;

/// The least share of the time since the print before that the times between the I/Os of a busy VM make up.
const BUSY_SHARE: f64 = 0.9;

/// The lengths that printed times give, the shortest first. The first print of all has nothing before it.
struct Lengths(Vec<f64>);

impl Lengths {
    fn of(samples: &[Sample]) -> Self {
        let timed = samples.iter().filter(|sample| sample.sequence > 0 && is_timed(sample));
        let mut lengths: Vec<f64> = timed.map(|sample| sample.seconds).collect();
        lengths.sort_by(f64::total_cmp);
        Self(lengths)
    }

    /// The middle one.
    fn usual(&self) -> Option<f64> {
        self.0.get(self.0.len() / 2).copied()
    }
}

fn is_timed(sample: &Sample) -> bool {
    sample.flags.contains(&SnapshotFlag::Timed)
}

fn are_alike(seconds: f64, expected: f64) -> bool {
    (seconds - expected).abs() <= (expected * TOLERANCE_SHARE).max(TOLERANCE_SECONDS)
}

/// Says how long the samples are by the printed times, and what contradicts them.
pub(super) fn finding(job: &Job, series: &Series) -> Option<Finding> {
    let lengths = Lengths::of(&series.samples);
    let usual = lengths.usual()?;
    let (shortest, longest) = lengths.0.first().zip(lengths.0.last())?;
    let mut told = format!("the times printed beside the prints tell how long the samples are: {usual:.1} s");
    if longest > shortest {
        told = format!("{told} usually, {shortest:.1} s to {longest:.1} s");
    }
    let interval = f64::from(job.profile.interval_seconds);
    let contradicted = (interval > 0.0 && !are_alike(usual, interval))
        .then(|| format!("they contradict the {interval} s given as interval, and rates use the printed times"));
    let paused = (*longest > usual * PAUSE && !are_alike(*longest, usual))
        .then(|| "the longest is a pause of the loop, or one of its times is damaged".to_owned());
    let without = series.samples.iter().filter(|sample| !is_timed(sample));
    let missing = without.clone().next().map(|first| {
        format!(
            "{} of {} prints, number {} the first of them, have no time, or one that is not later than that of the print \
             before, and are taken for one step behind it",
            without.count(),
            series.samples.len(),
            u64::from(first.sequence) + 1
        )
    });
    let doubts: Vec<String> = [contradicted, paused, missing].into_iter().flatten().collect();
    let severity = if doubts.is_empty() {
        Severity::Info
    } else {
        Severity::Warning
    };
    let told = std::iter::once(told).chain(doubts);
    Some(Finding {
        severity,
        code: Code::PrintedTimes,
        message: told.collect::<Vec<_>>().join("; "),
        sequence: None,
        disk: None,
        occurrences: 1,
    })
}

/// Settles how long the prints counted that do not go on with the one before: from a moment that nobody knows. A loop that
/// sets the counters to zero with each print makes all of them about as far apart, and then it is that of the print before.
/// Others are collections of their own, each of which takes the time between its I/Os. Either is said with the other.
pub(super) fn settle_alone(samples: &mut [Sample], findings: &mut Findings) {
    let lengths = Lengths::of(samples);
    let usual = lengths.usual().filter(|_| lengths.0.len() >= LOOP);
    for sample in samples
        .iter_mut()
        .filter(|sample| sample.sequence > 0 && is_timed(sample))
    {
        let is_alone = sample.disks.iter().all(|disk| disk.from_snapshot.is_none());
        let Some(counted) = seconds_of_sample(sample).filter(|_| is_alone) else {
            continue;
        };
        let (since_print, counted) = (sample.seconds, counted.est);
        if counted >= since_print * BUSY_SHARE {
            continue;
        }
        let over_all = sample.iops();
        let in_loop = usual.is_some_and(|usual| are_alike(since_print, usual));
        let all_seconds = (sample.start_seconds, sample.seconds);
        sample.start_seconds += since_print - counted;
        sample.seconds = counted;
        for disk in &mut sample.disks {
            let gaps = disk.histograms.of(Metric::Interarrival, Operation::All);
            disk.edge_ios = u64::from(gaps.is_some_and(|gaps| gaps.total() > 0));
        }
        let in_it = sample.iops();
        let message = if in_loop {
            (sample.start_seconds, sample.seconds) = all_seconds;
            sample.disks.iter_mut().for_each(|disk| disk.edge_ios = 0);
            format!(
                "the counters began again since the print before, {since_print:.1} s earlier, and are taken to count since \
                 it; where they began later, the IOPS of this print are not {over_all:.2}, but up to {in_it:.2}"
            )
        } else {
            format!(
                "the counters began again since the print before, {since_print:.1} s earlier: its rates use the \
                 {counted:.2} s between its I/Os, which is {in_it:.2} IOPS; where they began with that print, it is \
                 {over_all:.2}"
            )
        };
        let (severity, sequence) = (Severity::Warning, Some(sample.sequence));
        findings.add(severity, Code::CountersBeganAgain, sequence, None, message);
    }
}
