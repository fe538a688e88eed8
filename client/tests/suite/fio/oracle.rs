//! The histograms rebuilt from a stream of commands are those of the simulated host, which was written independently.

use vscsi_fixtures::{Class, DiskStatistics, HistogramKind as Simulated, IoStream, WorkloadKind, WorkloadSpec};
use vscsi_helper::stream::{Command, Direction, Histogrammer};
use vscsi_shared::histogram::{IntervalSet, Metric, Operation};

/// Commands before the comparison begins: they fill the window, and carry the artefacts of a first command.
const WARM_UP: usize = 20;

const CLASSES: [(Class, Operation); 3] = [
    (Class::All, Operation::All),
    (Class::Reads, Operation::Read),
    (Class::Writes, Operation::Write),
];

fn pairs() -> Vec<(Simulated, Metric, Operation)> {
    let mut pairs = vec![(Simulated::SeekWindowed, Metric::SeekDistanceClosest16, Operation::All)];
    for (class, operation) in CLASSES {
        pairs.push((Simulated::Length(class), Metric::IoLength, operation));
        pairs.push((Simulated::Seek(class), Metric::SeekDistance, operation));
        pairs.push((Simulated::Interarrival(class), Metric::Interarrival, operation));
        pairs.push((Simulated::Outstanding(class), Metric::OutstandingIos, operation));
    }
    pairs
}

fn rebuilt(set: &IntervalSet, metric: Metric, operation: Operation) -> Vec<u64> {
    set.of(metric, operation)
        .map_or_else(Vec::new, |interval| interval.counts.clone())
}

fn difference(after: &[u64], before: &[u64]) -> Vec<u64> {
    let before = before.iter().copied().chain(std::iter::repeat(0));
    after.iter().zip(before).map(|(after, before)| after - before).collect()
}

#[test]
fn every_histogram_of_every_preset_is_counted_as_the_simulated_host_counts_it() {
    for kind in [
        WorkloadKind::Oltp,
        WorkloadKind::FileServer,
        WorkloadKind::Backup,
        WorkloadKind::Vdi,
    ] {
        let spec = WorkloadSpec {
            kind,
            ..WorkloadSpec::default()
        };
        let stream = IoStream::new(&spec.resolve().unwrap(), 100 << 30, 3, 0);
        let events = stream.events(0, 20_000_000);
        assert!(events.len() > 10 * WARM_UP);
        let mut simulated = DiskStatistics::new();
        let mut histogrammer = Histogrammer::default();
        let mut before = None;
        for (index, event) in events.iter().enumerate() {
            if index == WARM_UP {
                before = Some((simulated.clone(), histogrammer.clone().finish()));
            }
            simulated.record(event);
            histogrammer.record(&Command {
                issued_ns: event.issue_us * 1000,
                direction: match event.direction {
                    vscsi_fixtures::Direction::Read => Direction::Read,
                    vscsi_fixtures::Direction::Write => Direction::Write,
                },
                offset: event.lbn * 512,
                bytes: u32::try_from(event.bytes).unwrap(),
                latency_ns: Some(event.latency_us * 1000),
            });
        }
        let (simulated_before, rebuilt_before) = before.unwrap();
        let rebuilt_after = histogrammer.finish();
        for (theirs, metric, operation) in pairs() {
            if operation != Operation::All && rebuilt(&rebuilt_before, metric, operation).is_empty() {
                // A direction that began after the warm-up still carries its artefact there.
                continue;
            }
            let expected = difference(
                simulated.histogram(theirs).buckets(),
                simulated_before.histogram(theirs).buckets(),
            );
            let found = difference(
                &rebuilt(&rebuilt_after, metric, operation),
                &rebuilt(&rebuilt_before, metric, operation),
            );
            assert_eq!(found, expected, "{kind:?} {metric} {operation}");
        }
    }
}
