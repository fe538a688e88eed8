//! An agent on this machine, run as a child exactly as ssh would run it: for demonstrations and tests.

use std::path::PathBuf;
use std::process::{Command, ExitStatus};

use super::child::ChildLink;
use super::greet::greet;
use super::process::{self, Output, Shell, ShellInput};
use super::{GREETING_PATIENCE, Opened, Transport, TransportError};

/// Runs `AGENT connect` as a child.
#[derive(Debug, Clone)]
pub struct Local {
    /// Name of the host in messages.
    pub host: String,
    /// The agent's binary.
    pub agent: PathBuf,
}

impl Transport for Local {
    fn open(&self) -> Result<Opened, TransportError> {
        let mut command = Command::new(&self.agent);
        command.arg("connect");
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
        greet(&self.host, Box::new(link), GREETING_PATIENCE)
    }
}

/// This machine's own shell, in the place of a host's.
#[derive(Debug, Clone, Copy, Default)]
pub struct LocalShell;

impl Shell for LocalShell {
    fn run(&self, line: &str, input: ShellInput<'_>, patience: std::time::Duration) -> Result<Output, TransportError> {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", line]);
        process::run("localhost", command, input, patience)
    }
}
