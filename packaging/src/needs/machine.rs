//! What this machine has.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use super::need::Need;
use super::remedy::{Means, Rustup};
use crate::process;

/// A machine, as far as needs are concerned.
#[derive(Debug)]
pub(super) struct Machine {
    means: Means,
}

impl Machine {
    /// Looks at the machine; changes nothing.
    pub(super) fn look() -> Result<Self> {
        let sysroot = sysroot()?;
        let means = Means {
            rustup: rustup_of(&sysroot),
            sysroot,
            apt: has_debian() && is_root() && find("apt-get").is_some(),
        };
        Ok(Self { means })
    }

    pub(super) fn means(&self) -> &Means {
        &self.means
    }

    /// Those of `needs` that are not here.
    pub(super) fn missing(&self, needs: Vec<Need>) -> Vec<Need> {
        needs.into_iter().filter(|need| !self.has(need)).collect()
    }

    fn has(&self, need: &Need) -> bool {
        match need {
            Need::Program { name, .. } => find(name).is_some(),
            Need::PythonModule { name, .. } => has_python_module(name),
            Need::StandardLibrary { target, .. } => has_standard_library(&self.means.sysroot, target),
            // The proxies of rustup are on PATH whether or not the toolchain has the component.
            Need::Component { program, .. } if self.means.rustup.is_some() => {
                self.means.sysroot.join("bin").join(program).is_file()
            }
            Need::Component { program, .. } => find(program).is_some(),
        }
    }
}

/// Where a program lies; the system's own folders are searched too, because sshd is on few users' PATH.
fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(["/usr/sbin", "/sbin", "/usr/bin", "/bin"].map(PathBuf::from));
    folders
        .map(|folder| folder.join(program))
        .find(|candidate| candidate.is_file())
}

/// The folder of the toolchain that builds this repository.
fn sysroot() -> Result<PathBuf> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(rustc)
        .args(["--print", "sysroot"])
        .current_dir(process::repository()?)
        .output()
        .context("rustc cannot be run; install Rust from https://rustup.rs")?;
    ensure!(
        output.status.success(),
        "rustc does not say where it lies: {}",
        String::from_utf8_lossy(&output.stderr).trim()
    );
    let path = String::from_utf8(output.stdout).context("the path of the Rust toolchain is not UTF-8")?;
    Ok(PathBuf::from(path.trim()))
}

/// The standard library is there, whoever put it there: rustup's own list knows nothing of a distribution's packages.
fn has_standard_library(sysroot: &Path, target: &str) -> bool {
    let folder = sysroot.join("lib").join("rustlib").join(target).join("lib");
    std::fs::read_dir(folder).is_ok_and(|entries| {
        let mut names = entries.flatten().map(|entry| entry.file_name());
        names.any(|name| {
            let name = name.to_string_lossy();
            name.starts_with("libstd-") && name.ends_with(".rlib")
        })
    })
}

/// The rustup that keeps the toolchain: its toolchains lie in one folder, beside its settings.
fn rustup_of(sysroot: &Path) -> Option<Rustup> {
    let toolchains = sysroot.parent()?;
    let home = toolchains.parent()?;
    let is_rustups = toolchains.ends_with("toolchains") && home.join("settings.toml").is_file();
    Some(Rustup {
        program: is_rustups.then(rustup).flatten()?,
        home: home.to_owned(),
        toolchain: sysroot.file_name()?.to_str()?.to_owned(),
    })
}

/// rustup, also where a toolchain's own cargo was called and rustup is not on PATH.
fn rustup() -> Option<PathBuf> {
    find("rustup").or_else(|| {
        let home = std::env::home_dir().map(|home| home.join(".cargo"));
        let cargo_home = std::env::var_os("CARGO_HOME").map(PathBuf::from).or(home)?;
        let program = cargo_home.join("bin").join("rustup");
        program.is_file().then_some(program)
    })
}

fn has_python_module(name: &str) -> bool {
    let output = Command::new("python3").args(["-c", &format!("import {name}")]).output();
    output.is_ok_and(|output| output.status.success())
}

fn has_debian() -> bool {
    Path::new("/etc/debian_version").exists()
}

fn is_root() -> bool {
    let output = Command::new("id").arg("-u").output();
    output.is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    /// A folder that is gone at the end of the test.
    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("xtask-{name}-{}", std::process::id()));
            fs::create_dir_all(&path).unwrap();
            Self(path)
        }

        fn file(&self, path: &str) {
            let path = self.0.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn an_empty_folder_of_a_target_is_no_standard_library() {
        let sysroot = Folder::new("std");
        assert!(!has_standard_library(&sysroot.0, "wasm"));
        sysroot.file("lib/rustlib/wasm/lib/self-contained/crt1.o");
        assert!(!has_standard_library(&sysroot.0, "wasm"));
        sysroot.file("lib/rustlib/wasm/lib/libstd-0123.rlib");
        assert!(has_standard_library(&sysroot.0, "wasm"));
    }

    #[test]
    fn a_toolchain_outside_of_rustups_folder_is_not_its() {
        let home = Folder::new("rustup");
        home.file("toolchains/1.95.0/bin/rustc");
        assert!(rustup_of(&home.0.join("toolchains/1.95.0")).is_none(), "no settings");
        assert!(rustup_of(Path::new("/usr")).is_none());
    }
}
