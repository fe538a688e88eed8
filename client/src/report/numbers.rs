//! The charts over time as the page's script takes them: numbers to draw, and the words that it tells a reader.

use serde::Serialize;

use super::figure::{Figure, time};
use crate::analysis::estimate::{Method, Range};
use crate::chart::{
    ChartError, ChartInput, ChartKind, ChartNumbers, LineNumbers, Moment, PartNumbers, TimelineNumbers, chart_numbers,
};
use crate::number::{percent, rate};

/// What the script knows of the charts.
#[derive(Debug, Serialize)]
pub(super) struct Numbers {
    #[serde(flatten)]
    charts: ChartNumbers,
    /// The slices of the timelines, where they are others than those of the heat maps.
    fine: Option<Vec<Moment>>,
    timelines: Vec<Timeline>,
}

/// A chart of lines.
#[derive(Debug, Serialize)]
struct Timeline {
    /// Its name.
    chart: &'static str,
    parts: Vec<Part>,
}

/// Lines on the same axis.
#[derive(Debug, Serialize)]
struct Part {
    unit: &'static str,
    /// Left, top, right and bottom of the lines in units of the picture.
    plot: [i32; 4],
    rows: Vec<Row>,
}

/// A value in words for each slice.
#[derive(Debug, Serialize)]
struct Row {
    label: String,
    values: Vec<String>,
}

impl Numbers {
    /// Of the charts over time among these.
    ///
    /// # Errors
    /// [`ChartError`] when they cannot be drawn.
    pub(super) fn of(input: &ChartInput<'_>, kinds: &[ChartKind]) -> Result<Self, ChartError> {
        let mut charts = chart_numbers(input, kinds)?;
        let fine = std::mem::take(&mut charts.fine_moments);
        Ok(Self {
            timelines: charts.timelines.iter().map(Timeline::of).collect(),
            fine: (fine != charts.moments).then_some(fine),
            charts,
        })
    }
}

impl Timeline {
    fn of(timeline: &TimelineNumbers) -> Self {
        let part = |part: &PartNumbers| Part {
            unit: part.unit,
            plot: part.plot,
            rows: rows(timeline.kind, part),
        };
        Self {
            chart: timeline.kind.name(),
            parts: timeline.parts.iter().map(part).collect(),
        }
    }
}

fn rows(kind: ChartKind, part: &PartNumbers) -> Vec<Row> {
    let last_limit = part.last_limit.map_or(f64::INFINITY, |limit| limit as f64);
    let figure = |value: f64, bounds: Option<(f64, f64)>| match (kind, bounds) {
        (ChartKind::LatencyTimeline, Some(bounds)) => {
            Figure::within(&range(value, bounds), last_limit, |microseconds| {
                time(microseconds / 1000.0)
            })
        }
        (ChartKind::ThroughputTimeline, Some(bounds)) => Figure::of(&range(value, bounds), rate),
        (ChartKind::SequentialTimeline, _) => Figure::exact(percent(value)),
        _ => Figure::exact(rate(value)),
    };
    let row = |line: &LineNumbers| Row {
        label: line.label.clone(),
        values: (line.values.iter().enumerate())
            .map(|(index, value)| {
                let bounds = line.bounds.get(index).copied().flatten();
                Figure::known(*value, |value| figure(value, bounds)).to_string()
            })
            .collect(),
    };
    // Where a band is not that of the line, it is told by itself.
    let apart = (part.band.zip(part.lines.first())).filter(|_| kind == ChartKind::OutstandingTimeline);
    let band = apart.map(|(label, line)| Row {
        label: label.to_owned(),
        values: (line.bounds.iter())
            .map(|bounds| Figure::known(*bounds, |(lo, hi)| Figure::between(lo, hi, rate)).to_string())
            .collect(),
    });
    part.lines.iter().map(row).chain(band).collect()
}

fn range(est: f64, (lo, hi): (f64, f64)) -> Range {
    Range {
        lo,
        hi: hi.is_finite().then_some(hi),
        est,
        method: Method::LogLinear,
    }
}
