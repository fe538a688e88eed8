//! The page of one job.

use maud::{Markup, html};

use super::data::Data;
use super::following::{Choice, Part};
use super::frame::{Frame, present};
use super::parts::moment;
use super::{Charts, Report, charts, parts, profile, samples, verdict};
use crate::analysis::Analysis;
use crate::chart::InlineChart;
use crate::store::{UNKNOWN_HOST, is_imported};

/// The whole page, its parts in the order of the reader.
pub(super) fn frame<'a>(report: &'a Report<'_>) -> Frame<'a> {
    let analysis = report.analysis;
    let subject = verdict::subject(analysis);
    let choice = Choice::own(analysis, &report.replay);
    let drawn: &[InlineChart] = match &report.charts {
        Charts::Drawn(charts) => charts,
        Charts::Missing(_) => &[],
    };
    let sections = present([
        ("profile", "Profile", Some(Part::Profile.placed(&choice))),
        ("time", "Over time", Some(over_time(analysis, drawn))),
        (
            "shapes",
            "Surfaces and heat maps",
            (!drawn.is_empty()).then(|| html! { div data-stays { (charts::surfaces(&choice, drawn)) } }),
        ),
        (
            "sizes",
            "Sizes and latencies",
            (!drawn.is_empty()).then(|| distributions(drawn)),
        ),
        (
            "disks",
            "Disks",
            (analysis.disks.len() > 1).then(|| Part::Disks.placed(&choice)),
        ),
        ("phases", "Phases", Some(phases(report))),
        ("quality", "Data quality", Some(parts::findings(analysis))),
        ("replay", "fio job", Some(Part::Replay.placed(&choice))),
        ("method", "Method and provenance", Some(parts::method(&choice))),
    ]);
    Frame {
        header: html! {
            p.kind { "Storage workload report" }
            h1 { (subject) }
            p.subject { (origin(analysis)) }
            @if let Some(note) = &analysis.workload.provenance.note { p.user-note { (note) } }
            (Part::Verdict.placed(&choice))
            (Part::Tiles.placed(&choice))
        },
        notice: html! {
            @if let Charts::Missing(why) = &report.charts { p.missing { "There are no charts: " (why) "." } }
        },
        sections,
        data: Some(Data::of(report)),
        title: subject,
    }
}

/// Job, host and time in one line.
pub(super) fn origin(analysis: &Analysis) -> String {
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

fn over_time(analysis: &Analysis, drawn: &[InlineChart]) -> Markup {
    let timelines = drawn.iter().filter(|chart| charts::is_timeline(chart.kind));
    html! {
        div data-stays { @for chart in timelines { (charts::figure(chart)) } }
        (samples::table(analysis))
    }
}

fn distributions(drawn: &[InlineChart]) -> Markup {
    let distributions = drawn.iter().filter(|chart| charts::is_distribution(chart.kind));
    html! {
        div data-stays {
            @for chart in distributions { (charts::figure(chart)) }
            p.note { "The numbers are those of the histograms behind the surfaces." }
        }
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
