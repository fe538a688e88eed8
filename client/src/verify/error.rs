//! Why a verification could not be made.

use std::path::{Path, PathBuf};

use vscsi_shared::exit_code;

use crate::failure::{Failure, FileError};
use crate::fio::UnreadableJobFile;
use crate::interrupt::Interruption;
use crate::stream::fio_log::UnreadableLog;

/// Why a verification could not be made. That a gate was missed is a result and no error.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// A file could not be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// The job file is not one.
    #[error("the job file cannot be read")]
    JobFile(#[from] UnreadableJobFile),
    /// The job file has no section.
    #[error("the job file contains no job")]
    NoJobs,
    /// A section names a target.
    #[error("section [{section}] does not leave its target open: `{value}`")]
    NamesTarget {
        /// The section.
        section: String,
        /// What it names.
        value: String,
    },
    /// A file replays several targets, and one device was given.
    #[error("the job replays {targets} targets, but only one device was given")]
    OneDevice {
        /// Number of targets.
        targets: usize,
    },
    /// fio's options cannot hold this path.
    #[error("fio cannot use the device path `{}`", path.display())]
    DevicePath {
        /// The path.
        path: PathBuf,
    },
    /// The directory is too full.
    #[error("`{}` has {available} MB free, but this run may write {needed} MB", path.display())]
    NoSpace {
        /// The directory.
        path: PathBuf,
        /// Megabytes free.
        available: u64,
        /// Megabytes needed.
        needed: u64,
    },
    /// A replay log lies elsewhere than beside the job file.
    #[error("section [{section}] reads a replay log outside the job file's directory: `{value}`")]
    LogElsewhere {
        /// The section.
        section: String,
        /// The log's name as written.
        value: String,
    },
    /// The commands of a section move on, and would leave the section's region in a run of this length.
    #[error("section [{section}] moves on with every command and would leave its region within {seconds} s")]
    LeavesRegion {
        /// The section.
        section: String,
        /// Length of the run.
        seconds: u64,
    },
    /// fio failed.
    #[error("fio ended with {status}: {message}")]
    FioFailed {
        /// Its exit status.
        status: String,
        /// The end of what it said.
        message: String,
    },
    /// fio did not end.
    #[error("fio did not finish within {seconds} s and was stopped")]
    FioHung {
        /// Seconds waited.
        seconds: u64,
    },
    /// The program was told to end.
    #[error(transparent)]
    Interrupted(#[from] Interruption),
    /// fio's log is not understood.
    #[error("cannot read the log that fio wrote")]
    Log(#[from] UnreadableLog),
    /// fio did nothing.
    #[error("fio issued no command")]
    NothingDone,
    /// A limit is about what holes of a file decide.
    #[error("`{measure}` cannot be judged: reads of a scratch file that was never written are served from its holes")]
    ReadsHoles {
        /// The measure.
        measure: &'static str,
    },
    /// There is nothing to precondition with.
    #[error("the workload writes nothing, so storage cannot be preconditioned with its writes")]
    NothingWritten,
    /// What fio says of a round of preconditioning is not understood.
    #[error("cannot read what fio says of a round of writes")]
    Round(#[source] serde_json::Error),
    /// The target file holds no histograms.
    #[error("the target file contains no usable histograms")]
    UnusableTarget,
    /// A capture was to be compared with a file of several phases.
    #[error("a capture cannot be compared with a job file of {phases} phases")]
    SeveralPhases {
        /// Phases of the job file.
        phases: usize,
    },
    /// Job and target file do not belong together.
    #[error("the job file has {file} phases and its target file {target}")]
    PhasesDiffer {
        /// Phases of the job file.
        file: usize,
        /// Phases of the target file.
        target: usize,
    },
}

impl VerifyError {
    /// For `map_err`: what was tried, and with which file.
    pub(super) fn file(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let error = FileError::new(action, path);
        move |source| Self::File(error(source))
    }
}

impl Failure for VerifyError {
    fn exit_code(&self) -> u8 {
        match self {
            Self::NamesTarget { .. }
            | Self::OneDevice { .. }
            | Self::DevicePath { .. }
            | Self::LogElsewhere { .. }
            | Self::LeavesRegion { .. }
            | Self::ReadsHoles { .. }
            | Self::NothingWritten
            | Self::SeveralPhases { .. } => exit_code::USAGE,
            Self::File(error) => error.exit_code(),
            Self::Interrupted(interruption) => interruption.exit_code(),
            Self::JobFile(_)
            | Self::NoJobs
            | Self::NoSpace { .. }
            | Self::FioFailed { .. }
            | Self::FioHung { .. }
            | Self::Log(_)
            | Self::Round(_)
            | Self::NothingDone
            | Self::UnusableTarget
            | Self::PhasesDiffer { .. } => exit_code::FAILED,
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::File(error) => return error.hint(),
            Self::Interrupted(interruption) => return interruption.hint(),
            Self::NamesTarget { .. } => "`verify` runs files whose target is ${FILENAME}; generate one with `analyze`",
            Self::OneDevice { .. } => "generate the job with `--layout aggregate`, or use `--directory`",
            Self::DevicePath { .. } => "use the device's plain path, such as /dev/sdb",
            Self::NoSpace { .. } => "choose another `--directory`, or a shorter `--duration`",
            Self::FioFailed { .. } => "run fio on the job file by hand to see more",
            Self::PhasesDiffer { .. } | Self::UnusableTarget | Self::JobFile(_) | Self::NoJobs => {
                "generate the files again with `analyze`"
            }
            Self::LogElsewhere { .. } => "keep the replay logs beside the job file",
            Self::LeavesRegion { .. } => "leave out `--duration`, or make the file again with a longer one",
            Self::FioHung { .. } => {
                "the storage is too slow for this rate: try other storage or a shorter `--duration`"
            }
            Self::ReadsHoles { .. } => "add `--fill`, which writes the region before the run, or leave out the limit",
            Self::NothingWritten => "use `--fill`, which writes the region once",
            Self::Log(_) | Self::Round(_) => "run fio on the job file by hand and check its log",
            Self::NothingDone => "give a longer `--duration`",
            Self::SeveralPhases { .. } => "generate the job file without `--phases`",
        };
        Some(hint.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_is_told_that_fio_did_not_do_its_work_is_told_what_to_try() {
        for error in [
            VerifyError::FioHung { seconds: 240 },
            VerifyError::NothingDone,
            VerifyError::FioFailed {
                status: "exit status: 1".to_owned(),
                message: String::new(),
            },
        ] {
            assert!(error.hint().is_some(), "{error}");
        }
    }
}
