//! SVG elements for a web page: small, because a page holds dozens of them, and without any style of their own, because the
//! page's policy allows none.
//!
//! Colours with a meaning are classes (see [`ROLES`]), so that the page can give them other colours on a dark screen. Shapes
//! of one colour that follow each other are one element, which a backend that is asked for one shape after another cannot
//! make; so this encoder draws the items itself.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::LazyLock;

use super::gathered::gathered;
use super::svg::Escaped;
use crate::chart::font::Weight;
use crate::chart::palette::{HEAT_LEVELS, ROLES, heat, on_paper};
use crate::chart::scene::{Anchor, Color, Item, Layer, Point, Scene, TextRun};

/// Units of the picture in a point: a third of a point is half a pixel where the page is as wide as it gets.
pub(in crate::chart) const UNITS_PER_POINT: f64 = 3.0;

/// The scene as one `svg` element, which a reader without eyes is told of by `label`; without a label it is decoration.
pub(in crate::chart) fn encode(scene: &Scene, label: &str) -> String {
    let mut writer = Writer::default();
    // The page's own rules size it; where they were stripped, as from a mail that is looked at, these are left.
    let sides = format!(
        "viewBox=\"0 0 {} {}\" width=\"{}\" height=\"{}\"",
        units(scene.width),
        units(scene.height),
        scene.width,
        scene.height
    );
    if label.is_empty() {
        writer.put(format_args!("<svg {sides} aria-hidden=\"true\">"));
    } else {
        writer.put(format_args!(
            "<svg {sides} role=\"img\" aria-label=\"{}\">",
            Escaped(label)
        ));
    }
    for layer in &scene.layers {
        // A facet covers what is behind it, so its colour is no mixture with what is below.
        writer.covers = layer.name == "surface";
        let class = match layer.name {
            "surface" => "edges",
            // What a script of the page moves when a part of the time is shown.
            "heatmap" => "boxes cells over-time",
            "timeline-ground" | "line" => "boxes over-time",
            "time-ticks" => "boxes ticks",
            _ => "boxes",
        };
        writer.rows = layer.name == "heatmap";
        writer.put(format_args!("<g class=\"{class}\">"));
        for item in in_order(layer) {
            writer.item(item);
        }
        writer.close();
        writer.put(format_args!("</g>"));
    }
    writer.put(format_args!("</svg>"));
    writer.svg
}

/// The items of a layer in the order in which they are written. Cells of a surface may come colour by colour as far as they
/// hide each other as before. A heat map is drawn column by column, but what stands in
/// one column lies over nothing of another: its cells may come colour by colour and row by row, which makes them few shapes.
fn in_order(layer: &Layer) -> Vec<&Item> {
    if layer.name == "surface" {
        return gathered(&layer.items, |one, other| filled(one, true) == filled(other, true));
    }
    let mut items: Vec<&Item> = layer.items.iter().collect();
    if layer.name == "heatmap" {
        items.sort_by_cached_key(|item| match item {
            Item::Rectangle { area, fill } if fill.alpha < 1.0 => (3, 0, units(area.top)),
            Item::Rectangle { area, fill } => match paint(*fill) {
                Paint::Heat(level) => (2, level, units(area.top)),
                Paint::Role(_) | Paint::Own(_) => (1, 0, units(area.top)),
            },
            Item::Polygon { .. } | Item::Path { .. } | Item::Text(_) => (0, 0, 0),
        });
    }
    items
}

/// An opaque colour as CSS writes it.
pub(in crate::chart) fn css(color: Color) -> String {
    let (red, green, blue) = color.rgb;
    format!("#{red:02x}{green:02x}{blue:02x}")
}

/// Points as the units of the elements.
pub(in crate::chart) fn units(points: f64) -> i32 {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a float cast saturates, and no part of a page is that large"
    )]
    let units = (points * UNITS_PER_POINT).round() as i32;
    units
}

/// What the items of one element have in common: the attributes of its start tag.
#[derive(PartialEq)]
enum Element {
    Path(String),
    Texts(String),
}

#[derive(Default)]
struct Writer {
    svg: String,
    open: Option<Element>,
    /// Where the path stands.
    pen: (i32, i32),
    /// A rectangle of the open path that the next one may continue.
    pending: Option<Box4>,
    /// Whether shapes cover what is below them.
    covers: bool,
    /// Whether cells are written as lines as thick as their row is high, which takes half of the words.
    rows: bool,
}

/// Left, top, right and bottom in units.
type Box4 = (i32, i32, i32, i32);

impl Writer {
    fn put(&mut self, arguments: std::fmt::Arguments<'_>) {
        // Writing to a string cannot fail.
        let _ = self.svg.write_fmt(arguments);
    }

    fn item(&mut self, item: &Item) {
        match item {
            Item::Polygon { points, fill } => {
                self.enter(Element::Path(filled(*fill, self.covers)));
                self.settle();
                self.line(points.iter().copied());
                self.svg.push('z');
            }
            Item::Rectangle { area, fill } => {
                let next = (units(area.left), units(area.top), units(area.right), units(area.bottom));
                let attributes = match paint(*fill) {
                    Paint::Heat(level) if self.rows => cell(level, area.height()),
                    _ => filled(*fill, self.covers),
                };
                self.enter(Element::Path(attributes));
                match &mut self.pending {
                    Some(before) if (before.1, before.2, before.3) == (next.1, next.0, next.3) => before.2 = next.2,
                    _ => {
                        self.settle();
                        self.pending = Some(next);
                    }
                }
            }
            Item::Path { points, color, width } => {
                self.enter(Element::Path(stroked(*color, *width)));
                self.line(points.iter().copied());
                if let Some(&last) = points.last() {
                    self.pen = place(last);
                }
            }
            Item::Text(run) => self.text(run),
        }
    }

    /// Whether the open path is one of cells as lines.
    fn is_row(&self) -> bool {
        matches!(&self.open, Some(Element::Path(attributes)) if self.rows && attributes.starts_with(CELL))
    }

    /// Draws the rectangle that nothing continues any more.
    fn settle(&mut self) {
        if let Some((left, top, right, bottom)) = self.pending.take() {
            let width = right - left;
            if self.is_row() {
                self.step('m', (left, i32::midpoint(top, bottom)));
                self.put(format_args!("h{width}"));
                self.pen.0 = right;
                return;
            }
            self.step('m', (left, top));
            self.put(format_args!("h{width}v{}h{}z", bottom - top, -width));
        }
    }

    /// Adds a line through points to the open path. The pen stays where it began, which is where `z` leads back to.
    fn line(&mut self, points: impl Iterator<Item = Point>) {
        let mut start = None;
        for point in points {
            let at = place(point);
            match start {
                None => {
                    self.step('m', at);
                    start = Some(at);
                }
                Some(_) if at == self.pen => {}
                Some(_) => self.step(' ', at),
            }
        }
        self.pen = start.unwrap_or(self.pen);
    }

    /// Moves the pen by a command, or by the one before where it is a space.
    fn step(&mut self, command: char, to: (i32, i32)) {
        let (across, down) = (to.0 - self.pen.0, to.1 - self.pen.1);
        self.pen = to;
        // A sign separates as well as a space does.
        if command != ' ' {
            self.svg.push(command);
        } else if across >= 0 {
            self.svg.push(' ');
        }
        let between = if down < 0 { "" } else { " " };
        self.put(format_args!("{across}{between}{down}"));
    }

    fn text(&mut self, run: &TextRun) {
        let anchor = match run.anchor {
            Anchor::Start => "",
            Anchor::Middle => " m",
            Anchor::End => " e",
        };
        let weight = if run.weight == Weight::Medium { " b" } else { "" };
        let class = match paint(run.color) {
            Paint::Role(name) => format!("class=\"f-{name}{anchor}{weight}\""),
            Paint::Heat(level) => format!("class=\"h{level}{anchor}{weight}\""),
            Paint::Own(color) => format!("class=\"{}{weight}\" color=\"{color}\"", anchor.trim_start()),
        };
        self.enter(Element::Texts(format!("{class} font-size={}", units(run.size))));
        let (x, y) = place(run.at);
        self.put(format_args!("<text x={x} y={y}>{}</text>", Escaped(&run.text)));
    }

    /// Goes on in the element that is open if it is the same, and in a new one otherwise.
    fn enter(&mut self, element: Element) {
        if self.open.as_ref() == Some(&element) {
            return;
        }
        self.close();
        self.pen = (0, 0);
        match &element {
            Element::Path(attributes) => self.put(format_args!("<path {attributes} d=\"")),
            Element::Texts(attributes) => self.put(format_args!("<g {attributes}>")),
        }
        self.open = Some(element);
    }

    fn close(&mut self) {
        self.settle();
        match self.open.take() {
            Some(Element::Path(_)) => self.svg.push_str("\"/>"),
            Some(Element::Texts(_)) => self.svg.push_str("</g>"),
            None => {}
        }
    }
}

fn place((x, y): Point) -> (i32, i32) {
    (units(x), units(y))
}

/// How a colour is written.
#[derive(Clone)]
enum Paint {
    /// By what it means.
    Role(&'static str),
    /// By its level in a heat map.
    Heat(u8),
    /// As it is, in the 16 levels of each part that three digits tell.
    Own(String),
}

/// The colours with a meaning, by red, green and blue. A page asks for them some hundred thousand times.
static MEANINGS: LazyLock<HashMap<(u8, u8, u8), Paint>> = LazyLock::new(|| {
    let levels = (0..HEAT_LEVELS).map(|level| (heat(level).rgb, Paint::Heat(level)));
    let roles = ROLES
        .into_iter()
        .rev()
        .map(|(name, color, _)| (color.rgb, Paint::Role(name)));
    levels.rev().chain(roles).collect()
});

fn paint(color: Color) -> Paint {
    if let Some(meaning) = MEANINGS.get(&color.rgb) {
        return meaning.clone();
    }
    let (red, green, blue) = color.rgb;
    let digit = |part: u8| (u32::from(part) + 8) / 17;
    Paint::Own(format!("#{:x}{:x}{:x}", digit(red), digit(green), digit(blue)))
}

/// How the attributes of cells begin.
const CELL: &str = "class=h";

/// Cells of a level. Places are whole units, so a line is thick enough to leave no seam to the next one.
fn cell(level: u8, height: f64) -> String {
    let thickness = (height * UNITS_PER_POINT + 0.6).round();
    format!("{CELL}{level} stroke-width={thickness}")
}

fn filled(color: Color, covers: bool) -> String {
    let mixture = on_paper(color).filter(|_| !covers);
    match (paint(color), mixture) {
        (Paint::Role(name), _) => format!("class=\"f-{name}\"{}", opacity("fill", color.alpha)),
        (Paint::Heat(level), _) => format!("class=\"h{level}\"{}", opacity("fill", color.alpha)),
        (Paint::Own(_), Some((name, share))) => {
            format!("class=\"f-{name}\"{}", opacity("fill", color.alpha * share))
        }
        (Paint::Own(own), None) => format!("color={own}{}", opacity("fill", color.alpha)),
    }
}

fn stroked(color: Color, width: f64) -> String {
    let width = (width * UNITS_PER_POINT * 10.0).round() / 10.0;
    let line = format!("stroke-width={width}");
    match (paint(color), on_paper(color)) {
        (Paint::Role(name), _) => format!("class=\"lines s-{name}\" {line}{}", opacity("stroke", color.alpha)),
        (Paint::Own(_), Some((name, share))) => {
            format!(
                "class=\"lines s-{name}\" {line}{}",
                opacity("stroke", color.alpha * share)
            )
        }
        (Paint::Heat(_) | Paint::Own(_), _) => {
            format!(
                "class=\"lines\" stroke=\"{}\" {line}{}",
                css(color),
                opacity("stroke", color.alpha)
            )
        }
    }
}

fn opacity(what: &str, alpha: f64) -> String {
    if alpha < 1.0 {
        format!(" {what}-opacity=\"{:.2}\"", alpha.max(0.0))
    } else {
        String::new()
    }
}
