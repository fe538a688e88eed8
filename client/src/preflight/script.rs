//! The one command line that asks a host everything, and its answer cut into sections.

use std::collections::BTreeMap;

use crate::transport::{AGENTS_OF_THIS_HOST, SCRIPT_SUFFIX};

/// What `install` and `preflight` ask: read-only, fixed, and one ssh run, because each login of a hardened host is logged
/// and slow. Each section ends with the exit status of its command.
///
/// The programs and paths are those of ESXi 6.5 to 9.0; a host that lacks one answers with an error in that section. Only
/// root may write to `/`, and there is no `id` that would tell who else has logged in.
const QUESTIONS: &str = r#"
section() {
  name=$1; shift
  echo "@@@ begin $name"
  "$@" 2>&1 </dev/null
  status=$?
  echo
  echo "@@@ end $name $status"
}
pythons() {
  for python in /bin/python3 /usr/bin/python3 /bin/python /usr/bin/python; do
    if [ -x "$python" ]; then
      echo "$python" $("$python" -BEs -c 'import sys; print("%d.%d.%d" % sys.version_info[:3])' 2>&1)
    fi
  done
}
section uname /bin/uname -a
section root test -w /
section version esxcli system version get
section vmware vmware -vl
section secure_boot /usr/lib/vmware/secureboot/bin/secureBoot.py -s
section exec_option esxcli system settings advanced list -o /User/execInstalledOnly
section exec_kernel esxcli system settings kernel list -o execInstalledOnly
section acceptance esxcli software acceptance get
section filesystems esxcli storage filesystem list
section vscsistats ls /usr/sbin/vscsiStats /sbin/vscsiStats /bin/vscsiStats /usr/lib/vmware/bin/vscsiStats
section python pythons
section time date -u +%s
"#;

/// The questions, and which agents are there already.
pub(super) fn script() -> String {
    format!(
        "{QUESTIONS}section agents ls -d {AGENTS_OF_THIS_HOST} {AGENTS_OF_THIS_HOST}{SCRIPT_SUFFIX}
"
    )
}

/// One command's output.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Section {
    /// What it printed on both of its outputs.
    pub(super) text: String,
    /// Its exit status; `None` when the answer broke off before.
    pub(super) status: Option<i32>,
}

impl Section {
    /// The output, when the command succeeded.
    pub(super) fn output(&self) -> Option<&[u8]> {
        (self.status == Some(0)).then_some(self.text.as_bytes())
    }

    /// Lines that are absolute paths, whatever the status: `ls` fails for the places where nothing is.
    pub(super) fn paths(&self) -> impl Iterator<Item = &str> {
        self.text.lines().map(str::trim).filter(|line| line.starts_with('/'))
    }
}

/// Cuts the answer into its sections. What stands outside of them, such as a banner, is left out.
pub(super) fn sections(answer: &str) -> BTreeMap<String, Section> {
    let mut found = BTreeMap::new();
    let mut open: Option<(String, String)> = None;
    for line in answer.lines() {
        if let Some(name) = line.strip_prefix("@@@ begin ") {
            open = Some((name.to_owned(), String::new()));
        } else if let Some((name, status)) = line.strip_prefix("@@@ end ").and_then(|rest| rest.rsplit_once(' ')) {
            if let Some((begun, text)) = open.take().filter(|(begun, _)| begun == name) {
                let status = status.parse().ok();
                found.insert(begun, Section { text, status });
            }
        } else if let Some((_, text)) = &mut open {
            text.push_str(line);
            text.push('\n');
        }
    }
    if let Some((name, text)) = open {
        found.insert(name, Section { text, status: None });
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_section_has_its_output_and_status() {
        let answer = "banner\n@@@ begin a\none\ntwo\n\n@@@ end a 0\n@@@ begin b\nsh: x: not found\n\n@@@ end b 127\n";
        let sections = sections(answer);
        assert_eq!(sections["a"].output(), Some("one\ntwo\n\n".as_bytes()));
        assert_eq!((sections["b"].output(), sections["b"].status), (None, Some(127)));
        assert_eq!(sections.len(), 2);
    }

    #[test]
    fn an_answer_that_breaks_off_leaves_its_last_section_without_a_status() {
        assert_eq!(sections("@@@ begin a\nhalf")["a"].status, None);
    }

    #[cfg(unix)]
    #[test]
    fn a_posix_shell_runs_the_script_to_its_end_even_where_nothing_of_esxi_is() {
        let output = std::process::Command::new("/bin/sh")
            .args(["-c", &script()])
            .output()
            .unwrap();
        let sections = sections(&String::from_utf8_lossy(&output.stdout));
        assert_eq!(sections.len(), script().matches("\nsection ").count());
        assert!(sections["time"].output().is_some());
    }
}
