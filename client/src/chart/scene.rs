//! What a chart consists of, before it is a file: layers of shapes and texts at places measured in points.
//!
//! Layouts make a scene, and [`super::paint`] draws it with any plotters backend. Tests look at scenes: which texts
//! there are, where, and whether their boxes meet.

use super::font::{self, Weight};

/// A place on the page in points, x to the right and y down.
pub(super) type Point = (f64, f64);

/// An RGB colour and its opacity, 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Color {
    pub(super) rgb: (u8, u8, u8),
    pub(super) alpha: f64,
}

impl Color {
    /// An opaque colour, written as in CSS: `0xRRGGBB`.
    pub(super) const fn hex(value: u32) -> Self {
        let [_, red, green, blue] = value.to_be_bytes();
        Self {
            rgb: (red, green, blue),
            alpha: 1.0,
        }
    }

    /// The same colour, more or less opaque.
    pub(super) const fn with_alpha(self, alpha: f64) -> Self {
        Self { rgb: self.rgb, alpha }
    }

    /// A colour between `self` (`share` 0) and `other` (`share` 1), both opaque.
    pub(super) fn toward(self, other: Self, share: f64) -> Self {
        let share = share.clamp(0.0, 1.0);
        let mix = |from: u8, to: u8| {
            let value = f64::from(from) + (f64::from(to) - f64::from(from)) * share;
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "between two bytes"
            )]
            let byte = value.round() as u8;
            byte
        };
        Self {
            rgb: (
                mix(self.rgb.0, other.rgb.0),
                mix(self.rgb.1, other.rgb.1),
                mix(self.rgb.2, other.rgb.2),
            ),
            alpha: 1.0,
        }
    }
}

/// Which point of a text its position names; vertically it is always the baseline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

/// A text at its place, level.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct TextRun {
    pub(super) text: String,
    /// Where the anchor is, on the baseline.
    pub(super) at: Point,
    /// Font size in points.
    pub(super) size: f64,
    pub(super) weight: Weight,
    pub(super) anchor: Anchor,
    pub(super) color: Color,
}

/// An upright rectangle, in points.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Area {
    pub(super) left: f64,
    pub(super) top: f64,
    pub(super) right: f64,
    pub(super) bottom: f64,
}

impl Area {
    pub(super) fn width(&self) -> f64 {
        self.right - self.left
    }

    pub(super) fn height(&self) -> f64 {
        self.bottom - self.top
    }

    /// Whether the two share more than an edge.
    pub(super) fn overlaps(&self, other: &Self) -> bool {
        self.left < other.right && other.left < self.right && self.top < other.bottom && other.top < self.bottom
    }

    /// The area with its sides moved outwards.
    pub(super) fn grown(&self, across: f64, along: f64) -> Self {
        Self {
            left: self.left - across,
            top: self.top - along,
            right: self.right + across,
            bottom: self.bottom + along,
        }
    }
}

impl TextRun {
    /// The box the text covers, from the top of its capitals to the bottom of its descenders.
    pub(super) fn area(&self) -> Area {
        let width = font::width(&self.text, self.size, self.weight);
        let before = match self.anchor {
            Anchor::Start => 0.0,
            Anchor::Middle => width / 2.0,
            Anchor::End => width,
        };
        let (above, below) = (font::CAP_HEIGHT * self.size, font::DESCENT * self.size);
        let (x, y) = self.at;
        Area {
            left: x - before,
            top: y - above,
            right: x - before + width,
            bottom: y + below,
        }
    }
}

/// One shape or text.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Item {
    /// A filled polygon.
    Polygon { points: Vec<Point>, fill: Color },
    /// A filled upright rectangle.
    Rectangle { area: Area, fill: Color },
    /// A line through points; `width` in points.
    Path {
        points: Vec<Point>,
        color: Color,
        width: f64,
    },
    /// A text.
    Text(TextRun),
}

/// Items that belong together; encoders that know groups keep the name.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Layer {
    pub(super) name: &'static str,
    pub(super) items: Vec<Item>,
}

impl Layer {
    pub(super) fn new(name: &'static str) -> Self {
        Self {
            name,
            items: Vec::new(),
        }
    }

    pub(super) fn polygon(&mut self, points: Vec<Point>, fill: Color) {
        self.items.push(Item::Polygon { points, fill });
    }

    pub(super) fn rectangle(&mut self, area: Area, fill: Color) {
        self.items.push(Item::Rectangle { area, fill });
    }

    pub(super) fn path(&mut self, points: Vec<Point>, color: Color, width: f64) {
        self.items.push(Item::Path { points, color, width });
    }

    pub(super) fn line(&mut self, from: Point, to: Point, color: Color, width: f64) {
        self.path(vec![from, to], color, width);
    }

    /// A straight line of dashes of `dash` points with gaps of the same length.
    pub(super) fn dashed(&mut self, from: Point, to: Point, dash: f64, color: Color, width: f64) {
        let (dx, dy) = (to.0 - from.0, to.1 - from.1);
        let length = dx.hypot(dy);
        if length <= 0.0 || dash <= 0.0 {
            return;
        }
        let at = |distance: f64| (from.0 + dx * distance / length, from.1 + dy * distance / length);
        let mut begin = 0.0;
        while begin < length {
            self.line(at(begin), at((begin + dash).min(length)), color, width);
            begin += 2.0 * dash;
        }
    }

    /// Fine diagonal lines over an area, for what is not known.
    pub(super) fn hatching(&mut self, area: &Area, pitch: f64, color: Color) {
        let mut shift = pitch;
        while shift < area.width() + area.height() {
            // From the left or bottom edge, rising to the top or right edge.
            let from = (
                area.left + (shift - area.height()).max(0.0),
                area.top + shift.min(area.height()),
            );
            let to = (
                area.left + shift.min(area.width()),
                area.top + (shift - area.width()).max(0.0),
            );
            self.line(from, to, color, 0.4);
            shift += pitch;
        }
    }

    pub(super) fn text(&mut self, run: TextRun) {
        self.items.push(Item::Text(run));
    }
}

/// A whole page.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Scene {
    /// Width in points.
    pub(super) width: f64,
    /// Height in points.
    pub(super) height: f64,
    /// Drawn in this order.
    pub(super) layers: Vec<Layer>,
}

impl Scene {
    /// Every text of the page.
    #[cfg(test)]
    pub(super) fn texts(&self) -> impl Iterator<Item = &TextRun> {
        self.layers
            .iter()
            .flat_map(|layer| &layer.items)
            .filter_map(|item| match item {
                Item::Text(run) => Some(run),
                _ => None,
            })
    }

    /// The layers of this name.
    #[cfg(test)]
    pub(super) fn layers_named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Layer> {
        self.layers.iter().filter(move |layer| layer.name == name)
    }
}
