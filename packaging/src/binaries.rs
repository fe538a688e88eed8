//! The programs that the demonstration and the end-to-end tests run, and how each is built.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Result, ensure};

use crate::process;

/// The target of everything that runs on an ESXi host.
const MUSL: &str = "x86_64-unknown-linux-musl";

/// Largest agent that is shipped, bytes (2 MB).
const LARGEST_AGENT_BYTES: u64 = 2_000_000;

/// Builds the static agent as it is shipped, and checks its size.
pub(crate) fn agent() -> Result<PathBuf> {
    let path = build("vscsi-agent", "vscsi-agent", "release-agent", &[])?;
    let bytes = path.metadata()?.len();
    ensure!(
        bytes <= LARGEST_AGENT_BYTES,
        "the agent has {bytes} bytes, more than the {LARGEST_AGENT_BYTES} allowed"
    );
    Ok(path)
}

/// Builds the agent with its fault points, into a directory of its own so that the shipped one stays as it is.
pub(crate) fn agent_with_fault_points() -> Result<PathBuf> {
    let shipped = build(
        "vscsi-agent",
        "vscsi-agent",
        "release-agent",
        &["--features", "fault-points"],
    )?;
    let copy = process::target_directory()?.join("vscsi-agent-with-fault-points");
    std::fs::copy(&shipped, &copy)?;
    Ok(copy)
}

/// Builds the simulated host's multi-call program, static because it also runs inside a bare chroot.
pub(crate) fn simulator() -> Result<PathBuf> {
    build("vscsi-fixtures", "esxi-sim", "dev", &[])
}

/// Builds the client.
pub(crate) fn client() -> Result<PathBuf> {
    process::run(
        process::cargo(["build", "--locked", "--package", "vscsi-helper"])?.stdin(std::process::Stdio::null()),
    )?;
    Ok(process::target_directory()?.join("debug").join("vscsi-helper"))
}

/// Builds the client as a user would.
pub(crate) fn optimised_client() -> Result<PathBuf> {
    process::run(&mut process::cargo([
        "build",
        "--locked",
        "--release",
        "--package",
        "vscsi-helper",
    ])?)?;
    Ok(process::target_directory()?.join("release").join("vscsi-helper"))
}

fn build(package: &str, program: &str, profile: &str, more: &[&str]) -> Result<PathBuf> {
    let mut command: Command = process::cargo([
        "build",
        "--locked",
        "--package",
        package,
        "--bin",
        program,
        "--target",
        MUSL,
        "--profile",
        profile,
    ])?;
    process::run(command.args(more))?;
    let folder = if profile == "dev" { "debug" } else { profile };
    Ok(process::target_directory()?.join(MUSL).join(folder).join(program))
}
