//! `esxcli software acceptance get`: which packages the host accepts.

use super::Reading;
use super::diagnostic::Findings;
use super::text::{decode, only_line};

/// Acceptance level of a host or a package, weakest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AcceptanceLevel {
    /// Unsigned packages of anybody.
    CommunitySupported,
    /// Signed by a partner; the default of a host.
    PartnerSupported,
    /// Tested by VMware.
    VMwareAccepted,
    /// Certified by VMware.
    VMwareCertified,
}

impl AcceptanceLevel {
    /// As esxcli spells it, also for `--level`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::CommunitySupported => "CommunitySupported",
            Self::PartnerSupported => "PartnerSupported",
            Self::VMwareAccepted => "VMwareAccepted",
            Self::VMwareCertified => "VMwareCertified",
        }
    }

    fn from_word(word: &str) -> Option<Self> {
        [
            Self::CommunitySupported,
            Self::PartnerSupported,
            Self::VMwareAccepted,
            Self::VMwareCertified,
        ]
        .into_iter()
        .find(|level| level.as_str().eq_ignore_ascii_case(word))
    }
}

/// Reads `esxcli software acceptance get`.
pub fn parse_acceptance_level(output: &[u8]) -> Reading<Option<AcceptanceLevel>> {
    let mut findings = Findings::default();
    let text = decode(output, &mut findings);
    let level = only_line(&text, &mut findings).and_then(|(number, line)| {
        let level = AcceptanceLevel::from_word(line);
        if level.is_none() {
            findings.unexpected(number, line);
        }
        level
    });
    findings.with(level)
}
