//! `vscsi-agent connect`: start the agent if it is not running, greet, and pass bytes to and from it.

use std::fs::OpenOptions;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpStream};
use std::os::unix::fs::OpenOptionsExt as _;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use crate::http::introduce;
use crate::options::Options;
use crate::running::RunningAgent;
use crate::{files, sys, wait};

/// How long a started agent gets until it answers: it may have a journal to clear, and snapshots to check.
const START_TIMEOUT: Duration = Duration::from_secs(30);

/// How often it is looked whether the agent has started.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// There is no agent to connect to.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// It could not be started.
    #[error("cannot start the agent {program}: {source}{}", hint(source))]
    Start {
        /// The program.
        program: String,
        /// Why not.
        source: io::Error,
    },
    /// It was started and does not answer.
    #[error("the agent was started and does not answer; the reason may be in {log}")]
    Silent {
        /// The log.
        log: String,
    },
    /// The bridge.
    #[error("the bridge to the agent broke: {0}")]
    Bridge(#[source] io::Error),
}

fn hint(error: &io::Error) -> &'static str {
    if error.kind() == io::ErrorKind::PermissionDenied {
        ". The host refuses to run programs that no VIB installed (execInstalledOnly)"
    } else {
        ""
    }
}

/// Connects standard input and output to the agent.
///
/// # Errors
/// [`ConnectError`] when there is no agent and none can be started, or the bridge broke.
pub fn connect(options: &Options) -> Result<(), ConnectError> {
    sys::private_files();
    let (agent, stream) = reach(options)?;
    bridge(&agent, stream).map_err(ConnectError::Bridge)
}

fn reach(options: &Options) -> Result<(RunningAgent, TcpStream), ConnectError> {
    let state_directory = options.state_directory.as_path();
    let before = running(options);
    if let Some((agent, stream)) = before.as_ref().filter(|(agent, _)| agent.is_this_program()) {
        let stream = stream.try_clone().map_err(ConnectError::Bridge)?;
        return Ok((agent.clone(), stream));
    }
    // Its successor is this program: an upgrade takes jobs over without a gap in the counters.
    start(options, before.is_some())?;
    let process_before = before.map(|(agent, _)| agent.process);
    let silent = || ConnectError::Silent {
        log: state_directory.join("agent.log").display().to_string(),
    };
    wait::until(START_TIMEOUT, LOOK_EVERY, || {
        running(options).filter(|(agent, _)| Some(agent.process) != process_before)
    })
    .ok_or_else(silent)
}

/// The agent that answers at the port it told.
fn running(options: &Options) -> Option<(RunningAgent, TcpStream)> {
    let agent = RunningAgent::load(options)?;
    let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, agent.port)).ok()?;
    introduce(&stream, &agent.token).ok()?;
    Some((agent, stream))
}

/// Starts the agent with all descriptors detached: an ssh channel would otherwise stay open until it ends.
fn start(options: &Options, take_over: bool) -> Result<(), ConnectError> {
    let failed = |source| ConnectError::Start {
        program: options.program.display().to_string(),
        source,
    };
    files::create_directory(&options.state_directory).map_err(failed)?;
    let output = OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o600)
        .open(options.state_directory.join("agent.out"))
        .map_err(failed)?;
    // Only what the last start says is of use, and a start that fails every minute would fill the volume.
    output.set_len(0).map_err(failed)?;
    Command::new(&options.program)
        .args(["serve", "--detached", "--state-dir"])
        .arg(&options.state_directory)
        .arg("--host-root")
        .arg(&options.host_root)
        .args(take_over.then_some("--take-over"))
        .args(["--idle-exit", &options.idle_exit.as_secs().to_string()])
        .args([
            "--spool-limit",
            &(options.spool_limit_bytes / (1024 * 1024)).to_string(),
        ])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(output)
        .spawn()
        .map(drop)
        .map_err(failed)
}

fn bridge(agent: &RunningAgent, stream: TcpStream) -> io::Result<()> {
    let mut greeting = serde_json::to_vec(&agent.greeting())?;
    greeting.push(b'\n');
    let mut output = io::stdout();
    output.write_all(&greeting)?;
    output.flush()?;
    let mut to_agent = stream.try_clone()?;
    // Not joined: when the agent closes, standard input may never end.
    thread::Builder::new().spawn(move || {
        let _ = pass(&mut io::stdin(), &mut to_agent);
        let _ = to_agent.shutdown(Shutdown::Write);
    })?;
    let mut from_agent = stream;
    pass(&mut from_agent, &mut output)
}

/// Passes bytes on as they come, each flushed, because the other side waits for them.
fn pass(from: &mut impl Read, to: &mut impl Write) -> io::Result<()> {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        match from.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(length) => {
                to.write_all(buffer.get(..length).unwrap_or_default())?;
                to.flush()?;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}
