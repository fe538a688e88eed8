//! One chart, from samples to bytes.

use vscsi_shared::histogram::Operation;

use super::caption;
use super::encode::encode;
use super::field::Field;
use super::heatmap::HeatPanel;
use super::kind::{ChartKind, Surface};
use super::page::{Key, Page, Texts};
use super::palette::{FILTERED, hue};
use super::scale::Decades;
use super::scene::{Area, Scene};
use super::slices::Slices;
use super::style::Style;
use super::surface::SurfacePanel;
use super::{ChartError, ChartInput};
use crate::config::ChartFormat;

/// More rows than this make a surface a wall of lines.
const SURFACE_SLICES: usize = 160;

/// A page laid out, and what has to be said about it.
pub(super) struct Layout {
    pub(super) scene: Scene,
    pub(super) notes: Vec<String>,
}

/// Draws a chart and returns the file's bytes.
///
/// # Errors
/// [`ChartError`] when there is nothing to draw, the mask or the style do not fit, or bucket limits changed.
pub fn render(
    input: &ChartInput<'_>,
    kind: ChartKind,
    format: ChartFormat,
    style: &Style,
) -> Result<Vec<u8>, ChartError> {
    let layout = lay_out(input, kind, style)?;
    let metadata = caption::metadata(input, kind, &layout.notes);
    Ok(encode(&layout.scene, &metadata, format, style.dpi)?)
}

/// Lays a chart out.
pub(super) fn lay_out(input: &ChartInput<'_>, kind: ChartKind, style: &Style) -> Result<Layout, ChartError> {
    style.check()?;
    if input.kept.len() != input.series.samples.len() {
        return Err(ChartError::Mask {
            mask: input.kept.len(),
            samples: input.series.samples.len(),
        });
    }
    match kind {
        ChartKind::Surface(surface, operation) => surface_page(input, surface, operation, style),
        _ => surface_page(input, Surface::Iops, Operation::All, style),
    }
}

fn surface_page(
    input: &ChartInput<'_>,
    surface: Surface,
    operation: Operation,
    style: &Style,
) -> Result<Layout, ChartError> {
    let slices = Slices::cut(input, SURFACE_SLICES)?;
    let field = Field::of(&slices, surface, operation);
    let time = caption::time_axis(input, &slices);
    let mut notes: Vec<String> = caption::binning(&slices).into_iter().collect();
    if let Some(decades) = Decades::around(field.values()).filter(|decades| decades.clipped) {
        let least = 10_f64.powi(decades.low);
        notes.push(format!(
            "the heat map draws values below {least} in the colour of {least}"
        ));
    }
    let kind = ChartKind::Surface(surface, operation);
    let mut page = Page::new(
        style,
        &Texts {
            title: kind.title(),
            subject: caption::subject(input),
            caption: captions(input, &notes),
            legend: legend(input, operation),
        },
    );
    let body = page.body;
    let split = body.left + body.width() * 0.56;
    let gutter = 14.0 * page.scale;
    SurfacePanel {
        field: &field,
        slices: &slices,
        time: &time,
        hue: hue(operation),
        bucket_title: surface.bucket_title(),
    }
    .draw(
        &mut page,
        &Area {
            right: split - gutter,
            ..body
        },
    );
    HeatPanel {
        field: &field,
        slices: &slices,
        time: &time,
        bucket_title: surface.bucket_title(),
    }
    .draw(
        &mut page,
        &Area {
            left: split + gutter,
            ..body
        },
    );
    Ok(Layout {
        scene: page.scene,
        notes,
    })
}

fn captions(input: &ChartInput<'_>, notes: &[String]) -> Vec<String> {
    let mut lines = vec![caption::origin(input)];
    if !notes.is_empty() {
        lines.push(notes.join(super::page::SEPARATOR));
    }
    lines
}

fn legend(input: &ChartInput<'_>, operation: Operation) -> Vec<Key> {
    let label = match operation {
        Operation::All => "all commands",
        Operation::Read => "reads",
        Operation::Write => "writes",
    };
    let mut keys = vec![Key {
        color: hue(operation),
        label: label.to_owned(),
    }];
    if input.kept.contains(&false) {
        keys.push(Key {
            color: FILTERED,
            label: "left out by the filter".to_owned(),
        });
    }
    keys
}
