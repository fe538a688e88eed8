//! The verdict on two jobs: what changed, and how sure that is, in a sentence each.

use super::Pair;
use super::differences::{change, figure, in_a_sentence};
use crate::analysis::{Analysis, Sample, Severity};
use crate::compare::{Comparison, Difference, JudgedLimit, Measure, Row, Verdict};
use crate::number::{counted, rate};
use crate::report::verdict::sentence;

/// What the first sentence tells of whatever happened to it.
const TOLD: [Measure; 4] = [Measure::Iops, Measure::Mbps, Measure::ReadP95, Measure::WriteP95];
/// What it tells of when it changed by more than this, in points.
const SHARES: [Measure; 2] = [Measure::ReadPercent, Measure::SequentialPercent];
const NOTABLE_POINTS: f64 = 5.0;

/// What changed.
pub(super) fn what(pair: &Pair<'_>) -> String {
    let subject = pair.subject();
    let is_idle = |job: &Analysis| job.profile.ios.total == Some(0);
    if is_idle(pair.before) && is_idle(pair.after) {
        return format!("{subject} issued no I/O before and none after.");
    }
    let told: Vec<String> = rows(pair).filter_map(|row| moved(pair, row)).collect();
    if told.is_empty() {
        return format!("What changed of {subject} is not known: the two jobs have no measure in common.");
    }
    format!("On {subject}, {}.", listed(&told))
}

/// The rows that the verdict is about.
fn rows<'pair>(pair: &'pair Pair<'_>) -> impl Iterator<Item = &'pair Row> {
    let is_told = |row: &&Row| {
        let notable = || {
            let (before, after) = row.baseline.zip(row.candidate)?;
            Some((after.est - before.est).abs() > NOTABLE_POINTS)
        };
        TOLD.contains(&row.measure) || (SHARES.contains(&row.measure) && notable() == Some(true))
    };
    pair.comparison.rows.iter().filter(is_told)
}

/// `I/Os per second went from 900 to 1,200 (+33.3%)`; `None` where neither job has it.
fn moved(pair: &Pair<'_>, row: &Row) -> Option<String> {
    let name = in_a_sentence(row.measure);
    let before = figure(row.measure, pair.before).estimate;
    let after = figure(row.measure, pair.after).estimate;
    let verb = if name.starts_with("the ") { "was" } else { "were" };
    Some(match (row.baseline, row.candidate) {
        (None, None) => return None,
        (Some(_), None) => format!("{name} {verb} {before} and cannot be told any more"),
        (None, Some(_)) => format!("{name} could not be told and is now {after}"),
        (Some(_), Some(_)) if before == after => format!("{name} stayed at {after}"),
        (Some(_), Some(_)) => {
            let change = change(row).map_or_else(String::new, |change| format!(" ({change})"));
            format!("{name} went from {before} to {after}{change}")
        }
    })
}

/// How sure that is.
pub(super) fn how_sure(pair: &Pair<'_>) -> String {
    let mut parts = Vec::new();
    let names = |difference| -> Vec<&str> {
        let such = rows(pair).filter(|row| row.difference() == difference);
        such.map(|row| in_a_sentence(row.measure)).collect()
    };
    let certain = names(Difference::Certain);
    if !certain.is_empty() {
        parts.push(format!(
            "the change of {} is larger than all that is uncertain about it",
            listed(&certain)
        ));
    }
    let possible = names(Difference::Possible);
    if !possible.is_empty() {
        parts.push(format!(
            "the ranges of {} overlap or touch, so {} may be what {} before",
            listed(&possible),
            if possible.len() == 1 { "it" } else { "they" },
            if possible.len() == 1 { "it was" } else { "they were" }
        ));
    }
    if let Some(spread) = spread(pair) {
        parts.push(spread);
    }
    parts.extend(quality(pair));
    sentence(&parts)
}

/// How much the samples of each job differ among themselves.
fn spread(pair: &Pair<'_>) -> Option<String> {
    let ends = |job: &Analysis| {
        let kept = job.series.samples.iter().zip(&job.kept).filter(|(_, kept)| **kept);
        let iops: Vec<f64> = kept.map(|(sample, _)| Sample::iops(sample)).collect();
        let least = iops.iter().copied().reduce(f64::min)?;
        let most = iops.iter().copied().reduce(f64::max)?;
        (iops.len() > 1).then_some((least, most))
    };
    let (before, after) = (ends(pair.before)?, ends(pair.after)?);
    let between = |(least, most): (f64, f64)| format!("between {} and {}", rate(least), rate(most));
    Some(format!(
        "I/Os per second of single samples lie {} before and {} after",
        between(before),
        between(after)
    ))
}

/// What of the data has to be read with the numbers.
fn quality(pair: &Pair<'_>) -> Vec<String> {
    let mut told = Vec::new();
    for (word, job) in pair.jobs() {
        if job.is_partial() {
            told.push(format!("{word} rests on part of its data"));
        }
        let count = |severity| {
            job.findings
                .iter()
                .filter(|finding| finding.severity == severity)
                .count()
        };
        let grave: Vec<String> = [(Severity::Error, "error"), (Severity::Warning, "warning")]
            .into_iter()
            .filter(|(severity, _)| count(*severity) > 0)
            .map(|(severity, noun)| counted(count(severity), noun))
            .collect();
        if !grave.is_empty() {
            told.push(format!("{} of {word} below to be read with it", grave.join(" and ")));
        }
    }
    if told.is_empty() {
        told.push("nothing in the data of either contradicts itself".to_owned());
    }
    told
}

/// `one`, `one and two`, `one, two and three`.
fn listed<T: AsRef<str>>(names: &[T]) -> String {
    let names: Vec<&str> = names.iter().map(AsRef::as_ref).collect();
    match names.as_slice() {
        [] => String::new(),
        [only] => (*only).to_owned(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// Whether the latencies differ, as one sentence.
pub(super) fn latencies(comparison: &Comparison) -> String {
    let told: Vec<String> = comparison
        .latencies()
        .map(|latency| latency.sentence("before"))
        .collect();
    if told.is_empty() {
        return "Neither has latencies.".to_owned();
    }
    sentence(&told)
}

/// How the limits came out.
pub(super) fn limits(comparison: &Comparison) -> String {
    let such = |verdicts: &[Verdict]| {
        let such = comparison
            .limits
            .iter()
            .filter(|limit| verdicts.contains(&limit.verdict));
        such.map(JudgedLimit::to_string).collect::<Vec<_>>()
    };
    let of_all = counted(comparison.limits.len(), "limit");
    let mut told = Vec::new();
    for (limits, word) in [
        (such(&[Verdict::Missed, Verdict::NotMeasured]), "not kept"),
        (such(&[Verdict::Undecided]), "undecided"),
    ] {
        if !limits.is_empty() {
            told.push(format!("{} of {of_all} {word}: {}.", limits.len(), limits.join("; ")));
        }
    }
    if told.is_empty() {
        told.push("Every limit is kept.".to_owned());
    }
    told.join(" ")
}
