//! What the companion commands of an ESXi host print, and the files that describe a VM.
//!
//! Every parser takes the bytes a command printed and returns a [`Reading`]: what could be read, and a located
//! diagnostic for what could not. None fails as a whole, none panics, and an empty output is an empty reading: esxcli
//! prints nothing at all for an empty list.
//!
//! esxcli prints lists as blocks of `Key: value` or as a table with a line of dashes; both become the same records here.

mod acceptance;
mod blocks;
mod diagnostic;
mod filesystem;
mod path;
mod raw_device;
mod record;
mod registered_vm;
mod secure_boot;
mod settings;
mod storage_path;
mod table;
mod text;
mod uname;
mod version;
mod vm_process;
mod vmdk;
mod vmfs_extent;
mod vmx;

pub use acceptance::{AcceptanceLevel, parse_acceptance_level};
pub use diagnostic::{Diagnostic, DiagnosticKind};
pub use filesystem::{Volume, parse_filesystems};
pub use path::{UnresolvedPath, canonical_path};
pub use raw_device::{RawDevice, parse_raw_device};
pub use registered_vm::{RegisteredVm, parse_registered_vms};
pub use secure_boot::{SecureBoot, parse_secure_boot};
pub use settings::{AdvancedOption, KernelOption, parse_advanced_options, parse_kernel_options};
pub use storage_path::{StoragePath, parse_storage_paths};
pub use uname::{Uname, parse_uname};
pub use version::{SystemVersion, parse_system_version, parse_vmware_version};
pub use vm_process::{VmProcess, parse_vm_processes};
pub use vmdk::{VmdkDescriptor, VmdkExtent, parse_vmdk_descriptor};
pub use vmfs_extent::{VmfsExtent, parse_vmfs_extents};
pub use vmx::{VmxDisk, parse_vmx_disks};

/// What was read from an output, and what could not be.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reading<T> {
    /// What was read.
    pub value: T,
    /// What could not be used, in order of lines.
    pub diagnostics: Vec<Diagnostic>,
}
