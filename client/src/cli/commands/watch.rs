//! `watch`: running jobs, live.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::Duration;

use clap::Args;
use jiff::Timestamp;
use vscsi_shared::identifier::Name;
use vscsi_shared::job::JobDocument;
use vscsi_shared::wire::v1::ErrorCode;

use super::pull::{Voice, puller};
use super::status::outcome;
use crate::analysis::{AnalysisError, Options};
use crate::cli::connect::{ConnectArgs, Reach};
use crate::cli::job::{by_host, host_of};
use crate::cli::selection::SelectionArgs;
use crate::cli::{CliError, Env, Outcome};
use crate::failure::{Failure, UsageError};
use crate::host::{Host, HostError};
use crate::interrupt::Deferred;
use crate::pull::{PullError, Pulled, Puller};
use crate::samples;
use crate::store::Store;
use crate::transport::HostName;
use crate::watch::{Line, Screen, View, Watched};

/// How soon a snapshot is fetched after its moment: the host has printed and kept it by then.
const AFTER_DUE: Duration = Duration::from_millis(500);
/// How long a host is left alone at least, and at most. A job that somebody stops is seen within the latter.
const REST: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(10));
/// How long a host that could not be followed is left alone.
const REST_AFTER_TROUBLE: Duration = Duration::from_secs(5);
/// How long a key is waited for before news and signals are looked for.
const LISTEN: Duration = Duration::from_millis(250);

/// Show running jobs live, on the terminal
///
/// Pulls samples as they fall due, over one connection for each host, and shows IOPS, throughput and latency over time,
/// a heat map, and the latest numbers with their ranges. Nothing is started or stopped, and leaving it leaves the jobs
/// running. Off a terminal, with `--plain` or `-v`, or where TERM is `dumb`, each sample is one line; with `--json`, one object.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  vscsi-helper watch
  vscsi-helper watch sql-peak web-peak
  vscsi-helper watch --host esxi-host01
  vscsi-helper watch --plain sql-peak >> samples.log

Keys: arrows or h j k l step through jobs and disks, m through metrics, o through reads and writes, t through what is
drawn over time; q leaves.")]
pub struct WatchArgs {
    /// The jobs; without any, those that were started from here and have not ended
    #[arg(value_name = "JOB", conflicts_with = "host")]
    jobs: Vec<String>,
    /// Watch every job that runs on this host; may be repeated
    #[arg(long)]
    host: Vec<String>,
    /// One line for each sample, on a terminal too
    #[arg(long)]
    plain: bool,
    #[command(flatten)]
    selection: SelectionArgs,
    #[command(flatten)]
    connect: ConnectArgs,
}

/// Which jobs of one host; no names means those that run.
struct Order {
    reach: Reach,
    names: Option<BTreeSet<Name>>,
}

/// What came of asking a host.
struct News {
    host: HostName,
    /// Its jobs as they are now.
    jobs: Vec<Watched>,
    /// Why it, or one of its jobs, could not be followed.
    trouble: Option<CliError>,
}

pub(super) fn run(args: &WatchArgs, env: &Env) -> Result<Outcome, CliError> {
    let store = Store::open(&env.data_dir)?;
    let options = args.selection.options(env)?;
    let orders = orders(args, &store, env)?;
    let hosts: Vec<String> = orders.iter().map(|order| order.reach.name().to_string()).collect();
    let (sender, news) = mpsc::channel();
    for order in orders {
        let (env, options, sender) = (env.silent(), options.clone(), sender.clone());
        let store = store.clone();
        beside(order.reach.name().clone(), sender, move |sender| {
            follow(&order, &options, &store, &env, sender);
        })?;
    }
    drop(sender);
    let mut view = View::new(hosts, env.clock.now());
    let is_dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    // Details of the work are lines on the terminal, too.
    if env.terminal && !args.plain && !env.json && !env.verbose && !is_dumb {
        on_screen(&mut view, &news, env)
    } else {
        in_lines(&mut view, &news, env)
    }
}

fn orders(args: &WatchArgs, store: &Store, env: &Env) -> Result<Vec<Order>, CliError> {
    if !args.host.is_empty() {
        let order = |host: &String| {
            let reach = args.connect.target(host, store, env)?.reach();
            Ok(Order { reach, names: None })
        };
        return args.host.iter().map(order).collect();
    }
    let jobs = if args.jobs.is_empty() {
        let mut known = store.jobs()?;
        for error in &known.unreadable {
            env.warn(CliError::describe(error));
        }
        known.jobs.retain(|(_, document)| !document.job.status.is_final());
        known.jobs
    } else {
        let named = args.jobs.iter().map(|text| {
            let (directory, document) = store.find(text)?;
            // One that has no host is a mistake where it was named.
            host_of(directory.reference(), &document)?;
            Ok((directory, document))
        });
        named.collect::<Result<_, CliError>>()?
    };
    let (hosts, _) = by_host(jobs, env);
    if hosts.is_empty() {
        let hint = "`vscsi-helper start` begins one, and `--host HOST` watches what others have started there";
        return Err(UsageError::new("no job that was started from here is running", hint).into());
    }
    let name = |(_, document): (_, JobDocument)| document.job.job_id;
    let order = |(host, jobs): (HostName, Vec<_>)| {
        let reach = args.connect.recorded(host, store, env)?.reach();
        let names = Some(jobs.into_iter().map(name).collect());
        Ok(Order { reach, names })
    };
    hosts.into_iter().map(order).collect()
}

/// Does `work`, which is about `host`, in a thread of its own. It is left behind where the user leaves while the host does
/// not answer. A panic, which would be a mistake of ours, is news like others: nobody waits for more of that host.
fn beside(
    host: HostName,
    told: Sender<News>,
    work: impl FnOnce(&Sender<News>) + Send + 'static,
) -> Result<(), CannotWatch> {
    let spawned = thread::Builder::new().spawn(move || {
        if catch_unwind(AssertUnwindSafe(|| work(&told))).is_err() {
            let trouble = Some(CannotWatch::Panicked(host.clone()).into());
            let jobs = Vec::new();
            // Nobody listens where the user has left.
            let _ = told.send(News { host, jobs, trouble });
        }
    });
    spawned.map(drop).map_err(CannotWatch::Host)
}

/// Asks a host whenever a snapshot has fallen due, until nobody listens.
fn follow(order: &Order, options: &Options, store: &Store, env: &Env, told: &Sender<News>) {
    let target = order.reach.target(env);
    let (host, from, voice) = (target.host(), target.identity(), Voice::new(env, target.name()));
    let puller = puller(store, &from, env, &voice);
    // Those that were found running are followed to their end.
    let mut names = order.names.clone().unwrap_or_default();
    loop {
        let found = if order.names.is_none() {
            running(&host)
        } else {
            Ok(Vec::new())
        };
        let (jobs, trouble) = match found {
            Ok(found) => {
                names.extend(found);
                look(&names, &host, &puller, options)
            }
            Err(error) => (Vec::new(), Some(error.into())),
        };
        let rest = if trouble.is_none() {
            rest(&jobs, env.clock.now())
        } else {
            REST_AFTER_TROUBLE
        };
        let host = target.name().clone();
        if told.send(News { host, jobs, trouble }).is_err() {
            return;
        }
        env.clock.sleep(rest);
    }
}

fn running(host: &dyn Host) -> Result<Vec<Name>, HostError> {
    let running = host.jobs()?.into_iter().filter(|view| !view.job.status.is_final());
    Ok(running.map(|view| view.job.job_id).collect())
}

/// Pulls what is new of these jobs, and reads what is here; the second value is what kept one of them from it.
fn look(
    names: &BTreeSet<Name>,
    host: &dyn Host,
    puller: &Puller<'_>,
    options: &Options,
) -> (Vec<Watched>, Option<CliError>) {
    let mut jobs = Vec::new();
    let mut trouble = None;
    for name in names {
        match watched(name, host, puller, options) {
            Ok(job) => jobs.push(job),
            Err(error) => {
                let is_gone = |error: &PullError| matches!(error, PullError::Host(error) if error.code() == Some(ErrorCode::NotFound));
                let others_are_there = error.downcast_ref().is_some_and(is_gone);
                trouble = Some(error);
                if !others_are_there {
                    break;
                }
            }
        }
    }
    (jobs, trouble)
}

fn watched(name: &Name, host: &dyn Host, puller: &Puller<'_>, options: &Options) -> Result<Watched, CliError> {
    let Pulled { directory, view, .. } = puller.pull(host, name)?;
    let loaded = samples::load(&directory)?.loaded;
    // By our own clock: a host's may be wrong by hours.
    let until_due = view.next_due_at.map(|due| due.duration_since(view.now));
    let due_at = until_due.and_then(|until| puller.clock.now().checked_add(until).ok());
    Ok(Watched::new(
        directory.reference().to_string(),
        view.job,
        due_at,
        loaded,
        options,
    )?)
}

/// Until the first snapshot of these jobs is due.
fn rest(jobs: &[Watched], now: Timestamp) -> Duration {
    let due = jobs.iter().filter_map(|job| job.due_at).min();
    let until = due.and_then(|due| Duration::try_from(due.duration_since(now)).ok());
    let (shortest, longest) = REST;
    until.map_or(longest, |until| (until + AFTER_DUE).clamp(shortest, longest))
}

/// What no next look makes good, such as a disk that the job does not have, or that nobody looks any more.
fn is_lasting(error: &CliError) -> bool {
    error.downcast_ref::<AnalysisError>().is_some() || error.downcast_ref::<CannotWatch>().is_some()
}

/// Draws on the terminal until the user leaves.
fn on_screen(view: &mut View, news: &Receiver<News>, env: &Env) -> Result<Outcome, CliError> {
    let deferred = Deferred::begin_on_terminal().map_err(CannotWatch::Terminal)?;
    let mut screen = Screen::begin(env.color).map_err(CannotWatch::Terminal)?;
    let mut shown_at = None;
    loop {
        deferred.check()?;
        view.tick(env.clock.now());
        while let Ok(News { host, jobs, trouble }) = news.try_recv() {
            let told = match trouble {
                Some(error) if is_lasting(&error) => return Err(error),
                trouble => trouble.map(|error| error.to_string()),
            };
            view.hear(host.as_str(), jobs, told);
            shown_at = None;
        }
        // Without news or keys only ages change, by the second.
        let second = Some(env.clock.now().as_second());
        if shown_at != second {
            screen.show(view).map_err(CannotWatch::Terminal)?;
            shown_at = second;
        }
        if let Some(key) = screen.key(LISTEN).map_err(CannotWatch::Terminal)? {
            shown_at = None;
            if !view.press(key) {
                return Ok(Outcome::Done);
            }
        }
    }
}

/// Prints each sample that was not printed yet, until every job has ended.
fn in_lines(view: &mut View, news: &Receiver<News>, env: &Env) -> Result<Outcome, CliError> {
    let mut printed: BTreeMap<String, u32> = BTreeMap::new();
    let mut troubles: BTreeMap<HostName, String> = BTreeMap::new();
    let mut heard: BTreeSet<HostName> = BTreeSet::new();
    while let Ok(News { host, jobs, trouble }) = news.recv() {
        let is_first = !heard.contains(&host);
        if let Some(error) = trouble {
            // Nobody waits for the only host when nothing is known of it.
            if is_lasting(&error) || (is_first && jobs.is_empty() && view.hosts().count() == 1) {
                return Err(error);
            }
            let told = error.to_string();
            if troubles.get(&host) != Some(&told) {
                env.warn(format_args!("{host}: {told}; it is asked again and again"));
                troubles.insert(host.clone(), told);
            }
        } else {
            if troubles.remove(&host).is_some() {
                env.note(format_args!("{host}: answers again"));
            }
            if is_first && jobs.is_empty() {
                env.warn(format_args!("{host}: no job runs there; it is watched for one"));
            }
            heard.insert(host.clone());
        }
        view.hear(host.as_str(), jobs, None);
        for job in view.jobs() {
            let last = printed.entry(job.name.clone()).or_insert(0);
            for sample in job.samples().iter().filter(|sample| sample.sequence > *last) {
                let line = Line::of(job, sample);
                if env.json {
                    env.print_json_line(&line)?;
                } else {
                    env.print(line)?;
                }
            }
            *last = job.samples().last().map_or(*last, |sample| sample.sequence);
        }
        if view.is_over() {
            let outcomes = view.jobs().map(|job| outcome(&job.job));
            return Ok(outcomes
                .max_by_key(|outcome| outcome.exit_code())
                .unwrap_or(Outcome::Done));
        }
    }
    Ok(Outcome::Done)
}

/// Why nothing can be watched here.
#[derive(Debug, thiserror::Error)]
enum CannotWatch {
    #[error("the terminal cannot be drawn on")]
    Terminal(#[source] io::Error),
    #[error("no thread can be started for a host")]
    Host(#[source] io::Error),
    #[error("`{0}` is not followed any more: the thread that did so has panicked")]
    Panicked(HostName),
}

impl Failure for CannotWatch {
    fn exit_code(&self) -> u8 {
        vscsi_shared::exit_code::FAILED
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Terminal(_) => "`vscsi-helper watch --plain` prints a line for each sample".to_owned(),
            Self::Host(_) => "watch fewer hosts at once".to_owned(),
            Self::Panicked(_) => "this is a mistake in vscsi-helper, which has told where; the jobs run on, and \
                                  `vscsi-helper watch` begins anew"
                .to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::config::Config;
    use crate::watch::tests::view_of_a_job;
    use crate::watch::tty::on_a_terminal;

    /// News of a host whose thread has panicked.
    fn news_of_a_panic() -> Receiver<News> {
        let (sender, news) = mpsc::channel();
        // As of a host that goes on.
        std::mem::forget(sender.clone());
        beside("esx1".parse().unwrap(), sender, |_| panic!("by the thread of a host")).unwrap();
        news
    }

    #[test]
    fn a_panic_of_a_thread_that_follows_a_host_ends_the_picture_and_is_read_below() {
        let told = on_a_terminal(
            "cli::commands::watch::tests::a_panic_of_a_thread_that_follows_a_host_ends_the_picture_and_is_read_below",
            || {
                let env = Env::of_process(Config::default(), PathBuf::new(), PathBuf::new());
                let error = on_screen(&mut view_of_a_job(), &news_of_a_panic(), &env).unwrap_err();
                env.show_error(&error);
            },
        );
        if let Some(told) = told {
            told.assert_whole("by the thread of a host");
            told.assert_whole("`esx1` is not followed any more");
        }
    }

    #[test]
    fn a_panic_of_a_thread_that_follows_a_host_ends_the_lines() {
        let env = Env::with_writers(
            Config::default(),
            PathBuf::new(),
            PathBuf::new(),
            Box::new(io::sink()),
            Box::new(io::sink()),
        );
        let error = in_lines(&mut view_of_a_job(), &news_of_a_panic(), &env).unwrap_err();
        assert_eq!(error.exit_code(), 1);
    }
}
