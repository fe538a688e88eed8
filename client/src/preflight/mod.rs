//! What a host allows: asked in one read-only run, and which ways of running an agent fit.

mod by_hand;
mod modes;
mod script;

use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;
use vscsi_shared::esxi::{self, AcceptanceLevel, SecureBoot};
use vscsi_shared::identifier::Name;

#[cfg(test)]
pub(crate) use modes::tests::findings as findings_for_tests;
pub(crate) use modes::{Mode, Verdict};

/// What to do where the host is none of ESXi.
pub(crate) const NAME_THE_HOST: &str = "name the ESXi host itself, and not its vCenter or a VM on it";

/// What to do where nothing can be installed; the commands follow.
pub(crate) const COLLECT_BY_HAND: &str = "it can collect by hand all the same, with these commands";

use crate::transport::{Shell, ShellInput, TransportError};

/// esxcli takes seconds on a busy host, and there are half a dozen calls of it.
const SCRIPT_TIMEOUT: Duration = Duration::from_mins(3);
/// Below this the agent's spool and binary would fill a datastore.
const LEAST_FREE_BYTES: u64 = 256 * 1024 * 1024;

/// What a host allows.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Findings {
    /// It runs ESXi.
    pub is_esxi: bool,
    /// The login is root's; `None` when it could not be found out.
    pub is_root: Option<bool>,
    /// Its name, as its kernel has it; `None` where that tells it from no other host.
    pub host_name: Option<Name>,
    /// Version such as `8.0.2`, with its build.
    pub version: Option<String>,
    /// Only programs of installed VIBs may run; `None` when it could not be found out.
    pub exec_policy: Option<bool>,
    /// UEFI Secure Boot; `None` when it could not be found out.
    pub secure_boot: Option<bool>,
    /// Software acceptance level.
    pub acceptance_level: Option<String>,
    /// Datastores that an agent can live on, those with the most free space first.
    pub datastores: Vec<Datastore>,
    /// Where vscsiStats is.
    pub vscsistats: Option<String>,
    /// The Python that could run the script, or else one that could not.
    pub python: Option<Python>,
    /// Host's clock minus ours, seconds.
    pub clock_difference_seconds: Option<i64>,
    /// Agents that are there already.
    pub agents: Vec<String>,
    /// What could not be found out, and why.
    pub warnings: Vec<String>,
}

/// An interpreter of the host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Python {
    /// Its path.
    pub path: String,
    /// Its version such as `3.8.16`, or what it said instead.
    pub version: String,
}

impl Python {
    /// It can run the script.
    pub(crate) fn is_new_enough(&self) -> bool {
        let numbers: Vec<u32> = self.version.split('.').map_while(|part| part.parse().ok()).collect();
        numbers >= OLDEST_PYTHON.to_vec()
    }
}

/// A datastore.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Datastore {
    /// Its label; the UUID when it has none.
    pub name: String,
    /// Its directory by UUID, which survives renaming.
    pub path: String,
    /// Such as `VMFS-6`.
    pub kind: String,
    /// Free space, bytes.
    pub free_bytes: u64,
    /// An agent can live there; the reason why not otherwise.
    pub unsuitable: Option<&'static str>,
}

/// The oldest Python that runs the script: that of ESXi 6.5.
const OLDEST_PYTHON: [u32; 2] = [3, 5];

/// Asks a host what it allows. Nothing is changed.
///
/// # Errors
/// When the host cannot be reached.
pub(crate) fn ask(shell: &dyn Shell, now: Timestamp) -> Result<Findings, TransportError> {
    let output = shell.run(&script::script(), ShellInput::Empty, SCRIPT_TIMEOUT)?;
    Ok(read(&String::from_utf8_lossy(&output.stdout), now))
}

/// What the answer to the script says, given the time it was asked.
fn read(answer: &str, now: Timestamp) -> Findings {
    let sections = script::sections(answer);
    let empty = script::Section::default();
    let section = |name: &str| sections.get(name).unwrap_or(&empty);
    let output = |name: &str| section(name).output();
    let mut warnings: Vec<String> = Vec::new();

    let uname = output("uname").and_then(|text| esxi::parse_uname(text).value);
    let is_esxi = uname.as_ref().is_some_and(esxi::Uname::is_esxi);
    let host_name = uname.and_then(|uname| distinct(&uname.host_name));
    let version = output("version")
        .and_then(|text| esxi::parse_system_version(text).value)
        .or_else(|| output("vmware").and_then(|text| esxi::parse_vmware_version(text).value));
    let major: Option<u32> = version
        .as_ref()
        .and_then(|found| found.version.split('.').next()?.parse().ok());

    let exec_policy = exec_policy(section("exec_option"), section("exec_kernel"), major);
    if exec_policy.is_none() {
        warnings.push("could not determine whether programs outside installed VIBs may run".to_owned());
    }
    let secure_boot = output("secure_boot")
        .and_then(|text| esxi::parse_secure_boot(text).value)
        .map(|state| matches!(state, SecureBoot::Enabled));
    let datastores = if let Some(text) = output("filesystems") {
        datastores(&esxi::parse_filesystems(text).value)
    } else {
        warnings.push("could not list the datastores".to_owned());
        Vec::new()
    };
    let host_seconds: Option<i64> = output("time").and_then(|text| std::str::from_utf8(text).ok()?.trim().parse().ok());
    Findings {
        is_esxi,
        is_root: sections
            .get("root")
            .and_then(|root| root.status)
            .map(|status| status == 0),
        host_name,
        version: version.map(|found| found.to_string()),
        exec_policy,
        secure_boot,
        acceptance_level: output("acceptance")
            .and_then(|text| esxi::parse_acceptance_level(text).value)
            .map(|level: AcceptanceLevel| level.as_str().to_owned()),
        datastores,
        vscsistats: section("vscsistats").paths().next().map(str::to_owned),
        python: python(section("python")),
        clock_difference_seconds: host_seconds.map(|seconds| seconds - now.as_second()),
        agents: section("agents").paths().map(str::to_owned).collect(),
        warnings,
    }
}

/// A host that was never named is called `localhost`, as is any other.
fn distinct(host_name: &str) -> Option<Name> {
    let named = !matches!(host_name.split('.').next(), Some("localhost"));
    Name::new(host_name).ok().filter(|_| named)
}

/// The first interpreter that is new enough, else the first of all. Each line is a path and what that one said.
fn python(section: &script::Section) -> Option<Python> {
    let found = section.paths().map(|line| {
        let (path, version) = line.split_once(' ').unwrap_or((line, ""));
        Python {
            path: path.to_owned(),
            version: version.to_owned(),
        }
    });
    let found: Vec<Python> = found.collect();
    found
        .iter()
        .find(|python| python.is_new_enough())
        .or(found.first())
        .cloned()
}

/// The run-time option exists since 8.0; before that only the kernel's option counts, which is off unless somebody set
/// it. Where both exist, the one that is on wins.
fn exec_policy(option: &script::Section, kernel: &script::Section, major: Option<u32>) -> Option<bool> {
    let by_option = option
        .output()
        .and_then(|text| esxi::parse_advanced_options(text).value.first()?.int_value)
        .map(|value| value != 0);
    let by_kernel = kernel.output().and_then(|text| {
        let options = esxi::parse_kernel_options(text).value;
        let runtime = options.first()?.runtime.as_ref()?;
        Some(runtime.eq_ignore_ascii_case("true"))
    });
    match (by_option, by_kernel) {
        (Some(true), _) | (_, Some(true)) => Some(true),
        (Some(false), _) => Some(false),
        // 7.0 answers "Unable to find option" for the option it does not have.
        (None, Some(false)) if major.is_some_and(|major| major < 8) => Some(false),
        (None, _) => None,
    }
}

fn datastores(volumes: &[esxi::Volume]) -> Vec<Datastore> {
    let mut found: Vec<Datastore> = volumes
        .iter()
        .filter(|volume| volume.mounted == Some(true))
        .filter_map(|volume| {
            let free_bytes = volume.free_bytes.unwrap_or(0);
            let kind = volume.kind.as_deref().unwrap_or("unknown");
            Some(Datastore {
                name: volume.name.clone().unwrap_or_else(|| volume.uuid.clone()),
                path: volume.mount_point.clone()?,
                kind: kind.to_owned(),
                free_bytes,
                unsuitable: unsuitable(kind, free_bytes),
            })
        })
        .collect();
    found.sort_by_key(|datastore| (datastore.unsuitable.is_some(), std::cmp::Reverse(datastore.free_bytes)));
    found
}

fn unsuitable(kind: &str, free_bytes: u64) -> Option<&'static str> {
    match kind {
        "vfat" | "VFFS" | "VMFSOS" | "VMFS-L" | "OSDATA" => Some("belongs to ESXi"),
        // ESXi's NFS client loses the atomicity of a rename that the spool relies on.
        kind if kind.starts_with("NFS") => Some("NFS: renames are not reliable there"),
        _ if free_bytes < LEAST_FREE_BYTES => Some("less than 256 MiB free"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn section(text: &str, status: i32) -> script::Section {
        script::Section {
            text: text.to_owned(),
            status: Some(status),
        }
    }

    const OPTION_ON: &str =
        "   Path: /User/execInstalledOnly\n   Type: integer\n   Int Value: 1\n   Default Int Value: 1\n";
    const OPTION_MISSING: &str = "Unable to find option execInstalledOnly\n[NoMatchError]\n";
    const KERNEL_OFF: &str = "Name               Type  Configured  Runtime  Default  Description\n\
                              -----------------  ----  ----------  -------  -------  -----------\n\
                              execInstalledOnly  Bool  FALSE       FALSE    FALSE    Execute only VIB installed files.\n";

    #[test]
    fn the_run_time_option_of_8_0_decides() {
        assert_eq!(
            exec_policy(&section(OPTION_ON, 0), &section(KERNEL_OFF, 0), Some(8)),
            Some(true)
        );
        let off = OPTION_ON.replace("Int Value: 1\n   Default", "Int Value: 0\n   Default");
        assert_eq!(
            exec_policy(&section(&off, 0), &section(KERNEL_OFF, 0), Some(8)),
            Some(false)
        );
    }

    #[test]
    fn the_first_python_that_is_new_enough_is_taken() {
        let found = |text: &str| python(&section(text, 0)).map(|python| (python.path.clone(), python.is_new_enough()));
        assert_eq!(
            found("/bin/python3 2.7.11\n/bin/python 3.8.16\n"),
            Some(("/bin/python".to_owned(), true))
        );
        assert_eq!(found("/bin/python 2.7.11\n"), Some(("/bin/python".to_owned(), false)));
        assert_eq!(found("/bin/python 3.5.0\n"), Some(("/bin/python".to_owned(), true)));
        assert_eq!(found("/bin/python 3.4.9\n"), Some(("/bin/python".to_owned(), false)));
        assert_eq!(
            found("/bin/python3 sh: Operation not permitted\n"),
            Some(("/bin/python3".to_owned(), false))
        );
        assert_eq!(found(""), None);
    }

    #[test]
    fn a_host_that_was_never_named_has_no_name_of_its_own() {
        for name in ["localhost", "localhost.localdomain", "", "../up", "$(id)"] {
            assert_eq!(distinct(name), None, "{name}");
        }
        assert_eq!(distinct("esx01.lab.example").unwrap().as_str(), "esx01.lab.example");
    }

    #[test]
    fn before_8_0_only_the_kernel_option_counts() {
        assert_eq!(
            exec_policy(&section(OPTION_MISSING, 1), &section(KERNEL_OFF, 0), Some(7)),
            Some(false)
        );
        let on = KERNEL_OFF.replace("FALSE       FALSE    FALSE", "TRUE        TRUE     FALSE");
        assert_eq!(
            exec_policy(&section(OPTION_MISSING, 1), &section(&on, 0), Some(6)),
            Some(true)
        );
    }

    #[test]
    fn a_new_host_whose_option_cannot_be_read_is_not_called_open() {
        assert_eq!(exec_policy(&section("", 1), &section(KERNEL_OFF, 0), Some(8)), None);
        assert_eq!(exec_policy(&section("", 1), &section("", 1), None), None);
    }

    #[test]
    fn system_volumes_and_nfs_are_no_place_for_an_agent() {
        for kind in ["vfat", "VFFS", "VMFSOS", "NFS", "NFS41"] {
            assert!(unsuitable(kind, u64::MAX).is_some(), "{kind}");
        }
        for kind in ["VMFS-5", "VMFS-6", "vsan"] {
            assert_eq!(unsuitable(kind, 1 << 40), None, "{kind}");
        }
        assert!(unsuitable("VMFS-6", 1000).is_some());
    }
}
