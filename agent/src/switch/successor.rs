//! `successor.json`: who waits to become the agent, or its switch.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::{files, sys};

/// A process that waits, and the switch that is to have the lock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Successor {
    pub(crate) process: u32,
    /// The start of its switch.
    pub(crate) start: String,
}

impl Successor {
    fn path(state_directory: &Path) -> PathBuf {
        state_directory.join("successor.json")
    }

    /// Whoever waits; `None` when nobody does, or it cannot be read.
    pub(crate) fn load(state_directory: &Path) -> Option<Self> {
        let bytes = files::read_if_there(&Self::path(state_directory), 4096).ok()??;
        serde_json::from_slice(&bytes).ok()
    }

    pub(crate) fn save(&self, state_directory: &Path) -> io::Result<()> {
        files::write_atomically(&Self::path(state_directory), &serde_json::to_vec(self)?)
    }

    /// Says that this one waits no more.
    pub(crate) fn remove(&self, state_directory: &Path) {
        if Self::load(state_directory).is_some_and(|found| found.start == self.start) {
            // A file that stays names a process that is asked for and not found.
            let _ = fs::remove_file(Self::path(state_directory));
        }
    }

    /// Forgets one that has died; for whoever holds the lock of the state directory, beside which nobody waits.
    pub(crate) fn forget(state_directory: &Path) {
        // A file that stays names a process that is asked for and not found.
        let _ = fs::remove_file(Self::path(state_directory));
    }

    /// Its process exists.
    pub(crate) fn lives(&self) -> bool {
        sys::signal_process(self.process, 0).is_ok()
    }
}
