//! Putting generated files on the disk.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::diskspd::diskspd_commands;
use super::error::FioError;
use super::generate::generate_named;
use super::header::FIRST_WORDS;
use super::iolog::TracedLog;
use super::job::{FioJob, Phase, PhaseFidelity, is_whole};
use super::options::{FioOptions, Layout, Style, Tool};
use super::target_file::TargetFile;
use super::text::file_prefix;
use super::vdbench::vdbench_parameters;
use crate::analysis::Provenance;
use crate::failure::{Failure, FileError};
use crate::store::{write_atomic, write_json, write_whole};

/// What was written for a workload.
#[derive(Debug, Clone, PartialEq)]
pub struct WrittenFiles {
    /// The files, the one to run last.
    pub files: Vec<PathBuf>,
    /// Static fidelity of each phase; empty for tools whose fidelity is not stated.
    pub fidelity: Vec<PhaseFidelity>,
}

/// Why no files were written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// No file can be made of the workload.
    #[error(transparent)]
    Generate(#[from] FioError),
    /// A file cannot be written.
    #[error(transparent)]
    File(#[from] FileError),
}

impl Failure for WriteError {
    fn exit_code(&self) -> u8 {
        match self {
            Self::Generate(error) => error.exit_code(),
            Self::File(error) => error.exit_code(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Generate(error) => error.hint(),
            Self::File(error) => error.hint(),
        }
    }
}

/// Writes the file to `path` that replays the phases with the chosen tool, and what belongs beside it.
///
/// Where the job was made from a trace, the replay log of a whole job holds its commands.
///
/// A workload without phases is one [`Phase`] with an empty name. Replay logs are named after the file, so that files
/// of one job can stand in one directory. The files of other tools stay: each says itself what it was made from, and
/// they are there to be run one after another.
///
/// # Errors
/// [`WriteError`]; among them that a tool other than fio was asked for what only fio files have.
pub fn write_files(
    provenance: &Provenance,
    phases: &[Phase],
    options: &FioOptions,
    trace: Option<&TracedLog>,
    path: &Path,
) -> Result<WrittenFiles, WriteError> {
    let other_tool = |text: String| -> Result<WrittenFiles, WriteError> {
        write_atomic(path, text.as_bytes())?;
        Ok(WrittenFiles {
            files: vec![path.to_owned()],
            fidelity: Vec::new(),
        })
    };
    let whole = phases.first().ok_or(FioError::NoCommands)?;
    if options.tool != Tool::Fio {
        let refused = match options {
            FioOptions {
                style: Style::Iolog, ..
            } => Some(FioError::StyleWithoutFio),
            FioOptions {
                layout: Layout::PerDisk,
                ..
            } => Some(FioError::LayoutWithoutFio),
            _ if !options.choices_for_logs().is_empty() => Some(FioError::OptionOfLogs {
                options: options.choices_for_logs().join(", "),
            }),
            _ => (!is_whole(phases)).then_some(FioError::PhasesWithoutFio),
        };
        if let Some(refused) = refused {
            return Err(refused.into());
        }
    }
    match options.tool {
        Tool::Vdbench => other_tool(vdbench_parameters(whole.workload, options)?),
        Tool::Diskspd => other_tool(diskspd_commands(whole.workload, options)?),
        Tool::Fio => {
            let job = generate_named(&log_prefix(path), provenance, phases, options, trace)?;
            let target = TargetFile::new(provenance, phases, options, &job);
            Ok(WrittenFiles {
                files: job.write(path, &target)?,
                fidelity: job.fidelity,
            })
        }
    }
}

impl FioJob {
    /// Writes the job file to `path`, its replay logs and its target beside it. Returns everything written.
    ///
    /// # Errors
    /// [`FileError`] when a file cannot be written; the job file comes last, so there is never one without its logs.
    pub fn write(&self, path: &Path, target: &TargetFile) -> Result<Vec<PathBuf>, FileError> {
        let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        let directory = directory.unwrap_or(Path::new("."));
        let stale = made_for_the_file_before(path, directory);
        let mut written = Vec::new();
        for companion in &self.companions {
            let log = directory.join(&companion.file_name);
            write_whole(&log, |out| {
                companion.log.write(out).map_err(FileError::new("write", &log))
            })?;
            written.push(log);
        }
        let target_path = TargetFile::path_for(path);
        write_json(&target_path, target)?;
        written.push(target_path);
        write_atomic(path, self.text.as_bytes())?;
        written.push(path.to_owned());
        for old in stale.iter().filter(|old| !written.contains(old)) {
            match std::fs::remove_file(old) {
                Err(error) if error.kind() != ErrorKind::NotFound => {
                    return Err(FileError::new("remove what belonged to the file before,", old)(error));
                }
                _ => {}
            }
        }
        Ok(written)
    }
}

/// How the names of a job file's replay logs begin.
fn log_prefix(path: &Path) -> String {
    file_prefix(path.file_stem().unwrap_or_default())
}

/// What belongs to the generated file that is about to be replaced: the logs it reads, and the result of running it.
/// Nothing where the file is not one of ours, and no log of another file, which a copy of it would read.
fn made_for_the_file_before(path: &Path, directory: &Path) -> Vec<PathBuf> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    if !text.starts_with(FIRST_WORDS) {
        return Vec::new();
    }
    let prefix = log_prefix(path);
    let is_own = |name: &str| {
        let rest = name.strip_prefix(&prefix).and_then(|rest| rest.strip_suffix(".iolog"));
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('+'))
    };
    let logs = text
        .lines()
        .filter_map(|line| line.strip_prefix("read_iolog="))
        .filter(|name| is_own(name) && Path::new(name).components().count() == 1)
        .map(|name| directory.join(name));
    logs.chain([path.with_extension("verify.json")]).collect()
}
