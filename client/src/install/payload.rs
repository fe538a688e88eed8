//! What is put on a host: one binary, or the folder of the script.

use std::time::Duration;

use super::upload::{self, remote_sha256};
use super::{AgentBinary, COMMAND_TIMEOUT, InstallError, Package, run, succeeded};
use crate::host::Program;
use crate::transport::{SUMS_OF_A_FOLDER, Shell, ShellInput, command_line};

/// The script has less than half a megabyte; this is enough for a link of 16 kbit/s.
const UPLOAD_TIMEOUT: Duration = Duration::from_mins(10);

/// What is put on a host.
#[derive(Debug)]
pub(crate) enum Payload {
    /// A static program.
    Binary(AgentBinary),
    /// The files in Python, and the interpreter of the host that runs them.
    Script {
        /// Path of the interpreter on the host.
        python: String,
    },
}

impl Payload {
    /// How it runs.
    pub(super) fn program(&self) -> Program {
        match self {
            Self::Binary(_) => Program::Binary,
            Self::Script { .. } => Program::Script,
        }
    }

    /// The interpreter that runs it, where it needs one.
    pub(super) fn python(&self) -> Option<String> {
        match self {
            Self::Binary(_) => None,
            Self::Script { python } => Some(python.clone()),
        }
    }

    /// SHA-256 by which it is known on the host.
    pub(crate) fn sha256(&self) -> String {
        match self {
            Self::Binary(binary) => binary.sha256.clone(),
            Self::Script { .. } => Package::sha256(),
        }
    }

    /// How much is sent.
    pub(crate) fn size_bytes(&self) -> u64 {
        match self {
            Self::Binary(binary) => binary.bytes.len() as u64,
            Self::Script { .. } => Package::size_bytes(),
        }
    }

    /// It lies at `path` on the host already, whole and unchanged.
    pub(super) fn is_at(&self, shell: &dyn Shell, path: &str) -> Result<bool, InstallError> {
        Ok(match self {
            Self::Binary(binary) => remote_sha256(shell, path)?.as_deref() == Some(binary.sha256.as_str()),
            Self::Script { .. } => sums(shell, path)? == Package::sums(),
        })
    }

    /// Brings it to the host beside `path`, compares what arrived, and moves it there.
    pub(super) fn put(&self, shell: &dyn Shell, path: &str) -> Result<(), InstallError> {
        let new = format!("{path}.new");
        match self {
            Self::Binary(binary) => {
                upload::upload(shell, binary, &new)?;
                let line = format!(
                    "{} && {}",
                    command_line(["chmod", "700", &new]),
                    command_line(["mv", "-f", &new, path])
                );
                run(shell, "move the agent into place", &line)?;
            }
            Self::Script { .. } => {
                unpack(shell, &new).inspect_err(|_| {
                    // What is wrong must not stay; that it cannot be removed changes nothing about the error.
                    let _ = shell.run(&command_line(["rm", "-rf", &new]), ShellInput::Empty, COMMAND_TIMEOUT);
                })?;
                // A folder cannot take the place of another in one step; in between a connection is tried again.
                let old = format!("{path}.old");
                let line = format!(
                    "{}; if [ -e {place} ]; then {}; fi && {} && {}",
                    command_line(["rm", "-rf", &old]),
                    command_line(["mv", path, &old]),
                    command_line(["mv", &new, path]),
                    command_line(["rm", "-rf", &old]),
                    place = command_line([path]),
                );
                run(shell, "move the agent into place", &line)?;
            }
        }
        Ok(())
    }
}

/// Unpacks the script into the new folder `path`, and compares every file with what was sent.
fn unpack(shell: &dyn Shell, path: &str) -> Result<(), InstallError> {
    let line = format!(
        "{} && {} && {} && tar -xf -",
        command_line(["rm", "-rf", path]),
        command_line(["mkdir", "-m", "700", path]),
        command_line(["cd", path]),
    );
    let output = shell.run(
        &format!("umask 077; {line}"),
        ShellInput::Bytes(&Package::archive()?),
        UPLOAD_TIMEOUT,
    )?;
    succeeded("upload the agent", &output)?;
    let found = sums(shell, path)?;
    let expected = Package::sums();
    if found == expected {
        return Ok(());
    }
    let differing = expected.lines().find(|line| !found.lines().any(|found| found == *line));
    let name = differing.and_then(|line| line.split_once("  ")).map(|(_, name)| name);
    let sum_of = |text: &str| {
        let line = text
            .lines()
            .find(|line| name.is_some_and(|name| line.ends_with(&format!("  {name}"))));
        line.and_then(|line| line.split(' ').next())
            .unwrap_or_default()
            .to_owned()
    };
    Err(InstallError::CorruptUpload {
        file: name.unwrap_or("the script").trim_start_matches("./").to_owned(),
        expected: sum_of(&expected),
        found: sum_of(&found),
    })
}

/// What `sha256sum` says of every file in a folder of the host; nothing where there is no such folder.
fn sums(shell: &dyn Shell, folder: &str) -> Result<String, InstallError> {
    let line = format!("{} && {SUMS_OF_A_FOLDER}", command_line(["cd", folder]));
    let output = shell.run(&line, ShellInput::Empty, COMMAND_TIMEOUT)?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
