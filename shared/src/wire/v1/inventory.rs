//! The VMs of a host and their disks, joined from vscsiStats, esxcli, vim-cmd and the .vmx files.

use serde::{Deserialize, Serialize};

use crate::bounded::at_most;
use crate::identifier::{HandleId, WorldGroupId};

/// Answer of `GET /v1/inventory`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Inventory {
    /// VMs, running ones first, by name.
    pub vms: Vec<Vm>,
    /// What could not be found out, and why.
    #[serde(default)]
    pub warnings: Vec<String>,
}

/// A registered or running VM.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vm {
    /// Display name.
    pub name: String,
    /// World group; `None` when it is not running.
    pub world_group_id: Option<WorldGroupId>,
    /// It runs on this host.
    pub powered_on: bool,
    /// Path of the .vmx with the volume's UUID.
    pub config_file: String,
    /// Its virtual disks; vSphere allows a few hundred.
    #[serde(default, deserialize_with = "at_most::<1024, _, _>")]
    pub disks: Vec<Disk>,
}

/// A virtual disk and what lies below it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Disk {
    /// Virtual device node such as `scsi0:0`; empty on hosts that print none.
    pub node: String,
    /// Handle; `None` when vscsiStats does not list the disk (powered off, or a kind it cannot see).
    #[serde(default)]
    pub handle_id: Option<HandleId>,
    /// Path of the vmdk, with the volume's UUID.
    #[serde(default)]
    pub vmdk: Option<String>,
    /// The VM is given a device as a whole, and `vmdk` only points to it.
    #[serde(default)]
    pub raw_device_mapping: bool,
    /// Name of the datastore it lies on; none for a raw device mapping.
    #[serde(default)]
    pub datastore: Option<String>,
    /// Device IDs of the datastore's extents, such as `naa.…`; none on NFS and vSAN. Of a raw device mapping it is the
    /// device that the VM is given, and none when the host does not tell it.
    #[serde(default)]
    pub devices: Vec<String>,
    /// Runtime paths of those devices, such as `vmhba1:C0:T0:L0`.
    #[serde(default)]
    pub runtime_paths: Vec<String>,
    /// Capacity of the virtual disk, bytes.
    #[serde(default)]
    pub capacity_bytes: Option<u64>,
}
