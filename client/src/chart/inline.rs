//! Charts as parts of a web page, which has their titles, captions, colours and fonts itself.

use vscsi_shared::histogram::Operation;

use super::encode::inline;
use super::kind::{ChartKind, Surface};
use super::page::{Key, Page};
use super::palette::{HEAT_LEVELS, ROLES, heat};
use super::render::{Layout, Sheet, SurfaceParts, check_mask, distribution_page, timeline_page};
use super::scene::{Area, Color, Layer, Scene};
use super::slices::Slices;
use super::surface::Finish;
use super::{ChartError, ChartInput};

/// Slices of a surface, which is half as wide as a page: more ridges than these hide each other.
const SURFACE_SLICES: usize = 24;
/// Slices of a heat map.
const HEAT_SLICES: usize = 120;
/// Slices of a timeline.
const TIMELINE_SLICES: usize = 400;

/// Sides in points and scale of type: a chart as wide as the page, and one of two beside each other.
const WIDE: ((f64, f64), f64) = ((720.0, 200.0), 1.2);
const TALL: ((f64, f64), f64) = ((720.0, 300.0), 1.2);
const HALF: ((f64, f64), f64) = ((340.0, 235.0), 1.12);

/// A chart for a web page. Its elements are styled by [`stylesheet`]; none has a style of its own.
#[derive(Debug, Clone, PartialEq)]
pub struct InlineChart {
    /// Which it is.
    pub kind: ChartKind,
    /// SVG elements; a surface and its heat map are two.
    pub pictures: Vec<String>,
    /// What the colours stand for: a swatch as SVG, and its meaning.
    pub legend: Vec<(String, String)>,
    /// What has to be said about it.
    pub notes: Vec<String>,
}

/// Draws charts for a web page.
///
/// # Errors
/// [`ChartError`] when there is nothing to draw, the mask does not fit, or bucket limits changed.
pub fn inline_charts(input: &ChartInput<'_>, kinds: &[ChartKind]) -> Result<Vec<InlineChart>, ChartError> {
    use rayon::prelude::*;
    check_mask(input)?;
    let cut = |limit: usize| Slices::cut(input, limit);
    // As many samples in each ridge as in any other.
    let samples = input.series.samples.len();
    let ridges = samples.div_ceil(samples.div_ceil(SURFACE_SLICES).max(1));
    let (surface, (heat, time)) = rayon::join(
        || cut(ridges),
        || rayon::join(|| cut(HEAT_SLICES), || cut(TIMELINE_SLICES)),
    );
    let slices = AllSlices {
        surface: surface?,
        heat: heat?,
        time: time?,
    };
    Ok(kinds.par_iter().map(|&kind| slices.draw(input, kind)).collect())
}

/// The time of a job, cut as finely as each kind of chart shows it.
struct AllSlices {
    surface: Slices,
    heat: Slices,
    time: Slices,
}

impl AllSlices {
    fn draw(&self, input: &ChartInput<'_>, kind: ChartKind) -> InlineChart {
        let whole = |layout: Layout| InlineChart {
            kind,
            pictures: vec![inline::encode(&layout.scene, &kind.title())],
            legend: swatches(&layout.legend),
            notes: layout.notes,
        };
        let on = |(sides, scale)| Sheet::Part(sides, scale);
        match kind {
            ChartKind::Surface(surface, operation) => self.surface(input, surface, operation),
            ChartKind::BlockSizes | ChartKind::Latencies => whole(distribution_page(input, kind, on(TALL))),
            ChartKind::LatencyTimeline => whole(timeline_page(input, kind, &self.time, on(TALL))),
            _ => whole(timeline_page(input, kind, &self.time, on(WIDE))),
        }
    }

    fn surface(&self, input: &ChartInput<'_>, surface: Surface, operation: Operation) -> InlineChart {
        let kind = ChartKind::Surface(surface, operation);
        let relief = SurfaceParts::of(input, &self.surface, surface, operation);
        let map = SurfaceParts::of(input, &self.heat, surface, operation);
        let picture = |what: &str, draw: &dyn Fn(&mut Page, &Area)| {
            let (sides, scale) = HALF;
            let mut page = Page::bare(sides, scale);
            let body = page.body;
            draw(&mut page, &body);
            inline::encode(&page.scene, &format!("{}, {what}", kind.title()))
        };
        InlineChart {
            kind,
            pictures: vec![
                picture("surface", &|page, area| relief.draw_surface(page, area, Finish::LIGHT)),
                picture("heat map", &|page, area| map.draw_heat_map(page, area)),
            ],
            legend: swatches(&map.legend),
            notes: map.notes,
        }
    }
}

fn swatches(legend: &[Key]) -> Vec<(String, String)> {
    let swatch = |color: Color| {
        let side = 8.0;
        let mut layer = Layer::new("swatch");
        let area = Area {
            left: 0.0,
            top: 0.0,
            right: side,
            bottom: side,
        };
        layer.rectangle(area, color);
        let scene = Scene {
            width: side,
            height: side,
            layers: vec![layer],
        };
        inline::encode(&scene, "")
    };
    legend
        .iter()
        .map(|key| (swatch(key.color), key.label.clone()))
        .collect()
}

/// The rules that give the elements of [`inline_charts`] their colours: those of white paper, and on a dark screen others
/// that keep their meaning. Each colour is also there for the page's own rules, as `var(--ink)` and so on.
pub fn stylesheet() -> String {
    let variables = |pick: fn(&(&str, Color, Color)) -> Color| -> String {
        let variable = |role: &(&str, Color, Color)| format!("--{}:{};", role.0, inline::css(pick(role)));
        ROLES.iter().map(variable).collect()
    };
    // On a dark screen little is dark, too: the scale runs the other way.
    let levels = |of: fn(u8) -> u8| -> String {
        let level = |level: u8| format!(".h{level}{{fill:{}}}", inline::css(heat(of(level))));
        (0..HEAT_LEVELS).map(level).collect()
    };
    let rules = |(name, ..): &(&str, Color, Color)| {
        [
            format!(".f-{name}{{fill:var(--{name})}}"),
            format!(".s-{name}{{stroke:var(--{name})}}"),
        ]
    };
    let roles: String = ROLES.iter().flat_map(rules).collect();
    format!(
        ":root{{{}}}{roles}{}@media screen and (prefers-color-scheme:dark){{:root{{{}}}{}{DARK_SURFACE}}}{RULES}",
        variables(|role| role.1),
        levels(|level| level),
        variables(|role| role.2),
        levels(|level| HEAT_LEVELS - 1 - level),
    )
}

/// Slopes are mixtures with white paper: what is low is pale. On a dark screen it has to be dark, and keep its hue.
const DARK_SURFACE: &str = "svg .edges{filter:invert(1) hue-rotate(180deg)}";

/// What the elements have in common.
const RULES: &str = "\
svg path{stroke-linejoin:round}\
svg [color]{fill:currentColor}\
svg .lines{fill:none}\
svg .edges [color]{stroke:currentColor;stroke:color-mix(in srgb,currentColor 78%,#1f2933);stroke-width:1.1}\
svg .boxes{shape-rendering:crispEdges}\
svg .m{text-anchor:middle}svg .e{text-anchor:end}svg .b{font-weight:500}\
svg text{white-space:pre}";
