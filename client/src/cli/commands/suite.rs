//! `suite`: the fio jobs of several VMs, as one set for one target.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;

use super::analyze::write_fio;
use crate::cli::selection::{SelectionArgs, analyze};
use crate::cli::{CliError, Env, Outcome};
use crate::failure::{FileError, UsageError};
use crate::fio::{FioOptions, PhaseFidelity, Tool};
use crate::store::Store;

/// Write the fio jobs of several VMs as one set for one target: the acceptance test of an array
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  vscsi-helper suite sql web mail -o acceptance
  vscsi-helper verify acceptance --directory /mnt/new-array --fill --limit read_mean=120%

The folder holds a fio job of each, with what belongs to it. `verify` runs all of them at the
same time, as the VMs use an array, each on scratch files of its own in the directory; with
--in-turn one after the other. It says of each what was asked, what it got, and how limits came out.")]
pub struct SuiteArgs {
    /// The jobs: NAME, or NAME@HOST where two hosts have a job of that name
    #[arg(id = "job", value_name = "JOB", required = true)]
    jobs: Vec<String>,
    /// Folder to write, which is made where it is not there
    #[arg(short, long, value_name = "DIR")]
    output: PathBuf,
    #[command(flatten)]
    selection: SelectionArgs,
    #[command(flatten, next_help_heading = "fio job")]
    fio: FioOptions,
}

/// A job of the set.
#[derive(Debug, Serialize)]
struct Member {
    job_id: String,
    file: PathBuf,
    #[serde(skip)]
    fidelity: Vec<PhaseFidelity>,
    /// The F that our own reading of the file gives.
    static_score: Option<f64>,
}

pub(super) fn run(args: &SuiteArgs, env: &Env) -> Result<Outcome, CliError> {
    args.check()?;
    let options = args.selection.options(env)?;
    let store = Store::open(&env.data_dir)?;
    let mut analyses = Vec::new();
    let mut names = BTreeSet::new();
    for job in &args.jobs {
        let (directory, analysis) = analyze(job, &options, &store, env)?;
        let name = directory.reference().to_string();
        if !names.insert(name.clone()) {
            return Err(UsageError::new(format!("the job `{name}` is named twice"), "name each job once").into());
        }
        analyses.push((name, directory, analysis));
    }
    let folder = &args.output;
    std::fs::create_dir_all(folder).map_err(FileError::new("create", folder))?;
    only_these(folder, &names, env)?;
    let mut members = Vec::new();
    for (name, directory, analysis) in &analyses {
        let path = folder.join(format!("{name}.fio"));
        let written = write_fio(Some(&path), &args.fio, directory, analysis, &[], env)?;
        if written.files.is_empty() {
            continue;
        }
        members.push(Member {
            job_id: name.clone(),
            static_score: written.static_fidelity.first().and_then(|phase| phase.fidelity.score),
            fidelity: written.static_fidelity,
            file: path,
        });
    }
    if env.json {
        env.print_json(&members)?;
    } else {
        for member in &members {
            for phase in &member.fidelity {
                env.print(format_args!(
                    "{}: {}",
                    env.shown(&member.file),
                    phase.fidelity.summary()
                ))?;
            }
        }
        env.print(format_args!(
            "Next: vscsi-helper verify {} --directory PATH-ON-THE-TARGET",
            env.shown(folder)
        ))?;
    }
    let partial = analyses.iter().any(|(.., analysis)| analysis.is_partial());
    Ok(if partial { Outcome::Partial } else { Outcome::Done })
}

impl SuiteArgs {
    fn check(&self) -> Result<(), UsageError> {
        if self.fio.tool == Tool::Fio {
            return Ok(());
        }
        Err(UsageError::new(
            "a set is run by `verify`, which runs fio",
            "leave out `--tool`; `analyze --tool` writes the file of one job",
        ))
    }
}

/// `verify` runs every fio file of the folder, so one that is not of these jobs may not be there.
fn only_these(folder: &Path, names: &BTreeSet<String>, env: &Env) -> Result<(), CliError> {
    let other = super::verify::fio_files(folder)?.into_iter().find(|file| {
        let stem = file.file_stem().unwrap_or_default().to_string_lossy();
        !names.contains(stem.as_ref())
    });
    match other {
        None => Ok(()),
        Some(file) => Err(UsageError::new(
            format!(
                "`{}` would be run with the set, and is none of its jobs",
                env.shown(&file)
            ),
            "name another folder, or remove what is there",
        )
        .into()),
    }
}
