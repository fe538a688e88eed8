//! `esxcli vm process list` and `vim-cmd vmsvc/getallvms`.

use vscsi_shared::esxi::{RegisteredVm, VmProcess, parse_registered_vms, parse_vm_processes};
use vscsi_shared::identifier::WorldGroupId;

use crate::support::{clean, data, findings};

fn file_server() -> VmProcess {
    VmProcess {
        display_name: "file server, {old}: 2".to_owned(),
        world_id: 2_104_790,
        vmx_cartel_id: WorldGroupId(2_104_731),
        uuid: "42 0d 0b 77 41 9f 2d c8-51 3c a6 f4 08 e9 12 ab".to_owned(),
        config_file: "/vmfs/volumes/nfs backup/file server/file server.vmx".to_owned(),
    }
}

#[test]
fn running_vms_are_listed_with_names_that_hold_any_character() {
    let vms = clean(parse_vm_processes(&data("vm_process_list.txt")));
    assert_eq!(vms.len(), 2);
    assert_eq!(vms[0].vmx_cartel_id, WorldGroupId(2_104_509));
    assert_eq!(vms[1], file_server());
}

#[test]
fn no_running_vm_is_an_empty_output() {
    assert_eq!(clean(parse_vm_processes(b"")), []);
}

#[test]
fn a_prompt_and_a_vm_without_its_cartel_are_reported() {
    let text = "~ # esxcli vm process list\n\na\n   World ID: 5\n   Config File: /a.vmx\n\nb\n   World ID: x\n   VMX Cartel ID: 7\n";
    let reading = parse_vm_processes(text.as_bytes());
    assert_eq!(reading.value, []);
    assert_eq!(
        findings(&reading),
        [
            "line 1: unexpected line `~ # esxcli vm process list`",
            "line 3: an entry without `VMX Cartel ID` is left out",
            "line 8: `x` is not a value of `World ID`",
        ]
    );
}

#[test]
fn a_name_that_is_not_utf8_is_reported() {
    let reading = parse_vm_processes(b"caf\xe9\n   World ID: 5\n   VMX Cartel ID: 4\n   Config File: /a.vmx\n");
    assert_eq!(reading.value[0].display_name, "caf\u{fffd}");
    assert_eq!(
        findings(&reading),
        ["line 1: text that is not UTF-8 was replaced in `caf\u{fffd}`"]
    );
}

#[test]
fn registered_vms_are_found_among_annotations_of_any_shape() {
    let vms = clean(parse_registered_vms(&data("getallvms.txt")));
    let vm = |vmid, name: &str, datastore: &str, path: &str, guest_os: &str, hardware: &str| RegisteredVm {
        vmid,
        name: name.to_owned(),
        datastore: datastore.to_owned(),
        path: path.to_owned(),
        guest_os: Some(guest_os.to_owned()),
        hardware_version: Some(hardware.to_owned()),
    };
    assert_eq!(
        vms,
        [
            vm(
                10,
                "SQL-Server-01",
                "datastore1",
                "SQL-Server-01/SQL-Server-01.vmx",
                "windows2019srv_64Guest",
                "vmx-19"
            ),
            vm(
                2,
                "file server, {old}: 2",
                "nfs backup",
                "file server/file server.vmx",
                "centos64Guest",
                "vmx-13"
            ),
            vm(
                7,
                "a[b] c",
                "datastore1",
                "a[b] c/a[b] c.vmx",
                "other3xLinux64Guest",
                "vmx-10"
            ),
        ]
    );
    assert_eq!(
        vms[1].config_file(),
        "/vmfs/volumes/nfs backup/file server/file server.vmx"
    );
}

#[test]
fn what_stands_above_the_column_titles_is_reported() {
    let reading =
        parse_registered_vms(b"Skipping invalid VM '7'\nVmid   Name   File   Guest OS   Version   Annotation\n");
    assert_eq!(reading.value, []);
    assert_eq!(
        findings(&reading),
        ["line 1: unexpected line `Skipping invalid VM '7'`"]
    );
}
