//! The descriptor of a virtual disk: its type, its extents, and so its capacity.

use super::Reading;
use super::diagnostic::Findings;
use super::text::{Line, decode, lines};

/// Bytes of a sector in a descriptor, whatever the device below.
const SECTOR: u64 = 512;

/// An extent of the disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VmdkExtent {
    /// Its size, 512-byte sectors.
    pub sectors: u64,
    /// `VMFS`, `VMFSSPARSE`, `SESPARSE`, `VMFSRDM`, `FLAT` …
    pub kind: String,
    /// The file that holds the data, relative to the descriptor.
    pub file_name: Option<String>,
}

/// A descriptor file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct VmdkDescriptor {
    /// Such as `vmfs`, `vmfsSparse`, `seSparse`, `vmfsRawDeviceMap` or `vmfsPassthroughRawDeviceMap`.
    pub create_type: Option<String>,
    /// Descriptor of the disk this one is a snapshot of.
    pub parent_file_name: Option<String>,
    /// The extents in order.
    pub extents: Vec<VmdkExtent>,
}

impl VmdkDescriptor {
    /// The disk is a device that the VM is given as a whole, a raw device mapping: its data lie on none of the devices
    /// below the datastore of this file.
    pub fn is_raw_device_mapping(&self) -> bool {
        let is_map = |kind: &String| {
            kind.eq_ignore_ascii_case("vmfsRawDeviceMap") || kind.eq_ignore_ascii_case("vmfsPassthroughRawDeviceMap")
        };
        let is_raw = |extent: &VmdkExtent| extent.kind.eq_ignore_ascii_case("VMFSRDM");
        self.create_type.as_ref().is_some_and(is_map) || self.extents.iter().any(is_raw)
    }

    /// Capacity of the virtual disk, bytes; `None` when the descriptor has no extent or one of absurd size.
    pub fn capacity_bytes(&self) -> Option<u64> {
        if self.extents.is_empty() {
            return None;
        }
        let add = |sum: u64, extent: &VmdkExtent| sum.checked_add(extent.sectors);
        self.extents.iter().try_fold(0, add)?.checked_mul(SECTOR)
    }
}

/// Reads a vmdk descriptor. Comments and settings that say nothing about extents are passed over.
pub fn parse_vmdk_descriptor(file: &[u8]) -> Reading<VmdkDescriptor> {
    let mut findings = Findings::default();
    let text = decode(file, &mut findings);
    let mut descriptor = VmdkDescriptor::default();
    for Line { number, text: line, .. } in lines(&text) {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(extent) = extent(line) {
            descriptor.extents.push(extent);
        } else if let Some((key, value)) = line.split_once('=') {
            let value = || Some(value.trim().trim_matches('"').to_owned());
            match key.trim() {
                "createType" => descriptor.create_type = value(),
                "parentFileNameHint" => descriptor.parent_file_name = value(),
                _ => {}
            }
        } else {
            findings.unexpected(number, line);
        }
    }
    findings.with(descriptor)
}

/// `RW 41943040 VMFS "vm-flat.vmdk"`; a file name may hold blanks, and an offset may follow it.
fn extent(line: &str) -> Option<VmdkExtent> {
    let (access, rest) = line.split_once(' ')?;
    if !matches!(access, "RW" | "RDONLY" | "NOACCESS") {
        return None;
    }
    let (sectors, rest) = rest.trim_start().split_once(' ')?;
    let (kind, name) = rest.trim().split_once(' ').unwrap_or((rest.trim(), ""));
    let name = name
        .trim_start()
        .strip_prefix('"')
        .and_then(|name| name.rsplit_once('"'));
    Some(VmdkExtent {
        sectors: sectors.parse().ok()?,
        kind: kind.to_owned(),
        file_name: name.map(|(name, _)| name.to_owned()),
    })
}
