//! Charts with what belongs to them: title, legend, what to know about them, and the numbers behind them.

use maud::{Markup, PreEscaped, html};
use vscsi_shared::histogram::{Interval, Metric, Operation};

use super::following::{Choice, Part};
use crate::chart::{ChartKind, InlineChart, Surface, bucket_labels};
use crate::number::count;

/// The directions, by the word in the page's classes, and what they are called.
pub(super) const DIRECTIONS: [(Operation, &str, &str); 3] = [
    (Operation::All, "all", "all commands"),
    (Operation::Read, "read", "reads"),
    (Operation::Write, "write", "writes"),
];

/// Whether a chart has lines over time.
pub(super) fn is_timeline(kind: ChartKind) -> bool {
    !matches!(kind, ChartKind::Surface(..)) && !is_distribution(kind)
}

/// Whether a chart has bars of the samples that were kept.
pub(super) fn is_distribution(kind: ChartKind) -> bool {
    matches!(kind, ChartKind::BlockSizes | ChartKind::Latencies)
}

/// A chart as wide as the page.
pub(super) fn figure(chart: &InlineChart) -> Markup {
    html! {
        figure data-chart=(chart.kind.name()) {
            figcaption { h3 { (chart.kind.title()) } (legend(&chart.legend)) }
            @for picture in &chart.pictures { div.wide { (PreEscaped(picture)) } }
            (notes(&chart.notes))
        }
    }
}

/// What colours stand for: swatches with their meanings.
pub(super) fn legend<'a>(entries: impl IntoIterator<Item = &'a (String, String)>) -> Markup {
    html! {
        ul.legend { @for (swatch, meaning) in entries { li { (PreEscaped(swatch)) " " (meaning) } } }
    }
}

/// What has to be said about charts.
pub(super) fn notes(notes: &[String]) -> Markup {
    html! {
        @if !notes.is_empty() { p.note { (notes.join(" · ")) } }
    }
}

/// The surfaces beside their heat maps, by quantity and direction, with the histograms behind them.
pub(super) fn surfaces(choice: &Choice<'_>, charts: &[InlineChart]) -> Markup {
    let drawn = |kind: ChartKind| charts.iter().find(|chart| chart.kind == kind);
    let figure = |chart: &InlineChart| Drawn {
        chart: Some(chart.kind.name()),
        legend: legend(&chart.legend),
        pictures: html! { div.beside { @for picture in &chart.pictures { div { (PreEscaped(picture)) } } } },
        notes: notes(&chart.notes),
    };
    quantities(drawn, figure, |metric| Part::Histogram(metric).placed(choice))
}

/// What stands in the figure of a quantity and a direction.
pub(super) struct Drawn {
    /// The name by which the page's script finds the chart, where there is one.
    pub(super) chart: Option<&'static str>,
    pub(super) legend: Markup,
    pub(super) pictures: Markup,
    pub(super) notes: Markup,
}

/// The quantities, each with a figure of every direction, of which the reader chooses one, and with the numbers behind them.
/// `drawn` is whatever was drawn of a kind of surface: a direction of which nothing was drawn is not offered.
pub(super) fn quantities<T>(
    drawn: impl Fn(ChartKind) -> Option<T>,
    figure: impl Fn(T) -> Drawn,
    numbers: impl Fn(Metric) -> Markup,
) -> Markup {
    let of = |surface: Surface, operation: Operation| drawn(ChartKind::Surface(surface, operation));
    let is_shown = |operation| Surface::ALL.into_iter().any(|surface| of(surface, operation).is_some());
    let shown: Vec<_> = DIRECTIONS
        .into_iter()
        .filter(|(operation, ..)| is_shown(*operation))
        .collect();
    html! {
        (directions(&shown))
        @for surface in Surface::ALL {
            section.quantity {
                h3 { (surface.title()) }
                p.note { (explained(surface)) }
                @for (operation, word, name) in &shown {
                    @if let Some(drawn) = of(surface, *operation).map(&figure) {
                        figure class={ "pair of-" (word) } data-chart=[drawn.chart] {
                            figcaption { h4 { (name) } (drawn.legend) }
                            (drawn.pictures)
                            (drawn.notes)
                        }
                    }
                }
                // Block sizes stand behind two surfaces and are told with the first of them.
                @if surface == Surface::BlockSize {
                    p.note { "The numbers stand behind the surface above." }
                } @else {
                    (numbers(surface.metric()))
                }
            }
        }
    }
}

/// The choice of a direction, which the style sheet obeys.
fn directions(shown: &[(Operation, &str, &str)]) -> Markup {
    html! {
        fieldset.choice {
            legend { "Show" }
            @for (index, (_, word, name)) in shown.iter().enumerate() {
                label { input type="radio" name="direction" id={ "show-" (word) } checked[index == 0]; " " (name) }
            }
        }
    }
}

/// What to look for, in one line.
fn explained(surface: Surface) -> &'static str {
    match surface {
        Surface::Iops => {
            "How many I/Os of each size a second: where the activity is. The ridge of a size runs along the time."
        }
        Surface::BlockSize => "The same sizes as shares of all I/Os: what the mix is, also when little happens.",
        Surface::Latency => "How long I/Os took. A ridge that moves to longer times is storage that slows down.",
        Surface::Seek => {
            "How far the next I/O lies from the one before, in blocks of 512 bytes. Sequential I/O stands at 1."
        }
        Surface::Outstanding => "How many I/Os were in flight when a new one was issued, itself included.",
        Surface::Interarrival => "How long after the one before an I/O came. Much at the short end are bursts.",
    }
}

/// The histograms of a metric, over the samples of a choice.
pub(super) fn histogram(choice: &Choice<'_>, metric: Metric) -> Markup {
    let of = |operation| choice.workload.histograms.of(metric, operation);
    let found: Vec<(&str, &Interval)> = DIRECTIONS
        .into_iter()
        .filter_map(|(operation, _, name)| Some((name, of(operation)?)))
        .collect();
    let Some((_, first)) = found.first() else {
        return html! { p.note { "The capture does not hold this histogram." } };
    };
    let labels = bucket_labels(metric, first.limits.as_slice());
    html! {
        details {
            summary { "Numbers: the histogram of the samples that were kept" }
            div.wide { table.figures {
                thead { tr {
                    th scope="col" { "bucket, by its upper limit" }
                    @for (name, _) in &found { th scope="col" { (name) } th scope="col" { "share" } }
                } }
                tbody {
                    @for (bucket, label) in labels.iter().enumerate() {
                        tr {
                            th scope="row" { (label) }
                            @for (_, interval) in &found {
                                td { (count(counted(interval, bucket) as f64)) }
                                td { (share(interval, bucket)) }
                            }
                        }
                    }
                }
            } }
        }
    }
}

fn counted(interval: &Interval, bucket: usize) -> u64 {
    interval.counts.get(bucket).copied().unwrap_or(0)
}

/// The share of a bucket in percent.
pub(super) fn share(interval: &Interval, bucket: usize) -> String {
    match (counted(interval, bucket), interval.total()) {
        (0, _) | (_, 0) => "–".to_owned(),
        (number, of) => format!("{:.2}%", 100.0 * number as f64 / of as f64),
    }
}
