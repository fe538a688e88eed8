//! `watch`: running jobs, live.

mod follow;
mod lines;
mod screen;
mod web;

use std::collections::BTreeSet;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::Duration;

use clap::Args;
use vscsi_shared::identifier::Name;
use vscsi_shared::job::JobDocument;

use crate::analysis::AnalysisError;
use crate::cli::connect::{ConnectArgs, Reach};
use crate::cli::job::{by_host, host_of};
use crate::cli::selection::SelectionArgs;
use crate::cli::{CliError, Env, Outcome};
use crate::failure::{Failure, UsageError};
use crate::store::Store;
use crate::transport::HostName;
use crate::watch::{View, Watched};

/// How long a key or a question is waited for before news and signals are looked for.
const LISTEN: Duration = Duration::from_millis(250);

/// Show running jobs live, on the terminal or in a browser
///
/// Pulls samples as they fall due, over one connection for each host, and shows IOPS, throughput and latency over time,
/// a heat map, and the latest numbers with their ranges. Nothing is started or stopped, and leaving it leaves the jobs
/// running. Off a terminal, with `--plain` or `-v`, or where TERM is `dumb`, each sample is one line; with `--json`, one object.
///
/// With `--web` a browser on this machine shows the same as the report does, as long as this program runs. The address that
/// is printed holds a key, without which nothing is told.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  vscsi-helper watch
  vscsi-helper watch sql-peak web-peak
  vscsi-helper watch --host esxi-host01
  vscsi-helper watch --web sql-peak
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
    /// Show the jobs in a browser on this machine, until Ctrl-C
    #[arg(long, conflicts_with = "plain")]
    web: bool,
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
            follow::follow(&order, &options, &store, &env, sender);
        })?;
    }
    drop(sender);
    let mut view = View::new(hosts, env.clock.now());
    if args.web {
        return web::serve(&mut view, &news, env);
    }
    let is_dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    // Details of the work are lines on the terminal, too.
    if env.terminal && !args.plain && !env.json && !env.verbose && !is_dumb {
        screen::show(&mut view, &news, env)
    } else {
        lines::print(&mut view, &news, env)
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

/// What no next look makes good, such as a disk that the job does not have, or that nobody looks any more.
fn is_lasting(error: &CliError) -> bool {
    error.downcast_ref::<AnalysisError>().is_some() || error.downcast_ref::<CannotWatch>().is_some()
}

/// Takes in what has come; `false` when nothing has.
///
/// # Errors
/// What no next look makes good.
fn take_in(view: &mut View, news: &Receiver<News>) -> Result<bool, CliError> {
    let mut has_changed = false;
    while let Ok(News { host, jobs, trouble }) = news.try_recv() {
        let told = match trouble {
            Some(error) if is_lasting(&error) => return Err(error),
            trouble => trouble.map(|error| error.to_string()),
        };
        view.hear(host.as_str(), jobs, told);
        has_changed = true;
    }
    Ok(has_changed)
}

/// Why nothing can be watched here.
#[derive(Debug, thiserror::Error)]
enum CannotWatch {
    #[error("the terminal cannot be drawn on")]
    Terminal(#[source] io::Error),
    #[error("no browser can be served on 127.0.0.1")]
    Web(#[source] Box<dyn std::error::Error + Send + Sync>),
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
            Self::Terminal(_) | Self::Web(_) => "`vscsi-helper watch --plain` prints a line for each sample".to_owned(),
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
                let error = screen::show(&mut view_of_a_job(), &news_of_a_panic(), &env).unwrap_err();
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
        let error = lines::print(&mut view_of_a_job(), &news_of_a_panic(), &env).unwrap_err();
        assert_eq!(error.exit_code(), 1);
    }
}
