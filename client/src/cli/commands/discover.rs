//! `discover`: VMs, disks, datastores, devices and handles of a host.

use std::fmt::Write as _;

use clap::Args;
use vscsi_shared::wire::v1::{Disk, Inventory, Vm};

use crate::cli::connect::{ConnectArgs, HostArg};
use crate::cli::phrase::bytes;
use crate::cli::{CliError, Env, Outcome};
use crate::host::Host as _;
use crate::store::Store;

/// Show the VMs of a host, their disks, and the storage below them
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  vscsi-helper discover esxi-host01
  vscsi-helper discover esxi-host01 --user root --key ~/.ssh/esxi_key")]
pub struct DiscoverArgs {
    #[command(flatten)]
    host: HostArg,
    #[command(flatten)]
    connect: ConnectArgs,
}

pub(super) fn run(args: &DiscoverArgs, env: &Env) -> Result<Outcome, CliError> {
    let store = Store::open(&env.data_dir)?;
    let target = args.connect.target(&args.host.name, &store, env)?;
    let host = target.host();
    let inventory = host.inventory()?;
    target.remember(&store)?;
    for warning in &inventory.warnings {
        env.warn(warning);
    }
    if env.json {
        env.print_json(&inventory)?;
    } else {
        env.note("Connected successfully.");
        env.print(format_args!(
            "ESXi Host: {}\n\n{}",
            target.name(),
            render(&inventory).trim_end()
        ))?;
    }
    Ok(if inventory.warnings.is_empty() {
        Outcome::Done
    } else {
        Outcome::Partial
    })
}

fn render(inventory: &Inventory) -> String {
    let mut text = String::from("Virtual Machines:\n");
    if inventory.vms.is_empty() {
        text.push_str("  none\n");
    }
    for vm in &inventory.vms {
        render_vm(&mut text, vm);
    }
    text.push_str("LUNs (vscsiStats Handles):\n");
    let listed = || {
        inventory
            .vms
            .iter()
            .flat_map(|vm| vm.disks.iter().map(move |disk| (vm, disk)))
    };
    for (vm, disk) in listed().filter(|(_, disk)| disk.handle_id.is_some()) {
        render_lun(&mut text, vm, disk);
    }
    if listed().all(|(_, disk)| disk.handle_id.is_none()) {
        text.push_str("  none: vscsiStats lists the disks of running VMs only\n");
    }
    text
}

// Writing to a string cannot fail, so the results are dropped.
fn render_vm(text: &mut String, vm: &Vm) {
    let _ = writeln!(text, "  Name: {}", vm.name);
    if let Some(world_group) = vm.world_group_id {
        let _ = writeln!(text, "    World Group ID: {world_group}");
    }
    let _ = writeln!(text, "    Power State: {}", if vm.powered_on { "On" } else { "Off" });
    let _ = writeln!(text, "    Configuration: {}\n", vm.config_file);
}

fn render_lun(text: &mut String, vm: &Vm, disk: &Disk) {
    let title = disk
        .runtime_paths
        .first()
        .or(disk.datastore.as_ref())
        .unwrap_or(&disk.node);
    let _ = writeln!(text, "  {title}");
    let mut line = |key: &str, value: Option<String>| {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            let _ = writeln!(text, "    {key}: {value}");
        }
    };
    line("Capacity", disk.capacity_bytes.map(bytes));
    line("Used by", Some(vm.name.clone()));
    line("Handle ID", disk.handle_id.map(|handle| handle.to_string()));
    line("Node", Some(disk.node.clone()));
    line("VMDK", disk.vmdk.clone());
    let kind = "raw device mapping; the VMDK points to the device";
    line("Kind", disk.raw_device_mapping.then(|| kind.to_owned()));
    line("Datastore", disk.datastore.clone());
    line("Device", Some(disk.devices.join(", ")));
    line("Other paths", disk.runtime_paths.get(1..).map(|paths| paths.join(", ")));
    text.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;
    use vscsi_shared::identifier::{HandleId, WorldGroupId};

    #[test]
    fn vms_and_their_disks_are_shown_with_what_start_needs() {
        let disk = Disk {
            node: "scsi0:0".into(),
            handle_id: Some(HandleId(67890)),
            vmdk: Some("/vmfs/volumes/5f/SQL/SQL.vmdk".into()),
            raw_device_mapping: false,
            datastore: Some("datastore1".into()),
            devices: vec!["naa.600".into()],
            runtime_paths: vec!["vmhba1:C0:T0:L0".into()],
            capacity_bytes: Some(500 << 30),
        };
        let vm = Vm {
            name: "SQL-Server-01".into(),
            world_group_id: Some(WorldGroupId(12345)),
            powered_on: true,
            config_file: "/vmfs/volumes/5f/SQL/SQL.vmx".into(),
            disks: vec![disk],
        };
        let text = render(&Inventory {
            vms: vec![vm],
            warnings: vec![],
        });
        for part in [
            "  Name: SQL-Server-01\n    World Group ID: 12345\n    Power State: On\n",
            "  vmhba1:C0:T0:L0\n    Capacity: 500 GiB\n    Used by: SQL-Server-01\n    Handle ID: 67890\n    \
             Node: scsi0:0\n",
        ] {
            assert!(text.contains(part), "{text}");
        }
    }

    #[test]
    fn a_host_without_running_vms_says_why_there_are_no_handles() {
        assert!(render(&Inventory::default()).contains("running VMs only"));
    }
}
