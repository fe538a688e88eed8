//! `list`: every job known here.

use clap::Args;
use serde::Serialize;
use vscsi_shared::job::Status;

use super::{CliError, Env, Outcome};
use crate::catalog::{Catalog, IndexedJob};
use crate::store::Store;

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
    snapshots_here: u32,
    host: String,
    vm: String,
    created_at: String,
}

impl From<IndexedJob> for Row {
    fn from(job: IndexedJob) -> Self {
        Self {
            job: job.reference,
            status: job.status,
            samples_collected: job.samples_collected,
            samples_expected: job.samples_expected,
            snapshots_here: job.snapshots_here,
            host: job.host,
            vm: job.vm_name,
            created_at: job.created_at,
        }
    }
}

pub(super) fn run(args: &ListArgs, env: &Env) -> Result<Outcome, CliError> {
    let store = Store::open(&env.data_dir)?;
    let mut catalog = Catalog::open(&store)?;
    let unreadable = catalog.refresh(&store)?;
    for error in &unreadable {
        env.warn(CliError::describe(error));
    }
    let rows: Vec<Row> = catalog
        .jobs()?
        .into_iter()
        .filter(|job| args.status.is_none_or(|status| status == job.status))
        .filter(|job| args.host.as_ref().is_none_or(|host| *host == job.host))
        .map(Row::from)
        .collect();
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
    Ok(if unreadable.is_empty() {
        Outcome::Done
    } else {
        Outcome::Partial
    })
}
