//! `uninstall`: takes the agent away from a host, and proves it.

use clap::Args;
use vscsi_shared::identifier::Name;
use vscsi_shared::wire::v1::{JobView, ScheduleView};

use crate::cli::connect::{ConnectArgs, HostArg, Target};
use crate::cli::{CliError, Env, Outcome};
use crate::failure::Failure;
use crate::host::Host as _;
use crate::install::{agent_in, folder_of_agent, jobs_in, uninstall};
use crate::preflight;
use crate::store::Store;
use crate::transport::Shell;

/// Remove the agent and everything it created from a host, and prove it
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  vscsi-helper uninstall esxi-host01.example.com")]
pub struct UninstallArgs {
    #[command(flatten)]
    host: HostArg,
    /// Uninstall even if jobs are running or scheduled, or have samples not yet pulled; these are lost
    #[arg(short, long)]
    force: bool,
    /// Say what would be done, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Folder of the agent, if it was not installed from this machine
    #[arg(long, value_name = "PATH")]
    folder: Option<String>,
    #[command(flatten)]
    connect: ConnectArgs,
}

/// Jobs or schedules that stand in the way.
#[derive(Debug, thiserror::Error)]
#[error("the agent on {host} was left in place: {}", reasons.join("; "))]
struct InTheWay {
    host: String,
    reasons: Vec<String>,
}

impl Failure for InTheWay {
    fn exit_code(&self) -> u8 {
        vscsi_shared::exit_code::FAILED
    }

    fn hint(&self) -> Option<String> {
        Some(format!(
            "`vscsi-helper pull --host {}` fetches the samples; `vscsi-helper schedule remove` removes a schedule; \
             `--force` ends the jobs and schedules and discards what was not pulled",
            self.host
        ))
    }
}

pub(super) fn run(args: &UninstallArgs, env: &Env) -> Result<Outcome, CliError> {
    let store = Store::open(&env.data_dir)?;
    let target = args.connect.target(&args.host.name, &store, env)?;
    let shell = target.shell()?;
    let Some(agent) = find(args, &target, &*shell, env)? else {
        store.forget_host(target.name())?;
        env.note(format_args!(
            "There is no agent in /vmfs/volumes/*/vscsi-helper-HOST on {}: nothing was removed. An agent in another \
             folder is found with `--folder`.",
            target.name()
        ));
        return Ok(Outcome::Done);
    };
    if args.dry_run {
        env.print(plan(&agent, &*shell, target.name().as_str())?)?;
        return Ok(Outcome::Done);
    }
    if !args.force {
        let host = target.host();
        let reasons = obstacles(&host.jobs()?, &host.schedules()?);
        if !reasons.is_empty() {
            let host = target.name().to_string();
            return Err(InTheWay { host, reasons }.into());
        }
    }
    env.note(format_args!("Removing {agent}..."));
    let removal = uninstall(&*shell, &agent, &target.known_agent())?;
    store.forget_host(target.name())?;
    if env.json {
        env.print_json(&removal)?;
    } else {
        env.print(format_args!(
            "The agent was removed from {}. Verified on the host:",
            target.name()
        ))?;
        for line in &removal.proof {
            env.print(format_args!("  {line}"))?;
        }
    }
    Ok(Outcome::Done)
}

/// The agent to remove: of the folder that was named, the one recorded here, or the one that lies where `install` puts it.
fn find(args: &UninstallArgs, target: &Target<'_>, shell: &dyn Shell, env: &Env) -> Result<Option<String>, CliError> {
    if let Some(folder) = &args.folder {
        return Ok(Some(agent_in(shell, folder.trim_end_matches('/'))?));
    }
    if let Some(agent) = &target.record.agent {
        return Ok(Some(agent.path.clone()));
    }
    Ok(preflight::ask(shell, env.clock.now())?.agents.into_iter().next())
}

/// What `--dry-run` prints. The agent is not asked, because that would start it.
fn plan(agent: &str, shell: &dyn Shell, host: &str) -> Result<String, CliError> {
    let folder = folder_of_agent(agent).unwrap_or(agent);
    let jobs = jobs_in(shell, folder)?;
    let jobs = if jobs.is_empty() {
        "no job is kept there".to_owned()
    } else {
        format!("with its jobs: {}", jobs.join(", "))
    };
    Ok(format!(
        "Would remove from {host}, unless jobs run or samples were not pulled:\n  \
         end the agent, its jobs and every collection that it started\n  \
         remove the folder {folder} ({jobs})\n  \
         look whether folder and processes are gone\n\
         Nothing was changed."
    ))
}

fn obstacles(jobs: &[JobView], schedules: &[ScheduleView]) -> Vec<String> {
    let names = |wanted: fn(&JobView) -> bool| -> Vec<&Name> {
        jobs.iter()
            .filter(|view| wanted(view))
            .map(|view| &view.job.job_id)
            .collect()
    };
    let list = |names: &[&Name]| names.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let running = names(|view| !view.job.status.is_final());
    let unfetched = names(|view| view.acknowledged_sequence < view.last_sequence);
    let mut reasons = Vec::new();
    if !running.is_empty() {
        reasons.push(format!("jobs are running: {}", list(&running)));
    }
    if !unfetched.is_empty() {
        reasons.push(format!("samples not yet pulled: {}", list(&unfetched)));
    }
    if !schedules.is_empty() {
        let names: Vec<&Name> = schedules.iter().map(|schedule| &schedule.schedule.name).collect();
        reasons.push(format!("schedules are set: {}", list(&names)));
    }
    reasons
}

#[cfg(test)]
mod tests {
    use super::*;
    use vscsi_shared::job::Status;

    fn view(status: Status, last: Option<u32>, acknowledged: Option<u32>) -> JobView {
        let mut job = crate::store::tests::job("sql", "esx1");
        job.status = status;
        JobView {
            job,
            next_due_at: None,
            expected_completion_at: None,
            now: "2025-11-06T08:48:40Z".parse().unwrap(),
            last_sequence: last,
            acknowledged_sequence: acknowledged,
        }
    }

    #[test]
    fn running_jobs_and_samples_that_were_not_pulled_stand_in_the_way() {
        assert_eq!(
            obstacles(&[view(Status::Running, Some(3), Some(3))], &[]),
            ["jobs are running: sql"]
        );
        assert_eq!(
            obstacles(&[view(Status::Completed, Some(3), Some(2))], &[]),
            ["samples not yet pulled: sql"]
        );
        assert_eq!(
            obstacles(&[view(Status::Stopped, Some(0), None)], &[]),
            ["samples not yet pulled: sql"]
        );
    }

    #[test]
    fn jobs_that_ended_and_were_pulled_do_not() {
        assert!(
            obstacles(
                &[
                    view(Status::Completed, Some(3), Some(3)),
                    view(Status::Failed, None, None)
                ],
                &[]
            )
            .is_empty()
        );
    }

    #[test]
    fn a_schedule_stands_in_the_way() {
        let schedule: ScheduleView = serde_json::from_value(serde_json::json!({"schedule": {
            "name": "nightly", "cron": "0 22 * * *",
            "job": {"host": {"hostname": "esx1", "username": null, "fingerprint": null}, "config_file": "/vmfs/a.vmx",
                    "vm_name": "SQL", "disks": [],
                    "profile": {"name": "quick", "samples": 10, "interval_seconds": 30}}
        }}))
        .unwrap();
        assert_eq!(obstacles(&[], &[schedule]), ["schedules are set: nightly"]);
    }
}
