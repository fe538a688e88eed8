//! `list --refresh`: the hosts of unfinished jobs are asked how these are. Nothing is pulled.

use vscsi_shared::job::JobDocument;
use vscsi_shared::wire::v1::ErrorCode;

use super::connect::ConnectArgs;
use super::job::{by_host, no_answer};
use super::{CliError, Env};
use crate::host::Host as _;
use crate::pull::for_each_concurrently;
use crate::store::{JobDirectory, Origin, Store};
use crate::transport::HostName;

/// Hosts that are asked at once.
const AT_ONCE: usize = 16;

/// Records what hosts say of the jobs that have not ended, as far as is known here: those of `host`, or of all. Whoever
/// does not answer costs a warning. Returns whether all of them did.
///
/// # Errors
/// When the jobs here cannot be listed.
pub(super) fn refresh(host: Option<&str>, connect: &ConnectArgs, store: &Store, env: &Env) -> Result<bool, CliError> {
    let is_wanted = |document: &JobDocument| host.is_none_or(|host| host == Origin::of(document).name());
    let jobs = store.jobs()?.jobs.into_iter();
    let unfinished = jobs.filter(|(_, document)| !document.job.status.is_final() && is_wanted(document));
    let (by_host, some_are_claimed) = by_host(unfinished, env);
    let by_host: Vec<_> = by_host.into_iter().collect();
    let answered = for_each_concurrently(&by_host, AT_ONCE, |(host, jobs)| {
        ask(host, jobs, connect, store, env).unwrap_or_else(|error| {
            env.warn(error.told_itself());
            false
        })
    });
    Ok(!some_are_claimed && answered.into_iter().all(|answered| answered))
}

/// Records what a host says of its jobs. Returns whether that is known now of each of them.
fn ask(
    host: &HostName,
    jobs: &[(JobDirectory, JobDocument)],
    connect: &ConnectArgs,
    store: &Store,
    env: &Env,
) -> Result<bool, CliError> {
    let target = connect.recorded(host.clone(), store, env)?;
    let connection = target.host();
    let mut all_known = true;
    for (directory, document) in jobs {
        let view = match connection.job(&document.job.job_id) {
            Ok(view) => view,
            // Its other jobs may be there still.
            Err(error) if error.code() == Some(ErrorCode::NotFound) => {
                env.warn(CliError::told(&error));
                all_known = false;
                continue;
            }
            Err(error) => return Err(no_answer(error, directory.reference(), document, host)),
        };
        match directory.try_record(&target.identity(), &view.job) {
            Ok((_, written)) => {
                all_known &= written.is_ok();
                target.warn_of(written);
            }
            Err(error) => {
                env.warn(CliError::told(&error));
                all_known = false;
            }
        }
    }
    target.remember_seen(store);
    Ok(all_known)
}
