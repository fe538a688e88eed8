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
/// Every second row of a list of buckets.
pub(super) const STRIPE: Color = Color::hex(0x00f6_f8f9);
/// The wall behind a surface.
pub(super) const WALL: Color = Color::hex(0x00f0_f3f6);
/// Lines through what is not known.
pub(super) const HATCH: Color = Color::hex(0x00c5_ccd4);
/// The column that a range stands in.
pub(super) const COLUMN: Color = Color::hex(0x00ed_eeef);
/// Sequential I/O as seen through interleaved streams, beside the blue of all commands.
pub(super) const STREAM: Color = Color::hex(0x00d0_9a1c);

/// Blue for all commands, green for reads, red for writes, as in every vscsiStats chart since the spreadsheet ones. Their
/// lightness differs too, so that they stay apart for readers who do not see red and green.
pub(super) fn hue(operation: Operation) -> Color {
    match operation {
        Operation::All => ALL,
        Operation::Read => READ,
        Operation::Write => WRITE,
    }
}

/// Steps between the colour of little and the colour of much.
pub(super) const HEAT_LEVELS: u8 = 32;

/// The level of a share, 0 to 1.
pub(super) fn heat_level(share: f64) -> u8 {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 32")]
    let level = (share.clamp(0.0, 1.0) * f64::from(HEAT_LEVELS)) as u8;
    level.min(HEAT_LEVELS - 1)
}

/// Viridis, which readers of every colour vision rank alike, from yellow for little to dark for much: on white paper
/// little must be close to nothing.
pub(super) fn heat(level: u8) -> Color {
    let share = (f64::from(level) + 0.5) / f64::from(HEAT_LEVELS);
    let color = ViridisRGB::get_color_normalized(1.0 - share, 0.0, 1.0);
    Color {
        rgb: (color.0, color.1, color.2),
        alpha: 1.0,
    }
}

/// What a colour stands for, where it has one meaning on every chart: its name, and the colour itself on white paper
/// and on a dark screen.
pub(super) const ROLES: [(&str, Color, Color); 19] = [
    ("ink", INK, Color::hex(0x00e8_ecf1)),
    ("quiet", QUIET, Color::hex(0x00a9_b4c0)),
    ("axis", AXIS, Color::hex(0x006b_7785)),
    ("grid", GRID, Color::hex(0x002f_3843)),
    ("ground", GROUND, Color::hex(0x001d_242d)),
    ("paper", PAPER, Color::hex(0x0015_1b22)),
    ("filtered", FILTERED, Color::hex(0x006c_7784)),
    ("left-out", LEFT_OUT, Color::hex(0x0026_2e38)),
    ("stripe", STRIPE, Color::hex(0x001a_2129)),
    ("wall", WALL, Color::hex(0x0022_2a33)),
    ("hatch", HATCH, Color::hex(0x0045_505c)),
    ("column", COLUMN, Color::hex(0x0026_2e38)),
    ("stream", STREAM, Color::hex(0x00e3_b341)),
    ("all", ALL, Color::hex(0x005b_a3e6)),
    ("read", READ, Color::hex(0x0045_c48a)),
    ("write", WRITE, Color::hex(0x00ef_7068)),
    ("all-deep", Color::hex(0x001f_3d5e), Color::hex(0x00bc_dcf8)),
    ("read-deep", Color::hex(0x0024_5448), Color::hex(0x00b6_f0d3)),
    ("write-deep", Color::hex(0x0058_2f33), Color::hex(0x00ff_c4bf)),
];

/// The colour that a mixture with white paper was made from, and its share: on a dark screen it is mixed with that.
pub(super) fn on_paper(color: Color) -> Option<(&'static str, f64)> {
    let parts = |color: Color| [color.rgb.0, color.rgb.1, color.rgb.2].map(f64::from);
    let paper = parts(PAPER);
    [("all", ALL), ("read", READ), ("write", WRITE), ("stream", STREAM)]
        .into_iter()
        .find_map(|(name, pure)| {
            let pure = parts(pure);
            let taken = |of: [f64; 3]| paper.iter().zip(of).map(|(paper, part)| paper - part).sum::<f64>();
            let share = taken(parts(color)) / taken(pure);
            let is_mixture = paper
                .iter()
                .zip(pure)
                .zip(parts(color))
                .all(|((paper, pure), part)| (paper + (pure - paper) * share - part).abs() <= 1.0);
            (is_mixture && share < 1.0).then_some((name, share))
        })
}

const ALL: Color = Color::hex(0x001f_63ad);
const READ: Color = Color::hex(0x002c_a36f);
const WRITE: Color = Color::hex(0x00c2_3b33);

/// What a slope that turns away from the lamp is mixed with.
pub(super) const SHADOW: Color = Color::hex(0x0010_2030);

/// A slope of this hue: `height` 0 to 1 deepens it, `light` 0 to 1 is how much it faces the lamp.
pub(super) fn slope(hue: Color, height: f64, light: f64) -> Color {
    let body = PAPER.toward(hue, 0.30 + 0.70 * height.clamp(0.0, 1.0).sqrt());
    body.toward(SHADOW, 0.42 * (1.0 - light.clamp(0.0, 1.0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mixture_with_paper_is_told_by_what_it_was_made_from() {
        let (name, share) = on_paper(PAPER.toward(READ, 0.45)).unwrap();
        assert_eq!(name, "read");
        assert!((share - 0.45).abs() < 0.01, "{share}");
        assert_eq!(on_paper(INK), None);
    }

    #[test]
    fn the_deep_colours_are_those_that_deeper_lines_have() {
        for (name, pure) in [("all-deep", ALL), ("read-deep", READ), ("write-deep", WRITE)] {
            let (_, deep, _) = ROLES.into_iter().find(|(role, ..)| *role == name).unwrap();
            // The 99th percentile of a latency is drawn 0.65 of the way to the ink.
            assert_eq!(pure.toward(INK, 0.65), deep, "{name}");
        }
    }
}
