//! What the kept samples do as a whole: block sizes, and latencies with the ranges of their percentiles.

use vscsi_shared::histogram::{Interval, Limits, Metric, Operation};

use super::ChartInput;
use super::bars::{Bar, BarPanel, BarSeries};
use super::extent::Extent;
use super::field::exact_sizes;
use super::fit::fitting;
use super::font;
use super::kind::ChartKind;
use super::labels::{self, rough, short};
use super::lettering::{colored, label_at};
use super::page::Page;
use super::palette::{COLUMN, INK, PAPER, hue};
use super::scale::bucket_share;
use super::scene::{Anchor, Area, Color, Layer};
use crate::analysis::estimate::{self, PerMille, Range};
use crate::analysis::profile::BlockSizes;

const DIRECTIONS: [(Operation, &str); 2] = [(Operation::Read, "reads"), (Operation::Write, "writes")];

fn interval<'a>(input: &ChartInput<'a>, metric: Metric, operation: Operation) -> Option<&'a Interval> {
    input.workload.histograms.of(metric, operation)
}

/// The bucket limits in use; both directions share them.
fn limits(input: &ChartInput<'_>, metric: Metric) -> Limits {
    DIRECTIONS
        .into_iter()
        .find_map(|(operation, _)| interval(input, metric, operation))
        .map_or_else(|| Limits::known(metric), |interval| interval.limits.clone())
}

/// A measure of the buckets of one direction.
type Shares = fn(Option<&Interval>) -> Vec<Option<Bar>>;

/// Share of each bucket in percent of all values; none for an empty histogram.
fn by_count(interval: Option<&Interval>) -> Vec<Option<Bar>> {
    let counts = interval.map_or(&[][..], |interval| interval.counts.as_slice());
    let all = interval.map_or(0, Interval::total) as f64;
    counts
        .iter()
        .map(|&count| {
            (all > 0.0).then(|| Bar {
                percent: 100.0 * count as f64 / all,
                bounds: None,
            })
        })
        .collect()
}

/// Share of each bucket in percent of the bytes, with the bounds that buckets and mean allow.
fn by_bytes(interval: Option<&Interval>) -> Vec<Option<Bar>> {
    let Some(interval) = interval else {
        return Vec::new();
    };
    let mut described = BlockSizes::of(interval).buckets.into_iter();
    interval
        .counts
        .iter()
        .map(|&count| {
            // Buckets without I/Os are not described.
            let share = (count > 0).then(|| described.next()).flatten()?.bytes_percent;
            Some(Bar {
                percent: share.est,
                bounds: share.hi.map(|hi| (share.lo, hi)),
            })
        })
        .collect()
}

/// The bars of a distribution: those of its left half and those of its right one.
fn series(input: &ChartInput<'_>, kind: ChartKind) -> [Vec<BarSeries>; 2] {
    let of = |metric, shares: Shares, operation| BarSeries {
        color: hue(operation),
        bars: shares(interval(input, metric, operation)),
    };
    let directions = DIRECTIONS.map(|(operation, _)| operation);
    match kind {
        ChartKind::BlockSizes => [by_count as Shares, by_bytes].map(|shares| {
            let sizes = directions.map(|operation| of(Metric::IoLength, shares, operation));
            sizes.into()
        }),
        _ => directions.map(|operation| vec![of(Metric::Latency, by_count, operation)]),
    }
}

/// What the axes of the two halves of a distribution have to hold.
pub(super) fn extents(input: &ChartInput<'_>, kind: ChartKind) -> [Option<Extent>; 2] {
    series(input, kind).map(|series| Extent::around(series.iter().map(BarSeries::extent)))
}

/// Block sizes by count on the left, by bytes on the right. The axes hold what they have to hold `also`.
pub(super) fn block_sizes(page: &mut Page, input: &ChartInput<'_>, area: &Area, also: [Option<Extent>; 2]) {
    let limits = limits(input, Metric::IoLength);
    let labels = labels::buckets(Metric::IoLength, limits.as_slice());
    let landmarks = exact_sizes(limits.as_slice());
    let gutter = 16.0 * page.scale;
    let middle = f64::midpoint(area.left, area.right);
    let halves = [
        Area {
            right: middle - gutter,
            ..*area
        },
        Area {
            left: middle + gutter,
            ..*area
        },
    ];
    let panels = [
        ("By number of I/Os", "% of the I/Os of the same direction"),
        ("By bytes", "% of the bytes of the same direction"),
    ];
    let series = series(input, ChartKind::BlockSizes).into_iter().zip(also);
    for ((half, (heading, unit)), (series, also)) in halves.into_iter().zip(panels).zip(series) {
        let panel = BarPanel {
            heading,
            unit,
            bucket_title: "block size (bytes)",
            labels: &labels,
            landmarks: &landmarks,
            series,
            also,
        };
        panel.draw(page, &half);
    }
}

/// Latencies of reads on the left and of writes on the right, each with its percentiles. The axes hold what they have to
/// hold `also`.
pub(super) fn latencies(page: &mut Page, input: &ChartInput<'_>, area: &Area, also: [Option<Extent>; 2]) {
    let limits = limits(input, Metric::Latency);
    let labels = labels::buckets(Metric::Latency, limits.as_slice());
    let gutter = 16.0 * page.scale;
    let middle = f64::midpoint(area.left, area.right);
    let series = series(input, ChartKind::Latencies).into_iter().zip(also);
    for ((index, (operation, name)), (series, also)) in DIRECTIONS.into_iter().enumerate().zip(series) {
        let half = if index == 0 {
            Area {
                right: middle - gutter,
                ..*area
            }
        } else {
            Area {
                left: middle + gutter,
                ..*area
            }
        };
        let found = interval(input, Metric::Latency, operation);
        let split = half.left + half.width() * 0.57;
        let plot = BarPanel {
            heading: &format!("Latency of {name}"),
            unit: &format!("% of {name}"),
            bucket_title: "latency",
            labels: &labels,
            landmarks: &[],
            series,
            also,
        }
        .draw(page, &Area { right: split, ..half });
        if let Some(found) = found {
            let columns = Area {
                left: split + 10.0 * page.scale,
                right: half.right,
                ..plot
            };
            percentiles(page, found, limits.as_slice(), &columns, hue(operation));
        }
    }
}

/// Ranges of percentiles as columns beside the buckets, and the estimates above them.
fn percentiles(page: &mut Page, interval: &Interval, limits: &[i64], area: &Area, color: Color) {
    const SHOWN: [PerMille; 4] = [PerMille::P50, PerMille::P95, PerMille::P99, PerMille::P999];
    let scale = page.scale;
    let tick = Page::TICK * scale;
    let pitch = area.width() / SHOWN.len() as f64;
    let mut layer = Layer::new("percentiles");
    let (mut names, mut estimates) = (Vec::new(), Vec::new());
    for (index, per_mille) in SHOWN.into_iter().enumerate() {
        let Some(range) = estimate::percentile(interval, Metric::Latency, per_mille) else {
            continue;
        };
        let x = area.left + pitch * (index as f64 + 0.5);
        let y = |value: f64| area.bottom - area.height() * bucket_share(value, limits);
        let top = range.hi.map_or(area.top, y);
        let half = (pitch * 0.16).min(5.0 * scale);
        layer.line((x, area.top), (x, area.bottom), COLUMN, 0.5);
        layer.rectangle(
            Area {
                left: x - half,
                top,
                right: x + half,
                bottom: y(range.lo),
            },
            PAPER.toward(color, 0.45),
        );
        let estimate = y(range.est);
        layer.line((x - half * 1.6, estimate), (x + half * 1.6, estimate), INK, 1.2);
        let name_at = (x, area.bottom + 4.5 * scale + font::CAP_HEIGHT * tick);
        names.push(label_at(&per_mille.to_string(), name_at, tick, Anchor::Middle));
        let text = estimate_text(&range);
        estimates.push(colored(&text, (x, area.top - 4.0 * scale), tick, Anchor::Middle, INK));
    }
    // Too narrow for one line, every second estimate stands in a line above.
    if fitting(estimates.clone(), &[], 3.0 * scale).len() < estimates.len() {
        for estimate in estimates.iter_mut().skip(1).step_by(2) {
            estimate.at.1 -= 1.2 * tick;
        }
    }
    for run in fitting(names, &[], 2.0 * scale)
        .into_iter()
        .chain(fitting(estimates, &[], 3.0 * scale))
    {
        layer.text(run);
    }
    page.scene.layers.push(layer);
}

/// An estimate in its own unit: `≈0.8 ms`, or `>100 ms` where only the lower bound is known.
fn estimate_text(range: &Range) -> String {
    let (value, sign) = match range.hi {
        None => (range.lo, ">"),
        Some(hi) if hi <= range.lo => (range.est, ""),
        Some(_) => (range.est, "≈"),
    };
    let (scaled, unit) = match value {
        value if value >= 1e6 => (value / 1e6, "s"),
        value if value >= 1000.0 => (value / 1000.0, "ms"),
        value => (value, "µs"),
    };
    let number = if sign == "≈" { rough(scaled) } else { short(scaled) };
    format!("{sign}{number} {unit}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn estimates_are_told_from_bounds() {
        assert_eq!(estimate_text(&Range::exact(500.0)), "500 µs");
        assert_eq!(estimate_text(&Range::at_least(100_000.0)), ">100 ms");
        let guess = Range::between(500.0, 1000.0, 812.0, estimate::Method::LogLinear);
        assert_eq!(estimate_text(&guess), "≈810 µs");
    }
}
