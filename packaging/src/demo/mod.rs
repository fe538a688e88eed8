//! `cargo xtask demo`: the product's own commands, one after another, on a simulated ESXi host.
//!
//! The host is a folder in which stand-ins for vscsiStats and its neighbours behave like the real ones; the agent is the
//! static program that is shipped. In the place of ssh the client runs the agent as a child, which speaks the same bytes.

mod truth;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use clap::Args;
use serde::de::DeserializeOwned;

use crate::{binaries, needs, process};
use truth::{Interval, Row};

/// Name of the simulated host.
const HOST: &str = "esx01";
/// Name of the job.
const JOB: &str = "sql-peak";

/// Options of `cargo xtask demo`.
#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// Samples to take, one a second.
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=600))]
    samples: u32,
}

/// Builds what is needed and runs the main job.
pub(crate) fn run(args: &DemoArgs) -> Result<()> {
    needs::ensure(&[needs::BUILDING])?;
    let stage = Stage::build()?;
    let began = Instant::now();
    let samples = args.samples.to_string();
    process::say(&format!(
        "\nA simulated ESXi 7.0 host lies in {}. These are the product's own commands:",
        stage.folder.display()
    ));
    let tunnel = format!("local:{}", starter(&stage.folder).display());
    stage.helper(&["discover", HOST, "--tunnel", &tunnel])?;
    stage.helper(&[
        "start",
        "--host",
        HOST,
        "--vm",
        "SQL-Server-01",
        "--lun",
        "all",
        "--samples",
        &samples,
        "--interval",
        "1",
        "--name",
        JOB,
        "--tunnel",
        &tunnel,
    ])?;
    stage.helper(&["status", JOB, "--watch"])?;
    stage.helper(&["pull", JOB])?;
    stage.helper(&["analyze", JOB, "--visualize", "--format", "svg", "--csv"])?;
    let job = stage.folder.join("data").join(JOB);
    show(&job.join("analysis").join(format!("{JOB}-workload.fio")))?;
    let report = stage.folder.join(format!("{JOB}.html"));
    stage.helper(&["report", JOB, "-o", &report.display().to_string()])?;
    process::say(&format!("\n{}", truth::compare(&stage.truth()?, &stage.samples()?)?));
    process::say(&format!(
        "\nDone in {:.0} s after the build. Open the report {} in a browser. The job lies in {}, the simulated host in {}.",
        began.elapsed().as_secs_f64(),
        report.display(),
        job.display(),
        stage.folder.join(HOST).display()
    ));
    Ok(())
}

/// The folder of the demonstration and the programs that act in it.
struct Stage {
    folder: PathBuf,
    client: PathBuf,
    simulator: PathBuf,
}

impl Stage {
    /// Builds the programs, and lays out a new host with the agent installed on its first datastore.
    fn build() -> Result<Self> {
        let agent = binaries::agent()?;
        let simulator = binaries::simulator()?;
        let client = binaries::client(&agent)?;
        let folder = process::target_directory()?.join("demo");
        if folder.exists() {
            end_agent_of_last_time(&folder);
            fs::remove_dir_all(&folder).with_context(|| format!("{} cannot be cleared", folder.display()))?;
        }
        let host = folder.join(HOST);
        fs::create_dir_all(&folder)?;
        process::run(
            Command::new(&simulator)
                .args(["create", "--scenario", "demo", "--root"])
                .arg(&host),
        )?;
        install_agent(&agent, &folder)?;
        Ok(Self {
            folder,
            client,
            simulator,
        })
    }

    /// A command of the client.
    fn client(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.client);
        command
            .args(arguments)
            .env("VSCSI_HELPER_DATA_DIR", self.folder.join("data"))
            .env("VSCSI_HELPER_CONFIG", self.folder.join("config.yaml"));
        command
    }

    /// Runs a command of the client, shown as a person would type it.
    fn helper(&self, arguments: &[&str]) -> Result<()> {
        process::say("");
        process::run(&mut self.client(arguments))
    }

    /// What the simulated disks really did between the prints.
    fn truth(&self) -> Result<Vec<Interval>> {
        let mut simulator = Command::new(&self.simulator);
        simulator.arg("--root").arg(self.folder.join(HOST));
        told(simulator.args(["truth", "--between-prints", "--json"]))
    }

    /// What the client counted in each sample.
    fn samples(&self) -> Result<Vec<Row>> {
        told(&mut self.client(&["export", JOB, "--table", "samples", "--format", "json", "-o", "-"]))
    }
}

/// What a program says in JSON.
fn told<T: DeserializeOwned>(command: &mut Command) -> Result<T> {
    let output = command.stderr(Stdio::inherit()).output()?;
    ensure!(output.status.success(), "`{}` failed", process::shown(command));
    serde_json::from_slice(&output.stdout).with_context(|| format!("`{}` says no JSON", process::shown(command)))
}

/// Copies the agent to the host's datastore, with a starter beside the host that stands for `ssh esx01`.
fn install_agent(agent: &Path, folder: &Path) -> Result<()> {
    let host = folder.join(HOST);
    let home = host.join("vmfs/volumes/datastore1/vscsi-agent");
    fs::create_dir_all(&home)?;
    let installed = home.join("vscsi-agent");
    fs::copy(agent, &installed)?;
    fs::set_permissions(&installed, fs::Permissions::from_mode(0o700))?;
    let starter = starter(folder);
    fs::write(
        &starter,
        format!(
            "#!/bin/sh\nexec '{}' \"$@\" --host-root '{}'\n",
            installed.display(),
            host.display()
        ),
    )?;
    fs::set_permissions(&starter, fs::Permissions::from_mode(0o700))?;
    // The demonstration does not depend on what the user has configured.
    fs::write(folder.join("config.yaml"), "{}\n")?;
    Ok(())
}

fn starter(folder: &Path) -> PathBuf {
    folder.join(format!("{HOST}-agent"))
}

/// Asks an agent that an earlier demonstration left idle to end; without one there is nothing to do.
fn end_agent_of_last_time(folder: &Path) {
    if starter(folder).exists() {
        // A failure only means that nothing was running.
        let _ = Command::new(starter(folder)).args(["cleanup", "--all"]).status();
    }
}

fn show(file: &Path) -> Result<()> {
    let text = fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))?;
    process::say(&format!("\n{}:\n{text}", file.display()));
    Ok(())
}
