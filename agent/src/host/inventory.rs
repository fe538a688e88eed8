//! The VMs of the host and what lies below their disks: the host is asked, and `shared` joins what it says.

use std::fs;
use std::path::Path;

use vscsi_shared::esxi::{self, Reading};
use vscsi_shared::inventory::{DESCRIPTOR_LIMIT, Files, Sources, Volumes};
use vscsi_shared::wire::v1::Inventory;

use super::{Host, HostError};
use crate::command::Program;
use crate::files;

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
    let mut sources = Sources::default();
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
    let volumes = ask(
        host,
        Program::Esxcli,
        &["storage", "filesystem", "list"],
        esxi::parse_filesystems,
        &mut sources.warnings,
    );
    sources.volumes = Volumes::new(volumes);
    sources.processes = ask(
        host,
        Program::Esxcli,
        &["vm", "process", "list"],
        esxi::parse_vm_processes,
        &mut sources.warnings,
    );
    sources.extents = ask(
        host,
        Program::Esxcli,
        &["storage", "vmfs", "extent", "list"],
        esxi::parse_vmfs_extents,
        &mut sources.warnings,
    );
    sources.paths = ask(
        host,
        Program::Esxcli,
        &["storage", "core", "path", "list"],
        esxi::parse_storage_paths,
        &mut sources.warnings,
    );
    sources.registered = ask(
        host,
        Program::VimCmd,
        &["vmsvc/getallvms"],
        esxi::parse_registered_vms,
        &mut sources.warnings,
    );
    sources.join(&mut HostFiles { host, host_root })
}

/// What a program says; nothing where it fails. What is wrong with that is added to `warnings`.
fn ask<T: Default>(
    host: &Host,
    program: Program,
    arguments: &[&str],
    parse: impl FnOnce(&[u8]) -> Reading<T>,
    warnings: &mut Vec<String>,
) -> T {
    match host.run_well(program, arguments) {
        Ok(output) => {
            let reading = parse(&output);
            let command = format!("{program} {}", arguments.join(" "));
            warnings.extend(reading.diagnostics.iter().map(|found| format!("{command}: {found}")));
            reading.value
        }
        Err(error) => {
            warnings.push(error.to_string());
            T::default()
        }
    }
}

/// The files of this host.
struct HostFiles<'host> {
    host: &'host Host,
    host_root: &'host Path,
}

impl Files for HostFiles<'_> {
    fn read(&mut self, path: &str) -> Result<Vec<u8>, String> {
        let below_root = self.host_root.join(path.trim_start_matches('/'));
        files::read_if_there(&below_root, DESCRIPTOR_LIMIT)
            .map_err(|error| format!("cannot read {path}: {error}"))?
            .ok_or_else(|| format!("{path} does not exist"))
    }

    fn raw_device(&mut self, vmdk: &str, warnings: &mut Vec<String>) -> Option<String> {
        let arguments = ["-q", vmdk];
        let device = ask(
            self.host,
            Program::Vmkfstools,
            &arguments,
            esxi::parse_raw_device,
            warnings,
        )?;
        let canonical = fs::read_link(self.host_root.join("dev/disks").join(&device.name)).ok();
        let canonical = canonical
            .as_deref()
            .and_then(Path::file_name)
            .and_then(|name| name.to_str());
        Some(canonical.map_or(device.name, str::to_owned))
    }
}
