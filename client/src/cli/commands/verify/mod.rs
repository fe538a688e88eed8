//! `verify`: runs a generated fio job and compares what fio did with what was measured.

mod set;

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use clap::Args;

use crate::analysis::{Analysis, Options};
use crate::cli::selection::{SelectionArgs, analyze};
use crate::cli::{CliError, Env, Outcome, number};
use crate::compare::Limit;
use crate::failure::{FileError, UsageError};
use crate::fio::{FioNeed, TargetFile};
use crate::import;
use crate::samples;
use crate::store::{Store, write_json};
use crate::verify::{
    FioProgram, Place, Preparation, Request, Run, Verification, against, needed_by, remove_leftovers, verify,
};

/// The options that select samples of the job to compare with, and mean nothing without one.
const SELECTION: [&str; 6] = ["filter", "threshold", "disks", "from", "to", "sequential_gap"];

/// Run a generated fio job and prove that it reproduces what was measured
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  vscsi-helper verify sql-peak --directory /mnt/scratch
  vscsi-helper verify ./sql-peak.fio --duration 60
  vscsi-helper verify sql-peak --device /dev/sdx --i-know-this-destroys-data
  vscsi-helper verify sql-peak --against sql-peak-replayed
  vscsi-helper verify sql-peak --against replayed.csv
  vscsi-helper verify acceptance --directory /mnt/new-array
  vscsi-helper verify sql-peak --directory /mnt/new --fill --limit read_p99=120% --limit read_mean=110%

A folder, as `suite` writes it, is a set of jobs: all of them run at the same time, each on
scratch files of its own, and each has a row of what it asked for and what it got.
The result is stored beside the job file as NAME.verify.json.
A limit holds the run to the measured workload, as one of `compare` holds two jobs: latencies
are those that fio saw, counted on the edges of vscsiStats. Exit code 4 says that a gate or a
limit was missed, or that the storage did not keep up; else 6 that a limit is undecided, or that
the run was too short, or issued too few commands, to judge.")]
#[command(mut_args(|arg| {
    if SELECTION.contains(&arg.get_id().as_str()) {
        arg.requires("against")
    } else {
        arg
    }
}))]
pub struct VerifyArgs {
    /// The job, as NAME or NAME@HOST, or the path of a generated .fio file, or of a folder of them that `suite` wrote
    job: String,
    /// Run the jobs of a folder one after the other, and not at the same time
    #[arg(long)]
    in_turn: bool,
    /// Directory for the scratch file, on the storage to run on
    #[arg(long, value_name = "PATH", default_value = ".")]
    directory: PathBuf,
    /// Run on this device instead; everything on it is lost
    #[arg(
        long,
        value_name = "PATH",
        requires = "i_know_this_destroys_data",
        conflicts_with = "directory"
    )]
    device: Option<PathBuf>,
    /// Confirms that the device's content may be destroyed
    #[arg(long, requires = "device")]
    i_know_this_destroys_data: bool,
    /// The fio to run [default: the one on PATH]
    #[arg(long, value_name = "PATH")]
    fio: Option<PathBuf>,
    /// Seconds to run, or to run each phase, instead of the file's own duration
    #[arg(long, value_name = "SECONDS", value_parser = number::at_least(1_u32))]
    duration: Option<u32>,
    /// Replay speed of the log in percent: fio does not catch up after a late command, so a busy or slow load
    /// generator needs slightly more than 100
    #[arg(long, value_name = "PERCENT", value_parser = number::within(50_u32..=200))]
    time_scale: Option<u32>,
    /// Write the whole region once before the run, so that reads meet data and no holes of the scratch file
    #[arg(long)]
    fill: bool,
    /// Fill the region, then repeat rounds of the workload's writes at full speed until IOPS and latency are steady (five
    /// rounds within 20 % of their average, slope within 10 %): at most 25 rounds, of 60 s and less, and so many seconds
    #[arg(
        long,
        value_name = "SECONDS",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "1500",
        value_parser = number::at_least(5_u32)
    )]
    precondition: Option<u32>,
    /// Instead of running fio, compare with a second capture, of the VM that ran the file: a job, or a file that
    /// `import` accepts
    #[arg(long, value_name = "JOB|CAPTURE", conflicts_with_all = ["device", "duration", "fio", "time_scale", "fill", "precondition"])]
    against: Option<String>,
    #[arg(long = "limit", value_name = "MEASURE=PERCENT%", help = super::compare::limit_help("the run, in percent of what was measured"))]
    limits: Vec<Limit>,
    #[command(flatten)]
    selection: SelectionArgs,
}

impl VerifyArgs {
    /// What is done to the storage before the run.
    fn preparation(&self) -> Preparation {
        match self.precondition {
            Some(most_seconds) => Preparation::Precondition { most_seconds },
            None if self.fill => Preparation::Fill,
            None => Preparation::AsItIs,
        }
    }
}

pub(super) fn run(args: &VerifyArgs, env: &Env) -> Result<Outcome, CliError> {
    if let Some(folder) = set_folder(&args.job, env) {
        return set::run(&folder, args, env);
    }
    if args.in_turn {
        return Err(UsageError::new(
            format!("`{}` is one job and no folder of several", args.job),
            "leave out `--in-turn`, or name the folder that `vscsi-helper suite` wrote",
        )
        .into());
    }
    let job_file = job_file(&args.job, env)?;
    let target = || TargetFile::read(&TargetFile::path_for(&job_file));
    if let Some(other) = &args.against {
        let target = target()?;
        let captured = capture(other, &args.selection.options(env)?, env)?;
        return tell(&against(&target, &captured.workload, &args.limits)?, &job_file, env);
    }
    // The file that was named is read before the one beside it, so that a wrong name is said of the first.
    let need = needed_by(&job_file)?;
    // The run's scratch file is removed at the end of this, after everything was said.
    let run = run_fio(&job_file, need, &target()?, args, env)?;
    tell(&run.verification, &job_file, env)
}

/// Stores and prints what a verification came to.
fn tell(verification: &Verification, job_file: &Path, env: &Env) -> Result<Outcome, CliError> {
    let stored = store(job_file, verification)?;
    if env.json {
        env.print_json(verification)?;
    } else {
        if verification.prepared.filled_bytes > 0 {
            env.print(&verification.prepared)?;
        }
        for phase in &verification.phases {
            if let Some(name) = &phase.phase {
                env.print(format_args!("Phase {name}"))?;
            }
            env.print(&phase.fidelity)?;
            if let Some(samples) = &phase.samples {
                env.print(format_args!("{samples}"))?;
            }
        }
        for storage in &verification.storage {
            if let Some(name) = &storage.phase {
                env.print(format_args!("Storage in phase {name}"))?;
            }
            env.print(storage)?;
        }
        for advice in &verification.advice {
            env.print(advice)?;
        }
        env.print(format_args!("Result: {}", env.shown(&stored)))?;
    }
    Ok(Outcome::judged(verification.judgement, false))
}

fn run_fio(job_file: &Path, need: FioNeed, target: &TargetFile, args: &VerifyArgs, env: &Env) -> Result<Run, CliError> {
    let fio = FioProgram::find(args.fio.as_deref(), need)?;
    env.detail(format_args!("fio {} is `{}`", fio.version, fio.path.display()));
    let place = match &args.device {
        Some(device) => Place::Device(device.clone()),
        None => Place::Directory(args.directory.clone()),
    };
    remove_what_is_left(&place, env)?;
    let request = Request {
        job_file,
        target,
        fio: &fio,
        place: &place,
        duration: args.duration,
        time_scale: args.time_scale,
        limits: &args.limits,
        preparation: args.preparation(),
    };
    let bar = env.bar(100, "fio is running {bar:40} {percent}% {elapsed}");
    let result = verify(&request, &mut |elapsed, expected| {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a percentage")]
        bar.set_position((elapsed / expected.max(1.0) * 100.0).clamp(0.0, 100.0) as u64);
    });
    bar.finish_and_clear();
    Ok(result?)
}

/// Removes what runs left that were killed.
fn remove_what_is_left(place: &Place, env: &Env) -> Result<(), CliError> {
    for leftover in remove_leftovers(place)? {
        let path = env.shown(&leftover.path);
        match leftover.removed {
            Ok(()) => env.note(format_args!("Removed {path}, which a run left that was killed.")),
            Err(error) => env.warn(format_args!(
                "cannot remove {path}, which a run left that was killed: {error}"
            )),
        }
    }
    Ok(())
}

/// The folder of a set, where the text names one. A job of that name comes first, unless the text is clearly a path.
fn set_folder(job: &str, env: &Env) -> Option<PathBuf> {
    let path = Path::new(job);
    let is_job = || Store::open(&env.data_dir).is_ok_and(|store| store.find(job).is_ok());
    (path.is_dir() && (path.components().count() > 1 || !is_job())).then(|| path.to_owned())
}

/// The analysis of a job, or of a file with vscsiStats' output, which is imported for as long as this takes.
fn capture(other: &str, options: &Options, env: &Env) -> Result<Analysis, CliError> {
    let now = env.clock.now();
    let file = Path::new(other);
    if !file.is_file() {
        let (_, analysis) = analyze(other, options, &Store::open(&env.data_dir)?, env)?;
        return Ok(analysis);
    }
    let scratch = tempfile::tempdir().map_err(FileError::new("create", &std::env::temp_dir()))?;
    let request = import::Request {
        files: vec![file.to_owned()],
        name: super::start::default_name(now)?,
        interval_seconds: None,
        first_print: None,
        fio_job: None,
        host: None,
        vm_name: None,
    };
    let (imported, warnings) = import::import(&Store::open(scratch.path())?, &request, now)?;
    for warning in &warnings {
        env.warn(format_args!("{}: {}", warning.path.display(), warning.diagnostic));
    }
    let [one] = imported.as_slice() else {
        return Err(UsageError::new(
            format!("`{other}` holds prints of {} VMs", imported.len()),
            "`vscsi-helper import` makes a job of each; give the job of the VM that ran the file",
        )
        .into());
    };
    Ok(samples::analyze_job(&one.directory, options, now)?)
}

/// The job file that is meant: a path, or the one file that `analyze` left in the job's directory.
fn job_file(job: &str, env: &Env) -> Result<PathBuf, CliError> {
    let path = Path::new(job);
    if path.extension().is_some_and(|extension| extension == "fio") {
        return Ok(path.to_owned());
    }
    let store = Store::open(&env.data_dir)?;
    let (directory, _) = store.find(job)?;
    let folder = directory.analysis();
    let files = fio_files(&folder)?;
    match files.as_slice() {
        [file] => Ok(file.clone()),
        [] => Err(UsageError::new(
            format!("the job `{job}` has no fio file"),
            format!("make one with `vscsi-helper analyze {job}`"),
        )
        .into()),
        [first, ..] => Err(UsageError::new(
            format!("the job `{job}` has {} fio files", files.len()),
            format!("give the path of the one you mean, such as {}", env.shown(first)),
        )
        .into()),
    }
}

/// The fio files in a folder, by name; none where the folder is not there.
pub(super) fn fio_files(folder: &Path) -> Result<Vec<PathBuf>, FileError> {
    let listing = match fs::read_dir(folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        listing => listing.map_err(FileError::new("list", folder))?,
    };
    let mut files = Vec::new();
    for entry in listing {
        let path = entry.map_err(FileError::new("list", folder))?.path();
        if path.extension().is_some_and(|extension| extension == "fio") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

fn store(job_file: &Path, verification: &Verification) -> Result<PathBuf, CliError> {
    let path = job_file.with_extension("verify.json");
    write_json(&path, verification)?;
    Ok(path)
}

#[cfg(test)]
mod tests {
    use clap::{Args, Command};

    use super::*;

    #[test]
    fn options_that_select_samples_need_a_job_to_select_them_from() {
        let parse = |rest: &[&str]| {
            let command = VerifyArgs::augment_args(Command::new("verify"));
            command.try_get_matches_from(["verify", "sql-peak"].iter().chain(rest))
        };
        assert!(parse(&[]).is_ok());
        assert!(parse(&["--against", "other", "--filter", "none", "--disk", "scsi0:0"]).is_ok());
        for option in [
            ["--filter", "none"],
            ["--threshold", "5"],
            ["--disk", "scsi0:0"],
            ["--from", "1m"],
            ["--to", "2m"],
            ["--sequential-gap", "8"],
        ] {
            let error = parse(&option).unwrap_err();
            assert!(error.to_string().contains("--against"), "{error}");
        }
    }
}
