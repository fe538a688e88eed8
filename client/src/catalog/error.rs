//! Why the catalog cannot be used.

use vscsi_shared::exit_code;

use crate::failure::{Failure, FileError};
use crate::store::StoreError;

/// Why the catalog cannot be used. The jobs themselves are not affected.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CatalogError {
    /// SQLite.
    #[error("the catalog cannot be used")]
    Sqlite(#[from] rusqlite::Error),
    /// Made by a newer program.
    #[error("the catalog has version {found}, and this program supports versions up to {known}")]
    TooNew {
        /// Its version.
        found: usize,
        /// The newest known.
        known: usize,
    },
    /// Its content is not sound.
    #[error("the catalog is damaged: {0}")]
    Damaged(String),
    /// The data directory.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A file.
    #[error(transparent)]
    File(#[from] FileError),
}

impl Failure for CatalogError {
    fn exit_code(&self) -> u8 {
        match self {
            Self::Sqlite(_) | Self::TooNew { .. } | Self::Damaged(_) => exit_code::FAILED,
            Self::Store(error) => error.exit_code(),
            Self::File(error) => error.exit_code(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Sqlite(_) | Self::TooNew { .. } | Self::Damaged(_) => {
                Some("`vscsi-helper reindex` rebuilds it from the job files; no job is lost".to_owned())
            }
            Self::Store(error) => error.hint(),
            Self::File(error) => error.hint(),
        }
    }
}
