//! Where the agent's binary comes from: a file that was named, this program itself, or a file beside it. Never a
//! download.

use std::borrow::Cow;
use std::fs;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use super::InstallError;
use crate::failure::FileError;
use crate::pull::hexadecimal;

/// The agent of a release build, put there by `cargo xtask dist`.
#[cfg(feature = "embedded-agent")]
const EMBEDDED: Option<&[u8]> = Some(include_bytes!(env!("VSCSI_AGENT_BINARY")));
#[cfg(not(feature = "embedded-agent"))]
const EMBEDDED: Option<&[u8]> = None;

/// Names of the file beside this program, and in a build directory of cargo.
const BESIDE: [&str; 4] = [
    "vscsi-agent-x86_64-unknown-linux-musl",
    "../x86_64-unknown-linux-musl/release-agent/vscsi-agent",
    "../x86_64-unknown-linux-musl/release/vscsi-agent",
    "../x86_64-unknown-linux-musl/debug/vscsi-agent",
];

/// The agent for ESXi.
#[derive(Clone, PartialEq, Eq)]
pub struct AgentBinary {
    /// Its bytes.
    pub bytes: Cow<'static, [u8]>,
    /// The file they came from; `None` when they are part of this program.
    pub file: Option<PathBuf>,
    /// SHA-256, lower-case hexadecimal.
    pub sha256: String,
}

impl std::fmt::Debug for AgentBinary {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("AgentBinary")
            .field("file", &self.file)
            .field("sha256", &self.sha256)
            .finish_non_exhaustive()
    }
}

impl AgentBinary {
    fn new(bytes: Cow<'static, [u8]>, file: Option<PathBuf>) -> Result<Self, InstallError> {
        if !is_x86_64_elf(&bytes) {
            return Err(InstallError::NotAnAgent(file.unwrap_or_default()));
        }
        let sha256 = hexadecimal(&Sha256::digest(&bytes));
        Ok(Self { bytes, file, sha256 })
    }
}

/// Finds the agent: `named`, else the one inside this program, else the one beside it.
///
/// # Errors
/// When there is none, or the file is no program for ESXi.
pub fn find_agent(named: Option<&Path>) -> Result<AgentBinary, InstallError> {
    if let Some(path) = named {
        return read(path);
    }
    if let Some(bytes) = EMBEDDED {
        return AgentBinary::new(Cow::Borrowed(bytes), None);
    }
    let own = std::env::current_exe().unwrap_or_default();
    let directory = own.parent().unwrap_or(Path::new("."));
    let places = BESIDE.map(|name| directory.join(name));
    match places.iter().find(|path| path.is_file()) {
        Some(path) => read(path),
        None => Err(InstallError::NoAgent(directory.to_owned())),
    }
}

fn read(path: &Path) -> Result<AgentBinary, InstallError> {
    let bytes = fs::read(path).map_err(FileError::new("read", path))?;
    AgentBinary::new(Cow::Owned(bytes), Some(path.to_owned()))
}

/// A 64-bit little-endian ELF file for x86-64: the only thing ESXi could run.
fn is_x86_64_elf(bytes: &[u8]) -> bool {
    const EM_X86_64: [u8; 2] = [62, 0];
    bytes.starts_with(b"\x7fELF\x02\x01") && bytes.get(18..20) == Some(&EM_X86_64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_esxi_could_not_run_is_refused() {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), "#!/bin/sh\n").unwrap();
        assert!(matches!(
            find_agent(Some(file.path())),
            Err(InstallError::NotAnAgent(_))
        ));
    }

    #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
    #[test]
    fn a_program_of_this_machine_is_recognised_and_hashed() {
        let own = std::env::current_exe().unwrap();
        assert_eq!(find_agent(Some(&own)).unwrap().sha256.len(), 64);
    }
}
