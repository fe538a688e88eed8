//! Copying the agent and comparing what arrived.

use std::time::Duration;

use super::{AgentBinary, COMMAND_TIMEOUT, InstallError};
use crate::transport::{Shell, ShellInput, command_line};

/// The agent has 2 MB; this is enough for a link of 64 kbit/s.
const UPLOAD_TIMEOUT: Duration = Duration::from_mins(10);

/// Puts `binary` into `path` on the host: by a copy, and when that does not give the right bytes, through the shell.
pub(super) fn upload(shell: &dyn Shell, binary: &AgentBinary, path: &str) -> Result<(), InstallError> {
    if let Some(file) = &binary.file
        && shell.copy(file, path, UPLOAD_TIMEOUT).is_ok_and(|copied| copied)
        && arrived(shell, binary, path).is_ok()
    {
        return Ok(());
    }
    through_shell(shell, binary, path).inspect_err(|_| {
        // What is wrong must not stay; that it cannot be removed changes nothing about the error.
        let _ = shell.run(&command_line(["rm", "-f", path]), ShellInput::Empty, COMMAND_TIMEOUT);
    })
}

fn through_shell(shell: &dyn Shell, binary: &AgentBinary, path: &str) -> Result<(), InstallError> {
    let line = format!("cat > {}", command_line([path]));
    let output = shell.run(&line, ShellInput::Bytes(&binary.bytes), UPLOAD_TIMEOUT)?;
    super::succeeded("upload the agent", &output)?;
    arrived(shell, binary, path)
}

fn arrived(shell: &dyn Shell, binary: &AgentBinary, path: &str) -> Result<(), InstallError> {
    let found = remote_sha256(shell, path)?.unwrap_or_default();
    if found == binary.sha256 {
        Ok(())
    } else {
        Err(InstallError::CorruptUpload {
            file: "vscsi-agent".to_owned(),
            expected: binary.sha256.clone(),
            found,
        })
    }
}

/// SHA-256 of a file on the host; `None` when there is none.
pub(super) fn remote_sha256(shell: &dyn Shell, path: &str) -> Result<Option<String>, InstallError> {
    let output = shell.run(&command_line(["sha256sum", path]), ShellInput::Empty, COMMAND_TIMEOUT)?;
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

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::{Output, TransportError};
    use std::os::unix::process::ExitStatusExt as _;
    use std::path::Path;
    use std::sync::Mutex;

    /// A host whose files always have the same checksum.
    #[derive(Debug)]
    struct Host {
        sha256: &'static str,
        lines: Mutex<Vec<String>>,
    }

    impl Shell for Host {
        fn run(&self, line: &str, _: ShellInput<'_>, _: Duration) -> Result<Output, TransportError> {
            self.lines.lock().unwrap().push(line.to_owned());
            Ok(Output {
                status: std::process::ExitStatus::from_raw(0),
                stdout: format!("{}  file\n", self.sha256).into_bytes(),
                stderr: String::new(),
            })
        }

        fn copy(&self, _: &Path, _: &str, _: Duration) -> Result<bool, TransportError> {
            Ok(false)
        }
    }

    fn binary() -> AgentBinary {
        AgentBinary {
            bytes: b"agent".as_slice().into(),
            file: None,
            sha256: "aa".repeat(32),
        }
    }

    #[test]
    fn an_upload_with_the_right_checksum_is_accepted() {
        let host = Host {
            sha256: "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
            lines: Mutex::default(),
        };
        upload(&host, &binary(), "/x/vscsi-agent.new").unwrap();
        assert!(
            !host
                .lines
                .into_inner()
                .unwrap()
                .iter()
                .any(|line| line.starts_with("rm"))
        );
    }

    #[test]
    fn an_upload_that_arrived_damaged_is_refused_and_removed() {
        let host = Host {
            sha256: "bbbb",
            lines: Mutex::default(),
        };
        let error = upload(&host, &binary(), "/x/vscsi-agent.new").unwrap_err();
        assert!(
            matches!(&error, InstallError::CorruptUpload { found, .. } if found == "bbbb"),
            "{error}"
        );
        assert_eq!(
            host.lines.into_inner().unwrap().last().unwrap(),
            "rm -f /x/vscsi-agent.new"
        );
    }
}
