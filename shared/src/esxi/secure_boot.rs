//! `/usr/lib/vmware/secureboot/bin/secureBoot.py -s`: whether UEFI Secure Boot is on.

use super::Reading;
use super::diagnostic::Findings;
use super::text::{decode, only_line};

/// State of UEFI Secure Boot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecureBoot {
    /// Only signed packages boot.
    Enabled,
    /// Signatures are not checked at boot.
    Disabled,
}

/// Reads `secureBoot.py -s`.
pub fn parse_secure_boot(output: &[u8]) -> Reading<Option<SecureBoot>> {
    let mut findings = Findings::default();
    let text = decode(output, &mut findings);
    let state = only_line(&text, &mut findings).and_then(|(number, line)| match line {
        "Enabled" => Some(SecureBoot::Enabled),
        "Disabled" => Some(SecureBoot::Disabled),
        _ => {
            findings.unexpected(number, line);
            None
        }
    });
    findings.with(state)
}
