//! The file by which a running agent is found: port, process, version and token, for its owner's eyes only.

use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use vscsi_shared::wire::{ApiRange, Greeting};

use crate::{files, sys};

/// What a running agent says about itself.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunningAgent {
    /// Its process.
    pub process: u32,
    /// Its port on the loopback.
    pub port: u16,
    /// Its version.
    pub version: String,
    /// API versions it speaks.
    pub api: ApiRange,
    /// Its token.
    pub token: String,
}

impl std::fmt::Debug for RunningAgent {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The token never reaches a log.
        formatter
            .debug_struct("RunningAgent")
            .field("process", &self.process)
            .field("port", &self.port)
            .field("version", &self.version)
            .finish_non_exhaustive()
    }
}

impl RunningAgent {
    fn path(state_directory: &Path) -> PathBuf {
        state_directory.join("running.json")
    }

    /// Reads it; `None` when there is none, or none that can be read.
    pub fn load(state_directory: &Path) -> Option<Self> {
        let bytes = files::read_if_there(&Self::path(state_directory), 64 * 1024).ok()??;
        serde_json::from_slice(&bytes).ok()
    }

    /// Its process exists.
    pub fn is_alive(&self) -> bool {
        sys::signal_process(self.process, 0).is_ok()
    }

    /// Writes it, readable by the owner alone.
    ///
    /// # Errors
    /// When the state directory cannot be written.
    pub fn save(&self, state_directory: &Path) -> io::Result<()> {
        files::write_atomically(&Self::path(state_directory), &serde_json::to_vec(self)?)
    }

    /// Removes it at the agent's end.
    pub fn remove(state_directory: &Path) {
        // A file that stays names a port at which nobody answers, which every reader checks.
        let _ = std::fs::remove_file(Self::path(state_directory));
    }

    /// What `connect` prints.
    pub fn greeting(&self) -> Greeting {
        Greeting {
            program: Greeting::PROGRAM.to_owned(),
            version: self.version.clone(),
            api: self.api,
            token: self.token.clone(),
            port: self.port,
        }
    }
}
