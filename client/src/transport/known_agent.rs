//! Which file of a host is run as its agent: the one that this workstation knows by its content.
//!
//! A datastore may be mounted by many hosts, and an NFS one written to by whoever reaches its server. Whatever lies in our
//! folder there would be run as root, so it is looked at before each run: a file of root's in a folder of root's, to which
//! nobody else may write, with the SHA-256 that is known here.

use super::quote::command_line;

/// The exit status of a host's shell that refused to run what it found.
pub(crate) const NOT_KNOWN: i32 = 125;

/// An agent that may be run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownAgent {
    /// Where it is on the host; `None` when this workstation did not put it there, and it is looked for where `install`
    /// does.
    pub path: Option<String>,
    /// SHA-256 of it, 64 lower-case hexadecimal digits.
    pub sha256: String,
}

/// For a POSIX shell such as BusyBox ash: the SHA-256, the path or nothing, and then the words for the agent are its
/// arguments, so that no text of anybody's stands in the script.
const SCRIPT: &str = r#"sum=$1; named=$2; shift 2; refused=
owned() {
  kind=$1
  set -- $(ls -ldn "$2" 2>/dev/null)
  case $1 in "$kind"????-??-*) [ "$3" = 0 ] ;; *) false ;; esac
}
refuse() {
  refused="$1 is not run: $2"
}
attempt() {
  agent=$1; shift
  [ -e "$agent" ] || return 0
  if ! owned - "$agent" || ! owned d "${agent%/*}"; then
    refuse "$agent" "others than root may write to it"; return 0
  fi
  found=$(sha256sum "$agent") || found=unknown
  found=${found#\\}; found=${found%% *}
  if [ "$found" != "$sum" ]; then
    refuse "$agent" "its SHA-256 is $found, and this workstation knows $sum"; return 0
  fi
  exec "$agent" "$@"
}
if [ -n "$named" ]; then
  attempt "$named" "$@"
  missing="$named: not found"
else
  for candidate in /vmfs/volumes/*/vscsi-helper-"$(/bin/uname -n)"/vscsi-agent; do
    attempt "$candidate" "$@"
  done
  missing="no vscsi-agent found in /vmfs/volumes/*/vscsi-helper-$(/bin/uname -n)"
fi
if [ -n "$refused" ]; then echo "$refused" >&2; exit 125; fi
echo "$missing" >&2; exit 127"#;

impl KnownAgent {
    /// The command line that runs it with these words, or ends with [`NOT_KNOWN`] and says why not.
    pub(crate) fn command_line<'a>(&'a self, words: impl IntoIterator<Item = &'a str>) -> String {
        let path = self.path.as_deref().unwrap_or_default();
        let first = ["/bin/sh", "-c", SCRIPT, "vscsi-helper", self.sha256.as_str(), path];
        command_line(first.into_iter().chain(words))
    }
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt as _, chown, symlink};
    use std::path::{Path, PathBuf};
    use std::process::{Command, Output};

    use sha2::{Digest as _, Sha256};
    use tempfile::TempDir;

    use super::*;
    use crate::sha256::hexadecimal;

    const AGENT: &str = "#!/bin/sh\necho \"run: $*\"\n";

    /// An agent in a folder, as `install` leaves it.
    fn installed() -> (TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let agent = folder.path().join("it's $(an) agent");
        fs::write(&agent, AGENT).unwrap();
        fs::set_permissions(&agent, fs::Permissions::from_mode(0o700)).unwrap();
        (folder, agent)
    }

    /// What the shell of a host does with the command line for the agent at `path`.
    fn run(path: &Path) -> Output {
        let known = KnownAgent {
            path: Some(path.display().to_string()),
            sha256: hexadecimal(&Sha256::digest(AGENT)),
        };
        let line = known.command_line(["connect", "a b"]);
        Command::new("/bin/sh").args(["-c", &line]).output().unwrap()
    }

    /// These tests are those of root's files, so they need root; elsewhere every file is refused.
    fn is_root() -> bool {
        rustix::process::geteuid().is_root()
    }

    #[test]
    fn the_agent_that_is_known_is_run_with_its_words() {
        let (_folder, agent) = installed();
        let output = run(&agent);
        if is_root() {
            assert_eq!(String::from_utf8(output.stdout).unwrap(), "run: connect a b\n");
        } else {
            assert_eq!(output.status.code(), Some(NOT_KNOWN));
        }
    }

    #[track_caller]
    fn assert_refused(agent: &Path, reason: &str) {
        let output = run(agent);
        assert_eq!((output.status.code(), output.stdout.len()), (Some(NOT_KNOWN), 0));
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(
            said.contains("is not run: ") && (!is_root() || said.contains(reason)),
            "{said}"
        );
    }

    #[test]
    fn an_agent_that_others_can_write_to_is_not_run() {
        for mode in [0o720, 0o702, 0o777] {
            let (folder, agent) = installed();
            fs::set_permissions(&agent, fs::Permissions::from_mode(mode)).unwrap();
            assert_refused(&agent, "others than root");
            fs::set_permissions(&agent, fs::Permissions::from_mode(0o700)).unwrap();
            fs::set_permissions(folder.path(), fs::Permissions::from_mode(mode)).unwrap();
            assert_refused(&agent, "others than root");
        }
    }

    #[test]
    fn an_agent_of_another_owner_is_not_run() {
        if !is_root() {
            return;
        }
        let (folder, agent) = installed();
        chown(&agent, Some(12345), None).unwrap();
        assert_refused(&agent, "others than root");
        chown(&agent, Some(0), None).unwrap();
        chown(folder.path(), Some(12345), None).unwrap();
        assert_refused(&agent, "others than root");
    }

    #[test]
    fn a_link_in_the_place_of_the_agent_is_not_followed() {
        let (folder, agent) = installed();
        let link = folder.path().join("link");
        symlink(&agent, &link).unwrap();
        assert_refused(&link, "others than root");
    }

    #[test]
    fn another_program_in_the_place_of_the_agent_is_not_run() {
        let (_folder, agent) = installed();
        fs::write(&agent, format!("{AGENT}#")).unwrap();
        assert_refused(&agent, "its SHA-256 is ");
    }

    #[test]
    fn a_missing_agent_is_told_as_missing() {
        let (folder, _) = installed();
        let output = run(&folder.path().join("none"));
        assert_eq!(output.status.code(), Some(127));
        assert!(String::from_utf8_lossy(&output.stderr).contains("not found"));
    }
}
