//! One chart, from samples to bytes.

use vscsi_shared::histogram::Operation;

use super::caption;
use super::distribution;
use super::encode::encode;
use super::extent::Extent;
use super::field::Field;
use super::heatmap::HeatPanel;
use super::kind::{ChartKind, Surface};
use super::page::{Key, Page, Texts};
use super::palette::{FILTERED, LEFT_OUT, hue};
use super::scale::Decades;
use super::scene::{Area, Color, Layer, Scene};
use super::slices::Slices;
use super::style::Style;
use super::surface::{Finish, SurfacePanel};
use super::time_axis::TimeAxis;
use super::timeline::{self, Timeline};
use super::{ChartError, ChartFormat, ChartInput};

/// More rows than this make a surface a wall of lines.
const SURFACE_SLICES: usize = 160;
/// A timeline shows as many steps as a screen has room for.
const TIMELINE_SLICES: usize = 600;

/// A page laid out, and what has to be said about it.
pub(super) struct Layout {
    pub(super) scene: Scene,
    pub(super) legend: Vec<Key>,
    pub(super) notes: Vec<String>,
}

/// What a chart is laid out on.
#[derive(Clone, Copy)]
pub(super) enum Sheet<'a> {
    /// A file of its own, with title, legend and caption.
    File(&'a Style),
    /// A part of another page, which has them: its sides in points, and the scale of its type.
    Part((f64, f64), f64),
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

/// Lays a chart out as a file of its own.
pub(super) fn lay_out(input: &ChartInput<'_>, kind: ChartKind, style: &Style) -> Result<Layout, ChartError> {
    style.check()?;
    check_mask(input)?;
    let sheet = Sheet::File(style);
    match kind {
        ChartKind::Surface(surface, operation) => {
            let slices = Slices::cut(input, SURFACE_SLICES)?;
            Ok(surface_page(
                input,
                &SurfaceParts::of(input, &slices, surface, operation),
                style,
            ))
        }
        ChartKind::BlockSizes | ChartKind::Latencies => Ok(distribution_page(input, kind, sheet, [None; 2])),
        _ => {
            let slices = Slices::cut(input, TIMELINE_SLICES)?;
            let time = caption::time_axis(input, &slices);
            let of_jobs = timelines(&[(input, &slices)], kind).pop();
            Ok(timeline_page(
                input,
                kind,
                (&slices, &time),
                &of_jobs.unwrap_or_default(),
                sheet,
            ))
        }
    }
}

/// Whether the filter judged the samples that there are.
pub(super) fn check_mask(input: &ChartInput<'_>) -> Result<(), ChartError> {
    let (mask, samples) = (input.kept.len(), input.series.samples.len());
    if mask == samples {
        Ok(())
    } else {
        Err(ChartError::Mask { mask, samples })
    }
}

/// The lines of a timeline of each of some jobs, which are as many in each; none for a chart of another kind.
pub(super) fn timelines(jobs: &[(&ChartInput<'_>, &Slices)], kind: ChartKind) -> Vec<Vec<Timeline>> {
    let each = |timeline: fn(&Slices) -> Timeline| jobs.iter().map(|(_, slices)| vec![timeline(slices)]).collect();
    match kind {
        ChartKind::IopsTimeline => jobs
            .iter()
            .map(|(input, slices)| vec![timeline::iops(slices, input.cut_iops)])
            .collect(),
        ChartKind::LatencyTimeline => {
            let slices: Vec<&Slices> = jobs.iter().map(|(_, slices)| *slices).collect();
            timeline::latencies(&slices)
        }
        ChartKind::ThroughputTimeline => each(timeline::throughput),
        ChartKind::SequentialTimeline => each(timeline::sequential),
        ChartKind::OutstandingTimeline => each(timeline::outstanding),
        ChartKind::Surface(..) | ChartKind::BlockSizes | ChartKind::Latencies => Vec::new(),
    }
}

/// A chart over time, of one or several timelines below each other.
pub(super) fn timeline_page(
    input: &ChartInput<'_>,
    kind: ChartKind,
    (slices, time): (&Slices, &TimeAxis),
    timelines: &[Timeline],
    sheet: Sheet<'_>,
) -> Layout {
    let mut notes = timelines
        .first()
        .map(|timeline| timeline.notes.clone())
        .unwrap_or_default();
    notes.extend(caption::time_notes(slices));
    // The colours of one of several timelines mean nothing beside the others.
    let mut legend = match timelines {
        [only] => only.legend(),
        _ => Vec::new(),
    };
    legend.extend(filtered_key(input, LEFT_OUT));
    let mut page = page(input, kind, sheet, &notes, &legend);
    let areas = parts(&page, timelines.len());
    for (timeline, part) in timelines.iter().zip(areas) {
        timeline.draw(&mut page, slices, time, &part);
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
    Layout {
        scene: page.scene,
        legend,
        notes,
    }
}

/// The areas of several timelines, one above the other.
pub(super) fn parts(page: &Page, count: usize) -> Vec<Area> {
    let body = page.body;
    let (height, gutter) = (body.height() / count as f64, 5.0 * page.scale);
    let part = |index: usize| {
        let top = body.top + height * index as f64;
        let last = index + 1 == count;
        Area {
            top,
            bottom: top + height - if last { 0.0 } else { gutter },
            ..body
        }
    };
    (0..count).map(part).collect()
}

/// A chart of what the kept samples do as a whole, whose two axes hold what they have to hold `also`.
pub(super) fn distribution_page(
    input: &ChartInput<'_>,
    kind: ChartKind,
    sheet: Sheet<'_>,
    also: [Option<Extent>; 2],
) -> Layout {
    let whiskers = match kind {
        ChartKind::BlockSizes => "whiskers: what buckets and mean allow",
        _ => "percentiles: the bar is the range that holds the true value, the line the estimate",
    };
    let notes = vec!["of the samples that the filter kept".to_owned(), whiskers.to_owned()];
    let legend = [Operation::Read, Operation::Write].map(direction_key).to_vec();
    let mut page = page(input, kind, sheet, &notes, &legend);
    let body = page.body;
    match kind {
        ChartKind::BlockSizes => distribution::block_sizes(&mut page, input, &body, also),
        _ => distribution::latencies(&mut page, input, &body, also),
    }
    Layout {
        scene: page.scene,
        legend,
        notes,
    }
}

fn page(input: &ChartInput<'_>, kind: ChartKind, sheet: Sheet<'_>, notes: &[String], legend: &[Key]) -> Page {
    match sheet {
        Sheet::Part(sides, scale) => Page::bare(sides, scale),
        Sheet::File(style) => Page::new(
            style,
            &Texts {
                title: kind.title(),
                subject: caption::subject(input),
                caption: captions(input, notes),
                legend: legend.to_vec(),
            },
        ),
    }
}

/// What a surface and its heat map are drawn from.
pub(super) struct SurfaceParts<'a> {
    slices: &'a Slices,
    pub(super) field: Field,
    pub(super) time: TimeAxis,
    surface: Surface,
    operation: Operation,
    pub(super) legend: Vec<Key>,
}

impl<'a> SurfaceParts<'a> {
    pub(super) fn of(input: &ChartInput<'_>, slices: &'a Slices, surface: Surface, operation: Operation) -> Self {
        let mut legend = vec![direction_key(operation)];
        legend.extend(filtered_key(input, FILTERED));
        Self {
            slices,
            field: Field::of(slices, surface, operation),
            time: caption::time_axis(input, slices),
            surface,
            operation,
            legend,
        }
    }

    /// What has to be said about it.
    pub(super) fn notes(&self) -> Vec<String> {
        let mut notes = caption::time_notes(self.slices);
        if let Some(decades) = Decades::around(self.field.values()).filter(|decades| decades.clipped) {
            let least = 10_f64.powi(decades.low);
            notes.push(format!(
                "the heat map draws values below {least} in the colour of {least}"
            ));
        }
        notes
    }

    pub(super) fn draw_surface(&self, page: &mut Page, area: &Area, finish: Finish) {
        SurfacePanel {
            field: &self.field,
            slices: self.slices,
            time: &self.time,
            hue: hue(self.operation),
            bucket_title: self.surface.bucket_title(),
            finish,
        }
        .draw(page, area);
    }

    pub(super) fn draw_heat_map(&self, page: &mut Page, area: &Area) {
        HeatPanel {
            field: &self.field,
            slices: self.slices,
            time: &self.time,
            bucket_title: self.surface.bucket_title(),
        }
        .draw(page, area);
    }
}

fn surface_page(input: &ChartInput<'_>, parts: &SurfaceParts<'_>, style: &Style) -> Layout {
    let kind = ChartKind::Surface(parts.surface, parts.operation);
    let notes = parts.notes();
    let mut page = page(input, kind, Sheet::File(style), &notes, &parts.legend);
    let body = page.body;
    let split = body.left + body.width() * 0.56;
    let gutter = 14.0 * page.scale;
    let left = Area {
        right: split - gutter,
        ..body
    };
    let right = Area {
        left: split + gutter,
        ..body
    };
    parts.draw_surface(&mut page, &left, Finish::WHOLE);
    parts.draw_heat_map(&mut page, &right);
    Layout {
        scene: page.scene,
        legend: parts.legend.clone(),
        notes,
    }
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
