//! The charts of both jobs, below or beside each other.

use maud::{Markup, PreEscaped, html};
use vscsi_shared::histogram::{Interval, Metric};

use super::{Pair, WORDS};
use crate::chart::{AlikeCharts, ChartKind, InlineChart, bucket_labels};
use crate::number::count;
use crate::report::charts::{self, DIRECTIONS, Drawn, is_distribution, is_timeline, quantities, share};

/// The charts of one kind, one of each job.
type Row = [InlineChart];

/// Everything that is drawn over time.
pub(super) fn over_time(charts: &AlikeCharts) -> Markup {
    below_each_other(charts, is_timeline)
}

/// Sizes and latencies of the samples that were kept.
pub(super) fn distributions(charts: &AlikeCharts) -> Markup {
    below_each_other(charts, is_distribution)
}

/// The charts of some kinds as wide as the page.
fn below_each_other(charts: &AlikeCharts, are_shown: impl Fn(ChartKind) -> bool) -> Markup {
    let rows = charts.rows.iter().filter_map(|row| {
        row.first()
            .filter(|chart| are_shown(chart.kind))
            .map(|first| (first, row))
    });
    html! {
        @for (first, row) in rows {
            figure {
                figcaption { h3 { (first.kind.title()) } (legend(row)) }
                @for (word, chart) in WORDS.into_iter().zip(row) {
                    h4 { (word) }
                    @for picture in &chart.pictures { div.wide { (PreEscaped(picture)) } }
                }
                (notes(row))
            }
        }
    }
}

/// The surfaces of both jobs side by side, and their heat maps below them.
pub(super) fn surfaces(pair: &Pair<'_>, charts: &AlikeCharts) -> Markup {
    let drawn = |kind: ChartKind| {
        let is_it = |row: &&Vec<InlineChart>| row.first().is_some_and(|chart| chart.kind == kind);
        charts.rows.iter().find(is_it).map(Vec::as_slice)
    };
    let figure = |row: &Row| Drawn {
        chart: None,
        legend: legend(row),
        pictures: html! { (beside(row, 0)) (beside(row, 1)) },
        notes: notes(row),
    };
    quantities(drawn, figure, |metric| shares(pair, metric))
}

/// A picture of each chart of a row, beside each other.
fn beside(row: &Row, picture: usize) -> Markup {
    html! {
        div.beside {
            @for (word, chart) in WORDS.into_iter().zip(row) {
                @if let Some(picture) = chart.pictures.get(picture) {
                    div { p.which { (word) } (PreEscaped(picture)) }
                }
            }
        }
    }
}

/// What the colours stand for in any of the charts.
fn legend(row: &Row) -> Markup {
    let mut entries: Vec<&(String, String)> = Vec::new();
    for entry in row.iter().flat_map(|chart| &chart.legend) {
        if !entries.contains(&entry) {
            entries.push(entry);
        }
    }
    charts::legend(entries)
}

/// What has to be said about the charts, once where it is the same for all.
fn notes(row: &Row) -> Markup {
    let mut told: Vec<String> = Vec::new();
    for (word, chart) in WORDS.into_iter().zip(row) {
        for note in &chart.notes {
            let is_common = row.iter().all(|other| other.notes.contains(note));
            let text = if is_common {
                note.clone()
            } else {
                format!("{word}: {note}")
            };
            if !told.contains(&text) {
                told.push(text);
            }
        }
    }
    charts::notes(&told)
}

/// The shares of the buckets of a metric in both jobs, of the samples that were kept.
fn shares(pair: &Pair<'_>, metric: Metric) -> Markup {
    let mut columns: Vec<(String, &Interval)> = Vec::new();
    for (operation, _, name) in DIRECTIONS {
        for (word, job) in pair.jobs() {
            if let Some(interval) = job.workload.histograms.of(metric, operation) {
                columns.push((format!("{name} {word}"), interval));
            }
        }
    }
    let Some((_, first)) = columns.first() else {
        return html! { p.note { "Neither capture holds this histogram." } };
    };
    if columns.iter().any(|(_, interval)| interval.limits != first.limits) {
        return html! { p.note { "The bucket limits of the two jobs differ, so their shares cannot stand in one table." } };
    }
    let labels = bucket_labels(metric, first.limits.as_slice());
    html! {
        details {
            summary { "Numbers: the shares of the samples that were kept" }
            div.wide { table.figures {
                thead { tr {
                    th scope="col" { "bucket" }
                    @for (name, _) in &columns { th scope="col" { (name) } }
                } }
                tbody {
                    @for (bucket, label) in labels.iter().enumerate() {
                        tr {
                            th scope="row" { (label) }
                            @for (_, interval) in &columns { td { (share(interval, bucket)) } }
                        }
                    }
                    tr {
                        th scope="row" { "I/Os" }
                        @for (_, interval) in &columns { td { (count(interval.total() as f64)) } }
                    }
                }
            } }
        }
    }
}
