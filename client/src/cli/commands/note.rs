//! `note`: what the user keeps in mind about a job.

use clap::Args;
use serde::Serialize;

use crate::cli::job::JobArg;
use crate::cli::{CliError, Env, Outcome};
use crate::failure::UsageError;
use crate::store::{LONGEST_NOTE_BYTES, Store};
use crate::visible;

/// Keep a note on a job, which `list`, `analyze`, `summary.json` and the fio file show
///
/// It stays on this workstation, in the job's directory.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  vscsi-helper note sql-peak month end, before the new array
  vscsi-helper note sql-peak             # shows it
  vscsi-helper note sql-peak --remove")]
pub struct NoteArgs {
    #[command(flatten)]
    job: JobArg,
    /// The note, instead of the one there is; without any it is shown, and an empty one removes it
    text: Vec<String>,
    /// Remove the note
    #[arg(long, conflicts_with = "text")]
    remove: bool,
}

#[derive(Serialize)]
struct Noted {
    job: String,
    note: Option<String>,
}

pub(super) fn run(args: &NoteArgs, env: &Env) -> Result<Outcome, CliError> {
    let store = Store::open_to_look(&env.data_dir)?;
    let (directory, _) = args.job.find(&store)?;
    let job = directory.reference().to_string();
    let only_looks = args.text.is_empty() && !args.remove;
    if !only_looks {
        let text = args.text.join(" ");
        let text = text.trim();
        check(text)?;
        directory.write_note(text)?;
    }
    let note = directory.note()?;
    if env.json {
        env.print_json(&Noted { job, note })?;
    } else if !only_looks {
        let done = if note.is_some() { "kept" } else { "removed" };
        env.note(format_args!("Note on job '{job}' {done}."));
    } else if let Some(note) = note {
        env.print(note)?;
    } else {
        env.note(format_args!("Job '{job}' has no note."));
    }
    Ok(Outcome::Done)
}

/// Refuses what could not be shown as it was written.
fn check(text: &str) -> Result<(), UsageError> {
    if text.len() > LONGEST_NOTE_BYTES {
        return Err(UsageError::new(
            format!(
                "the note has {} bytes, and a note may have {LONGEST_NOTE_BYTES}",
                text.len()
            ),
            "shorten it, or keep it in a file of your own and note where that is",
        ));
    }
    let commands = |character: &char| *character != '\n' && visible::is_command(*character);
    match text.chars().find(commands) {
        Some(character) => Err(UsageError::new(
            format!(
                "the note holds {}, which a terminal would obey",
                character.escape_default()
            ),
            "leave it out; lines may be ended, and letters may be of any script",
        )),
        None => Ok(()),
    }
}
