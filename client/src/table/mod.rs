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
mod xlsx;

use std::io;
use std::path::{Path, PathBuf};

use polars::error::PolarsError;
use rust_xlsxwriter::XlsxError;
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
    /// The library that makes the format refused.
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
    /// A sheet of a workbook ends before the table does.
    #[error("cannot write `{}`: a sheet has room for {rows} rows below its header, and the table has more", path.display())]
    TooManyRows {
        /// The file.
        path: PathBuf,
        /// Rows of a sheet.
        rows: u32,
    },
}

impl TableError {
    fn frame(path: &Path) -> impl FnOnce(PolarsError) -> Self {
        let path = path.to_owned();
        move |error| match error {
            // What the system says is the file's affair, with what to do about it.
            PolarsError::IO { error, .. } => Self::File(FileError::new("write", &path)(io::Error::new(
                error.kind(),
                error.to_string(),
            ))),
            error => Self::Frame {
                path,
                reason: error.to_string(),
            },
        }
    }
}

impl TableError {
    fn workbook(path: &Path, error: XlsxError) -> Self {
        match error {
            XlsxError::IoError(error) => FileError::new("write", path)(error).into(),
            error => Self::Frame {
                path: path.to_owned(),
                reason: error.to_string(),
            },
        }
    }
}

impl Failure for TableError {
    fn exit_code(&self) -> u8 {
        match self {
            Self::File(error) => error.exit_code(),
            Self::Frame { .. } | Self::TooLarge | Self::TooManyRows { .. } => exit_code::FAILED,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::File(error) => error.hint(),
            Self::Frame { .. } => None,
            Self::TooManyRows { .. } => Some(
                "use --table samples, fewer samples (--filter, --from, --to, --disk), or .csv or .parquet, which have no \
                 such limit"
                    .to_owned(),
            ),
            Self::TooLarge => {
                Some("such a count comes from a damaged capture; leave it out with --from and --to".to_owned())
            }
        }
    }
}
