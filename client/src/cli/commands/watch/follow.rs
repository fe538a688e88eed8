//! A host is asked whenever a snapshot of its jobs has fallen due.

use std::collections::BTreeSet;
use std::sync::mpsc::Sender;
use std::time::Duration;

use jiff::Timestamp;
use vscsi_shared::identifier::Name;
use vscsi_shared::wire::v1::ErrorCode;

use super::super::pull::{Voice, puller};
use super::{News, Order};
use crate::analysis::Options;
use crate::cli::{CliError, Env};
use crate::host::{Host, HostError};
use crate::pull::{PullError, Pulled, Puller};
use crate::samples;
use crate::store::Store;
use crate::watch::Watched;

/// How soon a snapshot is fetched after its moment: the host has printed and kept it by then.
const AFTER_DUE: Duration = Duration::from_millis(500);
/// How long a host is left alone at least, and at most. A job that somebody stops is seen within the latter.
const REST: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(10));
/// How long a host that could not be followed is left alone.
const REST_AFTER_TROUBLE: Duration = Duration::from_secs(5);

/// Asks a host whenever a snapshot has fallen due, until nobody listens.
pub(super) fn follow(order: &Order, options: &Options, store: &Store, env: &Env, told: &Sender<News>) {
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
