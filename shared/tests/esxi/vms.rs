//! `esxcli vm process list` and `vim-cmd vmsvc/getallvms`.

use vscsi_shared::esxi::{RegisteredVm, VmProcess, parse_registered_vms, parse_vm_processes};
use vscsi_shared::identifier::WorldGroupId;

use crate::support::{clean, data, findings};

fn file_server() -> VmProcess {
    VmProcess {
        display_name: "file server, {old}: 2".to_owned(),
        world_id: Some(2_104_790),
        vmx_cartel_id: Some(WorldGroupId(2_104_731)),
        uuid: "42 0d 0b 77 41 9f 2d c8-51 3c a6 f4 08 e9 12 ab".to_owned(),
        config_file: "/vmfs/volumes/nfs backup/file server/file server.vmx".to_owned(),
    }
}

#[test]
fn running_vms_are_listed_with_names_that_hold_any_character() {
    let vms = clean(parse_vm_processes(&data("vm_process_list.txt")));
    assert_eq!(vms.len(), 2);
    assert_eq!(vms[0].vmx_cartel_id, Some(WorldGroupId(2_104_509)));
    assert_eq!(vms[1], file_server());
}

#[test]
fn no_running_vm_is_an_empty_output() {
    assert_eq!(clean(parse_vm_processes(b"")), []);
}

#[test]
fn an_unknown_number_costs_that_number_and_a_vm_without_its_file_is_left_out() {
    let text = "~ # esxcli vm process list\n\na\n   World ID: 5\n   Config File: /a.vmx\n\n\
                b\n   World ID: x\n   VMX Cartel ID: 7\n   Config File: /b.vmx\n\nc\n   World ID: 9\n";
    let reading = parse_vm_processes(text.as_bytes());
    let read: Vec<_> = reading
        .value
        .iter()
        .map(|vm| (vm.display_name.as_str(), vm.world_id, vm.vmx_cartel_id))
        .collect();
    assert_eq!(read, [("a", Some(5), None), ("b", None, Some(WorldGroupId(7)))]);
    assert_eq!(
        findings(&reading),
        [
            "line 1: unexpected line `~ # esxcli vm process list`",
            "line 8: `x` is not a value of `World ID`",
            "line 12: an entry without `Config File` is left out",
        ]
    );
}

#[test]
fn a_number_at_the_end_of_a_cut_output_is_not_believed() {
    let text = "a\n   Config File: /a.vmx\n   World ID: 2104790\n   VMX Cartel ID: 21047";
    let reading = parse_vm_processes(text.as_bytes());
    assert_eq!(reading.value[0].vmx_cartel_id, None);
    assert_eq!(
        findings(&reading),
        ["line 4: the output breaks off, and `21047` may be the beginning of something longer"]
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
        datastore: Some(datastore.to_owned()),
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

/// The column titles, and then what `rows` are.
fn registered(rows: &str) -> vscsi_shared::esxi::Reading<Vec<RegisteredVm>> {
    let titles = "Vmid           Name                    File               Guest OS     Version   Annotation\n";
    parse_registered_vms(format!("{titles}{rows}").as_bytes())
}

#[test]
fn a_vm_of_the_host_itself_lies_on_no_datastore() {
    let vms = clean(registered(
        "1698   vCLS-4c4c4544   [] /var/run/crx/infra/vCLS-4c4c4544/vCLS-4c4c4544.vmx   crxSys1Guest   vmx-21   \n",
    ));
    assert_eq!(
        vms,
        [RegisteredVm {
            vmid: 1698,
            name: "vCLS-4c4c4544".to_owned(),
            datastore: None,
            path: "/var/run/crx/infra/vCLS-4c4c4544/vCLS-4c4c4544.vmx".to_owned(),
            guest_os: Some("crxSys1Guest".to_owned()),
            hardware_version: Some("vmx-21".to_owned()),
        }]
    );
    assert_eq!(
        vms[0].config_file(),
        "/var/run/crx/infra/vCLS-4c4c4544/vCLS-4c4c4544.vmx"
    );
}

#[test]
fn a_template_and_a_vm_with_a_name_like_a_file_are_listed() {
    let vms = clean(registered(
        "4      golden.vmx image   [datastore1] golden/golden.vmtx   centos64Guest   vmx-13    \n",
    ));
    assert_eq!(vms[0].name, "golden.vmx image");
    assert_eq!(vms[0].config_file(), "/vmfs/volumes/datastore1/golden/golden.vmtx");
}

#[test]
fn a_line_that_begins_like_a_vm_and_cannot_be_read_is_named() {
    let reading = registered(
        "7      odd   datastore1 odd/odd.vmx   centos64Guest   vmx-13\n12 files in odd.vmx\n\
         99     not a VM [ds] x/x.vmx\n8      lost   [] lost/lost.vmx   centos64Guest   vmx-13\n",
    );
    assert_eq!(reading.value, []);
    assert_eq!(
        findings(&reading),
        [
            "line 2: unexpected line `7      odd   datastore1 odd/odd.vmx   centos64Guest   vmx-13`",
            "line 5: unexpected line `8      lost   [] lost/lost.vmx   centos64Guest   vmx-13`",
        ]
    );
}

#[test]
fn the_word_at_which_a_listing_of_registered_vms_breaks_off_is_not_believed() {
    let reading = registered("7      a   [datastore1] a/a.vmx   centos64Guest   vmx-1");
    assert_eq!(reading.value[0].guest_os.as_deref(), Some("centos64Guest"));
    assert_eq!(reading.value[0].hardware_version, None);
    assert_eq!(
        findings(&reading),
        ["line 2: the output breaks off, and `vmx-1` may be the beginning of something longer"]
    );
}
