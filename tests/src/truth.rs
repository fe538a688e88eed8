//! Comparing an agent's snapshots with the simulator's truth.
#![expect(clippy::unwrap_used, clippy::panic, reason = "what supports tests fails as tests do")]

use std::collections::BTreeMap;
use std::path::Path;

use vscsi_fixtures::{Call, SimulatedHost, TruthQuery, fingerprint};
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
    /// [`fingerprint`] of the output it holds.
    pub output: u64,
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
    read_snapshots(job_directory).unwrap_or_else(|problem| panic!("{problem}"))
}

/// The same; a job without samples has none.
///
/// # Errors
/// When one is not whole, or a sequence is missing.
pub fn read_snapshots(job_directory: &Path) -> Result<Vec<Taken>, String> {
    let entries = std::fs::read_dir(job_directory.join("samples")).into_iter().flatten();
    let files = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "csv"));
    let taken = files.map(|file| {
        let bytes = std::fs::read(&file).map_err(|error| format!("{}: {error}", file.display()))?;
        let snapshot = snapshot::read(&bytes).map_err(|error| format!("{}: {error}", file.display()))?;
        Ok(Taken {
            counted: counted(snapshot.output),
            output: fingerprint(snapshot.output),
            header: snapshot.header,
        })
    });
    let mut taken = taken.collect::<Result<Vec<_>, String>>()?;
    taken.sort_by_key(|taken| taken.header.sequence);
    let missing = taken
        .iter()
        .enumerate()
        .find(|(position, taken)| taken.header.sequence as usize != *position);
    match missing {
        None => Ok(taken),
        Some((position, _)) => Err(format!("sequence {position} is missing")),
    }
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
                    .map_or(0, vscsi_shared::histogram::Histogram::count)
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
    let comparison = compare(host, &host.journal().unwrap(), &snapshots(job_directory), false);
    assert!(comparison.wrong.is_empty(), "{}", comparison.wrong.join("\n"));
    comparison.compared
}

/// Differences of snapshots beside the truth.
#[derive(Debug, Clone, Default)]
pub struct Comparison {
    /// How many differences were compared.
    pub compared: usize,
    /// What is wrong with them.
    pub wrong: Vec<String>,
}

/// Holds every usable snapshot against the call that printed it, and every difference against the truth.
///
/// Where somebody else stopped or zeroed a collection between two prints, their difference lacks I/O that nobody counted.
/// The agent cannot know of it before the next print, so it is no mistake where it is `told` of afterwards, where no print
/// follows, or where the counters were zeroed and show nothing of it.
///
/// # Panics
/// When the host cannot be asked.
pub fn compare(host: &SimulatedHost, calls: &[Call], taken: &[Taken], told: bool) -> Comparison {
    let mut comparison = Comparison::default();
    let usable: Vec<&Taken> = taken.iter().filter(|taken| taken.is_usable()).collect();
    let prints: Vec<Option<&Call>> = usable.iter().map(|taken| print_of(calls, taken)).collect();
    for (taken, print) in usable.iter().zip(&prints) {
        if print.is_none() {
            let sequence = taken.header.sequence;
            comparison
                .wrong
                .push(format!("snapshot {sequence} is not what was printed at its time"));
        }
    }
    for (pair, prints) in usable.windows(2).zip(prints.windows(2)) {
        let ([earlier, later], [Some(first), Some(second)]) = (pair, prints) else {
            continue;
        };
        if later.has(SnapshotFlag::NewBaseline) || later.has(SnapshotFlag::Restarted) {
            continue;
        }
        for disk in &later.header.disks {
            let handle = disk.handle_id;
            let (Some(before), Some(after)) = (earlier.counted.get(&handle), later.counted.get(&handle)) else {
                continue;
            };
            // A counter that fell begins anew for every reader.
            let (Some(reads), Some(writes)) = (after.0.checked_sub(before.0), after.1.checked_sub(before.1)) else {
                continue;
            };
            let query = TruthQuery {
                vm: Some(later.header.vm_name.clone()),
                node: Some(disk.node.clone()),
                from_us: Some(first.clock_us),
                to_us: Some(second.clock_us),
            };
            let truth = host.truth(&query).unwrap().remove(0);
            let (true_reads, true_writes) = (truth.reads.commands, truth.writes.commands);
            comparison.compared += 1;
            let is_last = usable
                .last()
                .is_some_and(|last| last.header.sequence == later.header.sequence);
            let meddling = meddling_between(calls, first, second, handle);
            // Counters that somebody else zeroed and that have passed what they were before show nothing, and neither
            // does a collection that was stopped after the last print but one.
            let is_unseen = meddling == Some(Meddling::Zeroed) || (meddling == Some(Meddling::Stopped) && is_last);
            let excused = reads <= true_reads && writes <= true_writes && (is_unseen || (told && meddling.is_some()));
            if (reads, writes) != (true_reads, true_writes) && !excused {
                comparison.wrong.push(format!(
                    "sample {} of disk {handle} has {reads} reads and {writes} writes; there were {true_reads} and \
                     {true_writes}",
                    later.header.sequence
                ));
            }
        }
    }
    comparison
}

/// The call that printed a snapshot: the last one with its output within the time the header tells.
fn print_of<'calls>(calls: &'calls [Call], taken: &Taken) -> Option<&'calls Call> {
    let header = &taken.header;
    let from = header.monotonic_ms;
    let to = from + header.duration_ms + 1;
    calls
        .iter()
        .rev()
        .filter(|call| (from..=to).contains(&call.real_monotonic_ms) && call.output == Some(taken.output))
        .find(|call| {
            let printed = |handle: HandleId| call.printed.iter().any(|disk| disk.handle_id == handle.0);
            header.disks.iter().all(|disk| printed(disk.handle_id))
        })
}

/// What somebody else may do to a collection, or time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Meddling {
    /// Its counters were zeroed by somebody else.
    Zeroed,
    /// Somebody else stopped it, or it ended by itself, because the half hour of the host was over before that of the
    /// agent's clock.
    Stopped,
    /// It had been ended before in one of these ways, and nothing had started it again.
    Ended,
}

/// What happened between two prints of a disk.
fn meddling_between(calls: &[Call], first: &Call, second: &Call, handle: HandleId) -> Option<Meddling> {
    let mut stops_at_us = None;
    let mut ended_without_us = false;
    let mut zeroed = false;
    for call in calls.iter().filter(|call| call.number <= second.number) {
        let ended_by_itself = stops_at_us.is_some_and(|stops_at_us| stops_at_us <= call.clock_us);
        let event = call.arguments.first().filter(|_| call.program == "esxi-sim");
        let stopped = event.is_some_and(|event| event == "foreign-stop");
        if ended_by_itself {
            stops_at_us = None;
        }
        ended_without_us |= ended_by_itself || stopped;
        if let Some(collecting) = &call.collecting {
            let own = collecting.iter().find(|disk| disk.handle_id == handle.0);
            stops_at_us = own.map(|disk| disk.stops_at_us);
            ended_without_us &= own.is_none();
        }
        if call.number > first.number {
            if stopped || ended_by_itself {
                return Some(Meddling::Stopped);
            }
            if ended_without_us {
                return Some(Meddling::Ended);
            }
            zeroed |= event.is_some_and(|event| event == "reset-counters");
        }
    }
    zeroed.then_some(Meddling::Zeroed)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::time::Duration;

    use vscsi_fixtures::{ClockMode, Scenario};
    use vscsi_shared::identifier::WorldGroupId;
    use vscsi_shared::snapshot::SnapshotDisk;

    use super::*;

    /// A host whose clock stands still between calls, and the disk that is looked at.
    struct Scene {
        _folder: tempfile::TempDir,
        host: SimulatedHost,
        group: u64,
        handle: u64,
    }

    impl Scene {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let mut scenario = Scenario::load("demo").unwrap();
            scenario.clock.mode = ClockMode::Manual;
            let host = SimulatedHost::create_without_programs(&scenario, folder.path()).unwrap();
            let disk = host.disks().unwrap().remove(0);
            Self {
                _folder: folder,
                host,
                group: disk.world_group_id,
                handle: disk.handle_id,
            }
        }

        fn stats(&self, words: &str) -> Vec<u8> {
            let words = format!("{words} -w {} -i {}", self.group, self.handle);
            let words: Vec<String> = words.split(' ').map(str::to_owned).collect();
            match self.host.call("vscsiStats", &words).unwrap() {
                vscsi_fixtures::Outcome::Ended(output) => output.stdout,
                vscsi_fixtures::Outcome::Hangs => panic!("it hangs"),
            }
        }

        fn pass(&self, seconds: u64) {
            self.host.advance(Duration::from_secs(seconds)).unwrap();
        }

        /// A snapshot as an agent would take it now.
        fn take(&self, sequence: u32) -> Taken {
            let output = self.stats("-p all -c");
            let call = self.host.journal().unwrap().pop().unwrap();
            let printed = &call.printed[0];
            Taken {
                header: SnapshotHeader {
                    job: "job".parse().unwrap(),
                    sequence,
                    taken_at: jiff::Timestamp::UNIX_EPOCH,
                    monotonic_ms: call.real_monotonic_ms,
                    duration_ms: 0,
                    boot_id: String::new(),
                    host: String::new(),
                    vm_name: printed.vm.clone(),
                    config_file: String::new(),
                    world_group_id: WorldGroupId(self.group),
                    disks: vec![SnapshotDisk {
                        handle_id: HandleId(self.handle),
                        node: printed.node.clone(),
                    }],
                    flags: BTreeSet::new(),
                    exit_status: Some(0),
                },
                counted: counted(&output),
                output: fingerprint(&output),
            }
        }

        fn wrong(&self, taken: &[Taken], told: bool) -> usize {
            compare(&self.host, &self.host.journal().unwrap(), taken, told)
                .wrong
                .len()
        }
    }

    #[test]
    fn differences_of_a_collection_that_ran_through_are_the_truth() {
        let scene = Scene::new();
        scene.stats("-s");
        let taken: Vec<Taken> = (0..3)
            .map(|sequence| {
                scene.pass(5);
                scene.take(sequence)
            })
            .collect();
        let comparison = compare(&scene.host, &scene.host.journal().unwrap(), &taken, false);
        assert_eq!((comparison.compared, comparison.wrong), (2, Vec::new()));
    }

    #[test]
    fn an_altered_and_an_invented_sample_are_found() {
        let scene = Scene::new();
        scene.stats("-s");
        scene.pass(5);
        let first = scene.take(0);
        scene.pass(5);
        let mut second = scene.take(1);
        second.counted.values_mut().next().unwrap().0 += 1;
        assert_eq!(scene.wrong(&[first.clone(), second.clone()], true), 1);
        second.output ^= 1;
        assert_eq!(scene.wrong(&[first, second], true), 1);
    }

    #[test]
    fn a_gap_of_our_own_that_is_not_marked_is_found_and_a_marked_one_is_not() {
        let scene = Scene::new();
        scene.stats("-s");
        scene.pass(1);
        let first = scene.take(0);
        scene.stats("-x");
        scene.pass(5);
        scene.stats("-s");
        scene.pass(60);
        let mut second = scene.take(1);
        assert_eq!(scene.wrong(&[first.clone(), second.clone()], true), 1);
        second.header.flags.insert(SnapshotFlag::NewBaseline);
        assert_eq!(scene.wrong(&[first, second], true), 0);
    }

    #[test]
    fn what_somebody_else_stopped_has_to_be_told() {
        let scene = Scene::new();
        scene.stats("-s");
        scene.pass(5);
        let first = scene.take(0);
        scene.pass(1);
        scene.host.foreign_stop().unwrap();
        scene.pass(5);
        let second = scene.take(1);
        // No print follows by which anybody could know of it.
        assert_eq!(scene.wrong(&[first.clone(), second.clone()], false), 0);
        scene.pass(5);
        let third = scene.take(2);
        let taken = [first, second, third];
        assert_eq!(scene.wrong(&taken, true), 0);
        assert_eq!(scene.wrong(&taken, false), 2);
    }

    #[test]
    fn what_ended_by_itself_has_to_be_told() {
        let scene = Scene::new();
        scene.stats("-s");
        scene.pass(5);
        let first = scene.take(0);
        scene.pass(3600);
        let second = scene.take(1);
        // No print follows by which anybody could know of it.
        assert_eq!(scene.wrong(&[first.clone(), second.clone()], false), 0);
        scene.pass(5);
        let third = scene.take(2);
        let taken = [first, second, third];
        assert_eq!(scene.wrong(&taken, true), 0);
        assert_eq!(scene.wrong(&taken, false), 2);
    }
}
