//! The programs that the tests need beside Rust: installed on Debian as root, named to the user elsewhere.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, bail};

use crate::process;

/// A program, and the Debian package that brings it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Requirement {
    program: &'static str,
    package: &'static str,
    purpose: &'static str,
}

/// What the checks run beside cargo.
pub(crate) const FOR_TESTS: &[Requirement] = &[
    Requirement {
        program: "cc",
        package: "gcc",
        purpose: "links the programs and compiles SQLite",
    },
    Requirement {
        program: "sshd",
        package: "openssh-server",
        purpose: "the ssh server the client is tested against",
    },
    Requirement {
        program: "ssh",
        package: "openssh-client",
        purpose: "the ssh client that the product runs",
    },
    Requirement {
        program: "fio",
        package: "fio",
        purpose: "runs the generated jobs",
    },
    Requirement {
        program: "busybox",
        package: "busybox-static",
        purpose: "the shell of the simulated host",
    },
];

/// What the demonstration needs beside cargo.
pub(crate) const FOR_BUILDING: &[Requirement] = &[Requirement {
    program: "cc",
    package: "gcc",
    purpose: "links the programs and compiles SQLite",
}];

/// Makes sure that every program is there.
///
/// # Errors
/// When one is missing and cannot be installed here; the message says what to install.
pub(crate) fn ensure(requirements: &[Requirement]) -> Result<()> {
    let missing: Vec<_> = requirements
        .iter()
        .filter(|requirement| find(requirement.program).is_none())
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    let packages: Vec<_> = missing.iter().map(|requirement| requirement.package).collect();
    if can_install() {
        process::say(&format!("installing {}", packages.join(" ")));
        let apt = || {
            let mut command = Command::new("apt-get");
            command.env("DEBIAN_FRONTEND", "noninteractive");
            command
        };
        process::run(apt().args(["update", "-qq"]))?;
        process::run(
            apt()
                .args(["install", "-y", "-qq", "--no-install-recommends"])
                .args(&packages),
        )?;
    }
    let still_missing: Vec<_> = missing
        .into_iter()
        .filter(|requirement| find(requirement.program).is_none())
        .collect();
    if still_missing.is_empty() {
        return Ok(());
    }
    let lines: Vec<_> = still_missing
        .iter()
        .map(|requirement| {
            format!(
                "  {} ({}; Debian package {})",
                requirement.program, requirement.purpose, requirement.package
            )
        })
        .collect();
    bail!(
        "these programs are missing; install them and run the command again:\n{}",
        lines.join("\n")
    );
}

/// Where a program lies; the system's own folders are searched too, because sshd is on few users' PATH.
pub(crate) fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(["/usr/sbin", "/sbin", "/usr/bin", "/bin"].map(PathBuf::from));
    folders
        .map(|folder| folder.join(program))
        .find(|candidate| candidate.is_file())
}

/// Debian, and allowed to install.
fn can_install() -> bool {
    let root = Command::new("id")
        .arg("-u")
        .output()
        .is_ok_and(|output| output.stdout.trim_ascii() == b"0");
    root && Path::new("/etc/debian_version").exists() && find("apt-get").is_some()
}
