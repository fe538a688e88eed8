//! The VMs of the host and what lies below their disks, joined from several commands and files.
//!
//! vscsiStats knows handles and nodes, the .vmx knows nodes and vmdk files, esxcli knows volumes, extents and paths,
//! vim-cmd knows the VMs that do not run. Each source may fail: the rest is still told, and what is missing is a
//! warning.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use vscsi_shared::esxi::{self, Reading, RegisteredVm, StoragePath, VmProcess, VmfsExtent, VmxDisk, Volume};
use vscsi_shared::vscsistats::{ListedDisk, ListedVm};
use vscsi_shared::wire::v1::{Disk, Inventory, Vm};

use super::{Host, HostError, Volumes};
use crate::command::Program;
use crate::files;

/// Largest .vmx or vmdk descriptor that is read; real ones have a few kilobytes.
const DESCRIPTOR_LIMIT: u64 = 256 * 1024;

/// Longest chain of snapshots that is followed to the disk below them; a VM has at most 32.
const MAX_SNAPSHOT_DEPTH: usize = 40;

/// The mounted volumes, to which paths by label or UUID refer.
///
/// # Errors
/// When esxcli cannot be run.
pub fn volumes(host: &Host) -> Result<Volumes, HostError> {
    let output = host.run_well(Program::Esxcli, &["storage", "filesystem", "list"])?;
    Ok(Volumes::new(esxi::parse_filesystems(&output).value))
}

/// Everything that can be found out; what cannot is a warning.
pub fn inventory(host: &Host, host_root: &Path) -> Inventory {
    let mut sources = Sources {
        host_root: host_root.to_path_buf(),
        ..Sources::default()
    };
    match host.list() {
        Ok(listing) => {
            let found = listing
                .diagnostics
                .iter()
                .map(|found| format!("vscsiStats -l: {found}"));
            sources.warnings.extend(found);
            sources.listed = listing.vms;
        }
        Err(error) => sources.warnings.push(error.to_string()),
    }
    let volumes = sources.ask(
        host,
        Program::Esxcli,
        &["storage", "filesystem", "list"],
        esxi::parse_filesystems,
    );
    sources.volumes = Volumes::new(volumes);
    sources.processes = sources.ask(
        host,
        Program::Esxcli,
        &["vm", "process", "list"],
        esxi::parse_vm_processes,
    );
    sources.extents = sources.ask(
        host,
        Program::Esxcli,
        &["storage", "vmfs", "extent", "list"],
        esxi::parse_vmfs_extents,
    );
    sources.paths = sources.ask(
        host,
        Program::Esxcli,
        &["storage", "core", "path", "list"],
        esxi::parse_storage_paths,
    );
    sources.registered = sources.ask(host, Program::VimCmd, &["vmsvc/getallvms"], esxi::parse_registered_vms);
    sources.join(host)
}

/// What the commands said.
#[derive(Debug, Default)]
struct Sources {
    host_root: PathBuf,
    listed: Vec<ListedVm>,
    processes: Vec<VmProcess>,
    registered: Vec<RegisteredVm>,
    volumes: Volumes,
    extents: Vec<VmfsExtent>,
    paths: Vec<StoragePath>,
    warnings: Vec<String>,
}

impl Sources {
    fn ask<T: Default>(
        &mut self,
        host: &Host,
        program: Program,
        arguments: &[&str],
        parse: impl FnOnce(&[u8]) -> Reading<T>,
    ) -> T {
        match host.run_well(program, arguments) {
            Ok(output) => {
                let reading = parse(&output);
                let command = format!("{program} {}", arguments.join(" "));
                let found = reading.diagnostics.iter().map(|found| format!("{command}: {found}"));
                self.warnings.extend(found);
                reading.value
            }
            Err(error) => {
                self.warnings.push(error.to_string());
                T::default()
            }
        }
    }

    fn join(mut self, host: &Host) -> Inventory {
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
            self.add_files(host, vm);
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
    fn add_files(&mut self, host: &Host, vm: &mut Vm) {
        let in_vmx: Vec<VmxDisk> = match self.read(&vm.config_file) {
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
                self.add_storage(host, disk, vmdk);
            } else {
                let mut disk = Disk {
                    node: found.node,
                    ..Disk::default()
                };
                self.add_storage(host, &mut disk, vmdk);
                vm.disks.push(disk);
            }
        }
    }

    fn add_storage(&mut self, host: &Host, disk: &mut Disk, vmdk: String) {
        let volume = self.volumes.of(&vmdk);
        let label = volume.map(|volume| volume.name.as_ref().unwrap_or(&volume.uuid).clone());
        match self.description(&vmdk) {
            Ok(description) if description.is_raw => {
                disk.raw_device_mapping = true;
                disk.capacity_bytes = description.capacity_bytes;
                disk.devices.extend(self.raw_device(host, &vmdk));
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
    fn description(&self, vmdk: &str) -> Result<Description, String> {
        let mut description = Description::default();
        let mut path = vmdk.to_owned();
        for _ in 0..MAX_SNAPSHOT_DEPTH {
            let descriptor = esxi::parse_vmdk_descriptor(&self.read(&path)?).value;
            description.is_raw |= descriptor.is_raw_device_mapping();
            description.capacity_bytes = description.capacity_bytes.or(descriptor.capacity_bytes());
            match descriptor.parent_file_name {
                Some(parent) => path = self.volumes.canonical(&beside(&path, &parent)),
                None => break,
            }
        }
        Ok(description)
    }

    /// The device that a raw device mapping leads to, by its canonical name where the host has a link to it.
    fn raw_device(&mut self, host: &Host, vmdk: &str) -> Option<String> {
        let device = self.ask(host, Program::Vmkfstools, &["-q", vmdk], esxi::parse_raw_device)?;
        let link = self.host_root.join("dev/disks").join(&device.name);
        let canonical = fs::read_link(link).ok();
        let canonical = canonical
            .as_deref()
            .and_then(Path::file_name)
            .and_then(|name| name.to_str());
        Some(canonical.map_or(device.name, str::to_owned))
    }

    fn read(&self, path: &str) -> Result<Vec<u8>, String> {
        let below_root = self.host_root.join(path.trim_start_matches('/'));
        files::read_if_there(&below_root, DESCRIPTOR_LIMIT)
            .map_err(|error| format!("cannot read {path}: {error}"))?
            .ok_or_else(|| format!("{path} does not exist"))
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

impl Volumes {
    /// The volume a canonical path lies on.
    fn of(&self, path: &str) -> Option<&Volume> {
        let below = path.strip_prefix("/vmfs/volumes/")?;
        let uuid = below.split('/').next()?;
        self.all().iter().find(|volume| volume.uuid == uuid)
    }
}
