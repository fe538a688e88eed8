//! Why a host did not do what it was asked.

use vscsi_shared::exit_code;
use vscsi_shared::wire::v1::{ApiError, ErrorCode};

use crate::failure::Failure;
use crate::transport::{TransportError, not_an_agent};

/// Why a host did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    /// It was not reached, or the connection broke.
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// It refused, and said why.
    #[error("{host}: {}", error.message)]
    Refused {
        /// The host.
        host: String,
        /// What it said.
        error: ApiError,
    },
    /// Its answer was none that the protocol knows.
    #[error("the agent on {host} gave an unexpected answer: {reason}")]
    Nonsense {
        /// The host.
        host: String,
        /// What was wrong with it.
        reason: String,
    },
}

impl HostError {
    /// The same may work in a few seconds.
    pub fn is_worth_retrying(&self) -> bool {
        match self {
            Self::Transport(error) => error.is_worth_retrying(),
            // An agent that was started anew since the greeting has another token, and one that ends says it is busy.
            Self::Refused { error, .. } => matches!(error.code, ErrorCode::Unauthorized | ErrorCode::Unavailable),
            Self::Nonsense { .. } => false,
        }
    }

    /// The kind of refusal, when it was one.
    pub fn code(&self) -> Option<ErrorCode> {
        match self {
            Self::Refused { error, .. } => Some(error.code),
            Self::Transport(_) | Self::Nonsense { .. } => None,
        }
    }
}

impl Failure for HostError {
    fn exit_code(&self) -> u8 {
        match self {
            Self::Transport(error) => error.exit_code(),
            Self::Nonsense { .. } => exit_code::VERSION_MISMATCH,
            Self::Refused { error, .. } => match error.code {
                ErrorCode::NoSuchTarget => exit_code::NO_SUCH_TARGET,
                ErrorCode::VscsiStats => exit_code::VSCSISTATS_UNAVAILABLE,
                ErrorCode::BadRequest | ErrorCode::MethodNotAllowed => exit_code::VERSION_MISMATCH,
                ErrorCode::Unacceptable => exit_code::USAGE,
                ErrorCode::Unavailable => exit_code::UNREACHABLE,
                ErrorCode::Unauthorized
                | ErrorCode::ForeignHost
                | ErrorCode::NotFound
                | ErrorCode::Conflict
                | ErrorCode::TooLarge
                | ErrorCode::Spool
                | ErrorCode::Internal
                | ErrorCode::Unknown => exit_code::FAILED,
            },
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Transport(error) => error.hint(),
            Self::Refused { error, host } => error.hint.clone().or_else(|| match error.code {
                ErrorCode::Internal | ErrorCode::Unknown => {
                    Some(format!("`vscsi-helper doctor --host {host} -v` shows the agent's log"))
                }
                ErrorCode::BadRequest | ErrorCode::MethodNotAllowed => Some(not_an_agent(host)),
                ErrorCode::Unacceptable
                | ErrorCode::Unauthorized
                | ErrorCode::ForeignHost
                | ErrorCode::NotFound
                | ErrorCode::Conflict
                | ErrorCode::TooLarge
                | ErrorCode::NoSuchTarget
                | ErrorCode::VscsiStats
                | ErrorCode::Spool
                | ErrorCode::Unavailable => None,
            }),
            Self::Nonsense { host, .. } => Some(not_an_agent(host)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_refusal_has_its_documented_exit_code() {
        use ErrorCode as Code;
        let expected = [
            (Code::BadRequest, 14),
            (Code::Unacceptable, 2),
            (Code::Unauthorized, 1),
            (Code::ForeignHost, 1),
            (Code::NotFound, 1),
            (Code::MethodNotAllowed, 14),
            (Code::Conflict, 1),
            (Code::TooLarge, 1),
            (Code::NoSuchTarget, 13),
            (Code::VscsiStats, 12),
            (Code::Spool, 1),
            (Code::Unavailable, 10),
            (Code::Internal, 1),
            (Code::Unknown, 1),
        ];
        for (code, exit_code) in expected {
            let error = HostError::Refused {
                host: "esx1".into(),
                error: ApiError {
                    code,
                    message: "no".into(),
                    hint: None,
                },
            };
            assert_eq!(error.exit_code(), exit_code, "{code:?}");
        }
    }
}
