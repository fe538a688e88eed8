//! Bringing the agent to a host, and taking it away again.
//!
//! Everything happens in one folder of one datastore. The binary is uploaded under another name, its SHA-256 is compared
//! on the host, and only then it takes the place of an older one: a job that runs there goes on, because the agent of the
//! new version takes it over at the next connection.

mod binary;
mod error;
mod upload;

use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;

pub use binary::{AgentBinary, find_agent};
pub use error::InstallError;

use crate::preflight::{Datastore, Findings, Mode};
use crate::store::InstalledAgent;
use crate::transport::{Output, Shell, ShellInput, command_line};

/// A command of the host's shell that only touches files.
const PATIENCE: Duration = Duration::from_mins(1);
/// `doctor` tries everything, and `cleanup` stops every collection, each with retries of its own.
const LONG_PATIENCE: Duration = Duration::from_mins(5);
/// Name of the file that says what was installed, which also marks the folder as ours.
const RECORD: &str = "installed.json";

/// Where the agent goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The folder, an absolute path on the host.
    pub folder: String,
}

/// What an installation did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Installed {
    /// What was installed.
    pub agent: InstalledAgent,
    /// The same binary was there already, so nothing was uploaded.
    pub unchanged: bool,
    /// What `doctor` found, one line each.
    pub doctor: Vec<String>,
}

impl Place {
    /// The folder to use: the one named, else `vscsi-helper` on the datastore named, else where an agent is already, else on
    /// the suitable datastore with the most free space.
    ///
    /// # Errors
    /// When a name leads nowhere, or no datastore is suitable.
    pub fn choose(findings: &Findings, datastore: Option<&str>, folder: Option<&str>) -> Result<Self, InstallError> {
        if let Some(folder) = folder {
            let deep = folder
                .strip_prefix("/vmfs/volumes/")
                .is_some_and(|below| below.contains('/'));
            let climbs = folder.split('/').any(|part| part == "..");
            if !deep || climbs || folder.chars().any(char::is_control) {
                return Err(InstallError::Folder(folder.escape_debug().to_string()));
            }
            return Ok(Self {
                folder: folder.trim_end_matches('/').to_owned(),
            });
        }
        if datastore.is_none()
            && let Some(folder) = findings
                .agents
                .first()
                .and_then(|agent| agent.strip_suffix("/vscsi-agent"))
        {
            return Ok(Self {
                folder: folder.to_owned(),
            });
        }
        let suitable = |found: &&Datastore| found.unsuitable.is_none();
        let found = match datastore {
            Some(name) => findings
                .datastores
                .iter()
                .find(|found| found.name == name || found.path.ends_with(&format!("/{name}"))),
            None => findings.datastores.iter().find(suitable),
        };
        match found {
            Some(Datastore {
                unsuitable: Some(reason),
                name,
                ..
            }) => Err(InstallError::Unsuitable {
                name: name.clone(),
                reason,
            }),
            Some(found) => Ok(Self {
                folder: format!("{}/vscsi-helper", found.path),
            }),
            None => Err(InstallError::NoDatastore {
                wanted: datastore.map(str::to_owned),
                known: findings
                    .datastores
                    .iter()
                    .filter(suitable)
                    .map(|found| found.name.clone())
                    .collect(),
            }),
        }
    }

    /// Path of the agent.
    pub fn agent(&self) -> String {
        format!("{}/vscsi-agent", self.folder)
    }
}

/// What the host must allow for an installation.
///
/// # Errors
/// When it does not; nothing was changed.
pub fn check_mode(findings: &Findings, wanted: Option<Mode>) -> Result<Mode, InstallError> {
    let mode = wanted.or(findings.recommended());
    let refused = |mode: Mode| {
        findings
            .verdicts()
            .into_iter()
            .find(|verdict| verdict.mode == mode && !verdict.fits)
    };
    match mode {
        None => Err(InstallError::NothingFits(findings.verdicts().to_vec())),
        Some(mode) => match refused(mode) {
            Some(verdict) => Err(InstallError::ModeRefused(verdict)),
            None => Ok(mode),
        },
    }
}

/// Installs `binary` into `place`, or finds that it is there already.
///
/// # Errors
/// When any step fails. Until the last one, whatever was installed before is untouched.
pub fn install(
    shell: &dyn Shell,
    place: &Place,
    binary: &AgentBinary,
    now: Timestamp,
) -> Result<Installed, InstallError> {
    let agent = place.agent();
    let unchanged = upload::remote_sha256(shell, &agent)?.as_deref() == Some(binary.sha256.as_str());
    if !unchanged {
        run(
            shell,
            "make the folder",
            &command_line(["mkdir", "-p", "-m", "700", &place.folder]),
        )?;
        upload::upload(shell, binary, &format!("{agent}.new"))?;
        let line = format!(
            "{} && {}",
            command_line(["chmod", "700", &format!("{agent}.new")]),
            command_line(["mv", "-f", &format!("{agent}.new"), &agent])
        );
        run(shell, "put the agent into its place", &line)?;
    }
    let doctor = doctor(shell, &agent)?;
    let installed = InstalledAgent {
        path: agent,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        sha256: binary.sha256.clone(),
        installed_at: now,
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
    let output = shell.run(&line, ShellInput::Bytes(&record), PATIENCE)?;
    succeeded("write the record", &output)?;
    Ok(Installed {
        agent: installed,
        unchanged,
        doctor,
    })
}

/// Runs the agent's own tests.
fn doctor(shell: &dyn Shell, agent: &str) -> Result<Vec<String>, InstallError> {
    let output = shell.run(&command_line([agent, "doctor"]), ShellInput::Empty, LONG_PATIENCE)?;
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
    if said.contains("Operation not permitted") {
        return Err(InstallError::NotPermitted(said));
    }
    Err(InstallError::Step {
        step: "test the agent on the host",
        reason: said,
    })
}

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

fn run(shell: &dyn Shell, step: &'static str, line: &str) -> Result<Output, InstallError> {
    let output = shell.run(line, ShellInput::Empty, PATIENCE)?;
    succeeded(step, &output)?;
    Ok(output)
}

fn succeeded(step: &'static str, output: &Output) -> Result<(), InstallError> {
    if output.status.success() {
        return Ok(());
    }
    let said = output.stderr.trim();
    Err(InstallError::Step {
        step,
        reason: if said.is_empty() {
            format!("it ended with {}", output.status)
        } else {
            said.to_owned()
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings() -> Findings {
        let datastore = |name: &str, uuid: &str, free_gib: u64, unsuitable| Datastore {
            name: name.into(),
            path: format!("/vmfs/volumes/{uuid}"),
            kind: "VMFS-6".into(),
            free_bytes: free_gib << 30,
            unsuitable,
        };
        Findings {
            is_esxi: true,
            version: None,
            exec_policy: Some(false),
            secure_boot: Some(false),
            acceptance_level: None,
            datastores: vec![
                datastore("big ds", "5f1", 900, None),
                datastore("small", "5f2", 9, None),
                datastore("nfs", "5f3", 9000, Some("NFS")),
            ],
            vscsistats: Some("/usr/sbin/vscsiStats".into()),
            python: None,
            clock_difference_seconds: None,
            agents: vec![],
            warnings: vec![],
        }
    }

    #[test]
    fn without_a_word_the_suitable_datastore_with_the_most_room_is_taken() {
        let place = Place::choose(&findings(), None, None).unwrap();
        assert_eq!(place.agent(), "/vmfs/volumes/5f1/vscsi-helper/vscsi-agent");
    }

    #[test]
    fn an_agent_that_is_there_is_upgraded_in_its_place() {
        let mut findings = findings();
        findings.agents = vec!["/vmfs/volumes/5f2/vscsi-helper/vscsi-agent".into()];
        assert_eq!(
            Place::choose(&findings, None, None).unwrap().folder,
            "/vmfs/volumes/5f2/vscsi-helper"
        );
    }

    #[test]
    fn a_datastore_is_named_by_label_or_uuid_and_refused_when_unsuitable() {
        assert_eq!(
            Place::choose(&findings(), Some("small"), None).unwrap().folder,
            "/vmfs/volumes/5f2/vscsi-helper"
        );
        assert_eq!(
            Place::choose(&findings(), Some("5f2"), None).unwrap().folder,
            "/vmfs/volumes/5f2/vscsi-helper"
        );
        assert!(matches!(
            Place::choose(&findings(), Some("nfs"), None),
            Err(InstallError::Unsuitable { .. })
        ));
        assert!(matches!(
            Place::choose(&findings(), Some("none"), None),
            Err(InstallError::NoDatastore { .. })
        ));
    }

    #[test]
    fn a_folder_must_lie_in_a_datastore() {
        for folder in [
            "/tmp/x",
            "relative",
            "/vmfs/volumes/ds",
            "/vmfs/volumes/ds/../../etc/x",
            "/vmfs/volumes/ds/a\nb",
        ] {
            assert!(Place::choose(&findings(), None, Some(folder)).is_err(), "{folder}");
        }
        let place = Place::choose(&findings(), None, Some("/vmfs/volumes/my ds/it's $(here)/")).unwrap();
        assert_eq!(place.agent(), "/vmfs/volumes/my ds/it's $(here)/vscsi-agent");
    }

    #[test]
    fn a_host_that_runs_installed_programs_only_is_left_alone() {
        let mut findings = findings();
        findings.exec_policy = Some(true);
        assert!(matches!(
            check_mode(&findings, Some(Mode::Binary)),
            Err(InstallError::ModeRefused(_))
        ));
        assert_eq!(check_mode(&findings, None).unwrap(), Mode::Script);
    }
}
