//! Why a pull stopped.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use vscsi_shared::exit_code;

use crate::failure::{Failure, FileError};
use crate::host::HostError;
use crate::store::StoreError;
use crate::transport::not_an_agent;

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
    /// The stream brings something else than the manifest told.
    #[error("the host sent something else than the snapshot {sequence} that it had promised")]
    NotPromised {
        /// The snapshot that was promised.
        sequence: u32,
    },
    /// The host does not stand by what it told before.
    #[error("the host tells another SHA-256 of snapshot {sequence} than it had when it was stored here")]
    Changed {
        /// The snapshot.
        sequence: u32,
    },
    /// It does not fit.
    #[error("{needed} more bytes are to come, and {free} are free in {}", place.display())]
    NoRoom {
        /// What is to come.
        needed: u64,
        /// What is free.
        free: u64,
        /// Where.
        place: PathBuf,
    },
    /// It takes longer than anybody would wait.
    #[error("the pull was given up after {} hours", longest.as_secs() / 3600)]
    TooLong {
        /// How long it may take.
        longest: Duration,
    },
    /// What the host told is impossible.
    #[error("the host's answer makes no sense: {0}")]
    Nonsense(String),
}

impl PullError {
    /// The same may work in a few seconds.
    pub(crate) fn is_worth_retrying(&self) -> bool {
        match self {
            Self::Host(error) => error.is_worth_retrying(),
            Self::BrokeOff { .. } | Self::Corrupt { .. } | Self::NotPromised { .. } => true,
            Self::Store(_)
            | Self::File(_)
            | Self::Changed { .. }
            | Self::NoRoom { .. }
            | Self::TooLong { .. }
            | Self::Nonsense(_) => false,
        }
    }
}

impl Failure for PullError {
    fn exit_code(&self) -> u8 {
        match self {
            Self::Host(error) => error.exit_code(),
            Self::Store(error) => error.exit_code(),
            Self::File(error) => error.exit_code(),
            Self::BrokeOff { .. } | Self::TooLong { .. } => exit_code::UNREACHABLE,
            Self::Corrupt { .. } | Self::Changed { .. } | Self::NoRoom { .. } => exit_code::FAILED,
            Self::NotPromised { .. } | Self::Nonsense(_) => exit_code::VERSION_MISMATCH,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Host(error) => error.hint(),
            Self::Store(error) => error.hint(),
            Self::File(error) => error.hint(),
            Self::BrokeOff { .. } | Self::TooLong { .. } => {
                Some("what arrived is kept; the next pull resumes at that byte".to_owned())
            }
            Self::Corrupt { .. } => Some(
                "the file on the host may be damaged: check with `vscsi-helper doctor --host HOST`; the other \
                 snapshots are safe"
                    .to_owned(),
            ),
            Self::Changed { .. } => Some(
                "what is here was not touched; a snapshot never changes on its host, so find out who changed it there"
                    .to_owned(),
            ),
            Self::NoRoom { .. } => {
                Some("free some space, or pull into another place with `--data-dir`; what arrived is kept".to_owned())
            }
            Self::NotPromised { .. } | Self::Nonsense(_) => Some(not_an_agent("HOST")),
        }
    }
}
