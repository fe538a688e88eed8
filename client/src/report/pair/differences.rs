//! What two jobs differ by: every measure with its ranges, the distances of the histograms, and the limits.

use maud::{Markup, html};
use vscsi_shared::histogram::{HistogramKind, Metric, Operation};

use super::Pair;
use crate::analysis::Analysis;
use crate::analysis::profile::Distribution;
use crate::compare::{Comparison, Difference, Measure, Row, Verdict};
use crate::report::figure::Figure;

/// What a measure is called.
pub(super) fn title(measure: Measure) -> &'static str {
    match measure {
        Measure::Iops => "I/Os per second",
        Measure::ReadIops => "reads per second",
        Measure::WriteIops => "writes per second",
        Measure::Mbps => "MB/s",
        Measure::ReadMbps => "MB/s read",
        Measure::WriteMbps => "MB/s written",
        Measure::ReadPercent => "reads",
        Measure::SequentialPercent => "in sequence",
        Measure::QueueDepth => "outstanding I/Os, mean",
        Measure::ReadMean => "latency of reads, mean",
        Measure::ReadP50 => "latency of reads, p50",
        Measure::ReadP95 => "latency of reads, p95",
        Measure::ReadP99 => "latency of reads, p99",
        Measure::WriteMean => "latency of writes, mean",
        Measure::WriteP50 => "latency of writes, p50",
        Measure::WriteP95 => "latency of writes, p95",
        Measure::WriteP99 => "latency of writes, p99",
    }
}

/// What a measure is called inside a sentence.
pub(super) fn in_a_sentence(measure: Measure) -> &'static str {
    match measure {
        Measure::ReadPercent => "the share of reads",
        Measure::SequentialPercent => "the share in sequence",
        Measure::ReadP95 => "the p95 of reads",
        Measure::WriteP95 => "the p95 of writes",
        other => title(other),
    }
}

/// The value of a measure as the page shows it.
pub(super) fn figure(measure: Measure, analysis: &Analysis) -> Figure {
    let shown = |value: f64| measure.shown(value).replace("us", "µs");
    Figure::known(measure.of(&analysis.profile), |range| {
        Figure::within(&range, last_limit(measure, analysis), shown)
    })
}

/// The last limit of the histogram that a percentile is taken from, beyond which little is known.
fn last_limit(measure: Measure, analysis: &Analysis) -> f64 {
    let latency = &analysis.profile.latency_ms;
    let limit = |distribution: &Option<Distribution>| distribution.as_ref().map_or(f64::INFINITY, |of| of.last_limit);
    match measure {
        Measure::ReadP50 | Measure::ReadP95 | Measure::ReadP99 => limit(&latency.read),
        Measure::WriteP50 | Measure::WriteP95 | Measure::WriteP99 => limit(&latency.write),
        _ => f64::INFINITY,
    }
}

/// How much a measure changed by its estimates: `+12.5%`, or `−3.0 points` for what is in percent itself.
pub(super) fn change(row: &Row) -> Option<String> {
    let signed = |value: f64, unit: &str| {
        let size = format!("{:.1}", value.abs());
        let sign = match size.as_str() {
            "0.0" => "±",
            _ if value < 0.0 => "−",
            _ => "+",
        };
        format!("{sign}{size}{unit}")
    };
    if row.measure.is_share() {
        let (baseline, candidate) = row.baseline.zip(row.candidate)?;
        return Some(signed(candidate.est - baseline.est, " points"));
    }
    Some(signed(row.percent()?.est - 100.0, "%"))
}

fn in_words(difference: Difference) -> &'static str {
    match difference {
        Difference::None => "equal",
        Difference::Certain => "differs",
        Difference::Possible => "perhaps: the ranges overlap or touch",
        Difference::Unknown => "not known",
    }
}

/// The figures that are asked for first, and what they were.
pub(super) fn tiles(pair: &Pair<'_>) -> Markup {
    let shown = [
        Measure::Iops,
        Measure::Mbps,
        Measure::ReadPercent,
        Measure::SequentialPercent,
        Measure::QueueDepth,
        Measure::ReadP95,
        Measure::WriteP95,
    ];
    let rows = pair.comparison.rows.iter().filter(|row| shown.contains(&row.measure));
    html! {
        dl.tiles {
            @for row in rows {
                @let (before, after) = (figure(row.measure, pair.before), figure(row.measure, pair.after));
                div {
                    dt { (tile(row.measure)) }
                    dd { (after.estimate) }
                    dd.was { (before.estimate) " before" @if let Some(change) = change(row) { ", " (change) } }
                }
            }
        }
    }
}

/// What a measure is called on a tile.
fn tile(measure: Measure) -> &'static str {
    match measure {
        Measure::QueueDepth => "outstanding I/Os",
        Measure::ReadP95 => "p95 of reads",
        Measure::WriteP95 => "p95 of writes",
        other => title(other),
    }
}

/// The measures, the limits and the distances.
pub(super) fn section(pair: &Pair<'_>) -> Markup {
    html! {
        (limits(&pair.comparison))
        (measures(pair))
        (distances(&pair.comparison))
    }
}

fn measures(pair: &Pair<'_>) -> Markup {
    let headings = ["", "before", "after", "change", "sure?"];
    html! {
        div.wide { table.figures {
            thead { tr { @for heading in headings { th scope="col" { (heading) } } } }
            tbody {
                @for row in &pair.comparison.rows {
                    tr {
                        th scope="row" { (title(row.measure)) }
                        td { (figure(row.measure, pair.before).markup()) }
                        td { (figure(row.measure, pair.after).markup()) }
                        td { (change(row).unwrap_or_else(|| "–".to_owned())) }
                        td { (in_words(row.difference())) }
                    }
                }
            }
        } }
    }
}

fn limits(comparison: &Comparison) -> Markup {
    html! {
        @if !comparison.limits.is_empty() {
            h3 { "Limits" }
            ul.findings {
                @for limit in &comparison.limits {
                    @let severity = match limit.verdict {
                        Verdict::Kept => "info",
                        Verdict::Undecided => "warning",
                        Verdict::Missed | Verdict::NotMeasured => "error",
                    };
                    li class=(severity) {
                        b { (limit.verdict.words()) } ": " (limit.limit) " of before, " (limit.why())
                    }
                }
            }
        }
    }
}

fn distances(comparison: &Comparison) -> Markup {
    let headings = ["histogram", "KS distance", "chance", "mean, of before", "chance", ""];
    let figure = |shown: Option<String>| shown.unwrap_or_else(|| "–".to_owned());
    html! {
        h3 { "Distances of the histograms" }
        @if comparison.histograms.is_empty() {
            p { "Neither job has a histogram with values." }
        } @else {
            p.note {
                "0: equal shares, 1: nothing in common. A KS distance below chance is what two samples of one workload differ by, "
                "and so is a mean that is no further from 100%. Histograms with other bucket limits have no distance."
            }
            div.wide { table.figures {
                thead { tr { @for heading in headings { th scope="col" { (heading) } } } }
                tbody {
                    @for histogram in &comparison.histograms {
                        tr {
                            th scope="row" { (title_of(histogram.kind)) }
                            td { (figure(histogram.distance.map(|distance| format!("{:.3}", distance.ks)))) }
                            td { (figure(histogram.distance.map(|distance| format!("{:.3}", distance.sampling_floor.min(1.0))))) }
                            td { (figure(histogram.mean.map(|mean| format!("{:.1}%", mean.percent.est)))) }
                            td { (figure(histogram.mean.map(|mean| format!("±{:.1}", mean.chance)))) }
                            td { (histogram.likeness.words()) }
                        }
                    }
                }
            } }
        }
    }
}

/// What a histogram is called.
fn title_of(kind: HistogramKind) -> String {
    let metric = match kind.metric() {
        Metric::IoLength => "block size",
        Metric::SeekDistance => "seek distance",
        Metric::SeekDistanceClosest16 => "seek distance, closest of 16 before",
        Metric::OutstandingIos => "outstanding ios",
        Metric::Latency => "latency",
        Metric::Interarrival => "interarrival",
    };
    let commands = match kind.operation() {
        Operation::Read => "reads",
        Operation::Write => "writes",
        Operation::All => "all commands",
    };
    format!("{metric}: {commands}")
}
