//! The programs under test. `cargo xtask test` builds them and names them in environment variables.

use std::path::PathBuf;

/// A program of the product or its surroundings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Binary {
    /// The static agent as it is shipped.
    Agent,
    /// The same agent with its fault points.
    AgentWithFaultPoints,
    /// The client.
    Client,
    /// The simulated host's multi-call program, static.
    Simulator,
    /// A fio that can replay a timed log (3.36 or newer).
    FioWithIolog,
}

impl Binary {
    /// The environment variable that names it.
    pub fn variable(self) -> &'static str {
        match self {
            Self::Agent => "VSCSI_AGENT_MUSL",
            Self::AgentWithFaultPoints => "VSCSI_AGENT_WITH_FAULT_POINTS",
            Self::Client => "VSCSI_HELPER",
            Self::Simulator => "ESXI_SIM",
            Self::FioWithIolog => "FIO_WITH_IOLOG",
        }
    }

    /// Its path.
    ///
    /// # Errors
    /// When the variable is not set, with the command that sets it.
    pub fn path(self) -> Result<PathBuf, String> {
        std::env::var_os(self.variable()).map(PathBuf::from).ok_or_else(|| {
            format!(
                "{} is not set: run these tests with `cargo xtask test`",
                self.variable()
            )
        })
    }
}
