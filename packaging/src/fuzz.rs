//! `cargo xtask fuzz`: a reader of foreign bytes, fed with what libFuzzer makes up.
//!
//! The readers and what must hold for them are in `packaging/fuzz`, their saved inputs in `fixtures/data/fuzz`. The
//! toolchain of the repository is enough: its code generator counts the branches taken, and because the crates forbid
//! unsafe code, overflow checks and assertions find what a sanitizer of another toolchain would.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};
use clap::{Args, ValueEnum};

use crate::{needs, process};

/// Options of `cargo xtask fuzz`.
#[derive(Debug, Args)]
pub(crate) struct FuzzArgs {
    /// The reader.
    target: Target,
    /// How long to feed it, seconds.
    #[arg(long, default_value_t = 600, value_parser = clap::value_parser!(u32).range(1..))]
    seconds: u32,
    /// Afterwards add to the saved corpus the inputs that reach what none of it reaches.
    #[arg(long)]
    keep: bool,
}

/// The readers, by the names of their corpora.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Target {
    /// What `vscsiStats -p` prints.
    Vscsistats,
    /// What `vscsiStats -l` prints.
    Listing,
    /// A CSV that counts commands by all their properties.
    CommandTable,
    /// A trace of commands, as `vscsiStats -e` exports it.
    Trace,
    /// The XML of the vSphere API.
    ApiXml,
    /// What the companion commands print, and the files beside a VM.
    Esxi,
    /// A snapshot file.
    Snapshot,
    /// A job's description.
    JobJson,
    /// The head of a request to the agent.
    HttpHead,
    /// fio's replay log.
    Iolog,
    /// fio's logs of issue and completion.
    FioLog,
}

/// What makes the code generator count branches and report comparisons, as libFuzzer expects it.
const COVERAGE: &str = "-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
     -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
     -Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1";

impl Target {
    fn name(self) -> String {
        self.to_possible_value()
            .map_or_else(String::new, |value| value.get_name().to_owned())
    }

    /// Longest input that is made up, bytes: a whole print of one disk, and of the others a few records.
    fn longest_input(self) -> u32 {
        if matches!(self, Self::Vscsistats | Self::ApiXml) {
            8192
        } else {
            2048
        }
    }

    /// Test data that is a good beginning, below `fixtures/data`.
    fn seeds(self) -> Option<&'static str> {
        match self {
            Self::Vscsistats | Self::Listing | Self::CommandTable => Some("vscsistats"),
            Self::Esxi => Some("esxi"),
            Self::Trace
            | Self::ApiXml
            | Self::Snapshot
            | Self::JobJson
            | Self::HttpHead
            | Self::Iolog
            | Self::FioLog => None,
        }
    }
}

/// Feeds the reader, and keeps what it found if that is wanted.
///
/// # Errors
/// When an input breaks what must hold: it then lies in the saved corpus, where the tests fail until it is read well.
pub(crate) fn run(args: &FuzzArgs) -> Result<()> {
    needs::ensure(&[needs::FUZZING])?;
    let target = args.target;
    let program = build()?;
    let data = process::repository()?.join("fixtures").join("data");
    let saved = data.join("fuzz").join(target.name());
    let made = process::target_directory()?
        .join("fuzz")
        .join("corpus")
        .join(target.name());
    for folder in [&saved, &made] {
        fs::create_dir_all(folder).with_context(|| format!("{} cannot be made", folder.display()))?;
    }
    let mut corpora: Vec<PathBuf> = vec![made, saved.clone()];
    corpora.extend(target.seeds().map(|seeds| data.join(seeds)));
    let fed = process::run(
        fuzzer(&program, target)
            .arg(format!("-max_total_time={}", args.seconds))
            .arg(format!("-artifact_prefix={}/", saved.display()))
            .arg("-print_final_stats=1")
            .args(dictionary(target)?)
            .args(&corpora),
    );
    if let Err(error) = fed {
        bail!(
            "{error}; the input lies in {}, where `cargo test -p vscsi-fuzz` replays it",
            saved.display()
        );
    }
    if args.keep {
        process::run(
            fuzzer(&program, target)
                .arg("-set_cover_merge=1")
                // An input for each branch, and not one for each number of times that it is taken.
                .arg("-use_counters=0")
                .arg(&saved)
                .args(corpora.iter().filter(|corpus| **corpus != saved)),
        )?;
    }
    Ok(())
}

fn fuzzer(program: &Path, target: Target) -> Command {
    let mut command = Command::new(program);
    command
        .env("VSCSI_FUZZ_TARGET", target.name())
        .arg(format!("-max_len={}", target.longest_input()));
    command
}

/// The words of its language, where guessing them would take long.
fn dictionary(target: Target) -> Result<Option<String>> {
    let folder = process::repository()?.join("packaging/fuzz/dictionaries");
    let file = folder.join(format!("{}.dict", target.name()));
    Ok(file.is_file().then(|| format!("-dict={}", file.display())))
}

/// Builds the fuzzer into a folder of its own. Naming the target keeps the build's own programs free of what libFuzzer
/// needs.
fn build() -> Result<PathBuf> {
    let folder = process::target_directory()?.join("fuzz");
    let triple = host()?;
    let mut command = process::cargo([
        "build",
        "--locked",
        "--package",
        "vscsi-fuzz",
        "--features",
        "libfuzzer",
        "--profile",
        "fuzz",
        "--target",
        &triple,
    ])?;
    process::run(command.arg("--target-dir").arg(&folder).env("RUSTFLAGS", COVERAGE))?;
    Ok(folder.join(triple).join("fuzz").join("vscsi-fuzz"))
}

/// The target of the programs that this machine runs.
fn host() -> Result<String> {
    let output = Command::new("rustc")
        .arg("-vV")
        .current_dir(process::repository()?)
        .output()
        .context("rustc cannot be run")?;
    let text = String::from_utf8_lossy(&output.stdout);
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host.context("rustc does not say which host it is for")?.to_owned())
}
