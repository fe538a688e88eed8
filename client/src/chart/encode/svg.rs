//! SVG: texts stay texts, set in the font that travels inside the file.

use std::convert::Infallible;
use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use plotters_backend::text_anchor::HPos;
use plotters_backend::{BackendColor, BackendCoord, BackendStyle, BackendTextStyle, DrawingBackend};

use super::{Metadata, SEAM_POINTS, SOFTWARE};
use crate::chart::font::{self, Weight};
use crate::chart::paint::{Drawn, UNITS_PER_POINT, paint, weight_of};
use crate::chart::scene::Scene;

pub(super) fn encode(scene: &Scene, metadata: &Metadata) -> Vec<u8> {
    let mut canvas = Canvas { svg: String::new() };
    canvas.head(scene, metadata);
    for layer in &scene.layers {
        canvas.put(format_args!("<g class=\"{}\">\n", layer.name));
        // Drawing into memory cannot fail.
        let _: Drawn = paint(&layer.items, &mut canvas);
        canvas.put(format_args!("</g>\n"));
    }
    canvas.put(format_args!("</svg>\n"));
    canvas.svg.into_bytes()
}

struct Canvas {
    svg: String,
}

impl Canvas {
    fn put(&mut self, arguments: std::fmt::Arguments<'_>) {
        // Writing to a string cannot fail.
        let _ = self.svg.write_fmt(arguments);
    }

    fn head(&mut self, scene: &Scene, metadata: &Metadata) {
        let (width, height) = (
            Length(scene.width * UNITS_PER_POINT),
            Length(scene.height * UNITS_PER_POINT),
        );
        self.put(format_args!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}pt\" height=\"{height}pt\" \
             viewBox=\"0 0 {width} {height}\" role=\"img\">\n<title>{}</title>\n<metadata>\n",
            Escaped(&metadata.title)
        ));
        // RDF with Dublin Core is what editors and search tools read.
        self.put(format_args!(
            "<rdf:RDF xmlns:rdf=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\" \
             xmlns:dc=\"http://purl.org/dc/elements/1.1/\">\n<rdf:Description>\n<dc:title>{}</dc:title>\n\
             <dc:creator>{SOFTWARE}</dc:creator>\n",
            Escaped(&metadata.title)
        ));
        for (keyword, value) in &metadata.entries {
            self.put(format_args!(
                "<dc:description>{keyword}: {}</dc:description>\n",
                Escaped(value)
            ));
        }
        self.put(format_args!("</rdf:Description>\n</rdf:RDF>\n</metadata>\n<style>\n"));
        for (weight, bytes) in [(400, font::REGULAR_WOFF2), (500, font::MEDIUM_WOFF2)] {
            self.put(format_args!(
                "@font-face{{font-family:\"Roboto\";font-weight:{weight};src:url(data:font/woff2;base64,{}) \
                 format(\"woff2\")}}\n",
                STANDARD.encode(bytes)
            ));
        }
        self.put(format_args!(
            "text{{font-family:\"Roboto\",\"Helvetica Neue\",Arial,sans-serif;white-space:pre}}\n\
             polygon{{stroke-width:{SEAM_POINTS};stroke-linejoin:round}}\npolyline{{fill:none;stroke-linejoin:round}}\nrect{{shape-rendering:crispEdges}}\n\
             </style>\n<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n"
        ));
    }

    fn points(&mut self, points: impl IntoIterator<Item = BackendCoord>) {
        self.put(format_args!(" points=\""));
        for (index, (x, y)) in points.into_iter().enumerate() {
            let separator = if index == 0 { "" } else { " " };
            self.put(format_args!("{separator}{},{}", Length::of(x), Length::of(y)));
        }
        self.put(format_args!("\""));
    }
}

/// A length in points, written with at most two decimals.
struct Length(f64);

impl Length {
    fn of(units: i32) -> Self {
        Self(f64::from(units))
    }
}

impl std::fmt::Display for Length {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}", self.0.round() / UNITS_PER_POINT)
    }
}

/// Text as XML content or attribute value. Characters that XML 1.0 forbids become U+FFFD.
pub(super) struct Escaped<'a>(pub(super) &'a str);

impl std::fmt::Display for Escaped<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for character in self.0.chars() {
            match character {
                '<' => formatter.write_str("&lt;")?,
                '>' => formatter.write_str("&gt;")?,
                '&' => formatter.write_str("&amp;")?,
                '"' => formatter.write_str("&quot;")?,
                '\t' | '\n' | '\r' => formatter.write_char(' ')?,
                '\0'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => formatter.write_char('\u{fffd}')?,
                other => formatter.write_char(other)?,
            }
        }
        Ok(())
    }
}

struct Paint {
    attribute: &'static str,
    color: BackendColor,
}

impl std::fmt::Display for Paint {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (red, green, blue) = self.color.rgb;
        let attribute = self.attribute;
        write!(formatter, " {attribute}=\"#{red:02x}{green:02x}{blue:02x}\"")?;
        if self.color.alpha < 1.0 {
            write!(formatter, " {attribute}-opacity=\"{:.2}\"", self.color.alpha.max(0.0))?;
        }
        Ok(())
    }
}

fn fill(color: BackendColor) -> Paint {
    Paint {
        attribute: "fill",
        color,
    }
}

fn stroke(color: BackendColor) -> Paint {
    Paint {
        attribute: "stroke",
        color,
    }
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

    fn draw_rect<S: BackendStyle>(&mut self, from: BackendCoord, to: BackendCoord, style: &S, filled: bool) -> Drawn {
        self.put(format_args!(
            "<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\"",
            Length::of(from.0),
            Length::of(from.1),
            Length::of(to.0.saturating_sub(from.0)),
            Length::of(to.1.saturating_sub(from.1)),
        ));
        if filled {
            self.put(format_args!("{}/>\n", fill(style.color())));
        } else {
            let width = Length(f64::from(style.stroke_width()));
            self.put(format_args!(
                " fill=\"none\" stroke-width=\"{width}\"{}/>\n",
                stroke(style.color())
            ));
        }
        Ok(())
    }

    fn draw_path<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(&mut self, points: I, style: &S) -> Drawn {
        self.put(format_args!("<polyline"));
        self.points(points);
        let width = Length(f64::from(style.stroke_width()));
        self.put(format_args!("{} stroke-width=\"{width}\"/>\n", stroke(style.color())));
        Ok(())
    }

    fn fill_polygon<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(&mut self, points: I, style: &S) -> Drawn {
        self.put(format_args!("<polygon"));
        self.points(points);
        let color = style.color();
        self.put(format_args!("{}", fill(color)));
        if color.alpha >= 1.0 {
            self.put(format_args!("{}", stroke(color)));
        }
        self.put(format_args!("/>\n"));
        Ok(())
    }

    fn draw_text<T: BackendTextStyle>(&mut self, text: &str, style: &T, at: BackendCoord) -> Drawn {
        let weight = weight_of(style);
        let (x, y) = (Length::of(at.0), Length::of(at.1));
        let size = Length(style.size());
        // The length the layout counted with keeps boxes apart even where a viewer substitutes the font.
        let length = Length(font::width(text, style.size(), weight));
        self.put(format_args!(
            "<text x=\"{x}\" y=\"{y}\" font-size=\"{size}\" textLength=\"{length}\""
        ));
        match style.anchor().h_pos {
            HPos::Left => {}
            HPos::Center => self.put(format_args!(" text-anchor=\"middle\"")),
            HPos::Right => self.put(format_args!(" text-anchor=\"end\"")),
        }
        if weight == Weight::Medium {
            self.put(format_args!(" font-weight=\"500\""));
        }
        self.put(format_args!("{}>{}</text>\n", fill(style.color()), Escaped(text)));
        Ok(())
    }
}
