//! The page around a chart: title, whose data it is, legend, and how the numbers came about.

use super::font::{self, Weight};
use super::lettering::label_at;
use super::palette::{INK, QUIET};
use super::scene::{Anchor, Area, Color, Layer, Scene, TextRun};
use super::style::Style;

/// An entry of the legend.
#[derive(Debug, Clone)]
pub(super) struct Key {
    pub(super) color: Color,
    pub(super) label: String,
}

/// The texts around a chart.
pub(super) struct Texts {
    pub(super) title: String,
    /// Job, VM, host and disks.
    pub(super) subject: String,
    /// Lines below the chart: period, filter, version; then what a reader has to know about this picture.
    pub(super) caption: Vec<String>,
    pub(super) legend: Vec<Key>,
}

/// A page under construction: its scene, the space left for panels, and the scale of its type.
pub(super) struct Page {
    pub(super) scene: Scene,
    pub(super) body: Area,
    pub(super) scale: f64,
}

impl Page {
    /// What is free at the sides, points before scaling.
    const MARGIN: f64 = 22.0;
    /// How far the end of a label that stands at the end of an axis may reach into the margin, points before scaling.
    pub(super) const OVERHANG: f64 = Self::MARGIN - 4.0;
    /// Sizes of type in points, before scaling.
    const TITLE: f64 = 13.0;
    const SUBJECT: f64 = 8.0;
    const CAPTION: f64 = 6.5;
    /// Axis titles and the legend.
    pub(super) const LABEL: f64 = 7.5;
    /// Tick labels.
    pub(super) const TICK: f64 = 6.8;

    /// A page with its frame of texts, and the body free.
    pub(super) fn new(style: &Style, texts: &Texts) -> Self {
        let scale = style.scale();
        let margin = Self::MARGIN * scale;
        let mut page = Self {
            scene: Scene {
                width: style.width(),
                height: style.height(),
                layers: Vec::new(),
            },
            body: Area {
                left: margin,
                top: margin,
                right: style.width() - margin,
                bottom: style.height() - 14.0 * scale,
            },
            scale,
        };
        let mut layer = Layer::new("texts");
        page.head(&mut layer, texts);
        page.foot(&mut layer, texts);
        page.scene.layers.push(layer);
        page
    }

    /// A page that is a part of another one, which has the texts: all of it is body. Sides in points.
    pub(super) fn bare((width, height): (f64, f64), scale: f64) -> Self {
        let side = 4.0 * scale;
        Self {
            scene: Scene {
                width,
                height,
                layers: Vec::new(),
            },
            body: Area {
                left: side,
                top: side,
                right: width - Self::OVERHANG * scale,
                bottom: height - side,
            },
            scale,
        }
    }

    fn head(&mut self, layer: &mut Layer, texts: &Texts) {
        let scale = self.scale;
        let title = self.body.top + font::CAP_HEIGHT * Self::TITLE * scale;
        let subject = title + 14.0 * scale;
        let title_width = font::width(&texts.title, Self::TITLE * scale, Weight::Medium);
        let beside_title = title_width + 20.0 * scale + self.legend_width(&texts.legend) <= self.body.width();
        let legend = if beside_title { title } else { subject + 14.0 * scale };
        let width = self.body.width();
        let left = self.body.left;
        self.put(
            layer,
            (left, title),
            &texts.title,
            (Self::TITLE, Weight::Medium, INK),
            width,
        );
        self.put(
            layer,
            (left, subject),
            &texts.subject,
            (Self::SUBJECT, Weight::Regular, QUIET),
            width,
        );
        self.legend(layer, &texts.legend, legend);
        self.body.top = legend.max(subject) + 15.0 * scale;
    }

    fn legend_width(&self, keys: &[Key]) -> f64 {
        let text: f64 = keys
            .iter()
            .map(|key| font::width(&key.label, Self::LABEL * self.scale, Weight::Regular))
            .sum();
        text + 23.0 * self.scale * keys.len() as f64
    }

    /// Draws a legend that ends at the right edge of the body.
    pub(super) fn legend(&self, layer: &mut Layer, keys: &[Key], baseline: f64) {
        let size = Self::LABEL * self.scale;
        let swatch = 7.0 * self.scale;
        let mut right = self.body.right;
        for key in keys.iter().rev() {
            let left = right - font::width(&key.label, size, Weight::Regular);
            layer.text(label_at(&key.label, (left, baseline), size, Anchor::Start));
            let middle = baseline - font::CAP_HEIGHT * size / 2.0;
            let swatch_right = left - 4.0 * self.scale;
            layer.rectangle(
                Area {
                    left: swatch_right - swatch,
                    top: middle - swatch / 2.0,
                    right: swatch_right,
                    bottom: middle + swatch / 2.0,
                },
                key.color,
            );
            right = swatch_right - swatch - 12.0 * self.scale;
        }
    }

    fn foot(&mut self, layer: &mut Layer, texts: &Texts) {
        let size = Self::CAPTION * self.scale;
        let line = size * 1.4;
        let width = self.body.width();
        let lines: Vec<String> = texts.caption.iter().flat_map(|text| wrap(text, size, width)).collect();
        let mut baseline = self.body.bottom - line * lines.len().saturating_sub(1) as f64;
        self.body.bottom = baseline - size - 8.0 * self.scale;
        for text in lines {
            self.put(
                layer,
                (self.body.left, baseline),
                &text,
                (Self::CAPTION, Weight::Regular, QUIET),
                width,
            );
            baseline += line;
        }
    }

    fn put(
        &self,
        layer: &mut Layer,
        at: (f64, f64),
        text: &str,
        (size, weight, color): (f64, Weight, Color),
        available: f64,
    ) {
        let size = size * self.scale;
        layer.text(TextRun {
            text: font::ellipsis(text, size, weight, available),
            at,
            size,
            weight,
            anchor: Anchor::Start,
            color,
        });
    }
}

/// Separates the parts of a caption, and is where a line may end.
pub(super) const SEPARATOR: &str = "  ·  ";

/// Breaks a caption between its parts into lines of at most `width`.
fn wrap(text: &str, size: f64, width: f64) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for part in text.split(SEPARATOR) {
        if let Some(line) = lines.last_mut() {
            let longer = format!("{line}{SEPARATOR}{part}");
            if font::width(&longer, size, Weight::Regular) <= width {
                *line = longer;
                continue;
            }
        }
        lines.push(part.to_owned());
    }
    lines
}
