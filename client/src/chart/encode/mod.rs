//! Three encoders behind one drawing path.

mod gathered;
pub(super) mod inline;
mod pdf;
mod png;
mod svg;

use super::format::ChartFormat;
use super::scene::Scene;

/// What the file says about itself, besides its picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Metadata {
    /// Title of the chart.
    pub(super) title: String,
    /// Keyword and value, in order.
    pub(super) entries: Vec<(&'static str, String)>,
}

/// The name and version of this program.
pub(super) const SOFTWARE: &str = concat!("vscsi-helper ", env!("CARGO_PKG_VERSION"));

/// Width of the line that every opaque polygon has in its own colour. Each polygon is smoothed alone, so without the line
/// the page would shine through between neighbours.
const SEAM_POINTS: f64 = 0.3;

/// A picture could not be made.
#[derive(Debug, thiserror::Error)]
pub enum EncodeError {
    /// The picture would have too many pixels, or none.
    #[error("a picture of {width} x {height} pixels cannot be made")]
    Size {
        /// Pixels across.
        width: u64,
        /// Pixels down.
        height: u64,
    },
    /// The PNG encoder refused the picture.
    #[error("the picture could not be encoded as PNG")]
    Png(#[from] ::png::EncodingError),
}

/// The scene as a file of this format. The same scene gives the same bytes.
pub(super) fn encode(
    scene: &Scene,
    metadata: &Metadata,
    format: ChartFormat,
    dpi: u32,
) -> Result<Vec<u8>, EncodeError> {
    match format {
        ChartFormat::Png => png::encode(scene, metadata, dpi),
        ChartFormat::Svg => Ok(svg::encode(scene, metadata)),
        ChartFormat::Pdf => Ok(pdf::encode(scene, metadata)),
    }
}
