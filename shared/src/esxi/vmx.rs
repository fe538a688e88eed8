//! The .vmx file: which virtual disks a VM has.

use std::collections::BTreeMap;

use super::Reading;
use super::diagnostic::Findings;
use super::text::{Line, decode, lines};

/// A device at a virtual device node.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct VmxDisk {
    /// Node such as `scsi0:0`, `sata0:1`, `ide0:0` or `nvme0:0`.
    pub node: String,
    /// Its file, relative to the directory of the .vmx or absolute. With a snapshot it is that of the delta disk.
    pub file_name: Option<String>,
    /// The VM has it; a node without `present` has not.
    pub present: bool,
    /// Such as `scsi-hardDisk` or `cdrom-image`; absent for plain hard disks of some controllers.
    pub device_type: Option<String>,
}

impl VmxDisk {
    /// It is a hard disk that is there, and not a CD drive or an empty node.
    pub fn is_hard_disk(&self) -> bool {
        let is_vmdk = self.file_name.as_deref().is_some_and(|name| ends_with(name, ".vmdk"));
        let is_optical = self.device_type.as_deref().is_some_and(|kind| kind.contains("cdrom"));
        self.present && is_vmdk && !is_optical
    }
}

/// Reads the devices at `scsi`, `sata`, `ide` and `nvme` nodes, ordered by node.
///
/// Keys are matched without regard to case. A line that is no `key = "value"` is reported.
pub fn parse_vmx_disks(file: &[u8]) -> Reading<Vec<VmxDisk>> {
    let mut findings = Findings::default();
    let text = decode(file, &mut findings);
    let mut disks: BTreeMap<(String, u32, u32), VmxDisk> = BTreeMap::new();
    for Line { number, text: line, .. } in lines(&text) {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let Some((key, value)) = assignment(line) else {
            findings.unexpected(number, line);
            continue;
        };
        let Some((node, property)) = node(key) else { continue };
        let disk = disks.entry(node.clone()).or_default();
        disk.node = format!("{}{}:{}", node.0, node.1, node.2);
        match property.to_ascii_lowercase().as_str() {
            "filename" => disk.file_name = Some(value),
            "present" => disk.present = value.eq_ignore_ascii_case("true"),
            "devicetype" => disk.device_type = Some(value),
            _ => {}
        }
    }
    findings.with(disks.into_values().collect())
}

fn assignment(line: &str) -> Option<(&str, String)> {
    let (key, value) = line.split_once('=')?;
    let value = value.trim().strip_prefix('"')?.strip_suffix('"')?;
    Some((key.trim(), unescaped(value)))
}

/// Controller, its number, the unit, and the property behind the dot.
fn node(key: &str) -> Option<((String, u32, u32), &str)> {
    let (node, property) = key.split_once('.')?;
    let (controller, unit) = node.split_once(':')?;
    let digits = controller.find(|character: char| character.is_ascii_digit())?;
    let (name, number) = controller.split_at_checked(digits)?;
    let name = name.to_ascii_lowercase();
    let known = matches!(name.as_str(), "scsi" | "sata" | "ide" | "nvme");
    known.then_some(())?;
    Some(((name, number.parse().ok()?, unit.parse().ok()?), property))
}

/// A character that would end the value is written as a bar and its code in hexadecimal: `|22` is a quote.
fn unescaped(value: &str) -> String {
    let mut plain = String::with_capacity(value.len());
    let mut rest = value;
    while let Some((before, after)) = rest.split_once('|') {
        plain.push_str(before);
        let code = after.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok());
        if let Some(code) = code.filter(u8::is_ascii) {
            plain.push(char::from(code));
            rest = after.get(2..).unwrap_or_default();
        } else {
            plain.push('|');
            rest = after;
        }
    }
    plain + rest
}

fn ends_with(name: &str, suffix: &str) -> bool {
    let tail = name.len().checked_sub(suffix.len()).and_then(|start| name.get(start..));
    tail.is_some_and(|tail| tail.eq_ignore_ascii_case(suffix))
}
