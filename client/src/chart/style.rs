//! Size of the page, and the sizes of type on it.

/// How large a chart is, and how finely a PNG shows it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Style {
    /// Width of the page, inches.
    pub width_inches: f64,
    /// Height of the page, inches.
    pub height_inches: f64,
    /// Resolution of a PNG, dots per inch.
    pub dpi: u32,
}

impl Default for Style {
    /// A wide-screen slide of 10 x 5.625 inches at 300 dpi: 3000 x 1688 pixels.
    fn default() -> Self {
        Self {
            width_inches: 10.0,
            height_inches: 5.625,
            dpi: 300,
        }
    }
}

/// A style that no chart can be drawn in.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum InvalidStyle {
    /// Labels would not fit, or the page would be a poster nobody meant.
    #[error("a chart of {0} x {1} inches cannot be drawn; it can be 4 to 40 inches wide and 2.5 to 40 high")]
    Size(f64, f64),
    /// Too coarse to read, or too fine to keep in memory.
    #[error("{0} dpi is not possible; choose 36 to 1200")]
    Resolution(u32),
}

const POINTS_PER_INCH: f64 = 72.0;

impl Style {
    pub(super) fn check(&self) -> Result<(), InvalidStyle> {
        let possible = |inches: f64, least: f64| inches.is_finite() && (least..=40.0).contains(&inches);
        if !possible(self.width_inches, 4.0) || !possible(self.height_inches, 2.5) {
            return Err(InvalidStyle::Size(self.width_inches, self.height_inches));
        }
        if !(36..=1200).contains(&self.dpi) {
            return Err(InvalidStyle::Resolution(self.dpi));
        }
        Ok(())
    }

    pub(super) fn width(&self) -> f64 {
        self.width_inches * POINTS_PER_INCH
    }

    pub(super) fn height(&self) -> f64 {
        self.height_inches * POINTS_PER_INCH
    }

    /// Type grows and shrinks with the page, less than it.
    pub(super) fn scale(&self) -> f64 {
        let page = (self.width_inches / 10.0).min(self.height_inches / 5.625);
        page.sqrt().clamp(0.75, 2.0)
    }
}
