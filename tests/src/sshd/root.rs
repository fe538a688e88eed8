//! The file system of the host.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use vscsi_fixtures::{Scenario, SimulatedHost};

use super::busybox::{self, executable};
use super::{program, python};
use crate::binaries::Binary;

/// Makes the host's file system at `root`.
pub(super) fn create(root: &Path, scenario: &Scenario) {
    SimulatedHost::create(scenario, root, &program(Binary::Simulator)).unwrap();
    fs::set_permissions(root, fs::Permissions::from_mode(0o755)).unwrap();
    for folder in ["bin", "dev", "etc", "root", "tmp", "usr/bin", "var/run"] {
        fs::create_dir_all(root.join(folder)).unwrap();
    }
    busybox::install(root, scenario.variants.timeout_wants_t);
    python::install(root, scenario.host.python);
    // sshd starts the login shell of this machine's user; whatever it is, it is ash there.
    for shell in ["bin/bash", "bin/zsh"] {
        fs::write(root.join(shell), "#!/bin/sh\nexec /bin/sh \"$@\"\n").unwrap();
        executable(&root.join(shell));
    }
    fs::write(root.join("etc/passwd"), "root:x:0:0:Administrator:/:/bin/sh\n").unwrap();
    fs::write(
        root.join("etc/issue"),
        "Authorized use only. {\"program\":\"not an agent\"}\n",
    )
    .unwrap();
    for (name, minor) in [("null", "3"), ("zero", "5"), ("random", "8"), ("urandom", "9")] {
        let status = Command::new("mknod")
            .arg(root.join("dev").join(name))
            .args(["-m", "666", "c", "1", minor])
            .status();
        assert!(
            status.unwrap().success(),
            "these tests need root, to make the devices of a chroot"
        );
    }
}

/// Processes whose file system is this root, with their command lines.
pub(super) fn processes(root: &Path) -> Vec<(i32, String)> {
    let Ok(entries) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    entries
        .flatten()
        .filter_map(|entry| {
            let pid: i32 = entry.file_name().to_str()?.parse().ok()?;
            let its_root = fs::read_link(entry.path().join("root")).ok()?;
            let command = fs::read(entry.path().join("cmdline")).ok()?;
            // A process that has ended and was not waited for has no command line.
            (its_root == root && !command.is_empty()).then(|| {
                (
                    pid,
                    String::from_utf8_lossy(&command).replace('\0', " ").trim().to_owned(),
                )
            })
        })
        .collect()
}
