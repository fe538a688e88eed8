//! `cargo xtask test`: every check, in the order in which a mistake is found soonest.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;

use crate::{binaries, dependencies, needs, newer_fio, process, readers, script, tidy};

/// Options of `cargo xtask test`.
#[derive(Debug, Args)]
pub(crate) struct TestArgs {
    /// Let the agent be the one in Python; with the filter of an end-to-end test.
    #[arg(long, requires = "filter")]
    script: bool,
    /// Run only these tests: passed on to `cargo test`, such as `-p vscsi-agent` or the name of a test.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    filter: Vec<String>,
}

/// Runs the checks; with a filter, only the tests it selects.
pub(crate) fn run(args: &TestArgs) -> Result<()> {
    let whole = args.filter.is_empty();
    let checking = if whole { needs::CHECKING } else { &[] };
    needs::ensure(&[
        needs::BUILDING,
        checking,
        needs::TESTING,
        needs::READING,
        needs::OPENING,
        needs::BROWSING,
    ])?;
    if whole {
        process::run(&mut process::cargo(["fmt", "--all", "--check"])?)?;
        tidy::check()?;
        dependencies::check()?;
        script::check()?;
        process::run(&mut process::cargo([
            "clippy",
            "--locked",
            "--workspace",
            "--all-targets",
            "--",
            "--deny",
            "warnings",
        ])?)?;
        process::run(
            process::cargo(["doc", "--locked", "--workspace", "--no-deps"])?.env("RUSTDOCFLAGS", "--deny warnings"),
        )?;
    }
    // The build with fault points comes first, so that the shipped agent is what stands in the target directory.
    let faulty = binaries::agent_with_fault_points()?;
    let agent = binaries::agent()?;
    let simulator = binaries::simulator()?;
    let client = if whole {
        // Building the tests builds the client they run; building it by itself would compile some dependencies twice.
        let mut build = process::cargo(["test", "--locked", "--workspace", "--no-run"])?;
        process::run(binaries::embed(&mut build, &agent))?;
        process::target_directory()?.join("debug").join("vscsi-helper")
    } else {
        binaries::client(&agent)?
    };
    let fio = newer_fio::ensure(&process::target_directory()?)?;
    let readers = readers::ensure()?;
    let mut environment = vec![
        ("VSCSI_HELPER", client),
        ("ESXI_SIM", simulator),
        ("FIO_WITH_IOLOG", fio),
        ("VSCSI_READERS", readers.into()),
    ];
    environment.extend(real_captures()?.map(|captures| ("VSCSI_SAMPLES", captures)));
    let binary = [
        ("VSCSI_AGENT_MUSL", agent.clone()),
        ("VSCSI_AGENT_WITH_FAULT_POINTS", faulty),
    ];
    let [shipped, faulty] = script::programs()?;
    let script = [
        ("VSCSI_AGENT_MUSL", shipped),
        ("VSCSI_AGENT_WITH_FAULT_POINTS", faulty),
        // By which the tests of the client install it.
        ("VSCSI_AGENT_MODE", "script".into()),
    ];
    let test = || process::cargo(["test", "--locked", "--no-fail-fast"]);
    let mut tests = test()?;
    if !whole {
        tests.args(&args.filter).envs(environment);
        return process::run(if args.script {
            tests.envs(script)
        } else {
            tests.envs(binary)
        });
    }
    binaries::embed(tests.arg("--workspace"), &agent);
    process::run(tests.envs(environment.clone()).envs(binary))?;
    process::say("the end-to-end tests of agent and client once more, with the agent in Python");
    let mut tests = test()?;
    binaries::embed(&mut tests, &agent);
    process::run(tests.args(script::conformance()).envs(environment).envs(script))
}

/// The folder of real captures, which are not part of the repository: `VSCSI_SAMPLES`, or `shared/samples` beside it.
fn real_captures() -> Result<Option<PathBuf>> {
    let named = std::env::var_os("VSCSI_SAMPLES").map(PathBuf::from);
    let beside = process::repository()?.with_file_name("shared").join("samples");
    let folder = named.or_else(|| beside.is_dir().then_some(beside));
    match &folder {
        Some(folder) => process::say(&format!("real captures: {}", folder.display())),
        None => process::say("no folder of real captures (VSCSI_SAMPLES): the tests use the figures in fixtures/data"),
    }
    Ok(folder)
}
