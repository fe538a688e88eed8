//! The ways an agent can run on a host, and which of them a host allows.

use std::fmt;

use clap::ValueEnum;
use clap::builder::PossibleValue;
use serde::Serialize;

use super::Findings;

/// A way to run the agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Mode {
    /// A static binary in a datastore folder.
    Binary,
    /// A VIB of our own.
    Vib,
    /// A shell script, and no binary at all.
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
    const IN_THIS_VERSION: [Self; 1] = [Self::Binary];

    /// This version can install in it.
    pub(crate) fn is_in_this_version(self) -> bool {
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
                Mode::Binary => self.binary(),
                Mode::Vib => self.vib(),
                Mode::Script => self.script(),
            };
            Verdict {
                mode,
                fits,
                in_this_version: mode.is_in_this_version(),
                reason: reason.to_owned(),
            }
        })
    }

    /// The way that suits the host best, whether or not this version offers it: a binary needs nothing of the host, a script changes nothing, and a VIB does.
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

    fn script(&self) -> (bool, &'static str) {
        match self.prerequisite() {
            Some(reason) => (false, reason),
            None => (true, "needs nothing: the host's own shell runs the collector"),
        }
    }

    fn prerequisite(&self) -> Option<&'static str> {
        if !self.is_esxi {
            Some("this is not an ESXi host")
        } else if self.vscsistats.is_none() {
            Some("vscsiStats was not found on the host")
        } else if self.datastores.iter().all(|datastore| datastore.unsuitable.is_some()) {
            Some("no suitable datastore has room for the agent")
        } else {
            None
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::preflight::Datastore;

    pub(crate) fn findings(exec_policy: Option<bool>, secure_boot: Option<bool>) -> Findings {
        Findings {
            is_esxi: true,
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
            python: None,
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
        for mode in ["vib", "script"] {
            assert!(Mode::from_str(mode, true).is_err(), "{mode}");
        }
        let offered = |verdict: Verdict| verdict.in_this_version;
        assert_eq!(findings(None, None).verdicts().map(offered), [true, false, false]);
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
