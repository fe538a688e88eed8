//! The VMs of the host and what lies below their disks, joined from several commands.

use vscsi_shared::wire::v1::{Disk, Inventory, Vm};

use super::{Host, HostError, Volumes};

/// Labels and UUIDs of the mounted volumes.
///
/// # Errors
/// When esxcli cannot be run.
pub fn volumes(_host: &Host) -> Result<Volumes, HostError> {
    Ok(Volumes::default())
}

/// Everything that can be found out; what cannot is a warning.
pub fn inventory(host: &Host) -> Inventory {
    let mut inventory = Inventory::default();
    match host.list() {
        Ok(listing) => {
            let warnings = listing
                .diagnostics
                .iter()
                .map(|found| format!("vscsiStats -l: {found}"));
            inventory.warnings.extend(warnings);
            inventory.vms = listing
                .vms
                .into_iter()
                .map(|vm| Vm {
                    name: vm.display_name,
                    world_group_id: Some(vm.world_group_id),
                    powered_on: true,
                    config_file: vm.config_file,
                    disks: vm
                        .disks
                        .into_iter()
                        .map(|disk| Disk {
                            node: disk.node.unwrap_or_default(),
                            handle_id: Some(disk.handle_id),
                            ..Disk::default()
                        })
                        .collect(),
                })
                .collect();
        }
        Err(error) => inventory.warnings.push(error.to_string()),
    }
    inventory
}
