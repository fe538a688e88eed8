//! What this workstation knows of a host: how to reach it, and what it installed there.

use std::fs;
use std::io;
use std::path::PathBuf;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use vscsi_shared::esxi;
use vscsi_shared::identifier::Name;
use vscsi_shared::wire::v1::ScheduleView;

use crate::failure::FileError;
use crate::store::{Store, StoreError, create_directory, write_json};
use crate::transport::{Address, HostName, KnownAgent};

/// What this workstation knows of a host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostRecord {
    /// How to reach it.
    pub address: Address,
    /// What `install` put there; `None` when this workstation did not.
    #[serde(default)]
    pub agent: Option<InstalledAgent>,
    /// Its version as people write it, such as `8.0.3 build 24022510`, when last asked.
    #[serde(default)]
    pub esxi_version: String,
    /// When it last answered.
    #[serde(default)]
    pub last_seen: Option<Timestamp>,
    /// Its schedules, when last asked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub schedules: Vec<KnownSchedule>,
}

/// What this workstation knows of a schedule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownSchedule {
    /// Its name.
    pub name: Name,
    /// When it was to run next.
    #[serde(default)]
    pub next_run_at: Option<Timestamp>,
    /// Why its last moment started no job, such as that no agent was running.
    #[serde(default)]
    pub problem: Option<String>,
}

/// The version of ESXi in the one form in which it is shown, from what `vmware -v` says or a record of it.
pub fn esxi_version(text: &str) -> String {
    let text = text.trim();
    let read = esxi::parse_vmware_version(text.as_bytes()).value;
    read.map_or_else(|| text.to_owned(), |version| version.to_string())
}

impl KnownSchedule {
    /// What the agent says of it.
    pub fn of(view: &ScheduleView) -> Self {
        Self {
            name: view.schedule.name.clone(),
            next_run_at: view.next_run_at,
            problem: view.last_error.clone(),
        }
    }
}

/// Which of the two programs the agent is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Program {
    /// A static binary.
    #[default]
    Binary,
    /// A folder of Python files.
    Script,
}

impl Program {
    /// Its mode, as `--mode` names it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Binary => "binary",
            Self::Script => "script",
        }
    }

    /// The other one of the two.
    pub(crate) fn other(self) -> Self {
        match self {
            Self::Binary => Self::Script,
            Self::Script => Self::Binary,
        }
    }
}

/// An installed agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstalledAgent {
    /// Path on the host: of the binary, or of the folder of the script.
    pub path: String,
    /// Which of the two it is; the binary, in records of earlier versions.
    #[serde(default)]
    pub program: Program,
    /// The host's interpreter that runs the script.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub python: Option<String>,
    /// Version of the client that installed it, which is the agent's.
    pub version: String,
    /// SHA-256 of the binary; of the script that of the list which `sha256sum` prints of its files.
    pub sha256: String,
    /// When.
    pub installed_at: Timestamp,
    /// The name that the host's kernel has, where it tells the host from others that share its datastore.
    #[serde(default)]
    pub host_name: Option<Name>,
}

impl InstalledAgent {
    /// It, as it may be run.
    pub fn known(&self) -> KnownAgent {
        let sha256 = Some(self.sha256.clone());
        let (binary, script) = match self.program {
            Program::Binary => (sha256, None),
            Program::Script => (None, sha256),
        };
        KnownAgent {
            path: Some(self.path.clone()),
            binary,
            script,
            python: self.python.clone(),
        }
    }
}

impl HostRecord {
    /// A host nothing is known of but its address.
    pub fn new(address: Address) -> Self {
        Self {
            address,
            agent: None,
            esxi_version: String::new(),
            last_seen: None,
            schedules: Vec::new(),
        }
    }
}

impl Store {
    /// What is known of `host`.
    ///
    /// # Errors
    /// When the record cannot be read.
    pub fn host(&self, host: &HostName) -> Result<Option<HostRecord>, StoreError> {
        let path = self.host_file(host);
        match fs::read(&path) {
            Ok(bytes) => parse(path, &bytes).map(Some),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(FileError::new("read", &path)(error).into()),
        }
    }

    /// Everything known of hosts, by name.
    ///
    /// # Errors
    /// When a record cannot be read.
    pub fn hosts(&self) -> Result<Vec<HostRecord>, StoreError> {
        let directory = self.hosts_directory();
        let listing = match fs::read_dir(&directory) {
            Ok(listing) => listing,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(FileError::new("list", &directory)(error).into()),
        };
        let mut records = Vec::new();
        for entry in listing {
            let path = entry.map_err(FileError::new("list", &directory))?.path();
            if path.extension().is_some_and(|extension| extension == "json") {
                let bytes = fs::read(&path).map_err(FileError::new("read", &path))?;
                records.push(parse(path, &bytes)?);
            }
        }
        records.sort_by(|a: &HostRecord, b| a.address.host.cmp(&b.address.host));
        Ok(records)
    }

    /// Records what is known of a host.
    ///
    /// # Errors
    /// When the record cannot be written.
    pub fn remember_host(&self, record: &HostRecord) -> Result<(), StoreError> {
        let path = self.host_file(&record.address.host);
        let directory = self.hosts_directory();
        create_directory(&directory)?;
        Ok(write_json(&path, record)?)
    }

    /// Forgets a host. Returns whether it was known.
    ///
    /// # Errors
    /// When the record cannot be removed.
    pub fn forget_host(&self, host: &HostName) -> Result<bool, StoreError> {
        let path = self.host_file(host);
        match fs::remove_file(&path) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(FileError::new("remove", &path)(error).into()),
        }
    }

    fn host_file(&self, host: &HostName) -> PathBuf {
        // `:` and `%` of IPv6 addresses may not stand in every system's file names.
        let name: String = host
            .as_str()
            .chars()
            .map(|character| {
                if character.is_alphanumeric() || "._-".contains(character) {
                    character
                } else {
                    '_'
                }
            })
            .collect();
        self.hosts_directory().join(format!("{name}.json"))
    }
}

fn parse(path: PathBuf, bytes: &[u8]) -> Result<HostRecord, StoreError> {
    serde_json::from_slice(bytes).map_err(|source| StoreError::UnreadableHost { path, source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_has_one_form_whichever_command_said_it() {
        for text in ["VMware ESXi 8.0.3 build-24022510\n", "8.0.3 build 24022510"] {
            assert_eq!(esxi_version(text), "8.0.3 build 24022510");
        }
    }

    #[test]
    fn a_host_is_remembered_and_forgotten() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(directory.path()).unwrap();
        let host: HostName = "fe80::1%eth0".parse().unwrap();
        let mut record = HostRecord::new(Address::new(host.clone()));
        record.address.port = Some(2222);
        store.remember_host(&record).unwrap();
        assert_eq!(store.host(&host).unwrap(), Some(record.clone()));
        assert_eq!(store.hosts().unwrap(), [record]);
        assert_eq!([(); 2].map(|()| store.forget_host(&host).unwrap()), [true, false]);
        assert_eq!(store.host(&host).unwrap(), None);
    }
}
