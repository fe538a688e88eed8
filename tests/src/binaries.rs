//! The programs under test. `cargo xtask test` builds them and names them in environment variables.

use std::path::PathBuf;

/// A program of the product or its surroundings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Binary {
    /// The static agent as it is shipped.
    Agent,
    /// The same agent with its fault points.
    AgentWithFaultPoints,
    /// The agent in Python, where both are measured.
    AgentInPython,
    /// The client.
    Client,
    /// The simulated host's multi-call program, static.
    Simulator,
    /// A fio that can replay a timed log (3.36 or newer).
    FioWithIolog,
    /// The kernel of a host: `esxi-filter`, which is built with the tests.
    Filter,
}

impl Binary {
    /// The environment variable that names it, but for the filter, which lies beside the tests.
    fn variable(self) -> &'static str {
        match self {
            Self::Agent => "VSCSI_AGENT_MUSL",
            Self::AgentInPython => "VSCSI_AGENT_SCRIPT",
            Self::AgentWithFaultPoints => "VSCSI_AGENT_WITH_FAULT_POINTS",
            Self::Client => "VSCSI_HELPER",
            Self::Simulator => "ESXI_SIM",
            Self::FioWithIolog => "FIO_WITH_IOLOG",
            Self::Filter => "ESXI_FILTER",
        }
    }

    /// Its path.
    ///
    /// # Errors
    /// When it is not known, with the command that makes it known.
    pub fn path(self) -> Result<PathBuf, String> {
        if let (Self::Filter, Some(filter)) = (self, beside_the_tests("esxi-filter")) {
            return Ok(filter);
        }
        std::env::var_os(self.variable()).map(PathBuf::from).ok_or_else(|| {
            format!(
                "{} is not set: run these tests with `cargo xtask test`",
                self.variable()
            )
        })
    }
}

/// A program of this package: cargo puts the tests into `deps` below it, and other programs beside it.
fn beside_the_tests(name: &str) -> Option<PathBuf> {
    let own = std::env::current_exe().ok()?;
    let folders = own.ancestors().skip(1).take(2);
    folders.map(|folder| folder.join(name)).find(|path| path.is_file())
}
