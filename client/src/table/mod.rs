//! The tidy table of a series, and the files made of it.
//!
//! One row per bucket that holds values: sample, its place in time, disk, metric, operation, the bucket's edges, the
//! count. A histogram without values has one row with the count 0, so that "none" and "not measured" stay apart.
//!
//! Architecture invariant: polars is mentioned here and nowhere else.

mod cache;
mod export;
mod rows;

use std::path::{Path, PathBuf};

use vscsi_shared::exit_code;

pub(crate) use cache::{CacheKey, is_cached, read_cache, write_cache};
pub(crate) use export::{Format, write_csv, write_json, write_parquet};

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
            Self::Frame { .. } => exit_code::FAILED,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::File(error) => error.hint(),
            Self::Frame { .. } => None,
        }
    }
}
