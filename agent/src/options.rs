//! The command line.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use lexopt::prelude::{Long, Short, Value};

use crate::switch::Begin;

/// An agent without job, schedule and requests for this long exits.
pub const DEFAULT_IDLE_EXIT: Duration = Duration::from_mins(10);

/// What the snapshots may take unless told otherwise, MiB: a thousand samples of eight disks fit ten times.
pub const DEFAULT_SPOOL_LIMIT_MIB: u64 = 1024;

/// What to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Invocation {
    /// Run the agent.
    Serve {
        /// In a session of its own, as `connect` starts it.
        detached: bool,
        /// Have a running agent pass its jobs on to this one.
        take_over: bool,
    },
    /// Start the agent if needed, greet, and pass bytes to and from it.
    Connect,
    /// Start and stop collections for an agent; only the agent starts this.
    Switch(Begin),
    /// Stop what a dead agent has left running.
    Cleanup {
        /// End a running agent and all its jobs first, and also stop what a user asked to keep.
        all: bool,
    },
    /// Test what this host allows.
    Doctor {
        /// As JSON.
        json: bool,
    },
    /// Print the monotonic clock, milliseconds; only `doctor` starts this, to compare it with its own.
    Clock,
    /// Print the version.
    Version,
    /// Print the help.
    Help,
    /// Print the fault points of this build.
    #[cfg(feature = "fault-points")]
    FaultPoints,
}

/// Everything the command line says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// The program as it was called, which is how the agent starts itself again.
    pub program: PathBuf,
    /// What to do.
    pub invocation: Invocation,
    /// Where the agent keeps everything.
    pub state_directory: PathBuf,
    /// Below which the host's programs are.
    pub host_root: PathBuf,
    /// When to exit for lack of work.
    pub idle_exit: Duration,
    /// What the snapshots may take, bytes.
    pub spool_limit_bytes: u64,
}

/// The command line is wrong.
#[derive(Debug, thiserror::Error)]
pub enum UsageError {
    /// As lexopt sees it.
    #[error(transparent)]
    Parse(#[from] lexopt::Error),
    /// No such command.
    #[error("unknown command `{0}`")]
    UnknownCommand(String),
    /// No command at all.
    #[error("a command is missing")]
    NoCommand,
    /// The program was found on the search path, and its own folder is therefore unknown.
    #[error("the folder of the agent is not known: call it by its path, or give --state-dir")]
    NoOwnPath,
}

/// The help text.
pub const HELP: &str = "\
vscsi-agent: collects vscsiStats histograms on an ESXi host

Usage: vscsi-agent COMMAND [OPTIONS]

Commands:
  connect             start the agent if it is not running, greet, and pass bytes to and from its HTTP port
  serve [--take-over] run the agent in the foreground; with --take-over a running one passes its jobs on to it
  cleanup [--all]     stop what a dead agent has left running; with --all end a running agent first,
                      and also stop what a user asked to keep
  doctor [--json]     test what this host allows, one line for each capability
  version             print the version
  help                print this help

Options:
  --state-dir DIR     where jobs, journal and log are kept (default: the folder `state` beside this program)
  --host-root DIR     look for the host's programs below DIR (default: /)
  --idle-exit SECONDS exit after this long without a job, a schedule or a request; 0 means never (default: 600)
  --spool-limit MIB   limit of the space that snapshots take (default: 1024)

Exit codes: 0 done, 1 failed, 2 wrong command line, 12 vscsiStats is missing or not permitted.
";

impl Options {
    /// Reads the command line; the first word is the program itself.
    ///
    /// # Errors
    /// [`UsageError`] says what is wrong with it.
    pub fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Self, UsageError> {
        let mut arguments = arguments.into_iter().peekable();
        let program = PathBuf::from(arguments.next().unwrap_or_default());
        // ESXi: the VMkernel takes `++group=…` for itself, but only where it starts the program.
        while arguments
            .next_if(|word| word.as_encoded_bytes().starts_with(b"++"))
            .is_some()
        {}

        let mut state_directory = None;
        let mut host_root = PathBuf::from("/");
        let mut idle_exit = DEFAULT_IDLE_EXIT;
        let mut spool_limit_mib = DEFAULT_SPOOL_LIMIT_MIB;
        let mut command: Option<String> = None;
        let (mut detached, mut take_over, mut all, mut json) = (false, false, false, false);
        let mut begin = Begin::default();
        let mut parser = lexopt::Parser::from_args(arguments);
        while let Some(argument) = parser.next()? {
            match argument {
                Long("state-dir") => state_directory = Some(PathBuf::from(parser.value()?)),
                Long("host-root") => host_root = PathBuf::from(parser.value()?),
                Long("idle-exit") => idle_exit = Duration::from_secs(lexopt::ValueExt::parse(&parser.value()?)?),
                Long("spool-limit") => spool_limit_mib = lexopt::ValueExt::parse(&parser.value()?)?,
                Long("detached") if command.as_deref() == Some("serve") => detached = true,
                Long("take-over") if command.as_deref() == Some("serve") => take_over = true,
                Long("start") if command.as_deref() == Some("switch") => {
                    begin.start = Some(lexopt::ValueExt::string(parser.value()?)?);
                }
                Long("alone") if command.as_deref() == Some("switch") => begin.alone = true,
                Long("all") if command.as_deref() == Some("cleanup") => all = true,
                Long("json") if command.as_deref() == Some("doctor") => json = true,
                Long("help") | Short('h') => command = Some("help".to_owned()),
                Long("version") | Short('V') => command = Some("version".to_owned()),
                Value(word) if command.is_none() => command = Some(word.to_string_lossy().into_owned()),
                _ => return Err(argument.unexpected().into()),
            }
        }
        let invocation = match command.as_deref() {
            Some("serve") => Invocation::Serve { detached, take_over },
            Some("connect") => Invocation::Connect,
            Some("switch") => Invocation::Switch(begin),
            Some("cleanup") => Invocation::Cleanup { all },
            Some("doctor") => Invocation::Doctor { json },
            Some("clock") => Invocation::Clock,
            Some("version") => Invocation::Version,
            Some("help") => Invocation::Help,
            #[cfg(feature = "fault-points")]
            Some("fault-points") => Invocation::FaultPoints,
            Some(other) => return Err(UsageError::UnknownCommand(other.chars().take(40).collect())),
            None => return Err(UsageError::NoCommand),
        };
        let needs_state = !matches!(invocation, Invocation::Version | Invocation::Help | Invocation::Clock);
        let state_directory = match state_directory {
            Some(directory) => directory,
            None => beside(&program)
                .ok_or(UsageError::NoOwnPath)
                .or_else(|error| if needs_state { Err(error) } else { Ok(PathBuf::new()) })?,
        };
        Ok(Self {
            program,
            invocation,
            state_directory,
            host_root,
            idle_exit,
            spool_limit_bytes: spool_limit_mib.saturating_mul(1024 * 1024),
        })
    }
}

/// The folder `state` beside the program, by its own name: ESXi has no `/proc/self/exe` to ask.
fn beside(program: &Path) -> Option<PathBuf> {
    let folder = program.parent().filter(|folder| !folder.as_os_str().is_empty())?;
    Some(folder.join("state"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Options, UsageError> {
        Options::parse(line.split(' ').map(OsString::from))
    }

    #[test]
    fn the_state_lies_beside_the_program() {
        let options = parse("/vmfs/volumes/ds1/x/vscsi-agent connect").unwrap();
        assert_eq!(options.state_directory, Path::new("/vmfs/volumes/ds1/x/state"));
    }

    #[test]
    fn a_program_called_without_a_path_needs_to_be_told_its_state() {
        assert!(matches!(parse("vscsi-agent serve"), Err(UsageError::NoOwnPath)));
        assert!(parse("vscsi-agent serve --state-dir /s").is_ok());
        assert!(parse("vscsi-agent version").is_ok());
    }

    #[test]
    fn a_leading_group_argument_is_ignored() {
        let options = parse("/a/vscsi-agent ++group=host/vim/vimuser/x,mem=64 serve").unwrap();
        let serve = Invocation::Serve {
            detached: false,
            take_over: false,
        };
        assert_eq!(options.invocation, serve);
    }

    #[test]
    fn an_option_of_another_command_is_refused() {
        for line in [
            "/a/x connect --json",
            "/a/x serve --all",
            "/a/x doctor --detached",
            "/a/x connect --take-over",
            "/a/x serve extra",
        ] {
            assert!(parse(line).is_err(), "{line}");
        }
    }

    #[test]
    fn no_command_and_an_unknown_one_are_refused() {
        assert!(matches!(parse("/a/x"), Err(UsageError::NoCommand)));
        assert!(matches!(parse("/a/x dance"), Err(UsageError::UnknownCommand(_))));
    }
}
