//! Which folder of which datastore the agent goes into.

use vscsi_shared::identifier::Name;

use super::InstallError;
use crate::host::Program;
use crate::preflight::{Datastore, Findings};
use crate::transport::SCRIPT_SUFFIX;

/// Where the agent goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    /// The folder, an absolute path on the host.
    pub folder: String,
    /// The host whose agent lives there, where its name tells it from others.
    pub host_name: Option<Name>,
}

impl Place {
    /// The folder to use: the one named, else `vscsi-helper-HOST` on the datastore named, else where this workstation
    /// installed it before (`known`), else where an agent of that host is already, else on the suitable datastore with
    /// the most free space.
    ///
    /// # Errors
    /// When a name leads nowhere, no datastore is suitable, or the host has no name that tells it from others.
    pub(crate) fn choose(
        findings: &Findings,
        datastore: Option<&str>,
        folder: Option<&str>,
        known: Option<&str>,
    ) -> Result<Self, InstallError> {
        Ok(Self {
            folder: folder_of(findings, datastore, folder, known)?,
            host_name: findings.host_name.clone(),
        })
    }

    /// Where a program goes: the binary, or the folder of the script.
    pub(super) fn path_of(&self, program: Program) -> String {
        match program {
            Program::Binary => format!("{}/vscsi-agent", self.folder),
            Program::Script => format!("{}/vscsi-agent{SCRIPT_SUFFIX}", self.folder),
        }
    }
}

/// The folder that is ours, of the agent at `path`, whichever of the two programs it is.
pub(crate) fn folder_of_agent(path: &str) -> Option<&str> {
    path.strip_suffix(SCRIPT_SUFFIX)
        .unwrap_or(path)
        .strip_suffix("/vscsi-agent")
}

fn folder_of(
    findings: &Findings,
    datastore: Option<&str>,
    folder: Option<&str>,
    known: Option<&str>,
) -> Result<String, InstallError> {
    if let Some(folder) = folder {
        return named(folder);
    }
    if datastore.is_none() {
        let on_a_datastore = |agent: &&str| {
            let below = |datastore: &Datastore| agent.strip_prefix(&datastore.path)?.strip_prefix('/');
            findings.datastores.iter().any(|datastore| below(datastore).is_some())
        };
        // Whoever can write to another kind of datastore could have laid a folder of ours there.
        let on_a_suitable_one = |agent: &&String| {
            let suitable = findings
                .datastores
                .iter()
                .filter(|datastore| datastore.unsuitable.is_none());
            suitable
                .map(|datastore| format!("{}/", datastore.path))
                .any(|path| agent.starts_with(&path))
        };
        let there = known
            .filter(on_a_datastore)
            .or(findings.agents.iter().find(on_a_suitable_one).map(String::as_str));
        if let Some(folder) = there.and_then(folder_of_agent) {
            return Ok(folder.to_owned());
        }
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
        Some(found) => match &findings.host_name {
            Some(host) => Ok(format!("{}/vscsi-helper-{host}", found.path)),
            None => Err(InstallError::NamelessHost {
                datastore: found.path.clone(),
            }),
        },
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

/// The folder that the user named, if it lies in a datastore.
fn named(folder: &str) -> Result<String, InstallError> {
    let deep = folder
        .strip_prefix("/vmfs/volumes/")
        .is_some_and(|below| below.contains('/'));
    let climbs = folder.split('/').any(|part| part == "..");
    if !deep || climbs || folder.chars().any(char::is_control) {
        return Err(InstallError::Folder(folder.escape_debug().to_string()));
    }
    Ok(folder.trim_end_matches('/').to_owned())
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
            is_root: Some(true),
            host_name: Some("esx01".parse().unwrap()),
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

    fn choose(findings: &Findings, datastore: Option<&str>, folder: Option<&str>) -> Result<Place, InstallError> {
        Place::choose(findings, datastore, folder, None)
    }

    #[test]
    fn two_hosts_that_share_a_datastore_have_a_folder_each() {
        let folder_of = |name: &str| {
            let mut findings = findings();
            findings.host_name = Some(name.parse().unwrap());
            choose(&findings, Some("small"), None).unwrap().folder
        };
        assert_eq!(folder_of("esx01"), "/vmfs/volumes/5f2/vscsi-helper-esx01");
        assert_eq!(folder_of("esx02"), "/vmfs/volumes/5f2/vscsi-helper-esx02");
    }

    #[test]
    fn a_host_that_cannot_be_told_from_others_gets_the_folder_that_the_user_names_and_no_other() {
        let mut findings = findings();
        findings.host_name = None;
        assert!(matches!(
            choose(&findings, None, None),
            Err(InstallError::NamelessHost { .. })
        ));
        let folder = "/vmfs/volumes/5f1/lab-7";
        assert_eq!(choose(&findings, None, Some(folder)).unwrap().folder, folder);
    }

    #[test]
    fn an_agent_in_a_folder_of_the_user_s_is_upgraded_there_as_long_as_its_datastore_exists() {
        let known = |path| Place::choose(&findings(), None, None, Some(path)).unwrap().folder;
        assert_eq!(known("/vmfs/volumes/5f2/mine/vscsi-agent"), "/vmfs/volumes/5f2/mine");
        assert_eq!(
            known("/vmfs/volumes/gone/mine/vscsi-agent"),
            "/vmfs/volumes/5f1/vscsi-helper-esx01"
        );
    }

    #[test]
    fn without_a_word_the_suitable_datastore_with_the_most_room_is_taken() {
        let place = choose(&findings(), None, None).unwrap();
        let folder = "/vmfs/volumes/5f1/vscsi-helper-esx01";
        assert_eq!(place.path_of(Program::Binary), format!("{folder}/vscsi-agent"));
        assert_eq!(place.path_of(Program::Script), format!("{folder}/vscsi-agent-script"));
    }

    #[test]
    fn an_agent_that_is_there_is_upgraded_in_its_place() {
        let mut findings = findings();
        for program in ["vscsi-agent", "vscsi-agent-script"] {
            findings.agents = vec![format!("/vmfs/volumes/5f2/vscsi-helper-esx01/{program}")];
            assert_eq!(
                choose(&findings, None, None).unwrap().folder,
                "/vmfs/volumes/5f2/vscsi-helper-esx01"
            );
        }
    }

    #[test]
    fn an_agent_that_lies_on_a_share_is_not_upgraded_there() {
        let mut findings = findings();
        findings.agents = vec!["/vmfs/volumes/5f3/vscsi-helper-esx01/vscsi-agent".into()];
        assert_eq!(
            choose(&findings, None, None).unwrap().folder,
            "/vmfs/volumes/5f1/vscsi-helper-esx01"
        );
    }

    #[test]
    fn a_datastore_is_named_by_label_or_uuid_and_refused_when_unsuitable() {
        assert_eq!(
            choose(&findings(), Some("small"), None).unwrap().folder,
            "/vmfs/volumes/5f2/vscsi-helper-esx01"
        );
        assert_eq!(
            choose(&findings(), Some("5f2"), None).unwrap().folder,
            "/vmfs/volumes/5f2/vscsi-helper-esx01"
        );
        assert!(matches!(
            choose(&findings(), Some("nfs"), None),
            Err(InstallError::Unsuitable { .. })
        ));
        assert!(matches!(
            choose(&findings(), Some("none"), None),
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
            assert!(choose(&findings(), None, Some(folder)).is_err(), "{folder}");
        }
        let place = choose(&findings(), None, Some("/vmfs/volumes/my ds/it's $(here)/")).unwrap();
        assert_eq!(place.folder, "/vmfs/volumes/my ds/it's $(here)");
    }
}
