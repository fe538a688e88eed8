//! What lies below the disks of a simulated host.
#![expect(clippy::unwrap_used, clippy::panic, reason = "what supports tests fails as tests do")]

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use vscsi_agent::command::{CommandOutput, CommandRunner, CommandSpec, Programs, RunError};
use vscsi_agent::host::Host;
use vscsi_agent::host::inventory::inventory;
use vscsi_fixtures::{Outcome, Scenario, SimulatedHost};
use vscsi_shared::wire::v1::{Disk, Inventory};

/// The device that the VM `it's 100% …` of the scenario is given as a whole.
const RAW_DEVICE: &str = "naa.600508b1001c5d6e7f8091a2b3c4d506";

/// Runs the programs of the simulated host in this process.
struct InProcess(Arc<SimulatedHost>);

impl CommandRunner for InProcess {
    fn run(&self, spec: &CommandSpec) -> Result<CommandOutput, RunError> {
        let program = spec.program.file_name().unwrap().to_str().unwrap();
        let Outcome::Ended(output) = self.0.call(program, &spec.arguments).unwrap() else {
            panic!("{program} hangs")
        };
        Ok(CommandOutput {
            status: Some(i32::from(output.exit_code)),
            stdout: output.stdout,
            stderr: output.stderr,
            ..CommandOutput::default()
        })
    }
}

struct OddHost {
    root: tempfile::TempDir,
    host: Arc<SimulatedHost>,
}

impl OddHost {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let scenario = Scenario::load("odd-names").unwrap();
        let host = SimulatedHost::create_without_programs(&scenario, root.path()).unwrap();
        for program in ["usr/sbin/vscsiStats", "bin/esxcli", "bin/vim-cmd", "sbin/vmkfstools"] {
            let path = root.path().join(program);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "played in this process").unwrap();
        }
        Self {
            root,
            host: Arc::new(host),
        }
    }

    fn inventory(&self) -> Inventory {
        let runner = InProcess(Arc::clone(&self.host));
        let tools = Host::new(Arc::new(runner), Programs::below(self.host.root()));
        inventory(&tools, self.root.path())
    }

    /// The folder of the VM that is given a device.
    fn folder(&self) -> PathBuf {
        self.root.path().join("vmfs/volumes/datastore1/it's 100%")
    }
}

fn raw_disk(inventory: &Inventory) -> &Disk {
    let vm = inventory
        .vms
        .iter()
        .find(|vm| vm.name.starts_with("it's 100%"))
        .unwrap();
    let [disk] = &vm.disks[..] else { panic!("{vm:?}") };
    disk
}

#[test]
fn a_raw_device_mapping_shows_its_own_device_and_never_that_of_the_pointer() {
    let host = OddHost::new();
    let inventory = host.inventory();
    assert_eq!(inventory.warnings, Vec::<String>::new());
    let disk = raw_disk(&inventory);
    assert!(disk.raw_device_mapping);
    assert_eq!(disk.devices, [RAW_DEVICE]);
    assert_eq!(disk.runtime_paths, ["vmhba1:C0:T0:L2"]);
    assert_eq!(disk.datastore, None);
    // 64 GiB by its descriptor.
    assert_eq!(disk.capacity_bytes, Some(64 << 30));
}

#[test]
fn a_snapshot_of_a_raw_device_mapping_is_one_too() {
    let host = OddHost::new();
    let folder = host.folder();
    let vmx = fs::read_to_string(folder.join("it's 100%.vmx")).unwrap();
    fs::rename(folder.join("it's 100%.vmdk"), folder.join("base.vmdk")).unwrap();
    // The simulated host knows the disk by this name.
    fs::write(
        folder.join("it's 100%.vmdk"),
        "createType=\"vmfsSparse\"\nparentFileNameHint=\"base.vmdk\"\nRW 134217728 VMFSSPARSE \"delta.vmdk\"\n",
    )
    .unwrap();
    assert!(vmx.contains("it's 100%.vmdk"), "{vmx}");
    let inventory = host.inventory();
    assert_eq!(raw_disk(&inventory).devices, [RAW_DEVICE]);
}

#[test]
fn a_raw_device_that_the_host_does_not_tell_is_unknown_and_said() {
    let host = OddHost::new();
    fs::remove_file(host.root.path().join("sbin/vmkfstools")).unwrap();
    let inventory = host.inventory();
    let disk = raw_disk(&inventory);
    assert!(
        disk.raw_device_mapping && disk.devices.is_empty() && disk.runtime_paths.is_empty(),
        "{disk:?}"
    );
    assert!(
        inventory.warnings.iter().any(|warning| warning.contains("vmkfstools")),
        "{inventory:?}"
    );
}

#[test]
fn a_disk_whose_descriptor_cannot_be_read_shows_no_device() {
    let host = OddHost::new();
    fs::remove_file(host.folder().join("it's 100%.vmdk")).unwrap();
    let inventory = host.inventory();
    let disk = raw_disk(&inventory);
    assert!(disk.devices.is_empty() && disk.runtime_paths.is_empty(), "{disk:?}");
    assert!(
        inventory
            .warnings
            .iter()
            .any(|warning| warning.contains("does not exist")),
        "{inventory:?}"
    );
}
