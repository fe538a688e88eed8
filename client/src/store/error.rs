//! Why something in the data directory cannot be used.

use std::path::{Path, PathBuf};

use vscsi_shared::exit_code;
use vscsi_shared::identifier::{InvalidName, Name};
use vscsi_shared::job::UnreadableJob;

use super::{JOB_LIMIT_BYTES, JobReference};
use crate::failure::{Failure, FileError};
use crate::suggest::nearest;

/// Why something in the data directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A file or directory.
    #[error(transparent)]
    File(#[from] FileError),
    /// Not the name of a job.
    #[error(transparent)]
    Reference(#[from] InvalidName),
    /// No such job.
    #[error("there is no job `{name}` in {}", root.display())]
    NoSuchJob {
        /// What was asked for.
        name: String,
        /// The data directory.
        root: PathBuf,
        /// The job probably meant.
        nearest: Option<String>,
    },
    /// Several hosts have a job of that name.
    #[error("`{name}` is ambiguous: {}", choices.join(", "))]
    Ambiguous {
        /// What was asked for.
        name: String,
        /// What to write instead.
        choices: Vec<String>,
    },
    /// The name is taken twice.
    #[error("another job `{name}` of {host} is already here")]
    NameTaken {
        /// The job's name.
        name: Name,
        /// Its host.
        host: String,
    },
    /// Snapshots without the `job.json` that says whose they are.
    #[error("`{}` holds snapshots and no job.json", path.display())]
    NoJobFile {
        /// The directory.
        path: PathBuf,
        /// Its name, which was the job's.
        reference: JobReference,
    },
    /// The data directory belongs to somebody else.
    #[error("`{}` belongs to user {owner}, and this program runs as user {own}", path.display())]
    NotOurs {
        /// The directory.
        path: PathBuf,
        /// Its owner.
        owner: u32,
        /// Who runs this.
        own: u32,
    },
    /// Others may write to the data directory.
    #[error("others may write to `{}` (mode {mode:o}), and what stands in it is obeyed", path.display())]
    OthersWrite {
        /// The directory.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// What a host tells is not about the job that is here.
    #[error("{host} tells of another job `{job}` than the one that is here")]
    AnotherJob {
        /// The job here.
        job: JobReference,
        /// The host.
        host: String,
    },
    /// A `job.json` that no honest host could have caused.
    #[error("`{}` is larger than a job's description may be ({JOB_LIMIT_BYTES} bytes)", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// What is known of a host cannot be used.
    #[error("cannot use `{}`", path.display())]
    UnreadableHost {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// A `job.json` that cannot be used.
    #[error("cannot use `{}`", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: UnreadableJob,
    },
}

impl StoreError {
    pub(super) fn no_such_job(name: &str, root: &Path, known: impl Iterator<Item = String>) -> Self {
        let known: Vec<String> = known.collect();
        Self::NoSuchJob {
            name: name.to_owned(),
            root: root.to_owned(),
            nearest: nearest(name, known.iter().map(String::as_str)).map(str::to_owned),
        }
    }
}

impl Failure for StoreError {
    fn exit_code(&self) -> u8 {
        match self {
            Self::Reference(_) | Self::NoSuchJob { .. } | Self::Ambiguous { .. } => exit_code::USAGE,
            Self::File(_)
            | Self::NameTaken { .. }
            | Self::NoJobFile { .. }
            | Self::NotOurs { .. }
            | Self::OthersWrite { .. }
            | Self::AnotherJob { .. }
            | Self::TooLarge { .. }
            | Self::UnreadableHost { .. }
            | Self::Unreadable { .. } => exit_code::FAILED,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::File(error) => error.hint(),
            Self::NoSuchJob {
                nearest: Some(name), ..
            } => Some(format!("did you mean `{name}`?")),
            Self::NoSuchJob { .. } => Some(
                "`vscsi-helper list` shows the jobs here; `vscsi-helper pull --host HOST` fetches those of a host"
                    .to_owned(),
            ),
            Self::Ambiguous { choices, .. } => choices
                .first()
                .map(|choice| format!("add the host, such as `{choice}`")),
            Self::NameTaken { name, .. } => Some(format!(
                "pull it into another directory with `--data-dir`, or remove the old job with `vscsi-helper \
                 delete {name}`"
            )),
            Self::NoJobFile { path, reference } => Some(format!(
                "`vscsi-helper pull {} --host HOST` fetches the job again where its host still has it; `vscsi-helper import \
                 {}/samples/sample_*.csv` makes a job of what is here",
                reference.name,
                path.display()
            )),
            Self::NotOurs { path, own, .. } => Some(format!(
                "run it as that user; or look whether you trust what is in there, and take it over with `chown -R {own} \
                 {0}`; or name another directory with `--data-dir`",
                path.display()
            )),
            Self::OthersWrite { path, .. } => Some(format!(
                "look whether everything in there is yours, then close it with `chmod -R go-w {0}`",
                path.display()
            )),
            Self::AnotherJob { job, .. } => Some(format!(
                "nothing here was changed; if the job was made anew on the host, pull it into another directory with \
                 `--data-dir`, or remove the old one with `vscsi-helper delete {job} --keep-on-host`"
            )),
            Self::UnreadableHost { path, .. } => Some(format!(
                "`vscsi-helper hosts forget {}` removes it, and the next connection makes it anew",
                path.file_stem().unwrap_or_default().display()
            )),
            Self::TooLarge { .. } => Some("nothing was changed; it cannot be used, and may be removed".to_owned()),
            Self::Reference(_)
            | Self::Unreadable {
                source: UnreadableJob::TooNew { .. },
                ..
            } => None,
            Self::Unreadable { .. } => Some(
                "`vscsi-helper pull NAME --host HOST` fetches it again from the host; the present file is kept beside \
                 it"
                .to_owned(),
            ),
        }
    }
}
