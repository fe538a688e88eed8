//! The programs that the demonstration and the end-to-end tests run, and how each is built.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Result, ensure};

use crate::needs::MUSL;
use crate::process;

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

/// Builds the client with the agent inside.
pub(crate) fn client(agent: &Path) -> Result<PathBuf> {
    build_client(agent, "dev", "debug")
}

/// Builds the client as a user would.
pub(crate) fn optimised_client(agent: &Path) -> Result<PathBuf> {
    build_client(agent, "release", "release")
}

fn build_client(agent: &Path, profile: &str, folder: &str) -> Result<PathBuf> {
    let mut command = process::cargo(["build", "--locked", "--package", "vscsi-helper", "--profile", profile])?;
    process::run(embed(&mut command, agent).stdin(Stdio::null()))?;
    Ok(process::target_directory()?.join(folder).join("vscsi-helper"))
}

/// Lets a command of cargo put the agent into the client that it builds.
pub(crate) fn embed<'command>(command: &'command mut Command, agent: &Path) -> &'command mut Command {
    command
        .args(["--features", "vscsi-helper/embedded-agent"])
        .env("VSCSI_AGENT_BINARY", agent)
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
