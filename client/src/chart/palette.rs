//! Colours, and what they stand for.

use plotters::style::colors::colormaps::ViridisRGB;
use vscsi_shared::histogram::Operation;

use super::scene::Color;

/// Titles and values.
pub(super) const INK: Color = Color::hex(0x001f_2933);
/// Captions, axis titles and tick labels.
pub(super) const QUIET: Color = Color::hex(0x0052_606d);
/// Axis lines.
pub(super) const AXIS: Color = Color::hex(0x009a_a5b1);
/// Grid lines.
pub(super) const GRID: Color = Color::hex(0x00e1_e6eb);
/// Panels and zero.
pub(super) const GROUND: Color = Color::hex(0x00f5_f7f9);
/// The paper.
pub(super) const PAPER: Color = Color::hex(0x00ff_ffff);
/// Samples that the filter left out.
pub(super) const FILTERED: Color = Color::hex(0x00a3_adb8);

/// The ground under samples that the filter left out.
pub(super) const LEFT_OUT: Color = Color::hex(0x00e2_e6ea);
/// Sequential I/O as seen through interleaved streams, beside the blue of all commands.
pub(super) const STREAM: Color = Color::hex(0x00d0_9a1c);

/// Blue for all commands, green for reads, red for writes, as in every vscsiStats chart since the spreadsheet ones. Their
/// lightness differs too, so that they stay apart for readers who do not see red and green.
pub(super) fn hue(operation: Operation) -> Color {
    match operation {
        Operation::All => Color::hex(0x001f_63ad),
        Operation::Read => Color::hex(0x002c_a36f),
        Operation::Write => Color::hex(0x00c2_3b33),
    }
}

/// Viridis, which readers of every colour vision rank alike, from yellow for little to dark for much: on white paper
/// little must be close to nothing.
pub(super) fn heat(share: f64) -> Color {
    let color = ViridisRGB::get_color_normalized(1.0 - share.clamp(0.0, 1.0), 0.0, 1.0);
    Color {
        rgb: (color.0, color.1, color.2),
        alpha: 1.0,
    }
}

/// A slope of this hue: `height` 0 to 1 deepens it, `light` 0 to 1 is how much it faces the lamp.
pub(super) fn slope(hue: Color, height: f64, light: f64) -> Color {
    let body = PAPER.toward(hue, 0.30 + 0.70 * height.clamp(0.0, 1.0).sqrt());
    let shadow = Color::hex(0x0010_2030);
    body.toward(shadow, 0.42 * (1.0 - light.clamp(0.0, 1.0)))
}
