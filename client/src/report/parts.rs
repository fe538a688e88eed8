//! The parts of the page that are mostly text: data quality, the fio job, method and provenance.

use jiff::Timestamp;
use maud::{Markup, html};

use super::Replay;
use super::figure::time;
use super::following::{Choice, Part};
use crate::analysis::{Analysis, Severity};
use crate::fidelity::Fidelity;
use crate::number::{counted, percent, rate};
use crate::store::is_imported;
use crate::summary::{noted, severity_word};

/// What was noticed about the data, the gravest first.
pub(super) fn findings(analysis: &Analysis) -> Markup {
    let noted = noted(&analysis.findings, analysis.series.disks.len());
    html! {
        @if noted.is_empty() {
            p { "Nothing was noticed: every snapshot could be read, no counter fell, and all counts agree with each other." }
        } @else {
            p.note { "An error made data unusable, a warning makes some numbers cover less, and a note leaves them as good as they were." }
            ul.findings {
                @for finding in noted {
                    li class=(severity_class(finding.severity)) {
                        b { (severity_word(finding.severity)) } ":" (finding.text)
                    }
                }
            }
        }
    }
}

fn severity_class(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "info",
        Severity::Warning => "warning",
        Severity::Error => "error",
    }
}

/// The fio job, and how near it comes to what was measured. The filter that it names is an element of its own.
pub(super) fn replay(choice: &Choice<'_>) -> Markup {
    let job = match choice.replay {
        Replay::Written(job) => job,
        Replay::Missing(why) => return html! { p { "There is no fio job: " (why) "." } },
        Replay::Elsewhere => {
            return html! {
                p {
                    "This page holds no fio job of these samples. "
                    code { "vscsi-helper analyze " (choice.analysis.job.job_id) " " span.options {} }
                    " writes it."
                }
            };
        }
    };
    let filter = &choice.workload.provenance.filter;
    let (before, after) = match job.text.split_once(&format!("{FILTER}{filter}")) {
        Some((before, after)) => (format!("{before}{FILTER}"), after),
        None => (job.text.clone(), ""),
    };
    html! {
        @for fidelity in job.fidelity.iter().map(|phase| &phase.fidelity) {
            p { b { "Fidelity, from the file read back: " } (fidelity.summary()) }
            (fidelity_tables(fidelity))
        }
        p.note {
            "The target is named when it is run, and whatever it holds is overwritten. "
            code { "vscsi-helper verify " (choice.analysis.job.job_id) " --directory SCRATCH" }
            " runs it and compares it with what was measured."
        }
        pre tabindex="0" { code { (before) @if !after.is_empty() { span.filter { (filter) } (after) } } }
    }
}

/// What stands before the filter in a fio job.
const FILTER: &str = "\n# Filter: ";

fn fidelity_tables(fidelity: &Fidelity) -> Markup {
    html! {
        details {
            summary { "Numbers: what the fio job keeps of the workload" }
            div.wide { table.figures {
                thead { tr { @for heading in ["", "measured", "replayed", "verdict"] { th scope="col" { (heading) } } } }
                tbody {
                    @for row in &fidelity.rates {
                        tr {
                            th scope="row" { (row.name) @if !row.unit.is_empty() { ", " (row.unit) } }
                            td { (rate(row.measured)) } td { (rate(row.replayed)) } td { (row.verdict.word()) }
                        }
                    }
                }
            } }
            div.wide { table.figures {
                thead { tr { @for heading in ["histogram", "KS distance", "largest allowed", "verdict"] { th scope="col" { (heading) } } } }
                tbody {
                    @for row in &fidelity.histograms {
                        tr {
                            th scope="row" { (row.part) }
                            td { (format!("{:.3}", row.distance.ks)) }
                            td { @if let Some(gate) = row.gate { (format!("{gate:.2}")) } @else { "–" } }
                            td { (row.verdict.word()) }
                        }
                    }
                }
            } }
        }
    }
}

/// `2025-11-06 08:30:22 UTC`.
pub(super) fn moment(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// Where the numbers come from, and how they were made.
pub(super) fn method(choice: &Choice<'_>) -> Markup {
    html! { (how_it_is_measured()) (provenance(choice)) }
}

/// How the numbers of every report come about.
pub(super) fn how_it_is_measured() -> Markup {
    html! {
        p {
            "vscsiStats counts every I/O of a virtual disk in histograms. A sample is the difference of two of its prints, so no "
            "I/O falls between two samples. Rates divide by the host's monotonic clock. Whatever a histogram does not tell exactly "
            "is shown as an estimate with the range that holds the true value: a percentile lies in its bucket, and bytes are "
            "bounded by the buckets and the printed mean. The profile is that of the samples that the filter kept; a filter looks at "
            "the I/Os per second over all disks, and at nothing else."
        }
    }
}

/// Where the numbers of a job come from.
pub(super) fn provenance(choice: &Choice<'_>) -> Markup {
    let analysis = choice.analysis;
    let (job, provenance) = (&analysis.job, &analysis.workload.provenance);
    let source = if is_imported(job) {
        "a capture that was imported".to_owned()
    } else {
        format!("vscsiStats on {}", provenance.host)
    };
    let facts = [
        ("job", provenance.job.clone()),
        ("VM", provenance.vm_name.clone()),
        ("source", source),
        (
            "disks",
            analysis
                .series
                .disks
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join(", "),
        ),
        (
            "samples",
            format!(
                "{} of {} that were planned, {} a sample",
                job.collection.samples_collected,
                job.collection.samples_expected,
                time(f64::from(job.profile.interval_seconds) * 1000.0)
            ),
        ),
        (
            "made by",
            format!(
                "vscsi-helper {}, method {}",
                env!("CARGO_PKG_VERSION"),
                provenance.method_version
            ),
        ),
    ];
    html! {
        dl {
            @for (name, value) in facts { dt { (name) } dd { (value) } }
            dt { "filter" } dd data-part=(Part::Kept.name()) { (Part::Kept.markup(choice)) }
            dt { "cut" } dd data-part=(Part::Border.name()) { (Part::Border.markup(choice)) }
            @if let Some((from, to)) = provenance.period { dt { "time" } dd { (moment(from)) " to " (moment(to)) } }
        }
    }
}

/// The filter, and how much it kept.
pub(super) fn kept(choice: &Choice<'_>) -> Markup {
    let (provenance, shares) = (&choice.workload.provenance, choice.shares);
    html! {
        span.filter { (provenance.filter) }
        (format!(
            ": {} of {} kept, {} of the time, {} of the I/Os, {} of the bytes",
            provenance.samples_kept,
            counted(provenance.samples_total, "sample"),
            percent(100.0 * shares.time),
            percent(100.0 * shares.ios),
            percent(100.0 * shares.bytes)
        ))
    }
}

/// Between which samples the filter cut.
pub(super) fn border(choice: &Choice<'_>) -> String {
    match choice.border {
        (Some(quietest), Some(busiest)) => format!(
            "the quietest sample that was kept has {} I/Os per second, the busiest of the others {}",
            rate(quietest),
            rate(busiest)
        ),
        _ => "no sample is left out".to_owned(),
    }
}
