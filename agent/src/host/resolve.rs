//! From what a user selected to what vscsiStats lists now.

use vscsi_shared::identifier::{HandleId, WorldGroupId};
use vscsi_shared::inventory::Volumes;
use vscsi_shared::job::{Target, TargetDisk};
use vscsi_shared::vscsistats::{ListedVm, Listing};
use vscsi_shared::wire::v1::{DiskSelector, VmSelector};

/// A VM and the disks of interest as they are now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolved {
    /// World group of the VM.
    pub world_group_id: WorldGroupId,
    /// Display name.
    pub vm_name: String,
    /// Path of the .vmx as vscsiStats prints it.
    pub config_file: String,
    /// The disks found, in the order asked for.
    pub disks: Vec<ResolvedDisk>,
}

/// A disk as it is now.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ResolvedDisk {
    /// Its handle.
    pub handle_id: HandleId,
    /// Its node; empty on hosts that print none.
    pub node: String,
}

/// What came of a first resolution: the VM, and the selectors it was found by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selected {
    /// What is there now.
    pub resolved: Resolved,
    /// For each disk, the name the user gave it.
    pub luns: Vec<String>,
}

/// What was asked for is not there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unresolved {
    /// No such VM.
    #[error("no running VM has the configuration file {0}")]
    NoConfigFile(String),
    /// No such VM.
    #[error("no running VM has the world group ID {0}")]
    NoWorldGroup(WorldGroupId),
    /// No such disk.
    #[error("the VM `{vm}` has no disk {wanted} that vscsiStats lists; it lists {listed}")]
    NoDisk {
        /// Display name.
        vm: String,
        /// The disk asked for.
        wanted: String,
        /// The disks there are.
        listed: String,
    },
}

fn vm_with_config_file<'listing>(
    listing: &'listing Listing,
    volumes: &Volumes,
    path: &str,
) -> Option<&'listing ListedVm> {
    let wanted = volumes.canonical(path);
    listing
        .vms
        .iter()
        .find(|vm| vm.config_file == path || volumes.canonical(&vm.config_file) == wanted)
}

/// The disk that is `selector`'s: by node, which survives a power cycle, and by handle where no node is known.
fn disk_of(vm: &ListedVm, node: &str, handle: HandleId) -> Option<ResolvedDisk> {
    let by_node = vm
        .disks
        .iter()
        .find(|disk| !node.is_empty() && disk.node.as_deref() == Some(node));
    let by_handle = || {
        vm.disks
            .iter()
            .find(|disk| disk.handle_id == handle && (node.is_empty() || disk.node.is_none()))
    };
    by_node.or_else(by_handle).map(|disk| ResolvedDisk {
        handle_id: disk.handle_id,
        node: disk.node.clone().unwrap_or_default(),
    })
}

/// Finds what a new job asks for; an empty list of disks means all of them.
///
/// # Errors
/// [`Unresolved`] names the first thing that is not there.
pub fn select(
    listing: &Listing,
    volumes: &Volumes,
    selector: &VmSelector,
    disks: &[DiskSelector],
) -> Result<Selected, Unresolved> {
    let vm = match selector {
        VmSelector::ConfigFile(path) => {
            vm_with_config_file(listing, volumes, path).ok_or_else(|| Unresolved::NoConfigFile(path.clone()))?
        }
        VmSelector::WorldGroupId(id) => listing
            .vms
            .iter()
            .find(|vm| vm.world_group_id == *id)
            .ok_or(Unresolved::NoWorldGroup(*id))?,
    };
    let mut found: Vec<ResolvedDisk> = Vec::new();
    let mut luns = Vec::new();
    let every: Vec<DiskSelector> = vm
        .disks
        .iter()
        .map(|disk| DiskSelector {
            handle_id: disk.handle_id,
            node: disk.node.clone().unwrap_or_default(),
            lun: disk.node.clone().unwrap_or_else(|| disk.handle_id.to_string()),
        })
        .collect();
    let wanted = if disks.is_empty() { &every } else { disks };
    for selector in wanted {
        let disk = disk_of(vm, &selector.node, selector.handle_id).ok_or_else(|| no_disk(vm, selector))?;
        if !found.contains(&disk) {
            found.push(disk);
            luns.push(selector.lun.clone());
        }
    }
    if found.is_empty() {
        return Err(Unresolved::NoDisk {
            vm: vm.display_name.clone(),
            wanted: "at all".to_owned(),
            listed: "none".to_owned(),
        });
    }
    Ok(Selected {
        resolved: Resolved {
            world_group_id: vm.world_group_id,
            vm_name: vm.display_name.clone(),
            config_file: vm.config_file.clone(),
            disks: found,
        },
        luns,
    })
}

fn no_disk(vm: &ListedVm, selector: &DiskSelector) -> Unresolved {
    let listed: Vec<String> = vm
        .disks
        .iter()
        .map(|disk| match &disk.node {
            Some(node) => format!("{} ({node})", disk.handle_id),
            None => disk.handle_id.to_string(),
        })
        .collect();
    let wanted = if selector.node.is_empty() {
        selector.handle_id.to_string()
    } else {
        selector.node.clone()
    };
    Unresolved::NoDisk {
        vm: vm.display_name.clone(),
        wanted,
        listed: if listed.is_empty() {
            "none".to_owned()
        } else {
            listed.join(", ")
        },
    }
}

/// Which of the disks found by [`find_again`] is the job's disk: by node, and by handle only where no node is known.
pub fn found_as<'found>(disk: &TargetDisk, found: &'found [ResolvedDisk]) -> Option<&'found ResolvedDisk> {
    let by_node = found
        .iter()
        .find(|found| !disk.node.is_empty() && found.node == disk.node);
    let no_node = |found: &ResolvedDisk| disk.node.is_empty() || found.node.is_empty();
    by_node.or_else(|| {
        found
            .iter()
            .find(|found| found.handle_id == disk.handle_id && no_node(found))
    })
}

/// Finds a job's VM again by its configuration file; disks that are gone are left out.
///
/// `None` when the VM does not run here, or none of the job's disks is listed.
pub fn find_again(listing: &Listing, volumes: &Volumes, target: &Target) -> Option<Resolved> {
    let vm = vm_with_config_file(listing, volumes, &target.config_file)?;
    let disks: Vec<ResolvedDisk> = target
        .disks
        .iter()
        .filter_map(|disk| disk_of(vm, &disk.node, disk.handle_id))
        .collect();
    if disks.is_empty() {
        return None;
    }
    Some(Resolved {
        world_group_id: vm.world_group_id,
        vm_name: vm.display_name.clone(),
        config_file: vm.config_file.clone(),
        disks,
    })
}
