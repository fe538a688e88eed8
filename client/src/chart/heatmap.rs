//! The same quantity seen from above: a surface hides its valleys, a heat map does not.

use super::axes::{frame, gaps, time_axis};
use super::field::Field;
use super::fit::fitting;
use super::font::{self, Weight};
use super::labels::{NO_IO, NOT_MEASURED, short};
use super::lettering::label_at;
use super::page::Page;
use super::palette::{GROUND, HEAT_LEVELS, PAPER, heat, heat_level};
use super::scale::Decades;
use super::scene::{Anchor, Area, Layer};
use super::slices::Slices;
use super::time_axis::TimeAxis;

/// What a heat map is drawn from.
pub(super) struct HeatPanel<'a> {
    pub(super) field: &'a Field,
    pub(super) slices: &'a Slices,
    pub(super) time: &'a TimeAxis,
    pub(super) bucket_title: &'a str,
}

impl HeatPanel<'_> {
    /// Where in an area of the page its cells are.
    pub(super) fn plot(&self, area: &Area, scale: f64) -> Area {
        let tick = Page::TICK * scale;
        let widest = self
            .field
            .labels
            .iter()
            .map(|text| font::width(text, tick, Weight::Regular))
            .fold(0.0, f64::max);
        Area {
            left: area.left + widest + 7.0 * scale,
            top: area.top + 5.6 * tick,
            right: area.right,
            bottom: area.bottom - 3.6 * tick,
        }
    }

    /// Draws the panel into an area of the page.
    pub(super) fn draw(&self, page: &mut Page, area: &Area) {
        let scale = page.scale;
        let tick = Page::TICK * scale;
        let label = Page::LABEL * scale;
        let plot = self.plot(area, scale);
        let decades = Decades::around(self.field.values());
        let mut layer = Layer::new("heatmap");
        self.cells(&mut layer, &plot, decades);
        page.scene.layers.push(layer);

        let mut axes = Layer::new("heatmap-axes");
        self.bucket_axis(&mut axes, &plot, tick, scale);
        axes.text(label_at(
            self.bucket_title,
            (area.left, plot.top - 6.0 * scale),
            label,
            Anchor::Start,
        ));
        let ticks = time_axis(&mut axes, self.time, &plot, scale, area);
        self.color_bar(&mut axes, area, decades, scale);
        if self.field.extent().is_none() {
            let middle = (
                f64::midpoint(plot.left, plot.right),
                f64::midpoint(plot.top, plot.bottom),
            );
            let reason = if self.field.measured { NO_IO } else { NOT_MEASURED };
            axes.text(label_at(reason, middle, 1.3 * label, Anchor::Middle));
        }
        page.scene.layers.extend([axes, ticks]);
    }

    fn cells(&self, layer: &mut Layer, plot: &Area, decades: Option<Decades>) {
        let height = plot.height() / self.field.buckets().max(1) as f64;
        gaps(layer, self.slices, self.time, plot);
        for (slice, row) in self.slices.slices.iter().zip(&self.field.rows) {
            let left = plot.left + plot.width() * self.time.share(slice.start);
            let right = plot.left + plot.width() * self.time.share(slice.end);
            let column = Area {
                left,
                right,
                top: plot.top,
                bottom: plot.bottom,
            };
            layer.rectangle(column, GROUND);
            for (bucket, &value) in row.iter().enumerate() {
                if let Some(decades) = decades.filter(|_| value > 0.0) {
                    let bottom = plot.bottom - height * bucket as f64;
                    layer.rectangle(
                        Area {
                            left,
                            right,
                            top: bottom - height,
                            bottom,
                        },
                        heat(heat_level(decades.share(value))),
                    );
                }
            }
            if !slice.kept {
                layer.rectangle(column, PAPER.with_alpha(0.6));
            }
        }
    }

    fn bucket_axis(&self, layer: &mut Layer, plot: &Area, tick: f64, scale: f64) {
        let height = plot.height() / self.field.buckets().max(1) as f64;
        let runs = self
            .field
            .labels
            .iter()
            .enumerate()
            .map(|(bucket, text)| {
                let middle = plot.bottom - height * (bucket as f64 + 0.5);
                let at = (plot.left - 4.0 * scale, middle + font::CAP_HEIGHT * tick / 2.0);
                label_at(text, at, tick, Anchor::End)
            })
            .collect();
        for run in fitting(runs, &self.field.landmarks, 3.0 * scale) {
            layer.text(run);
        }
        frame(layer, plot);
    }

    /// The key of the colours, at the top right.
    fn color_bar(&self, layer: &mut Layer, area: &Area, decades: Option<Decades>, scale: f64) {
        let tick = Page::TICK * scale;
        let label = Page::LABEL * scale;
        let baseline = area.top + font::CAP_HEIGHT * label;
        let Some(decades) = decades else {
            return;
        };
        let width = (area.width() * 0.42).min(150.0 * scale);
        let bar = Area {
            left: area.right - width,
            top: area.top,
            right: area.right,
            bottom: area.top + 7.0 * scale,
        };
        for level in 0..HEAT_LEVELS {
            let edge = |index: u8| bar.left + width * f64::from(index) / f64::from(HEAT_LEVELS);
            layer.rectangle(
                Area {
                    left: edge(level),
                    right: edge(level + 1),
                    ..bar
                },
                heat(level),
            );
        }
        let runs = decades
            .ticks()
            .enumerate()
            .map(|(index, value)| {
                let x = bar.left + width * decades.share(value);
                let sign = if index == 0 && decades.clipped { "≤" } else { "" };
                let text = format!("{sign}{}", short(value));
                let half = font::width(&text, tick, Weight::Regular) / 2.0;
                let at = (x.min(area.right - half), bar.bottom + 1.5 * tick);
                label_at(&text, at, tick, Anchor::Middle)
            })
            .collect();
        for run in fitting(runs, &[], 2.0 * scale) {
            layer.text(run);
        }
        let unit = format!("{}, log scale", self.field.unit);
        layer.text(label_at(&unit, (bar.left - 6.0 * scale, baseline), label, Anchor::End));
    }
}
