//! I/Os per second over time in a picture as small as a word, for a row of a table.

use super::encode::inline;
use super::palette::{AXIS, LEFT_OUT};
use super::render::check_mask;
use super::scene::{Area, Layer, Scene};
use super::slices::Slices;
use super::{ChartError, ChartInput, axes, caption, timeline};

/// Sides in points.
const SIDES: (f64, f64) = (150.0, 34.0);
/// More steps than these are less than two pixels wide.
const SLICES: usize = 60;

/// Draws the I/Os per second of a job from 0 to its highest step, without an axis; `label` tells readers without eyes what
/// it is.
///
/// # Errors
/// [`ChartError`] when there is nothing to draw, the mask does not fit, or bucket limits changed.
pub fn small_timeline(input: &ChartInput<'_>, label: &str) -> Result<String, ChartError> {
    check_mask(input)?;
    let slices = Slices::cut(input, SLICES)?;
    let time = caption::time_axis(input, &slices);
    let lines = timeline::iops(&slices, None).lines;
    let (width, height) = SIDES;
    let plot = Area {
        left: 1.0,
        top: 1.5,
        right: width - 1.0,
        bottom: height - 1.0,
    };
    let x = |second: f64| plot.left + plot.width() * time.share(second);
    let mut ground = Layer::new("timeline-ground");
    for slice in slices.slices.iter().filter(|slice| !slice.kept) {
        ground.rectangle(
            Area {
                left: x(slice.start),
                right: x(slice.end),
                ..plot
            },
            LEFT_OUT,
        );
    }
    axes::gaps(&mut ground, &slices, &time, &plot);
    let mut front = Layer::new("line");
    // All commands; reads and writes are lines of their own, for which there is no room.
    if let Some(total) = lines.first() {
        let most = total.values.iter().flatten().copied().fold(0.0, f64::max);
        let top = if most > 0.0 { most } else { 1.0 };
        total.draw(&mut front, &slices, |second, value| {
            (x(second), plot.bottom - plot.height() * value / top)
        });
    }
    front.line((plot.left, plot.bottom), (plot.right, plot.bottom), AXIS, 0.6);
    let scene = Scene {
        width,
        height,
        layers: vec![ground, front],
    };
    Ok(inline::encode(&scene, label))
}
