//! `discover`: VMs, disks, datastores, devices and handles of a host.

use std::fmt::Write as _;

use clap::Args;
use vscsi_shared::wire::v1::{Disk, Inventory};

use crate::cli::connect::{ConnectArgs, HostArg, Target};
use crate::cli::{CliError, Env, Outcome};
use crate::host::{Host as _, HostError};
use crate::number::{bytes, natural_order};
use crate::store::Store;
use crate::transport::{TransportError, Tunnel};

/// Show the VMs of a host, their disks, and the storage below them
///
/// Where no agent was installed from here, the host's own commands are asked in one login; nothing is changed.
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
    let store = Store::open_to_look(&env.data_dir)?;
    let target = args.connect.target(&args.host.name, &store, env)?;
    let inventory = inventory(&target, &store, env)?;
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

/// From the agent where one was installed from here, and else from the host's own commands in one login.
///
/// Only a host with an agent is remembered: `pull --all` would ask any other in vain.
fn inventory(target: &Target<'_>, store: &Store, env: &Env) -> Result<Inventory, CliError> {
    let by_ssh = matches!(target.record.address.tunnel, Tunnel::Exec | Tunnel::Forward);
    if target.record.agent.is_none() && by_ssh {
        return Ok(target.inventory_without_agent()?);
    }
    match target.host().inventory() {
        Err(HostError::Transport(
            error @ (TransportError::AgentMissing { .. } | TransportError::NotPermitted { .. }),
        )) if by_ssh => {
            env.note(format_args!("{error}; the host's own commands are asked instead"));
            Ok(target.inventory_without_agent()?)
        }
        answer => {
            let inventory = answer?;
            target.remember_seen(store);
            Ok(inventory)
        }
    }
}

// Writing to a string cannot fail, so the results are dropped.
fn render(inventory: &Inventory) -> String {
    let mut text = String::from("Virtual Machines:\n");
    if inventory.vms.is_empty() {
        text.push_str("  none\n");
    }
    for vm in &inventory.vms {
        let _ = writeln!(text, "  Name: {}", vm.name);
        if let Some(world_group) = vm.world_group_id {
            let _ = writeln!(text, "    World Group ID: {world_group}");
        }
        let _ = writeln!(text, "    Power State: {}", if vm.powered_on { "On" } else { "Off" });
        let _ = writeln!(text, "    Configuration: {}", vm.config_file);
        let mut disks: Vec<&Disk> = vm.disks.iter().collect();
        disks.sort_by(|one, other| natural_order(&one.node, &other.node));
        for disk in disks {
            render_disk(&mut text, disk);
        }
        text.push('\n');
    }
    if inventory
        .vms
        .iter()
        .flat_map(|vm| &vm.disks)
        .all(|disk| disk.handle_id.is_none())
    {
        text.push_str("No disk has a handle: vscsiStats lists the disks of running VMs only.\n");
    }
    text
}

fn render_disk(text: &mut String, disk: &Disk) {
    let node = if disk.node.is_empty() {
        "at no known node"
    } else {
        &disk.node
    };
    let _ = writeln!(text, "    Disk {node}");
    let mut line = |key: &str, value: Option<String>| {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            let _ = writeln!(text, "      {key}: {value}");
        }
    };
    line("Handle ID", disk.handle_id.map(|handle| handle.to_string()));
    line("Capacity", disk.capacity_bytes.map(bytes));
    line("VMDK", disk.vmdk.clone());
    let kind = "raw device mapping; the VMDK points to the device";
    line("Kind", disk.raw_device_mapping.then(|| kind.to_owned()));
    line("Datastore", disk.datastore.clone());
    line("Device", Some(disk.devices.join(", ")));
    line("Path", Some(disk.runtime_paths.join(", ")));
}

#[cfg(test)]
mod tests {
    use super::*;
    use vscsi_shared::identifier::{HandleId, WorldGroupId};
    use vscsi_shared::wire::v1::Vm;

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
        let expected = "Virtual Machines:\n  Name: SQL-Server-01\n    World Group ID: 12345\n    Power State: On\n    \
                        Configuration: /vmfs/volumes/5f/SQL/SQL.vmx\n    Disk scsi0:0\n      Handle ID: 67890\n      \
                        Capacity: 500 GiB\n      VMDK: /vmfs/volumes/5f/SQL/SQL.vmdk\n      Datastore: datastore1\n      \
                        Device: naa.600\n      Path: vmhba1:C0:T0:L0\n\n";
        assert_eq!(text, expected);
    }

    #[test]
    fn a_host_without_running_vms_says_why_there_are_no_handles() {
        assert!(render(&Inventory::default()).contains("running VMs only"));
    }
}
