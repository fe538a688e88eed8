//! Why a job cannot be opened and analysed.

use crate::analysis::AnalysisError;
use crate::failure::{Failure, FileError};
use crate::store::StoreError;
use crate::table::TableError;

/// Why a job cannot be opened and analysed.
#[derive(Debug, thiserror::Error)]
pub enum SamplesError {
    /// Its files cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Its samples cannot be analysed.
    #[error(transparent)]
    Analysis(#[from] AnalysisError),
    /// Its cache cannot be written.
    #[error(transparent)]
    Cache(#[from] TableError),
}

impl From<FileError> for SamplesError {
    fn from(error: FileError) -> Self {
        Self::Store(error.into())
    }
}

impl Failure for SamplesError {
    fn exit_code(&self) -> u8 {
        match self {
            Self::Store(error) => error.exit_code(),
            Self::Analysis(error) => error.exit_code(),
            Self::Cache(error) => error.exit_code(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Store(error) => error.hint(),
            Self::Analysis(error) => error.hint(),
            Self::Cache(error) => error.hint(),
        }
    }
}
