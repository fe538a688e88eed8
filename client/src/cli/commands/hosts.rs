//! `hosts`: every host known here.

use std::fmt::Write as _;

use clap::Args;
use jiff::Timestamp;

use crate::cli::phrase::time;
use crate::cli::{CliError, Env, Outcome};
use crate::host::{HostRecord, Program};
use crate::store::Store;

/// List the known hosts and the agent on each
///
/// What their schedules missed is shown as it was when the host was last asked, with exit code 3.
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

fn render(record: &HostRecord, now: Timestamp) -> String {
    let agent = record.agent.as_ref().map_or_else(
        || "agent not installed from here".to_owned(),
        |agent| match agent.program {
            Program::Binary => format!("agent {}", agent.version),
            Program::Script => format!("agent {} (script)", agent.version),
        },
    );
    let seen = record.last_seen.map_or_else(|| "never".to_owned(), time);
    let version = if record.esxi_version.is_empty() {
        "version unknown"
    } else {
        &record.esxi_version
    };
    let host = &record.address.host;
    let mut text = format!("{host:<32} {version:<24} {agent:<29} seen {seen}");
    for schedule in &record.schedules {
        let name = &schedule.name;
        // Writing to a string cannot fail.
        let _ = match (&schedule.problem, schedule.next_run_at) {
            (Some(problem), _) => write!(text, "\n  schedule {name}: {problem}"),
            (None, Some(due)) if due < now => write!(
                text,
                "\n  schedule {name}: was due {}, and {host} was not asked since (`vscsi-helper pull --host {host}`)",
                time(due)
            ),
            _ => Ok(()),
        };
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::KnownSchedule;
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
    }
}
