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

/// A chart as wide as the page.
pub(super) fn figure(chart: &InlineChart) -> Markup {
    html! {
        figure data-chart=(chart.kind.name()) {
            figcaption { h3 { (chart.kind.title()) } (legend(chart)) }
            @for picture in &chart.pictures { div.wide { (PreEscaped(picture)) } }
            (notes(chart))
        }
    }
}

/// What the colours of a chart stand for.
pub(super) fn legend(chart: &InlineChart) -> Markup {
    html! {
        ul.legend { @for (swatch, meaning) in &chart.legend { li { (PreEscaped(swatch)) " " (meaning) } } }
    }
}

fn notes(chart: &InlineChart) -> Markup {
    html! {
        @if !chart.notes.is_empty() { p.note { (chart.notes.join(" · ")) } }
    }
}

/// The surfaces beside their heat maps, by quantity and direction, with the histograms behind them.
pub(super) fn surfaces(choice: &Choice<'_>, charts: &[InlineChart]) -> Markup {
    let of = |surface: Surface, operation: Operation| {
        charts
            .iter()
            .find(|chart| chart.kind == ChartKind::Surface(surface, operation))
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
                    @if let Some(chart) = of(surface, *operation) {
                        figure class={ "pair of-" (word) } data-chart=(chart.kind.name()) {
                            figcaption { h4 { (name) } (legend(chart)) }
                            div.beside { @for picture in &chart.pictures { div { (PreEscaped(picture)) } } }
                            (notes(chart))
                        }
                    }
                }
                @match behind(surface) {
                    Some(metric) => (Part::Histogram(metric).placed(choice)),
                    None => p.note { "The numbers stand behind the surface above." },
                }
            }
        }
    }
}

/// The choice of a direction, which the style sheet obeys.
pub(super) fn directions(shown: &[(Operation, &str, &str)]) -> Markup {
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
pub(super) fn explained(surface: Surface) -> &'static str {
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

/// The histograms whose numbers stand behind a surface; block sizes stand behind two of them and are told with the first.
fn behind(surface: Surface) -> Option<Metric> {
    match surface {
        Surface::Iops => Some(Metric::IoLength),
        Surface::BlockSize => None,
        Surface::Latency => Some(Metric::Latency),
        Surface::Seek => Some(Metric::SeekDistance),
        Surface::Outstanding => Some(Metric::OutstandingIos),
        Surface::Interarrival => Some(Metric::Interarrival),
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
                                @let number = interval.counts.get(bucket).copied().unwrap_or(0);
                                td { (count(number as f64)) }
                                td { (share(number, interval.total())) }
                            }
                        }
                    }
                }
            } }
        }
    }
}

/// A share in percent, with what it is of.
pub(super) fn share(number: u64, of: u64) -> String {
    match (number, of) {
        (0, _) | (_, 0) => "–".to_owned(),
        (number, of) => format!("{:.2}%", 100.0 * number as f64 / of as f64),
    }
}
