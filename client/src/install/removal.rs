//! Taking the agent away from a host, and proving it.

use serde::Serialize;

use super::{InstallError, LONG_PATIENCE, PATIENCE, RECORD, check_owner, run, succeeded};
use crate::transport::{Shell, ShellInput, command_line};

/// What is shown when an agent was removed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Removal {
    /// The folder that is gone.
    pub folder: String,
    /// Each statement was checked on the host afterwards.
    pub proof: Vec<String>,
}

/// Ends every job and collection of the agent at `agent`, removes its folder, and proves it.
///
/// # Errors
/// When a collection could not be stopped, in which case nothing is removed, or something is still there afterwards.
pub fn uninstall(shell: &dyn Shell, agent: &str) -> Result<Removal, InstallError> {
    let folder = agent.strip_suffix("/vscsi-agent").unwrap_or_default();
    // A folder that is not ours is never removed, whatever a record says.
    let ours = format!(
        "test -f {} && test -f {}",
        command_line([agent]),
        command_line([format!("{folder}/{RECORD}").as_str()])
    );
    if folder.len() <= "/vmfs/volumes/".len() || !shell.run(&ours, ShellInput::Empty, PATIENCE)?.status.success() {
        return Err(InstallError::NotOurs(folder.to_owned()));
    }
    let kernel = shell.run("/bin/uname -n", ShellInput::Empty, PATIENCE)?;
    if let Ok(own) = String::from_utf8_lossy(&kernel.stdout).trim().parse() {
        check_owner(shell, folder, &own)?;
    }
    let cleaned = shell.run(
        &command_line([agent, "cleanup", "--all"]),
        ShellInput::Empty,
        LONG_PATIENCE,
    )?;
    succeeded("stop the agent and its collections", &cleaned)?;
    let mut proof = vec!["no collection is left: the agent stopped its jobs and cleared its journal".to_owned()];
    proof.extend(
        String::from_utf8_lossy(&cleaned.stdout)
            .lines()
            .map(|line| format!("  {line}")),
    );

    run(shell, "remove the folder", &command_line(["rm", "-rf", folder]))?;
    let gone = shell.run(
        &format!("test ! -e {}", command_line([folder])),
        ShellInput::Empty,
        PATIENCE,
    )?;
    if !gone.status.success() {
        return Err(InstallError::StillThere(folder.to_owned()));
    }
    proof.push(format!("the folder {folder} is gone"));
    // ESXi's `ps` lists the command line of every user world; the pattern does not match its own command.
    let processes = shell.run("/bin/ps -c | grep '[v]scsi-agent'", ShellInput::Empty, PATIENCE)?;
    let left = String::from_utf8_lossy(&processes.stdout).into_owned();
    if left.lines().any(|line| line.contains(folder)) {
        return Err(InstallError::StillThere(left.trim().to_owned()));
    }
    proof.push("no process of the agent is running".to_owned());
    Ok(Removal {
        folder: folder.to_owned(),
        proof,
    })
}

#[cfg(all(test, unix))]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::super::tests::{Answers, record_of};
    use super::*;

    const AGENT: &str = "/vmfs/volumes/shared/mine/vscsi-agent";

    #[test]
    fn the_agent_of_another_host_is_not_removed() {
        let removed = AtomicBool::new(false);
        let host = Answers(|line: &str| {
            removed.fetch_or(line.contains("rm ") || line.contains("cleanup"), Ordering::Relaxed);
            match line.split(' ').next() {
                Some("/bin/uname") => (0, "esx02\n".to_owned()),
                Some("cat") => (0, record_of("esx01")),
                _ => (0, String::new()),
            }
        });
        let error = uninstall(&host, AGENT).unwrap_err();
        assert!(matches!(error, InstallError::OtherHost { .. }), "{error}");
        assert!(!removed.load(Ordering::Relaxed));
    }
}
