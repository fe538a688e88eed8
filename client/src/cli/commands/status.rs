//! `status`: the state of a job.

use std::fmt::Write as _;
use std::time::Duration;

use clap::Args;
use vscsi_shared::identifier::Name;
use vscsi_shared::job::{Job, JobDocument, Status};
use vscsi_shared::wire::v1::{ErrorCode, JobView};

use crate::cli::connect::ConnectArgs;
use crate::cli::job::{JobArg, known};
use crate::cli::phrase::{duration, in_order, manual_cleanup, time};
use crate::cli::{CliError, Env, Outcome};
use crate::failure::Failure;
use crate::host::Host;
use crate::interrupt::{Deferred, Interruption};
use crate::store::{JobDirectory, Origin, Store};

/// Errors of a collection that are shown; the others are in job.json.
const ERRORS_SHOWN: usize = 5;
/// How often `--watch` asks the host.
const WATCH_INTERVAL: Duration = Duration::from_secs(2);
/// How often it looks for a signal in between.
const SIGNAL_INTERVAL: Duration = Duration::from_millis(100);
/// How long after its last sample is due a job is waited for. When that is was decided when the job began: neither a
/// busy host nor a VM that is away moves it.
const OVERDUE: Duration = Duration::from_hours(1);

/// Show the state of a job
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  vscsi-helper status sql-peak\n  vscsi-helper status sql-peak --watch")]
pub struct StatusArgs {
    #[command(flatten)]
    job: JobArg,
    /// Keep watching until the job has ended, with a progress bar on a terminal; at most until an hour after its last
    /// sample is due
    #[arg(short, long)]
    watch: bool,
    #[command(flatten)]
    connect: ConnectArgs,
}

pub(super) fn run(args: &StatusArgs, env: &Env) -> Result<Outcome, CliError> {
    let store = Store::open(&env.data_dir)?;
    let found = args.job.find(&store)?;
    let (directory, document) = &found;
    if document.job.status.is_final() && document.job.cleanup.vscsi_stats_stopped {
        return show_last_known(directory, document, env);
    }
    let known = known(found, &args.connect, &store, env)?;
    let host = known.target.host();
    let document = &known.document;
    let view = match host.job(&document.job.job_id) {
        Err(error) if error.code() == Some(ErrorCode::NotFound) && document.job.status.is_final() => {
            return show_last_known(&known.directory, document, env);
        }
        answer => known.answer(answer)?,
    };
    let mut view = known.update(view)?;
    if args.watch {
        view = known.update(watch(&host, view, env)?)?;
    }
    if env.json {
        env.print_json(&view)?;
    } else {
        env.print(render(&view, known.target.name().as_str()).trim_end())?;
    }
    Ok(outcome(&view.job))
}

/// A job that has ended and was cleaned up does not change any more, so its host need not be asked.
fn show_last_known(directory: &JobDirectory, document: &JobDocument, env: &Env) -> Result<Outcome, CliError> {
    let view = JobView {
        job: document.job.clone(),
        next_due_at: None,
        expected_completion_at: None,
        now: env.clock.now(),
        last_sequence: directory.sequences()?.last().copied(),
        acknowledged_sequence: None,
    };
    if env.json {
        env.print_json(&view)?;
    } else {
        env.print(render(&view, &Origin::of(document).to_string()).trim_end())?;
    }
    Ok(outcome(&view.job))
}

/// A job that ended without all its samples is partial data; one that runs is not.
pub(super) fn outcome(job: &Job) -> Outcome {
    match job.status {
        Status::Failed | Status::Stopped => Outcome::Partial,
        Status::Pending | Status::Running | Status::Completed => Outcome::Done,
    }
}

/// Asks again and again until the job has ended.
///
/// # Errors
/// When the host cannot be asked, says for too long that the job has not ended, or the user ends it.
pub(super) fn watch(host: &dyn Host, mut view: JobView, env: &Env) -> Result<JobView, CliError> {
    let bar = env.bar(
        u64::from(view.job.collection.samples_expected),
        "{bar:30} {pos}/{len} samples  {msg}",
    );
    let profile = &view.job.profile;
    let planned = Duration::from_secs(u64::from(profile.samples) * u64::from(profile.interval_seconds));
    let until = env.clock.now().checked_add(planned + OVERDUE);
    let until = until.unwrap_or(jiff::Timestamp::MAX);
    while !view.job.status.is_final() {
        bar.set_position(u64::from(view.job.collection.samples_collected));
        bar.set_message(view.next_due_at.map_or_else(String::new, |due| {
            format!("next in {}", duration(seconds_between(view.now, due)))
        }));
        if let Err(interruption) = wait(env) {
            // The line of the bar is finished before anything else is written.
            bar.finish_and_clear();
            return Err(NoLongerWatched {
                job: view.job.job_id,
                interruption,
            }
            .into());
        }
        if env.clock.now() > until {
            bar.finish_and_clear();
            return Err(Overdue(view.job.job_id).into());
        }
        view = host.job(&view.job.job_id)?;
    }
    bar.finish_and_clear();
    Ok(view)
}

/// Waits until the host is to be asked again. Signals are noted for as long only: one that comes while the host is
/// asked ends the program at once.
fn wait(env: &Env) -> Result<(), Interruption> {
    // Without handlers a signal ends the program, which costs no more than the words.
    let Ok(deferred) = Deferred::begin() else {
        env.clock.sleep(WATCH_INTERVAL);
        return Ok(());
    };
    for _ in 0..WATCH_INTERVAL.as_millis() / SIGNAL_INTERVAL.as_millis() {
        env.clock.sleep(SIGNAL_INTERVAL);
        deferred.check()?;
    }
    Ok(())
}

/// The user stopped watching, which the job does not notice.
#[derive(Debug, thiserror::Error)]
#[error("{interruption}")]
struct NoLongerWatched {
    job: Name,
    interruption: Interruption,
}

impl Failure for NoLongerWatched {
    fn exit_code(&self) -> u8 {
        self.interruption.exit_code()
    }

    fn hint(&self) -> Option<String> {
        let job = &self.job;
        Some(format!(
            "job '{job}' keeps running: `vscsi-helper status {job} --watch` watches it again, `vscsi-helper stop \
             {job}` ends it"
        ))
    }
}

/// A host says of a job that it goes on, long after it should have ended.
#[derive(Debug, thiserror::Error)]
#[error("job `{0}` has not ended an hour after its last sample was due")]
struct Overdue(Name);

impl Failure for Overdue {
    fn exit_code(&self) -> u8 {
        vscsi_shared::exit_code::FAILED
    }

    fn hint(&self) -> Option<String> {
        let job = &self.0;
        Some(format!(
            "`vscsi-helper pull {job}` fetches what there is, and `vscsi-helper stop {job}` ends it"
        ))
    }
}

/// Whole seconds from one time to another, rounded up; 0 when it has passed.
fn seconds_between(from: jiff::Timestamp, to: jiff::Timestamp) -> u64 {
    let milliseconds = to.duration_since(from).as_millis();
    u64::try_from(milliseconds).unwrap_or(0).div_ceil(1000)
}

pub(super) fn render(view: &JobView, host: &str) -> String {
    let job = &view.job;
    let collection = &job.collection;
    let mut text = String::new();
    // Writing to a string cannot fail, so the results are dropped.
    let _ = writeln!(text, "Job: {}", job.job_id);
    let _ = writeln!(text, "Status: {}", job.status);
    let (collected, expected) = (collection.samples_collected, collection.samples_expected);
    let percent = u64::from(collected) * 100 / u64::from(expected.max(1));
    let _ = writeln!(text, "Progress: {collected}/{expected} samples ({percent}%)");
    if let Some(started) = collection.started_at {
        let until = collection.completed_at.unwrap_or(view.now);
        let ran = until.duration_since(started).as_secs().max(0).unsigned_abs();
        let planned = u64::from(job.profile.samples) * u64::from(job.profile.interval_seconds);
        let _ = writeln!(text, "Runtime: {} / {}", duration(ran), duration(planned));
    }
    if let Some(due) = view.next_due_at {
        let _ = writeln!(text, "Next sample in: {}", duration(seconds_between(view.now, due)));
    }
    let _ = writeln!(text, "\nTarget:\n  Host: {host}");
    let target = &job.target;
    let _ = writeln!(
        text,
        "  VM: {} (World Group: {})",
        target.vm_name, target.world_group_id
    );
    for disk in in_order(&target.disks) {
        let node = if disk.node.is_empty() || disk.node == disk.lun {
            String::new()
        } else {
            format!(", {}", disk.node)
        };
        let _ = writeln!(text, "  LUN: {}{} (Handle: {})", disk.lun, node, disk.handle_id);
    }
    text.push('\n');
    let mut at = |label: &str, when: Option<jiff::Timestamp>| {
        if let Some(when) = when {
            let _ = writeln!(text, "{label}: {}", time(when));
        }
    };
    at("Collection started", collection.started_at);
    at("Collection ended", collection.completed_at);
    at("Expected completion", view.expected_completion_at);
    if collection.foreign {
        text.push_str("\nA collection started by someone else was already running; it is used and left running.\n");
    }
    render_errors(&mut text, job);
    render_cleanup(&mut text, job, host);
    text
}

fn render_errors(text: &mut String, job: &Job) {
    let errors = &job.collection.errors;
    if errors.is_empty() {
        return;
    }
    text.push_str("\nErrors:\n");
    let hidden = errors.len().saturating_sub(ERRORS_SHOWN);
    if hidden > 0 {
        let _ = writeln!(text, "  ({hidden} earlier ones are in job.json)");
    }
    for error in errors.iter().skip(hidden) {
        let _ = writeln!(text, "  {}  {}", time(error.at), error.message);
    }
}

fn render_cleanup(text: &mut String, job: &Job, host: &str) {
    if !job.cleanup.manual_cleanup_required {
        return;
    }
    let _ = writeln!(text, "\n⚠️  WARNING: vscsiStats may still be running on {host}");
    if let Some(error) = &job.cleanup.cleanup_error {
        let _ = writeln!(text, "  {error}");
    }
    if let Some(command) = &job.cleanup.manual_cleanup_command {
        let _ = writeln!(text, "\n{}", manual_cleanup(host, command));
    }
    let _ = writeln!(text, "\nOr retry cleanup:\n  vscsi-helper cleanup {}", job.job_id);
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use jiff::Timestamp;

    use super::*;
    use crate::clock::Clock;
    use crate::config::Config;
    use crate::host::tests::{answer, host};

    /// A clock on which waiting takes no time.
    #[derive(Debug)]
    struct Skipping(Mutex<Timestamp>);

    impl Clock for Skipping {
        fn now(&self) -> Timestamp {
            *self.0.lock().unwrap()
        }

        fn sleep(&self, duration: Duration) {
            *self.0.lock().unwrap() += duration;
        }
    }

    #[test]
    fn a_job_that_never_ends_is_watched_until_an_hour_after_its_last_sample_is_due() {
        let begin = Timestamp::UNIX_EPOCH;
        let mut env = Env::of_process(Config::default(), "/nowhere".into(), "/nowhere".into());
        env.clock = Box::new(Skipping(Mutex::new(begin)));
        let running = answer("200 OK", &serde_json::to_string(&view()).unwrap());
        let (host, _) = host(&vec![running; 10_000]);
        let error = watch(&host, view(), &env).unwrap_err();
        assert!(error.to_string().contains("has not ended"), "{error}");
        assert!(error.hint().unwrap().contains("vscsi-helper stop sql-peak"), "{error}");
        // 30 samples of a minute, the hour, and not much more than the last look.
        let watched = env.clock.now().duration_since(begin);
        assert!((5_400..5_410).contains(&watched.as_secs()), "{watched}");
    }

    fn view() -> JobView {
        JobView {
            job: crate::store::tests::job("sql-peak", "esx1"),
            next_due_at: Some("2025-11-06T08:49:22Z".parse().unwrap()),
            expected_completion_at: Some("2025-11-06T09:00:22Z".parse().unwrap()),
            now: "2025-11-06T08:48:40Z".parse().unwrap(),
            last_sequence: Some(18),
            acknowledged_sequence: None,
        }
    }

    #[test]
    fn a_running_job_is_shown_with_progress_and_times() {
        assert_eq!(
            render(&view(), "esx1"),
            "Job: sql-peak\n\
             Status: running\n\
             Progress: 18/30 samples (60%)\n\
             Runtime: 18 minutes 18 seconds / 30 minutes\n\
             Next sample in: 42 seconds\n\n\
             Target:\n  Host: esx1\n  VM: SQL-Server-01 (World Group: 12345)\n  LUN: scsi0:0 (Handle: 8194)\n\n\
             Collection started: 2025-11-06 08:30:22 UTC\n\
             Expected completion: 2025-11-06 09:00:22 UTC\n"
        );
    }

    #[test]
    fn a_collection_that_may_still_run_is_shown_with_both_ways_to_end_it() {
        let mut view = view();
        view.job.status = Status::Failed;
        view.job.cleanup.manual_cleanup_required = true;
        view.job.cleanup.manual_cleanup_command = Some("vscsiStats -x -w 12345 -i 8194".into());
        let text = render(&view, "esx1");
        for part in [
            "WARNING: vscsiStats may still be running on esx1",
            "  2. Run: vscsiStats -x -w 12345 -i 8194",
            "  vscsi-helper cleanup sql-peak",
        ] {
            assert!(text.contains(part), "{text}");
        }
    }

    #[test]
    fn whoever_stops_watching_is_told_that_the_job_keeps_running() {
        let ended = NoLongerWatched {
            job: "sql-peak".parse().unwrap(),
            interruption: Interruption::Interrupted,
        };
        assert_eq!(ended.exit_code(), 130);
        assert!(ended.hint().unwrap().starts_with("job 'sql-peak' keeps running:"));
    }

    #[test]
    fn a_job_that_ended_early_is_partial_data() {
        let mut job = view().job;
        let outcomes = Status::ALL.map(|status| {
            job.status = status;
            outcome(&job)
        });
        let (done, partial) = (Outcome::Done, Outcome::Partial);
        assert_eq!(outcomes, [done, done, done, partial, partial]);
    }
}
