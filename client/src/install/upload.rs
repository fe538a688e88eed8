//! Copying the agent and comparing what arrived.

use std::time::Duration;

use super::{AgentBinary, InstallError, PATIENCE};
use crate::transport::ssh::Ssh;
use crate::transport::{Shell, ShellInput, command_line};

/// The agent has 2 MB; this is enough for a link of 64 kbit/s.
const UPLOAD_PATIENCE: Duration = Duration::from_secs(600);

/// Puts `binary` into `path` on the host: by scp, and when that does not give the right bytes, through the shell.
pub(super) fn upload(shell: &dyn Shell, ssh: &Ssh, binary: &AgentBinary, path: &str) -> Result<(), InstallError> {
    if let Some(file) = &binary.file
        && ssh.copy(file, path, UPLOAD_PATIENCE).is_ok_and(|copied| copied)
        && arrived(shell, binary, path).is_ok()
    {
        return Ok(());
    }
    let line = format!("cat > {}", command_line([path]));
    let output = shell.run(&line, ShellInput::Bytes(&binary.bytes), UPLOAD_PATIENCE)?;
    super::succeeded("upload the agent", &output)?;
    arrived(shell, binary, path).inspect_err(|_| {
        // What is wrong must not stay; that it cannot be removed changes nothing about the error.
        let _ = shell.run(&command_line(["rm", "-f", path]), ShellInput::Empty, PATIENCE);
    })
}

fn arrived(shell: &dyn Shell, binary: &AgentBinary, path: &str) -> Result<(), InstallError> {
    let found = remote_sha256(shell, path)?.unwrap_or_default();
    if found == binary.sha256 {
        Ok(())
    } else {
        Err(InstallError::CorruptUpload {
            expected: binary.sha256.clone(),
            found,
        })
    }
}

/// SHA-256 of a file on the host; `None` when there is none.
pub(super) fn remote_sha256(shell: &dyn Shell, path: &str) -> Result<Option<String>, InstallError> {
    let output = shell.run(&command_line(["sha256sum", path]), ShellInput::Empty, PATIENCE)?;
    if !output.status.success() {
        return Ok(None);
    }
    // A name with a backslash or line feed makes sha256sum begin its line with a backslash.
    let text = String::from_utf8_lossy(&output.stdout);
    Ok(text
        .split_whitespace()
        .next()
        .map(|digits| digits.trim_start_matches('\\').to_owned()))
}
