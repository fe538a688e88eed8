//! `esxcli storage filesystem list`: the volumes a host sees.

use super::diagnostic::Findings;
use super::record::Record;
use super::text::decode;
use super::{Reading, table};

/// A mounted or known volume.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Volume {
    /// Where it is mounted; `None` when it is not.
    pub mount_point: Option<String>,
    /// Its label; even a VMFS volume may have none.
    pub name: Option<String>,
    /// Its UUID: four groups on VMFS, two on NFS, `vsan:…` on vSAN.
    pub uuid: String,
    /// It is mounted.
    pub mounted: Option<bool>,
    /// Such as `VMFS-6`, `NFS`, `vsan`, `vfat`, `VFFS` or `VMFSOS`, and `VMFS-unknown version` when it is not mounted.
    pub kind: Option<String>,
    /// Capacity, bytes.
    pub size_bytes: Option<u64>,
    /// Free space, bytes.
    pub free_bytes: Option<u64>,
}

/// Reads `esxcli storage filesystem list`.
pub fn parse_filesystems(output: &[u8]) -> Reading<Vec<Volume>> {
    let mut findings = Findings::default();
    let text = decode(output, &mut findings);
    let records = table::read(&text, &mut findings);
    let volumes = records
        .iter()
        .filter_map(|record| volume(record, &mut findings))
        .collect();
    findings.with(volumes)
}

fn volume(record: &Record<'_>, findings: &mut Findings) -> Option<Volume> {
    let text = |key| record.get(key).map(str::to_owned);
    Some(Volume {
        mount_point: text("Mount Point"),
        name: text("Volume Name"),
        uuid: record.required("UUID", findings)?.to_owned(),
        mounted: record.parsed("Mounted", findings),
        kind: text("Type"),
        size_bytes: record.parsed("Size", findings),
        free_bytes: record.parsed("Free", findings),
    })
}
