//! `list`: every job known here.

use std::io::ErrorKind;

use clap::Args;
use jiff::Timestamp;
use serde::Serialize;
use vscsi_shared::job::Status;

use crate::catalog::{Catalog, CatalogError, IndexedJob};
use crate::cli::columns;
use crate::cli::connect::{CONNECTION, ConnectArgs};
use crate::cli::job::note_of;
use crate::cli::phrase::time;
use crate::cli::refresh::refresh;
use crate::cli::{CliError, Env, Outcome};
use crate::failure::is_about_the_place;
use crate::store::{JobReference, Store, StoreError};

/// Letters of a note that are shown in a list.
const NOTE_SHOWN: usize = 60;

/// List the jobs known here
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:
  vscsi-helper list
  vscsi-helper list --status running --host esxi-host01
  vscsi-helper list --refresh",
    mut_args(|arg| if arg.get_help_heading() == Some(CONNECTION) { arg.requires("refresh") } else { arg })
)]
pub struct ListArgs {
    /// Only jobs with this status: pending, running, completed, failed or stopped
    #[arg(long, value_parser = parse_status)]
    status: Option<Status>,
    /// Only jobs of this host
    #[arg(long)]
    host: Option<String>,
    /// Ask the hosts of unfinished jobs how these are, and pull nothing; exit code 3 when one does not answer
    #[arg(long)]
    refresh: bool,
    #[command(flatten)]
    connect: ConnectArgs,
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
    /// The job was pulled before its host was recorded, and only its own word says where.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    host_is_claimed: bool,
    vm: String,
    created_at: String,
    /// What the user noted.
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
}

impl Row {
    fn of(job: IndexedJob, store: &Store, env: &Env) -> Self {
        let reference = job.reference.parse::<JobReference>().ok();
        Self {
            note: reference.and_then(|reference| note_of(&store.directory(&reference), env)),
            job: job.reference,
            status: job.status,
            samples_collected: job.samples_collected,
            samples_expected: job.samples_expected,
            snapshots_here: job.snapshots_here,
            host: job.host,
            host_is_claimed: job.host_is_claimed,
            vm: job.vm_name,
            created_at: job.created_at,
        }
    }
}

pub(super) fn run(args: &ListArgs, env: &Env) -> Result<Outcome, CliError> {
    let store = Store::open_to_look(&env.data_dir)?;
    let all_answered = !args.refresh || refresh(args.host.as_deref(), &args.connect, &store, env)?;
    let (catalog, unreadable) = catalog(&store, env)?;
    for error in &unreadable {
        env.warn(CliError::told(error));
    }
    let jobs = catalog.jobs()?;
    let there_are_others = !jobs.is_empty();
    let rows: Vec<Row> = jobs
        .into_iter()
        .filter(|job| args.status.is_none_or(|status| status == job.status))
        .filter(|job| args.host.as_ref().is_none_or(|host| *host == job.host))
        .map(|job| Row::of(job, &store, env))
        .collect();
    if env.json {
        env.print_json(&rows)?;
    } else if rows.is_empty() && there_are_others {
        let what = args.status.map_or_else(String::new, |status| format!("{status} "));
        let host = args
            .host
            .as_ref()
            .map_or_else(String::new, |host| format!(" of host {host}"));
        env.note(format_args!(
            "No {what}jobs{host} in {}; `vscsi-helper list` shows all there are.",
            env.shown(store.root())
        ));
    } else if rows.is_empty() {
        env.note(format_args!("No jobs in {}.", env.shown(store.root())));
    } else {
        env.print(format_args!("Jobs in {}:\n", env.shown(store.root())))?;
        print_rows(&rows, &store, env)?;
        if !args.refresh && rows.iter().any(|row| !row.status.is_final()) {
            env.note("\nUnfinished jobs show their last known state; `vscsi-helper list --refresh` asks their hosts.");
        }
    }
    Ok(if unreadable.is_empty() && all_answered {
        Outcome::Done
    } else {
        Outcome::Partial
    })
}

/// The catalog, up to date. Where the data directory cannot be written it is made in memory: looking needs no more.
fn catalog(store: &Store, env: &Env) -> Result<(Catalog, Vec<StoreError>), CliError> {
    let open = || {
        let mut catalog = Catalog::open(store)?;
        let unreadable = catalog.refresh(store)?;
        Ok((catalog, unreadable))
    };
    match open() {
        Err(error) if is_unwritable(&error) => {
            env.detail(format_args!(
                "the catalog cannot be written, so it is kept in memory only: {}",
                CliError::describe(&error)
            ));
            let mut catalog = Catalog::in_memory()?;
            let unreadable = catalog.refresh(store)?;
            Ok((catalog, unreadable))
        }
        opened => Ok(opened?),
    }
}

/// The place of the catalog has no room or may not be written; SQLite says no more of a full disk than that an operation
/// failed.
fn is_unwritable(error: &CatalogError) -> bool {
    use rusqlite::ErrorCode;
    match error {
        CatalogError::Sqlite(error) => matches!(
            error.sqlite_error_code(),
            Some(
                ErrorCode::CannotOpen
                    | ErrorCode::ReadOnly
                    | ErrorCode::PermissionDenied
                    | ErrorCode::DiskFull
                    | ErrorCode::SystemIoFailure
            )
        ),
        // Not found is what a file is whose directory could not be made.
        CatalogError::File(error) => is_about_the_place(error) || error.source.kind() == ErrorKind::NotFound,
        CatalogError::TooNew { .. } | CatalogError::Damaged(_) | CatalogError::Store(_) => false,
    }
}

fn print_rows(rows: &[Row], store: &Store, env: &Env) -> Result<(), CliError> {
    if env.terminal {
        env.print(table(rows, store))
    } else {
        print_lines(rows, store, env)
    }
}

/// What a person reads on a terminal.
fn table(rows: &[Row], store: &Store) -> String {
    let has_notes = rows.iter().any(|row| row.note.is_some());
    let mut headings = vec!["JOB", "STATUS", "SAMPLES", "HOST", "VM", "AS OF"];
    headings.extend(has_notes.then_some("NOTE"));
    let cells: Vec<Vec<String>> = rows
        .iter()
        .map(|row| {
            let claimed = if row.host_is_claimed { " (claimed)" } else { "" };
            let mut cells = vec![
                row.job.clone(),
                row.status.to_string(),
                format!("{}/{}", row.samples_collected, row.samples_expected),
                format!("{}{claimed}", row.host),
                row.vm.clone(),
                last_heard(row, store).map_or_else(|| "-".to_owned(), time),
            ];
            cells.extend(has_notes.then(|| row.note.as_deref().map_or_else(String::new, in_short)));
            cells
        })
        .collect();
    columns::table(&headings, &cells)
}

/// The beginning of a note, as far as it has room in a line of its job.
fn in_short(note: &str) -> String {
    let line = note.lines().next().unwrap_or_default();
    let mut short: String = line.chars().take(NOTE_SHOWN).collect();
    if short.len() < note.len() {
        short.push('…');
    }
    short
}

/// What a script reads, whose form stays.
fn print_lines(rows: &[Row], store: &Store, env: &Env) -> Result<(), CliError> {
    let width = rows
        .iter()
        .map(|row| row.job.chars().count())
        .max()
        .unwrap_or(0)
        .max(27);
    for row in rows {
        let samples = format!("{}/{}", row.samples_collected, row.samples_expected);
        let heard = last_heard(row, store).map_or_else(String::new, |at| format!(", as of {}", time(at)));
        let claimed = if row.host_is_claimed { " (claimed)" } else { "" };
        let note = row
            .note
            .as_ref()
            .map_or_else(String::new, |note| format!("  # {}", in_short(note)));
        env.print(format_args!(
            "{:<width$} {:<10} {samples:>9} samples  {}{claimed}{heard}{note}",
            row.job, row.status, row.host
        ))?;
    }
    Ok(())
}

/// When the host last told of a job that goes on.
fn last_heard(row: &Row, store: &Store) -> Option<Timestamp> {
    if row.status.is_final() {
        return None;
    }
    let reference: JobReference = row.job.parse().ok()?;
    let document = store.directory(&reference).read_job().ok()?;
    Some(document.job.updated_at)
}
