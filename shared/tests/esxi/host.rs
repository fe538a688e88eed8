//! Versions, options and states of a host.

use vscsi_shared::esxi::{
    AcceptanceLevel, AdvancedOption, KernelOption, SecureBoot, SystemVersion, Uname, parse_acceptance_level,
    parse_advanced_options, parse_kernel_options, parse_secure_boot, parse_system_version, parse_uname,
    parse_vmware_version,
};

use crate::support::{clean, findings};

fn version(update: Option<&str>, patch: Option<&str>) -> SystemVersion {
    SystemVersion {
        product: "VMware ESXi".to_owned(),
        version: "7.0.3".to_owned(),
        build: Some("19482537".to_owned()),
        update: update.map(str::to_owned),
        patch: patch.map(str::to_owned),
    }
}

#[test]
fn the_system_version_is_read_below_a_prompt_too() {
    let text =
        "   Product: VMware ESXi\n   Version: 7.0.3\n   Build: Releasebuild-19482537\n   Update: 3\n   Patch: 35\n";
    let expected = Some(version(Some("3"), Some("35")));
    assert_eq!(clean(parse_system_version(text.as_bytes())), expected);
    let prompted = format!("[root@esx:~] esxcli system version get\n{text}");
    assert_eq!(clean(parse_system_version(prompted.as_bytes())), expected);
}

#[test]
fn the_short_and_the_long_vmware_version_are_read() {
    assert_eq!(
        clean(parse_vmware_version(b"VMware ESXi 7.0.3 build-19482537\n")),
        Some(version(None, None))
    );
    assert_eq!(
        clean(parse_vmware_version(
            b"VMware ESXi 7.0.3 build-19482537\nVMware ESXi 7.0 Update 3\n"
        )),
        Some(version(Some("3"), None))
    );
    assert_eq!(
        clean(parse_vmware_version(
            b"VMware ESXi 7.0.3 build-19482537\nVMware ESXi 7.0 GA\n"
        )),
        Some(version(None, None))
    );
}

#[test]
fn a_missing_vmware_command_is_reported() {
    let reading = parse_vmware_version(b"sh: vmware: not found\n");
    assert_eq!(reading.value, None);
    assert_eq!(findings(&reading), ["line 1: unexpected line `sh: vmware: not found`"]);
}

#[test]
fn an_integer_option_has_its_value_and_its_default() {
    let text = "   Path: /User/execInstalledOnly\n   Type: integer\n   Int Value: 0\n   Default Int Value: 1\n   \
                Min Value: 0\n   Max Value: 1\n   String Value: \n   Default String Value: \n   Valid Characters: \n   \
                Description: Restrict execution to installed VIBs: yes or no\n";
    assert_eq!(
        clean(parse_advanced_options(text.as_bytes())),
        [AdvancedOption {
            path: "/User/execInstalledOnly".to_owned(),
            int_value: Some(0),
            default_int_value: Some(1),
            string_value: None,
        }]
    );
}

#[test]
fn an_option_the_host_does_not_have_is_reported() {
    let reading = parse_advanced_options(b"Unable to find option execInstalledOnly\n");
    assert_eq!(reading.value, []);
    assert_eq!(
        findings(&reading),
        ["line 1: unexpected line `Unable to find option execInstalledOnly`"]
    );
}

#[test]
fn a_kernel_option_is_read_whatever_the_order_of_the_columns() {
    let option = KernelOption {
        name: "execInstalledOnly".to_owned(),
        configured: Some("TRUE".to_owned()),
        runtime: Some("FALSE".to_owned()),
        default: Some("FALSE".to_owned()),
    };
    let five = "Name               Type  Configured  Runtime  Default  Description\n\
                -----------------  ----  ----------  -------  -------  ----------------------------\n\
                execInstalledOnly  Bool  TRUE        FALSE    FALSE    Execute only installed VIBs.\n";
    let newer = "Name               Type  Description                   Configured  Runtime  Default\n\
                 -----------------  ----  ----------------------------  ----------  -------  -------\n\
                 execInstalledOnly  Bool  Execute only installed VIBs.  TRUE        FALSE    FALSE\n";
    for text in [five, newer] {
        assert_eq!(
            clean(parse_kernel_options(text.as_bytes())),
            std::slice::from_ref(&option)
        );
    }
}

#[test]
fn acceptance_levels_are_ordered_by_strength() {
    let level = |text: &str| clean(parse_acceptance_level(text.as_bytes())).unwrap();
    assert_eq!(level("PartnerSupported\n"), AcceptanceLevel::PartnerSupported);
    assert!(level("CommunitySupported") < level("PartnerSupported"));
    assert!(level("VMwareAccepted") < level("VMwareCertified"));
}

#[test]
fn an_unknown_acceptance_level_is_reported() {
    let reading = parse_acceptance_level(b"Whatever\n");
    assert_eq!(reading.value, None);
    assert_eq!(findings(&reading), ["line 1: unexpected line `Whatever`"]);
}

#[test]
fn secure_boot_is_on_off_or_not_known() {
    assert_eq!(clean(parse_secure_boot(b"Enabled\n")), Some(SecureBoot::Enabled));
    assert_eq!(clean(parse_secure_boot(b"Disabled\n")), Some(SecureBoot::Disabled));
    assert_eq!(clean(parse_secure_boot(b"")), None);
    assert_eq!(parse_secure_boot(b"Traceback\n").value, None);
}

#[test]
fn uname_names_the_vmkernel_its_release_and_its_build() {
    let line =
        b"VMkernel esxi-host01 7.0.3 #1 SMP Release build-19482537 Mar 11 2022 00:53:10 x86_64 x86_64 x86_64 ESXi\n";
    let uname = clean(parse_uname(line)).unwrap();
    assert!(uname.is_esxi());
    assert_eq!(
        uname,
        Uname {
            system: "VMkernel".to_owned(),
            host_name: "esxi-host01".to_owned(),
            release: "7.0.3".to_owned(),
            build: Some("19482537".to_owned()),
        }
    );
}

#[test]
fn a_linux_host_is_not_esxi() {
    let uname = clean(parse_uname(b"Linux box 6.1.0-18-amd64 #1 SMP x86_64 GNU/Linux\n")).unwrap();
    assert!(!uname.is_esxi());
}
