//! Pixels: shapes and glyph outlines are filled with tiny-skia, which smooths every edge.

use std::convert::Infallible;

use ::png::{BitDepth, ColorType, Compression, Encoder, Filter, PixelDimensions, Unit};
use ab_glyph::OutlineCurve;
use plotters_backend::{BackendColor, BackendCoord, BackendStyle, BackendTextStyle, DrawingBackend};
use tiny_skia::{FillRule, LineCap, LineJoin, Paint, Path, PathBuilder, Pixmap, Rect, Stroke, Transform};

use super::{EncodeError, Metadata, SEAM_POINTS, SOFTWARE};
use crate::chart::font::{self, face};
use crate::chart::paint::{Drawn, UNITS_PER_POINT, paint, shift, weight_of};
use crate::chart::scene::Scene;

/// More would need gigabytes; 600 dpi on A2 is below it.
const MAX_PIXELS: u64 = 150_000_000;
const POINTS_PER_INCH: f64 = 72.0;
const METERS_PER_INCH: f64 = 0.0254;

pub(super) fn encode(scene: &Scene, metadata: &Metadata, dpi: u32) -> Result<Vec<u8>, EncodeError> {
    let pixels = |points: f64| pixel_count(points * f64::from(dpi) / POINTS_PER_INCH);
    let (width, height) = (pixels(scene.width), pixels(scene.height));
    let too_large = || EncodeError::Size { width, height };
    if width.saturating_mul(height) > MAX_PIXELS {
        return Err(too_large());
    }
    let side = |length: u64| u32::try_from(length).map_err(|_| too_large());
    let mut pixmap = Pixmap::new(side(width)?, side(height)?).ok_or_else(too_large)?;
    pixmap.fill(tiny_skia::Color::WHITE);
    let mut canvas = Canvas {
        pixmap,
        pixels_per_unit: f64::from(dpi) / POINTS_PER_INCH / UNITS_PER_POINT,
    };
    for layer in &scene.layers {
        // Drawing into memory cannot fail.
        let _: Drawn = paint(&layer.items, &mut canvas);
    }
    write(&canvas.pixmap, metadata, dpi)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a float cast saturates"
)]
fn pixel_count(pixels: f64) -> u64 {
    pixels.round() as u64
}

fn write(pixmap: &Pixmap, metadata: &Metadata, dpi: u32) -> Result<Vec<u8>, EncodeError> {
    let mut bytes = Vec::new();
    let mut encoder = Encoder::new(&mut bytes, pixmap.width(), pixmap.height());
    encoder.set_color(ColorType::Rgb);
    encoder.set_depth(BitDepth::Eight);
    encoder.set_compression(Compression::Fast);
    encoder.set_filter(Filter::Up);
    let per_meter = u32::try_from(pixel_count(f64::from(dpi) / METERS_PER_INCH)).unwrap_or(u32::MAX);
    encoder.set_pixel_dims(Some(PixelDimensions {
        xppu: per_meter,
        yppu: per_meter,
        unit: Unit::Meter,
    }));
    encoder.add_itxt_chunk("Title".to_owned(), metadata.title.clone())?;
    encoder.add_itxt_chunk("Software".to_owned(), SOFTWARE.to_owned())?;
    for (keyword, value) in &metadata.entries {
        encoder.add_itxt_chunk((*keyword).to_owned(), value.clone())?;
    }
    let mut writer = encoder.write_header()?;
    // The page is opaque, so the fourth byte of each pixel says nothing.
    let mut rgb = Vec::with_capacity(pixmap.data().len() / 4 * 3);
    for pixel in pixmap.data().chunks_exact(4) {
        if let [red, green, blue, _] = *pixel {
            rgb.extend_from_slice(&[red, green, blue]);
        }
    }
    writer.write_image_data(&rgb)?;
    writer.finish()?;
    Ok(bytes)
}

struct Canvas {
    pixmap: Pixmap,
    pixels_per_unit: f64,
}

impl Canvas {
    fn pixels(&self, units: i32) -> f32 {
        narrow(f64::from(units) * self.pixels_per_unit)
    }

    fn path(&self, points: impl IntoIterator<Item = BackendCoord>, close: bool) -> Option<Path> {
        let mut builder = PathBuilder::new();
        for (index, (x, y)) in points.into_iter().enumerate() {
            if index == 0 {
                builder.move_to(self.pixels(x), self.pixels(y));
            } else {
                builder.line_to(self.pixels(x), self.pixels(y));
            }
        }
        if close {
            builder.close();
        }
        builder.finish()
    }

    fn fill(&mut self, path: &Path, color: BackendColor) {
        let paint = solid(color);
        self.pixmap
            .fill_path(path, &paint, FillRule::Winding, Transform::identity(), None);
    }

    fn stroke(&mut self, path: &Path, color: BackendColor, width_units: f64) {
        let stroke = Stroke {
            width: narrow(width_units * self.pixels_per_unit),
            line_cap: LineCap::Butt,
            line_join: LineJoin::Round,
            ..Stroke::default()
        };
        self.pixmap
            .stroke_path(path, &solid(color), &stroke, Transform::identity(), None);
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "a pixel place needs no more than 24 bits"
)]
fn narrow(value: f64) -> f32 {
    value as f32
}

fn solid(color: BackendColor) -> Paint<'static> {
    let (red, green, blue) = color.rgb;
    let mut paint = Paint::default();
    paint.set_color_rgba8(red, green, blue, 255);
    if let tiny_skia::Shader::SolidColor(shade) = &mut paint.shader {
        shade.set_alpha(narrow(color.alpha.clamp(0.0, 1.0)));
    }
    paint.anti_alias = true;
    paint
}

impl DrawingBackend for Canvas {
    type ErrorType = Infallible;

    fn get_size(&self) -> (u32, u32) {
        (self.pixmap.width(), self.pixmap.height())
    }

    fn ensure_prepared(&mut self) -> Drawn {
        Ok(())
    }

    fn present(&mut self) -> Drawn {
        Ok(())
    }

    fn draw_pixel(&mut self, (x, y): BackendCoord, color: BackendColor) -> Drawn {
        self.draw_rect((x, y), (x.saturating_add(1), y.saturating_add(1)), &color, true)
    }

    fn draw_line<S: BackendStyle>(&mut self, from: BackendCoord, to: BackendCoord, style: &S) -> Drawn {
        self.draw_path([from, to], style)
    }

    fn draw_rect<S: BackendStyle>(&mut self, from: BackendCoord, to: BackendCoord, style: &S, fill: bool) -> Drawn {
        // Neighbouring rectangles share an edge; on whole pixels they neither overlap nor leave a seam.
        let snap = |units| self.pixels(units).round();
        let rectangle = Rect::from_ltrb(snap(from.0), snap(from.1), snap(to.0), snap(to.1));
        if let Some(rectangle) = rectangle {
            let path = PathBuilder::from_rect(rectangle);
            if fill {
                self.fill(&path, style.color());
            } else {
                self.stroke(&path, style.color(), f64::from(style.stroke_width()));
            }
        }
        Ok(())
    }

    fn draw_path<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(&mut self, points: I, style: &S) -> Drawn {
        if let Some(path) = self.path(points, false) {
            self.stroke(&path, style.color(), f64::from(style.stroke_width()));
        }
        Ok(())
    }

    fn fill_polygon<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(&mut self, points: I, style: &S) -> Drawn {
        if let Some(path) = self.path(points, true) {
            self.fill(&path, style.color());
            if style.color().alpha >= 1.0 {
                self.stroke(&path, style.color(), SEAM_POINTS * UNITS_PER_POINT);
            }
        }
        Ok(())
    }

    fn draw_text<T: BackendTextStyle>(&mut self, text: &str, style: &T, at: BackendCoord) -> Drawn {
        let weight = weight_of(style);
        let Some(face) = face(weight) else {
            return Ok(());
        };
        let size = style.size() * self.pixels_per_unit;
        let scale = size / face.units_per_em();
        let (x, y) = (
            f64::from(at.0) * self.pixels_per_unit,
            f64::from(at.1) * self.pixels_per_unit,
        );
        let mut pen = -shift(style, font::width(text, size, weight));
        let mut builder = PathBuilder::new();
        for character in text.chars() {
            let glyph = face.glyph(character);
            if let Some(outline) = face.outline(glyph) {
                let place = |point: ab_glyph::Point| {
                    (
                        narrow(x + pen + f64::from(point.x) * scale),
                        narrow(y - f64::from(point.y) * scale),
                    )
                };
                append(&mut builder, &outline.curves, place);
            }
            pen += face.advance_em(glyph) * size;
        }
        if let Some(path) = builder.finish() {
            self.fill(&path, style.color());
        }
        Ok(())
    }
}

/// Adds the contours of a glyph. A curve that does not begin where the last one ended begins a new contour.
fn append(builder: &mut PathBuilder, curves: &[OutlineCurve], place: impl Fn(ab_glyph::Point) -> (f32, f32)) {
    let mut end: Option<ab_glyph::Point> = None;
    for curve in curves {
        let (OutlineCurve::Line(from, _) | OutlineCurve::Quad(from, _, _) | OutlineCurve::Cubic(from, _, _, _)) =
            *curve;
        if end != Some(from) {
            let (x, y) = place(from);
            builder.move_to(x, y);
        }
        match *curve {
            OutlineCurve::Line(_, to) => {
                let (x, y) = place(to);
                builder.line_to(x, y);
                end = Some(to);
            }
            OutlineCurve::Quad(_, control, to) => {
                let ((x1, y1), (x, y)) = (place(control), place(to));
                builder.quad_to(x1, y1, x, y);
                end = Some(to);
            }
            OutlineCurve::Cubic(_, first, second, to) => {
                let ((x1, y1), (x2, y2), (x, y)) = (place(first), place(second), place(to));
                builder.cubic_to(x1, y1, x2, y2, x, y);
                end = Some(to);
            }
        }
    }
}
