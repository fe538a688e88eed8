//! `esxcli system version get` and `vmware -v`: which ESXi it is.

use std::fmt;

use super::diagnostic::Findings;
use super::text::{Line, decode, lines};
use super::{Reading, blocks};

/// Product, version and build of the host. Unknown versions are nothing to stop at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SystemVersion {
    /// `VMware ESXi`.
    pub product: String,
    /// Such as `7.0.3`.
    pub version: String,
    /// Digits of the build.
    pub build: Option<String>,
    /// Update of the version, such as `3`.
    pub update: Option<String>,
    /// Patch of the update, such as `35`.
    pub patch: Option<String>,
}

/// Reads `esxcli system version get`.
pub fn parse_system_version(output: &[u8]) -> Reading<Option<SystemVersion>> {
    let mut findings = Findings::default();
    let text = decode(output, &mut findings);
    let records = blocks::read(&text, &mut findings);
    let version = records.first().and_then(|record| {
        let build = record.get("Build");
        Some(SystemVersion {
            product: record.required("Product", &mut findings)?.to_owned(),
            version: record.required("Version", &mut findings)?.to_owned(),
            // Printed as `Releasebuild-19482537`.
            build: build.map(|build| build.rsplit_once('-').map_or(build, |(_, digits)| digits).to_owned()),
            update: record.get("Update").map(str::to_owned),
            patch: record.get("Patch").map(str::to_owned),
        })
    });
    findings.with(version)
}

/// The version as people write it, whichever command said it: `8.0.3 build 24022510`.
impl fmt::Display for SystemVersion {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.build {
            Some(build) => write!(formatter, "{} build {build}", self.version),
            None => formatter.write_str(&self.version),
        }
    }
}

/// Reads `vmware -v` (`VMware ESXi 7.0.3 build-19482537`) or `vmware -vl`, whose second line names the update.
pub fn parse_vmware_version(output: &[u8]) -> Reading<Option<SystemVersion>> {
    let mut findings = Findings::default();
    let text = decode(output, &mut findings);
    let mut version: Option<SystemVersion> = None;
    for Line { number, text: line, .. } in lines(&text) {
        let line = line.trim();
        match &mut version {
            _ if line.is_empty() => {}
            // The long form is `VMware ESXi 7.0 Update 3`, or `VMware ESXi 7.0 GA` before the first update.
            Some(version) if line.starts_with(&version.product) => {
                version.update = line.split_once(" Update ").map(|(_, update)| update.to_owned());
            }
            None if short_form(line).is_some() => version = short_form(line),
            _ => findings.unexpected(number, line),
        }
    }
    findings.with(version)
}

fn short_form(line: &str) -> Option<SystemVersion> {
    let (rest, build) = line.rsplit_once(" build-")?;
    let (product, version) = rest.rsplit_once(' ')?;
    Some(SystemVersion {
        product: product.to_owned(),
        version: version.to_owned(),
        build: Some(build.to_owned()),
        update: None,
        patch: None,
    })
}
