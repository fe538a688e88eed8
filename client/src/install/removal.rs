//! Taking the agent away from a host, and proving it.

use serde::Serialize;

use super::{
    COMMAND_TIMEOUT, InstallError, LONG_TIMEOUT, Place, RECORD, check_owner, folder_of_agent, run, said, succeeded,
};
use crate::host::Program;
use crate::transport::{KnownAgent, NOT_KNOWN, Shell, ShellInput, command_line};

/// What is shown when an agent was removed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Removal {
    /// The folder that is gone.
    pub folder: String,
    /// Each statement was checked on the host afterwards.
    pub proof: Vec<String>,
}

/// Ends every job and collection of the agent at `path`, which is the one known, removes its folder, and proves it.
///
/// # Errors
/// When a collection could not be stopped or the file is another program, in which case nothing is removed, or something
/// is still there afterwards.
pub(crate) fn uninstall(shell: &dyn Shell, path: &str, known: &KnownAgent) -> Result<Removal, InstallError> {
    let folder = folder_of_agent(path).unwrap_or_default();
    // A folder that is not ours is never removed, whatever a record says.
    let ours = format!(
        "test -e {} && test -f {}",
        command_line([path]),
        command_line([format!("{folder}/{RECORD}").as_str()])
    );
    if folder.len() <= "/vmfs/volumes/".len() || !shell.run(&ours, ShellInput::Empty, COMMAND_TIMEOUT)?.status.success()
    {
        return Err(InstallError::NotOurs(folder.to_owned()));
    }
    let kernel = shell.run("/bin/uname -n", ShellInput::Empty, COMMAND_TIMEOUT)?;
    let place = Place {
        folder: folder.to_owned(),
        host_name: String::from_utf8_lossy(&kernel.stdout).trim().parse().ok(),
    };
    check_owner(shell, &place)?;
    let agent = KnownAgent {
        path: Some(path.to_owned()),
        ..known.clone()
    };
    let cleaned = shell.run(
        &agent.command_line(["cleanup", "--all"]),
        ShellInput::Empty,
        LONG_TIMEOUT,
    )?;
    if cleaned.status.code() == Some(NOT_KNOWN) {
        return Err(InstallError::NotKnown(said(&cleaned)));
    }
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
        COMMAND_TIMEOUT,
    )?;
    if !gone.status.success() {
        return Err(InstallError::StillThere(folder.to_owned()));
    }
    proof.push(format!("the folder {folder} is gone"));
    let left = processes(shell, folder)?;
    if !left.is_empty() {
        return Err(InstallError::StillThere(left.join("; ")));
    }
    proof.push("no process of the agent is running".to_owned());
    Ok(Removal {
        folder: folder.to_owned(),
        proof,
    })
}

/// The agent in a folder of the host: the script where that lies there, else the binary.
///
/// # Errors
/// When the host was not reached.
pub(crate) fn agent_in(shell: &dyn Shell, folder: &str) -> Result<String, InstallError> {
    let place = Place {
        folder: folder.to_owned(),
        host_name: None,
    };
    let script = place.path_of(Program::Script);
    let is_there = command_line(["test", "-e", &script]);
    let found = shell.run(&is_there, ShellInput::Empty, COMMAND_TIMEOUT)?;
    Ok(if found.status.success() {
        script
    } else {
        place.path_of(Program::Binary)
    })
}

/// The jobs that the agent in a folder of the host keeps.
///
/// # Errors
/// When the host was not reached.
pub(crate) fn jobs_in(shell: &dyn Shell, folder: &str) -> Result<Vec<String>, InstallError> {
    let jobs = format!("{folder}/state/jobs");
    let listed = shell.run(&command_line(["ls", &jobs]), ShellInput::Empty, COMMAND_TIMEOUT)?;
    // Without that folder there are none.
    Ok(String::from_utf8_lossy(&listed.stdout)
        .lines()
        .map(str::to_owned)
        .collect())
}

/// The command lines on the host that begin in `folder`. ESXi's `ps` lists those of every user world.
fn processes(shell: &dyn Shell, folder: &str) -> Result<Vec<String>, InstallError> {
    let listed = shell.run("/bin/ps -c", ShellInput::Empty, COMMAND_TIMEOUT)?;
    if !listed.status.success() {
        return Err(InstallError::Unproven {
            folder: folder.to_owned(),
            reason: said(&listed),
        });
    }
    Ok(String::from_utf8_lossy(&listed.stdout)
        .lines()
        .filter(|line| line.contains(&format!("{folder}/")))
        .map(|line| line.trim().to_owned())
        .collect())
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::super::tests::{Answers, record_of};
    use super::*;

    fn known() -> KnownAgent {
        KnownAgent {
            path: None,
            binary: Some("aa".repeat(32)),
            script: None,
            python: None,
        }
    }

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
        let error = uninstall(&host, AGENT, &known()).unwrap_err();
        assert!(matches!(error, InstallError::OtherHost { .. }), "{error}");
        assert!(!removed.load(Ordering::Relaxed));
    }

    /// A host on which everything works but `ps`, which ends like this.
    fn removed_where_ps_ends_with(status: i32, printed: &'static str) -> Result<Removal, InstallError> {
        let host = Answers(move |line: &str| match line.split(' ').next() {
            Some("/bin/uname") => (0, "esx01\n".to_owned()),
            Some("cat") => (0, record_of("esx01")),
            Some("/bin/ps") => (status, printed.to_owned()),
            _ => (0, String::new()),
        });
        uninstall(&host, AGENT, &known())
    }

    #[test]
    fn a_process_that_is_left_is_told_and_those_of_other_folders_are_not() {
        let left = "12 12 vscsi-agent /vmfs/volumes/shared/mine/vscsi-agent serve\n";
        let error = removed_where_ps_ends_with(0, left).unwrap_err();
        assert!(
            matches!(&error, InstallError::StillThere(what) if what == left.trim()),
            "{error}"
        );
        let other = "12 12 vscsi-agent /vmfs/volumes/shared/mine-too/vscsi-agent serve\n";
        assert!(removed_where_ps_ends_with(0, other).is_ok());
    }

    #[test]
    fn that_no_process_is_left_is_not_claimed_when_they_cannot_be_listed() {
        let error = removed_where_ps_ends_with(1, "ps: out of memory").unwrap_err();
        assert!(
            matches!(&error, InstallError::Unproven { reason, .. } if reason == "ps: out of memory"),
            "{error}"
        );
    }
}
