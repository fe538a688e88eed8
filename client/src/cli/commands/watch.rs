//! `watch`: running jobs, live.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::Duration;

use clap::Args;
use vscsi_shared::identifier::Name;
use vscsi_shared::job::HostIdentity;
use vscsi_shared::wire::v1::JobView;

use super::pull::{Voice, puller};
use super::status::outcome;
use crate::analysis::Options;
use crate::cli::connect::{ConnectArgs, Reach};
use crate::cli::job::{NoHost, host_of};
use crate::cli::selection::SelectionArgs;
use crate::cli::{CliError, Env, Outcome};
use crate::failure::{Failure, UsageError};
use crate::host::Host;
use crate::interrupt::Deferred;
use crate::samples;
use crate::store::Store;
use crate::transport::HostName;
use crate::watch::{Line, News, Screen, View, Watched};

/// How soon a snapshot is fetched after its moment: the host has printed and kept it by then.
const AFTER_DUE: Duration = Duration::from_millis(500);
/// How long a host is left alone at least, and at most. A job that somebody stops is seen within the latter.
const REST: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(10));
/// How long a host that did not answer is left alone.
const REST_AFTER_FAILURE: Duration = Duration::from_secs(5);
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
    names: Option<Vec<Name>>,
}

/// What came of asking a host, and which host.
struct Told {
    host: HostName,
    news: Result<Vec<Watched>, CliError>,
}

pub(super) fn run(args: &WatchArgs, env: &Env) -> Result<Outcome, CliError> {
    let store = Store::open(&env.data_dir)?;
    let options = args.selection.options(env)?;
    let orders = orders(args, &store, env)?;
    let hosts: Vec<String> = orders.iter().map(|order| order.reach.name().to_string()).collect();
    let (sender, told) = mpsc::channel();
    for order in orders {
        let (env, options, sender) = (env.silent(), options.clone(), sender.clone());
        // It is left behind where the user leaves while a host does not answer.
        thread::Builder::new()
            .name(order.reach.name().to_string())
            .spawn(move || follow(&order, &env, &options, &sender))
            .map_err(NoThread)?;
    }
    drop(sender);
    let mut view = View::new(hosts, env.clock.now());
    let is_dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    // Details of the work are lines on the terminal, too.
    if env.terminal && !args.plain && !env.json && !env.verbose && !is_dumb {
        on_screen(&mut view, &told, env)
    } else {
        in_lines(&mut view, &told, env)
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
    let mut hosts: BTreeMap<HostName, BTreeSet<Name>> = BTreeMap::new();
    for text in &args.jobs {
        let (directory, document) = store.find(text)?;
        let host = host_of(directory.reference(), &document)?;
        hosts.entry(host).or_default().insert(document.job.job_id);
    }
    if args.jobs.is_empty() {
        for (directory, document) in store.jobs()?.jobs {
            if document.job.status.is_final() {
                continue;
            }
            match host_of(directory.reference(), &document) {
                Ok(host) => drop(hosts.entry(host).or_default().insert(document.job.job_id)),
                Err(NoHost::Imported(_)) => {}
                Err(error @ NoHost::Claimed { .. }) => env.warn(CliError::from(error)),
            }
        }
    }
    if hosts.is_empty() {
        let hint = "`vscsi-helper start` begins one, and `--host HOST` watches what others have started there";
        return Err(UsageError::new("no job that was started from here is running", hint).into());
    }
    let order = |(host, names): (HostName, BTreeSet<Name>)| {
        let reach = args.connect.recorded(host, store, env)?.reach();
        let names = Some(names.into_iter().collect());
        Ok(Order { reach, names })
    };
    hosts.into_iter().map(order).collect()
}

/// Asks a host whenever a snapshot has fallen due, until nobody listens.
fn follow(order: &Order, env: &Env, options: &Options, told: &Sender<Told>) {
    let target = order.reach.target(env);
    let host = target.host();
    let from = target.identity();
    let voice = Voice::new(env, target.name());
    let mut seen = BTreeSet::new();
    loop {
        let news = look(order, &host, &from, &voice, env, options, &mut seen);
        let rest = match &news {
            Ok(jobs) => rest(jobs, env),
            Err(_) => REST_AFTER_FAILURE,
        };
        let host = target.name().clone();
        if told.send(Told { host, news }).is_err() {
            return;
        }
        env.clock.sleep(rest);
    }
}

/// Until the first snapshot of these jobs is due.
fn rest(jobs: &[Watched], env: &Env) -> Duration {
    let now = env.clock.now();
    let due = jobs.iter().filter_map(|job| job.due_at).min();
    let until = due.and_then(|due| Duration::try_from(due.duration_since(now)).ok());
    let (shortest, longest) = REST;
    until.map_or(longest, |until| (until + AFTER_DUE).clamp(shortest, longest))
}

/// Pulls what is new, and reads what is here. `seen` are the jobs that were found running and are followed to their end.
fn look(
    order: &Order,
    host: &dyn Host,
    from: &HostIdentity,
    voice: &Voice<'_>,
    env: &Env,
    options: &Options,
    seen: &mut BTreeSet<Name>,
) -> Result<Vec<Watched>, CliError> {
    let store = Store::open(&env.data_dir)?;
    let puller = puller(&store, from, env, voice);
    if let Some(names) = &order.names {
        seen.extend(names.iter().cloned());
    } else {
        let running = host.jobs()?.into_iter().filter(|view| !view.job.status.is_final());
        seen.extend(running.map(|view| view.job.job_id));
    }
    let watched = |name: &Name| -> Result<Watched, CliError> {
        let pulled = puller.pull(host, name)?;
        let loaded = samples::load(&pulled.directory)?.loaded;
        let reference = pulled.directory.reference().to_string();
        let due_at = due_at(&pulled.view, env);
        let mut watched = Watched::new(reference, pulled.view.job, loaded, options)?;
        watched.due_at = due_at;
        Ok(watched)
    };
    seen.iter().map(watched).collect()
}

/// When the next snapshot is due by our own clock: a host's may be wrong by hours.
fn due_at(view: &JobView, env: &Env) -> Option<jiff::Timestamp> {
    let until = view.next_due_at?.duration_since(view.now);
    env.clock.now().checked_add(until).ok()
}

/// Draws on the terminal until the user leaves.
fn on_screen(view: &mut View, told: &Receiver<Told>, env: &Env) -> Result<Outcome, CliError> {
    let deferred = Deferred::begin().map_err(NoTerminal)?;
    let mut screen = Screen::begin().map_err(NoTerminal)?;
    let mut shown_at = None;
    loop {
        deferred.check()?;
        view.tick(env.clock.now());
        while let Ok(told) = told.try_recv() {
            let news = told
                .news
                .map_or_else(|error| News::Lost(error.to_string()), News::Heard);
            view.hear(told.host.as_str(), news);
            shown_at = None;
        }
        // Without news or keys only ages change, by the second.
        let second = Some(env.clock.now().as_second());
        if shown_at != second {
            screen.show(view).map_err(NoTerminal)?;
            shown_at = second;
        }
        if let Some(key) = Screen::key(LISTEN).map_err(NoTerminal)? {
            shown_at = None;
            if !view.press(key) {
                return Ok(Outcome::Done);
            }
        }
    }
}

/// Prints each sample that was not printed yet, until every job has ended.
fn in_lines(view: &mut View, told: &Receiver<Told>, env: &Env) -> Result<Outcome, CliError> {
    let mut printed: BTreeMap<String, u32> = BTreeMap::new();
    let mut troubles: BTreeMap<HostName, String> = BTreeMap::new();
    let mut heard: BTreeSet<HostName> = BTreeSet::new();
    loop {
        let Ok(Told { host, news }) = told.recv() else {
            return Ok(Outcome::Done);
        };
        match news {
            // Nobody waits for a host that nothing is known of.
            Err(error) if view.hosts().eq([host.as_str()]) && !heard.contains(&host) => return Err(error),
            Err(error) => {
                let told = error.to_string();
                if troubles.insert(host.clone(), told.clone()).as_ref() != Some(&told) {
                    env.warn(format_args!("{host}: {told}; it is asked again and again"));
                }
            }
            Ok(jobs) => {
                if jobs.is_empty() && !heard.contains(&host) {
                    env.warn(format_args!("{host}: no job runs there; it is watched for one"));
                }
                if troubles.remove(&host).is_some() {
                    env.note(format_args!("{host}: answers again"));
                }
                heard.insert(host.clone());
                view.tick(env.clock.now());
                view.hear(host.as_str(), News::Heard(jobs));
            }
        }
        for watched in view.jobs() {
            let last = printed.entry(watched.name.clone()).or_insert(0);
            for sample in watched.samples().iter().filter(|sample| sample.sequence > *last) {
                let line = Line::of(watched, sample);
                if env.json {
                    env.print(serde_json::to_string(&line).unwrap_or_default())?;
                } else {
                    env.print(line)?;
                }
            }
            *last = watched.samples().last().map_or(*last, |sample| sample.sequence);
        }
        if view.is_over() {
            let outcomes = view.jobs().map(|watched| outcome(&watched.job));
            return Ok(outcomes
                .max_by_key(|outcome| outcome.exit_code())
                .unwrap_or(Outcome::Done));
        }
    }
}

/// The terminal cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("the terminal cannot be drawn on")]
struct NoTerminal(#[source] io::Error);

impl Failure for NoTerminal {
    fn exit_code(&self) -> u8 {
        vscsi_shared::exit_code::FAILED
    }

    fn hint(&self) -> Option<String> {
        Some("`vscsi-helper watch --plain` prints a line for each sample".to_owned())
    }
}

/// No thread could be started for a host.
#[derive(Debug, thiserror::Error)]
#[error("no thread can be started")]
struct NoThread(#[source] io::Error);

impl Failure for NoThread {
    fn exit_code(&self) -> u8 {
        vscsi_shared::exit_code::FAILED
    }

    fn hint(&self) -> Option<String> {
        Some("watch fewer hosts at once".to_owned())
    }
}
