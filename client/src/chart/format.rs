//! The formats a chart can be written in.

use serde::{Deserialize, Serialize};

/// Formats of charts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum ChartFormat {
    /// Pixels.
    Png,
    /// One page.
    Pdf,
    /// Vectors for the browser.
    Svg,
}
