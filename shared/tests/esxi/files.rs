//! .vmx files and vmdk descriptors.

use vscsi_shared::esxi::{RawDevice, parse_raw_device, parse_vmdk_descriptor, parse_vmx_disks};

use crate::support::{clean, data, findings};

#[test]
fn hard_disks_of_a_vm_are_told_from_cd_drives_and_absent_nodes() {
    let disks = clean(parse_vmx_disks(&data("SQL-Server-01.vmx")));
    let nodes: Vec<(&str, bool)> = disks
        .iter()
        .map(|disk| (disk.node.as_str(), disk.is_hard_disk()))
        .collect();
    assert_eq!(
        nodes,
        [
            ("nvme0:0", true),
            ("sata0:0", false),
            ("scsi0:0", true),
            ("scsi0:2", false),
            ("scsi0:10", true)
        ]
    );
}

#[test]
fn file_names_are_unescaped() {
    let disks = clean(parse_vmx_disks(&data("SQL-Server-01.vmx")));
    let name = disks
        .iter()
        .find(|disk| disk.node == "scsi0:10")
        .unwrap()
        .file_name
        .as_deref();
    assert_eq!(
        name,
        Some("/vmfs/volumes/61f0a3d0-77aa01c2-1b2c-0025b5000a1f/SQL-Server-01/log \"a\".vmdk")
    );
}

#[test]
fn a_bar_that_is_no_escape_stays() {
    let disks = clean(parse_vmx_disks("scsi0:0.fileName = \"a|b|é|7c|\"".as_bytes()));
    assert_eq!(disks[0].file_name.as_deref(), Some("a|b|é||"));
}

#[test]
fn a_line_that_is_no_assignment_is_reported() {
    let reading = parse_vmx_disks(b"scsi0:0.present = \"TRUE\"\nscsi0:0.fileName = \"a.vm");
    assert_eq!(reading.value.len(), 1);
    assert_eq!(
        findings(&reading),
        ["line 2: unexpected line `scsi0:0.fileName = \"a.vm`"]
    );
}

#[test]
fn the_capacity_is_the_sum_of_the_extents_in_sectors_of_512_bytes() {
    let descriptor = clean(parse_vmdk_descriptor(&data("SQL-Server-01.vmdk")));
    // 100 GiB.
    assert_eq!(descriptor.capacity_bytes(), Some(107_374_182_400));
    assert_eq!(descriptor.create_type.as_deref(), Some("vmfs"));
    assert_eq!(
        descriptor.extents[0].file_name.as_deref(),
        Some("SQL-Server-01-flat.vmdk")
    );
    let split = b"RW 4192256 SPARSE \"a b-s001.vmdk\"\nRW 2048 FLAT \"a b-f002.vmdk\" 0\nRW 63 ZERO\n";
    let descriptor = clean(parse_vmdk_descriptor(split));
    assert_eq!(descriptor.capacity_bytes(), Some((4_192_256 + 2048 + 63) * 512));
    assert_eq!(descriptor.extents[1].file_name.as_deref(), Some("a b-f002.vmdk"));
}

#[test]
fn a_snapshot_names_its_parent() {
    let text = "createType=\"vmfsSparse\"\nparentFileNameHint=\"a.vmdk\"\nRW 8 VMFSSPARSE \"a-000001-delta.vmdk\"\n";
    let descriptor = clean(parse_vmdk_descriptor(text.as_bytes()));
    assert_eq!(descriptor.parent_file_name.as_deref(), Some("a.vmdk"));
    assert!(!descriptor.is_raw_device_mapping());
}

#[test]
fn a_raw_device_mapping_is_told_by_its_type_or_by_its_extent() {
    for text in [
        "createType=\"vmfsPassthroughRawDeviceMap\"\nRW 8 VMFSRDM \"a-rdmp.vmdk\"\n",
        "createType=\"vmfsRawDeviceMap\"\nRW 8 VMFSRDM \"a-rdm.vmdk\"\n",
        "createType=\"vmfsRawDeviceMap\"\n",
        "RW 8 VMFSRDM \"a-rdm.vmdk\"\n",
    ] {
        assert!(
            clean(parse_vmdk_descriptor(text.as_bytes())).is_raw_device_mapping(),
            "{text}"
        );
    }
}

#[test]
fn the_device_behind_a_raw_device_mapping_is_read_in_both_modes() {
    for mode in ["Passthrough", "Non-passthrough"] {
        let text = format!(
            "Disk /vmfs/volumes/ds: 1/a/a_1.vmdk is a {mode} Raw Device Mapping\n\
             Maps to: vml.0200050000600601603df02d00d06e9cf71b6fe111565241494420\n"
        );
        let name = "vml.0200050000600601603df02d00d06e9cf71b6fe111565241494420".to_owned();
        assert_eq!(clean(parse_raw_device(text.as_bytes())), Some(RawDevice { name }));
    }
}

#[test]
fn a_disk_that_maps_to_no_device_and_an_answer_that_breaks_off_name_none() {
    for text in [
        "Disk a.vmdk is a Passthrough Raw Device Mapping\nMaps to: vml.02000500",
        "Failed to open 'a.vmdk': The file specified is not a virtual disk (15).\n",
    ] {
        let reading = parse_raw_device(text.as_bytes());
        assert_eq!(reading.value, None);
        assert_eq!(findings(&reading).len(), 1, "{reading:?}");
    }
}

#[test]
fn a_capacity_beyond_64_bits_is_none() {
    let text = format!("RW {} VMFS \"a\"\nRW 1 VMFS \"b\"\n", u64::MAX);
    assert_eq!(clean(parse_vmdk_descriptor(text.as_bytes())).capacity_bytes(), None);
    assert_eq!(clean(parse_vmdk_descriptor(b"")).capacity_bytes(), None);
}
