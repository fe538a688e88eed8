//! Paths, volumes and extents.

use vscsi_shared::esxi::{
    StoragePath, UnresolvedPath, VmfsExtent, Volume, canonical_path, parse_filesystems, parse_storage_paths,
    parse_vmfs_extents,
};

use crate::support::{clean, data, findings};

fn volumes() -> Vec<Volume> {
    clean(parse_filesystems(&data("storage_filesystem_list.txt")))
}

#[test]
fn volumes_without_a_label_and_without_a_mount_point_are_listed() {
    let volumes = volumes();
    let names: Vec<Option<&str>> = volumes.iter().map(|volume| volume.name.as_deref()).collect();
    assert_eq!(
        names,
        [
            Some("datastore1"),
            None,
            Some("nfs backup"),
            Some("vsanDatastore"),
            Some("lost"),
            Some("OSDATA-61f0a3d9-0fb5a3e8-4d20-0025b5000a1f")
        ]
    );
    assert_eq!(
        volumes[1],
        Volume {
            mount_point: Some("/vmfs/volumes/61f0a3d0-77aa01c2-1b2c-0025b5000a1f".to_owned()),
            name: None,
            uuid: "61f0a3d0-77aa01c2-1b2c-0025b5000a1f".to_owned(),
            mounted: Some(true),
            kind: Some("VMFS-6".to_owned()),
            size_bytes: Some(549_487_378_432),
            free_bytes: Some(549_001_887_744),
        }
    );
    assert_eq!(
        (volumes[4].mount_point.as_deref(), volumes[4].mounted),
        (None, Some(false))
    );
}

#[test]
fn a_row_that_does_not_stand_below_the_dashes_is_read_all_the_same() {
    let vsan = &volumes()[3];
    assert_eq!(vsan.uuid, "vsan:52ab34cd56ef7890-1122334455667788");
    assert_eq!(vsan.kind.as_deref(), Some("vsan"));
    assert_eq!(vsan.free_bytes, Some(5_120_000_000_000));
}

#[test]
fn columns_are_characters_and_not_bytes() {
    let text = "Mount Point      Volume Name  UUID  Mounted  Type    Size  Free\n\
                ---------------  -----------  ----  -------  ------  ----  ----\n\
                /vmfs/volumes/a  Übung größe  a        true  VMFS-6    10     5\n";
    let volumes = clean(parse_filesystems(text.as_bytes()));
    assert_eq!(volumes[0].name.as_deref(), Some("Übung größe"));
    assert_eq!(volumes[0].uuid, "a");
}

#[test]
fn an_error_message_in_place_of_a_table_is_reported() {
    let reading = parse_filesystems(b"Connect to localhost failed: Connection failure.\n");
    assert_eq!(reading.value, []);
    assert_eq!(
        findings(&reading),
        ["line 1: unexpected line `Connect to localhost failed: Connection failure.`"]
    );
}

#[test]
fn a_table_cut_in_a_row_keeps_the_rows_before() {
    let text = data("storage_vmfs_extent_list.txt");
    let cut = text.len() - 40;
    let reading = parse_vmfs_extents(&text[..cut]);
    assert_eq!(reading.value.len(), 2);
    assert_eq!(
        findings(&reading),
        [
            "line 5: the output breaks off, and `t10.NVMe_` may be the beginning of something longer",
            "line 5: an entry without `Device Name` is left out",
        ]
    );
}

/// A table of volumes whose column of types is as wide as its widest type.
const UNMOUNTED: &str = "\
Mount Point                                        Volume Name  UUID                                 Mounted  Type                          Size          Free
-------------------------------------------------  -----------  -----------------------------------  -------  --------------------  ------------  ------------
/vmfs/volumes/4c5fc023-ea0d4203-8517-0019b9f1ecf4  Storage4     4c5fc023-ea0d4203-8517-0019b9f1ecf4     true  VMFS-3                146028888064  121057050624
                                                   LUN01        4e414917-a8d75514-6bae-0019b9f1ecf4    false  VMFS-unknown version             0             0
";

#[test]
fn a_volume_that_is_not_mounted_is_read_with_its_type_of_several_words() {
    let volumes = clean(parse_filesystems(UNMOUNTED.as_bytes()));
    assert_eq!(volumes.len(), 2);
    assert_eq!(
        volumes[1],
        Volume {
            mount_point: None,
            name: Some("LUN01".to_owned()),
            uuid: "4e414917-a8d75514-6bae-0019b9f1ecf4".to_owned(),
            mounted: Some(false),
            kind: Some("VMFS-unknown version".to_owned()),
            size_bytes: Some(0),
            free_bytes: Some(0),
        }
    );
}

#[test]
fn an_unknown_value_costs_that_value_and_is_named() {
    let reading = parse_filesystems(
        UNMOUNTED
            .replace("    true  ", "   maybe  ")
            .replace("             0\n", "           n/a\n")
            .as_bytes(),
    );
    let volumes = &reading.value;
    assert_eq!(volumes.len(), 2);
    assert_eq!(
        (volumes[0].mounted, volumes[0].free_bytes),
        (None, Some(121_057_050_624))
    );
    assert_eq!((volumes[1].mounted, volumes[1].free_bytes), (Some(false), None));
    assert_eq!(
        findings(&reading),
        [
            "line 3: `maybe` is not a value of `Mounted`",
            "line 4: `n/a` is not a value of `Free`"
        ]
    );
}

#[test]
fn an_empty_cell_of_any_column_but_the_identity_costs_that_value() {
    for (column, width) in [("true", 4), ("VMFS-3", 6), ("146028888064", 12), ("121057050624", 12)] {
        let volumes = clean(parse_filesystems(
            UNMOUNTED.replace(column, &" ".repeat(width)).as_bytes(),
        ));
        assert_eq!(volumes.len(), 2, "{column}");
    }
    let extents = data("storage_vmfs_extent_list.txt");
    let extents = String::from_utf8(extents)
        .unwrap()
        .replace("            0  naa", "               naa");
    let extents = clean(parse_vmfs_extents(extents.as_bytes()));
    assert_eq!(
        (extents.len(), extents[0].number, extents[0].partition),
        (3, None, Some(1))
    );
}

#[test]
fn a_row_without_its_identity_and_a_row_that_cannot_be_cut_are_named() {
    let nameless = UNMOUNTED.replace("4e414917-a8d75514-6bae-0019b9f1ecf4", &" ".repeat(35));
    assert_eq!(
        findings(&parse_filesystems(nameless.as_bytes())),
        ["line 4: an entry without `UUID` is left out"]
    );
    // The blanks at the start are lost, so that nobody knows which column is empty.
    let shifted = UNMOUNTED.replace("                                                   LUN01", "LUN01");
    let reading = parse_filesystems(shifted.as_bytes());
    assert_eq!(reading.value.len(), 1);
    assert!(
        findings(&reading)[0].starts_with("line 4: unexpected line `LUN01"),
        "{reading:?}"
    );
}

#[test]
fn a_cell_wider_than_its_dashes_moves_the_empty_ones_behind_it() {
    let wide = "Mount Point      Volume Name  UUID  Mounted  Type    Size  Free\n\
                ---------------  -----------  ----  -------  ------  ----  ----\n\
                /vmfs/volumes/longer               b        true  VMFS-6    10     5\n";
    let volumes = clean(parse_filesystems(wide.as_bytes()));
    assert_eq!(volumes[0].mount_point.as_deref(), Some("/vmfs/volumes/longer"));
    assert_eq!((volumes[0].name.as_deref(), volumes[0].uuid.as_str()), (None, "b"));
    assert_eq!((volumes[0].mounted, volumes[0].free_bytes), (Some(true), Some(5)));
}

#[test]
fn a_name_may_hold_several_blanks() {
    let named = UNMOUNTED.replace("Storage4   ", "Stor  age 4");
    assert_eq!(
        clean(parse_filesystems(named.as_bytes()))[0].name.as_deref(),
        Some("Stor  age 4")
    );
}

#[test]
fn a_volume_has_a_row_for_each_of_its_extents() {
    let extents = clean(parse_vmfs_extents(&data("storage_vmfs_extent_list.txt")));
    assert_eq!(extents.len(), 3);
    assert_eq!(
        extents[1],
        VmfsExtent {
            volume_name: Some("datastore1".to_owned()),
            vmfs_uuid: "61f0a3c2-5d1e8b74-9c30-0025b5000a1f".to_owned(),
            number: Some(1),
            device: "naa.60000970000197900001533030303042".to_owned(),
            partition: Some(1),
        }
    );
    assert_eq!(extents[2].volume_name, None);
}

#[test]
fn a_path_without_a_device_names_none() {
    let paths = clean(parse_storage_paths(&data("storage_core_path_list.txt")));
    let path = |runtime_name: &str, device: Option<&str>, adapter: &str, state: &str, transport: &str| StoragePath {
        runtime_name: runtime_name.to_owned(),
        device: device.map(str::to_owned),
        adapter: Some(adapter.to_owned()),
        state: Some(state.to_owned()),
        transport: Some(transport.to_owned()),
    };
    assert_eq!(
        paths,
        [
            path(
                "vmhba1:C0:T0:L0",
                Some("naa.60000970000197900001533030303041"),
                "vmhba1",
                "active",
                "fc"
            ),
            path("vmhba0:C0:T5:L0", None, "vmhba0", "dead", "sata"),
        ]
    );
}

#[test]
fn a_path_by_label_and_a_path_by_uuid_become_the_same() {
    let canonical = "/vmfs/volumes/61f0a3c2-5d1e8b74-9c30-0025b5000a1f/a/a.vmx";
    assert_eq!(
        canonical_path("/vmfs/volumes/datastore1/a/a.vmx", &volumes()).unwrap(),
        canonical
    );
    assert_eq!(canonical_path(canonical, &volumes()).unwrap(), canonical);
}

#[test]
fn a_vsan_path_keeps_its_volume() {
    let path = "/vmfs/volumes/vsan:52ab34cd56ef7890-1122334455667788/7c788d65-080c/x.vmx";
    assert_eq!(canonical_path(path, &volumes()).unwrap(), path);
}

#[test]
fn a_label_that_two_volumes_have_is_not_resolved() {
    let mut volumes = volumes();
    volumes[1].name = Some("datastore1".to_owned());
    assert_eq!(
        canonical_path("/vmfs/volumes/datastore1/a.vmx", &volumes),
        Err(UnresolvedPath::AmbiguousVolume {
            name: "datastore1".to_owned(),
            count: 2
        })
    );
}

#[test]
fn an_unknown_volume_and_a_path_elsewhere_are_not_resolved() {
    assert_eq!(
        canonical_path("/vmfs/volumes/none/a.vmx", &volumes()),
        Err(UnresolvedPath::UnknownVolume("none".to_owned()))
    );
    assert_eq!(
        canonical_path("/tmp/a.vmx", &volumes()),
        Err(UnresolvedPath::Elsewhere("/tmp/a.vmx".to_owned()))
    );
}
