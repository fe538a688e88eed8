//! The agent and its host.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::wire::ApiRange;

/// Answer of `GET /v1/info`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Info {
    /// Version of the agent.
    pub version: String,
    /// API versions it speaks.
    pub api: ApiRange,
    /// What it can do beyond the first release.
    #[serde(default)]
    pub capabilities: Vec<String>,
    /// Identity of the host's boot.
    pub boot_id: String,
    /// The host's own name.
    pub hostname: String,
    /// First line of `vmware -v`; empty when it could not be asked.
    #[serde(default)]
    pub esxi_version: String,
    /// The host's clocks now.
    pub clock: ClockReading,
}

/// Both clocks of the host, read together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClockReading {
    /// Wall clock.
    pub wall: Timestamp,
    /// Monotonic clock, milliseconds.
    pub monotonic_ms: u64,
}

/// Answer of `GET /v1/health`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// Nothing is wrong.
    pub ok: bool,
    /// What is wrong, such as a spool that cannot be written.
    #[serde(default)]
    pub problems: Vec<String>,
    /// Jobs that are running.
    pub running_jobs: u32,
    /// Bytes the spool holds.
    pub spool_bytes: u64,
    /// Bytes the spool may hold.
    pub spool_limit_bytes: u64,
}
