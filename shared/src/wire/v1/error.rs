//! The one shape of every error.

use serde::{Deserialize, Serialize};

/// The body of every answer that is not a success.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiError {
    /// What kind of error; stable, for programs.
    pub code: ErrorCode,
    /// What happened and why, for people.
    pub message: String,
    /// What to do next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

/// Kinds of errors. A client that meets a code it does not know reads it as [`ErrorCode::Unknown`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorCode {
    /// The request is malformed, or has something that this version does not know (400).
    BadRequest,
    /// The request is well formed, and asks for what no job or schedule may have (400).
    Unacceptable,
    /// The token is missing or wrong (401).
    Unauthorized,
    /// The Host header is not the agent's own (403).
    ForeignHost,
    /// No such resource (404).
    NotFound,
    /// The resource does not know this method (405).
    MethodNotAllowed,
    /// The name is taken by something else, or the job is in the wrong state (409).
    Conflict,
    /// The body is larger than the limit (413).
    TooLarge,
    /// No such VM or disk on this host, or it is ambiguous (422).
    NoSuchTarget,
    /// vscsiStats is missing, not permitted, or failed (502).
    VscsiStats,
    /// The spool is full or not writable (507).
    Spool,
    /// The agent is shutting down or too busy (503).
    Unavailable,
    /// Everything else (500).
    Internal,
    /// A code this version does not know.
    #[serde(other)]
    Unknown,
}

impl ErrorCode {
    /// The HTTP status that carries this code.
    pub fn status(self) -> u16 {
        match self {
            Self::BadRequest | Self::Unacceptable => 400,
            Self::Unauthorized => 401,
            Self::ForeignHost => 403,
            Self::NotFound => 404,
            Self::MethodNotAllowed => 405,
            Self::Conflict => 409,
            Self::TooLarge => 413,
            Self::NoSuchTarget => 422,
            Self::Internal | Self::Unknown => 500,
            Self::VscsiStats => 502,
            Self::Unavailable => 503,
            Self::Spool => 507,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_of_a_newer_agent_is_read_as_unknown() {
        let error: ApiError = serde_json::from_str(r#"{"code":"from_the_future","message":"m"}"#).unwrap();
        assert_eq!(error.code, ErrorCode::Unknown);
    }
}
