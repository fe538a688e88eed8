//! What holds for every parser of this module.

use std::time::{Duration, Instant};

use proptest::prelude::*;
use vscsi_shared::esxi;
use vscsi_shared::vscsistats::parse_listing;

use crate::support::data;

/// Runs every parser over the input; the number of findings of each is bounded.
fn every_parser(input: &[u8]) {
    let findings = [
        esxi::parse_acceptance_level(input).diagnostics.len(),
        esxi::parse_advanced_options(input).diagnostics.len(),
        esxi::parse_filesystems(input).diagnostics.len(),
        esxi::parse_kernel_options(input).diagnostics.len(),
        esxi::parse_raw_device(input).diagnostics.len(),
        esxi::parse_registered_vms(input).diagnostics.len(),
        esxi::parse_secure_boot(input).diagnostics.len(),
        esxi::parse_storage_paths(input).diagnostics.len(),
        esxi::parse_system_version(input).diagnostics.len(),
        esxi::parse_uname(input).diagnostics.len(),
        esxi::parse_vm_processes(input).diagnostics.len(),
        esxi::parse_vmdk_descriptor(input).diagnostics.len(),
        esxi::parse_vmfs_extents(input).diagnostics.len(),
        esxi::parse_vmware_version(input).diagnostics.len(),
        esxi::parse_vmx_disks(input).diagnostics.len(),
        parse_listing(input).diagnostics.len(),
    ];
    assert!(findings.into_iter().all(|number| number <= 101), "{findings:?}");
}

/// Pieces of which outputs are made, so that generated input gets deep into the parsers.
fn fragments() -> impl Strategy<Value = Vec<u8>> {
    let known = prop::sample::select(vec![
        "\n",
        "\r\n",
        " ",
        "   ",
        "  ",
        ":",
        ": ",
        "\"",
        "=",
        "[",
        "] ",
        ".vmx ",
        "--",
        "-----  ----\n",
        "Vmid ",
        "10 ",
        "é",
        "|2",
        "scsi0:0.fileName",
        "RW 5 VMFS ",
        "Mount Point  UUID\n",
        "/vmfs/volumes/",
        "\u{feff}",
        "\0",
    ]);
    let piece = prop_oneof![
        4 => known.prop_map(|text| text.as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>(), 0..6),
    ];
    prop::collection::vec(piece, 0..60).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn no_input_makes_a_parser_panic(input in fragments()) {
        every_parser(&input);
    }

    #[test]
    fn no_damage_makes_a_parser_panic(
        file in prop::sample::select(vec![
            "vm_process_list.txt", "storage_filesystem_list.txt", "storage_vmfs_extent_list.txt",
            "storage_core_path_list.txt", "getallvms.txt", "SQL-Server-01.vmx", "SQL-Server-01.vmdk", "../vscsistats/listing.txt",
        ]),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..20),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut input = data(file);
        for (at, byte) in changes {
            let at = at.index(input.len());
            input[at] = byte;
        }
        input.truncate(cut.index(input.len() + 1));
        every_parser(&input);
    }
}

/// Whoever may name a VM, or annotate it, may write a megabyte of any one thing. A parser that looks at each place again
/// and again would take many minutes for it.
#[test]
fn a_megabyte_of_anything_takes_no_time_that_grows_with_its_square() {
    const LENGTH: usize = 1 << 20;
    let begun = Instant::now();
    for (before, piece) in [
        ("10 a  ", "["),
        ("10 a  ", " [a] "),
        ("10 a  [ds] ", ".vmx"),
        ("10 a  ", "  [] ."),
        ("Mount Point  UUID\n-----------  ----\n", "x  "),
        ("Mount Point  UUID\n-----------  ----\n", " "),
        ("", "H"),
        ("", "Histogram: "),
        ("Virtual Machine worldGroupID: 1", ", Virtual Machine Config File: "),
        ("a\n  b: ", "|"),
        ("", "a: b\n"),
        ("", "\n"),
    ] {
        every_parser((before.to_owned() + &piece.repeat(LENGTH / piece.len())).as_bytes());
    }
    let dashes = "-- ".repeat(LENGTH / 9);
    every_parser(format!("{}\n{dashes}\n{}", dashes.replace('-', "a"), dashes.replace('-', "b")).as_bytes());
    assert!(begun.elapsed() < Duration::from_secs(100), "{:?}", begun.elapsed());
}

#[test]
fn findings_are_bounded_and_the_rest_is_counted() {
    let reading = esxi::parse_vmx_disks("garbage\n".repeat(5000).as_bytes());
    assert_eq!(reading.diagnostics.len(), 101);
    assert_eq!(
        reading.diagnostics[100].to_string(),
        "line 101: 4900 further findings were not kept"
    );
}
