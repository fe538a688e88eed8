//! `stop`: ends a job.

use clap::Args;
use vscsi_shared::wire::v1::JobView;

use super::connect::ConnectArgs;
use super::job::known;
use super::pull::{Voice, puller};
use super::{CliError, Env, Outcome};
use crate::host::Host as _;
use crate::store::Store;

/// End a running job, and fetch what it collected
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  vscsi-helper stop sql-peak")]
pub struct StopArgs {
    /// The job; NAME@HOST where two hosts have one of that name
    job: String,
    /// Leave vscsiStats collecting on the host; it ends by itself after about 30 minutes
    #[arg(long)]
    no_cleanup: bool,
    #[command(flatten)]
    connect: ConnectArgs,
}

pub(super) fn run(args: &StopArgs, env: &Env) -> Result<Outcome, CliError> {
    let store = Store::open(&env.data_dir)?;
    let mut known = known(&args.job, &args.connect, &store, env)?;
    let name = known.job().job_id.clone();
    env.note(format_args!("Stopping job '{name}'..."));
    let view = {
        let host = known.target.host();
        let view = host.stop_job(&name, !args.no_cleanup)?;
        let voice = Voice::new(env, "");
        // What was collected is fetched at once; if that fails now, a later pull does it.
        match puller(&store, env, &voice).pull(&host, &name) {
            Ok(pulled) => pulled.view,
            Err(error) => {
                env.warn(format_args!("the samples were not fetched yet: {error}"));
                view
            }
        }
    };
    known.update(&view)?;
    if env.json {
        env.print_json(&view)?;
    } else {
        env.print(render(
            &view,
            args.no_cleanup,
            known.target.name().as_str(),
            &env.shown(known.directory.path()),
        ))?;
    }
    Ok(if view.job.cleanup.manual_cleanup_required {
        Outcome::Partial
    } else {
        Outcome::Done
    })
}

fn render(view: &JobView, no_cleanup: bool, host: &str, directory: &str) -> String {
    let job = &view.job;
    let cleanup = &job.cleanup;
    let stopping = if cleanup.manual_cleanup_required {
        let command = cleanup.manual_cleanup_command.as_deref().unwrap_or("vscsiStats -x");
        format!(
            "Stopping vscsiStats on {host}... failed.\n\n⚠️  WARNING: vscsiStats may still be running on {host}\n\n\
             Manual cleanup required:\n  1. SSH to {host}\n  2. Run: {command}\n\n\
             Or retry cleanup:\n  vscsi-helper cleanup {}",
            job.job_id
        )
    } else if no_cleanup && !cleanup.vscsi_stats_stopped {
        format!("vscsiStats was left collecting on {host}, as asked.")
    } else {
        format!("Stopping vscsiStats on {host}... done.")
    };
    let (collected, expected) = (job.collection.samples_collected, job.collection.samples_expected);
    let end = if collected == expected { "Data" } else { "Partial data" };
    format!(
        "Collected {collected}/{expected} samples.\n{stopping}\n\nJob {} successfully.\n{end} saved to: {directory}",
        job.status
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view() -> JobView {
        let mut job = crate::store::tests::job("sql-peak", "esx1");
        job.status = vscsi_shared::job::Status::Stopped;
        job.cleanup.vscsi_stats_stopped = true;
        JobView {
            job,
            next_due_at: None,
            expected_completion_at: None,
            now: "2025-11-06T08:48:40Z".parse().unwrap(),
            last_sequence: Some(18),
            acknowledged_sequence: None,
        }
    }

    #[test]
    fn a_stopped_job_says_what_it_collected_and_where_it_is() {
        assert_eq!(
            render(&view(), false, "esx1", "~/data/sql-peak"),
            "Collected 18/30 samples.\nStopping vscsiStats on esx1... done.\n\n\
             Job stopped successfully.\nPartial data saved to: ~/data/sql-peak"
        );
    }

    #[test]
    fn a_collection_that_was_not_ended_is_not_called_done() {
        let mut view = view();
        view.job.cleanup.vscsi_stats_stopped = false;
        view.job.cleanup.manual_cleanup_required = true;
        let text = render(&view, false, "esx1", "d");
        assert!(text.contains("failed") && !text.contains("done."), "{text}");
    }
}
