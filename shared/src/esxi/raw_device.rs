//! `vmkfstools -q FILE`: the device behind a raw device mapping.

use super::Reading;
use super::diagnostic::Findings;
use super::text::{Line, decode, lines};

/// What a virtual disk passes through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawDevice {
    /// Name of the device below `/dev/disks`, in its `vml.…` form; the link of that name leads to the canonical one.
    pub name: String,
}

/// Reads `vmkfstools -q FILE`; `None` when the disk is no raw device mapping.
///
/// The answer is two lines, in both compatibility modes and for a snapshot of such a disk too:
///
/// ```text
/// Disk /vmfs/volumes/ds/vm/vm_1.vmdk is a Passthrough Raw Device Mapping
/// Maps to: vml.0200050000600601603df02d00d06e9cf71b6fe111565241494420
/// ```
pub fn parse_raw_device(output: &[u8]) -> Reading<Option<RawDevice>> {
    let mut findings = Findings::default();
    let text = decode(output, &mut findings);
    let mut device = None;
    for Line { number, text, ended } in lines(&text) {
        let (key, value) = text.split_once(':').unwrap_or((text, ""));
        let value = value.trim();
        if key.trim().eq_ignore_ascii_case("maps to") && !value.is_empty() {
            if ended {
                device = Some(RawDevice { name: value.to_owned() });
            } else {
                findings.cut_short(number, value);
            }
        } else if !text.trim().is_empty() && !text.contains("Raw Device Mapping") {
            findings.unexpected(number, text);
        }
    }
    findings.with(device)
}
