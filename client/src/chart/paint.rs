//! The one drawing path: a scene's items on any plotters backend.
//!
//! plotters gives places as whole numbers. The canvas unit is therefore a hundredth of a point, finer than a tenth of
//! a pixel at 600 dpi, and each backend divides by its own scale.

use std::convert::Infallible;

use plotters_backend::text_anchor::{HPos, Pos, VPos};
use plotters_backend::{
    BackendColor, BackendCoord, BackendStyle, BackendTextStyle, DrawingBackend, DrawingErrorKind, FontFamily, FontStyle,
};

use super::font::Weight;
use super::scene::{Anchor, Color, Item, Point, TextRun};

/// Canvas units in a point.
pub(super) const UNITS_PER_POINT: f64 = 100.0;

/// What a backend that draws into memory returns: it cannot fail.
pub(super) type Drawn = Result<(), DrawingErrorKind<Infallible>>;

/// Draws items in order.
pub(super) fn paint<B: DrawingBackend>(items: &[Item], backend: &mut B) -> Result<(), DrawingErrorKind<B::ErrorType>> {
    for item in items {
        match item {
            Item::Polygon { points, fill } => {
                backend.fill_polygon(points.iter().map(|&point| canvas(point)), &backend_color(*fill))?;
            }
            Item::Rectangle { area, fill } => backend.draw_rect(
                canvas((area.left, area.top)),
                canvas((area.right, area.bottom)),
                &backend_color(*fill),
                true,
            )?,
            Item::Path { points, color, width } => {
                let stroke = Stroke {
                    color: backend_color(*color),
                    width: stroke_units(*width),
                };
                backend.draw_path(points.iter().map(|&point| canvas(point)), &stroke)?;
            }
            Item::Text(run) => backend.draw_text(&run.text, run, canvas(run.at))?,
        }
    }
    Ok(())
}

/// A length on the page in canvas units.
#[expect(
    clippy::cast_possible_truncation,
    reason = "a float cast saturates, and no page is 20 million points wide"
)]
pub(super) fn units(points: f64) -> i32 {
    (points * UNITS_PER_POINT).round() as i32
}

fn stroke_units(points: f64) -> u32 {
    u32::try_from(units(points)).unwrap_or(0).max(1)
}

fn canvas((x, y): Point) -> BackendCoord {
    (units(x), units(y))
}

fn backend_color(color: Color) -> BackendColor {
    BackendColor {
        alpha: color.alpha,
        rgb: color.rgb,
    }
}

struct Stroke {
    color: BackendColor,
    width: u32,
}

impl BackendStyle for Stroke {
    fn color(&self) -> BackendColor {
        self.color
    }

    fn stroke_width(&self) -> u32 {
        self.width
    }
}

/// A text's style for plotters. `VPos::Bottom` stands for the baseline; sizes are canvas units per em. Every text is
/// level, so the backends turn none.
impl BackendTextStyle for TextRun {
    type FontError = Infallible;

    fn color(&self) -> BackendColor {
        backend_color(self.color)
    }

    fn size(&self) -> f64 {
        self.size * UNITS_PER_POINT
    }

    fn style(&self) -> FontStyle {
        match self.weight {
            Weight::Regular => FontStyle::Normal,
            Weight::Medium => FontStyle::Bold,
        }
    }

    fn anchor(&self) -> Pos {
        let horizontal = match self.anchor {
            Anchor::Start => HPos::Left,
            Anchor::Middle => HPos::Center,
            Anchor::End => HPos::Right,
        };
        Pos::new(horizontal, VPos::Bottom)
    }

    fn family(&self) -> FontFamily<'_> {
        FontFamily::Name("Roboto")
    }

    fn layout_box(&self, _: &str) -> Result<((i32, i32), (i32, i32)), Infallible> {
        let area = self.area();
        Ok(((0, 0), (units(area.width()), units(area.height()))))
    }

    /// Draws nothing: every backend here sets text itself, from the same font.
    fn draw<E, Draw: FnMut(i32, i32, BackendColor) -> Result<(), E>>(
        &self,
        _: &str,
        _: BackendCoord,
        _: Draw,
    ) -> Result<Result<(), E>, Infallible> {
        Ok(Ok(()))
    }
}

/// The weight a backend is asked for.
pub(super) fn weight_of(style: &impl BackendTextStyle) -> Weight {
    match style.style() {
        FontStyle::Bold => Weight::Medium,
        FontStyle::Normal | FontStyle::Oblique | FontStyle::Italic => Weight::Regular,
    }
}

/// How far left of its position a text of this width begins.
pub(super) fn shift(style: &impl BackendTextStyle, width: f64) -> f64 {
    match style.anchor().h_pos {
        HPos::Left => 0.0,
        HPos::Center => width / 2.0,
        HPos::Right => width,
    }
}
