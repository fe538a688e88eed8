//! What the collector has done: its views, its snapshots beside the truth, its calls.

use std::fs;
use std::path::PathBuf;

use vscsi_fixtures::TruthQuery;
use vscsi_shared::histogram::{HistogramKind, Metric, Operation};
use vscsi_shared::identifier::Name;
use vscsi_shared::snapshot::{self, SnapshotFlag, SnapshotHeader};
use vscsi_shared::vscsistats;
use vscsi_shared::wire::v1::JobView;

use super::Harness;

impl Harness {
    pub(crate) fn problems(&self) -> Vec<String> {
        self.views.problems()
    }

    pub(crate) fn jobs(&self) -> Vec<JobView> {
        self.views.jobs(self.clock.as_ref())
    }

    pub(crate) fn job(&self, name: &str) -> JobView {
        self.views.job(&Name::new(name).unwrap(), self.clock.as_ref()).unwrap()
    }

    fn snapshot_files(&self, job: &str) -> Vec<Vec<u8>> {
        let directory = self.state().join("jobs").join(job).join("samples");
        let mut names: Vec<PathBuf> = fs::read_dir(directory)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_some_and(|extension| extension == "csv"))
            .collect();
        names.sort();
        names.into_iter().map(|path| fs::read(path).unwrap()).collect()
    }

    /// Headers of a job's snapshots, which are whole and contiguous.
    pub(crate) fn headers(&self, job: &str) -> Vec<SnapshotHeader> {
        let files = self.snapshot_files(job);
        let headers: Vec<SnapshotHeader> = files.iter().map(|file| snapshot::read(file).unwrap().header).collect();
        assert!(
            headers
                .iter()
                .enumerate()
                .all(|(position, header)| header.sequence as usize == position)
        );
        headers
    }

    /// Compares every difference of usable snapshots with the truth; how many were compared.
    pub(crate) fn compare_with_truth(&self, job: &str) -> usize {
        self.compare(job, 0, false)
    }

    /// The same for the samples that follow a snapshot.
    pub(crate) fn compare_with_truth_from(&self, job: &str, sequence: u32) -> usize {
        self.compare(job, sequence, false)
    }

    /// The same, where counters that fell hold what was counted since the print before.
    pub(crate) fn compare_with_truth_where_zeroed(&self, job: &str) -> usize {
        self.compare(job, 0, true)
    }

    fn compare(&self, job: &str, from: u32, zeroed: bool) -> usize {
        self.headers(job);
        let files = self.snapshot_files(job);
        let snapshots: Vec<_> = files
            .iter()
            .map(|file| snapshot::read(file).unwrap())
            .filter(|snapshot| {
                let flags = &snapshot.header.flags;
                let holds_data = !flags.contains(&SnapshotFlag::Gap) && !flags.contains(&SnapshotFlag::Failed);
                holds_data && snapshot.header.sequence >= from
            })
            .collect();
        let mut compared = 0;
        for pair in snapshots.windows(2) {
            let [earlier, later] = pair else { continue };
            if later.header.flags.contains(&SnapshotFlag::NewBaseline) {
                continue;
            }
            for disk in &later.header.disks {
                let (Some(before), Some(after)) = (
                    reads(earlier.output, disk.handle_id),
                    reads(later.output, disk.handle_id),
                ) else {
                    continue;
                };
                let query = TruthQuery {
                    vm: Some(later.header.vm_name.clone()),
                    node: Some(disk.node.clone()),
                    from_us: Some(earlier.header.monotonic_ms * 1000),
                    to_us: Some(later.header.monotonic_ms * 1000),
                };
                let truth = self.host.truth(&query).unwrap().remove(0).reads.commands;
                let difference = if zeroed && after < before {
                    after
                } else {
                    after - before
                };
                assert_eq!(difference, truth, "reads of sample {} of {job}", later.header.sequence);
                compared += 1;
            }
        }
        compared
    }

    /// The longest time between two successive `-s` of the same disk while it was collected.
    pub(crate) fn longest_time_between_starts_ms(&self) -> u64 {
        let calls = self.host.journal().unwrap();
        let starts = |call: &vscsi_fixtures::Call| call.arguments.first().is_some_and(|word| word == "-s");
        let mut longest = 0;
        for disk in calls
            .iter()
            .filter(|call| starts(call))
            .filter_map(|call| call.arguments.last())
        {
            let of_disk = calls
                .iter()
                .filter(|call| starts(call) && call.arguments.last() == Some(disk));
            let moments: Vec<u64> = of_disk.map(|call| call.clock_us / 1000).collect();
            let gaps = moments.windows(2).map(|pair| pair[1] - pair[0]);
            longest = longest.max(gaps.max().unwrap_or(u64::MAX));
        }
        longest
    }
}

fn reads(output: &[u8], handle: vscsi_shared::identifier::HandleId) -> Option<u64> {
    let parsed = vscsistats::parse(output);
    let kind = HistogramKind::new(Metric::IoLength, Operation::Read).unwrap();
    let mut disks = parsed.prints.iter().flat_map(|print| &print.disks);
    let disk = disks.find(|disk| disk.handle_id == handle)?;
    disk.get(kind).map(vscsi_shared::histogram::Histogram::count)
}
