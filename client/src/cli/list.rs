//! `list`: every job known here.

use clap::Args;
use serde::Serialize;
use vscsi_shared::job::{Job, Status};

use super::{CliError, Env, Outcome};
use crate::store::{JobReference, Store};

/// List the jobs known here
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  vscsi-helper list\n  vscsi-helper list --status running --host esxi-host01")]
pub struct ListArgs {
    /// Only jobs with this status: pending, running, completed, failed or stopped
    #[arg(long, value_parser = parse_status)]
    status: Option<Status>,
    /// Only jobs of this host
    #[arg(long)]
    host: Option<String>,
}

fn parse_status(text: &str) -> Result<Status, String> {
    Status::ALL
        .into_iter()
        .find(|status| status.as_str() == text)
        .ok_or_else(|| format!("use one of {}", Status::ALL.map(Status::as_str).join(", ")))
}

#[derive(Debug, Serialize)]
struct Row {
    job: String,
    status: Status,
    samples_collected: u32,
    samples_expected: u32,
    host: String,
    vm: String,
    created_at: jiff::Timestamp,
}

impl Row {
    fn new(reference: &JobReference, job: Job) -> Self {
        Self {
            job: reference.to_string(),
            status: job.status,
            samples_collected: job.collection.samples_collected,
            samples_expected: job.collection.samples_expected,
            host: job.host.hostname,
            vm: job.target.vm_name,
            created_at: job.created_at,
        }
    }
}

pub(super) fn run(args: &ListArgs, env: &Env) -> Result<Outcome, CliError> {
    let store = Store::open(&env.data_dir)?;
    let found = store.jobs()?;
    for error in &found.unreadable {
        env.warn(CliError::describe(error));
    }
    let mut rows: Vec<Row> = found
        .jobs
        .into_iter()
        .filter(|(_, job)| args.status.is_none_or(|status| status == job.status))
        .filter(|(_, job)| args.host.as_ref().is_none_or(|host| *host == job.host.hostname))
        .map(|(directory, job)| Row::new(directory.reference(), job))
        .collect();
    rows.sort_by(|a, b| b.created_at.cmp(&a.created_at));
    if env.json {
        env.print_json(&rows)?;
    } else if rows.is_empty() {
        env.note(format_args!("No jobs in {}.", env.shown(store.root())));
    } else {
        env.print(format_args!("Jobs in {}:\n", env.shown(store.root())))?;
        for row in rows {
            let samples = format!("{}/{}", row.samples_collected, row.samples_expected);
            env.print(format_args!(
                "{:<27} {:<10} {samples:>9} samples  {}",
                row.job, row.status, row.host
            ))?;
        }
    }
    Ok(if found.unreadable.is_empty() {
        Outcome::Done
    } else {
        Outcome::Partial
    })
}
