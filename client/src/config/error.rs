//! Why a configuration cannot be used.

use vscsi_shared::exit_code;
use vscsi_shared::identifier::{InvalidName, Name};
use vscsi_shared::job::limits::OutOfRange;

use crate::analysis::filter::InvalidThreshold;
use crate::failure::{Failure, FileError};

/// Why a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// A key is not known.
    #[error("unknown key `{key}` in the configuration")]
    UnknownKey {
        /// The key with the sections it stands in.
        key: String,
        /// The known key it was probably meant to be.
        nearest: Option<String>,
        /// The keys known there.
        known: String,
    },
    /// There is a section for a workstation daemon.
    #[error("the configuration has a `daemon` section, but there is no workstation daemon")]
    Daemon,
    /// A profile's name could not be a job's.
    #[error("the configuration has a profile with an {0}")]
    ProfileName(InvalidName),
    /// A new profile lacks a value.
    #[error("profile `{0}` of the configuration needs both `samples` and `interval_seconds`")]
    Profile(Name),
    /// A profile that no job may have.
    #[error("profile `{name}` of the configuration: {limit}")]
    ProfileLimit {
        /// Its name.
        name: Name,
        /// The range, and the value outside of it.
        limit: OutOfRange,
    },
    /// The default filter cannot have this threshold.
    #[error("`analysis.default_threshold` of the configuration: {0}")]
    Threshold(InvalidThreshold),
    /// A value is not one that its key can have.
    #[error("`{key}` of the configuration has to be {expected}, not {found}")]
    Value {
        /// The key with the sections it stands in.
        key: String,
        /// What it can have.
        expected: String,
        /// What it has.
        found: String,
    },
    /// The default filter needs a threshold.
    #[error("`analysis.default_filter_method` of the configuration is `absolute`, which has no threshold of its own")]
    NoThreshold,
    /// It is not YAML, or a value has the wrong type.
    #[error("the configuration cannot be used: {0}")]
    NotYaml(String),
}

impl Failure for ConfigError {
    fn exit_code(&self) -> u8 {
        exit_code::USAGE
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::File(_) => Some("name another file with `--config`".to_owned()),
            Self::UnknownKey { nearest: Some(key), .. } => Some(format!("did you mean `{key}`?")),
            Self::UnknownKey { known, .. } => Some(format!("keys known there: {known}")),
            Self::Daemon => Some(
                "remove the section: the agent on the ESXi host does that work, and its connections are configured under \
                 `ssh`"
                    .to_owned(),
            ),
            Self::NoThreshold => {
                Some("add `default_threshold`, the IOPS from which samples are kept".to_owned())
            }
            Self::Value { .. } | Self::ProfileName(_) | Self::Profile(_) | Self::ProfileLimit { .. } | Self::Threshold(_) => None,
            Self::NotYaml(_) => Some("`vscsi-helper config show` prints a valid file to start from".to_owned()),
        }
    }
}
