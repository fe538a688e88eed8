//! Buckets as rows, with a bar per direction.

use super::axes::frame;
use super::extent::Extent;
use super::fit::fitting;
use super::font::{self, Weight};
use super::labels::{NO_IO, NOT_MEASURED, axis_number, short};
use super::lettering::{colored, label_at, widest};
use super::page::Page;
use super::palette::{GRID, INK, PAPER, QUIET, STRIPE};
use super::scale::Linear;
use super::scene::{Anchor, Area, Color, Layer, TextRun};

/// A bar: its length, and what it cannot leave where it is an estimate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Bar {
    pub(super) percent: f64,
    pub(super) bounds: Option<(f64, f64)>,
}

/// Bars of one colour, one per bucket.
pub(super) struct BarSeries {
    pub(super) color: Color,
    pub(super) bars: Vec<Option<Bar>>,
}

impl BarSeries {
    /// The extent of its bars.
    pub(super) fn extent(&self) -> Option<Extent> {
        let ends = |bar: &Bar| bar.bounds.map_or(bar.percent, |(_, hi)| hi.max(bar.percent));
        Extent::of(self.bars.iter().flatten().map(ends))
    }
}

/// Rows of bars under a heading.
pub(super) struct BarPanel<'a> {
    pub(super) heading: &'a str,
    pub(super) unit: &'a str,
    pub(super) bucket_title: &'a str,
    pub(super) labels: &'a [String],
    pub(super) landmarks: &'a [usize],
    pub(super) series: Vec<BarSeries>,
    /// What the axis has to hold as well: the bars of the same panel of another job.
    pub(super) also: Option<Extent>,
}

impl BarPanel<'_> {
    /// Draws the panel and returns the area of its rows, the first bucket at the bottom.
    pub(super) fn draw(&self, page: &mut Page, area: &Area) -> Area {
        let scale = page.scale;
        let tick = Page::TICK * scale;
        let label = Page::LABEL * scale;
        let left = widest(self.labels.iter().map(String::as_str), tick) + 7.0 * scale;
        let plot = Area {
            left: area.left + left,
            top: area.top + 4.2 * tick,
            right: area.right,
            bottom: area.bottom - 3.6 * tick,
        };
        let held = Extent::around(self.series.iter().map(BarSeries::extent).chain([self.also]));
        let most = Extent::ends(held).fold(0.0, f64::max);
        // Room for the figure behind the longest bar.
        let axis = Linear::up_to((most * 1.12).min(100.0), 5);
        let mut layer = Layer::new("bars");
        self.grid(&mut layer, &axis, &plot, scale);
        self.heading(&mut layer, area, &plot, label);
        self.bucket_labels(&mut layer, &plot, tick, scale);
        let row = plot.height() / self.labels.len().max(1) as f64;
        for (index, series) in self.series.iter().enumerate() {
            let share = 0.76 / self.series.len() as f64;
            for (bucket, bar) in series.bars.iter().enumerate() {
                let Some(bar) = bar.filter(|bar| bar.percent > 0.0) else {
                    continue;
                };
                let bottom = plot.bottom - row * bucket as f64;
                let top = bottom - row * (0.88 - share * index as f64);
                let area = Area {
                    left: plot.left,
                    top,
                    right: plot.left + plot.width() * axis.share(bar.percent),
                    bottom: top + row * share * 0.92,
                };
                bar.draw(&mut layer, &axis, &plot, &area, series.color, scale);
            }
        }
        let empty = self.series.iter().all(|series| series.bars.iter().all(Option::is_none));
        if empty {
            let middle = (
                f64::midpoint(plot.left, plot.right),
                f64::midpoint(plot.top, plot.bottom),
            );
            // A histogram without commands has its buckets, one that is not there has none.
            let measured = self.series.iter().any(|series| !series.bars.is_empty());
            let reason = if measured { NO_IO } else { NOT_MEASURED };
            layer.text(label_at(reason, middle, label, Anchor::Middle));
        }
        frame(&mut layer, &plot);
        page.scene.layers.push(layer);
        plot
    }

    fn heading(&self, layer: &mut Layer, area: &Area, plot: &Area, label: f64) {
        layer.text(TextRun {
            text: self.heading.to_owned(),
            at: (area.left, area.top + font::CAP_HEIGHT * label * 1.15),
            size: label * 1.15,
            weight: Weight::Medium,
            anchor: Anchor::Start,
            color: INK,
        });
        let at = (area.left, plot.top - 0.7 * label);
        layer.text(label_at(self.bucket_title, at, label, Anchor::Start));
        let at = (
            f64::midpoint(plot.left, plot.right),
            area.bottom - font::DESCENT * label,
        );
        layer.text(label_at(self.unit, at, label, Anchor::Middle));
    }

    fn grid(&self, layer: &mut Layer, axis: &Linear, plot: &Area, scale: f64) {
        let tick = Page::TICK * scale;
        let row = plot.height() / self.labels.len().max(1) as f64;
        for bucket in (1..self.labels.len()).step_by(2) {
            let bottom = plot.bottom - row * bucket as f64;
            layer.rectangle(
                Area {
                    top: bottom - row,
                    bottom,
                    ..*plot
                },
                STRIPE,
            );
        }
        let mut runs = Vec::new();
        for value in axis.ticks() {
            let x = plot.left + plot.width() * axis.share(value);
            layer.line((x, plot.top), (x, plot.bottom), GRID, 0.5);
            let at = (x, plot.bottom + 4.5 * scale + font::CAP_HEIGHT * tick);
            runs.push(label_at(&axis_number(value, axis.step), at, tick, Anchor::Middle));
        }
        for run in fitting(runs, &[], 4.0 * scale) {
            layer.text(run);
        }
    }

    fn bucket_labels(&self, layer: &mut Layer, plot: &Area, tick: f64, scale: f64) {
        let row = plot.height() / self.labels.len().max(1) as f64;
        let runs = self
            .labels
            .iter()
            .enumerate()
            .map(|(bucket, text)| {
                let middle = plot.bottom - row * (bucket as f64 + 0.5);
                let at = (plot.left - 4.0 * scale, middle + font::CAP_HEIGHT * tick / 2.0);
                label_at(text, at, tick, Anchor::End)
            })
            .collect();
        for run in fitting(runs, self.landmarks, 3.0 * scale) {
            layer.text(run);
        }
    }
}

impl Bar {
    fn draw(&self, layer: &mut Layer, axis: &Linear, plot: &Area, area: &Area, color: Color, scale: f64) {
        layer.rectangle(*area, color);
        let x = |percent: f64| plot.left + plot.width() * axis.share(percent);
        let middle = f64::midpoint(area.top, area.bottom);
        let mut end = area.right;
        if let Some((lo, hi)) = self.bounds.filter(|(lo, hi)| hi - lo >= 1.0) {
            layer.line((x(lo), middle), (x(hi), middle), INK.with_alpha(0.7), 0.7);
            for side in [x(lo), x(hi)] {
                let reach = area.height() * 0.3;
                layer.line((side, middle - reach), (side, middle + reach), INK.with_alpha(0.7), 0.7);
            }
            end = end.max(x(hi));
        }
        let size = (area.height() * 1.05).min(Page::TICK * scale);
        if size < 4.0 {
            return;
        }
        let text = if self.percent < 0.1 {
            "<0.1 %".to_owned()
        } else {
            format!("{} %", short((self.percent * 10.0).round() / 10.0))
        };
        let baseline = middle + font::CAP_HEIGHT * size / 2.0;
        let run = colored(&text, (end + 3.0 * scale, baseline), size, Anchor::Start, QUIET);
        if run.area().right <= plot.right {
            layer.text(run);
        } else {
            let inside = (area.right - 3.0 * scale, baseline);
            layer.text(colored(&text, inside, size, Anchor::End, PAPER));
        }
    }
}
