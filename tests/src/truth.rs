//! Comparing an agent's snapshots with the simulator's truth.
#![expect(clippy::unwrap_used, clippy::panic, reason = "what supports tests fails as tests do")]

use std::collections::BTreeMap;
use std::path::Path;

use vscsi_fixtures::{Call, SimulatedHost, TruthQuery};
use vscsi_shared::histogram::{HistogramKind, Metric, Operation};
use vscsi_shared::identifier::HandleId;
use vscsi_shared::snapshot::{self, SnapshotFlag, SnapshotHeader};
use vscsi_shared::vscsistats;

/// A snapshot of the spool: its header, and for each disk its reads and writes so far.
#[derive(Debug, Clone)]
pub struct Taken {
    /// What it says about itself.
    pub header: SnapshotHeader,
    /// Commands counted for each handle: reads and writes.
    pub counted: BTreeMap<HandleId, (u64, u64)>,
}

impl Taken {
    /// It carries this flag.
    pub fn has(&self, flag: SnapshotFlag) -> bool {
        self.header.flags.contains(&flag)
    }

    /// It holds output that the analysis uses.
    pub fn is_usable(&self) -> bool {
        !self.has(SnapshotFlag::Gap) && !self.has(SnapshotFlag::Failed)
    }
}

/// Reads every snapshot of a job directory, in order.
///
/// # Panics
/// When one is not whole, or a sequence is missing.
pub fn snapshots(job_directory: &Path) -> Vec<Taken> {
    let files = std::fs::read_dir(job_directory.join("samples"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "csv"));
    let mut taken: Vec<Taken> = files
        .map(|file| {
            let bytes = std::fs::read(&file).unwrap();
            let snapshot = snapshot::read(&bytes).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
            Taken {
                counted: counted(snapshot.output),
                header: snapshot.header,
            }
        })
        .collect();
    taken.sort_by_key(|taken| taken.header.sequence);
    for (position, taken) in taken.iter().enumerate() {
        assert_eq!(taken.header.sequence as usize, position, "a sequence is missing");
    }
    taken
}

fn counted(output: &[u8]) -> BTreeMap<HandleId, (u64, u64)> {
    let kind = |operation| HistogramKind::new(Metric::IoLength, operation).unwrap();
    vscsistats::parse(output)
        .prints
        .iter()
        .flat_map(|print| &print.disks)
        .map(|disk| {
            let total = |operation| {
                disk.get(kind(operation))
                    .map_or(0, |histogram| histogram.summary().count)
            };
            (disk.handle_id, (total(Operation::Read), total(Operation::Write)))
        })
        .collect()
}

/// Checks that every difference of two usable snapshots is the truth between their prints, to the last command.
///
/// Differences across a new baseline are left out, as in the analysis. Returns how many were compared.
///
/// # Panics
/// When one differs.
pub fn compare_with_truth(host: &SimulatedHost, job_directory: &Path) -> usize {
    let calls = host.journal().unwrap();
    let taken: Vec<Taken> = snapshots(job_directory).into_iter().filter(Taken::is_usable).collect();
    let mut compared = 0;
    for pair in taken.windows(2) {
        let [earlier, later] = pair else { continue };
        if later.has(SnapshotFlag::NewBaseline) || later.has(SnapshotFlag::Restarted) {
            continue;
        }
        for disk in &later.header.disks {
            let handle = disk.handle_id;
            let (Some(before), Some(after)) = (earlier.counted.get(&handle), later.counted.get(&handle)) else {
                continue;
            };
            let query = TruthQuery {
                vm: Some(later.header.vm_name.clone()),
                node: Some(disk.node.clone()),
                from_us: Some(print_of(&calls, &earlier.header, handle).clock_us),
                to_us: Some(print_of(&calls, &later.header, handle).clock_us),
            };
            let truth = host.truth(&query).unwrap().remove(0);
            let sequence = later.header.sequence;
            assert_eq!(
                after.0 - before.0,
                truth.reads.commands,
                "reads of sample {sequence}, disk {handle}"
            );
            assert_eq!(
                after.1 - before.1,
                truth.writes.commands,
                "writes of sample {sequence}, disk {handle}"
            );
            compared += 1;
        }
    }
    compared
}

/// The call that printed a snapshot: the last one of the disk within the time the header tells.
fn print_of<'calls>(calls: &'calls [Call], header: &SnapshotHeader, handle: HandleId) -> &'calls Call {
    let from = u64::try_from(header.taken_at.as_millisecond()).unwrap();
    let to = from + header.duration_ms + 1;
    calls
        .iter()
        .rev()
        .filter(|call| call.arguments.iter().any(|word| word == "all"))
        .filter(|call| (from..=to).contains(&call.real_unix_ms))
        .find(|call| call.printed.iter().any(|disk| disk.handle_id == handle.0))
        .unwrap_or_else(|| panic!("no print of disk {handle} at snapshot {}", header.sequence))
}
