//! Thousands of random streams of raw I/O, counted by the simulated host and analysed: every count has to equal the
//! raw stream's, and every true figure has to lie inside the range given for it.

use crate::support::raw_job::{NODES, Truth, UPTIME_US, collect, nearest_rank};
use proptest::prelude::*;
use proptest::test_runner::Config;
use vscsi_fixtures::{Direction, IoEvent};
use vscsi_helper::analysis::estimate::Range;
use vscsi_helper::analysis::profile::{ByOperation, Distribution};
use vscsi_helper::analysis::{Analysis, Filter, Options, Profile, Workload};
use vscsi_helper::samples::analyze_job;
use vscsi_helper::store::JobFiles;
use vscsi_shared::histogram::{Metric, Operation};

/// One command relative to the one before it.
fn command() -> impl Strategy<Value = (u64, u64, u64, u64, bool)> {
    let gap_us = prop_oneof![
        3 => Just(0_u64),
        4 => 1_u64..200,
        3 => 200_u64..20_000,
        1 => 20_000_u64..3_000_000,
    ];
    let latency_us = prop_oneof![
        1 => 0_u64..12,
        6 => 12_u64..1500,
        3 => 1500_u64..60_000,
        1 => 60_000_u64..4_000_000,
    ];
    let bytes = prop_oneof![
        5 => prop::sample::select(vec![512_u64, 4096, 8192, 16384, 65536]),
        2 => (1_u64..2000).prop_map(|blocks| blocks * 512),
        1 => 1_u64..1_200_000,
    ];
    // Beyond the last limit, so that the first seek of a collection is known for what it is.
    let place = prop_oneof![2 => Just(0_u64), 1 => 600_000_u64..900_000_000];
    (gap_us, latency_us, bytes, place, any::<bool>())
}

fn stream() -> impl Strategy<Value = Vec<IoEvent>> {
    prop::collection::vec(command(), 0..120).prop_map(|commands| {
        let mut issue_us = UPTIME_US + 50_000;
        let mut next_lbn = 700_000;
        commands
            .into_iter()
            .map(|(gap_us, latency_us, bytes, place, is_read)| {
                issue_us += gap_us;
                // Place 0 goes on where the command before ended: sequential.
                let event = IoEvent {
                    issue_us,
                    latency_us,
                    lbn: if place == 0 { next_lbn } else { place },
                    bytes,
                    direction: if is_read { Direction::Read } else { Direction::Write },
                };
                next_lbn = event.last_lbn() + 1;
                event
            })
            .collect()
    })
}

/// Moments of snapshots: a baseline before the first command, and then some more.
fn moments() -> impl Strategy<Value = Vec<u64>> {
    prop::collection::vec(1_000_u64..8_000_000, 1..6).prop_map(|gaps| {
        let mut moments = vec![0];
        for gap in gaps {
            // The host's clock in a snapshot has milliseconds.
            moments.push(moments.last().unwrap() + gap / 1000 * 1000);
        }
        moments
    })
}

fn analyze_everything(streams: &[Vec<IoEvent>], moments_us: &[u64]) -> Analysis {
    let directory = tempfile::tempdir().unwrap();
    collect(directory.path(), streams, moments_us);
    let options = Options {
        filter: Filter::None,
        ..Options::default()
    };
    analyze_job(
        &JobFiles::at(directory.path()),
        &options,
        "2025-11-06T09:15:00Z".parse().unwrap(),
    )
    .unwrap()
}

fn contains(range: &Range, truth: f64) -> bool {
    // Sums are compared as floating-point numbers; nothing else rounds.
    let slack = truth.abs() * 1e-12;
    let holds = |value: f64, slack: f64| range.lo - slack <= value && range.hi.is_none_or(|hi| value <= hi + slack);
    holds(truth, slack) && holds(range.est, 0.0)
}

/// Every percentile and the mean of `values` lie in the ranges; `unit` is one unit of the values.
fn assert_distribution(
    name: &str,
    found: Option<&Distribution>,
    values: &[i64],
    unit: f64,
) -> Result<(), TestCaseError> {
    let Some(found) = found else {
        prop_assert!(values.is_empty(), "{name} is missing with {} values", values.len());
        return Ok(());
    };
    prop_assert_eq!(found.count, values.len() as u64, "{}", name);
    let percentiles = [(500, found.p50), (950, found.p95), (990, found.p99), (999, found.p999)];
    for (per_mille, range) in percentiles {
        let truth = nearest_rank(values, per_mille) as f64 * unit;
        prop_assert!(
            contains(&range, truth),
            "{name} p{per_mille}: {truth} is not in {range:?}"
        );
    }
    let mean = values.iter().map(|&value| value as f64).sum::<f64>() / values.len() as f64 * unit;
    prop_assert!(
        contains(&found.mean, mean),
        "{name} mean: {mean} is not in {:?}",
        found.mean
    );
    let largest = *values.iter().max().unwrap() as f64 * unit;
    prop_assert!(found.at_most.is_none_or(|at_most| largest <= at_most + 1e-9));
    Ok(())
}

fn each<T>(values: &ByOperation<T>) -> [(Option<Direction>, &T); 3] {
    [
        (None, &values.all),
        (Some(Direction::Read), &values.read),
        (Some(Direction::Write), &values.write),
    ]
}

fn assert_profile(profile: &Profile, stream: &[IoEvent], from_us: u64, to_us: u64) -> Result<(), TestCaseError> {
    let seconds = (to_us - from_us) as f64 / 1e6;
    let truth = |direction| Truth::of(stream, direction, from_us, to_us);
    let (all, read, write) = (truth(None), truth(Some(Direction::Read)), truth(Some(Direction::Write)));

    prop_assert!((profile.seconds - seconds).abs() < 1e-9);
    prop_assert_eq!(profile.ios.total, Some(all.sizes.len() as u64));
    prop_assert_eq!(profile.ios.read, Some(read.sizes.len() as u64));
    prop_assert_eq!(profile.ios.write, Some(write.sizes.len() as u64));
    prop_assert!((profile.iops.total.unwrap() - all.sizes.len() as f64 / seconds).abs() < 1e-6);

    for (range, values) in [
        (profile.throughput_mbps.total, &all.sizes),
        (profile.throughput_mbps.read, &read.sizes),
        (profile.throughput_mbps.write, &write.sizes),
    ] {
        let mbps = values.iter().sum::<i64>() as f64 / seconds / 1e6;
        let range = range.unwrap();
        prop_assert!(contains(&range, mbps), "throughput {mbps} is not in {range:?}");
    }
    for (direction, found) in each(&profile.latency_ms) {
        assert_distribution("latency", found.as_ref(), &truth(direction).latencies_us, 1e-3)?;
    }
    for (direction, found) in each(&profile.queue_depth) {
        assert_distribution("queue depth", found.as_ref(), &truth(direction).outstanding, 1.0)?;
    }
    for (direction, found) in each(&profile.interarrival_us) {
        assert_distribution("interarrival", found.as_ref(), &truth(direction).interarrivals_us, 1.0)?;
    }
    for (direction, sizes) in each(&profile.block_sizes) {
        let values = truth(direction).sizes;
        for bucket in &sizes.as_ref().unwrap().buckets {
            let inside: Vec<i64> = values
                .iter()
                .copied()
                .filter(|&size| size >= bucket.smallest && bucket.largest.is_none_or(|largest| size <= largest))
                .collect();
            prop_assert_eq!(inside.len() as u64, bucket.count, "{}", &bucket.label);
            let share = 100.0 * inside.iter().sum::<i64>() as f64 / values.iter().sum::<i64>() as f64;
            prop_assert!(contains(&bucket.bytes_percent, share), "{share} is not in {bucket:?}");
        }
    }
    let shares = [
        (profile.sequentiality.strict, &all.seeks),
        (profile.sequentiality.read, &read.seeks),
        (profile.sequentiality.write, &write.seeks),
    ];
    for (range, seeks) in shares {
        let Some(range) = range else {
            prop_assert!(seeks.is_empty());
            continue;
        };
        let sequential = seeks.iter().filter(|&&distance| distance == 1).count();
        let share = 100.0 * sequential as f64 / seeks.len() as f64;
        prop_assert!(contains(&range, share), "sequential {share} is not in {range:?}");
    }
    Ok(())
}

proptest! {
    #![proptest_config(Config { cases: 500, ..Config::default() })]

    #[test]
    fn every_true_figure_of_a_raw_stream_lies_inside_its_range(events in stream(), moments_us in moments()) {
        let last = *moments_us.last().unwrap();
        let analysis = analyze_everything(std::slice::from_ref(&events), &moments_us);
        assert_profile(&analysis.profile, &events, 0, last)?;
    }

    #[test]
    fn every_sample_alone_keeps_the_truth_inside_its_ranges(events in stream(), moments_us in moments()) {
        let analysis = analyze_everything(std::slice::from_ref(&events), &moments_us);
        prop_assert_eq!(analysis.series.samples.len(), moments_us.len() - 1);
        for (sample, ends) in analysis.series.samples.iter().zip(moments_us.windows(2)) {
            let disk = &sample.disks[0];
            let profile = Profile::over(&disk.histograms, sample.seconds, disk.edge_ios, analysis.options.sequential_gap);
            assert_profile(&profile, &events, ends[0], ends[1])?;
        }
    }

    #[test]
    fn any_choice_of_samples_keeps_the_true_bytes_inside_their_range(
        events in stream(),
        moments_us in moments(),
        chosen in any::<[bool; 5]>(),
    ) {
        let analysis = analyze_everything(std::slice::from_ref(&events), &moments_us);
        let provenance = analysis.workload.provenance.clone();
        let workload = Workload::of(&analysis.series, &chosen[..moments_us.len() - 1], provenance).unwrap();
        let ends = moments_us.windows(2).zip(chosen).filter(|(_, chosen)| *chosen);
        let values = |kind: fn(Truth) -> Vec<i64>| -> f64 {
            let of_sample = |ends: &[u64]| kind(Truth::of(&events, None, ends[0], ends[1]));
            ends.clone().flat_map(|(ends, _)| of_sample(ends)).sum::<i64>() as f64
        };
        for (metric, truth) in [
            (Metric::IoLength, values(|truth| truth.sizes)),
            (Metric::Latency, values(|truth| truth.latencies_us)),
            (Metric::OutstandingIos, values(|truth| truth.outstanding)),
            (Metric::Interarrival, values(|truth| truth.interarrivals_us)),
        ] {
            let Some(interval) = workload.histograms.of(metric, Operation::All) else {
                prop_assert!(!chosen[..moments_us.len() - 1].contains(&true));
                continue;
            };
            let (least, most) = (interval.sum_at_least as f64, interval.sum_at_most as f64);
            prop_assert!(least <= truth && truth <= most, "{metric:?}: {truth} is not in {least}..={most}");
        }
    }

    #[test]
    fn the_disks_of_a_job_add_up(streams in prop::collection::vec(stream(), 2..4), moments_us in moments()) {
        let last = *moments_us.last().unwrap();
        let analysis = analyze_everything(&streams, &moments_us);
        prop_assert_eq!(analysis.disks.len(), streams.len());
        let mut total = 0;
        for (index, (disk, profile)) in analysis.disks.iter().enumerate() {
            prop_assert_eq!(disk.0.as_str(), NODES[index]);
            assert_profile(profile, &streams[index], 0, last)?;
            total += profile.ios.total.unwrap();
        }
        prop_assert_eq!(analysis.profile.ios.total, Some(total));
    }

    #[test]
    fn true_streams_raise_no_warning(events in stream(), moments_us in moments()) {
        let analysis = analyze_everything(&[events], &moments_us);
        let notable: Vec<_> = analysis
            .findings
            .iter()
            .filter(|finding| finding.severity != vscsi_helper::analysis::Severity::Info)
            .collect();
        prop_assert!(notable.is_empty(), "{notable:?}");
    }
}

#[test]
fn the_range_of_a_mean_does_not_grow_with_the_number_of_samples() {
    // A read every 10 ms, of 200 and 401 microseconds in turn: 300.5 on average, in 100 samples of one second.
    let events: Vec<IoEvent> = (0..10_000)
        .map(|index| IoEvent {
            issue_us: UPTIME_US + index * 10_000 + 1,
            latency_us: [200, 401][usize::from(index % 2 == 1)],
            lbn: 700_000 + index * 8,
            bytes: 4096,
            direction: Direction::Read,
        })
        .collect();
    let moments_us: Vec<u64> = (0..=100).map(|second| second * 1_000_000).collect();
    let analysis = analyze_everything(&[events], &moments_us);
    let mean = analysis.profile.latency_ms.read.unwrap().mean;
    // The last print says 300, truncated, and the first nothing at all.
    assert!(contains(&mean, 0.3005), "{mean:?}");
    assert!(mean.hi.unwrap() - mean.lo <= 0.001, "{mean:?}");
}
