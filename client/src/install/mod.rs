//! Bringing the agent to a host, and taking it away again.
//!
//! Everything happens in one folder of one datastore. The binary is uploaded under another name, its SHA-256 is compared
//! on the host, and only then it takes the place of an older one: a job that runs there goes on, because the agent of the
//! new version takes it over at the next connection.

mod binary;
mod error;
mod place;
mod removal;
mod upload;

use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;
use vscsi_shared::identifier::Name;

pub(crate) use binary::{AgentBinary, find_agent};
pub(crate) use error::InstallError;
pub(crate) use place::Place;
pub(crate) use removal::uninstall;

use crate::host::InstalledAgent;
use crate::preflight::{Findings, Mode, Verdict};
use crate::transport::{KnownAgent, NOT_KNOWN, Output, Shell, ShellInput, command_line};

/// A command of the host's shell that only touches files.
const COMMAND_TIMEOUT: Duration = Duration::from_mins(1);
/// `doctor` tries everything, and `cleanup` stops every collection, each with retries of its own.
const LONG_TIMEOUT: Duration = Duration::from_mins(5);
/// Name of the file that says what was installed, which also marks the folder as ours.
const RECORD: &str = "installed.json";

/// What an installation did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Installed {
    /// What was installed.
    pub agent: InstalledAgent,
    /// The same binary was there already, so nothing was uploaded.
    pub unchanged: bool,
    /// What `doctor` found, one line each.
    pub doctor: Vec<String>,
}

/// Whether this version can install on the host in the mode `wanted`, or in any.
///
/// # Errors
/// When it cannot; nothing was changed.
pub(crate) fn check_mode(findings: &Findings, wanted: Option<Mode>) -> Result<(), InstallError> {
    let verdicts = findings.verdicts();
    let is_open = |verdict: &Verdict| verdict.fits && verdict.in_this_version;
    match wanted {
        Some(mode) => match verdicts.into_iter().find(|verdict| verdict.mode == mode) {
            Some(verdict) if !is_open(&verdict) => Err(InstallError::ModeRefused(verdict)),
            _ => Ok(()),
        },
        None if verdicts.iter().any(is_open) => Ok(()),
        None => Err(InstallError::NothingFits(
            verdicts.into_iter().filter(|verdict| verdict.in_this_version).collect(),
        )),
    }
}

/// Installs `binary` into `place`, or finds that it is there already.
///
/// # Errors
/// When any step fails. Until the last one, whatever was installed before is untouched.
pub(crate) fn install(
    shell: &dyn Shell,
    place: &Place,
    binary: &AgentBinary,
    now: Timestamp,
) -> Result<Installed, InstallError> {
    if let Some(own) = &place.host_name {
        check_owner(shell, &place.folder, own)?;
    }
    let agent = place.agent();
    let unchanged = upload::remote_sha256(shell, &agent)?.as_deref() == Some(binary.sha256.as_str());
    if !unchanged {
        run(
            shell,
            "create the folder",
            &command_line(["mkdir", "-p", "-m", "700", &place.folder]),
        )?;
        check_folder(shell, &place.folder)?;
        upload::upload(shell, binary, &format!("{agent}.new"))?;
        let line = format!(
            "{} && {}",
            command_line(["chmod", "700", &format!("{agent}.new")]),
            command_line(["mv", "-f", &format!("{agent}.new"), &agent])
        );
        run(shell, "move the agent into place", &line)?;
    }
    let known = KnownAgent {
        path: Some(agent.clone()),
        sha256: binary.sha256.clone(),
    };
    let doctor = doctor(shell, &known)?;
    let installed = InstalledAgent {
        path: agent,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        sha256: binary.sha256.clone(),
        installed_at: now,
        host_name: place.host_name.clone(),
    };
    let mut record = serde_json::to_vec_pretty(&installed).map_err(|error| InstallError::Step {
        step: "write the record",
        reason: error.to_string(),
    })?;
    record.push(b'\n');
    let line = format!(
        "umask 077; cat > {}",
        command_line([format!("{}/{RECORD}", place.folder).as_str()])
    );
    let output = shell.run(&line, ShellInput::Bytes(&record), COMMAND_TIMEOUT)?;
    succeeded("write the record", &output)?;
    Ok(Installed {
        agent: installed,
        unchanged,
        doctor,
    })
}

/// Two hosts that share a datastore could be given one folder, and their agents would undo each other's work.
fn check_owner(shell: &dyn Shell, folder: &str, own: &Name) -> Result<(), InstallError> {
    let line = command_line(["cat", &format!("{folder}/{RECORD}")]);
    let output = shell.run(&line, ShellInput::Empty, COMMAND_TIMEOUT)?;
    // Without a readable record nothing is known against it.
    let record = serde_json::from_slice::<InstalledAgent>(&output.stdout).ok();
    match record.and_then(|record| record.host_name) {
        Some(owner) if owner != *own => Err(InstallError::OtherHost {
            folder: folder.to_owned(),
            owner,
        }),
        _ => Ok(()),
    }
}

/// A folder that was there may be somebody's who waits for what is put into it.
fn check_folder(shell: &dyn Shell, folder: &str) -> Result<(), InstallError> {
    let listed = run(shell, "look at the folder", &command_line(["ls", "-ldn", folder]))?;
    let line = String::from_utf8_lossy(&listed.stdout);
    let mut words = line.split_whitespace();
    let (mode, owner) = (words.next().unwrap_or_default(), words.nth(1).unwrap_or_default());
    let may_write = |who: usize| mode.as_bytes().get(who) != Some(&b'-');
    // Type, then read, write and execute of the owner, of its group, and of others.
    if mode.starts_with('d') && owner == "0" && !may_write(5) && !may_write(8) {
        Ok(())
    } else {
        Err(InstallError::OpenFolder(folder.to_owned()))
    }
}

/// Runs the agent's own tests.
fn doctor(shell: &dyn Shell, agent: &KnownAgent) -> Result<Vec<String>, InstallError> {
    let output = shell.run(&agent.command_line(["doctor"]), ShellInput::Empty, LONG_TIMEOUT)?;
    let lines = |bytes: &[u8]| {
        String::from_utf8_lossy(bytes)
            .lines()
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    if output.status.success() {
        return Ok(lines(&output.stdout));
    }
    let said = if output.stderr.trim().is_empty() {
        lines(&output.stdout).join("; ")
    } else {
        output.stderr.trim().to_owned()
    };
    if output.status.code() == Some(NOT_KNOWN) {
        return Err(InstallError::NotKnown(said));
    }
    if said.contains("Operation not permitted") {
        return Err(InstallError::NotPermitted(said));
    }
    Err(InstallError::Step {
        step: "test the agent on the host",
        reason: said,
    })
}

fn run(shell: &dyn Shell, step: &'static str, line: &str) -> Result<Output, InstallError> {
    let output = shell.run(line, ShellInput::Empty, COMMAND_TIMEOUT)?;
    succeeded(step, &output)?;
    Ok(output)
}

fn succeeded(step: &'static str, output: &Output) -> Result<(), InstallError> {
    if output.status.success() {
        return Ok(());
    }
    Err(InstallError::Step {
        step,
        reason: said(output),
    })
}

/// Why a command failed, in the host's words.
fn said(output: &Output) -> String {
    let said = output.stderr.trim();
    if said.is_empty() {
        format!("it ended with {}", output.status)
    } else {
        said.to_owned()
    }
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt as _;
    use std::path::Path;

    use super::*;
    use crate::preflight::findings_for_tests;
    use crate::transport::TransportError;

    /// A host that answers command lines: an exit status and what is printed.
    pub(super) struct Answers<F>(pub(super) F);

    impl<F> std::fmt::Debug for Answers<F> {
        fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            formatter.write_str("Answers")
        }
    }

    impl<F: Fn(&str) -> (i32, String) + Send + Sync> Shell for Answers<F> {
        fn run(&self, line: &str, _: ShellInput<'_>, _: Duration) -> Result<Output, TransportError> {
            let (status, printed) = (self.0)(line);
            Ok(Output {
                status: std::process::ExitStatus::from_raw(status << 8),
                stdout: printed.clone().into_bytes(),
                stderr: printed,
            })
        }

        fn copy(&self, _: &Path, _: &str, _: Duration) -> Result<bool, TransportError> {
            Ok(false)
        }
    }

    /// The record of an agent that `host` installed.
    pub(super) fn record_of(host: &str) -> String {
        serde_json::to_string(&InstalledAgent {
            path: "/vmfs/volumes/shared/mine/vscsi-agent".to_owned(),
            version: "0.1.0".to_owned(),
            sha256: "aa".repeat(32),
            installed_at: Timestamp::UNIX_EPOCH,
            host_name: Some(host.parse().unwrap()),
        })
        .unwrap()
    }

    #[test]
    fn a_host_that_runs_installed_programs_only_is_left_alone() {
        let findings = findings_for_tests(Some(true), Some(false));
        assert!(matches!(
            check_mode(&findings, Some(Mode::Binary)),
            Err(InstallError::ModeRefused(_))
        ));
        let error = check_mode(&findings, None).unwrap_err();
        assert!(error.to_string().contains("execInstalledOnly"), "{error}");
    }

    #[test]
    fn a_mode_that_fits_but_is_not_in_this_version_is_refused_with_that_reason() {
        let error = check_mode(&findings_for_tests(Some(true), Some(true)), Some(Mode::Script)).unwrap_err();
        assert!(error.to_string().contains("not in this version"), "{error}");
    }

    #[test]
    fn a_host_that_runs_programs_from_a_datastore_is_installed_on() {
        let findings = findings_for_tests(Some(false), Some(true));
        assert!(check_mode(&findings, None).is_ok());
        assert!(check_mode(&findings, Some(Mode::Binary)).is_ok());
    }

    #[test]
    fn the_folder_of_another_host_is_not_installed_into() {
        let binary = AgentBinary {
            bytes: b"agent".as_slice().into(),
            file: None,
            sha256: "aa".repeat(32),
        };
        let place = Place {
            folder: "/vmfs/volumes/shared/mine".to_owned(),
            host_name: Some("esx02".parse().unwrap()),
        };
        let host = Answers(|line: &str| {
            assert!(line.starts_with("cat "), "changed something: {line}");
            (0, record_of("esx01"))
        });
        let error = install(&host, &place, &binary, Timestamp::UNIX_EPOCH).unwrap_err();
        assert!(
            matches!(&error, InstallError::OtherHost { owner, .. } if owner.as_str() == "esx01"),
            "{error}"
        );
    }
}
