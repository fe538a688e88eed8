//! Pictures of a job: surfaces over buckets and time, their heat maps, timelines and distributions.
//!
//! Data flows one way: samples -> `slices` of time -> values -> a `scene` laid out in points -> `paint` through
//! plotters' backend trait -> one of three encoders of files. For a web page a fourth encoder makes small elements of the
//! same scenes (`inline`). The same input gives the same bytes.
//!
//! Architecture invariant: only [`write_all`] touches the file system, and nothing reads a clock.

mod alike;
mod axes;
mod bars;
mod caption;
mod distribution;
mod encode;
mod extent;
mod field;
mod fit;
mod font;
mod format;
mod heatmap;
mod inline;
mod kind;
mod labels;
mod lettering;
mod numbers;
mod page;
mod paint;
mod palette;
mod render;
mod scale;
mod scene;
mod slices;
mod small;
mod style;
mod surface;
mod time_axis;
mod timeline;
mod write;

pub use alike::{AlikeCharts, inline_charts, inline_charts_alike};
pub use encode::EncodeError;
pub use format::ChartFormat;
pub use inline::{InlineChart, stylesheet};
pub use kind::{ChartKind, Surface, UnknownChart};
pub(crate) use labels::buckets as bucket_labels;
pub(crate) use numbers::{ChartNumbers, LineNumbers, Moment, PartNumbers, TimelineNumbers, chart_numbers};
pub use render::render;
pub use small::small_timeline;
pub use style::{InvalidStyle, Style};
pub use write::write_all;

use vscsi_shared::exit_code;

use crate::analysis::{Analysis, Series, Workload};
use crate::failure::{Failure, FileError};

/// What charts are drawn from.
#[derive(Debug, Clone, Copy)]
pub struct ChartInput<'a> {
    /// The samples, of the disks that are to be shown.
    pub series: &'a Series,
    /// For each sample, whether the filter kept it.
    pub kept: &'a [bool],
    /// The IOPS from which samples were kept; `None` when the filter drew no line.
    pub cut_iops: Option<f64>,
    /// The kept samples merged, and where they came from.
    pub workload: &'a Workload,
}

impl<'a> From<&'a Analysis> for ChartInput<'a> {
    fn from(analysis: &'a Analysis) -> Self {
        Self {
            series: &analysis.series,
            kept: &analysis.kept,
            cut_iops: analysis.cut_iops,
            workload: &analysis.workload,
        }
    }
}

/// A chart could not be made.
#[derive(Debug, thiserror::Error)]
pub enum ChartError {
    /// There is nothing to draw.
    #[error("there is no sample to draw")]
    NoSamples,
    /// The mask does not belong to the series.
    #[error("the filter judged {mask} samples, but there are {samples}")]
    Mask {
        /// Entries of the mask.
        mask: usize,
        /// Samples of the series.
        samples: usize,
    },
    /// The host changed its bucket limits, so its histograms have no common axis.
    #[error("bucket limits change at sample {sequence}, so one axis cannot hold all samples")]
    MixedLimits {
        /// The first sample with other limits.
        sequence: u32,
    },
    /// The style is impossible.
    #[error(transparent)]
    Style(#[from] InvalidStyle),
    /// The picture could not be encoded.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// A file could not be written.
    #[error(transparent)]
    File(#[from] FileError),
}

impl Failure for ChartError {
    fn exit_code(&self) -> u8 {
        match self {
            Self::NoSamples | Self::Mask { .. } | Self::MixedLimits { .. } | Self::Encode(_) => exit_code::FAILED,
            Self::Style(_) => exit_code::USAGE,
            Self::File(error) => error.exit_code(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::NoSamples => {
                Some("a sample is the difference of two snapshots: pull again when there are two".to_owned())
            }
            Self::MixedLimits { .. } => {
                Some("choose a period before or after that sample with `--from` and `--to`".to_owned())
            }
            Self::Encode(EncodeError::Size { .. }) => Some("choose a smaller `--size` or `--dpi`".to_owned()),
            Self::File(error) => error.hint(),
            Self::Mask { .. } | Self::Style(_) | Self::Encode(_) => None,
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
