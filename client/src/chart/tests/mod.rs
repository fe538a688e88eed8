//! What is on a chart and where, seen in the scene that every encoder draws.

mod alike;
mod labels_fit;
mod surfaces;
mod time;
mod values;

use vscsi_shared::histogram::Operation;

pub(crate) use crate::analysis::chart_job;

use super::kind::{ChartKind, Surface};
use super::render::{Layout, lay_out};
use super::scene::{Area, Item, Layer, Point, TextRun};
use super::style::Style;
use chart_job::Filtered;

fn layout(job: &Filtered, kind: ChartKind) -> Layout {
    lay_out(&job.input(), kind, &Style::default()).unwrap()
}

fn surface(surface: Surface) -> ChartKind {
    ChartKind::Surface(surface, Operation::All)
}

fn texts(layout: &Layout) -> Vec<&TextRun> {
    layout.scene.texts().collect()
}

fn has_text(layout: &Layout, text: &str) -> bool {
    layout.scene.texts().any(|run| run.text == text)
}

/// The one text that begins so.
fn text_beginning<'a>(layout: &'a Layout, start: &str) -> &'a TextRun {
    layout.scene.texts().find(|run| run.text.starts_with(start)).unwrap()
}

fn layer<'a>(layout: &'a Layout, name: &'a str) -> &'a Layer {
    layout.scene.layers_named(name).next().unwrap()
}

fn polygons(layer: &Layer) -> Vec<&[Point]> {
    let polygon = |item: &'_ Item| matches!(item, Item::Polygon { .. });
    layer
        .items
        .iter()
        .filter(|item| polygon(item))
        .filter_map(|item| match item {
            Item::Polygon { points, .. } => Some(points.as_slice()),
            _ => None,
        })
        .collect()
}

fn rectangles(layer: &Layer) -> Vec<(Area, (u8, u8, u8))> {
    layer
        .items
        .iter()
        .filter_map(|item| match item {
            Item::Rectangle { area, fill } => Some((*area, fill.rgb)),
            _ => None,
        })
        .collect()
}

fn paths(layer: &Layer) -> Vec<&[Point]> {
    layer
        .items
        .iter()
        .filter_map(|item| match item {
            Item::Path { points, .. } => Some(points.as_slice()),
            _ => None,
        })
        .collect()
}

/// The vertical middle of the capitals of a label.
fn middle(run: &TextRun) -> f64 {
    run.at.1 - 0.711 * run.size / 2.0
}
