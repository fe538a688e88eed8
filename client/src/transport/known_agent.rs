//! Which files of a host are run as its agent: those that this workstation knows by their content.
//!
//! A datastore may be mounted by many hosts, and an NFS one written to by whoever reaches its server. Whatever lies in our
//! folder there would be run as root, so it is looked at before each run: files of root's in folders of root's, to which
//! nobody else may write, with the SHA-256 that is known here. That of the script is one over the list of all its files,
//! so that a module which somebody adds to them is as much another agent as a changed one.

use super::quote::command_line;

/// The exit status of a host's shell that refused to run what it found.
pub(crate) const NOT_KNOWN: i32 = 125;

/// Prints SHA-256 and path of every file below the folder in which a shell runs it, in the order of the paths' bytes.
pub(crate) const SUMS_OF_A_FOLDER: &str = "find . ! -type d | LC_ALL=C sort | xargs sha256sum";

/// An agent that may be run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownAgent {
    /// Where it is on the host; `None` when this workstation did not put it there, and it is looked for where `install`
    /// does.
    pub path: Option<String>,
    /// SHA-256 of the binary, 64 lower-case hexadecimal digits; `None` where none may be run.
    pub binary: Option<String>,
    /// SHA-256 of the list of the script's files; `None` where it may not be run.
    pub script: Option<String>,
    /// The interpreter that runs the script; the first that the host has where it is not known.
    pub python: Option<String>,
}

/// For a POSIX shell such as BusyBox ash: path, the two SHA-256 and the interpreter, each of which may be empty, and then
/// the words for the agent are its arguments, so that no text of anybody's stands in the script.
const SCRIPT: &str = r#"named=$1; binary=$2; script=$3; python=$4; shift 4; refused=
owned() {
  wanted=$1
  set -- $(ls -ldn "$2" 2>/dev/null)
  case $1 in "$wanted"????-??-*) [ "$3" = 0 ] ;; *) false ;; esac
}
sums() {
  find . ! -type d | LC_ALL=C sort | xargs sha256sum
}
refuse() {
  refused="$1 is not run: $2"
}
attempt() {
  agent=$1; shift
  [ -e "$agent" ] || return 0
  case $agent in *-script) kind=d; known=$script ;; *) kind=-; known=$binary ;; esac
  open=
  owned $kind "$agent" && owned d "${agent%/*}" || open=$agent
  if [ -z "$open" ] && [ $kind = d ]; then
    open=$(cd "$agent" && find . | xargs ls -ldn | awk '$1 !~ /^[-d]....-..-/ || $3 != 0 { print; exit }')
  fi
  if [ -n "$open" ]; then
    refuse "$agent" "others than root may write to it"; return 0
  fi
  if [ $kind = d ]; then
    found=$(cd "$agent" && sums | sha256sum)
  else
    found=$(sha256sum "$agent")
  fi
  found=${found#\\}; found=${found%% *}
  if [ "$found" != "$known" ] || [ -z "$found" ]; then
    refuse "$agent" "its SHA-256 is ${found:-unknown}, and this workstation knows ${known:-none}"; return 0
  fi
  [ $kind = d ] || exec "$agent" "$@"
  for python in "$python" /bin/python3 /usr/bin/python3 /bin/python /usr/bin/python; do
    if [ -x "$python" ]; then exec "$python" -BEs "$agent" "$@"; fi
  done
  echo "$agent needs Python, and there is none in /bin or /usr/bin" >&2; exit 126
}
if [ -n "$named" ]; then
  attempt "$named" "$@"
  missing="$named: not found"
else
  for folder in /vmfs/volumes/*/vscsi-helper-"$(/bin/uname -n)"; do
    attempt "$folder/vscsi-agent" "$@"
    attempt "$folder/vscsi-agent-script" "$@"
  done
  missing="no agent found in /vmfs/volumes/*/vscsi-helper-$(/bin/uname -n)"
fi
if [ -n "$refused" ]; then echo "$refused" >&2; exit 125; fi
echo "$missing" >&2; exit 127"#;

impl KnownAgent {
    /// The command line that runs it with these words, or ends with [`NOT_KNOWN`] and says why not.
    pub(crate) fn command_line<'a>(&'a self, words: impl IntoIterator<Item = &'a str>) -> String {
        let known = [&self.path, &self.binary, &self.script, &self.python];
        let known = known.into_iter().map(|text| text.as_deref().unwrap_or_default());
        let first = ["/bin/sh", "-c", SCRIPT, "vscsi-helper"].into_iter().chain(known);
        command_line(first.chain(words))
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
        run_known(path, Some(hexadecimal(&Sha256::digest(AGENT))), None)
    }

    fn run_known(path: &Path, binary: Option<String>, script: Option<String>) -> Output {
        let known = KnownAgent {
            path: Some(path.display().to_string()),
            binary,
            script,
            python: None,
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

    /// A script of two files in a folder, as `install` leaves it.
    fn installed_script() -> (TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let script = folder.path().join("it's $(a) vscsi-agent-script");
        fs::create_dir_all(script.join("part")).unwrap();
        for (name, text) in [
            (
                "__main__.py",
                "import sys\nfrom part import SAID\nprint(SAID, sys.argv[1:])\n",
            ),
            ("part/__init__.py", "SAID = 'run:'\n"),
        ] {
            fs::write(script.join(name), text).unwrap();
            fs::set_permissions(script.join(name), fs::Permissions::from_mode(0o600)).unwrap();
        }
        for path in [&script, &script.join("part")] {
            fs::set_permissions(path, fs::Permissions::from_mode(0o700)).unwrap();
        }
        (folder, script)
    }

    /// What the host's shell does with the command line for a script that is known as `known` was.
    fn run_script(script: &Path, known: &str) -> Output {
        run_known(script, None, Some(known.to_owned()))
    }

    /// The SHA-256 of the files as they are now.
    fn sum_of(script: &Path) -> String {
        let mut shell = Command::new("/bin/sh");
        shell.args(["-c", SUMS_OF_A_FOLDER]).current_dir(script);
        hexadecimal(&Sha256::digest(shell.output().unwrap().stdout))
    }

    #[track_caller]
    fn assert_script_refused(output: &Output, reason: &str) {
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(
            (output.status.code(), output.stdout.len()),
            (Some(NOT_KNOWN), 0),
            "{said}"
        );
        assert!(
            said.contains("is not run: ") && (!is_root() || said.contains(reason)),
            "{said}"
        );
    }

    #[test]
    fn the_script_that_is_known_is_run_and_leaves_no_file() {
        let (_folder, script) = installed_script();
        let known = sum_of(&script);
        let output = run_script(&script, &known);
        if is_root() {
            assert_eq!(String::from_utf8_lossy(&output.stdout), "run: ['connect', 'a b']\n");
            assert_eq!(sum_of(&script), known);
        } else {
            assert_eq!(output.status.code(), Some(NOT_KNOWN));
        }
    }

    #[test]
    fn a_module_that_somebody_added_or_changed_is_another_script() {
        let (_folder, script) = installed_script();
        let known = sum_of(&script);
        fs::write(script.join("json.py"), "print('not ours')\n").unwrap();
        assert_script_refused(&run_script(&script, &known), "its SHA-256 is ");
        fs::remove_file(script.join("json.py")).unwrap();
        symlink("/tmp", script.join("json")).unwrap();
        assert_script_refused(&run_script(&script, &known), "");
        fs::remove_file(script.join("json")).unwrap();
        fs::write(script.join("part/__init__.py"), "SAID = 'not ours'\n").unwrap();
        assert_script_refused(&run_script(&script, &known), "its SHA-256 is ");
    }

    #[test]
    fn a_script_of_which_others_can_write_a_part_is_not_run() {
        for part in ["", "__main__.py", "part", "part/__init__.py"] {
            let (_folder, script) = installed_script();
            let known = sum_of(&script);
            let path = if part.is_empty() {
                script.clone()
            } else {
                script.join(part)
            };
            fs::set_permissions(path, fs::Permissions::from_mode(0o770)).unwrap();
            assert_script_refused(&run_script(&script, &known), "others than root");
        }
    }

    #[test]
    fn a_script_is_not_run_where_only_a_binary_is_known() {
        let (_folder, script) = installed_script();
        assert_script_refused(&run_known(&script, Some(sum_of(&script)), None), "knows none");
    }
}
