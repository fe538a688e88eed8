//! `install`: brings the agent to a host.

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::Args;

use crate::cli::connect::{ConnectArgs, HostArg};
use crate::cli::phrase::bytes;
use crate::cli::{CliError, Env, Outcome};
use crate::install::{Installed, Place, check_mode, find_agent, install};
use crate::preflight::{self, Mode};
use crate::store::Store;

/// Install the agent on a host, or update it
///
/// Everything goes into one folder on a datastore. Running jobs continue through an update. Nothing else on the host is
/// changed, and `uninstall` removes it all.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  vscsi-helper install esxi-host01.example.com
  vscsi-helper install esxi-host01.example.com --datastore datastore1")]
pub struct InstallArgs {
    #[command(flatten)]
    host: HostArg,
    /// Mode to install in [default: the first that fits]
    #[arg(long)]
    mode: Option<Mode>,
    /// Datastore for the agent, by name or UUID [default: the suitable one with the most free space]
    #[arg(long, value_name = "NAME")]
    datastore: Option<String>,
    /// Folder for the agent, /vmfs/volumes/DATASTORE/FOLDER
    #[arg(long, value_name = "PATH", conflicts_with = "datastore")]
    folder: Option<String>,
    /// The agent's binary [default: the one inside or beside this program]
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
    check_mode(&findings, args.mode)?;
    let known = target.record.agent.as_ref().map(|agent| agent.path.as_str());
    let place = Place::choose(&findings, args.datastore.as_deref(), args.folder.as_deref(), known)?;
    let binary = find_agent(args.agent.as_deref())?;
    env.note(format_args!(
        "Installing into {} ({})...",
        place.folder,
        bytes(binary.bytes.len() as u64)
    ));
    let installed = install(&*shell, &place, &binary, env.clock.now())?;
    target.record.agent = Some(installed.agent.clone());
    target.record.esxi_version = findings.version.unwrap_or_default();
    target.remember(&store)?;
    if env.json {
        env.print_json(&installed)?;
    } else {
        env.print(render(&installed, target.name().as_str()))?;
    }
    Ok(Outcome::Done)
}

fn render(installed: &Installed, host: &str) -> String {
    let agent = &installed.agent;
    let verb = if installed.unchanged {
        "was already installed and is"
    } else {
        "is installed and"
    };
    let mut doctor = if installed.doctor.is_empty() {
        String::new()
    } else {
        "\n\nSelf-test:".to_owned()
    };
    for line in &installed.doctor {
        // Writing to a string cannot fail.
        let _ = write!(doctor, "\n  {line}");
    }
    format!(
        "The agent {verb} verified on {host}.\n\n\
         Path:    {}\nVersion: {}\nSHA-256: {}{doctor}\n\n\
         Next: vscsi-helper discover {host}",
        agent.path, agent.version, agent.sha256,
    )
}
