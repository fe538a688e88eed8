//! The file by which a running agent is found: port, process, version and token, for its owner's eyes only.
//!
//! The agent keeps the file locked for as long as it lives, and the kernel releases the lock however it ends. So a file
//! that is not locked is what a dead agent has left, whoever has its process number and its port by now.

use std::fs::{self, File, TryLockError};
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use vscsi_shared::wire::{ApiRange, Greeting};

use crate::files;
use crate::options::Options;

/// Largest file that is read; it has about 200 bytes.
const SIZE_LIMIT: u64 = 64 * 1024;

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
    /// Which of the two programs it is: `binary`, also where it is missing, or `script`.
    #[serde(default = "this_program")]
    pub program: String,
}

/// What this program calls itself, so that the one in Python hands over to it and it to that one.
pub(crate) fn this_program() -> String {
    "binary".to_owned()
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

/// An agent that can be found; whoever holds this is it.
#[derive(Debug)]
pub struct Announced {
    path: PathBuf,
    _locked: File,
}

impl Announced {
    /// Takes the file away at the agent's end.
    pub fn withdraw(self) {
        // A file that stays is not locked any more, which every reader checks.
        let _ = fs::remove_file(&self.path);
    }
}

impl RunningAgent {
    /// The agent that runs now; `None` when there is none.
    pub fn load(options: &Options) -> Option<Self> {
        places(options).iter().find_map(|path| {
            let mut file = File::open(path).ok()?;
            let Err(TryLockError::WouldBlock) = file.try_lock_shared() else {
                return None;
            };
            let mut bytes = Vec::new();
            file.by_ref().take(SIZE_LIMIT).read_to_end(&mut bytes).ok()?;
            serde_json::from_slice(&bytes).ok()
        })
    }

    /// It is this very program; any other one has this one as its successor.
    pub fn is_this_program(&self) -> bool {
        self.version == env!("CARGO_PKG_VERSION") && self.program == this_program()
    }

    /// Lets this process be found: by a file in the state directory or, when its volume is full, below `/var/run`, so
    /// that samples can be pulled from a full volume too.
    ///
    /// # Errors
    /// When neither can be written.
    pub fn announce(&self, options: &Options) -> io::Result<Announced> {
        let bytes = serde_json::to_vec(self)?;
        let lock = |file: &File| file.try_lock().map_err(io::Error::from);
        let mut outcome = Err(io::ErrorKind::NotFound.into());
        for path in places(options) {
            outcome =
                files::write_atomically_with(&path, &bytes, lock).map(|locked| Announced { path, _locked: locked });
            if outcome.is_ok() {
                break;
            }
        }
        outcome
    }

    /// Removes what a dead agent has left; for whoever holds the lock of the state directory.
    pub fn forget(options: &Options) {
        for path in places(options) {
            let _ = fs::remove_file(files::temporary_beside(&path));
            let _ = fs::remove_file(path);
        }
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

/// Where an agent may be found, in this order. The second place is one for each state directory, by whatever name it is
/// called.
fn places(options: &Options) -> Vec<PathBuf> {
    let mut places = vec![options.state_directory.join("running.json")];
    if let Ok(state) = fs::metadata(&options.state_directory) {
        let name = format!("vscsi-agent.{:x}-{:x}.json", state.dev(), state.ino());
        places.push(options.host_root.join("var/run").join(name));
    }
    places
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn options(directory: &Path) -> Options {
        fs::create_dir_all(directory.join("state")).unwrap();
        fs::create_dir_all(directory.join("var/run")).unwrap();
        let line = format!(
            "/a/vscsi-agent serve --state-dir {0}/state --host-root {0}",
            directory.display()
        );
        Options::parse(line.split(' ').map(std::ffi::OsString::from)).unwrap()
    }

    fn agent() -> RunningAgent {
        RunningAgent {
            process: std::process::id(),
            port: 4711,
            version: "1.2.3".to_owned(),
            api: ApiRange::SUPPORTED,
            token: "secret".to_owned(),
            program: this_program(),
        }
    }

    #[test]
    fn an_announced_agent_is_found_until_it_withdraws() {
        let directory = tempfile::tempdir().unwrap();
        let options = options(directory.path());
        let announced = agent().announce(&options).unwrap();
        assert_eq!(RunningAgent::load(&options), Some(agent()));
        announced.withdraw();
        assert_eq!(RunningAgent::load(&options), None);
        assert_eq!(fs::read_dir(directory.path().join("state")).unwrap().count(), 0);
    }

    #[test]
    fn the_agent_in_python_is_another_program_and_one_that_does_not_say_is_a_binary() {
        let mut running = agent();
        running.version = env!("CARGO_PKG_VERSION").to_owned();
        let mut text = serde_json::to_value(&running).unwrap();
        let read = |text: &serde_json::Value| serde_json::from_value::<RunningAgent>(text.clone()).unwrap();
        assert!(read(&text).is_this_program());
        text["program"] = "script".into();
        assert!(!read(&text).is_this_program());
        text.as_object_mut().unwrap().remove("program");
        assert!(read(&text).is_this_program());
    }

    #[test]
    fn the_file_of_a_dead_agent_is_no_agent_even_when_its_process_number_lives() {
        let directory = tempfile::tempdir().unwrap();
        let options = options(directory.path());
        // What a killed agent leaves: the file stays, and the lock goes.
        drop(agent().announce(&options).unwrap());
        assert!(directory.path().join("state/running.json").exists());
        assert_eq!(RunningAgent::load(&options), None);
    }

    #[test]
    fn an_agent_whose_volume_takes_nothing_is_found_below_var_run() {
        let directory = tempfile::tempdir().unwrap();
        let options = options(directory.path());
        // Nothing can be renamed over a directory, whoever tries it.
        fs::create_dir(directory.path().join("state/running.json")).unwrap();
        let announced = agent().announce(&options).unwrap();
        assert_eq!(RunningAgent::load(&options), Some(agent()));
        announced.withdraw();
        assert_eq!(fs::read_dir(directory.path().join("var/run")).unwrap().count(), 0);
    }
}
