//! Running other programs: absolute path, argument vector, deadline, output limit, and never a shell.

mod process;
mod programs;

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

pub use process::ProcessRunner;
pub(crate) use process::{Running, kill_group};
pub use programs::{Program, Programs};

/// One run of a program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandSpec {
    /// Absolute path.
    pub program: PathBuf,
    /// Arguments, each passed on as it stands.
    pub arguments: Vec<String>,
    /// When this is over the program is killed together with its children.
    pub deadline: Duration,
    /// Bytes kept of each output stream; what is printed beyond is read and thrown away.
    pub output_limit: usize,
}

impl fmt::Display for CommandSpec {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.program.file_name().unwrap_or(self.program.as_os_str());
        write!(formatter, "{}", name.to_string_lossy())?;
        self.arguments
            .iter()
            .try_for_each(|argument| write!(formatter, " {argument}"))
    }
}

/// What came of a run.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CommandOutput {
    /// Exit status; `None` when the program was killed.
    pub status: Option<i32>,
    /// Standard output.
    pub stdout: Vec<u8>,
    /// Standard error.
    pub stderr: Vec<u8>,
    /// It was killed because its deadline was over.
    pub timed_out: bool,
    /// It printed more than the limit.
    pub truncated: bool,
}

impl CommandOutput {
    /// It ended by itself with status 0, and all it printed is here.
    pub fn succeeded(&self) -> bool {
        self.status == Some(0) && !self.timed_out && !self.truncated
    }

    /// What went wrong, in words; `None` when nothing did.
    pub fn complaint(&self) -> Option<String> {
        let end = if self.timed_out {
            "did not end before its deadline and was killed".to_owned()
        } else if self.truncated {
            "printed more than the limit".to_owned()
        } else {
            match self.status {
                Some(0) => return None,
                Some(status) => format!("ended with exit status {status}"),
                None => "was killed by a signal".to_owned(),
            }
        };
        let said = String::from_utf8_lossy(&self.stderr);
        let said: String = said.trim().chars().take(200).flat_map(char::escape_debug).collect();
        Some(if said.is_empty() { end } else { format!("{end}: {said}") })
    }
}

/// The program could not be run at all.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// It is at none of the paths where a host has it.
    #[error("this host has no {0}")]
    Missing(Program),
    /// The kernel refused to start it.
    #[error("cannot run {}: {source}", program.display())]
    Refused {
        /// The program.
        program: PathBuf,
        /// The reason.
        source: io::Error,
    },
}

/// Runs programs.
pub trait CommandRunner: Send + Sync {
    /// Runs `spec` to its end or its deadline.
    ///
    /// # Errors
    /// [`RunError`] when it could not be started; a bad end is part of [`CommandOutput`].
    fn run(&self, spec: &CommandSpec) -> Result<CommandOutput, RunError>;
}

/// A program that one of the agent's processes has running: the other one ends it when that process dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Child {
    /// It runs, and leads its process group.
    Runs(u32),
    /// It has ended.
    Done(u32),
}

/// Is told of each program that runs, and of its end.
pub type Watcher = Arc<dyn Fn(Child) + Send + Sync>;
