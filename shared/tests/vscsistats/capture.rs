//! A real capture, and a data file that gives its figures to an invented VM.
//!
//! The capture is one VM with one disk on ESXi 6.7 or later. The figures below were read from it by hand.

use vscsi_shared::histogram::{Figure, HistogramKind, Metric, Operation, Summary};
use vscsi_shared::identifier::{HandleId, WorldGroupId};
use vscsi_shared::vscsistats::{DiskHistograms, parse_listing};

use crate::support::{clean, count_up_to, data, sample, samples};

/// The one disk of the capture: of the data file always, and of the original where it is present.
fn disks() -> Vec<DiskHistograms> {
    let inputs = [
        Some(data("vscsistats/one-disk.csv")),
        sample("vscsistats_p-all_csv_1disk_er0080-algonquin.csv"),
    ];
    let disks = inputs.into_iter().flatten().map(|input| {
        let [print] = clean(&input).try_into().expect("one print");
        let [disk] = print.disks.try_into().expect("one disk");
        disk
    });
    disks.collect()
}

fn kind(metric: Metric, operation: Operation) -> HistogramKind {
    HistogramKind::new(metric, operation).unwrap()
}

#[test]
fn the_capture_has_all_sixteen_histograms_of_one_disk() {
    for disk in disks() {
        assert_eq!(disk.node.as_deref(), Some("scsi0:0"));
        assert_eq!(disk.iter().count(), 16);
    }
}

#[test]
fn the_capture_counts_793_commands_of_which_4_read_and_789_write() {
    for disk in disks() {
        for metric in [
            Metric::IoLength,
            Metric::SeekDistance,
            Metric::Latency,
            Metric::OutstandingIos,
            Metric::Interarrival,
        ] {
            for (operation, count) in [(Operation::All, 793), (Operation::Read, 4), (Operation::Write, 789)] {
                let histogram = disk.get(kind(metric, operation)).unwrap();
                assert_eq!(histogram.count(), count, "{metric} {operation}");
                assert_eq!(histogram.total(), count, "{metric} {operation}");
            }
        }
        let windowed = disk.get(kind(Metric::SeekDistanceClosest16, Operation::All)).unwrap();
        assert_eq!(windowed.total(), 793);
    }
}

#[test]
fn the_mean_size_is_5332_bytes() {
    for disk in disks() {
        assert_eq!(
            disk.get(kind(Metric::IoLength, Operation::All)).unwrap().summary(),
            Summary::exact(512, 65536, 5332, 793)
        );
    }
}

#[test]
fn sequential_commands_are_213_strictly_and_290_by_stream() {
    for disk in disks() {
        let at_one = |metric| count_up_to(disk.get(kind(metric, Operation::All)).unwrap(), 1);
        assert_eq!(at_one(Metric::SeekDistance), Some(213));
        assert_eq!(at_one(Metric::SeekDistanceClosest16), Some(290));
    }
}

#[test]
fn the_overflow_is_the_second_row_of_the_last_limit() {
    for disk in disks() {
        let last_two = |metric| {
            let counts = disk.get(kind(metric, Operation::All)).unwrap().counts().to_vec();
            [counts[counts.len() - 2], counts[counts.len() - 1]]
        };
        assert_eq!(last_two(Metric::IoLength), [0, 0]);
        assert_eq!(last_two(Metric::SeekDistance), [30, 137]);
        assert_eq!(last_two(Metric::SeekDistanceClosest16), [21, 82]);
        assert_eq!(last_two(Metric::Latency), [1, 0]);
        assert_eq!(last_two(Metric::OutstandingIos), [12, 0]);
        assert_eq!(last_two(Metric::Interarrival), [2, 114]);
    }
}

#[test]
fn the_uptime_in_the_interarrival_needs_more_than_32_bits() {
    for disk in disks() {
        let reads = disk.get(kind(Metric::Interarrival, Operation::Read)).unwrap().summary();
        assert_eq!(reads.max, Some(Figure::exact(581_326_407_505)));
        assert_eq!(reads.mean, Some(Figure::exact(145_481_600_060)));
    }
}

#[test]
fn the_listing_of_an_nfs_vm_is_read_up_to_its_cut() {
    let Some(text) = sample("vscsistats_l_esxi5x_nfs_seichan_EXCERPT.txt") else {
        return;
    };
    let listing = parse_listing(&text);
    let [vm] = &listing.vms[..] else { panic!("{listing:?}") };
    assert_eq!(vm.world_group_id, WorldGroupId(18_552_182));
    assert_eq!(vm.display_name, "vm01.seichan.local");
    assert_eq!(
        vm.config_file,
        "/vmfs/volumes/4bc965a5-fa18ca02/vm01.seichan.local/vm01.seichan.local.vmx"
    );
    let [disk] = &vm.disks[..] else { panic!("{vm:?}") };
    assert_eq!(
        (disk.handle_id, disk.node.as_deref()),
        (HandleId(8643), Some("scsi0:0"))
    );
    // The prompt, and the disk cut in mid-word.
    let lines: Vec<u64> = listing.diagnostics.iter().map(|diagnostic| diagnostic.line).collect();
    assert_eq!(lines, [1, 4]);
}

#[test]
fn every_other_sample_is_read_without_inventing_a_histogram() {
    let Some(folder) = samples() else { return };
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let input = std::fs::read(&path).unwrap();
        if !input.starts_with(b"Histogram: ") {
            let parsed = vscsi_shared::vscsistats::parse(&input);
            assert_eq!(parsed.prints, [], "{}", path.display());
            assert_ne!(parsed.diagnostics, [], "{}", path.display());
        }
    }
}
