//! Why an agent cannot be reached, in terms a vSphere administrator can act on.

use std::io;
use std::path::PathBuf;

use vscsi_shared::exit_code;
use vscsi_shared::wire::ApiRange;

use crate::failure::Failure;

/// What is wrong with a host key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HostKeyProblem {
    /// It is not in `known_hosts`.
    Unknown,
    /// `known_hosts` holds another one.
    Changed,
}

/// Why an agent cannot be reached.
#[derive(Debug, thiserror::Error)]
pub enum TransportError {
    /// No connection to the host came about.
    #[error("cannot reach {host}: {reason}")]
    Unreachable {
        /// The host.
        host: String,
        /// What ssh said.
        reason: String,
        /// Its name is unknown: waiting will not help.
        unknown_name: bool,
    },
    /// The connection broke.
    #[error("the connection to {host} broke: {reason}")]
    Lost {
        /// The host.
        host: String,
        /// What ssh said.
        reason: String,
    },
    /// Nothing came in time.
    #[error("{host} did not answer within {seconds} s")]
    Silent {
        /// The host.
        host: String,
        /// How long was waited.
        seconds: u64,
    },
    /// An answer began and then came a byte at a time.
    #[error("{host} sent only {bytes} bytes of its answer in {seconds} s")]
    TooSlow {
        /// The host.
        host: String,
        /// What came.
        bytes: u64,
        /// How long was waited.
        seconds: u64,
    },
    /// An answer has no end.
    #[error("{host} sent more than the {limit_bytes} bytes that such an answer may have")]
    TooMuch {
        /// The host.
        host: String,
        /// What was allowed.
        limit_bytes: u64,
    },
    /// ssh and the host's sshd have no algorithm in common.
    #[error("{host} and this machine's ssh have no algorithm in common: {reason}")]
    NoCommonAlgorithm {
        /// The host.
        host: String,
        /// What ssh said.
        reason: String,
    },
    /// The login was refused.
    #[error("{host} refused the login: {reason}")]
    Authentication {
        /// The host.
        host: String,
        /// What ssh said.
        reason: String,
        /// Only Ed25519 keys were offered, which ESXi refuses.
        only_ed25519: bool,
        /// A password was given.
        by_password: bool,
    },
    /// The host key is not trusted.
    #[error("the host key of {host} {}", match problem {
        HostKeyProblem::Unknown => "is not known",
        HostKeyProblem::Changed => "has changed: this may be another machine or a reinstalled host",
    })]
    HostKey {
        /// The host.
        host: String,
        /// The port, where it is not ssh's own choice.
        port: Option<u16>,
        /// What is wrong with it.
        problem: HostKeyProblem,
    },
    /// The host's sshd refuses to forward.
    #[error("{host} refuses to forward connections")]
    ForwardingRefused {
        /// The host.
        host: String,
    },
    /// The host's sshd allows no further session on a shared connection.
    #[error("{host} allows no further sessions on the shared ssh connection (MaxSessions)")]
    NoMoreSessions {
        /// The host.
        host: String,
    },
    /// There is no agent where it should be.
    #[error("there is no agent on {host}: {reason}")]
    AgentMissing {
        /// The host.
        host: String,
        /// What the host's shell said.
        reason: String,
    },
    /// What lies in the agent's place is not the agent that is known here.
    #[error("what lies in the agent's place on {host} is not the agent that this workstation knows: {reason}")]
    NotKnown {
        /// The host.
        host: String,
        /// What the host's shell said.
        reason: String,
    },
    /// The host does not let the agent run.
    #[error("{host} does not permit the agent to run: {reason}")]
    NotPermitted {
        /// The host.
        host: String,
        /// What the host's shell said.
        reason: String,
    },
    /// Something answered, and not an agent.
    #[error("no agent answered on {host}: {reason}")]
    NoGreeting {
        /// The host.
        host: String,
        /// What came instead.
        reason: String,
    },
    /// Agent and client speak no common version.
    #[error(
        "the agent {agent_version} on {host} speaks API {}..{}, this client {}..{}",
        agent.min, agent.max, client.min, client.max
    )]
    VersionMismatch {
        /// The host.
        host: String,
        /// The agent's version.
        agent_version: String,
        /// What the agent speaks.
        agent: ApiRange,
        /// What this client speaks.
        client: ApiRange,
    },
    /// A program of this machine cannot be run.
    #[error("cannot run `{}`", program.display())]
    Program {
        /// The program.
        program: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// ssh would ask the terminal for the password, or nobody.
    #[error("this machine's ssh cannot be given a password: it is OpenSSH {version}, and 8.4 or newer is needed")]
    OldSsh {
        /// Its version.
        version: String,
    },
    /// The password cannot be handed to ssh.
    #[error("cannot pass the password to ssh: {0}")]
    Password(String),
}

impl TransportError {
    /// The same may work in a few seconds.
    ///
    /// A refused login or host key is never tried again: repeating it locks accounts and changes nothing.
    pub fn is_worth_retrying(&self) -> bool {
        match self {
            Self::Unreachable { unknown_name, .. } => !unknown_name,
            Self::Lost { .. } | Self::Silent { .. } | Self::TooSlow { .. } => true,
            Self::NoCommonAlgorithm { .. }
            | Self::Authentication { .. }
            | Self::HostKey { .. }
            | Self::ForwardingRefused { .. }
            | Self::NoMoreSessions { .. }
            | Self::AgentMissing { .. }
            | Self::NotKnown { .. }
            | Self::NotPermitted { .. }
            | Self::NoGreeting { .. }
            | Self::VersionMismatch { .. }
            | Self::TooMuch { .. }
            | Self::Program { .. }
            | Self::OldSsh { .. }
            | Self::Password(_) => false,
        }
    }
}

impl Failure for TransportError {
    fn exit_code(&self) -> u8 {
        match self {
            Self::Unreachable { .. }
            | Self::Lost { .. }
            | Self::Silent { .. }
            | Self::TooSlow { .. }
            | Self::NoCommonAlgorithm { .. }
            | Self::ForwardingRefused { .. }
            | Self::NoMoreSessions { .. } => exit_code::UNREACHABLE,
            Self::Authentication { .. } | Self::HostKey { .. } => exit_code::AUTHENTICATION,
            Self::AgentMissing { .. } | Self::NotKnown { .. } | Self::NotPermitted { .. } => {
                exit_code::VSCSISTATS_UNAVAILABLE
            }
            Self::VersionMismatch { .. } | Self::TooMuch { .. } => exit_code::VERSION_MISMATCH,
            Self::NoGreeting { .. } | Self::Program { .. } => exit_code::FAILED,
            Self::OldSsh { .. } | Self::Password(_) => exit_code::USAGE,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Unreachable { unknown_name: true, .. } => "check the spelling of the host's name".to_owned(),
            Self::Unreachable { reason, .. } if reason.contains("refused") => {
                "the SSH service of an ESXi host is off by default: enable it in the host client under Manage > \
                 Services > TSM-SSH, or with `vim-cmd hostsvc/enable_ssh` and `vim-cmd hostsvc/start_ssh` on its \
                 console"
                    .to_owned()
            }
            Self::Unreachable { host, .. } | Self::Silent { host, .. } => {
                format!("`ssh {host}` should work from this machine first; a job on the host keeps running meanwhile")
            }
            Self::TooSlow { .. } => {
                "on a link slower than 16 kbit/s, raise `answer_timeout` under `ssh` in the configuration; a job on the \
                 host keeps running meanwhile"
                    .to_owned()
            }
            Self::TooMuch { host, .. } => not_an_agent(host),
            Self::Lost { .. } => {
                "a job on the host keeps running; run the command again: a pull resumes where it stopped".to_owned()
            }
            Self::NoCommonAlgorithm { host, .. } => format!(
                "old hosts need an algorithm that current ssh disables: enable it for `{host}` only in your \
                 ssh_config, or update the host"
            ),
            Self::Authentication { only_ed25519: true, .. } => {
                "ESXi refuses Ed25519 keys: make an ECDSA or RSA key (`ssh-keygen -t ecdsa`), add it to \
                 /etc/ssh/keys-root/authorized_keys on the host, and name it with `--key`"
                    .to_owned()
            }
            Self::Authentication { by_password: true, .. } => {
                "check user and password; in lockdown mode only exception users may log in".to_owned()
            }
            Self::Authentication { .. } => {
                "name a key the host accepts with `--key`, load it into ssh-agent, or use `--password`".to_owned()
            }
            Self::HostKey {
                host,
                port,
                problem: HostKeyProblem::Unknown,
            } => {
                let port = port.map_or_else(String::new, |port| format!("-p {port} "));
                format!(
                    "run `ssh {port}{host}` once, compare the fingerprint with the one on the host's console, and \
                     answer yes"
                )
            }
            Self::HostKey {
                host,
                port,
                problem: HostKeyProblem::Changed,
            } => {
                let known = port.map_or_else(|| host.clone(), |port| format!("'[{host}]:{port}'"));
                format!(
                    "nothing was sent; find out why it changed, and if the host was reinstalled remove the old key \
                     with `ssh-keygen -R {known}`"
                )
            }
            Self::ForwardingRefused { .. } => {
                "ESXi forbids forwarding by default: leave out `--tunnel forward`; the default tunnel does not need it"
                    .to_owned()
            }
            Self::NoMoreSessions { host } => {
                format!("give `{host}` a connection of its own with `--ssh-option ControlPath=none`")
            }
            Self::NotKnown { host, .. } => format!(
                "if you or a colleague put it there with another version, `vscsi-helper install {host}` replaces it by \
                 this program's agent, and its jobs go on; else find out who wrote to that datastore"
            ),
            Self::AgentMissing { host, .. } => format!("install it with `vscsi-helper install {host}`"),
            Self::NotPermitted { host, .. } => format!(
                "ESXi 8 and newer run only installed programs by default (execInstalledOnly); `vscsi-helper install \
                 {host}` puts the agent in Python in its place, which runs there"
            ),
            Self::NoGreeting { host, .. } => {
                format!("`vscsi-helper doctor --host {host}` tests it; `vscsi-helper install {host}` reinstalls it")
            }
            Self::VersionMismatch {
                host, agent, client, ..
            } if agent.max < client.min => {
                format!("update the agent with `vscsi-helper install {host}`; running jobs continue")
            }
            Self::VersionMismatch { .. } => "this client is older than the agent: update vscsi-helper".to_owned(),
            Self::Program { program, .. } if program.as_os_str() == "ssh" => {
                "install an OpenSSH client; Linux, macOS and Windows all offer one".to_owned()
            }
            Self::Program { .. } => "check that it exists and is executable".to_owned(),
            Self::OldSsh { .. } | Self::Password(_) => "use a key: load it into ssh-agent, or name it with `--key`".to_owned(),
        })
    }
}

/// What to do about an answer that no agent of ours gives.
pub(crate) fn not_an_agent(host: &str) -> String {
    format!(
        "agent and client may be incompatible: `vscsi-helper install {host}` updates the agent; if the agent is as new \
         as the client, something else answers in its place, and {host} is not to be trusted"
    )
}
