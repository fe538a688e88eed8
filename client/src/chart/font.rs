//! The font inside the program: outlines and widths, so that texts are measured and drawn alike on every machine.

use std::sync::LazyLock;

use ab_glyph::{Font as _, FontRef, GlyphId, Outline};

/// Regular weight, as a TrueType file.
pub(super) const REGULAR: &[u8] = include_bytes!("../../assets/Roboto-Regular.ttf");
/// Medium weight, for titles.
pub(super) const MEDIUM: &[u8] = include_bytes!("../../assets/Roboto-Medium.ttf");
/// Regular weight, Latin-1 letters only, compressed for the inside of an SVG file.
pub(super) const REGULAR_WOFF2: &[u8] = include_bytes!("../../assets/Roboto-Regular-latin.woff2");
/// Medium weight of the same.
pub(super) const MEDIUM_WOFF2: &[u8] = include_bytes!("../../assets/Roboto-Medium-latin.woff2");

/// Height of a capital letter, in em. From the font's OS/2 table: 1456 of 2048 units.
pub(super) const CAP_HEIGHT: f64 = 0.711;
/// How far letters such as `g` reach below the baseline, in em.
pub(super) const DESCENT: f64 = 0.21;

/// Weight of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Weight {
    /// For everything but titles.
    Regular,
    /// For titles.
    Medium,
}

/// A font that can be measured.
pub(super) struct Face {
    font: FontRef<'static>,
    units_per_em: f64,
}

static FACES: LazyLock<[Option<Face>; 2]> = LazyLock::new(|| [Face::parse(REGULAR), Face::parse(MEDIUM)]);

/// The font of this weight; `None` only when the program was built with a broken font file, which a test excludes.
pub(super) fn face(weight: Weight) -> Option<&'static Face> {
    let [regular, medium] = &*FACES;
    match weight {
        Weight::Regular => regular.as_ref(),
        Weight::Medium => medium.as_ref(),
    }
}

impl Face {
    fn parse(bytes: &'static [u8]) -> Option<Self> {
        let font = FontRef::try_from_slice(bytes).ok()?;
        let units_per_em = f64::from(font.units_per_em()?);
        Some(Self { font, units_per_em })
    }

    /// Font units of one em.
    pub(super) fn units_per_em(&self) -> f64 {
        self.units_per_em
    }

    /// The glyph of a character; glyph 0, an empty box, when the font has none.
    pub(super) fn glyph(&self, character: char) -> GlyphId {
        self.font.glyph_id(character)
    }

    /// Advance width of a glyph, in em.
    pub(super) fn advance_em(&self, glyph: GlyphId) -> f64 {
        f64::from(self.font.h_advance_unscaled(glyph)) / self.units_per_em
    }

    /// The outline in font units, y upwards; `None` for a blank.
    pub(super) fn outline(&self, glyph: GlyphId) -> Option<Outline> {
        self.font.outline(glyph)
    }
}

/// Width of `text` set in `size`, in the unit of `size`.
pub(super) fn width(text: &str, size: f64, weight: Weight) -> f64 {
    face(weight).map_or(0.0, |face| {
        let em: f64 = text
            .chars()
            .map(|character| face.advance_em(face.glyph(character)))
            .sum();
        em * size
    })
}

/// `text`, or as much of its beginning as fits into `available`, followed by an ellipsis.
pub(super) fn ellipsis(text: &str, size: f64, weight: Weight, available: f64) -> String {
    if width(text, size, weight) <= available {
        return text.to_owned();
    }
    let mut kept = text.trim_end().to_owned();
    loop {
        let candidate = format!("{}…", kept.trim_end());
        if width(&candidate, size, weight) <= available || kept.pop().is_none() {
            return candidate;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_fonts_are_readable_and_have_the_letters_that_labels_use() {
        for weight in [Weight::Regular, Weight::Medium] {
            let face = face(weight).unwrap();
            for character in "AZaz09µ–—…·×≤≥−≈%+()/:äéШσ".chars() {
                assert_ne!(face.glyph(character).0, 0, "{character}");
            }
        }
    }

    #[test]
    fn a_digit_is_as_wide_as_the_font_file_says() {
        // The hmtx table gives every digit of the regular weight 1151 of 2048 units, so that columns of figures align.
        assert!((width("0", 2048.0, Weight::Regular) - 1151.0).abs() < 1e-9);
        assert!((width("17", 2048.0, Weight::Regular) - 2302.0).abs() < 1e-9);
    }

    #[test]
    fn a_text_that_fits_is_left_alone() {
        assert_eq!(ellipsis("SQL-Server-01", 8.0, Weight::Regular, 200.0), "SQL-Server-01");
    }

    #[test]
    fn a_long_text_ends_in_an_ellipsis_and_fits() {
        let name = "a-very-long-name-of-a-virtual-machine-that-somebody-typed-in-full";
        let cut = ellipsis(name, 8.0, Weight::Regular, 90.0);
        assert!(cut.ends_with('…') && name.starts_with(cut.trim_end_matches('…')));
        assert!(width(&cut, 8.0, Weight::Regular) <= 90.0);
    }
}
