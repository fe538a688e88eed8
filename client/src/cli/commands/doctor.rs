//! `doctor`: is everything here and there as it should be?

use std::path::PathBuf;
use std::process::Command;

use clap::Args;
use serde::Serialize;
use vscsi_shared::wire::v1::ScheduleView;

use crate::catalog::Catalog;
use crate::cli::connect::ConnectArgs;
use crate::cli::{CliError, Env, Outcome};
use crate::failure::Failure;
use crate::host::{Host as _, esxi_version};
use crate::install::find_agent;
use crate::number::{bytes, counted};
use crate::store::Store;
use crate::visible;

/// Lines of the agent's log that are shown.
const LOG_LINES: u32 = 20;

/// Check this machine's setup and, with --host, the agent on a host
///
/// Ends with exit code 3 when nothing is wrong but a schedule missed its last run.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  vscsi-helper doctor\n  vscsi-helper doctor --host esxi-host01")]
pub struct DoctorArgs {
    /// Also check the agent on this host
    #[arg(long)]
    host: Option<String>,
    /// The agent's binary for `install` [default: the one inside or beside this program]
    #[arg(long, value_name = "PATH", env = "VSCSI_HELPER_AGENT")]
    agent: Option<PathBuf>,
    #[command(flatten)]
    connect: ConnectArgs,
}

#[derive(Debug, Serialize)]
struct Check {
    what: &'static str,
    ok: bool,
    found: String,
    /// Failing costs data, and nothing is out of order.
    #[serde(skip)]
    is_partial: bool,
}

impl Check {
    fn new(what: &'static str, found: Result<String, String>) -> Self {
        let ok = found.is_ok();
        let found = found.unwrap_or_else(|problem| problem);
        Self {
            what,
            ok,
            found,
            is_partial: false,
        }
    }
}

pub(super) fn run(args: &DoctorArgs, env: &Env) -> Result<Outcome, CliError> {
    let store = Store::open_to_look(&env.data_dir)?;
    let mut checks = vec![
        Check::new("ssh client", ssh_version()),
        Check::new(
            "agent for install",
            find_agent(args.agent.as_deref())
                .map(|agent| agent.sha256)
                .map_err(|error| CliError::told(&error)),
        ),
        Check::new("data directory", jobs_here(&store, env)),
        Check::new("snapshots", snapshots(&store)),
        Check::new("catalog", catalog(&store)),
    ];
    if let Some(name) = &args.host {
        let target = args.connect.target(name, &store, env)?;
        let host = target.host();
        let info = host.info()?;
        let version = esxi_version(&info.esxi_version);
        checks.push(Check::new(
            "agent",
            Ok(format!("{} on {}, {version}", info.version, info.hostname)),
        ));
        target.remember_version(version, &store);
        let health = host.health()?;
        let used = format!(
            "{} of {} used",
            bytes(health.spool_bytes),
            bytes(health.spool_limit_bytes)
        );
        checks.push(Check::new(
            "agent's health",
            if health.ok {
                Ok(used)
            } else {
                Err(health.problems.join("; "))
            },
        ));
        let schedules = host.schedules()?;
        checks.push(Check {
            is_partial: true,
            ..Check::new("schedules", missed(&schedules))
        });
        let apart = info.clock.wall.duration_since(env.clock.now()).as_secs();
        checks.push(Check::new("clocks", Ok(format!("{apart} s apart"))));
        if env.verbose {
            for line in host.log(LOG_LINES)?.lines() {
                env.note(format_args!("{name}: {line}"));
            }
        }
    }
    if env.json {
        env.print_json(&checks)?;
    } else {
        for check in &checks {
            let mark = if check.ok { "ok" } else { "FAILED" };
            env.print(format_args!(
                "{mark:<7} {:<18} {}",
                check.what,
                visible::one_line(&check.found)
            ))?;
        }
    }
    let (partial, failed): (Vec<&Check>, Vec<&Check>) = checks
        .iter()
        .filter(|check| !check.ok)
        .partition(|check| check.is_partial);
    match failed.len() {
        0 if partial.is_empty() => Ok(Outcome::Done),
        0 => Ok(Outcome::Partial),
        failed => Err(ChecksFailed {
            failed,
            host: args.host.clone(),
        }
        .into()),
    }
}

/// Something is not as it should be, and the checks say what.
#[derive(Debug, thiserror::Error)]
#[error("{} failed", counted(failed, "check"))]
struct ChecksFailed {
    failed: usize,
    host: Option<String>,
}

impl Failure for ChecksFailed {
    fn exit_code(&self) -> u8 {
        vscsi_shared::exit_code::FAILED
    }

    fn hint(&self) -> Option<String> {
        let host = self.host.as_ref()?;
        Some(format!(
            "`vscsi-helper doctor --host {host} -v` shows the agent's log as well"
        ))
    }
}

/// The schedules, or those whose last moment started no job.
fn missed(schedules: &[ScheduleView]) -> Result<String, String> {
    let missed: Vec<String> = schedules
        .iter()
        .filter_map(|view| Some(format!("{}: {}", view.schedule.name, view.last_error.as_ref()?)))
        .collect();
    if missed.is_empty() {
        Ok(counted(schedules.len(), "schedule"))
    } else {
        Err(missed.join("; "))
    }
}

fn ssh_version() -> Result<String, String> {
    let output = Command::new("ssh")
        .arg("-V")
        .output()
        .map_err(|error| format!("cannot run `ssh`: {error}; install the OpenSSH client"))?;
    Ok(String::from_utf8_lossy(&output.stderr).trim().to_owned())
}

fn jobs_here(store: &Store, env: &Env) -> Result<String, String> {
    let jobs = store.jobs().map_err(|error| CliError::told(&error))?;
    match jobs.unreadable.first() {
        Some(error) => Err(CliError::told(error)),
        None => Ok(format!(
            "{}, {}",
            env.shown(store.root()),
            counted(jobs.jobs.len(), "job")
        )),
    }
}

/// Every snapshot against what was recorded when it was stored.
fn snapshots(store: &Store) -> Result<String, String> {
    let jobs = store.jobs().map_err(|error| CliError::told(&error))?.jobs;
    let mut damaged = Vec::new();
    for (directory, _) in &jobs {
        for file in directory.damaged().map_err(|error| CliError::told(&error))? {
            damaged.push(format!("{}/{}", directory.reference(), file.name));
        }
    }
    if damaged.is_empty() {
        return Ok("as they were stored".to_owned());
    }
    Err(format!(
        "not as they were stored: {}; `vscsi-helper pull JOB` fetches them again, an import is made again from its files",
        damaged.join(", ")
    ))
}

fn catalog(store: &Store) -> Result<String, String> {
    let result = Catalog::open(store).and_then(|catalog| catalog.check());
    result
        .map(|()| "intact".to_owned())
        .map_err(|error| CliError::told(&error))
}
