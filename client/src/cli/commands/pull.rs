//! `pull`: copies samples from hosts.

use std::fmt;
use std::path::Path;
use std::time::Duration;

use clap::Args;
use indicatif::ProgressBar;
use serde::Serialize;
use vscsi_shared::identifier::Name;
use vscsi_shared::job::{HostIdentity, JobDocument, Status, UnreadableJob};

use crate::cli::connect::{ConnectArgs, Target};
use crate::cli::job::{by_host, host_of, is_all_here};
use crate::cli::{CliError, Env, Outcome, number};
use crate::failure::UsageError;
use crate::host::Host as _;
use crate::number::{bytes, counted};
use crate::pull::{Progress, PullError, Pulled, Puller, for_each_concurrently};
use crate::store::{JobReference, Store, StoreError};
use crate::transport::HostName;

/// Copy new samples from the hosts
///
/// A pull may be interrupted at any time; the next one resumes at the byte where it stopped.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  vscsi-helper pull sql-peak
  vscsi-helper pull --host esxi-host01
  vscsi-helper pull --all")]
pub struct PullArgs {
    /// The job; without one, every job of the host or of all hosts
    #[arg(conflicts_with = "all")]
    job: Option<String>,
    /// Pull every job of this host, or JOB from it; may be repeated
    #[arg(long, conflicts_with = "all")]
    host: Vec<String>,
    /// Pull every job of every known host
    #[arg(long)]
    all: bool,
    /// Number of hosts to pull from at once
    #[arg(long, value_name = "NUMBER", default_value_t = 16, value_parser = number::within(1_u16..=512))]
    parallel: u16,
    #[command(flatten)]
    connect: ConnectArgs,
}

/// What became of one job, as `--json` prints it.
#[derive(Debug, Serialize)]
struct Row {
    host: String,
    job: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<Status>,
    snapshots: usize,
    bytes: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    directory: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

/// What is to be pulled from one host; no names means every job.
struct Order {
    host: Whom,
    jobs: Option<Vec<Name>>,
}

/// Which host.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Whom {
    /// The one that the user calls so, perhaps with a login.
    Named(String),
    /// The one that was recorded.
    Recorded(HostName),
}

impl Whom {
    fn target<'env>(&self, args: &PullArgs, store: &Store, env: &'env Env) -> Result<Target<'env>, CliError> {
        match self {
            Self::Named(text) => args.connect.target(text, store, env),
            Self::Recorded(host) => args.connect.recorded(host.clone(), store, env),
        }
    }
}

impl fmt::Display for Whom {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Named(text) => formatter.write_str(text),
            Self::Recorded(host) => host.fmt(formatter),
        }
    }
}

pub(super) fn run(args: &PullArgs, env: &Env) -> Result<Outcome, CliError> {
    let store = Store::open(&env.data_dir)?;
    let orders = orders(args, &store, env)?;
    let single = matches!(orders.as_slice(), [Order { jobs: Some(_), .. }]);
    let mut results: Vec<(String, Result<Pulled, CliError>)> =
        for_each_concurrently(&orders, args.parallel.into(), |order| {
            pull_host(order, args, &store, env)
        })
        .into_iter()
        .flatten()
        .collect();
    if single
        && let Some((_, Err(_))) = results.first()
        && let Some((_, result)) = results.pop()
    {
        result?;
    }
    report(&results, env)?;
    let mut errors = results.into_iter().filter_map(|(_, result)| result.err()).peekable();
    // One host of many that fails does not make the others' data worthless.
    match (errors.next(), orders.len()) {
        (None, _) => Ok(Outcome::Done),
        (Some(error), 1) => Err(error),
        (Some(_), _) => Ok(Outcome::Partial),
    }
}

fn orders(args: &PullArgs, store: &Store, env: &Env) -> Result<Vec<Order>, CliError> {
    if let Some(text) = &args.job {
        let (host, name) = match args.host.as_slice() {
            [] => match store.find(text) {
                Ok((directory, document)) => {
                    let host = host_of(directory.reference(), &document)?;
                    (Whom::Recorded(host), document.job.job_id)
                }
                Err(StoreError::Unreadable {
                    source: UnreadableJob::Malformed(_),
                    ..
                }) => damaged(text, store)?,
                Err(error) => return Err(error.into()),
            },
            [host] => (Whom::Named(host.clone()), text.parse().map_err(StoreError::from)?),
            _ => return Err(UsageError::new("a job is on one host", "give one `--host`, or none").into()),
        };
        return Ok(vec![Order {
            host,
            jobs: Some(vec![name]),
        }]);
    }
    if !args.host.is_empty() {
        return Ok(args
            .host
            .iter()
            .map(|host| Order {
                host: Whom::Named(host.clone()),
                jobs: None,
            })
            .collect());
    }
    let hosts = store.hosts()?;
    if hosts.is_empty() {
        return Err(UsageError::new("no hosts are known", "name one with `--host`").into());
    }
    if !args.all {
        // Without a word about what: the jobs that this machine started and that may have more to give.
        return unfinished(store, env);
    }
    Ok(hosts
        .into_iter()
        .map(|record| Order {
            host: Whom::Recorded(record.address.host),
            jobs: None,
        })
        .collect())
}

/// The host and the name of a job whose `job.json` is damaged: the host in the reference, else the only one known here.
fn damaged(text: &str, store: &Store) -> Result<(Whom, Name), CliError> {
    let reference: JobReference = text.parse()?;
    let mut hosts: Vec<HostName> = store.hosts()?.into_iter().map(|record| record.address.host).collect();
    match (reference.host, hosts.pop()) {
        (Some(host), _) => Ok((Whom::Recorded(host.parse()?), reference.name)),
        (None, Some(host)) if hosts.is_empty() => Ok((Whom::Recorded(host), reference.name)),
        (None, _) => Err(UsageError::new(
            format!("the file job.json of `{text}` is damaged, and nothing else says which host the job is on"),
            format!("`vscsi-helper pull {text} --host HOST` fetches it again"),
        )
        .into()),
    }
}

/// The jobs that may have more to give, of each host.
fn unfinished(store: &Store, env: &Env) -> Result<Vec<Order>, CliError> {
    let jobs = store.jobs()?;
    for error in &jobs.unreadable {
        env.warn(CliError::describe(error));
    }
    let mut unfinished = Vec::new();
    for (directory, document) in jobs.jobs {
        if !is_all_here(&directory, &document.job)? {
            unfinished.push((directory, document));
        }
    }
    let (hosts, _) = by_host(unfinished, env);
    let name = |(_, document): (_, JobDocument)| document.job.job_id;
    let order = |(host, jobs): (HostName, Vec<_>)| Order {
        host: Whom::Recorded(host),
        jobs: Some(jobs.into_iter().map(name).collect()),
    };
    Ok(hosts.into_iter().map(order).collect())
}

fn pull_host(order: &Order, args: &PullArgs, store: &Store, env: &Env) -> Vec<(String, Result<Pulled, CliError>)> {
    let host = order.host.to_string();
    match pull_jobs(order, args, store, env) {
        Ok(results) => results
            .into_iter()
            .map(|result| (host.clone(), result.map_err(CliError::from)))
            .collect(),
        Err(error) => vec![(host, Err(error))],
    }
}

fn pull_jobs(
    order: &Order,
    args: &PullArgs,
    store: &Store,
    env: &Env,
) -> Result<Vec<Result<Pulled, PullError>>, CliError> {
    let target = order.host.target(args, store, env)?;
    let host = target.host();
    let names = if let Some(names) = &order.jobs {
        target.remember(store)?;
        names.clone()
    } else {
        let jobs = host.jobs()?;
        target.remember_schedules(&host.schedules()?, store);
        jobs.into_iter().map(|view| view.job.job_id).collect()
    };
    let voice = Voice::new(env, target.name());
    let from = target.identity();
    let puller = puller(store, &from, env, &voice);
    Ok(names.iter().map(|name| puller.pull(&host, name)).collect())
}

/// A puller as the configuration wants it.
pub(super) fn puller<'a>(store: &'a Store, from: &'a HostIdentity, env: &'a Env, voice: &'a Voice<'a>) -> Puller<'a> {
    Puller {
        store,
        from,
        delays: &voice.delays,
        clock: &*env.clock,
        progress: voice,
    }
}

/// What the user hears of a pull.
pub(super) struct Voice<'a> {
    env: &'a Env,
    host: HostName,
    bar: ProgressBar,
    delays: Vec<Duration>,
}

impl<'a> Voice<'a> {
    pub(super) fn new(env: &'a Env, host: &HostName) -> Self {
        let bar = env.bar(0, "{prefix} {bar:30} {bytes}/{total_bytes}  {bytes_per_sec}");
        bar.set_prefix(host.to_string());
        Self {
            env,
            host: host.clone(),
            bar,
            delays: env.config.ssh.retry_delays(),
        }
    }
}

impl Drop for Voice<'_> {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

impl Progress for Voice<'_> {
    fn expect(&self, bytes: u64) {
        self.bar.inc_length(bytes);
    }

    fn advance(&self, bytes: u64) {
        self.bar.inc(bytes);
    }

    fn retrying(&self, error: &PullError, delay: Duration) {
        let error = CliError::describe(error);
        self.env.note(format_args!(
            "{}: {error}; trying again in {} s",
            self.host,
            delay.as_secs()
        ));
    }

    fn damaged(&self, aside: &Path) {
        self.env.warn(format_args!(
            "a damaged file of the job was renamed to {}; it is fetched again from the host",
            self.env.shown(aside)
        ));
    }

    fn waiting(&self, job: &Name) {
        self.env
            .note(format_args!("another vscsi-helper is pulling `{job}`; waiting for it"));
    }
}

fn report(results: &[(String, Result<Pulled, CliError>)], env: &Env) -> Result<(), CliError> {
    let rows: Vec<Row> = results.iter().map(|(host, result)| row(host, result)).collect();
    if env.json {
        return env.print_json(&rows);
    }
    if rows.is_empty() {
        env.note("Nothing to pull.");
    }
    let width = rows
        .iter()
        .flat_map(|row| &row.job)
        .map(|job| job.chars().count())
        .max();
    let width = width.unwrap_or(0).max(27);
    for (row, (_, result)) in rows.iter().zip(results) {
        match result {
            Ok(pulled) => {
                let collection = &pulled.view.job.collection;
                env.print(format_args!(
                    "{:<width$} {:<10} {:>9} samples   {}: {}, {}",
                    pulled.directory.reference(),
                    pulled.view.job.status,
                    format!("{}/{}", collection.samples_collected, collection.samples_expected),
                    row.host,
                    counted(pulled.snapshots, "new snapshot"),
                    bytes(pulled.bytes),
                ))?;
                for lost in &pulled.set_aside {
                    env.warn(format_args!(
                        "{}: the host set a damaged snapshot aside: {}",
                        row.host, lost
                    ));
                }
            }
            Err(error) if results.len() > 1 => env.warn(format_args!("{}: {error}", row.host)),
            Err(_) => {}
        }
    }
    Ok(())
}

fn row(host: &str, result: &Result<Pulled, CliError>) -> Row {
    match result {
        Ok(pulled) => Row {
            host: host.to_owned(),
            job: Some(pulled.directory.reference().to_string()),
            status: Some(pulled.view.job.status),
            snapshots: pulled.snapshots,
            bytes: pulled.bytes,
            directory: Some(pulled.directory.path().display().to_string()),
            error: None,
        },
        Err(error) => Row {
            host: host.to_owned(),
            job: None,
            status: None,
            snapshots: 0,
            bytes: 0,
            directory: None,
            error: Some(error.to_string()),
        },
    }
}

#[cfg(test)]
mod tests {
    use std::io::{self, Write};
    use std::path::PathBuf;
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::config::Config;

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn whoever_waits_for_another_try_is_told_which_host_is_tried() {
        let written = Written::default();
        let stderr = Box::new(written.clone());
        let env = Env::with_writers(
            Config::default(),
            PathBuf::new(),
            PathBuf::new(),
            Box::new(io::sink()),
            stderr,
        );
        let voice = Voice::new(&env, &"esx1".parse().unwrap());
        voice.retrying(&PullError::Corrupt { sequence: 3 }, Duration::from_secs(5));
        let text = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
        assert!(
            text.starts_with("esx1: snapshot 3 ") && text.ends_with("; trying again in 5 s\n"),
            "{text}"
        );
    }
}
