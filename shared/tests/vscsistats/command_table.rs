//! The CSV that counts commands by all their properties at once.

use vscsi_shared::histogram::{Figure, HistogramKind, Metric, Operation, Summary};
use vscsi_shared::identifier::{HandleId, WorldGroupId};
use vscsi_shared::vscsistats::{CommandTable, is_command_table, parse_command_table};

use crate::support::{count_up_to, data};

fn example() -> CommandTable {
    let table = parse_command_table(&data("vscsistats/command-table.csv"));
    assert_eq!(table.diagnostics, []);
    table
}

fn kind(metric: Metric, operation: Operation) -> HistogramKind {
    HistogramKind::new(metric, operation).unwrap()
}

#[test]
fn the_comment_names_vm_world_group_and_lun() {
    let table = example();
    assert_eq!(table.vm_name.as_deref(), Some("SQL, Server: 01"));
    assert_eq!(table.world_group_id, Some(WorldGroupId(12345)));
    assert_eq!(table.lun.as_deref(), Some("vmhba1:C0:T0:L0"));
    assert_eq!(table.prints[0].disks[0].world_group_id, WorldGroupId(12345));
    assert_eq!(table.prints[0].disks[0].handle_id, HandleId(0));
}

#[test]
fn rows_become_four_histograms_of_each_direction_and_of_both() {
    let table = example();
    let disk = &table.prints[0].disks[0];
    assert_eq!(disk.iter().count(), 12);
    for metric in [
        Metric::IoLength,
        Metric::SeekDistance,
        Metric::OutstandingIos,
        Metric::Latency,
    ] {
        for (operation, count) in [(Operation::All, 1000), (Operation::Read, 900), (Operation::Write, 100)] {
            let histogram = disk.get(kind(metric, operation)).unwrap();
            assert_eq!(histogram.count(), count, "{metric} {operation}");
            assert_eq!(histogram.total(), count, "{metric} {operation}");
        }
    }
}

#[test]
fn values_are_in_the_units_of_vscsistats() {
    let table = example();
    let disk = &table.prints[0].disks[0];
    // 200 of 512 bytes and 700 of 8192: 5 836 800 / 900 = 6485.3.
    assert_eq!(
        disk.get(kind(Metric::IoLength, Operation::Read)).unwrap().summary(),
        Summary::exact(512, 8192, 6485, 900)
    );
    // 0.5 ms is 500 us and belongs to the bucket of that limit; 1.2 ms is 1200 us.
    let latency = disk.get(kind(Metric::Latency, Operation::Read)).unwrap();
    assert_eq!(count_up_to(latency, 500), Some(200));
    assert_eq!(count_up_to(latency, 5000), Some(700));
    assert_eq!(latency.summary().max, Some(Figure::exact(1200)));
    let writes = disk.get(kind(Metric::Latency, Operation::Write)).unwrap();
    assert_eq!(writes.summary().max, Some(Figure::exact(250_001)));
    assert_eq!(writes.counts().last(), Some(&100));
}

#[test]
fn sequential_is_0_there_and_1_here() {
    let table = example();
    let disk = &table.prints[0].disks[0];
    let seeks = disk.get(kind(Metric::SeekDistance, Operation::All)).unwrap();
    assert_eq!(count_up_to(seeks, 1), Some(200));
    // A gap of 8 blocks is the distance 9.
    assert_eq!(count_up_to(seeks, 16), Some(700));
    assert_eq!(seeks.summary().min, Some(Figure::exact(-99)));
}

#[test]
fn what_is_not_in_the_table_is_not_invented() {
    let table = example();
    let disk = &table.prints[0].disks[0];
    assert!(disk.get(kind(Metric::Interarrival, Operation::All)).is_none());
    assert!(disk.get(kind(Metric::SeekDistanceClosest16, Operation::All)).is_none());
}

#[test]
fn rows_that_cannot_be_read_are_reported_and_the_others_kept() {
    let text = "IOLength(bytes),Seeks(sectors),OutstandingIOs,Latency(ms),Count,Type\r\n512,0,1,0.5,3,Read\r\n...\r\n\
                512,0,1,x,1,Read\r\n512,0,1,0.5,1,Flush\r\n512,0,1,2,4,write\r\n";
    let table = parse_command_table(text.as_bytes());
    let found: Vec<String> = table.diagnostics.iter().map(ToString::to_string).collect();
    assert_eq!(
        found,
        [
            "line 3: unexpected line `...`",
            "line 4: `x` is not a number that fits 64 bits",
            "line 5: unexpected line `512,0,1,0.5,1,Flush`",
        ]
    );
    let all = table.prints[0].disks[0]
        .get(kind(Metric::IoLength, Operation::All))
        .unwrap();
    assert_eq!(all.count(), 7);
}

#[test]
fn it_is_told_from_what_vscsistats_prints() {
    assert!(is_command_table(&data("vscsistats/command-table.csv")));
    assert!(!is_command_table(&data("vscsistats/one-disk.csv")));
    assert!(!is_command_table(b""));
    let table = parse_command_table(&data("vscsistats/one-disk.csv"));
    assert_eq!(table.prints, []);
    assert_ne!(table.diagnostics, []);
}
