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
            mounted: true,
            kind: "VMFS-6".to_owned(),
            size_bytes: Some(549_487_378_432),
            free_bytes: Some(549_001_887_744),
        }
    );
    assert_eq!((volumes[4].mount_point.as_deref(), volumes[4].mounted), (None, false));
}

#[test]
fn a_row_that_does_not_stand_below_the_dashes_is_read_from_both_ends() {
    let vsan = &volumes()[3];
    assert_eq!(vsan.uuid, "vsan:52ab34cd56ef7890-1122334455667788");
    assert_eq!(vsan.kind, "vsan");
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
    assert_eq!(findings(&reading), ["line 5: an entry without `Partition` is left out"]);
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
            number: 1,
            device: "naa.60000970000197900001533030303042".to_owned(),
            partition: 1,
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
