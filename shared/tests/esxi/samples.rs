//! Real captures, where the folder with them is present. The figures were read from them by hand.

use vscsi_shared::esxi::{
    canonical_path, parse_filesystems, parse_registered_vms, parse_vm_processes, parse_vmfs_extents,
};

use crate::support::{clean, sample};

/// Name, world ID and cartel ID of the running VMs of a capture; every one has a .vmx.
#[expect(clippy::unwrap_used, reason = "what supports tests fails as tests do")]
fn running(name: &str) -> Option<Vec<(String, u64, u64)>> {
    let vms = clean(parse_vm_processes(&sample(name)?)).into_iter().map(|vm| {
        assert!(vm.config_file.starts_with("/vmfs/volumes/"), "{vm:?}");
        assert!(vm.config_file.contains(".vmx"), "{vm:?}");
        (vm.display_name, vm.world_id.unwrap(), vm.vmx_cartel_id.unwrap().0)
    });
    Some(vms.collect())
}

fn vm(name: &str, world_id: u64, cartel_id: u64) -> (String, u64, u64) {
    (name.to_owned(), world_id, cartel_id)
}

#[test]
fn running_vms_of_esxi_5_5_are_read() {
    let Some(vms) = running("esxcli_vm_process_list_esxi55.txt") else {
        return;
    };
    assert_eq!(
        vms,
        [
            vm("server08R2", 107_654, 107_651),
            vm("CentOS7.6_mini", 1_454_883, 1_454_882)
        ]
    );
}

#[test]
fn running_vms_of_esxi_6_7_are_read() {
    let Some(vms) = running("esxcli_vm_process_list_esxi67.txt") else {
        return;
    };
    assert_eq!(
        vms,
        [
            vm("gns3_vm", 4_455_345, 4_455_344),
            vm("ubuntu_gns3", 4_455_488, 4_455_487)
        ]
    );
}

#[test]
fn volumes_are_read_also_where_the_columns_do_not_align() {
    let Some(output) = sample("esxcli_storage_filesystem_list_esxi70u3.txt") else {
        return;
    };
    let volumes = clean(parse_filesystems(&output));
    let read: Vec<(Option<&str>, &str, Option<u64>)> = volumes
        .iter()
        .map(|volume| {
            (
                volume.name.as_deref(),
                volume.kind.as_deref().unwrap(),
                volume.free_bytes,
            )
        })
        .collect();
    assert_eq!(
        read,
        [
            (Some("ds1"), "VMFS-6", Some(74_551_656_448)),
            (Some("ds2"), "VMFS-6", Some(1_000_291_172_352)),
            (
                Some("OSDATA-00000000-00000000-0000-000000000003"),
                "VFFS",
                Some(124_806_758_400)
            ),
            (Some("BOOTBANK1"), "vfat", Some(4_122_804_224)),
        ]
    );
    assert_eq!(
        canonical_path("/vmfs/volumes/ds2/a/a.vmx", &volumes).unwrap(),
        "/vmfs/volumes/00000000-00000000-0000-000000000002/a/a.vmx"
    );
}

#[test]
fn a_real_vmfs_volume_without_a_label_is_read() {
    let Some(output) = sample("esxcli_storage_filesystem_list_esxi80u3.txt") else {
        return;
    };
    let volumes = clean(parse_filesystems(&output));
    assert_eq!(volumes.len(), 4);
    assert_eq!(volumes[0].name, None);
    assert_eq!(volumes[0].uuid, "66b0c33b-d2f3dff8-8f53-1e00f500013e");
    assert_eq!(volumes[0].size_bytes, Some(96_368_328_704));
}

#[test]
fn a_real_extent_is_read() {
    let Some(output) = sample("esxcli_storage_vmfs_extent_list_esxi67.txt") else {
        return;
    };
    let extents = clean(parse_vmfs_extents(&output));
    assert_eq!(extents.len(), 1);
    assert_eq!(extents[0].volume_name.as_deref(), Some("VMs"));
    assert_eq!(extents[0].device, "naa.600508b1001cf76cb54a0dec4acc6459");
    assert_eq!((extents[0].number, extents[0].partition), (Some(0), Some(3)));
}

/// Number, name and .vmx of the registered VMs of a capture.
fn registered(name: &str) -> Option<Vec<(u32, String, String)>> {
    let vms = clean(parse_registered_vms(&sample(name)?)).into_iter();
    Some(vms.map(|vm| (vm.vmid, vm.name.clone(), vm.config_file())).collect())
}

fn registration(vmid: u32, name: &str, path: &str) -> (u32, String, String) {
    (vmid, name.to_owned(), format!("/vmfs/volumes/{path}"))
}

#[test]
fn registered_vms_are_found_among_real_annotations() {
    let Some(vms) = registered("vim-cmd_getallvms_esxi70u3.txt") else {
        return;
    };
    assert_eq!(
        vms,
        [
            registration(10, "vm1", "ds2/vm1_1/vm1_1.vmx"),
            registration(12, "vm2", "ds1/vm2/vm2.vmx"),
            registration(13, "vm3", "ds1/vm3/vm3.vmx"),
            registration(2, "vm4", "ds2/vm4/vm4.vmx"),
            registration(6, "vm7", "ds2/vm7/vm7.vmx"),
        ]
    );
}

#[test]
fn registered_vms_of_an_older_host_are_read() {
    let Some(vms) = registered("vim-cmd_getallvms_old_mocks.txt") else {
        return;
    };
    assert_eq!(
        vms,
        [
            registration(1, "IB-ClearOS-112", "datastore1/IB-ClearOS-112/IB-ClearOS-112.vmx"),
            registration(10, "othervm", "VM-othervm-ds/othervm/othervm.vmx"),
            registration(
                11,
                "Backup-Proxy-Host",
                "VM-FreeNAS-ds/Backup-Proxy-Host/Backup-Proxy-Host.vmx"
            ),
        ]
    );
}
