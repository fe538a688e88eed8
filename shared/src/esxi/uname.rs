//! `uname -a`.

use super::Reading;
use super::diagnostic::Findings;
use super::text::{decode, only_line};

/// What the kernel says about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Uname {
    /// `VMkernel` on ESXi.
    pub system: String,
    /// Name of the host.
    pub host_name: String,
    /// Version of the kernel, which on ESXi is that of the product.
    pub release: String,
    /// Digits of the build, where the kernel is that of ESXi.
    pub build: Option<String>,
}

impl Uname {
    /// The host runs ESXi.
    pub fn is_esxi(&self) -> bool {
        self.system == "VMkernel"
    }
}

/// Reads `uname -a`: system, host name and release are its first three words, on every system.
pub fn parse_uname(output: &[u8]) -> Reading<Option<Uname>> {
    let mut findings = Findings::default();
    let text = decode(output, &mut findings);
    let uname = only_line(&text, &mut findings).and_then(|(number, line)| {
        let uname = read(line);
        if uname.is_none() {
            findings.unexpected(number, line);
        }
        uname
    });
    findings.with(uname)
}

fn read(line: &str) -> Option<Uname> {
    let mut words = line.split_whitespace();
    let mut word = || words.next().map(str::to_owned);
    Some(Uname {
        system: word()?,
        host_name: word()?,
        release: word()?,
        build: words.find_map(|word| word.strip_prefix("build-")).map(str::to_owned),
    })
}
