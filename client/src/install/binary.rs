//! Where the agent's binary comes from: a file that was named, this program itself, or a file beside it. Never a
//! download.

use std::borrow::Cow;
use std::fs;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use super::InstallError;
use crate::failure::FileError;
use crate::sha256::hexadecimal;

/// The agent that was named when this program was built.
#[cfg(feature = "embedded-agent")]
const EMBEDDED: Option<&[u8]> = Some(include_bytes!(env!("VSCSI_AGENT_BINARY")));
#[cfg(not(feature = "embedded-agent"))]
const EMBEDDED: Option<&[u8]> = None;

/// Names of the file beside this program, and in a build directory of cargo.
///
/// The plain name comes last: in a build directory it is the agent of the machine that built it.
const BESIDE: [&str; 5] = [
    "vscsi-agent-x86_64-unknown-linux-musl",
    "../x86_64-unknown-linux-musl/release-agent/vscsi-agent",
    "../x86_64-unknown-linux-musl/release/vscsi-agent",
    "../x86_64-unknown-linux-musl/debug/vscsi-agent",
    "vscsi-agent",
];

/// The agent for ESXi.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct AgentBinary {
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
pub(crate) fn find_agent(named: Option<&Path>) -> Result<AgentBinary, InstallError> {
    if let Some(path) = named {
        return read(path);
    }
    if let Some(bytes) = EMBEDDED {
        return AgentBinary::new(Cow::Borrowed(bytes), None);
    }
    let own = std::env::current_exe().unwrap_or_default();
    let directory = own.parent().unwrap_or(Path::new("."));
    beside(directory)
}

/// The agent in the directory of this program. One that is linked dynamically is that of the machine that built it, and
/// ESXi has not its libraries.
fn beside(directory: &Path) -> Result<AgentBinary, InstallError> {
    for path in BESIDE.map(|name| directory.join(name)) {
        if path.is_file() {
            let agent = read(&path)?;
            if !has_interpreter(&agent.bytes) {
                return Ok(agent);
            }
        }
    }
    Err(InstallError::NoAgent(directory.to_owned()))
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

/// The 64-bit ELF file asks for a dynamic loader: one of its program headers is of the type `PT_INTERP` (ELF-64 Object
/// File Format, version 1.5, section 7).
fn has_interpreter(bytes: &[u8]) -> bool {
    const PT_INTERP: [u8; 4] = [3, 0, 0, 0];
    let number = |at: usize, length: usize| -> usize {
        let field = bytes.get(at..at + length).unwrap_or_default();
        field
            .iter()
            .rev()
            .fold(0, |value, byte| value << 8 | usize::from(*byte))
    };
    let (offset, size, headers) = (number(32, 8), number(54, 2), number(56, 2));
    (0..headers)
        .map_while(|header| bytes.get(offset.checked_add(header * size)?..)?.get(..4))
        .any(|kind| kind == PT_INTERP)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An ELF header for x86-64 and one program header of this type.
    fn elf(kind: u8) -> Vec<u8> {
        let mut bytes = vec![0; 64 + 56];
        bytes[..6].copy_from_slice(b"\x7fELF\x02\x01");
        bytes[18] = 62;
        bytes[32] = 64;
        bytes[54] = 56;
        bytes[56] = 1;
        bytes[64] = kind;
        bytes
    }

    #[test]
    fn an_agent_is_found_beside_the_program_under_its_plain_name() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("vscsi-agent");
        assert!(matches!(beside(directory.path()), Err(InstallError::NoAgent(_))));
        fs::write(&file, elf(1)).unwrap();
        assert_eq!(beside(directory.path()).unwrap().file, Some(file));
    }

    #[test]
    fn an_agent_beside_the_program_that_needs_the_libraries_of_this_machine_is_passed_over() {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("vscsi-agent"), elf(3)).unwrap();
        assert!(matches!(beside(directory.path()), Err(InstallError::NoAgent(_))));
    }

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
