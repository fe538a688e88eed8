//! Texts in the regular weight.

use super::font::{self, Weight};
use super::palette::QUIET;
use super::scene::{Anchor, Color, Point, TextRun};

/// A level text in the colour of captions.
pub(super) fn label_at(text: &str, at: Point, size: f64, anchor: Anchor) -> TextRun {
    colored(text, at, size, anchor, QUIET)
}

/// A level text.
pub(super) fn colored(text: &str, at: Point, size: f64, anchor: Anchor, color: Color) -> TextRun {
    TextRun {
        text: text.to_owned(),
        at,
        size,
        weight: Weight::Regular,
        anchor,
        color,
    }
}

/// The widest of some labels set as ticks, points.
pub(super) fn widest<'a>(labels: impl Iterator<Item = &'a str>, size: f64) -> f64 {
    labels
        .map(|label| font::width(label, size, Weight::Regular))
        .fold(0.0, f64::max)
}
