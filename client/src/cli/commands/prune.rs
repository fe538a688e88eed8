//! `prune`: deletes the jobs here that are old.

use std::str::FromStr;

use clap::Args;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};
use serde::Serialize;
use vscsi_shared::job::{Job, JobDocument};
use vscsi_shared::snapshot;

use crate::cli::job::is_all_here;
use crate::cli::phrase::time;
use crate::cli::{CliError, Env, Outcome, columns, confirm};
use crate::failure::{FileError, UsageError};
use crate::number::{bytes, counted};
use crate::store::{JobDirectory, LockKind, Origin, Store, StoreError, read_snapshot_bytes, snapshot_files};

/// Delete the jobs here whose last sample is older than an age
///
/// A job is kept that is running, as far as is known here, after which vscsiStats may still be running, or of which the
/// host may hold samples that are not here. Copies on hosts stay: `pull --host` or `pull --all` fetches those that a host
/// still has.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  vscsi-helper prune --older-than 30d --dry-run
  vscsi-helper prune --older-than 6mo
  vscsi-helper prune --older-than 8w --yes       # for cron")]
pub struct PruneArgs {
    /// Such as 30d, 12h, 8w or 6mo; of an imported job the files count, as old as they were when it was imported
    #[arg(long, value_name = "AGE", allow_hyphen_values = true)]
    older_than: Age,
    /// Delete also jobs of which the host may hold samples that are not here
    #[arg(long)]
    unpulled: bool,
    /// Say what would be deleted, and delete nothing
    #[arg(long)]
    dry_run: bool,
    /// Do not ask for confirmation
    #[arg(short, long)]
    yes: bool,
}

/// An age as the user wrote it, more than nothing.
#[derive(Debug, Clone)]
struct Age {
    text: String,
    span: Span,
}

impl FromStr for Age {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let span = text.parse().ok().filter(|span: &Span| span.is_positive());
        let span = span.ok_or("expected an age such as 30d, 12h, 8w or 6mo")?;
        let text = text.to_owned();
        Ok(Self { text, span })
    }
}

impl Age {
    /// The time before which a last sample is older.
    fn before(&self, now: Timestamp) -> Result<Timestamp, UsageError> {
        let now = now.to_zoned(TimeZone::UTC);
        let before = now.checked_sub(self.span).map(|before| before.timestamp());
        before.map_err(|_| UsageError::new(format!("no job can be {} old", self.text), "give a smaller age"))
    }
}

/// What is to become of a job.
enum Verdict {
    /// Its last sample is not that old.
    Young,
    /// It is old, and stays for this reason.
    Kept(String),
    /// It may go.
    Old,
}

/// A job that is old.
#[derive(Debug, Serialize)]
struct Row {
    job: String,
    last_sample: Timestamp,
    bytes: u64,
    /// Why it stays.
    #[serde(skip_serializing_if = "Option::is_none")]
    kept: Option<String>,
}

/// What `--json` prints.
#[derive(Serialize)]
struct Pruned<'a> {
    before: Timestamp,
    dry_run: bool,
    deleted: &'a [Row],
    kept: &'a [Row],
}

pub(super) fn run(args: &PruneArgs, env: &Env) -> Result<Outcome, CliError> {
    let before = args.older_than.before(env.clock.now())?;
    if !args.dry_run && !args.yes {
        confirm::needs_terminal(
            "deleting jobs",
            "give `--yes` to delete without being asked; `--dry-run` says what would be deleted",
        )?;
    }
    let store = Store::open_to_look(&env.data_dir)?;
    let jobs = store.jobs()?;
    for error in &jobs.unreadable {
        env.warn(CliError::told(error));
    }
    let (mut old, mut kept) = (Vec::new(), Vec::new());
    for (directory, document) in jobs.jobs {
        let row = |kept| row(&directory, &document.job, kept);
        match args.judge(&directory, &document, before)? {
            Verdict::Young => {}
            Verdict::Kept(reason) => kept.push(row(Some(reason))?),
            Verdict::Old => old.push((row(None)?, directory)),
        }
    }
    let (mut rows, directories): (Vec<Row>, Vec<JobDirectory>) = old.into_iter().unzip();
    let mut outcome = if jobs.unreadable.is_empty() {
        Outcome::Done
    } else {
        Outcome::Partial
    };
    if !env.json && !rows.is_empty() {
        env.print(format_args!(
            "Last sample before {}:\n\n{}\n",
            time(before),
            table(&rows)
        ))?;
    }
    let mut failure = None;
    if !args.dry_run && !rows.is_empty() {
        args.confirm(&rows, env)?;
        let planned = std::mem::take(&mut rows);
        for (row, directory) in planned.into_iter().zip(&directories) {
            match args.delete(directory, before, &store) {
                Ok(None) => rows.push(row),
                Ok(reason) => {
                    outcome = Outcome::Partial;
                    kept.push(Row { kept: reason, ..row });
                }
                Err(error) => {
                    env.warn(format_args!("{} was not deleted: {}", row.job, CliError::told(&error)));
                    failure = Some(error);
                }
            }
        }
    }
    report(args, before, &rows, &kept, env)?;
    match failure {
        Some(error) => Err(error.into()),
        None => Ok(outcome),
    }
}

impl PruneArgs {
    fn judge(
        &self,
        directory: &JobDirectory,
        document: &JobDocument,
        before: Timestamp,
    ) -> Result<Verdict, StoreError> {
        let job = &document.job;
        if last_sample(directory, job)? >= before {
            return Ok(Verdict::Young);
        }
        let reference = directory.reference();
        let reason = if !job.status.is_final() {
            format!(
                "it is {}, as far as is known here; `vscsi-helper status {reference}` asks its host",
                job.status
            )
        } else if !job.cleanup.vscsi_stats_stopped {
            format!("vscsiStats may still be running; `vscsi-helper cleanup {reference}` ends it")
        } else if !self.unpulled && !matches!(Origin::of(document), Origin::Files(_)) && !is_all_here(directory, job)? {
            format!(
                "its host may hold samples that are not here; `vscsi-helper pull {reference}` fetches them, `--unpulled` \
                 deletes it all the same"
            )
        } else {
            return Ok(Verdict::Old);
        };
        Ok(Verdict::Kept(reason))
    }

    fn confirm(&self, rows: &[Row], env: &Env) -> Result<(), UsageError> {
        if self.yes {
            return Ok(());
        }
        let question = format!(
            "Delete {}? This cannot be undone.\nType `yes` to confirm:",
            counted(rows.len(), "job")
        );
        if confirm::typed("yes", &question, env) {
            return Ok(());
        }
        Err(UsageError::new(
            "it was not confirmed, so nothing was deleted",
            "type `yes`",
        ))
    }

    /// Deletes a job, unless it is in use or has become another than it was when it was listed. Returns why it stays.
    fn delete(&self, directory: &JobDirectory, before: Timestamp, store: &Store) -> Result<Option<String>, StoreError> {
        let Some(_lock) = store.try_lock(directory.reference(), LockKind::Exclusive)? else {
            return Ok(Some("it is in use by another vscsi-helper".to_owned()));
        };
        match self.judge(directory, &directory.read_job()?, before)? {
            Verdict::Old => store.remove(directory).map(|()| None),
            Verdict::Kept(reason) => Ok(Some(reason)),
            Verdict::Young => Ok(Some("new samples of it came in meanwhile".to_owned())),
        }
    }
}

/// When the last sample that is here was taken; without a snapshot that can be read, when the job ended or was last heard
/// of.
fn last_sample(directory: &JobDirectory, job: &Job) -> Result<Timestamp, FileError> {
    let last = snapshot_files(directory)?.pop();
    let bytes = last.and_then(|file| read_snapshot_bytes(&file).ok());
    let taken_at = bytes.and_then(|bytes| Some(snapshot::read(&bytes).ok()?.header.taken_at));
    Ok(taken_at.or(job.collection.completed_at).unwrap_or(job.updated_at))
}

fn row(directory: &JobDirectory, job: &Job, kept: Option<String>) -> Result<Row, FileError> {
    Ok(Row {
        job: directory.reference().to_string(),
        last_sample: last_sample(directory, job)?,
        bytes: directory.bytes()?,
        kept,
    })
}

fn table(rows: &[Row]) -> String {
    let cells: Vec<Vec<String>> = rows
        .iter()
        .map(|row| vec![row.job.clone(), time(row.last_sample), bytes(row.bytes)])
        .collect();
    columns::table(&["JOB", "LAST SAMPLE", "SIZE"], &cells)
}

fn report(args: &PruneArgs, before: Timestamp, rows: &[Row], kept: &[Row], env: &Env) -> Result<(), CliError> {
    if env.json {
        return env.print_json(&Pruned {
            before,
            dry_run: args.dry_run,
            deleted: rows,
            kept,
        });
    }
    for row in kept {
        let reason = row.kept.as_deref().unwrap_or_default();
        env.note(format_args!("Kept {}: {reason}.", row.job));
    }
    if rows.is_empty() {
        let other = if kept.is_empty() { "" } else { "other " };
        let age = &args.older_than.text;
        env.note(format_args!(
            "Nothing to delete: no {other}job here is older than {age}."
        ));
        return Ok(());
    }
    let all = rows.iter().map(|row| row.bytes).sum();
    let (done, end) = if args.dry_run {
        ("Would delete", "; nothing was changed")
    } else {
        ("Deleted", "")
    };
    env.print(format_args!(
        "{done} {} with {}{end}.",
        counted(rows.len(), "job"),
        bytes(all)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_counts_back_from_now_by_the_calendar() {
        let now = "2025-03-31T12:00:00Z".parse().unwrap();
        let before = |text: &str| text.parse::<Age>().unwrap().before(now).unwrap().to_string();
        let cases = [
            ("30d", "2025-03-01T12:00:00Z"),
            ("2w", "2025-03-17T12:00:00Z"),
            ("12h", "2025-03-31T00:00:00Z"),
            ("1mo", "2025-02-28T12:00:00Z"),
            ("1y", "2024-03-31T12:00:00Z"),
            ("90m", "2025-03-31T10:30:00Z"),
        ];
        for (age, expected) in cases {
            assert_eq!(before(age), expected, "{age}");
        }
    }

    #[test]
    fn what_is_no_age_is_refused() {
        for text in ["30", "-30d", "0d", "", "d", "30d ago", "2025-01-01", "many"] {
            assert!(text.parse::<Age>().is_err(), "{text:?}");
        }
        assert!("9000y".parse::<Age>().unwrap().before(Timestamp::UNIX_EPOCH).is_ok());
        assert!("19000y".parse::<Age>().unwrap().before(Timestamp::UNIX_EPOCH).is_err());
    }
}
