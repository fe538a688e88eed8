//! The samples line by line.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::mpsc::Receiver;

use super::super::status::outcome;
use super::{News, is_lasting};
use crate::cli::{CliError, Env, Outcome};
use crate::transport::HostName;
use crate::watch::{Line, View};

/// Prints each sample that was not printed yet, until every job has ended.
pub(super) fn print(view: &mut View, news: &Receiver<News>, env: &Env) -> Result<Outcome, CliError> {
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
