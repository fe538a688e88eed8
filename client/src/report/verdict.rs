//! The verdict: what the VM does, and how sure that is, in a sentence each.

use super::figure::time;
use super::following::Choice;
use crate::analysis::profile::{Distribution, Profile};
use crate::analysis::{Analysis, Severity};
use crate::number::{counted, percent, rate};
use crate::store::{UNKNOWN_VM, is_imported};
use crate::summary::partial_warning;

/// Whose I/O it is.
pub(super) fn subject(analysis: &Analysis) -> String {
    let vm = &analysis.workload.provenance.vm_name;
    if vm == UNKNOWN_VM {
        analysis.workload.provenance.job.clone()
    } else {
        vm.clone()
    }
}

/// What the VM does.
pub(super) fn what(choice: &Choice<'_>) -> String {
    let (subject, profile) = (subject(choice.analysis), choice.profile);
    let when = samples_looked_at(choice);
    match profile.ios.total {
        Some(0) => return format!("{subject} issued no I/O in {when}."),
        None => return format!("What {subject} issued in {when} is not known: no histogram counts it."),
        Some(_) => {}
    }
    let rates = [
        profile.iops.total.map(|iops| format!("{} I/Os per second", rate(iops))),
        profile
            .throughput_mbps
            .total
            .map(|total| format!("{} MB/s", rate(total.est))),
    ];
    let rates: Vec<String> = rates.into_iter().flatten().collect();
    let kind: Vec<String> = [mix(profile), order(profile), size(profile)]
        .into_iter()
        .flatten()
        .collect();
    let kind = if kind.is_empty() {
        String::new()
    } else {
        format!(": {}", kind.join(", "))
    };
    format!(
        "In {when} {subject} issues {}{kind}{}.",
        rates.join(" and "),
        latency(profile)
    )
}

/// `its 23 busiest of 30 samples`, `all 30 samples`.
fn samples_looked_at(choice: &Choice<'_>) -> String {
    let provenance = &choice.workload.provenance;
    let (kept, total) = (provenance.samples_kept, provenance.samples_total);
    match (kept, total) {
        (_, 1) => "its only sample".to_owned(),
        (kept, total) if kept == total => format!("all of its {}", counted(total, "sample")),
        (kept, total) => format!("the {} busiest of its {}", kept, counted(total, "sample")),
    }
}

/// Reads and writes.
fn mix(profile: &Profile) -> Option<String> {
    let read = profile.ios.read_percent()?;
    Some(match read {
        100.0 => "reads only".to_owned(),
        0.0 => "writes only".to_owned(),
        read if read >= 60.0 => format!("{} reads", percent(read)),
        read if read <= 40.0 => format!("{} writes", percent(100.0 - read)),
        read => format!("reads and writes at {} to {}", percent(read), percent(100.0 - read)),
    })
}

/// Sequential or random.
fn order(profile: &Profile) -> Option<String> {
    let share = profile.sequentiality.strict?.est;
    Some(match share {
        share if share >= 70.0 => format!("mostly in sequence ({})", percent(share)),
        share if share >= 30.0 => format!("partly in sequence ({})", percent(share)),
        share => format!("mostly random ({} in sequence)", percent(share)),
    })
}

/// The size that most commands have.
fn size(profile: &Profile) -> Option<String> {
    let sizes = profile.block_sizes.all.as_ref()?.largest_first(|bucket| bucket.percent);
    let most = sizes.first()?;
    Some(format!(
        "most often {} ({})",
        most.label.to_uppercase(),
        percent(most.percent)
    ))
}

fn latency(profile: &Profile) -> String {
    let within = |what: &str, latency: &Option<Distribution>| {
        let latency = latency.as_ref()?;
        let p95 = &latency.p95;
        Some(if p95.lo >= latency.last_limit {
            format!("5% of the {what} after more than {}", time(latency.last_limit))
        } else {
            format!("95% of the {what} within {}", time(p95.est))
        })
    };
    let latencies = [
        within("reads", &profile.latency_ms.read),
        within("writes", &profile.latency_ms.write),
    ];
    let latencies: Vec<String> = latencies.into_iter().flatten().collect();
    if latencies.is_empty() {
        String::new()
    } else {
        format!("; the storage answers {}", latencies.join(" and "))
    }
}

/// How sure that is.
pub(super) fn how_sure(choice: &Choice<'_>) -> String {
    let analysis = choice.analysis;
    let basis = match analysis.partial {
        Some(partial) => {
            let warning = partial_warning(&analysis.job, partial);
            let why = warning.lines().next().unwrap_or_default().to_owned();
            format!("This rests on part of the data ({why})")
        }
        None if is_imported(&analysis.job) => "The capture was read whole, and its counts are exact".to_owned(),
        None => "Every sample that was planned is there, and counts are exact".to_owned(),
    };
    let count = |severity| {
        analysis
            .findings
            .iter()
            .filter(|finding| finding.severity == severity)
            .count()
    };
    let quality = match (count(Severity::Error), count(Severity::Warning)) {
        (0, 0) => "nothing in the data contradicts itself".to_owned(),
        (0, warnings) => format!(
            "{} below {} to be read with it",
            counted(warnings, "warning"),
            have(warnings)
        ),
        (errors, _) => format!("{} below {} to be read with it", counted(errors, "error"), have(errors)),
    };
    format!("{basis}; {quality}{}.", doubt(choice.profile))
}

/// A sentence from what it tells one after the other.
pub(super) fn sentence(parts: &[String]) -> String {
    let told = parts.join("; ");
    let mut letters = told.chars();
    let first: String = letters.next().into_iter().flat_map(char::to_uppercase).collect();
    format!("{first}{}.", letters.as_str())
}

fn have(number: usize) -> &'static str {
    if number == 1 { "has" } else { "have" }
}

/// The range of the figure that is known least.
fn doubt(profile: &Profile) -> String {
    let latency = [
        ("reads", &profile.latency_ms.read),
        ("writes", &profile.latency_ms.write),
    ];
    let ranges = latency.into_iter().filter_map(|(what, latency)| {
        let latency = latency.as_ref()?;
        let (lo, hi) = (latency.p95.lo, latency.p95.hi?);
        (hi > lo).then_some((what, lo, hi))
    });
    let widest = ranges.max_by(|one, two| (one.2 - one.1).total_cmp(&(two.2 - two.1)));
    widest.map_or_else(String::new, |(what, lo, hi)| {
        format!(
            "; percentiles are known by their bucket, so the p95 of {what} lies between {} and {}",
            time(lo),
            time(hi)
        )
    })
}
