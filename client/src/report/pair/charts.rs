//! The charts of both jobs, below or beside each other.

use maud::{Markup, PreEscaped, html};
use vscsi_shared::histogram::{HistogramKind, Interval, Metric, Operation};

use super::{Pair, WORDS};
use crate::chart::{AlikeCharts, ChartKind, InlineChart, Surface, bucket_labels};
use crate::number::count;
use crate::report::charts::{DIRECTIONS, directions, explained, share};

/// The charts of one kind, one of each job.
type Row = [InlineChart];

/// Everything that is drawn over time.
pub(super) fn over_time(charts: &AlikeCharts) -> Markup {
    let is_timeline = |kind: ChartKind| {
        !matches!(
            kind,
            ChartKind::Surface(..) | ChartKind::BlockSizes | ChartKind::Latencies
        )
    };
    below_each_other(charts, is_timeline)
}

/// Sizes and latencies of the samples that were kept.
pub(super) fn distributions(_: &Pair<'_>, charts: &AlikeCharts) -> Markup {
    below_each_other(charts, |kind| {
        matches!(kind, ChartKind::BlockSizes | ChartKind::Latencies)
    })
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
    let of = |surface: Surface, operation: Operation| {
        let kind = ChartKind::Surface(surface, operation);
        charts
            .rows
            .iter()
            .find(|row| row.first().is_some_and(|chart| chart.kind == kind))
    };
    let shown: Vec<_> = DIRECTIONS
        .into_iter()
        .filter(|(operation, ..)| {
            Surface::ALL
                .into_iter()
                .any(|surface| of(surface, *operation).is_some())
        })
        .collect();
    html! {
        (directions(&shown))
        @for surface in Surface::ALL {
            section.quantity {
                h3 { (surface.title()) }
                p.note { (explained(surface)) }
                @for (operation, word, name) in &shown {
                    @if let Some(row) = of(surface, *operation) {
                        figure class={ "pair of-" (word) } {
                            figcaption { h4 { (name) } (legend(row)) }
                            (beside(row, 0))
                            (beside(row, 1))
                            (notes(row))
                        }
                    }
                }
                (shares(pair, surface))
            }
        }
    }
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
    html! {
        ul.legend { @for (swatch, meaning) in entries { li { (PreEscaped(swatch)) " " (meaning) } } }
    }
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
    html! {
        @if !told.is_empty() { p.note { (told.join(" · ")) } }
    }
}

/// The shares behind a surface of both jobs, of the samples that were kept.
fn shares(pair: &Pair<'_>, surface: Surface) -> Markup {
    let metric = match surface {
        Surface::Iops => Metric::IoLength,
        Surface::BlockSize => return html! { p.note { "The numbers stand behind the surface above." } },
        Surface::Latency => Metric::Latency,
        Surface::Seek => Metric::SeekDistance,
        Surface::Outstanding => Metric::OutstandingIos,
        Surface::Interarrival => Metric::Interarrival,
    };
    let mut columns: Vec<(String, &Interval)> = Vec::new();
    for (operation, _, name) in DIRECTIONS {
        for (word, job) in pair.jobs() {
            let kind = HistogramKind::new(metric, operation);
            if let Some(interval) = kind.and_then(|kind| job.workload.histograms.get(kind)) {
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
                            @for (_, interval) in &columns {
                                @let number = interval.counts.get(bucket).copied().unwrap_or(0);
                                td { (share(number, interval.total())) }
                            }
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
