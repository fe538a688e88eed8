//! `hosts`: every host known here.

use clap::Args;

use crate::cli::phrase::time;
use crate::cli::{CliError, Env, Outcome};
use crate::store::Store;

/// List the known hosts and the agent on each
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  vscsi-helper hosts")]
pub struct HostsArgs {}

pub(super) fn run(_: &HostsArgs, env: &Env) -> Result<Outcome, CliError> {
    let store = Store::open(&env.data_dir)?;
    let hosts = store.hosts()?;
    if env.json {
        env.print_json(&hosts)?;
    } else if hosts.is_empty() {
        env.note("No hosts are known yet. Begin with: vscsi-helper preflight HOST");
    } else {
        for record in hosts {
            let agent = record.agent.map_or_else(
                || "agent not installed from here".to_owned(),
                |agent| format!("agent {}", agent.version),
            );
            let seen = record.last_seen.map_or_else(|| "never".to_owned(), time);
            let version = if record.esxi_version.is_empty() {
                "version unknown"
            } else {
                &record.esxi_version
            };
            env.print(format_args!(
                "{:<32} {:<24} {agent:<29} seen {seen}",
                record.address.host, version
            ))?;
        }
    }
    Ok(Outcome::Done)
}
