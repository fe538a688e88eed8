//! `stop`: ends a job.

use clap::Args;
use vscsi_shared::identifier::{HandleId, Name};
use vscsi_shared::job::Job;
use vscsi_shared::wire::v1::JobView;

use super::pull::{Voice, puller};
use crate::cli::connect::ConnectArgs;
use crate::cli::job::{JobArg, known};
use crate::cli::phrase::manual_cleanup;
use crate::cli::{CliError, Env, Outcome};
use crate::host::Host as _;
use crate::store::Store;

/// Stop a running job and fetch what it collected
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  vscsi-helper stop sql-peak")]
pub struct StopArgs {
    #[command(flatten)]
    job: JobArg,
    /// Stop vscsiStats on the host (the default)
    #[arg(long, overrides_with = "no_cleanup")]
    cleanup: bool,
    /// Leave vscsiStats collecting on the host; it stops by itself within 30 minutes
    #[arg(long)]
    no_cleanup: bool,
    #[command(flatten)]
    connect: ConnectArgs,
}

pub(super) fn run(args: &StopArgs, env: &Env) -> Result<Outcome, CliError> {
    let store = Store::open(&env.data_dir)?;
    let known = known(args.job.find(&store)?, &args.connect, &store, env)?;
    let target = &known.target;
    let name = known.document.job.job_id.clone();
    env.note(format_args!("Stopping job '{name}'..."));
    let (view, vscsi_stats) = {
        let host = target.host();
        let before = known.answer(host.job(&name))?;
        // Nothing is stopped before it is known to be this job.
        let before = known.update(before)?;
        let stopped = host.stop_job(&name, !args.no_cleanup)?;
        let vscsi_stats = VscsiStats::after(&before.job, &stopped.job, args.no_cleanup, &host.jobs()?);
        let voice = Voice::new(env, target.name());
        // What was collected is fetched at once; if that fails now, a later pull does it.
        let from = target.identity();
        match puller(&store, &from, env, &voice).pull(&host, &name) {
            Ok(pulled) => (pulled.view, vscsi_stats),
            Err(error) => {
                env.warn(format_args!(
                    "the samples were not fetched yet: {}",
                    CliError::describe(&error)
                ));
                (stopped, vscsi_stats)
            }
        }
    };
    let view = known.update(view)?;
    if env.json {
        env.print_json(&view)?;
    } else {
        env.print(render(
            &view.job,
            &vscsi_stats,
            target.name().as_str(),
            &env.shown(known.directory.path()),
        ))?;
    }
    Ok(if vscsi_stats == VscsiStats::Failed {
        Outcome::Partial
    } else {
        Outcome::Done
    })
}

/// What became of the collection on the host.
#[derive(Debug, PartialEq, Eq)]
enum VscsiStats {
    /// It may still be running, against our will.
    Failed,
    /// It was left running, as asked.
    Left,
    /// The job had ended before, and its collection with it.
    EndedBefore,
    /// It goes on for these jobs, which collect from the same disks.
    Shared(Vec<Name>),
    /// Its disks are gone from the host's list, and the agent looks again before it believes that.
    Confirming,
    /// It was stopped.
    Stopped,
}

impl VscsiStats {
    fn after(before: &Job, stopped: &Job, no_cleanup: bool, jobs: &[JobView]) -> Self {
        let cleanup = &stopped.cleanup;
        let left = !cleanup.vscsi_stats_stopped && cleanup.cleanup_error.is_none();
        let others: Vec<Name> = jobs
            .iter()
            .map(|view| &view.job)
            .filter(|other| other.job_id != stopped.job_id && !other.status.is_final() && shares_a_disk(other, stopped))
            .map(|other| other.job_id.clone())
            .collect();
        if no_cleanup && left {
            Self::Left
        } else if cleanup.manual_cleanup_required {
            Self::Failed
        } else if before.status.is_final() && before.cleanup.vscsi_stats_stopped {
            Self::EndedBefore
        } else if !others.is_empty() {
            Self::Shared(others)
        } else if left {
            Self::Confirming
        } else {
            Self::Stopped
        }
    }
}

fn shares_a_disk(one: &Job, other: &Job) -> bool {
    let handles = |job: &Job| -> Vec<HandleId> { job.target.disks.iter().map(|disk| disk.handle_id).collect() };
    let handles_of_other = handles(other);
    one.target.world_group_id == other.target.world_group_id
        && handles(one).iter().any(|handle| handles_of_other.contains(handle))
}

fn render(job: &Job, vscsi_stats: &VscsiStats, host: &str, directory: &str) -> String {
    let name = &job.job_id;
    let collection = match vscsi_stats {
        VscsiStats::Failed => {
            let command = job.cleanup.manual_cleanup_command.as_deref();
            format!(
                "Stopping vscsiStats on {host}... failed.\n\n\
                 ⚠️  WARNING: vscsiStats may still be running on {host}\n\n\
                 {}\n\nOr retry cleanup:\n  vscsi-helper cleanup {name}",
                manual_cleanup(host, command.unwrap_or("vscsiStats -x"))
            )
        }
        VscsiStats::Left => format!(
            "vscsiStats was left collecting on {host}, as asked. It ends by itself within 30 minutes, or now with:\n  \
             vscsi-helper cleanup {name}"
        ),
        VscsiStats::EndedBefore => format!("The job had already ended, and vscsiStats on {host} with it."),
        VscsiStats::Shared(others) => format!(
            "vscsiStats keeps collecting on {host} for {}, because the disk is the same.",
            others
                .iter()
                .map(|other| format!("job '{other}'"))
                .collect::<Vec<_>>()
                .join(", ")
        ),
        VscsiStats::Confirming => format!(
            "{host} does not list the job's disks any more. The agent is making sure that nothing collects; see:\n  \
             vscsi-helper status {name}"
        ),
        VscsiStats::Stopped => format!("Stopping vscsiStats on {host}... done."),
    };
    let (collected, expected) = (job.collection.samples_collected, job.collection.samples_expected);
    let end = if collected == expected { "Data" } else { "Partial data" };
    let status = match vscsi_stats {
        VscsiStats::EndedBefore => format!("Job status: {}.", job.status),
        VscsiStats::Failed => format!("Job status: {}; its collection may go on.", job.status),
        _ => format!("Job {} successfully.", job.status),
    };
    format!("Collected {collected}/{expected} samples.\n{collection}\n\n{status}\n{end} saved to: {directory}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use vscsi_shared::job::Status;

    fn job(name: &str, status: Status) -> Job {
        let mut job = crate::store::tests::job(name, "esx1");
        job.status = status;
        job.cleanup.vscsi_stats_stopped = status.is_final();
        job
    }

    fn view(job: Job) -> JobView {
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
        let (before, stopped) = (job("sql-peak", Status::Running), job("sql-peak", Status::Stopped));
        let vscsi_stats = VscsiStats::after(&before, &stopped, false, &[view(stopped.clone())]);
        assert_eq!(
            render(&stopped, &vscsi_stats, "esx1", "~/data/sql-peak"),
            "Collected 18/30 samples.\nStopping vscsiStats on esx1... done.\n\n\
             Job stopped successfully.\nPartial data saved to: ~/data/sql-peak"
        );
    }

    #[test]
    fn a_collection_that_was_not_ended_is_not_called_done() {
        let mut stopped = job("sql-peak", Status::Stopped);
        stopped.cleanup.vscsi_stats_stopped = false;
        stopped.cleanup.manual_cleanup_required = true;
        stopped.cleanup.cleanup_error = Some("vscsiStats ended with 255".to_owned());
        for no_cleanup in [false, true] {
            let vscsi_stats = VscsiStats::after(&job("sql-peak", Status::Running), &stopped, no_cleanup, &[]);
            assert_eq!(vscsi_stats, VscsiStats::Failed);
        }
        let text = render(&stopped, &VscsiStats::Failed, "esx1", "d");
        assert!(text.contains("failed") && !text.contains("done."), "{text}");
        assert!(
            text.contains("Job status: stopped; its collection may go on.") && !text.contains("success"),
            "{text}"
        );
    }

    #[test]
    fn a_collection_whose_end_the_agent_is_still_confirming_is_not_called_done() {
        let mut stopped = job("sql-peak", Status::Stopped);
        stopped.cleanup.vscsi_stats_stopped = false;
        let vscsi_stats = VscsiStats::after(&job("sql-peak", Status::Running), &stopped, false, &[]);
        let text = render(&stopped, &vscsi_stats, "esx1", "d");
        assert!(text.contains("making sure that nothing collects"), "{text}");
        assert!(!text.contains("done."), "{text}");
    }

    #[test]
    fn a_collection_that_was_to_be_left_is_no_failure() {
        // The agent asks for a clean-up by hand of whatever it leaves.
        let mut stopped = job("sql-peak", Status::Stopped);
        stopped.cleanup.vscsi_stats_stopped = false;
        stopped.cleanup.manual_cleanup_required = true;
        let vscsi_stats = VscsiStats::after(&job("sql-peak", Status::Running), &stopped, true, &[]);
        assert_eq!(vscsi_stats, VscsiStats::Left);
        let text = render(&stopped, &vscsi_stats, "esx1", "d");
        assert!(text.contains("as asked. It ends by itself within 30 minutes"), "{text}");
    }

    #[test]
    fn a_collection_that_another_job_needs_is_not_said_to_be_stopped() {
        let (before, stopped) = (job("sql-peak", Status::Running), job("sql-peak", Status::Stopped));
        let others = [
            view(job("second", Status::Running)),
            view(job("third", Status::Completed)),
        ];
        let vscsi_stats = VscsiStats::after(&before, &stopped, false, &others);
        let text = render(&stopped, &vscsi_stats, "esx1", "d");
        assert!(
            text.contains("keeps collecting on esx1 for job 'second', because"),
            "{text}"
        );
    }

    #[test]
    fn a_job_that_had_ended_before_is_not_said_to_be_stopped_now() {
        let ended = job("sql-peak", Status::Completed);
        let vscsi_stats = VscsiStats::after(&ended, &ended, false, &[]);
        let text = render(&ended, &vscsi_stats, "esx1", "d");
        assert!(
            text.contains("had already ended") && text.contains("Job status: completed."),
            "{text}"
        );
    }
}
