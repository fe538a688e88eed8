//! `esxcli vm process list`: the running VMs.

use super::diagnostic::Findings;
use super::record::Record;
use super::text::decode;
use super::{Reading, blocks};
use crate::identifier::WorldGroupId;

/// A running VM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VmProcess {
    /// Display name.
    pub display_name: String,
    /// World of the virtual machine monitor; not what vscsiStats takes.
    pub world_id: Option<u64>,
    /// Leader of the VM's world group, which vscsiStats calls the world group ID. Its distance from the world ID is not
    /// constant.
    pub vmx_cartel_id: Option<WorldGroupId>,
    /// BIOS UUID as printed.
    pub uuid: String,
    /// Path of the .vmx.
    pub config_file: String,
}

/// Reads `esxcli vm process list`.
pub fn parse_vm_processes(output: &[u8]) -> Reading<Vec<VmProcess>> {
    let mut findings = Findings::default();
    let text = decode(output, &mut findings);
    let records = blocks::read(&text, &mut findings);
    let vms = records.iter().filter_map(|record| vm(record, &mut findings)).collect();
    findings.with(vms)
}

fn vm(record: &Record<'_>, findings: &mut Findings) -> Option<VmProcess> {
    Some(VmProcess {
        display_name: record.get("Display Name").unwrap_or(record.heading).to_owned(),
        world_id: record.parsed("World ID", findings),
        vmx_cartel_id: record.parsed("VMX Cartel ID", findings).map(WorldGroupId),
        uuid: record.get("UUID").unwrap_or_default().to_owned(),
        config_file: record.required("Config File", findings)?.to_owned(),
    })
}
