//! Axes of flat plots.

use super::fit::fitting;
use super::font::{self, Weight};
use super::labels::axis_number;
use super::lettering::label_at;
use super::page::Page;
use super::palette::{AXIS, GRID};
use super::scale::Linear;
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

/// Ticks and title of a horizontal time axis below a plot.
pub(super) fn time_axis(layer: &mut Layer, time: &TimeAxis, plot: &Area, scale: f64, area: &Area) {
    let tick = Page::TICK * scale;
    let label = Page::LABEL * scale;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a few labels")]
    let most = ((plot.width() / (6.0 * tick)) as usize).clamp(2, 12);
    let mut runs = Vec::new();
    for mark in time.ticks(most) {
        let x = plot.left + plot.width() * time.share(mark.at);
        layer.line((x, plot.bottom), (x, plot.bottom + 3.0 * scale), AXIS, 0.6);
        let half = font::width(&mark.label, tick, Weight::Regular) / 2.0;
        let at = (
            x.min(area.right - half),
            plot.bottom + 4.5 * scale + font::CAP_HEIGHT * tick,
        );
        runs.push(label_at(&mark.label, at, tick, Anchor::Middle));
    }
    for run in fitting(runs, &[], 3.0 * scale) {
        layer.text(run);
    }
    let at = (
        f64::midpoint(plot.left, plot.right),
        area.bottom - font::DESCENT * label,
    );
    layer.text(label_at(&time.title(), at, label, Anchor::Middle));
}

/// Labels of a vertical axis of numbers, from bottom to top.
pub(super) fn numbers(axis: &Linear) -> Vec<String> {
    axis.ticks().map(|value| axis_number(value, axis.step)).collect()
}

/// Grid lines and labels of a vertical axis of numbers left of a plot.
pub(super) fn value_axis(layer: &mut Layer, axis: &Linear, plot: &Area, scale: f64) {
    let tick = Page::TICK * scale;
    let mut runs = Vec::new();
    for (value, text) in axis.ticks().zip(numbers(axis)) {
        let y = plot.bottom - plot.height() * axis.share(value);
        layer.line((plot.left, y), (plot.right, y), GRID, 0.5);
        let at = (plot.left - 5.0 * scale, y + font::CAP_HEIGHT * tick / 2.0);
        runs.push(label_at(&text, at, tick, Anchor::End));
    }
    for run in fitting(runs, &[], 3.0 * scale) {
        layer.text(run);
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
        layer.hatching(&gap, 4.0, GRID.toward(AXIS, 0.4));
    }
}
