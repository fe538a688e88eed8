//! `schedule add|list|remove`: recurring collections that the agent starts by itself.

use clap::{Args, Subcommand};
use vscsi_shared::cron::{CronExpression, InvalidCron};
use vscsi_shared::identifier::Name;
use vscsi_shared::job::HostIdentity;
use vscsi_shared::wire::v1::{CreateSchedule, ErrorCode, JobTemplate, ScheduleView};

use super::start::CollectArgs;
use crate::cli::columns;
use crate::cli::connect::{ConnectArgs, HostOption};
use crate::cli::phrase::time;
use crate::cli::{CliError, Env, Outcome};
use crate::failure::UsageError;
use crate::host::{Host as _, select_disks, select_vm};
use crate::store::Store;

/// Manage recurring collections, which a host runs by itself
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  vscsi-helper schedule add nightly --cron '0 22 * * 1-5' \\
      --host esxi-host01 --vm SQL-Server-01 --profile deep
  vscsi-helper schedule list --host esxi-host01
  vscsi-helper schedule remove nightly --host esxi-host01")]
pub struct ScheduleArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Add a schedule; its jobs are called NAME-YYYYMMDD-HHMMSS
    Add(AddArgs),
    /// List the schedules of a host; exit code 3 when the last run of one was missed
    List(ListArgs),
    /// Remove a schedule; jobs it started are kept
    Remove(RemoveArgs),
}

#[derive(Debug, Args)]
#[command(after_help = "Example:
  vscsi-helper schedule add nightly --cron '0 22 * * 1-5' \\
      --host esxi-host01 --vm SQL-Server-01 --lun all")]
struct AddArgs {
    /// Name of the schedule
    name: Name,
    /// When to start, in UTC: minute, hour, day of month, month, day of week
    #[arg(long, value_name = "EXPRESSION", value_parser = cron)]
    cron: String,
    #[command(flatten)]
    host: HostOption,
    #[command(flatten)]
    what: CollectArgs,
    #[command(flatten)]
    connect: ConnectArgs,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  vscsi-helper schedule list --host esxi-host01")]
struct ListArgs {
    #[command(flatten)]
    host: HostOption,
    #[command(flatten)]
    connect: ConnectArgs,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  vscsi-helper schedule remove nightly --host esxi-host01")]
struct RemoveArgs {
    /// Name of the schedule
    name: Name,
    #[command(flatten)]
    host: HostOption,
    #[command(flatten)]
    connect: ConnectArgs,
}

/// The expression as it was written, once it is known to be one.
fn cron(text: &str) -> Result<String, InvalidCron> {
    text.parse::<CronExpression>().map(|_| text.to_owned())
}

pub(super) fn run(args: &ScheduleArgs, env: &Env) -> Result<Outcome, CliError> {
    match &args.action {
        Action::Add(args) => add(args, env),
        Action::List(args) => list(args, env),
        Action::Remove(args) => remove(args, env),
    }
}

fn add(args: &AddArgs, env: &Env) -> Result<Outcome, CliError> {
    let store = Store::open(&env.data_dir)?;
    let target = args.connect.target(&args.host.name, &store, env)?;
    let host = target.host();
    let inventory = host.inventory()?;
    let vm = select_vm(&inventory, args.what.vm())?;
    // "All" is kept as it is said: the disks that the VM has on that night.
    let disks = match args.what.luns() {
        [all] if all == "all" => Vec::new(),
        luns => select_disks(vm, luns)?,
    };
    let view = host.create_schedule(&CreateSchedule {
        name: args.name.clone(),
        cron: args.cron.clone(),
        job: JobTemplate {
            host: HostIdentity {
                fingerprint: target.key_fingerprints(),
                ..target.identity()
            },
            config_file: vm.config_file.clone(),
            vm_name: vm.name.clone(),
            disks,
            profile: args.what.profile(env)?,
            options: args.what.options(),
        },
    })?;
    target.remember_schedules(&host.schedules()?, &store);
    if env.json {
        env.print_json(&view)?;
    } else {
        env.print(format_args!(
            "Schedule '{}' is set on {host}.\nNext run: {}\n\n\
             The agent keeps it until the next boot of {host}; after that only a connection starts the agent again, and\n\
             runs that passed meanwhile are told and not made up for. A line for this workstation's crontab that does\n\
             so, and fetches what was collected:\n\n  \
             17 * * * *  vscsi-helper pull --all",
            view.schedule.name,
            view.next_run_at.map_or_else(|| "never".to_owned(), time),
            host = target.name(),
        ))?;
    }
    Ok(Outcome::Done)
}

fn list(args: &ListArgs, env: &Env) -> Result<Outcome, CliError> {
    let store = Store::open(&env.data_dir)?;
    let target = args.connect.target(&args.host.name, &store, env)?;
    let schedules = target.host().schedules()?;
    target.remember_schedules(&schedules, &store);
    if env.json {
        env.print_json(&schedules)?;
    } else if schedules.is_empty() {
        env.note(format_args!("No schedules on {}.", target.name()));
    }
    if !env.json && env.terminal && !schedules.is_empty() {
        env.print(table(&schedules))?;
    } else if !env.json {
        for view in &schedules {
            env.print(render(view))?;
        }
    }
    Ok(outcome(&schedules))
}

/// Partial where the last moment of a schedule started no job.
fn outcome(schedules: &[ScheduleView]) -> Outcome {
    if schedules.iter().any(|view| view.last_error.is_some()) {
        Outcome::Partial
    } else {
        Outcome::Done
    }
}

/// When it runs next, and what came of the last time.
fn runs(view: &ScheduleView) -> (String, String) {
    let next = view.next_run_at.map_or_else(|| "never".to_owned(), time);
    let last = match (&view.last_error, &view.last_job, view.last_run_at) {
        (Some(error), _, Some(at)) => format!("failed {}: {error}", time(at)),
        (None, Some(job), Some(at)) => format!("{job} ({})", time(at)),
        _ => "none".to_owned(),
    };
    (next, last)
}

/// What a script reads, whose form stays.
fn render(view: &ScheduleView) -> String {
    let schedule = &view.schedule;
    let (next, last) = runs(view);
    format!(
        "{:<20} {:<16} {:<24} next {next}\n{:<20} last {}",
        schedule.name, schedule.cron, schedule.job.vm_name, "", last
    )
}

/// What a person reads on a terminal.
fn table(schedules: &[ScheduleView]) -> String {
    let rows: Vec<Vec<String>> = schedules
        .iter()
        .map(|view| {
            let schedule = &view.schedule;
            let (next, last) = runs(view);
            vec![
                schedule.name.to_string(),
                schedule.cron.clone(),
                schedule.job.vm_name.clone(),
                next,
                last,
            ]
        })
        .collect();
    columns::table(&["SCHEDULE", "CRON (UTC)", "VM", "NEXT RUN", "LAST RUN"], &rows)
}

fn remove(args: &RemoveArgs, env: &Env) -> Result<Outcome, CliError> {
    let store = Store::open(&env.data_dir)?;
    let target = args.connect.target(&args.host.name, &store, env)?;
    target.host().delete_schedule(&args.name).map_err(|error| -> CliError {
        if error.code() == Some(ErrorCode::NotFound) {
            let (name, host) = (&args.name, target.name());
            UsageError::new(
                format!("there is no schedule `{name}` on {host}"),
                format!("`vscsi-helper schedule list --host {host}` lists its schedules"),
            )
            .into()
        } else {
            error.into()
        }
    })?;
    env.note(format_args!(
        "Schedule '{}' is removed from {}.",
        args.name,
        target.name()
    ));
    Ok(Outcome::Done)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(last_error: Option<&str>) -> ScheduleView {
        let schedule = serde_json::json!({
            "name": "nightly",
            "cron": "0 22 * * *",
            "job": {
                "config_file": "/vmfs/volumes/5f/SQL/SQL.vmx",
                "vm_name": "SQL",
                "profile": {"name": "deep", "samples": 100, "interval_seconds": 120}
            }
        });
        ScheduleView {
            schedule: serde_json::from_value(schedule).unwrap(),
            next_run_at: Some("2025-11-07T22:00:00Z".parse().unwrap()),
            last_run_at: Some("2025-11-06T22:00:00Z".parse().unwrap()),
            last_job: None,
            last_error: last_error.map(str::to_owned),
        }
    }

    #[test]
    fn a_run_that_was_missed_is_shown_and_told_by_the_exit_code() {
        let missed = view(Some("no agent was running"));
        let shown = render(&missed);
        assert!(
            shown.contains("failed 2025-11-06 22:00:00 UTC: no agent was running"),
            "{shown}"
        );
        let table = table(std::slice::from_ref(&missed));
        assert_eq!(
            table,
            "SCHEDULE  CRON (UTC)  VM   NEXT RUN                 LAST RUN\n\
             nightly   0 22 * * *  SQL  2025-11-07 22:00:00 UTC  failed 2025-11-06 22:00:00 UTC: no agent was running"
        );
        assert_eq!(outcome(&[view(None), missed]), Outcome::Partial);
        assert_eq!(outcome(&[view(None)]), Outcome::Done);
    }
}
