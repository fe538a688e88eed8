//! `hosts`: every host known here.

use std::fmt::Write as _;

use clap::{Args, Subcommand};
use jiff::Timestamp;
use serde::Serialize;

use crate::cli::columns;
use crate::cli::phrase::time;
use crate::cli::{CliError, Env, Outcome};
use crate::failure::UsageError;
use crate::host::{HostRecord, KnownSchedule, Program, esxi_version};
use crate::store::Store;
use crate::suggest::nearest;
use crate::transport::HostName;

/// List the known hosts and the agent on each
///
/// What their schedules missed is shown as it was when the host was last asked, with exit code 3.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  vscsi-helper hosts\n  vscsi-helper hosts forget esxi-host01")]
pub struct HostsArgs {
    #[command(subcommand)]
    action: Option<Action>,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Forget how a host is reached and what was installed there; the host and the jobs here stay as they are
    #[command(after_help = "Example:\n  vscsi-helper hosts forget esxi-host01")]
    Forget {
        /// The host, as `hosts` lists it
        #[arg(value_name = "HOST")]
        host: HostName,
    },
}

pub(super) fn run(args: &HostsArgs, env: &Env) -> Result<Outcome, CliError> {
    let store = Store::open_to_look(&env.data_dir)?;
    if let Some(Action::Forget { host }) = &args.action {
        return forget(host, &store, env);
    }
    let hosts = store.hosts()?;
    if env.json {
        env.print_json(&hosts)?;
    } else if hosts.is_empty() {
        env.note("No hosts are known yet. Begin with: vscsi-helper preflight HOST");
    } else if env.terminal {
        env.print(table(&hosts, env.clock.now()))?;
    } else {
        for record in &hosts {
            env.print(render(record, env.clock.now()))?;
        }
    }
    let missed = hosts.iter().flat_map(|record| &record.schedules);
    Ok(if missed.into_iter().any(|schedule| schedule.problem.is_some()) {
        Outcome::Partial
    } else {
        Outcome::Done
    })
}

#[derive(Serialize)]
struct Forgotten<'a> {
    forgotten: &'a HostName,
}

fn forget(host: &HostName, store: &Store, env: &Env) -> Result<Outcome, CliError> {
    // A record that cannot be read is one more reason to forget it.
    let agent = store.host(host).ok().flatten().and_then(|record| record.agent);
    if !store.forget_host(host)? {
        let known = store.hosts()?;
        let names = known.iter().map(|record| record.address.host.as_str());
        let hint = nearest(host.as_str(), names).map_or_else(
            || "`vscsi-helper hosts` lists those that are".to_owned(),
            |name| format!("did you mean `{name}`?"),
        );
        return Err(UsageError::new(format!("no host `{host}` is known here"), hint).into());
    }
    if let Some(agent) = agent {
        env.warn(format_args!(
            "the agent at {} stays on {host}, and goes on with its jobs and schedules; `vscsi-helper uninstall {host}` removes it",
            agent.path
        ));
    }
    if env.json {
        env.print_json(&Forgotten { forgotten: host })?;
    } else {
        env.print(format_args!("Host {host} is forgotten."))?;
    }
    Ok(Outcome::Done)
}

/// What is known of a host: its name, the version of ESXi, the agent, and when it last answered.
fn facts(record: &HostRecord) -> [String; 4] {
    let agent = record.agent.as_ref().map_or_else(
        || "not installed from here".to_owned(),
        |agent| match agent.program {
            Program::Binary => agent.version.clone(),
            Program::Script => format!("{} (script)", agent.version),
        },
    );
    let version = match record.esxi_version.as_str() {
        "" => "unknown".to_owned(),
        known => esxi_version(known),
    };
    [
        record.address.host.to_string(),
        version,
        agent,
        record.last_seen.map_or_else(|| "never".to_owned(), time),
    ]
}

/// What a script reads, whose form stays.
fn render(record: &HostRecord, now: Timestamp) -> String {
    let [host, version, agent, seen] = facts(record);
    let version = if record.esxi_version.is_empty() {
        "version unknown"
    } else {
        &version
    };
    let agent = format!("agent {agent}");
    let mut text = format!("{host:<32} {version:<24} {agent:<29} seen {seen}");
    for problem in problems(record, now) {
        // Writing to a string cannot fail.
        let _ = write!(text, "\n  {problem}");
    }
    text
}

/// What a person reads on a terminal.
fn table(records: &[HostRecord], now: Timestamp) -> String {
    let rows: Vec<Vec<String>> = records
        .iter()
        .map(|record| facts(record).into_iter().chain(problems(record, now)).collect())
        .collect();
    columns::table(&["HOST", "ESXI", "AGENT", "LAST SEEN"], &rows)
}

/// What its schedules missed, and which nobody asked for since they were due.
fn problems(record: &HostRecord, now: Timestamp) -> Vec<String> {
    let host = &record.address.host;
    let problem = |schedule: &KnownSchedule| {
        let name = &schedule.name;
        match (&schedule.problem, schedule.next_run_at) {
            (Some(problem), _) => Some(format!("schedule {name}: {problem}")),
            (None, Some(due)) if due < now => Some(format!(
                "schedule {name}: was due {}, and {host} was not asked since (`vscsi-helper pull --host {host}`)",
                time(due)
            )),
            _ => None,
        }
    };
    record.schedules.iter().filter_map(problem).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::Address;

    #[test]
    fn what_schedules_missed_and_what_nobody_asked_for_since_is_shown_below_the_host() {
        let schedule = |name: &str, next: &str, problem: Option<&str>| KnownSchedule {
            name: name.parse().unwrap(),
            next_run_at: Some(next.parse().unwrap()),
            problem: problem.map(str::to_owned),
        };
        let mut record = HostRecord::new(Address::new("esx1".parse().unwrap()));
        record.schedules = vec![
            schedule("missed", "2025-11-07T22:00:00Z", Some("no agent was running")),
            schedule("unasked", "2025-11-06T21:00:00Z", None),
            schedule("good", "2025-11-07T22:00:00Z", None),
        ];
        let text = render(&record, "2025-11-06T22:30:00Z".parse().unwrap());
        assert!(text.contains("\n  schedule missed: no agent was running\n"), "{text}");
        assert!(
            text.contains("\n  schedule unasked: was due 2025-11-06 21:00:00 UTC"),
            "{text}"
        );
        assert!(!text.contains("good"), "{text}");
        let table = table(&[record], "2025-11-06T22:30:00Z".parse().unwrap());
        let lines: Vec<&str> = table.lines().collect();
        assert_eq!(lines[0], "HOST  ESXI     AGENT                    LAST SEEN");
        assert_eq!(lines[1], "esx1  unknown  not installed from here  never");
        assert_eq!((lines[2], lines.len()), ("  schedule missed: no agent was running", 4));
    }
}
