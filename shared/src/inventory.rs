//! The VMs of a host and what lies below their disks, joined from what several commands and files say.
//!
//! vscsiStats knows handles and nodes, the .vmx knows nodes and vmdk files, esxcli knows volumes, extents and paths,
//! vim-cmd knows the VMs that do not run. Each source may be missing: the rest is still told, and what is missing is a
//! warning of whoever asked for it.

use std::collections::{BTreeMap, BTreeSet};

use crate::esxi::{self, RegisteredVm, StoragePath, VmProcess, VmfsExtent, VmxDisk, Volume, canonical_path};
use crate::vscsistats::{ListedDisk, ListedVm};
use crate::wire::v1::{Disk, Inventory, Vm};

/// Largest .vmx or vmdk descriptor that is read, bytes; real ones have a few kilobytes.
pub const DESCRIPTOR_LIMIT: u64 = 256 * 1024;

/// Longest chain of snapshots that is followed to the disk below them; a VM has at most 32.
const MAX_SNAPSHOT_DEPTH: usize = 40;

/// The mounted volumes: the same directory is `/vmfs/volumes/LABEL` and `/vmfs/volumes/UUID`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Volumes(Vec<Volume>);

impl Volumes {
    /// The volumes as esxcli lists them.
    pub fn new(volumes: Vec<Volume>) -> Self {
        Self(volumes)
    }

    /// `path` by the UUID of its volume; unchanged when it lies on no volume of this host.
    pub fn canonical(&self, path: &str) -> String {
        canonical_path(path, &self.0).unwrap_or_else(|_| path.to_owned())
    }

    /// The volume a canonical path lies on.
    fn of(&self, path: &str) -> Option<&Volume> {
        let below = path.strip_prefix("/vmfs/volumes/")?;
        let uuid = below.split('/').next()?;
        self.0.iter().find(|volume| volume.uuid == uuid)
    }
}

/// What the commands of a host said.
#[derive(Debug, Default)]
pub struct Sources {
    /// `vscsiStats -l`.
    pub listed: Vec<ListedVm>,
    /// `esxcli vm process list`.
    pub processes: Vec<VmProcess>,
    /// `vim-cmd vmsvc/getallvms`.
    pub registered: Vec<RegisteredVm>,
    /// `esxcli storage filesystem list`.
    pub volumes: Volumes,
    /// `esxcli storage vmfs extent list`.
    pub extents: Vec<VmfsExtent>,
    /// `esxcli storage core path list`.
    pub paths: Vec<StoragePath>,
    /// What could not be found out, and why.
    pub warnings: Vec<String>,
}

/// What the join has to know of single files of the host.
pub trait Files {
    /// A small file, at most [`DESCRIPTOR_LIMIT`] bytes of it.
    ///
    /// # Errors
    /// Why it cannot be read, for a person, with its path.
    fn read(&mut self, path: &str) -> Result<Vec<u8>, String>;

    /// The device that a raw device mapping leads to, by its canonical name where the host has a link to it; `None` where
    /// it does not tell. What is wrong with the answer is added to `warnings`.
    fn raw_device(&mut self, vmdk: &str, warnings: &mut Vec<String>) -> Option<String>;
}

impl Sources {
    /// Every VM once, running ones first, by name, with its disks.
    pub fn join(mut self, files: &mut impl Files) -> Inventory {
        let mut vms: BTreeMap<String, Vm> = BTreeMap::new();
        for listed in std::mem::take(&mut self.listed) {
            let vm = self.running_vm(listed);
            vms.insert(vm.config_file.clone(), vm);
        }
        // A VM without a disk that vscsiStats knows runs all the same.
        for process in std::mem::take(&mut self.processes) {
            let config_file = self.volumes.canonical(&process.config_file);
            vms.entry(config_file.clone()).or_insert_with(|| Vm {
                name: process.display_name,
                world_group_id: process.vmx_cartel_id,
                powered_on: true,
                config_file,
                disks: Vec::new(),
            });
        }
        for registered in std::mem::take(&mut self.registered) {
            let config_file = self.volumes.canonical(&registered.config_file());
            vms.entry(config_file.clone()).or_insert_with(|| Vm {
                name: registered.name,
                world_group_id: None,
                powered_on: false,
                config_file,
                disks: Vec::new(),
            });
        }
        let mut vms: Vec<Vm> = vms.into_values().collect();
        for vm in &mut vms {
            self.add_files(files, vm);
        }
        vms.sort_by(|one, other| (!one.powered_on, &one.name).cmp(&(!other.powered_on, &other.name)));
        Inventory {
            vms,
            warnings: self.warnings,
        }
    }

    fn running_vm(&self, listed: ListedVm) -> Vm {
        let disk = |disk: ListedDisk| Disk {
            node: disk.node.unwrap_or_default(),
            handle_id: Some(disk.handle_id),
            ..Disk::default()
        };
        Vm {
            name: listed.display_name,
            world_group_id: Some(listed.world_group_id),
            powered_on: true,
            config_file: self.volumes.canonical(&listed.config_file),
            disks: listed.disks.into_iter().map(disk).collect(),
        }
    }

    /// Adds what the .vmx knows: vmdk files of listed disks, and disks that vscsiStats does not see.
    fn add_files(&mut self, files: &mut impl Files, vm: &mut Vm) {
        let in_vmx: Vec<VmxDisk> = match files.read(&vm.config_file) {
            Ok(bytes) => esxi::parse_vmx_disks(&bytes).value,
            Err(reason) => {
                self.warnings.push(format!("{}: {reason}", vm.name));
                return;
            }
        };
        for found in in_vmx.into_iter().filter(VmxDisk::is_hard_disk) {
            let Some(file_name) = found.file_name else { continue };
            let vmdk = self.volumes.canonical(&beside(&vm.config_file, &file_name));
            if let Some(disk) = vm.disks.iter_mut().find(|disk| disk.node == found.node) {
                self.add_storage(files, disk, vmdk);
            } else {
                let mut disk = Disk {
                    node: found.node,
                    ..Disk::default()
                };
                self.add_storage(files, &mut disk, vmdk);
                vm.disks.push(disk);
            }
        }
    }

    fn add_storage(&mut self, files: &mut impl Files, disk: &mut Disk, vmdk: String) {
        let volume = self.volumes.of(&vmdk);
        let label = volume.map(|volume| volume.name.as_ref().unwrap_or(&volume.uuid).clone());
        match self.description(files, &vmdk) {
            Ok(description) if description.is_raw => {
                disk.raw_device_mapping = true;
                disk.capacity_bytes = description.capacity_bytes;
                disk.devices.extend(files.raw_device(&vmdk, &mut self.warnings));
            }
            Ok(description) => {
                let below = |extent: &&VmfsExtent| volume.is_some_and(|volume| volume.uuid == extent.vmfs_uuid);
                let devices = self.extents.iter().filter(below).map(|extent| extent.device.clone());
                disk.devices = devices.collect::<BTreeSet<String>>().into_iter().collect();
                disk.capacity_bytes = description.capacity_bytes;
                disk.datastore = label;
            }
            // It may be a pointer to any device, so none is named.
            Err(reason) => {
                self.warnings.push(format!("{vmdk}: {reason}"));
                disk.datastore = label;
            }
        }
        let on_these = |path: &&StoragePath| path.device.as_ref().is_some_and(|device| disk.devices.contains(device));
        let runtime = self.paths.iter().filter(on_these).map(|path| path.runtime_name.clone());
        disk.runtime_paths = runtime.collect::<BTreeSet<_>>().into_iter().collect();
        disk.vmdk = Some(vmdk);
    }

    /// What the descriptors say, down to that of the disk below all snapshots.
    fn description(&self, files: &mut impl Files, vmdk: &str) -> Result<Description, String> {
        let mut description = Description::default();
        let mut path = vmdk.to_owned();
        for _ in 0..MAX_SNAPSHOT_DEPTH {
            let descriptor = esxi::parse_vmdk_descriptor(&files.read(&path)?).value;
            description.is_raw |= descriptor.is_raw_device_mapping();
            description.capacity_bytes = description.capacity_bytes.or(descriptor.capacity_bytes());
            match descriptor.parent_file_name {
                Some(parent) => path = self.volumes.canonical(&beside(&path, &parent)),
                None => break,
            }
        }
        Ok(description)
    }
}

/// What the descriptors of a disk and of the snapshots above it say.
#[derive(Debug, Default)]
struct Description {
    capacity_bytes: Option<u64>,
    is_raw: bool,
}

/// `name` in the directory of `file`, unless it is absolute.
fn beside(file: &str, name: &str) -> String {
    match (name.starts_with('/'), file.rsplit_once('/')) {
        (false, Some((directory, _))) => format!("{directory}/{name}"),
        _ => name.to_owned(),
    }
}
