//! Why an agent could not be brought to a host, or taken away.

use std::path::PathBuf;

use vscsi_shared::exit_code;
use vscsi_shared::identifier::Name;

use crate::failure::{Failure, FileError};
use crate::preflight::{COLLECT_BY_HAND, NAME_THE_HOST, Verdict};
use crate::transport::TransportError;

/// Why an agent could not be brought to a host, or taken away.
#[derive(Debug, thiserror::Error)]
pub(crate) enum InstallError {
    /// The host was not reached.
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// A file of this machine.
    #[error(transparent)]
    File(#[from] FileError),
    /// It is something else.
    #[error("this is not an ESXi host")]
    NotEsxi,
    /// The login may not do what an agent does.
    #[error("the login is not root's, and vscsiStats is for root alone")]
    NotRoot,
    /// The wanted way is closed, and another one is open.
    #[error("cannot install on this host in mode {0}")]
    ModeRefused(Verdict),
    /// Every way that this version offers is closed.
    #[error(
        "no mode of this version fits this host: {}",
        verdicts.iter().map(Verdict::to_string).collect::<Vec<_>>().join("; ")
    )]
    NothingFits {
        /// Each with its reason.
        verdicts: Vec<Verdict>,
        /// How to collect without an agent; `None` where that is impossible as well.
        by_hand: Option<String>,
    },
    /// Not a folder of a datastore.
    #[error("`{0}` is not a folder in a datastore: expected /vmfs/volumes/DATASTORE/FOLDER")]
    Folder(String),
    /// No such datastore.
    #[error("{}", match wanted {
        Some(name) => format!("there is no datastore `{name}` on this host"),
        None => "no datastore of this host is suitable".to_owned(),
    })]
    NoDatastore {
        /// What was asked for.
        wanted: Option<String>,
        /// What there is.
        known: Vec<String>,
    },
    /// The datastore is no place for an agent.
    #[error("datastore `{name}` is not suitable: {reason}")]
    Unsuitable {
        /// The datastore.
        name: String,
        /// Why.
        reason: &'static str,
    },
    /// The host is called like others that were never named.
    #[error("the host has a default name, which other hosts that share its datastore may have as well")]
    NamelessHost {
        /// The datastore that would have been used.
        datastore: String,
    },
    /// The folder is another host's.
    #[error("`{folder}` belongs to the agent of host {owner}, which shares that datastore")]
    OtherHost {
        /// The folder.
        folder: String,
        /// The name of that host.
        owner: Name,
    },
    /// Somebody else may put files into the folder.
    #[error("others than root may write to `{0}` on the host, and the agent runs as root")]
    OpenFolder(String),
    /// What lies in the agent's place is another program.
    #[error("what lies in the agent's place is not the agent that this workstation knows: {0}")]
    NotKnown(String),
    /// This program has no agent.
    #[error("this program contains no agent, and there is none in {}", .0.display())]
    NoAgent(PathBuf),
    /// The file is no program for ESXi.
    #[error("`{}` is not an x86-64 program", .0.display())]
    NotAnAgent(PathBuf),
    /// What arrived is not what was sent.
    #[error("`{file}` arrived on the host with SHA-256 {found} instead of {expected}")]
    CorruptUpload {
        /// The file, by its path in what was sent.
        file: String,
        /// What was sent.
        expected: String,
        /// What arrived.
        found: String,
    },
    /// The host refused to run it.
    #[error("the host does not let the agent run: {0}")]
    NotPermitted(String),
    /// A step failed on the host.
    #[error("could not {step}: {reason}")]
    Step {
        /// What was tried.
        step: &'static str,
        /// What the host said.
        reason: String,
    },
    /// The folder holds no installation of ours.
    #[error("`{0}` holds no installation of vscsi-helper, so nothing was removed")]
    NotOurs(String),
    /// Everything was removed, and the last check failed.
    #[error("the folder {folder} is gone, but it could not be determined whether agent processes are left: {reason}")]
    Unproven {
        /// The folder that is gone.
        folder: String,
        /// What the host said.
        reason: String,
    },
    /// Something is left after the removal.
    #[error("still there after the removal: {0}")]
    StillThere(String),
}

impl Failure for InstallError {
    fn exit_code(&self) -> u8 {
        match self {
            Self::Transport(error) => error.exit_code(),
            Self::File(error) => error.exit_code(),
            Self::NotRoot => exit_code::AUTHENTICATION,
            Self::NotEsxi
            | Self::ModeRefused(_)
            | Self::NothingFits { .. }
            | Self::NotPermitted(_)
            | Self::NotKnown(_) => exit_code::VSCSISTATS_UNAVAILABLE,
            Self::Folder(_)
            | Self::NoDatastore { .. }
            | Self::Unsuitable { .. }
            | Self::NamelessHost { .. }
            | Self::OtherHost { .. }
            | Self::OpenFolder(_)
            | Self::NotAnAgent(_) => exit_code::USAGE,
            Self::NoAgent(_)
            | Self::CorruptUpload { .. }
            | Self::Step { .. }
            | Self::NotOurs(_)
            | Self::Unproven { .. }
            | Self::StillThere(_) => exit_code::FAILED,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Transport(error) => return error.hint(),
            Self::File(error) => return error.hint(),
            Self::NotEsxi => format!("nothing was changed; {NAME_THE_HOST}"),
            Self::NotRoot => "nothing was changed; log in as root: `--user root`".to_owned(),
            Self::ModeRefused(_) => {
                "nothing was changed; without `--mode` the one that fits is taken, and `vscsi-helper preflight HOST` \
                 shows what each mode would need"
                    .to_owned()
            }
            Self::NothingFits { by_hand, .. } => match by_hand {
                Some(_) => format!("nothing was changed; {COLLECT_BY_HAND}"),
                None => "nothing was changed".to_owned(),
            },
            Self::NotPermitted(_) => {
                "ESXi 8 and newer run only installed programs by default (execInstalledOnly); `vscsi-helper install \
                 HOST --mode script` needs no such program"
                    .to_owned()
            }
            Self::Folder(_) => "name a datastore with `--datastore` instead".to_owned(),
            Self::NoDatastore { known, .. } if !known.is_empty() => format!("suitable are: {}", known.join(", ")),
            Self::NoDatastore { .. } => {
                "the agent needs a VMFS or vSAN datastore with 256 MiB free; system volumes and NFS are not used"
                    .to_owned()
            }
            Self::Unsuitable { .. } => "leave out `--datastore` to have a suitable one chosen".to_owned(),
            Self::NamelessHost { datastore } => format!(
                "give the agent a folder that only this host uses, such as `--folder {datastore}/vscsi-helper-lab1`, \
                 or give the host a name"
            ),
            Self::OtherHost { .. } => "name a folder that only this host uses with `--folder`".to_owned(),
            Self::OpenFolder(_) => {
                "nothing was put there; name a datastore that only its hosts reach with `--datastore`, or a new folder \
                 with `--folder`"
                    .to_owned()
            }
            Self::NotKnown(_) => {
                "nothing was run; `vscsi-helper install HOST` replaces it by this program's agent, and then it can be \
                 removed"
                    .to_owned()
            }
            Self::NoAgent(_) => {
                "put `vscsi-agent`, built for x86_64-unknown-linux-musl, beside it or name it with `--agent PATH`; in \
                 a source tree `cargo build --profile release-agent --package vscsi-agent --target \
                 x86_64-unknown-linux-musl` builds it"
                    .to_owned()
            }
            Self::NotAnAgent(_) => "name the agent built for x86_64-unknown-linux-musl".to_owned(),
            Self::CorruptUpload { .. } => {
                "it was not put into use, and what was installed before is untouched; check the free space of the \
                 datastore and try again"
                    .to_owned()
            }
            Self::Step { .. } => {
                "nothing that was installed before was replaced; fix what the host's message names, then try again"
                    .to_owned()
            }
            Self::NotOurs(_) => "name the folder with `--folder` if it was installed elsewhere".to_owned(),
            Self::Unproven { .. } => "log in to the host and look at `ps -c | grep vscsi-agent`".to_owned(),
            Self::StillThere(_) => "log in to the host and find out what is using it".to_owned(),
        })
    }

    fn by_hand(&self) -> Option<String> {
        match self {
            Self::NothingFits { by_hand, .. } => by_hand.clone(),
            _ => None,
        }
    }
}
