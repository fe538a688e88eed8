//! `reindex`: rebuilds the catalog from the job files.

use clap::Args;
use serde::Serialize;

use crate::catalog::Catalog;
use crate::cli::{CliError, Env, Outcome};
use crate::number::counted;
use crate::store::Store;

/// Rebuild the catalog from the job files
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  vscsi-helper reindex")]
pub struct ReindexArgs {}

#[derive(Serialize)]
struct Reindexed {
    jobs: u64,
    samples: u64,
    unreadable: usize,
}

pub(super) fn run(_: &ReindexArgs, env: &Env) -> Result<Outcome, CliError> {
    let store = Store::open(&env.data_dir)?;
    Catalog::remove(&store)?;
    let mut catalog = Catalog::open(&store)?;
    let unreadable = catalog.refresh(&store)?;
    for error in &unreadable {
        env.warn(CliError::told(error));
    }
    let (jobs, samples) = catalog.totals()?;
    if env.json {
        env.print_json(&Reindexed {
            jobs,
            samples,
            unreadable: unreadable.len(),
        })?;
    } else {
        env.print(format_args!(
            "Indexed {} with {}.",
            counted(jobs, "job"),
            counted(samples, "snapshot")
        ))?;
    }
    Ok(if unreadable.is_empty() {
        Outcome::Done
    } else {
        Outcome::Partial
    })
}
