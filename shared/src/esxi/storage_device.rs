//! `esxcli storage core device list`: disks and LUNs.

use super::diagnostic::Findings;
use super::record::Record;
use super::text::decode;
use super::{Reading, blocks, formatter_csv};

/// A storage device. What a version of ESXi does not print is `None`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StorageDevice {
    /// Identifier such as `naa.…`, `t10.…`, `eui.…` or `mpx.…`.
    pub id: String,
    /// Display name.
    pub display_name: Option<String>,
    /// Vendor, without padding.
    pub vendor: Option<String>,
    /// Model, without padding.
    pub model: Option<String>,
    /// Such as `Direct-Access`.
    pub device_type: Option<String>,
    /// `on`, `degraded`, `off`, `dead` …
    pub status: Option<String>,
    /// Multipathing plugin, `NMP` or `HPP`.
    pub multipath_plugin: Option<String>,
    /// Capacity, MiB.
    pub size_mib: Option<u64>,
    /// It is attached to this host alone.
    pub is_local: Option<bool>,
    /// It is a solid-state device.
    pub is_ssd: Option<bool>,
    /// Commands the device takes at once.
    pub max_queue_depth: Option<u32>,
    /// Commands it takes at once while several VMs compete for it.
    pub outstanding_with_competing_worlds: Option<u32>,
}

/// Reads `esxcli storage core device list` as text or with `--formatter=csv`.
pub fn parse_storage_devices(output: &[u8]) -> Reading<Vec<StorageDevice>> {
    let mut findings = Findings::default();
    let text = decode(output, &mut findings);
    let devices = if formatter_csv::is_csv(&text) {
        let records = formatter_csv::read(&text, &mut findings);
        let with_id = records.iter().filter_map(|record| {
            let id = record.required("Device", &mut findings)?.to_owned();
            Some(device(id, record, &mut findings))
        });
        with_id.collect()
    } else {
        let records = blocks::read(&text, &mut findings);
        let with_id = records.iter().filter_map(|record| {
            if record.heading.is_empty() {
                findings.report(record.line, super::DiagnosticKind::Missing("Device"));
                return None;
            }
            Some(device(record.heading.to_owned(), record, &mut findings))
        });
        with_id.collect()
    };
    findings.with(devices)
}

fn device(id: String, record: &Record<'_>, findings: &mut Findings) -> StorageDevice {
    let text = |key| record.get(key).map(str::to_owned);
    StorageDevice {
        id,
        display_name: text("Display Name"),
        vendor: text("Vendor"),
        model: text("Model"),
        device_type: text("Device Type"),
        status: text("Status"),
        multipath_plugin: text("Multipath Plugin"),
        size_mib: record.parsed("Size", findings),
        is_local: record.parsed("Is Local", findings),
        is_ssd: record.parsed("Is SSD", findings),
        max_queue_depth: record.parsed("Device Max Queue Depth", findings),
        outstanding_with_competing_worlds: record.parsed("No of outstanding IOs with competing worlds", findings),
    }
}
