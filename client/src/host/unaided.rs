//! The VMs of a host on which nothing is installed: its own commands are asked in one login, and nothing is changed.

use vscsi_shared::esxi::{self, Reading};
use vscsi_shared::inventory::{DESCRIPTOR_LIMIT, Files, Sources, Volumes};
use vscsi_shared::vscsistats;
use vscsi_shared::wire::v1::Inventory;

use super::HostError;
use crate::transport::{Conversation, TransportError, command_line};
use crate::visible;

/// Where vscsiStats may be; the first one is run.
const VSCSISTATS: &str = "( for program in /usr/sbin/vscsiStats /sbin/vscsiStats /bin/vscsiStats \
                          /usr/lib/vmware/bin/vscsiStats; do \
                          if [ -x $program ]; then exec $program -l; fi; done; exit 127 )";
/// Bytes that `dd` moves at once.
const BLOCK_BYTES: u64 = 64 * 1024;

/// The VMs of a host and what lies below their disks, as its own commands tell.
///
/// # Errors
/// When the connection breaks. What a command does not tell is a warning.
pub(crate) fn inventory_without_agent(shell: &mut Conversation) -> Result<Inventory, HostError> {
    let mut sources = Sources::default();
    let warnings = &mut sources.warnings;
    match shell.ask(VSCSISTATS)? {
        (0, output) => {
            let listing = vscsistats::parse_listing(&output);
            warnings.extend(
                listing
                    .diagnostics
                    .iter()
                    .map(|found| format!("vscsiStats -l: {found}")),
            );
            sources.listed = listing.vms;
        }
        (status, _) => warnings.push(format!("`vscsiStats -l` ended with status {status}")),
    }
    let volumes = ask(
        shell,
        "esxcli storage filesystem list",
        esxi::parse_filesystems,
        warnings,
    )?;
    sources.volumes = Volumes::new(volumes);
    sources.processes = ask(shell, "esxcli vm process list", esxi::parse_vm_processes, warnings)?;
    sources.extents = ask(
        shell,
        "esxcli storage vmfs extent list",
        esxi::parse_vmfs_extents,
        warnings,
    )?;
    sources.paths = ask(
        shell,
        "esxcli storage core path list",
        esxi::parse_storage_paths,
        warnings,
    )?;
    sources.registered = ask(shell, "vim-cmd vmsvc/getallvms", esxi::parse_registered_vms, warnings)?;
    let mut files = HostFiles { shell, broken: None };
    let inventory = sources.join(&mut files);
    match files.broken {
        Some(error) => Err(error.into()),
        None => made_safe(&inventory),
    }
}

/// Every text of a host is one line that commands no terminal, as in the answers of an agent.
fn made_safe(inventory: &Inventory) -> Result<Inventory, HostError> {
    let nonsense = |error: serde_json::Error| HostError::Nonsense {
        host: "the host".to_owned(),
        reason: error.to_string(),
    };
    let json = serde_json::to_string(inventory).map_err(nonsense)?;
    serde_json::from_str(&visible::json_of_lines(&json)).map_err(nonsense)
}

/// What a command says; nothing where it fails. What is wrong with that is added to `warnings`.
fn ask<T: Default>(
    shell: &mut Conversation,
    command: &str,
    parse: impl FnOnce(&[u8]) -> Reading<T>,
    warnings: &mut Vec<String>,
) -> Result<T, TransportError> {
    let (status, output) = shell.ask(command)?;
    if status != 0 {
        warnings.push(format!("`{command}` ended with status {status}"));
        return Ok(T::default());
    }
    let reading = parse(&output);
    warnings.extend(reading.diagnostics.iter().map(|found| format!("{command}: {found}")));
    Ok(reading.value)
}

/// The files of the host, until the connection breaks.
struct HostFiles<'shell> {
    shell: &'shell mut Conversation,
    broken: Option<TransportError>,
}

impl HostFiles<'_> {
    fn ask(&mut self, line: &str) -> Option<(i32, Vec<u8>)> {
        if self.broken.is_some() {
            return None;
        }
        self.shell.ask(line).map_err(|error| self.broken = Some(error)).ok()
    }
}

impl Files for HostFiles<'_> {
    fn read(&mut self, path: &str) -> Result<Vec<u8>, String> {
        let input = format!("if={path}");
        let (size, count) = (
            format!("bs={BLOCK_BYTES}"),
            format!("count={}", DESCRIPTOR_LIMIT / BLOCK_BYTES),
        );
        match self.ask(&command_line(["dd", &input, &size, &count])) {
            Some((0, content)) => Ok(content),
            _ => Err(format!("cannot read {path}")),
        }
    }

    fn raw_device(&mut self, vmdk: &str, warnings: &mut Vec<String>) -> Option<String> {
        let command = command_line(["vmkfstools", "-q", vmdk]);
        let (status, output) = self.ask(&command)?;
        if status != 0 {
            warnings.push(format!("`{command}` ended with status {status}"));
            return None;
        }
        let reading = esxi::parse_raw_device(&output);
        warnings.extend(reading.diagnostics.iter().map(|found| format!("{command}: {found}")));
        let device = reading.value?.name;
        let (_, link) = self.ask(&command_line(["readlink", &format!("/dev/disks/{device}")]))?;
        let link = String::from_utf8_lossy(&link);
        let canonical = link.trim().rsplit('/').next().filter(|name| !name.is_empty());
        Some(canonical.map_or(device, str::to_owned))
    }
}
