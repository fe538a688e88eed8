//! `vim-cmd vmsvc/getallvms`: every VM the host knows, running or not.

use super::Reading;
use super::diagnostic::Findings;
use super::text::{decode, lines};

/// A registered VM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegisteredVm {
    /// Number that `vim-cmd` uses; not a world ID.
    pub vmid: u32,
    /// Display name.
    pub name: String,
    /// Label of the datastore that holds the .vmx.
    pub datastore: String,
    /// Path of the .vmx in that datastore.
    pub path: String,
    /// Guest operating system, such as `centos64Guest`.
    pub guest_os: Option<String>,
    /// Virtual hardware, such as `vmx-13`.
    pub hardware_version: Option<String>,
}

impl RegisteredVm {
    /// Path of the .vmx, with the label of the volume.
    pub fn config_file(&self) -> String {
        format!("/vmfs/volumes/{}/{}", self.datastore, self.path)
    }
}

/// Reads `vim-cmd vmsvc/getallvms`.
///
/// Columns are padded and not marked, and annotations run over any number of lines with any content. So only a line with
/// a number, a name, `[datastore] …vmx` counts, and others below the column titles are taken for annotations.
pub fn parse_registered_vms(output: &[u8]) -> Reading<Vec<RegisteredVm>> {
    let mut findings = Findings::default();
    let text = decode(output, &mut findings);
    let mut vms = Vec::new();
    let mut below_titles = false;
    for (number, line) in lines(&text) {
        if let Some(vm) = vm(line) {
            vms.push(vm);
        } else if line.starts_with("Vmid ") {
            below_titles = true;
        } else if !below_titles && !line.trim().is_empty() {
            findings.unexpected(number, line);
        }
    }
    findings.with(vms)
}

fn vm(line: &str) -> Option<RegisteredVm> {
    let (vmid, rest) = line.split_once([' ', '\t'])?;
    let vmid = vmid.parse().ok()?;
    // The first path that ends in .vmx is the VM's; an annotation may mention others behind it.
    let end = rest
        .match_indices(".vmx")
        .map(|(at, found)| at + found.len())
        .find(|&end| rest.get(end..).is_some_and(|after| after.starts_with([' ', '\t'])))?;
    let (before, after) = rest.split_at_checked(end)?;
    let (name, datastore, path) = datastore_path(before)?;
    let mut words = after.split_whitespace().map(str::to_owned);
    Some(RegisteredVm {
        vmid,
        name: name.trim().to_owned(),
        datastore: datastore.to_owned(),
        path: path.to_owned(),
        guest_os: words.next(),
        hardware_version: words.next(),
    })
}

/// Name, datastore and path of `name   [datastore] path`.
///
/// Names may hold brackets too, so the padding before the datastore decides, and without it the last bracket.
fn datastore_path(text: &str) -> Option<(&str, &str, &str)> {
    let candidates = || {
        text.match_indices('[').filter_map(|(at, _)| {
            let (name, rest) = text.split_at_checked(at)?;
            let (datastore, path) = rest.strip_prefix('[')?.split_once("] ")?;
            (!datastore.is_empty() && !datastore.contains(']') && name.ends_with(' '))
                .then_some((name, datastore, path))
        })
    };
    let padded = candidates().rfind(|(name, _, _)| name.ends_with("  "));
    padded.or_else(|| candidates().next_back())
}
