//! Why a pull stopped.

use std::io;

use vscsi_shared::exit_code;

use crate::failure::{Failure, FileError};
use crate::host::HostError;
use crate::store::StoreError;

/// Why a pull stopped. What arrived before is kept in every case.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PullError {
    /// The host.
    #[error(transparent)]
    Host(HostError),
    /// The data directory.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A file of the data directory.
    #[error(transparent)]
    File(#[from] FileError),
    /// The stream of snapshots broke off.
    #[error("the transfer of snapshot {sequence} was interrupted")]
    BrokeOff {
        /// The snapshot that was on its way.
        sequence: u32,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A snapshot is not what the host said it would be.
    #[error("snapshot {sequence} arrived with another SHA-256 than the host recorded")]
    Corrupt {
        /// The snapshot.
        sequence: u32,
    },
    /// The stream does not follow the protocol.
    #[error("the host's stream of snapshots is malformed: {0}")]
    Nonsense(String),
}

impl PullError {
    /// The same may work in a few seconds.
    pub(crate) fn is_worth_retrying(&self) -> bool {
        match self {
            Self::Host(error) => error.is_worth_retrying(),
            Self::BrokeOff { .. } | Self::Corrupt { .. } => true,
            Self::Store(_) | Self::File(_) | Self::Nonsense(_) => false,
        }
    }
}

impl Failure for PullError {
    fn exit_code(&self) -> u8 {
        match self {
            Self::Host(error) => error.exit_code(),
            Self::Store(error) => error.exit_code(),
            Self::File(error) => error.exit_code(),
            Self::BrokeOff { .. } => exit_code::UNREACHABLE,
            Self::Corrupt { .. } => exit_code::FAILED,
            Self::Nonsense(_) => exit_code::VERSION_MISMATCH,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Host(error) => error.hint(),
            Self::Store(error) => error.hint(),
            Self::File(error) => error.hint(),
            Self::BrokeOff { .. } => Some("what arrived is kept; the next pull resumes at that byte".to_owned()),
            Self::Corrupt { .. } => Some(
                "the file on the host may be damaged: check with `vscsi-helper doctor --host HOST`; the other \
                 snapshots are safe"
                    .to_owned(),
            ),
            Self::Nonsense(_) => {
                Some("agent and client may be incompatible; `vscsi-helper install HOST` updates the agent".to_owned())
            }
        }
    }
}
