//! Which VM and which disks a user means.

use vscsi_shared::exit_code;
use vscsi_shared::wire::v1::{Disk, DiskSelector, Inventory, Vm};

use crate::failure::Failure;
use crate::suggest::nearest;

/// Why a text selects no VM or disk.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SelectError {
    /// No such VM.
    #[error("there is no VM `{wanted}` on this host")]
    NoSuchVm {
        /// What was asked for.
        wanted: String,
        /// The VM probably meant.
        nearest: Option<String>,
        /// What there is.
        known: Vec<String>,
    },
    /// Several VMs have that name.
    #[error("several VMs are called `{wanted}`: {}", choices.join("; "))]
    AmbiguousVm {
        /// What was asked for.
        wanted: String,
        /// What there is.
        choices: Vec<String>,
    },
    /// The VM does not run here.
    #[error("VM `{vm}` is not running on this host")]
    NotRunning {
        /// The VM.
        vm: String,
    },
    /// vscsiStats sees none of its disks.
    #[error("vscsiStats lists no disk of VM `{vm}`")]
    NoDisks {
        /// The VM.
        vm: String,
    },
    /// No such disk.
    #[error("VM `{vm}` has no disk `{wanted}`; it has {}", choices.join("; "))]
    NoSuchDisk {
        /// The VM.
        vm: String,
        /// What was asked for.
        wanted: String,
        /// What there is.
        choices: Vec<String>,
    },
    /// Several disks answer to that.
    #[error("`{wanted}` is ambiguous: {}", choices.join("; "))]
    AmbiguousDisk {
        /// What was asked for.
        wanted: String,
        /// What answers to it.
        choices: Vec<String>,
    },
    /// vscsiStats does not see the disk.
    #[error("vscsiStats does not list disk {disk} of VM `{vm}`")]
    NotListed {
        /// The VM.
        vm: String,
        /// The disk.
        disk: String,
    },
}

impl Failure for SelectError {
    fn exit_code(&self) -> u8 {
        exit_code::NO_SUCH_TARGET
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::NoSuchVm {
                nearest: Some(name), ..
            } => format!("did you mean `{name}`?"),
            Self::NoSuchVm { known, .. } if known.is_empty() => "no VM is registered or running there".to_owned(),
            Self::NoSuchVm { known, .. } => format!("VMs there: {}", known.join(", ")),
            Self::AmbiguousVm { .. } => "give the world group ID or the configuration file with `--vm`".to_owned(),
            Self::NotRunning { .. } => {
                "start it, or collect on the host it runs on: vscsiStats sees running VMs only".to_owned()
            }
            Self::NoDisks { .. } | Self::NotListed { .. } => {
                "vscsiStats lists the virtual SCSI disks of running VMs; disks on NVMe, SATA or IDE controllers \
                 may not be listed"
                    .to_owned()
            }
            Self::NoSuchDisk { .. } => {
                "name a disk by node, handle ID, vmdk, datastore, device or runtime path, or give `--lun all`"
                    .to_owned()
            }
            Self::AmbiguousDisk { .. } => "name one of them by its node, or give `--lun all`".to_owned(),
        })
    }
}

/// The running VM that `wanted` means: its name, world group ID, or configuration file.
///
/// # Errors
/// When there is none or several, or it does not run.
pub fn select_vm<'a>(inventory: &'a Inventory, wanted: &str) -> Result<&'a Vm, SelectError> {
    let by_path_or_id = |vm: &&Vm| {
        vm.config_file == wanted
            || vm
                .world_group_id
                .is_some_and(|world_group| world_group.to_string() == wanted)
    };
    let mut matching: Vec<&Vm> = inventory.vms.iter().filter(by_path_or_id).collect();
    if matching.is_empty() {
        matching = inventory.vms.iter().filter(|vm| vm.name == wanted).collect();
    }
    // A VM that moved away leaves a registration of the same name; the running one is meant.
    if matching.iter().filter(|vm| vm.world_group_id.is_some()).count() == 1 {
        matching.retain(|vm| vm.world_group_id.is_some());
    }
    match matching.as_slice() {
        [vm] if vm.world_group_id.is_none() => Err(SelectError::NotRunning { vm: vm.name.clone() }),
        [vm] => Ok(vm),
        [] => {
            let known: Vec<String> = inventory.vms.iter().map(|vm| vm.name.clone()).collect();
            Err(SelectError::NoSuchVm {
                wanted: wanted.to_owned(),
                nearest: nearest(wanted, known.iter().map(String::as_str)).map(str::to_owned),
                known,
            })
        }
        several => Err(SelectError::AmbiguousVm {
            wanted: wanted.to_owned(),
            choices: several.iter().map(|vm| describe_vm(vm)).collect(),
        }),
    }
}

/// The disks of `vm` that `wanted` means: each text a node, handle ID, vmdk, datastore, device or runtime path, or
/// `all`.
///
/// # Errors
/// When a text means no disk, or several, or one that vscsiStats does not list.
pub fn select_disks(vm: &Vm, wanted: &[String]) -> Result<Vec<DiskSelector>, SelectError> {
    let mut selected: Vec<DiskSelector> = Vec::new();
    for text in wanted {
        let disks = if text == "all" {
            listed_disks(vm)?
        } else {
            vec![select_disk(vm, text)?]
        };
        for disk in disks {
            let selector = selector(vm, disk, text)?;
            if !selected.iter().any(|known| known.handle_id == selector.handle_id) {
                selected.push(selector);
            }
        }
    }
    Ok(selected)
}

fn listed_disks(vm: &Vm) -> Result<Vec<&Disk>, SelectError> {
    let disks: Vec<&Disk> = vm.disks.iter().filter(|disk| disk.handle_id.is_some()).collect();
    if disks.is_empty() {
        Err(SelectError::NoDisks { vm: vm.name.clone() })
    } else {
        Ok(disks)
    }
}

fn select_disk<'a>(vm: &'a Vm, wanted: &str) -> Result<&'a Disk, SelectError> {
    let matching: Vec<&Disk> = vm.disks.iter().filter(|disk| answers_to(disk, wanted)).collect();
    match matching.as_slice() {
        [disk] => Ok(disk),
        [] => Err(SelectError::NoSuchDisk {
            vm: vm.name.clone(),
            wanted: wanted.to_owned(),
            choices: vm.disks.iter().map(describe_disk).collect(),
        }),
        several => Err(SelectError::AmbiguousDisk {
            wanted: wanted.to_owned(),
            choices: several.iter().map(|disk| describe_disk(disk)).collect(),
        }),
    }
}

fn answers_to(disk: &Disk, wanted: &str) -> bool {
    let vmdk = disk.vmdk.as_deref();
    disk.node == wanted
        || disk.handle_id.is_some_and(|handle| handle.to_string() == wanted)
        || vmdk == Some(wanted)
        || vmdk.and_then(|path| path.rsplit('/').next()) == Some(wanted)
        || disk.datastore.as_deref() == Some(wanted)
        || disk.devices.iter().any(|device| device == wanted)
        || disk.runtime_paths.iter().any(|path| path == wanted)
}

fn selector(vm: &Vm, disk: &Disk, wanted: &str) -> Result<DiskSelector, SelectError> {
    let handle_id = disk.handle_id.ok_or_else(|| SelectError::NotListed {
        vm: vm.name.clone(),
        disk: describe_disk(disk),
    })?;
    Ok(DiskSelector {
        handle_id,
        node: disk.node.clone(),
        lun: if wanted == "all" {
            default_lun(disk)
        } else {
            wanted.to_owned()
        },
    })
}

/// What a disk is called when the user did not name it: its runtime path, device, or node.
fn default_lun(disk: &Disk) -> String {
    let path = disk
        .runtime_paths
        .first()
        .or(disk.devices.first())
        .or(disk.datastore.as_ref());
    path.unwrap_or(&disk.node).clone()
}

fn describe_vm(vm: &Vm) -> String {
    match vm.world_group_id {
        Some(world_group) => format!("world group {world_group} ({})", vm.config_file),
        None => format!("powered off ({})", vm.config_file),
    }
}

fn describe_disk(disk: &Disk) -> String {
    let name = disk.vmdk.as_deref().and_then(|path| path.rsplit('/').next());
    let names = [
        name,
        disk.datastore.as_deref(),
        disk.runtime_paths.first().map(String::as_str),
    ];
    let names: Vec<&str> = names.into_iter().flatten().collect();
    if names.is_empty() {
        disk.node.clone()
    } else {
        format!("{} ({})", disk.node, names.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use vscsi_shared::identifier::{HandleId, WorldGroupId};

    fn disk(node: &str, handle: u64, vmdk: &str, path: &str) -> Disk {
        Disk {
            node: node.into(),
            handle_id: Some(HandleId(handle)),
            vmdk: Some(format!("/vmfs/volumes/5f/SQL/{vmdk}")),
            raw_device_mapping: false,
            datastore: Some("ds 1".into()),
            devices: vec![format!("naa.{handle}")],
            runtime_paths: vec![path.into()],
            capacity_bytes: None,
        }
    }

    fn vm(name: &str, world_group: Option<u64>, disks: Vec<Disk>) -> Vm {
        Vm {
            name: name.into(),
            world_group_id: world_group.map(WorldGroupId),
            powered_on: world_group.is_some(),
            config_file: format!("/vmfs/volumes/5f/{name}/{}.vmx", world_group.unwrap_or(0)),
            disks,
        }
    }

    fn sql() -> Vm {
        let disks = vec![
            disk("scsi0:0", 8194, "SQL.vmdk", "vmhba1:C0:T0:L0"),
            disk("scsi0:1", 8195, "SQL_1.vmdk", "vmhba1:C0:T1:L0"),
        ];
        vm("SQL", Some(12345), disks)
    }

    fn inventory(vms: Vec<Vm>) -> Inventory {
        Inventory { vms, warnings: vec![] }
    }

    #[test]
    fn a_vm_is_found_by_name_world_group_or_configuration_file() {
        let inventory = inventory(vec![sql(), vm("web", Some(7), vec![])]);
        for text in ["SQL", "12345", "/vmfs/volumes/5f/SQL/12345.vmx"] {
            assert_eq!(select_vm(&inventory, text).unwrap().name, "SQL", "{text}");
        }
    }

    #[test]
    fn two_running_vms_of_one_name_are_listed_and_none_is_chosen() {
        let inventory = inventory(vec![vm("SQL", Some(1), vec![]), vm("SQL", Some(2), vec![])]);
        let error = select_vm(&inventory, "SQL").unwrap_err();
        assert!(
            matches!(&error, SelectError::AmbiguousVm { choices, .. } if choices.len() == 2),
            "{error}"
        );
        assert_eq!(error.exit_code(), 13);
    }

    #[test]
    fn a_running_vm_is_meant_before_a_registration_of_the_same_name() {
        let inventory = inventory(vec![vm("SQL", None, vec![]), vm("SQL", Some(2), vec![])]);
        assert_eq!(
            select_vm(&inventory, "SQL").unwrap().world_group_id,
            Some(WorldGroupId(2))
        );
    }

    #[test]
    fn a_powered_off_vm_is_told_apart_from_a_missing_one() {
        let inventory = inventory(vec![vm("web", None, vec![])]);
        assert!(matches!(
            select_vm(&inventory, "web"),
            Err(SelectError::NotRunning { .. })
        ));
        assert!(matches!(
            select_vm(&inventory, "wob"),
            Err(SelectError::NoSuchVm { nearest: Some(_), .. })
        ));
    }

    #[test]
    fn a_disk_answers_to_each_of_its_names() {
        let names = [
            "scsi0:1",
            "8195",
            "/vmfs/volumes/5f/SQL/SQL_1.vmdk",
            "SQL_1.vmdk",
            "naa.8195",
            "vmhba1:C0:T1:L0",
        ];
        for text in names {
            let selected = select_disks(&sql(), &[text.to_owned()]).unwrap();
            assert_eq!(
                (selected[0].handle_id, selected[0].lun.as_str()),
                (HandleId(8195), text)
            );
        }
    }

    #[test]
    fn a_datastore_with_two_disks_of_the_vm_is_ambiguous() {
        let error = select_disks(&sql(), &["ds 1".to_owned()]).unwrap_err();
        assert!(
            matches!(&error, SelectError::AmbiguousDisk { choices, .. } if choices.len() == 2),
            "{error}"
        );
    }

    #[test]
    fn all_takes_every_disk_once() {
        let selected = select_disks(&sql(), &["8195".to_owned(), "all".to_owned()]).unwrap();
        let handles: Vec<u64> = selected.iter().map(|disk| disk.handle_id.0).collect();
        assert_eq!(handles, [8195, 8194]);
    }

    #[test]
    fn a_disk_that_vscsistats_does_not_list_is_refused() {
        let mut sql = sql();
        sql.disks[0].handle_id = None;
        assert!(matches!(
            select_disks(&sql, &["scsi0:0".to_owned()]),
            Err(SelectError::NotListed { .. })
        ));
    }
}
