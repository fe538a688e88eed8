//! placeholder
use anyhow::Result;
use std::path::{Path, PathBuf};
pub(crate) fn ensure(target: &Path) -> Result<PathBuf> {
    Ok(target.join("fio"))
}
