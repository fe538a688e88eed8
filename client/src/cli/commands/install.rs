//! `install`: brings the agent to a host.

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::Args;

use crate::cli::connect::{ConnectArgs, HostArg};
use crate::cli::{CliError, Env, Outcome};
use crate::install::{Installed, Payload, Place, check_owner, choose_mode, find_agent, install};
use crate::number::{bytes, counted};
use crate::preflight::{self, Findings, Mode};
use crate::store::Store;

/// Install the agent on a host, or update it
///
/// Everything goes into one folder on a datastore. Running jobs continue through an update. Nothing else on the host is
/// changed, and `uninstall` removes it all.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  vscsi-helper install esxi-host01.example.com
  vscsi-helper install esxi-host01.example.com --datastore datastore1
  vscsi-helper install esxi-host01.example.com --mode script --dry-run")]
pub struct InstallArgs {
    #[command(flatten)]
    host: HostArg,
    /// Mode to install in: `binary`, a static program, or `script`, files in Python that the host's own interpreter runs
    /// [default: the one that is installed already, else the first that fits]
    #[arg(long)]
    mode: Option<Mode>,
    /// Say what would be done, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Datastore for the agent, by name or UUID [default: the suitable one with the most free space]
    #[arg(long, value_name = "NAME")]
    datastore: Option<String>,
    /// Folder for the agent, /vmfs/volumes/DATASTORE/FOLDER
    #[arg(long, value_name = "PATH", conflicts_with = "datastore")]
    folder: Option<String>,
    /// The agent's binary, for mode `binary` [default: the one inside or beside this program]
    #[arg(long, value_name = "PATH", env = "VSCSI_HELPER_AGENT")]
    agent: Option<PathBuf>,
    #[command(flatten)]
    connect: ConnectArgs,
}

pub(super) fn run(args: &InstallArgs, env: &Env) -> Result<Outcome, CliError> {
    let store = Store::open(&env.data_dir)?;
    let mut target = args.connect.target(&args.host.name, &store, env)?;
    let shell = target.shell()?;
    let findings = preflight::ask(&*shell, env.clock.now())?;
    env.detail(super::preflight::render(&findings, target.name().as_str()));
    let record = target.record.agent.as_ref();
    let mode = choose_mode(&findings, args.mode, record.map(|agent| agent.program))?;
    let known = record.map(|agent| agent.path.as_str());
    let place = Place::choose(&findings, args.datastore.as_deref(), args.folder.as_deref(), known)?;
    let payload = payload(mode, args, &findings)?;
    if args.dry_run {
        check_owner(&*shell, &place)?;
        env.print(plan(mode, &place, &payload, target.name().as_str()))?;
        return Ok(Outcome::Done);
    }
    env.note(format_args!(
        "Installing into {} ({}, {})...",
        place.folder,
        mode.as_str(),
        bytes(payload.size_bytes())
    ));
    let installed = install(&*shell, &place, &payload, env.clock.now())?;
    target.record.agent = Some(installed.agent.clone());
    target.record.esxi_version = findings.version.unwrap_or_default();
    target.remember(&store)?;
    if env.json {
        env.print_json(&installed)?;
    } else {
        env.print(render(&installed, target.name().as_str(), env.verbose))?;
    }
    Ok(Outcome::Done)
}

/// What is brought to the host in this mode.
fn payload(mode: Mode, args: &InstallArgs, findings: &Findings) -> Result<Payload, CliError> {
    Ok(match (mode, &findings.python) {
        (Mode::Script, Some(python)) => Payload::Script {
            python: python.path.clone(),
        },
        _ => Payload::Binary(find_agent(args.agent.as_deref())?),
    })
}

/// What `--dry-run` prints.
fn plan(mode: Mode, place: &Place, payload: &Payload, host: &str) -> String {
    format!(
        "Would install on {host} in mode {}:\n  \
         create the folder {} unless it is there, for root alone\n  \
         put the agent there ({}) and compare its SHA-256: {}\n  \
         let it test itself with `doctor`\n\
         Nothing was changed.",
        mode.as_str(),
        place.folder,
        bytes(payload.size_bytes()),
        payload.sha256(),
    )
}

fn render(installed: &Installed, host: &str, verbose: bool) -> String {
    let agent = &installed.agent;
    let verb = if installed.unchanged {
        "was already installed and is"
    } else {
        "is installed and"
    };
    let python = agent
        .python
        .as_ref()
        .map_or_else(String::new, |python| format!("\nRun by:  {python}"));
    let mut doctor = match installed.doctor.len() {
        0 => String::new(),
        lines => format!("\n\nSelf-test: {} passed", counted(lines, "check")),
    };
    for line in installed.doctor.iter().filter(|_| verbose) {
        // Writing to a string cannot fail.
        let _ = write!(doctor, "\n  {line}");
    }
    format!(
        "The agent {verb} verified on {host}.\n\n\
         Path:    {}\nVersion: {}\nSHA-256: {}{python}{doctor}\n\n\
         Next: vscsi-helper discover {host}",
        agent.path, agent.version, agent.sha256,
    )
}
