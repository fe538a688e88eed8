//! The verdict on several jobs: which stands out, and how sure what is told of them is, in a sentence each.

use super::{Many, SortBy};
use crate::analysis::together::Common;
use crate::analysis::{Analysis, Severity};
use crate::number::{count, counted, percent, rate};
use crate::report::figure::time;
use crate::report::verdict::{sentence, subject};

/// Which of them has the most, and what all of them do.
pub(super) fn what(many: &Many<'_>) -> String {
    let first = many.jobs.first().and_then(|job| {
        let value = many.sort.of(&job.profile)?;
        Some(format!("{} has {}", named(job), shown(many.sort, value)))
    });
    let last = many.jobs.last().and_then(|job| {
        let value = many.sort.of(&job.profile)?;
        Some(format!("{} {}", named(job), shown(many.sort, value)))
    });
    let order = match (first, last) {
        (Some(first), Some(last)) => format!(
            "By {} {first}, the most of all, and {last}, the least",
            many.sort.name()
        ),
        (Some(first), None) => format!(
            "By {} {first}, the most of those of which it is known",
            many.sort.name()
        ),
        (None, _) => format!("Of no job the {} are known", many.sort.name()),
    };
    format!("{order}{}.", together(many))
}

/// Whose job it is.
fn named(job: &Analysis) -> String {
    let (vm, name) = (subject(job), job.job.job_id.to_string());
    if vm == name { vm } else { format!("{vm} ({name})") }
}

fn shown(sort: SortBy, value: f64) -> String {
    match sort {
        SortBy::Iops | SortBy::Mbps => rate(value),
        SortBy::P95 => time(value),
    }
}

/// The mix of all I/Os.
fn together(many: &Many<'_>) -> String {
    let Ok(merged) = &many.merged else {
        return String::new();
    };
    let Some(ios) = merged.ios.total else {
        return String::new();
    };
    let mut parts = vec![format!("{} I/Os of all kept samples", count(ios as f64))];
    parts.extend(merged.ios.read_percent().map(|read| format!("{} reads", percent(read))));
    parts.extend(
        merged
            .sequentiality
            .strict
            .map(|strict| format!("{} in sequence", percent(strict.est))),
    );
    format!("; all together: {}", parts.join(", "))
}

/// How sure that is.
pub(super) fn how_sure(many: &Many<'_>) -> String {
    let number = |is_such: &dyn Fn(&Analysis) -> bool| many.jobs.iter().filter(|job| is_such(job)).count();
    let mut parts = vec![
        match many.common {
            Common::Time(_) => "all of them were observed at the same time, so that their sum is told below",
            Common::None { .. } => "they were not all observed at the same time, so their rates have no sum",
            Common::Undated { .. } => {
                "whether they were observed at the same time is not known, so their rates have no sum"
            }
        }
        .to_owned(),
    ];
    let idle = number(&|job| job.profile.ios.total == Some(0));
    if idle > 0 {
        parts.push(format!("{} issued no I/O", counted(idle, "job")));
    }
    let partial = number(&Analysis::is_partial);
    if partial > 0 {
        parts.push(format!("{} only on part of the data", rests(partial)));
    }
    let doubtful = number(&|job| {
        let mut grave = job.findings.iter().map(|finding| finding.severity);
        grave.any(|severity| matches!(severity, Severity::Error | Severity::Warning))
    });
    parts.push(match doubtful {
        0 => "nothing in the data of any contradicts itself".to_owned(),
        doubtful => format!("warnings stand with {}", counted(doubtful, "job")),
    });
    sentence(&parts)
}

fn rests(number: usize) -> String {
    let verb = if number == 1 { "rests" } else { "rest" };
    format!("{} {verb}", counted(number, "job"))
}
