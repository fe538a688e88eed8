//! Putting generated files on the disk.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::diskspd::diskspd_commands;
use super::error::FioError;
use super::generate::{FioJob, Phase, PhaseFidelity, generate_phases};
use super::header::FIRST_WORDS;
use super::options::{FioOptions, Style, Tool};
use super::target_file::TargetFile;
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
/// A workload without phases is one [`Phase`] with an empty name. Tools other than fio have no phases: they get the
/// first one, so give them the whole workload.
///
/// # Errors
/// [`WriteError`].
pub fn write_files(
    provenance: &Provenance,
    phases: &[Phase],
    options: &FioOptions,
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
    if options.tool != Tool::Fio && options.style == Style::Iolog {
        return Err(FioError::StyleWithoutFio.into());
    }
    match options.tool {
        Tool::Vdbench => other_tool(vdbench_parameters(whole.workload, options)?),
        Tool::Diskspd => other_tool(diskspd_commands(whole.workload, options)?),
        Tool::Fio => {
            let job = generate_phases(provenance, phases, options)?;
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

/// What belongs to the generated file that is about to be replaced: the logs it reads, and the result of running it.
/// Nothing where the file is not one of ours.
fn made_for_the_file_before(path: &Path, directory: &Path) -> Vec<PathBuf> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    if !text.starts_with(FIRST_WORDS) {
        return Vec::new();
    }
    let logs = text
        .lines()
        .filter_map(|line| line.strip_prefix("read_iolog="))
        .map(Path::new)
        .filter(|name| name.components().count() == 1 && name.extension().is_some_and(|extension| extension == "iolog"))
        .map(|name| directory.join(name));
    logs.chain([path.with_extension("verify.json")]).collect()
}
