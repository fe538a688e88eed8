//! Bringing the agent to a host, and taking it away again.
//!
//! Everything happens in one folder of one datastore. The binary, or the folder of the script, is uploaded under another
//! name, the SHA-256 of each file is compared on the host, and only then it takes the place of an older one: a job that
//! runs there goes on, because the agent of the new version takes it over at the next connection. Where the other one of
//! the two programs was installed, the new one takes over at once, and the other is removed.

mod binary;
mod error;
mod package;
mod payload;
mod place;
mod removal;
mod upload;

use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;

pub(crate) use binary::{AgentBinary, find_agent};
pub(crate) use error::InstallError;
pub(crate) use package::Package;
pub(crate) use payload::Payload;
pub(crate) use place::{Place, folder_of_agent};
pub(crate) use removal::{agent_in, jobs_in, uninstall};

use crate::host::{InstalledAgent, Program};
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
    /// The same files were there already, so nothing was uploaded.
    pub unchanged: bool,
    /// What `doctor` found, one line each.
    pub doctor: Vec<String>,
}

/// The mode to install in: the one wanted, else the one in which the agent is installed already if that still fits, else
/// the one that suits the host best.
///
/// # Errors
/// When none can be; nothing was changed.
pub(crate) fn choose_mode(
    findings: &Findings,
    wanted: Option<Mode>,
    installed: Option<Program>,
) -> Result<Mode, InstallError> {
    if !findings.is_esxi {
        return Err(InstallError::NotEsxi);
    }
    if findings.is_root == Some(false) {
        return Err(InstallError::NotRoot);
    }
    let verdicts = findings.verdicts();
    let is_open = |verdict: &Verdict| verdict.fits && verdict.in_this_version;
    // Where another one fits, the reason of the one that was wanted is what helps.
    if let Some(wanted) = wanted.filter(|_| findings.recommended().is_some()) {
        return match verdicts.into_iter().find(|verdict| verdict.mode == wanted) {
            Some(verdict) if !is_open(&verdict) => Err(InstallError::ModeRefused(verdict)),
            _ => Ok(wanted),
        };
    }
    let installed = installed.map(|program| match program {
        Program::Binary => Mode::Binary,
        Program::Script => Mode::Script,
    });
    let fits = |mode: &Mode| verdicts.iter().any(|verdict| verdict.mode == *mode && is_open(verdict));
    match installed.filter(fits).or(findings.recommended()) {
        Some(mode) => Ok(mode),
        None => Err(InstallError::NothingFits {
            verdicts: verdicts.into_iter().filter(|verdict| verdict.in_this_version).collect(),
            by_hand: findings.by_hand(),
        }),
    }
}

/// Installs `payload` into `place`, or finds that it is there already.
///
/// # Errors
/// When any step fails. Until the last one, whatever was installed before is untouched.
pub(crate) fn install(
    shell: &dyn Shell,
    place: &Place,
    payload: &Payload,
    now: Timestamp,
) -> Result<Installed, InstallError> {
    check_owner(shell, place)?;
    let path = place.path_of(payload.program());
    let unchanged = payload.is_at(shell, &path)?;
    if !unchanged {
        run(
            shell,
            "create the folder",
            &command_line(["mkdir", "-p", "-m", "700", &place.folder]),
        )?;
        check_folder(shell, &place.folder)?;
        payload.put(shell, &path)?;
    }
    let agent = InstalledAgent {
        path,
        program: payload.program(),
        python: payload.python(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        sha256: payload.sha256(),
        installed_at: now,
        host_name: place.host_name.clone(),
    };
    let known = agent.known();
    let doctor = doctor(shell, &known)?;
    replace(shell, &known, &place.path_of(agent.program.other()))?;
    let mut record = serde_json::to_vec_pretty(&agent).map_err(|error| InstallError::Step {
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
        agent,
        unchanged,
        doctor,
    })
}

/// Removes the other one of the two programs at `other`, after the new one has taken over what it does.
fn replace(shell: &dyn Shell, new: &KnownAgent, other: &str) -> Result<(), InstallError> {
    let is_there = command_line(["test", "-e", other]);
    if !shell
        .run(&is_there, ShellInput::Empty, COMMAND_TIMEOUT)?
        .status
        .success()
    {
        return Ok(());
    }
    // `connect` takes over, and ends with its input, which has no byte.
    let output = shell.run(&new.command_line(["connect"]), ShellInput::Empty, LONG_TIMEOUT)?;
    succeeded("take over from the agent that was installed before", &output)?;
    run(
        shell,
        "remove the agent that was installed before",
        &command_line(["rm", "-rf", other]),
    )?;
    Ok(())
}

/// Two hosts that share a datastore could be given one folder, and their agents would undo each other's work.
///
/// # Errors
/// When the folder is another host's.
pub(crate) fn check_owner(shell: &dyn Shell, place: &Place) -> Result<(), InstallError> {
    let Place { folder, host_name } = place;
    let Some(own) = host_name else { return Ok(()) };
    let line = command_line(["cat", &format!("{folder}/{RECORD}")]);
    let output = shell.run(&line, ShellInput::Empty, COMMAND_TIMEOUT)?;
    // Without a readable record nothing is known against it.
    let record = serde_json::from_slice::<InstalledAgent>(&output.stdout).ok();
    match record.and_then(|record| record.host_name) {
        Some(owner) if owner != *own => Err(InstallError::OtherHost {
            folder: folder.clone(),
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

    use vscsi_shared::exit_code;

    use super::*;
    use crate::failure::Failure as _;
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
            program: Program::Binary,
            python: None,
            version: "0.1.0".to_owned(),
            sha256: "aa".repeat(32),
            installed_at: Timestamp::UNIX_EPOCH,
            host_name: Some(host.parse().unwrap()),
        })
        .unwrap()
    }

    #[test]
    fn a_binary_is_refused_where_installed_programs_alone_run_and_the_script_is_chosen() {
        let findings = findings_for_tests(Some(true), Some(false));
        let error = choose_mode(&findings, Some(Mode::Binary), None).unwrap_err();
        assert!(error.to_string().contains("execInstalledOnly"), "{error}");
        assert_eq!(choose_mode(&findings, None, None).unwrap(), Mode::Script);
        // A binary that was installed before the policy was switched on cannot stay.
        assert_eq!(
            choose_mode(&findings, None, Some(Program::Binary)).unwrap(),
            Mode::Script
        );
    }

    #[test]
    fn a_mode_that_fits_but_is_not_in_this_version_is_refused_with_that_reason() {
        let error = choose_mode(&findings_for_tests(Some(true), Some(false)), Some(Mode::Vib), None).unwrap_err();
        assert!(error.to_string().contains("not in this version"), "{error}");
    }

    #[test]
    fn where_both_fit_the_one_that_is_installed_stays() {
        let findings = findings_for_tests(Some(false), Some(true));
        assert_eq!(choose_mode(&findings, None, None).unwrap(), Mode::Binary);
        assert_eq!(
            choose_mode(&findings, None, Some(Program::Script)).unwrap(),
            Mode::Script
        );
        assert_eq!(
            choose_mode(&findings, Some(Mode::Binary), Some(Program::Script)).unwrap(),
            Mode::Binary
        );
    }

    #[test]
    fn a_login_that_is_not_root_s_and_what_is_no_host_are_told_as_that() {
        let mut findings = findings_for_tests(Some(false), Some(false));
        findings.is_root = Some(false);
        for wanted in [None, Some(Mode::Binary)] {
            let error = choose_mode(&findings, wanted, None).unwrap_err();
            assert_eq!(error.exit_code(), exit_code::AUTHENTICATION);
            assert!(error.hint().unwrap().contains("--user root"), "{error:?}");
        }
        findings.is_esxi = false;
        let error = choose_mode(&findings, None, None).unwrap_err();
        assert_eq!(error.to_string(), "this is not an ESXi host");
    }

    #[test]
    fn where_nothing_fits_the_commands_to_collect_by_hand_are_told() {
        let mut findings = findings_for_tests(Some(true), Some(true));
        findings.python = None;
        for wanted in [None, Some(Mode::Binary), Some(Mode::Script)] {
            let error = choose_mode(&findings, wanted, None).unwrap_err();
            assert!(error.to_string().contains("no Python"), "{error}");
            assert!(error.hint().unwrap().contains("by hand"), "{error:?}");
            let by_hand = error.by_hand().unwrap();
            for part in ["vscsiStats -s -w", "vscsiStats -x -w", "vscsi-helper import"] {
                assert!(by_hand.contains(part), "{by_hand}");
            }
        }
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
        let error = install(&host, &place, &Payload::Binary(binary), Timestamp::UNIX_EPOCH).unwrap_err();
        assert!(
            matches!(&error, InstallError::OtherHost { owner, .. } if owner.as_str() == "esx01"),
            "{error}"
        );
    }
}
