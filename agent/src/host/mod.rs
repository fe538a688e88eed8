//! The host as the collector drives it: every `vscsiStats` command line stands in this file.

pub mod inventory;
mod resolve;

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use vscsi_shared::histogram::HistogramKind;
use vscsi_shared::identifier::{HandleId, WorldGroupId};
use vscsi_shared::vscsistats::{self, Listing};

use crate::command::{CommandOutput, CommandRunner, CommandSpec, Program, Programs, RunError};

pub use resolve::{Resolved, ResolvedDisk, Selected, Unresolved, find_again, found_as, select};

/// How long a command that changes or lists something may take.
const SHORT_DEADLINE: Duration = Duration::from_secs(10);

/// How long telling syslog may hold up the agent.
const SYSLOG_DEADLINE: Duration = Duration::from_secs(2);

/// What one print may hold: 64 disks take less than half a megabyte.
const OUTPUT_LIMIT: usize = 4 * 1024 * 1024;

/// A disk of a VM, as `-w` and `-i` name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct DiskKey {
    /// World group of the VM.
    pub world_group_id: WorldGroupId,
    /// Handle of the disk.
    pub handle_id: HandleId,
}

impl fmt::Display for DiskKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            world_group_id,
            handle_id,
        } = self;
        write!(formatter, "disk {handle_id} of world group {world_group_id}")
    }
}

/// A command of the host did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    /// It could not be run.
    #[error(transparent)]
    Run(#[from] RunError),
    /// It ran and failed.
    #[error("`{command}` {complaint}")]
    Failed {
        /// The command line.
        command: String,
        /// What went wrong.
        complaint: String,
    },
}

/// Drives the commands of the host.
#[derive(Clone)]
pub struct Host {
    runner: Arc<dyn CommandRunner>,
    programs: Programs,
}

impl fmt::Debug for Host {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Host")
            .field("programs", &self.programs)
            .finish_non_exhaustive()
    }
}

impl Host {
    /// A host whose programs `runner` runs.
    pub fn new(runner: Arc<dyn CommandRunner>, programs: Programs) -> Self {
        Self { runner, programs }
    }

    /// Runs a program of the fixed list.
    pub(crate) fn run(
        &self,
        program: Program,
        arguments: &[&str],
        deadline: Duration,
    ) -> Result<CommandOutput, HostError> {
        let spec = self.spec(program, arguments, deadline)?;
        Ok(self.runner.run(&spec)?)
    }

    fn spec(&self, program: Program, arguments: &[&str], deadline: Duration) -> Result<CommandSpec, RunError> {
        Ok(CommandSpec {
            program: self.programs.find(program).ok_or(RunError::Missing(program))?,
            arguments: arguments.iter().map(|&argument| argument.to_owned()).collect(),
            deadline,
            output_limit: OUTPUT_LIMIT,
        })
    }

    /// Runs a program whose failure has no use for its output.
    pub(crate) fn run_well(&self, program: Program, arguments: &[&str]) -> Result<Vec<u8>, HostError> {
        let output = self.run(program, arguments, SHORT_DEADLINE)?;
        match output.complaint() {
            None => Ok(output.stdout),
            Some(complaint) => Err(HostError::Failed {
                command: format!("{program} {}", arguments.join(" ")),
                complaint,
            }),
        }
    }

    /// Tells the host's syslog, so that whoever watches the host can tell this program from others.
    pub fn tell_syslog(&self, message: &str) {
        // A host without logger is told nothing.
        let _ = self.run(Program::Logger, &["-t", "vscsi-agent", message], SYSLOG_DEADLINE);
    }

    /// The running VMs and their disks.
    pub fn list(&self) -> Result<Listing, HostError> {
        let output = self.run_well(Program::VscsiStats, &["-l"])?;
        Ok(vscsistats::parse_listing(&output))
    }

    /// The command line that starts the collection of a disk, or defers its automatic stop by another 30 minutes.
    pub(crate) fn start(&self, disk: DiskKey) -> Result<CommandSpec, RunError> {
        self.switching("-s", disk)
    }

    /// The command line that stops the collection of a disk.
    pub(crate) fn stop(&self, disk: DiskKey) -> Result<CommandSpec, RunError> {
        self.switching("-x", disk)
    }

    /// The command line that lists the running VMs and their disks.
    pub(crate) fn listing(&self) -> Result<CommandSpec, RunError> {
        self.spec(Program::VscsiStats, &["-l"], SHORT_DEADLINE)
    }

    fn switching(&self, how: &str, disk: DiskKey) -> Result<CommandSpec, RunError> {
        let (vm, handle) = (disk.world_group_id.to_string(), disk.handle_id.to_string());
        self.spec(Program::VscsiStats, &[how, "-w", &vm, "-i", &handle], SHORT_DEADLINE)
    }

    /// Prints all histograms of the VM, or of its one disk of interest, whatever comes out.
    pub fn print_all(
        &self,
        vm: WorldGroupId,
        disk: Option<HandleId>,
        deadline: Duration,
    ) -> Result<CommandOutput, HostError> {
        let vm = vm.to_string();
        let Some(disk) = disk else {
            return self.run(Program::VscsiStats, &["-p", "all", "-c", "-w", &vm], deadline);
        };
        let disk = disk.to_string();
        let arguments = ["-p", "all", "-c", "-w", &vm, "-i", &disk];
        self.run(Program::VscsiStats, &arguments, deadline)
    }

    /// The number of commands the disk's histograms hold; `None` when vscsiStats prints none.
    ///
    /// # Errors
    /// When vscsiStats did not come to its end, or printed what is no text. Its exit status and its words prove
    /// nothing: what they are for a disk that was never collected is not documented.
    pub fn commands_counted(&self, disk: DiskKey) -> Result<Option<u64>, HostError> {
        let (vm, handle) = (disk.world_group_id.to_string(), disk.handle_id.to_string());
        let arguments = ["-p", "ioLength", "-c", "-w", &vm, "-i", &handle];
        let output = self.run(Program::VscsiStats, &arguments, SHORT_DEADLINE)?;
        let parsed = vscsistats::parse(&output.stdout);
        let garbled = std::str::from_utf8(&output.stdout).is_err();
        if output.status.is_none() || output.timed_out || output.truncated || garbled {
            return Err(HostError::Failed {
                command: format!("{} {}", Program::VscsiStats, arguments.join(" ")),
                complaint: output
                    .complaint()
                    .unwrap_or_else(|| "printed bytes that are not text".to_owned()),
            });
        }
        let histogram = parsed
            .prints
            .iter()
            .flat_map(|print| &print.disks)
            .find(|printed| printed.handle_id == disk.handle_id)
            .and_then(|printed| printed.get(HistogramKind::ALL.first().copied()?));
        Ok(histogram.map(vscsi_shared::histogram::Histogram::total))
    }
}

/// A listing has the disk. Its handle is never given again, so a disk that is certainly not listed has no collection.
pub(crate) fn lists(listing: &Listing, disk: DiskKey) -> bool {
    listing.vms.iter().any(|vm| {
        vm.world_group_id == disk.world_group_id && vm.disks.iter().any(|listed| listed.handle_id == disk.handle_id)
    })
}

/// The command a person can run to stop the collection of `disks`.
pub fn stop_by_hand(disks: &BTreeSet<DiskKey>) -> String {
    let commands: Vec<String> = disks
        .iter()
        .map(|disk| format!("vscsiStats -x -w {} -i {}", disk.world_group_id, disk.handle_id))
        .collect();
    commands.join("; ")
}
