//! The journal: which collections this agent has started and not yet seen stopped.
//!
//! It is durable before each `vscsiStats -s` and loses an entry only after a confirmed `-x`, so whoever reads it
//! after a crash, the guard or the next start, knows at least everything there is to stop.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::boot::BootId;
use crate::collector::ENDED_MS;
use crate::files;
use crate::host::DiskKey;

/// The journal is a few hundred bytes for each disk.
const SIZE_LIMIT: u64 = 1024 * 1024;

/// How long the guard keeps collections running for a successor after a handover, milliseconds.
pub const HANDOVER_MS: u64 = 60_000;

/// One collection we started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Armed {
    /// Its disk.
    #[serde(flatten)]
    pub disk: DiskKey,
    /// Monotonic clock when `-s` was issued last, milliseconds.
    pub armed_ms: u64,
    /// A user asked to leave it running; it ends by its own automatic stop.
    #[serde(default)]
    pub kept: bool,
}

/// An agent that hands its collections over to its successor says so here; the guard then waits for the successor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Handover {
    /// Monotonic clock, milliseconds.
    pub at_ms: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
struct Content {
    /// The boot in which all this was started; after another boot nothing of it runs.
    boot_id: String,
    /// Process of the agent that wrote it.
    owner: u32,
    #[serde(default)]
    handover: Option<Handover>,
    #[serde(default)]
    armed: Vec<Armed>,
}

/// The journal in memory and on disk.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    boot_id: String,
    owner: u32,
    handover: Option<Handover>,
    armed: BTreeMap<DiskKey, Armed>,
    problem: Option<String>,
    /// The last write failed: memory is ahead of the file.
    unsaved: bool,
    /// The disks that a guard reading the file would stop.
    durable: BTreeSet<DiskKey>,
}

impl Journal {
    /// Reads the journal of `state_directory`; none there is an empty one.
    ///
    /// # Errors
    /// When it is there and cannot be read. One that cannot be understood is set aside, see [`Self::problem`].
    pub fn load(state_directory: &Path) -> io::Result<Self> {
        let path = state_directory.join("journal.json");
        let mut problem = None;
        let content = match files::read_if_there(&path, SIZE_LIMIT)? {
            Some(bytes) => serde_json::from_slice(&bytes).or_else(|error| {
                // Refusing to start would help nobody: what it named ends by itself within 30 minutes.
                let aside = files::set_aside(&path)?;
                problem = Some(format!(
                    "the journal was damaged and set aside as {}: {error}",
                    aside.display()
                ));
                Ok::<Content, io::Error>(Content::default())
            })?,
            None => Content::default(),
        };
        let mut journal = Self {
            problem,
            unsaved: false,
            durable: BTreeSet::new(),
            path,
            boot_id: content.boot_id,
            owner: content.owner,
            handover: content.handover,
            armed: content.armed.into_iter().map(|entry| (entry.disk, entry)).collect(),
        };
        journal.durable = journal.to_stop().into_iter().collect();
        Ok(journal)
    }

    /// Why it was set aside, when it was.
    pub fn problem(&self) -> Option<&str> {
        self.problem.as_deref()
    }

    /// The boot in which it was written.
    pub fn boot_id(&self) -> &str {
        &self.boot_id
    }

    /// The agent that wrote it.
    pub fn owner(&self) -> u32 {
        self.owner
    }

    /// Its writer handed over.
    pub fn handover(&self) -> Option<Handover> {
        self.handover
    }

    /// The collections.
    pub fn armed(&self) -> &BTreeMap<DiskKey, Armed> {
        &self.armed
    }

    /// The collections that are not to outlive the agent: all but those a user asked to keep.
    pub fn to_stop(&self) -> Vec<DiskKey> {
        let ours = self.armed.iter().filter(|(_, armed)| !armed.kept);
        ours.map(|(disk, _)| *disk).collect()
    }

    /// Everything that may still run, also what a user asked to keep until it has ended by itself.
    pub fn may_run(&self, now_ms: u64) -> Vec<DiskKey> {
        let ended = |armed: &Armed| armed.kept && armed.armed_ms.saturating_add(ENDED_MS) <= now_ms;
        let running = self.armed.iter().filter(|(_, armed)| !ended(armed));
        running.map(|(disk, _)| *disk).collect()
    }

    /// It is certain that the host was started again since: nothing of the journal runs any more, and its handles
    /// name nothing, or something else.
    ///
    /// Besides what `boot` knows, a moment that the monotonic clock has not reached yet is of another boot.
    pub fn is_of_an_earlier_boot(&self, boot: Option<&BootId>, now_ms: u64) -> bool {
        let handed_over = self.handover.map(|handover| handover.at_ms);
        let mut moments = self.armed.values().map(|armed| armed.armed_ms).chain(handed_over);
        boot.is_some_and(|boot| boot.is_after(&self.boot_id)) || moments.any(|moment| moment > now_ms)
    }

    /// Its writer left everything to a successor, in this boot and not too long ago.
    pub fn was_handed_over(&self, boot_id: &str, now_ms: u64) -> bool {
        let recent = |handover: Handover| {
            now_ms
                .checked_sub(handover.at_ms)
                .is_some_and(|passed_ms| passed_ms <= HANDOVER_MS)
        };
        self.boot_id == boot_id && self.handover.is_some_and(recent)
    }

    /// Makes this process the owner and leaves the handover in place, which tells the waiting guard to go.
    pub fn change_owner(&mut self, owner: u32) -> io::Result<()> {
        self.owner = owner;
        self.save()
    }

    /// Makes this process the owner, in this boot.
    pub fn take_over(&mut self, boot_id: &str, owner: u32) -> io::Result<()> {
        boot_id.clone_into(&mut self.boot_id);
        self.owner = owner;
        self.handover = None;
        self.save()
    }

    /// Says that a successor will take over; nothing has changed after an error.
    pub fn hand_over(&mut self, now_ms: u64) -> io::Result<()> {
        let before = self.handover.replace(Handover { at_ms: now_ms });
        let saved = self.save();
        if saved.is_err() {
            self.handover = before;
        }
        saved
    }

    /// Enters a collection that is about to be started or extended.
    pub fn enter(&mut self, entry: Armed) -> io::Result<()> {
        self.armed.insert(entry.disk, entry);
        self.save()
    }

    /// Has the file name `disk` as one to stop, as it must before each `-s`; nothing to do when it does.
    pub fn make_durable(&mut self, disk: DiskKey) -> io::Result<()> {
        if self.durable.contains(&disk) {
            return Ok(());
        }
        self.save()
    }

    /// Notes for those of `disks` that it names whether a user asked to keep them; nothing has changed after an error.
    pub fn set_kept(&mut self, disks: &BTreeSet<DiskKey>, kept: bool) -> io::Result<()> {
        let before = self.armed.clone();
        for disk in disks {
            if let Some(armed) = self.armed.get_mut(disk) {
                armed.kept = kept;
            }
        }
        if self.armed == before {
            return Ok(());
        }
        let saved = self.save();
        if saved.is_err() {
            self.armed = before;
        }
        saved
    }

    /// Removes a collection that is certainly stopped.
    pub fn clear(&mut self, disk: DiskKey) -> io::Result<()> {
        match self.armed.remove(&disk) {
            Some(_) => self.save(),
            None => Ok(()),
        }
    }

    /// Drops everything, after a reboot; [`Self::take_over`] writes it.
    pub fn forget_all(&mut self) {
        self.armed.clear();
    }

    /// The file lags behind, because writing it failed.
    pub fn is_unsaved(&self) -> bool {
        self.unsaved
    }

    /// Writes again what could not be written.
    pub fn save_unsaved(&mut self) -> io::Result<()> {
        if self.unsaved { self.save() } else { Ok(()) }
    }

    fn save(&mut self) -> io::Result<()> {
        let content = Content {
            boot_id: self.boot_id.clone(),
            owner: self.owner,
            handover: self.handover,
            armed: self.armed.values().cloned().collect(),
        };
        let saved = files::write_atomically(&self.path, &serde_json::to_vec_pretty(&content)?);
        self.unsaved = saved.is_err();
        if saved.is_ok() {
            self.durable = self.to_stop().into_iter().collect();
        }
        saved
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use vscsi_shared::identifier::{HandleId, WorldGroupId};

    use super::*;

    #[test]
    fn an_entry_has_world_group_and_handle_beside_its_other_keys() {
        let directory = tempfile::tempdir().unwrap();
        let written = r#"{"boot_id":"b","owner":3,
            "armed":[{"world_group_id":"7","handle_id":"9135781989851158","armed_ms":5}]}"#;
        fs::write(directory.path().join("journal.json"), written).unwrap();
        let mut journal = Journal::load(directory.path()).unwrap();
        let disk = DiskKey {
            world_group_id: WorldGroupId(7),
            handle_id: HandleId(9_135_781_989_851_158),
        };
        assert_eq!(journal.to_stop(), [disk]);
        journal.change_owner(4).unwrap();
        let saved: serde_json::Value =
            serde_json::from_slice(&fs::read(directory.path().join("journal.json")).unwrap()).unwrap();
        let entry = serde_json::json!([
            {"world_group_id": "7", "handle_id": "9135781989851158", "armed_ms": 5, "kept": false}
        ]);
        assert_eq!(saved["armed"], entry);
    }
}
