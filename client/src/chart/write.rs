//! Charts as files.

use std::path::{Path, PathBuf};

use rayon::prelude::*;

use super::{ChartError, ChartFormat, ChartInput, ChartKind, Style, render};
use crate::store::{create_directory, write_atomic};

/// Writes charts into `directory`, which is made when it is missing, and returns their paths in the order of `kinds`.
///
/// A file that is there is replaced as a whole: nobody ever sees half a picture.
///
/// # Errors
/// [`ChartError`] of the first chart that could not be drawn or written.
pub fn write_all(
    directory: &Path,
    input: &ChartInput<'_>,
    kinds: &[ChartKind],
    format: ChartFormat,
    style: &Style,
) -> Result<Vec<PathBuf>, ChartError> {
    create_directory(directory)?;
    kinds
        .par_iter()
        .map(|&kind| {
            let path = directory.join(kind.name()).with_extension(extension(format));
            let bytes = render(input, kind, format, style)?;
            write_atomic(&path, &bytes)?;
            Ok(path)
        })
        .collect()
}

fn extension(format: ChartFormat) -> &'static str {
    match format {
        ChartFormat::Png => "png",
        ChartFormat::Pdf => "pdf",
        ChartFormat::Svg => "svg",
    }
}
