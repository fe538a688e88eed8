//! The ways an agent can run on a host, and which of them a host allows.

use std::borrow::Cow;
use std::fmt;

use clap::ValueEnum;
use clap::builder::PossibleValue;
use serde::Serialize;

use super::{Findings, Python};

/// A way to run the agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Mode {
    /// A static binary in a datastore folder.
    Binary,
    /// A VIB of our own.
    Vib,
    /// Python files in a datastore folder, which the host's own interpreter runs.
    Script,
}

/// Whether a way is open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Verdict {
    /// The way.
    pub mode: Mode,
    /// The host allows it as it is.
    pub fits: bool,
    /// This version can install in it.
    pub in_this_version: bool,
    /// Why, or what it would need.
    pub reason: String,
}

impl fmt::Display for Verdict {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let version = if self.in_this_version {
            ""
        } else {
            " (not in this version)"
        };
        write!(formatter, "{}: {}{version}", self.mode.as_str(), self.reason)
    }
}

impl Mode {
    /// Every way, the one to prefer first.
    pub(crate) const ALL: [Self; 3] = [Self::Binary, Self::Vib, Self::Script];

    /// The ways that this version can install in.
    const IN_THIS_VERSION: [Self; 2] = [Self::Binary, Self::Script];

    /// This version can install in it.
    fn is_in_this_version(self) -> bool {
        Self::IN_THIS_VERSION.contains(&self)
    }

    /// The word on the command line.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Binary => "binary",
            Self::Vib => "vib",
            Self::Script => "script",
        }
    }
}

/// The modes that the command line accepts.
impl ValueEnum for Mode {
    fn value_variants<'a>() -> &'a [Self] {
        &Self::IN_THIS_VERSION
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(self.as_str()))
    }
}

impl Findings {
    /// Each way with its verdict.
    ///
    /// The exec policy decides: with it a foreign binary needs a VIB, a community VIB excludes Secure Boot, and where
    /// both are on only an installed interpreter may run what we bring.
    pub(crate) fn verdicts(&self) -> [Verdict; 3] {
        Mode::ALL.map(|mode| {
            let (fits, reason) = match mode {
                Mode::Binary => borrowed(self.binary()),
                Mode::Vib => borrowed(self.vib()),
                Mode::Script => self.script(),
            };
            Verdict {
                mode,
                fits,
                in_this_version: mode.is_in_this_version(),
                reason: reason.into_owned(),
            }
        })
    }

    /// The way that suits the host best: a binary needs nothing of the host, a script its Python, and a VIB changes the host.
    pub(crate) fn recommended(&self) -> Option<Mode> {
        let fits = |mode: Mode| {
            self.verdicts()
                .into_iter()
                .any(|verdict| verdict.mode == mode && verdict.fits)
        };
        [Mode::Binary, Mode::Script].into_iter().find(|mode| fits(*mode))
    }

    fn binary(&self) -> (bool, &'static str) {
        match (self.prerequisite(), self.exec_policy) {
            (Some(reason), _) => (false, reason),
            (None, Some(false)) => (true, "the host runs programs from a datastore"),
            (None, Some(true)) => (
                false,
                "the host runs programs of installed VIBs only (execInstalledOnly), which is never switched off for you",
            ),
            (None, None) => (
                false,
                "could not determine whether the host runs programs from a datastore",
            ),
        }
    }

    fn vib(&self) -> (bool, &'static str) {
        match (self.is_esxi, self.secure_boot) {
            (false, _) => (false, "this is not an ESXi host"),
            (true, Some(true)) => (
                false,
                "Secure Boot is on: with a community VIB, the next boot would end in a purple screen",
            ),
            (true, Some(false)) => (
                true,
                "a VIB of our own lowers the acceptance level to CommunitySupported until it is uninstalled",
            ),
            (true, None) => (false, "could not determine whether Secure Boot is on"),
        }
    }

    fn script(&self) -> (bool, Cow<'static, str>) {
        if let Some(reason) = self.prerequisite() {
            return (false, reason.into());
        }
        match &self.python {
            Some(python) if python.is_new_enough() => (
                true,
                format!(
                    "the host's own Python {} runs the agent, and nothing is switched off",
                    python.version
                )
                .into(),
            ),
            Some(Python { path, version }) => (
                false,
                format!("Python 3.5 or newer is needed, and {path} says: {version}").into(),
            ),
            None => (false, "there is no Python in /bin or /usr/bin".into()),
        }
    }

    fn prerequisite(&self) -> Option<&'static str> {
        if !self.is_esxi {
            Some("this is not an ESXi host")
        } else if self.is_root == Some(false) {
            Some("the login is not root's, and vscsiStats is for root alone")
        } else if self.vscsistats.is_none() {
            Some("vscsiStats was not found on the host")
        } else if self.datastores.iter().all(|datastore| datastore.unsuitable.is_some()) {
            Some("no suitable datastore has room for the agent")
        } else {
            None
        }
    }
}

fn borrowed((fits, reason): (bool, &'static str)) -> (bool, Cow<'static, str>) {
    (fits, reason.into())
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::preflight::Datastore;

    pub(crate) fn findings(exec_policy: Option<bool>, secure_boot: Option<bool>) -> Findings {
        Findings {
            is_esxi: true,
            is_root: Some(true),
            host_name: Some("esx01".parse().unwrap()),
            version: None,
            exec_policy,
            secure_boot,
            acceptance_level: None,
            datastores: vec![Datastore {
                name: "ds".into(),
                path: "/vmfs/volumes/5f".into(),
                kind: "VMFS-6".into(),
                free_bytes: 1 << 40,
                unsuitable: None,
            }],
            vscsistats: Some("/usr/sbin/vscsiStats".into()),
            python: Some(Python {
                path: "/bin/python3".into(),
                version: "3.8.16".into(),
            }),
            clock_difference_seconds: None,
            agents: vec![],
            warnings: vec![],
        }
    }

    fn fitting(findings: &Findings) -> Vec<Mode> {
        findings
            .verdicts()
            .into_iter()
            .filter(|verdict| verdict.fits)
            .map(|verdict| verdict.mode)
            .collect()
    }

    /// The table of host modes: Secure Boot against exec policy.
    #[test]
    fn exec_policy_and_secure_boot_decide_what_fits() {
        use Mode::{Binary, Script, Vib};
        let cases = [
            (Some(false), Some(false), vec![Binary, Vib, Script], Binary),
            (Some(false), Some(true), vec![Binary, Script], Binary),
            (Some(true), Some(false), vec![Vib, Script], Script),
            (Some(true), Some(true), vec![Script], Script),
            (None, None, vec![Script], Script),
        ];
        for (policy, secure_boot, fits, recommended) in cases {
            let findings = findings(policy, secure_boot);
            assert_eq!(
                (fitting(&findings), findings.recommended()),
                (fits, Some(recommended)),
                "{policy:?} {secure_boot:?}"
            );
        }
    }

    #[test]
    fn the_command_line_accepts_the_modes_of_this_version_only() {
        assert_eq!(Mode::from_str("binary", true), Ok(Mode::Binary));
        assert_eq!(Mode::from_str("script", true), Ok(Mode::Script));
        assert!(Mode::from_str("vib", true).is_err());
        let offered = |verdict: Verdict| verdict.in_this_version;
        assert_eq!(findings(None, None).verdicts().map(offered), [true, false, true]);
    }

    #[test]
    fn a_login_that_is_not_root_s_is_told_as_that() {
        let mut findings = findings(Some(false), Some(false));
        findings.is_root = Some(false);
        assert_eq!(findings.recommended(), None);
        let [binary, _, script] = findings.verdicts();
        for verdict in [binary, script] {
            assert!(verdict.reason.contains("not root"), "{verdict}");
        }
    }

    #[test]
    fn a_python_that_is_too_old_is_told_with_its_version() {
        let mut findings = findings(Some(true), Some(true));
        findings.python = Some(Python {
            path: "/bin/python".into(),
            version: "2.7.11".into(),
        });
        assert_eq!(findings.recommended(), None);
        let [.., script] = findings.verdicts();
        assert_eq!(
            script.reason,
            "Python 3.5 or newer is needed, and /bin/python says: 2.7.11"
        );
    }

    #[test]
    fn nothing_fits_a_host_without_vscsistats_or_without_room() {
        let mut without = findings(Some(false), Some(true));
        without.vscsistats = None;
        assert_eq!(without.recommended(), None);
        let mut full = findings(Some(false), Some(true));
        full.datastores.clear();
        assert_eq!(full.recommended(), None);
    }
}
