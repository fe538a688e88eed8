//! An agent on this machine, run as a child exactly as ssh would run it: for demonstrations and tests.

use std::path::PathBuf;
use std::process::{Command, ExitStatus};

use super::child::ChildLink;
use super::greet::greet;
use super::{GREETING_TIMEOUT, Opened, Transport, TransportError};

/// Runs `AGENT connect` as a child.
#[derive(Debug, Clone)]
pub struct Local {
    /// Name of the host in messages.
    pub host: String,
    /// The agent's binary.
    pub agent: PathBuf,
    /// Where the host's programs are, when not at `/`.
    pub host_root: Option<PathBuf>,
}

impl Transport for Local {
    fn open(&self) -> Result<Opened, TransportError> {
        let mut command = Command::new(&self.agent);
        command.arg("connect");
        if let Some(root) = &self.host_root {
            command.arg("--host-root").arg(root);
        }
        let host = self.host.clone();
        let explain = move |status: Option<ExitStatus>, said: &str| TransportError::NoGreeting {
            host: host.clone(),
            reason: format!(
                "`vscsi-agent connect` {}: {}",
                status.map_or_else(|| "was ended".to_owned(), |status| format!("ended with {status}")),
                said.trim()
            ),
        };
        let link = ChildLink::spawn(command, Box::new(explain))?;
        greet(&self.host, Box::new(link), GREETING_TIMEOUT)
    }
}
