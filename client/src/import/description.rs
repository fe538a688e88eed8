//! What a file says of the disk beside the numbers.

/// Names of the VM and the disk.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Description {
    /// Display name of the VM.
    pub(super) vm_name: Option<String>,
    /// What the disk is called.
    pub(super) lun: Option<String>,
}
