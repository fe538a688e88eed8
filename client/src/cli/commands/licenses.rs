//! `licenses`: what this program contains of others, and under which terms.

use clap::Args;

use crate::cli::error::OutputError;
use crate::cli::{CliError, Env, Outcome};

/// Its own terms, and then those of everything that is linked in.
const TEXTS: [&str; 2] = [
    include_str!("../../../../LICENSE"),
    include_str!("../../../assets/NOTICES.txt"),
];

/// Print the licence of this program and the notices of everything it contains
///
/// That is every library linked into it and into the agent inside it, the standard library, and the font of the charts.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  vscsi-helper licenses | less")]
pub struct LicensesArgs {}

pub(super) fn run(env: &Env) -> Result<Outcome, CliError> {
    let text = TEXTS.join("\n");
    env.stdout().write_all(text.as_bytes()).map_err(OutputError)?;
    Ok(Outcome::Done)
}
