//! Axes of flat plots.

use vscsi_shared::histogram::Metric;

use super::fit::fitting;
use super::font::{self, Weight};
use super::labels::{self, axis_number};
use super::lettering::label_at;
use super::page::Page;
use super::palette::{AXIS, GRID, HATCH};
use super::scale::{BucketRows, Linear};
use super::scene::{Anchor, Area, Layer};
use super::slices::Slices;
use super::time_axis::TimeAxis;

/// A thin border around a plot.
pub(super) fn frame(layer: &mut Layer, plot: &Area) {
    layer.path(
        vec![
            (plot.left, plot.top),
            (plot.left, plot.bottom),
            (plot.right, plot.bottom),
            (plot.right, plot.top),
            (plot.left, plot.top),
        ],
        AXIS,
        0.6,
    );
}

/// The title of a horizontal time axis below a plot, and its ticks as a layer of their own: a page that shows a part of the
/// time has others.
#[must_use]
pub(super) fn time_axis(layer: &mut Layer, time: &TimeAxis, plot: &Area, scale: f64, area: &Area) -> Layer {
    let tick = Page::TICK * scale;
    let label = Page::LABEL * scale;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a few labels")]
    let most = ((plot.width() / (6.0 * tick)) as usize).clamp(2, 12);
    let mut runs = Vec::new();
    let mut marks = Layer::new("time-ticks");
    let ticks = time.ticks(most);
    for mark in &ticks {
        let x = plot.left + plot.width() * time.share(mark.at);
        marks.line((x, plot.bottom), (x, plot.bottom + 3.0 * scale), AXIS, 0.6);
        let half = font::width(&mark.label, tick, Weight::Regular) / 2.0;
        let at = (
            x.min(area.right + Page::OVERHANG * scale - half),
            plot.bottom + 4.5 * scale + font::CAP_HEIGHT * tick,
        );
        runs.push(label_at(&mark.label, at, tick, Anchor::Middle));
    }
    for run in fitting(runs, &[], 3.0 * scale) {
        marks.text(run);
    }
    let at = (
        f64::midpoint(plot.left, plot.right),
        area.bottom - font::DESCENT * label,
    );
    layer.text(label_at(&time.title(&ticks), at, label, Anchor::Middle));
    marks
}

/// A vertical axis of a timeline.
pub(super) enum ValueAxis {
    /// Numbers from 0.
    Numbers(Linear),
    /// Buckets, each as high as any other.
    Buckets(BucketRows),
}

impl ValueAxis {
    /// Where a value is between the ends, 0 to 1.
    pub(super) fn share(&self, value: f64) -> f64 {
        match self {
            Self::Numbers(axis) => axis.share(value),
            Self::Buckets(rows) => rows.share(value),
        }
    }

    /// Where the grid lines are between the ends, and their labels, from bottom to top.
    pub(super) fn ticks(&self) -> Vec<(f64, String)> {
        match self {
            Self::Numbers(axis) => {
                let tick = |value| (axis.share(value), axis_number(value, axis.step));
                axis.ticks().map(tick).collect()
            }
            Self::Buckets(rows) => {
                let label =
                    |limit: Option<i64>| limit.map_or_else(String::new, |limit| labels::value(Metric::Latency, limit));
                rows.edges().map(|(share, limit)| (share, label(limit))).collect()
            }
        }
    }

    /// Draws grid lines and labels left of a plot.
    pub(super) fn draw(&self, layer: &mut Layer, plot: &Area, scale: f64) {
        let tick = Page::TICK * scale;
        let mut runs = Vec::new();
        for (share, text) in self.ticks() {
            let y = plot.bottom - plot.height() * share;
            layer.line((plot.left, y), (plot.right, y), GRID, 0.5);
            let at = (plot.left - 5.0 * scale, y + font::CAP_HEIGHT * tick / 2.0);
            runs.push(label_at(&text, at, tick, Anchor::End));
        }
        for run in fitting(runs, &[], 3.0 * scale) {
            layer.text(run);
        }
    }
}

/// Hatches the times without any sample.
pub(super) fn gaps(layer: &mut Layer, slices: &Slices, time: &TimeAxis, plot: &Area) {
    for (start, end) in slices.gaps() {
        let gap = Area {
            left: plot.left + plot.width() * time.share(start),
            right: plot.left + plot.width() * time.share(end),
            ..*plot
        };
        layer.hatching(&gap, 4.0, HATCH);
    }
}
