//! Charts as parts of a web page, which has their titles, captions, colours and fonts itself.

use super::encode::inline;
use super::kind::ChartKind;
use super::page::Key;
use super::palette::{HEAT_LEVELS, ROLES, heat};
use super::scene::{Area, Color, Layer, Scene};

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

/// A legend with its colours as pictures.
pub(super) fn swatches(legend: &[Key]) -> Vec<(String, String)> {
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

/// The rules that give the elements of [`InlineChart`] their colours: those of white paper, and on a dark screen others
/// that keep their meaning. Each colour is also there for the page's own rules, as `var(--ink)` and so on.
pub fn stylesheet() -> String {
    let variables = |pick: fn(&(&str, Color, Color)) -> Color| -> String {
        let variable = |role: &(&str, Color, Color)| format!("--{}:{};", role.0, inline::css(pick(role)));
        ROLES.iter().map(variable).collect()
    };
    // On a dark screen little is dark, too: the scale runs the other way.
    let levels = |of: fn(u8) -> u8| -> String {
        let level = |level: u8| format!(".h{level}{{color:{}}}", inline::css(heat(of(level))));
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
svg [color],svg [class^=h]{fill:currentColor}\
svg .cells [stroke-width]{fill:none;stroke:currentColor}\
svg .lines{fill:none}\
svg .edges [color]{stroke:currentColor;stroke:color-mix(in srgb,currentColor 78%,#1f2933);stroke-width:1.1}\
svg .boxes{shape-rendering:crispEdges}\
svg .m{text-anchor:middle}svg .e{text-anchor:end}svg .b{font-weight:500}\
svg text{white-space:pre}";
