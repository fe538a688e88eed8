//! One chart, from samples to bytes.

use vscsi_shared::histogram::Operation;

use super::caption;
use super::distribution;
use super::encode::encode;
use super::field::Field;
use super::heatmap::HeatPanel;
use super::kind::{ChartKind, Surface};
use super::page::{Key, Page, Texts};
use super::palette::{FILTERED, LEFT_OUT, hue};
use super::scale::Decades;
use super::scene::{Area, Color, Layer, Scene};
use super::slices::Slices;
use super::style::Style;
use super::surface::SurfacePanel;
use super::timeline::{self, Timeline};
use super::{ChartError, ChartFormat, ChartInput};

/// More rows than this make a surface a wall of lines.
const SURFACE_SLICES: usize = 160;
/// A timeline shows as many steps as a screen has room for.
const TIMELINE_SLICES: usize = 600;

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
        ChartKind::IopsTimeline => timeline_page(input, kind, style, |slices| {
            vec![timeline::iops(slices, input.cut_iops)]
        }),
        ChartKind::LatencyTimeline => timeline_page(input, kind, style, timeline::latencies),
        ChartKind::ThroughputTimeline => timeline_page(input, kind, style, |slices| vec![timeline::throughput(slices)]),
        ChartKind::SequentialTimeline => timeline_page(input, kind, style, |slices| vec![timeline::sequential(slices)]),
        ChartKind::OutstandingTimeline => {
            timeline_page(input, kind, style, |slices| vec![timeline::outstanding(slices)])
        }
        ChartKind::BlockSizes => Ok(distribution_page(input, kind, style, distribution::block_sizes)),
        ChartKind::Latencies => Ok(distribution_page(input, kind, style, distribution::latencies)),
    }
}

fn timeline_page(
    input: &ChartInput<'_>,
    kind: ChartKind,
    style: &Style,
    make: impl Fn(&Slices) -> Vec<Timeline>,
) -> Result<Layout, ChartError> {
    let slices = Slices::cut(input, TIMELINE_SLICES)?;
    let time = caption::time_axis(input, &slices);
    let timelines = make(&slices);
    let mut notes = timelines
        .first()
        .map(|timeline| timeline.notes.clone())
        .unwrap_or_default();
    notes.extend(caption::time_notes(&slices));
    // The colours of one of several timelines mean nothing beside the others.
    let mut legend = match timelines.as_slice() {
        [only] => only.legend(),
        _ => Vec::new(),
    };
    legend.extend(filtered_key(input, LEFT_OUT));
    let mut page = page(input, kind, style, &notes, legend);
    let body = page.body;
    let (height, gutter) = (body.height() / timelines.len() as f64, 5.0 * page.scale);
    for (index, timeline) in timelines.iter().enumerate() {
        let top = body.top + height * index as f64;
        let last = index + 1 == timelines.len();
        let part = Area {
            top,
            bottom: top + height - if last { 0.0 } else { gutter },
            ..body
        };
        timeline.draw(&mut page, &slices, &time, &part);
        if timelines.len() > 1 {
            let mut layer = Layer::new("legend");
            page.legend(
                &mut layer,
                &timeline.legend(),
                timeline::unit_baseline(&part, page.scale),
            );
            page.scene.layers.push(layer);
        }
    }
    Ok(Layout {
        scene: page.scene,
        notes,
    })
}

fn distribution_page(
    input: &ChartInput<'_>,
    kind: ChartKind,
    style: &Style,
    draw: impl Fn(&mut Page, &ChartInput<'_>, &Area),
) -> Layout {
    let mut notes = vec!["of the samples that the filter kept".to_owned()];
    notes.push(match kind {
        ChartKind::BlockSizes => "whiskers: what buckets and mean allow".to_owned(),
        _ => "percentiles: the bar is the range that holds the true value, the line the estimate".to_owned(),
    });
    let legend = [Operation::Read, Operation::Write].map(direction_key).into();
    let mut page = page(input, kind, style, &notes, legend);
    let body = page.body;
    draw(&mut page, input, &body);
    Layout {
        scene: page.scene,
        notes,
    }
}

fn page(input: &ChartInput<'_>, kind: ChartKind, style: &Style, notes: &[String], legend: Vec<Key>) -> Page {
    Page::new(
        style,
        &Texts {
            title: kind.title(),
            subject: caption::subject(input),
            caption: captions(input, notes),
            legend,
        },
    )
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
    let mut notes = caption::time_notes(&slices);
    if let Some(decades) = Decades::around(field.values()).filter(|decades| decades.clipped) {
        let least = 10_f64.powi(decades.low);
        notes.push(format!(
            "the heat map draws values below {least} in the colour of {least}"
        ));
    }
    let kind = ChartKind::Surface(surface, operation);
    let mut legend = vec![direction_key(operation)];
    legend.extend(filtered_key(input, FILTERED));
    let mut page = page(input, kind, style, &notes, legend);
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

fn direction_key(operation: Operation) -> Key {
    let label = match operation {
        Operation::All => "all commands",
        Operation::Read => "reads",
        Operation::Write => "writes",
    };
    Key {
        color: hue(operation),
        label: label.to_owned(),
    }
}

/// What stands for the samples that the filter left out, when there are any.
fn filtered_key(input: &ChartInput<'_>, color: Color) -> Option<Key> {
    input.kept.contains(&false).then(|| Key {
        color,
        label: "left out by the filter".to_owned(),
    })
}
