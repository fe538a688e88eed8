//! The ways an agent can run on a host, and which of them a host allows.

use serde::Serialize;

use super::Findings;

/// A way to run the agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// A static binary in a datastore folder.
    Binary,
    /// A VIB of our own.
    Vib,
    /// A shell script, and no binary at all.
    Script,
}

/// Whether a way is open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// The way.
    pub mode: Mode,
    /// It can be taken as the host is.
    pub fits: bool,
    /// Why, or what it would need.
    pub reason: String,
}

impl Mode {
    /// Every way, the one to prefer first.
    pub const ALL: [Self; 3] = [Self::Binary, Self::Vib, Self::Script];

    /// The word on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Binary => "binary",
            Self::Vib => "vib",
            Self::Script => "script",
        }
    }
}

impl Findings {
    /// Each way with its verdict.
    ///
    /// The exec policy decides: with it a foreign binary needs a VIB, a community VIB excludes Secure Boot, and where
    /// both are on only an installed interpreter may run what we bring.
    pub fn verdicts(&self) -> [Verdict; 3] {
        Mode::ALL.map(|mode| {
            let (fits, reason) = match mode {
                Mode::Binary => self.binary(),
                Mode::Vib => self.vib(),
                Mode::Script => self.script(),
            };
            Verdict {
                mode,
                fits,
                reason: reason.to_owned(),
            }
        })
    }

    /// The way to take: a binary needs nothing of the host, a script changes nothing, and a VIB does.
    pub fn recommended(&self) -> Option<Mode> {
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
                "the host runs programs of installed VIBs only (execInstalledOnly); we never switch that off",
            ),
            (None, None) => (
                false,
                "whether the host runs programs from a datastore could not be found out",
            ),
        }
    }

    fn vib(&self) -> (bool, &'static str) {
        match (self.is_esxi, self.secure_boot) {
            (false, _) => (false, "this is no ESXi host"),
            (true, Some(true)) => (
                false,
                "Secure Boot is on, and with a community VIB the host would stop at its next boot with a purple screen",
            ),
            (true, Some(false)) => (
                true,
                "needs `--accept-community-vib`: it lowers the acceptance level to CommunitySupported until uninstalled",
            ),
            (true, None) => (false, "the state of Secure Boot could not be found out"),
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
            Some("this is no ESXi host")
        } else if self.vscsistats.is_none() {
            Some("vscsiStats was not found on the host")
        } else if self.datastores.iter().all(|datastore| datastore.unsuitable.is_some()) {
            Some("no datastore has room for it")
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
    fn nothing_fits_a_host_without_vscsistats_or_without_room() {
        let mut without = findings(Some(false), Some(true));
        without.vscsistats = None;
        assert_eq!(without.recommended(), None);
        let mut full = findings(Some(false), Some(true));
        full.datastores.clear();
        assert_eq!(full.recommended(), None);
    }
}
