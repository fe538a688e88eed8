//! `esxcli storage vmfs extent list`: the devices below VMFS volumes.

use super::diagnostic::Findings;
use super::record::Record;
use super::text::decode;
use super::{Reading, table};

/// A partition that holds a VMFS volume or a part of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VmfsExtent {
    /// Label of the volume.
    pub volume_name: Option<String>,
    /// UUID of the volume.
    pub vmfs_uuid: String,
    /// Its number within the volume, from 0.
    pub number: Option<u32>,
    /// Identifier of the device.
    pub device: String,
    /// Partition of the device.
    pub partition: Option<u32>,
}

/// Reads `esxcli storage vmfs extent list`. A volume has one row per extent.
pub fn parse_vmfs_extents(output: &[u8]) -> Reading<Vec<VmfsExtent>> {
    let mut findings = Findings::default();
    let text = decode(output, &mut findings);
    let records = table::read(&text, &mut findings);
    let extents = records
        .iter()
        .filter_map(|record| extent(record, &mut findings))
        .collect();
    findings.with(extents)
}

fn extent(record: &Record<'_>, findings: &mut Findings) -> Option<VmfsExtent> {
    Some(VmfsExtent {
        volume_name: record.get("Volume Name").map(str::to_owned),
        vmfs_uuid: record.required("VMFS UUID", findings)?.to_owned(),
        number: record.parsed("Extent Number", findings),
        device: record.required("Device Name", findings)?.to_owned(),
        partition: record.parsed("Partition", findings),
    })
}
