//! PDF: one page, texts as texts in the embedded font.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::io::Write as _;

use flate2::Compression;
use flate2::write::ZlibEncoder;
use pdf_writer::types::{CidFontType, FontFlags, LineJoinStyle, SystemInfo, UnicodeCmap};
use pdf_writer::{Content, Filter, Finish, Name, Pdf, Rect, Ref, Str, TextStr};
use plotters_backend::{BackendColor, BackendCoord, BackendStyle, BackendTextStyle, DrawingBackend};

use super::{Metadata, SEAM_POINTS, SOFTWARE};
use crate::chart::font::{self, Weight, face};
use crate::chart::paint::{Drawn, UNITS_PER_POINT, paint, shift, weight_of};
use crate::chart::scene::Scene;

const CATALOG: Ref = Ref::new(1);
const PAGES: Ref = Ref::new(2);
const PAGE: Ref = Ref::new(3);
const CONTENT: Ref = Ref::new(4);
const INFO: Ref = Ref::new(5);
/// Five objects for each of the two fonts follow, and after those the graphics states.
const FIRST_FONT: i32 = 10;
const FIRST_STATE: i32 = 30;

pub(super) fn encode(scene: &Scene, metadata: &Metadata) -> Vec<u8> {
    let mut canvas = Canvas {
        content: Content::new(),
        height: scene.height,
        opacities: BTreeMap::new(),
        regular: BTreeSet::new(),
        medium: BTreeSet::new(),
    };
    canvas.content.set_line_join(LineJoinStyle::RoundJoin);
    for layer in &scene.layers {
        // Drawing into memory cannot fail.
        let _: Drawn = paint(&layer.items, &mut canvas);
    }
    canvas.document(scene, metadata)
}

struct Canvas {
    content: Content,
    /// Height of the page: PDF counts upwards.
    height: f64,
    /// Graphics state number of each opacity in percent.
    opacities: BTreeMap<u8, i32>,
    /// Characters set in each weight.
    regular: BTreeSet<char>,
    medium: BTreeSet<char>,
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "PDF numbers are floats of single precision"
)]
fn narrow(value: f64) -> f32 {
    value as f32
}

fn channels((red, green, blue): (u8, u8, u8)) -> [f32; 3] {
    [red, green, blue].map(|channel| f32::from(channel) / 255.0)
}

fn font_name(weight: Weight) -> Name<'static> {
    match weight {
        Weight::Regular => Name(b"Regular"),
        Weight::Medium => Name(b"Medium"),
    }
}

fn state_name(number: i32) -> Vec<u8> {
    format!("Opacity{number}").into_bytes()
}

fn deflate(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    // Writing into memory cannot fail.
    let _ = encoder.write_all(bytes);
    encoder.finish().unwrap_or_default()
}

impl Canvas {
    fn place(&self, (x, y): BackendCoord) -> (f32, f32) {
        (
            narrow(f64::from(x) / UNITS_PER_POINT),
            narrow(self.height - f64::from(y) / UNITS_PER_POINT),
        )
    }

    /// Sets colours and opacity for what follows.
    fn color(&mut self, color: BackendColor) {
        let [red, green, blue] = channels(color.rgb);
        self.content.set_fill_rgb(red, green, blue);
        self.content.set_stroke_rgb(red, green, blue);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "between 0 and 100"
        )]
        let percent = (color.alpha.clamp(0.0, 1.0) * 100.0).round() as u8;
        let next = i32::try_from(self.opacities.len()).unwrap_or(0);
        let number = *self.opacities.entry(percent).or_insert(next);
        self.content.set_parameters(Name(&state_name(number)));
    }

    fn outline(&mut self, points: impl IntoIterator<Item = BackendCoord>) {
        for (index, point) in points.into_iter().enumerate() {
            let (x, y) = self.place(point);
            if index == 0 {
                self.content.move_to(x, y);
            } else {
                self.content.line_to(x, y);
            }
        }
    }

    fn document(self, scene: &Scene, metadata: &Metadata) -> Vec<u8> {
        let mut pdf = Pdf::new();
        pdf.catalog(CATALOG).pages(PAGES);
        pdf.pages(PAGES).kids([PAGE]).count(1);
        let fonts = [(Weight::Regular, self.regular), (Weight::Medium, self.medium)];
        let font_refs = [FIRST_FONT, FIRST_FONT + 5];

        let mut page = pdf.page(PAGE);
        page.media_box(Rect::new(0.0, 0.0, narrow(scene.width), narrow(scene.height)));
        page.parent(PAGES).contents(CONTENT);
        let mut resources = page.resources();
        let mut names = resources.fonts();
        for ((weight, _), first) in fonts.iter().zip(font_refs) {
            names.pair(font_name(*weight), Ref::new(first));
        }
        names.finish();
        let mut states = resources.ext_g_states();
        for number in self.opacities.values() {
            states.pair(Name(&state_name(*number)), Ref::new(FIRST_STATE + number));
        }
        states.finish();
        resources.finish();
        page.finish();

        for (percent, number) in &self.opacities {
            let alpha = f32::from(*percent) / 100.0;
            pdf.ext_graphics(Ref::new(FIRST_STATE + number))
                .stroking_alpha(alpha)
                .non_stroking_alpha(alpha);
        }
        pdf.stream(CONTENT, &deflate(&self.content.finish()))
            .filter(Filter::FlateDecode);
        for ((weight, used), first) in fonts.iter().zip(font_refs) {
            embed(&mut pdf, *weight, used, first);
        }
        let mut info = pdf.document_info(INFO);
        info.title(TextStr(&metadata.title))
            .creator(TextStr(SOFTWARE))
            .producer(TextStr(SOFTWARE));
        for (keyword, value) in &metadata.entries {
            info.pair(Name(keyword.as_bytes()), TextStr(value));
        }
        info.finish();
        pdf.finish()
    }
}

/// Writes the font, with the widths and the meaning of the glyphs that were used.
fn embed(pdf: &mut Pdf, weight: Weight, used: &BTreeSet<char>, first: i32) {
    let [font, descendant, descriptor, file, meaning] = [0, 1, 2, 3, 4].map(|offset| Ref::new(first + offset));
    let (name, bytes) = match weight {
        Weight::Regular => (Name(b"Roboto-Regular"), font::REGULAR),
        Weight::Medium => (Name(b"Roboto-Medium"), font::MEDIUM),
    };
    let identity = SystemInfo {
        registry: Str(b"Adobe"),
        ordering: Str(b"Identity"),
        supplement: 0,
    };
    pdf.type0_font(font)
        .base_font(name)
        .encoding_predefined(Name(b"Identity-H"))
        .descendant_font(descendant)
        .to_unicode(meaning);

    let mut cid_font = pdf.cid_font(descendant);
    cid_font
        .subtype(CidFontType::Type2)
        .base_font(name)
        .system_info(identity)
        .font_descriptor(descriptor)
        .cid_to_gid_map_predefined(Name(b"Identity"));
    let mut unicode = UnicodeCmap::new(
        Name(b"Meaning"),
        SystemInfo {
            registry: Str(b"Adobe"),
            ordering: Str(b"UCS"),
            supplement: 0,
        },
    );
    if let Some(face) = face(weight) {
        let mut widths = cid_font.widths();
        for &character in used {
            let glyph = face.glyph(character);
            widths.consecutive(glyph.0, [narrow(face.advance_em(glyph) * 1000.0)]);
            unicode.pair(glyph.0, character);
        }
    }
    cid_font.finish();

    // From the font's hhea, OS/2 and head tables, in thousandths of an em.
    pdf.font_descriptor(descriptor)
        .name(name)
        .flags(FontFlags::NON_SYMBOLIC)
        .bbox(Rect::new(-907.0, -271.0, 2052.0, 1056.0))
        .italic_angle(0.0)
        .ascent(928.0)
        .descent(-244.0)
        .cap_height(narrow(font::CAP_HEIGHT * 1000.0))
        .stem_v(80.0)
        .font_file2(file);
    pdf.stream(file, &deflate(bytes)).filter(Filter::FlateDecode);
    pdf.cmap(meaning, &unicode.finish());
}

impl DrawingBackend for Canvas {
    type ErrorType = Infallible;

    fn get_size(&self) -> (u32, u32) {
        (u32::MAX, u32::MAX)
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
        self.color(style.color());
        let ((left, top), (right, bottom)) = (self.place(from), self.place(to));
        self.content.rect(left, bottom, right - left, top - bottom);
        if fill {
            self.content.fill_nonzero();
        } else {
            self.content
                .set_line_width(narrow(f64::from(style.stroke_width()) / UNITS_PER_POINT));
            self.content.stroke();
        }
        Ok(())
    }

    fn draw_path<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(&mut self, points: I, style: &S) -> Drawn {
        self.color(style.color());
        self.content
            .set_line_width(narrow(f64::from(style.stroke_width()) / UNITS_PER_POINT));
        self.outline(points);
        self.content.stroke();
        Ok(())
    }

    fn fill_polygon<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(&mut self, points: I, style: &S) -> Drawn {
        let color = style.color();
        self.color(color);
        self.outline(points);
        if color.alpha >= 1.0 {
            self.content.set_line_width(narrow(SEAM_POINTS));
            self.content.close_fill_nonzero_and_stroke();
        } else {
            self.content.fill_nonzero();
        }
        Ok(())
    }

    fn draw_text<T: BackendTextStyle>(&mut self, text: &str, style: &T, at: BackendCoord) -> Drawn {
        let weight = weight_of(style);
        let Some(face) = face(weight) else {
            return Ok(());
        };
        match weight {
            Weight::Regular => self.regular.extend(text.chars()),
            Weight::Medium => self.medium.extend(text.chars()),
        }
        self.color(style.color());
        let size = style.size() / UNITS_PER_POINT;
        let before = shift(style, font::width(text, size, weight));
        let (x, y) = self.place(at);
        let glyphs: Vec<u8> = text
            .chars()
            .flat_map(|character| face.glyph(character).0.to_be_bytes())
            .collect();
        self.content
            .begin_text()
            .set_font(font_name(weight), narrow(size))
            .next_line(x - narrow(before), y)
            .show(Str(&glyphs))
            .end_text();
        Ok(())
    }
}
