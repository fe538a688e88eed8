//! The fio on this machine.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use vscsi_shared::exit_code;

use crate::failure::Failure;
use crate::fio::{FioNeed, FioVersion};

/// A fio that can be run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FioProgram {
    /// Where it is.
    pub path: PathBuf,
    /// Its version.
    pub version: FioVersion,
}

/// There is no usable fio.
#[derive(Debug, thiserror::Error)]
pub enum NoFio {
    /// It cannot be started.
    #[error("cannot run fio as `{}`", path.display())]
    CannotRun {
        /// What was tried.
        path: PathBuf,
        /// Why it failed.
        #[source]
        source: std::io::Error,
    },
    /// It is no fio, or does not say its version.
    #[error("`{}` does not report a fio version: `{output}`", path.display())]
    NoVersion {
        /// What was run.
        path: PathBuf,
        /// The beginning of what it printed.
        output: String,
    },
    /// It is too old for the file.
    #[error("`{}` is fio {found}, and this file needs {needed}", path.display())]
    TooOld {
        /// What was run.
        path: PathBuf,
        /// Its version.
        found: FioVersion,
        /// What the file needs.
        needed: FioNeed,
    },
}

impl Failure for NoFio {
    fn exit_code(&self) -> u8 {
        exit_code::FAILED
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::CannotRun { .. } | Self::NoVersion { .. } => {
                "install fio (package `fio`), or name it with `--fio PATH`".to_owned()
            }
            Self::TooOld { .. } => "install a newer fio, or name one with `--fio PATH`".to_owned(),
        })
    }
}

impl FioProgram {
    /// The fio at `path`, or the one on PATH, if it is new enough.
    ///
    /// # Errors
    /// [`NoFio`].
    pub fn find(path: Option<&Path>, needed: FioNeed) -> Result<Self, NoFio> {
        let path = path.unwrap_or(Path::new("fio")).to_owned();
        let output = Command::new(&path).arg("--version").stdin(Stdio::null()).output();
        let output = match output {
            Ok(output) => output,
            Err(source) => return Err(NoFio::CannotRun { path, source }),
        };
        let text = String::from_utf8_lossy(&output.stdout);
        let Some(version) = FioVersion::parse(&text) else {
            let output = text.chars().take(80).flat_map(char::escape_debug).collect();
            return Err(NoFio::NoVersion { path, output });
        };
        if version < needed.version {
            return Err(NoFio::TooOld {
                path,
                found: version,
                needed,
            });
        }
        Ok(Self { path, version })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_fio_is_named() {
        let error = FioProgram::find(Some(Path::new("/nowhere/fio")), FioNeed::LEAST).unwrap_err();
        assert_eq!(error.to_string(), "cannot run fio as `/nowhere/fio`");
    }
}
