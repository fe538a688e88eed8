//! The fio on this machine.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use vscsi_shared::exit_code;

use crate::failure::Failure;

/// A fio that can be run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FioProgram {
    /// Where it is.
    pub path: PathBuf,
    /// Its version.
    pub version: FioVersion,
}

/// Major and minor number of a fio.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct FioVersion {
    /// The first number.
    pub major: u32,
    /// The second number.
    pub minor: u32,
}

impl std::fmt::Display for FioVersion {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}.{}", self.major, self.minor)
    }
}

impl FioVersion {
    /// The oldest fio that the generated files are written for.
    pub const OLDEST: Self = Self { major: 3, minor: 0 };
    /// Timed replay reports right latencies from here on.
    pub const REPLAYS_LOGS: Self = Self { major: 3, minor: 36 };
    /// The completion log holds the time of issue from here on (`log_issue_time`).
    pub const LOGS_ISSUE_TIME: Self = Self { major: 3, minor: 39 };

    /// Reads what `fio --version` prints, such as `fio-3.33` or `fio-3.39-12-gabcd`.
    pub fn parse(text: &str) -> Option<Self> {
        let mut numbers = text
            .trim()
            .strip_prefix("fio-")?
            .split(|letter: char| !letter.is_ascii_digit());
        let mut number = || numbers.next()?.parse().ok();
        Some(Self {
            major: number()?,
            minor: number()?,
        })
    }
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
    #[error("`{}` is fio {found}, and this file needs fio {needed} or newer", path.display())]
    TooOld {
        /// What was run.
        path: PathBuf,
        /// Its version.
        found: FioVersion,
        /// The oldest version that will do.
        needed: FioVersion,
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
            Self::TooOld { .. } => "install a newer fio, name one with `--fio PATH`, or use `--style jobs`".to_owned(),
        })
    }
}

impl FioProgram {
    /// The fio at `path`, or the one on PATH, if it is new enough.
    ///
    /// # Errors
    /// [`NoFio`].
    pub fn find(path: Option<&Path>, needed: FioVersion) -> Result<Self, NoFio> {
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
        if version < needed {
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
    fn versions_are_read_from_releases_and_from_builds_between_them() {
        let read = |text| FioVersion::parse(text).map(|version| (version.major, version.minor));
        assert_eq!(read("fio-3.33\n"), Some((3, 33)));
        assert_eq!(read("fio-3.39-12-g0123abc"), Some((3, 39)));
        assert_eq!(read("flexible"), None);
    }

    #[test]
    fn a_missing_fio_is_named() {
        let error = FioProgram::find(Some(Path::new("/nowhere/fio")), FioVersion::OLDEST).unwrap_err();
        assert_eq!(error.to_string(), "cannot run fio as `/nowhere/fio`");
    }
}
