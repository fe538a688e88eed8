//! `esxcli storage core path list`: the paths to devices.

use super::diagnostic::Findings;
use super::record::Record;
use super::text::decode;
use super::{Reading, blocks};

/// A path from an adapter to a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoragePath {
    /// Runtime name such as `vmhba1:C0:T0:L0`; it may change when the host boots.
    pub runtime_name: String,
    /// Identifier of the device; `None` for a path that leads to none.
    pub device: Option<String>,
    /// Adapter such as `vmhba1`.
    pub adapter: Option<String>,
    /// `active`, `standby`, `dead` …
    pub state: Option<String>,
    /// Such as `fc`, `iscsi`, `sas` or `sata`.
    pub transport: Option<String>,
}

/// Reads `esxcli storage core path list`.
pub fn parse_storage_paths(output: &[u8]) -> Reading<Vec<StoragePath>> {
    let mut findings = Findings::default();
    let text = decode(output, &mut findings);
    let records = blocks::read(&text, &mut findings);
    let paths = records
        .iter()
        .filter_map(|record| path(record, &mut findings))
        .collect();
    findings.with(paths)
}

fn path(record: &Record<'_>, findings: &mut Findings) -> Option<StoragePath> {
    let text = |key| record.get(key).map(str::to_owned);
    Some(StoragePath {
        runtime_name: record.required("Runtime Name", findings)?.to_owned(),
        // A path without a device says so in words, and device identifiers hold no blanks.
        device: text("Device").filter(|device| !device.contains(' ')),
        adapter: text("Adapter"),
        state: text("State"),
        transport: text("Transport"),
    })
}
