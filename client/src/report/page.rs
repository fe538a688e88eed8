//! The page around the parts.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use sha2::{Digest as _, Sha256};

use super::data::Data;
use super::figure::{Figure, time};
use super::parts::moment;
use super::{Charts, Report, charts, parts, profile, samples, script, style, verdict};
use crate::analysis::Analysis;
use crate::analysis::profile::Distribution;
use crate::chart::{ChartKind, InlineChart};
use crate::number::{percent, rate};
use crate::store::{UNKNOWN_HOST, is_imported};

/// The whole page.
pub(super) fn page(report: &Report<'_>) -> String {
    let (style, script) = (style::sheet(), script::script());
    let subject = verdict::subject(report.analysis);
    let whole = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(policy(&style, &script));
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="referrer" content="no-referrer";
                title { (subject) ": storage workload report" }
                style { (PreEscaped(&style)) }
            }
            body { (body(report, &subject)) script { (PreEscaped(&script)) } }
        }
    };
    whole.into_string()
}

/// What the page may load and run: this style sheet and this script, and nothing else.
fn policy(style: &str, script: &str) -> String {
    let hash = |text: &str| STANDARD.encode(Sha256::digest(text.as_bytes()));
    format!(
        "default-src 'none'; script-src 'sha256-{}'; style-src 'sha256-{}'; base-uri 'none'; form-action 'none'",
        hash(script),
        hash(style)
    )
}

/// The parts in the order of the reader, each with the name that leads to it, and the data of the script.
fn body(report: &Report<'_>, subject: &str) -> Markup {
    let analysis = report.analysis;
    let drawn: &[InlineChart] = match &report.charts {
        Charts::Drawn(charts) => charts,
        Charts::Missing(_) => &[],
    };
    let all: [(&str, &str, Option<Markup>); 9] = [
        ("profile", "Profile", Some(profile::table(&analysis.profile))),
        ("time", "Over time", Some(over_time(analysis, drawn))),
        (
            "shapes",
            "Surfaces and heat maps",
            (!drawn.is_empty()).then(|| charts::surfaces(report, drawn)),
        ),
        (
            "sizes",
            "Sizes and latencies",
            (!drawn.is_empty()).then(|| distributions(drawn)),
        ),
        (
            "disks",
            "Disks",
            (analysis.disks.len() > 1).then(|| profile::disks(&analysis.disks)),
        ),
        ("phases", "Phases", Some(phases(report))),
        ("quality", "Data quality", Some(parts::findings(analysis))),
        ("replay", "fio job", Some(parts::replay(report))),
        ("method", "Method and provenance", Some(parts::method(report))),
    ];
    let sections: Vec<_> = all
        .into_iter()
        .filter_map(|(id, title, part)| Some((id, title, part?)))
        .collect();
    html! {
        header {
            p.kind { "Storage workload report" }
            h1 { (subject) }
            p.subject { (origin(analysis)) }
            @if let Some(note) = &analysis.workload.provenance.note { p.user-note { (note) } }
            p.verdict { (verdict::what(analysis)) }
            p.verdict.sure { (verdict::how_sure(analysis)) }
            (tiles(analysis))
        }
        nav aria-label="Parts" { @for (id, title, _) in &sections { a href={ "#" (id) } { (title) } " " } }
        main {
            @if let Charts::Missing(why) = &report.charts { p.missing { "There are no charts: " (why) "." } }
            @for (id, title, part) in &sections { section id=(id) { h2 { (title) } (part) } }
        }
        script type="application/json" id="data" { (PreEscaped(Data::of(report).packed())) }
        footer { p { "Made by vscsi-helper " (env!("CARGO_PKG_VERSION")) ". This page asks for nothing from anywhere." } }
    }
}

/// Job, host and time in one line.
fn origin(analysis: &Analysis) -> String {
    let provenance = &analysis.workload.provenance;
    let mut parts = vec![format!("job {}", provenance.job)];
    if is_imported(&analysis.job) {
        parts.push("imported from a capture".to_owned());
    } else if provenance.host != UNKNOWN_HOST {
        parts.push(format!("on {}", provenance.host));
    }
    if let Some((from, to)) = provenance.period {
        parts.push(format!("{} to {}", moment(from), moment(to)));
    }
    parts.join(" · ")
}

/// The figures that are asked for first.
fn tiles(analysis: &Analysis) -> Markup {
    let profile = &analysis.profile;
    let p95 = |latency: &Option<Distribution>| {
        let of = |latency: &Distribution| Figure::within(&latency.p95, latency.last_limit, time).estimate;
        latency.as_ref().map(of)
    };
    let tiles = [
        ("I/Os per second", profile.iops.total.map(rate)),
        ("MB/s", profile.throughput_mbps.total.map(|total| rate(total.est))),
        ("reads", profile.ios.read_percent().map(percent)),
        (
            "in sequence",
            profile.sequentiality.strict.map(|strict| percent(strict.est)),
        ),
        (
            "outstanding I/Os",
            profile.queue_depth.all.as_ref().map(|depth| rate(depth.mean.est)),
        ),
        ("p95 of reads", p95(&profile.latency_ms.read)),
        ("p95 of writes", p95(&profile.latency_ms.write)),
    ];
    html! {
        dl.tiles {
            @for (name, value) in tiles {
                @if let Some(value) = value { div { dt { (name) } dd { (value) } } }
            }
        }
    }
}

fn over_time(analysis: &Analysis, drawn: &[InlineChart]) -> Markup {
    let timelines = drawn.iter().filter(|chart| {
        matches!(
            chart.kind,
            ChartKind::IopsTimeline
                | ChartKind::LatencyTimeline
                | ChartKind::ThroughputTimeline
                | ChartKind::SequentialTimeline
                | ChartKind::OutstandingTimeline
        )
    });
    html! {
        @for chart in timelines { (charts::figure(chart)) }
        (samples::table(analysis))
    }
}

fn distributions(drawn: &[InlineChart]) -> Markup {
    let distributions = drawn
        .iter()
        .filter(|chart| matches!(chart.kind, ChartKind::BlockSizes | ChartKind::Latencies));
    html! {
        @for chart in distributions { (charts::figure(chart)) }
        p.note { "The numbers are those of the histograms behind the surfaces." }
    }
}

fn phases(report: &Report<'_>) -> Markup {
    html! {
        @if report.phases.len() == 1 {
            p { "The job has one level of activity: no busy and quiet stretches can be told apart." }
        } @else {
            p.note { "Busy and quiet stretches, told apart by the job's own levels of activity; each has all of its samples, whatever the filter." }
        }
        (profile::phases(&report.phases))
    }
}
