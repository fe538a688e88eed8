//! The journal: which collections this agent has started and not yet seen stopped.
//!
//! It is written by whoever holds the lock of the switch, and by nobody else. It names a disk durably before each
//! `vscsiStats -s` and loses it only after the end of its collection is certain, so whoever takes the lock next knows at
//! least everything there is to stop.

use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::files;
use crate::host::DiskKey;

/// The journal is a few hundred bytes for each disk.
const SIZE_LIMIT: u64 = 1024 * 1024;

/// One collection we started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Armed {
    /// Its disk.
    #[serde(flatten)]
    pub disk: DiskKey,
    /// Monotonic clock when `-s` was issued last, milliseconds.
    pub armed_ms: u64,
    /// That `-s` has succeeded; where it has not, nobody knows whether it was run.
    #[serde(default = "yes")]
    pub started: bool,
    /// A user asked to leave it running; it ends by its own automatic stop.
    #[serde(default)]
    pub kept: bool,
}

fn yes() -> bool {
    true
}

/// A switch: the process, and the random name by which it is told from another process with the same number.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct SwitchId {
    /// Its process.
    pub process: u32,
    /// Drawn at its start.
    pub start: String,
}

/// The holder of the lock has released it for this successor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Handover {
    /// The start of the switch that is to take the lock.
    #[serde(default)]
    pub to: String,
    /// With everything running; otherwise what is left is what its holder could not stop.
    #[serde(default)]
    pub whole: bool,
}

/// The journal as it stands in the file.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Journal {
    /// The boot in which all this was started; after another boot nothing of it runs.
    #[serde(default)]
    pub boot_id: String,
    /// The switch that wrote it.
    #[serde(default)]
    pub switch: SwitchId,
    /// Stands here only while the lock passes from one switch to the next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handover: Option<Handover>,
    /// The collections.
    #[serde(default)]
    pub armed: Vec<Armed>,
}

impl Journal {
    /// Reads the journal of `state_directory`; none there is an empty one. The second part says why the file was set
    /// aside, when it was.
    ///
    /// # Errors
    /// When it is there and cannot be read.
    pub fn load(state_directory: &Path) -> io::Result<(Self, Option<String>)> {
        let path = state_directory.join("journal.json");
        let Some(bytes) = files::read_if_there(&path, SIZE_LIMIT)? else {
            return Ok((Self::default(), None));
        };
        match serde_json::from_slice(&bytes) {
            Ok(journal) => Ok((journal, None)),
            Err(error) => {
                // Refusing to start would help nobody: what it named ends by itself within 30 minutes.
                let aside = files::set_aside(&path)?;
                let problem = format!("the journal was damaged and set aside as {}: {error}", aside.display());
                Ok((Self::default(), Some(problem)))
            }
        }
    }

    /// Reads it while somebody else may own it; `None` when it is not there or cannot be read whole.
    pub fn peek(state_directory: &Path) -> Option<Self> {
        let bytes = files::read_if_there(&state_directory.join("journal.json"), SIZE_LIMIT).ok()??;
        serde_json::from_slice(&bytes).ok()
    }

    /// Writes it whole.
    ///
    /// # Errors
    /// When the state directory cannot be written; the file is then as before.
    pub fn save(&self, state_directory: &Path) -> io::Result<()> {
        let path = state_directory.join("journal.json");
        files::write_atomically(&path, &serde_json::to_vec(self)?)
    }

    /// What it says of a disk.
    pub fn of(&self, disk: DiskKey) -> Option<&Armed> {
        self.armed.iter().find(|armed| armed.disk == disk)
    }

    /// Everything was left running for the switch with this start.
    pub fn is_whole_for(&self, start: &str) -> bool {
        self.is_handed_to(start) && self.handover.as_ref().is_some_and(|handover| handover.whole)
    }

    /// It was left to the switch with this start.
    pub fn is_handed_to(&self, start: &str) -> bool {
        self.handover.as_ref().is_some_and(|handover| handover.to == start)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_journal_of_an_earlier_version_is_read() {
        let directory = tempfile::tempdir().unwrap();
        let written = r#"{"boot_id":"b","owner":3,"handover":{"at_ms":5},
            "armed":[{"world_group_id":"7","handle_id":"9135781989851158","armed_ms":5}]}"#;
        fs::write(directory.path().join("journal.json"), written).unwrap();
        let (journal, problem) = Journal::load(directory.path()).unwrap();
        assert_eq!(problem, None);
        assert!(!journal.is_handed_to("c3"));
        journal.save(directory.path()).unwrap();
        let saved: serde_json::Value =
            serde_json::from_slice(&fs::read(directory.path().join("journal.json")).unwrap()).unwrap();
        let entry = serde_json::json!([
            {"world_group_id": "7", "handle_id": "9135781989851158", "armed_ms": 5, "started": true, "kept": false}
        ]);
        assert_eq!(saved["armed"], entry);
    }

    #[test]
    fn a_damaged_journal_is_set_aside() {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("journal.json"), "{ torn").unwrap();
        let (journal, problem) = Journal::load(directory.path()).unwrap();
        assert_eq!(journal, Journal::default());
        assert!(problem.unwrap().contains("set aside"));
        assert!(directory.path().join("journal.json.damaged").exists());
    }
}
