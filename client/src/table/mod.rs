//! Tables of a series, and the files made of them.
//!
//! The tidy table has one row per bucket that holds values: sample, its place in time, disk, metric, operation, the
//! bucket's edges, the count. A histogram without values has one row with the count 0, so that "none" and "not measured"
//! stay apart. The table of samples has a row per sample, disk and operation.
//!
//! Architecture invariant: polars is mentioned here and nowhere else.

mod by_sample;
mod cache;
mod column;
mod csv;
mod export;
mod json;
mod parquet;
mod rows;
mod tidy;

use std::path::{Path, PathBuf};

use vscsi_shared::exit_code;

pub(crate) use cache::{CacheKey, is_cached, read_cache, write_cache};
pub(crate) use csv::Texts;
pub(crate) use export::{Contents, Format, export};

use crate::failure::{Failure, FileError};

/// Why a table could not be written.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// The file.
    #[error(transparent)]
    File(#[from] FileError),
    /// The data frame library refused.
    #[error("cannot write `{}`: {reason}", path.display())]
    Frame {
        /// The file.
        path: PathBuf,
        /// Why, in the library's words.
        reason: String,
    },
    /// A number needs more than a signed integer has.
    #[error("cannot write the table: a count is beyond the signed 64-bit integers that its readers know")]
    TooLarge,
}

impl TableError {
    fn frame(path: &Path) -> impl FnOnce(polars::error::PolarsError) -> Self {
        let path = path.to_owned();
        move |error| Self::Frame {
            path,
            reason: error.to_string(),
        }
    }
}

impl Failure for TableError {
    fn exit_code(&self) -> u8 {
        match self {
            Self::File(error) => error.exit_code(),
            Self::Frame { .. } | Self::TooLarge => exit_code::FAILED,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::File(error) => error.hint(),
            Self::Frame { .. } => None,
            Self::TooLarge => {
                Some("such a count comes from a damaged capture; leave it out with --from and --to".to_owned())
            }
        }
    }
}
