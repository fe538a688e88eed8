//! The view in a browser: what is answered to each question of its page, a pure function of the [`View`].
//!
//! | question | answer |
//! |---|---|
//! | `GET /` | the page, which holds nothing of any job |
//! | `GET /jobs` | hosts and jobs as they stand |
//! | `GET /jobs/JOB` | the body of the job's report, as far as its samples are here |
//! | `GET /jobs/JOB/report` | the report, a file |
//!
//! All but the page itself is told to whoever shows the key.

mod door;
mod page;
#[cfg(test)]
mod tests;

use serde::Serialize;

use super::{View, Watched};
use crate::analysis::{Analysis, AnalysisError};
use crate::fio::FioOptions;
use crate::report::Report;

pub(crate) use door::{Asked, Door};

/// What is sent back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    /// The status of HTTP.
    pub(crate) status: u16,
    /// The media type.
    pub(crate) media_type: &'static str,
    /// The content.
    pub(crate) body: String,
}

const HTML: &str = "text/html; charset=utf-8";
const JSON: &str = "application/json";
const TEXT: &str = "text/plain; charset=utf-8";

/// Hosts and jobs as they stand.
#[derive(Serialize)]
struct Jobs<'view> {
    /// As the page shows them.
    html: String,
    jobs: Vec<JobState<'view>>,
}

#[derive(Serialize)]
struct JobState<'view> {
    name: &'view str,
    /// Changes whenever the job's report does.
    state: String,
}

/// A job as far as its samples are here.
#[derive(Serialize)]
struct JobBody {
    html: String,
}

/// Answers one question at the door.
pub(crate) fn answer(door: &Door, view: &View, asked: &Asked<'_>) -> Answer {
    if !door.is_ours(asked) {
        return refusal(421, "this address is not that of vscsi-helper watch");
    }
    if !asked.is_get {
        return refusal(405, "nothing can be changed here");
    }
    if asked.path == "/" {
        return Answer {
            status: 200,
            media_type: HTML,
            body: page::shell(),
        };
    }
    if !door.is_open_to(asked) {
        return refusal(
            401,
            "the key is missing or wrong: open the address that the program printed",
        );
    }
    if asked.path == "/jobs" {
        return json(&Jobs {
            html: page::standing(view),
            jobs: view.jobs().map(JobState::of).collect(),
        });
    }
    let Some(rest) = asked.path.strip_prefix("/jobs/") else {
        return refusal(404, "there is no such thing here");
    };
    let (name, wanted) = rest.split_once('/').unwrap_or((rest, ""));
    let Some(job) = view.jobs().find(|job| job.name == name) else {
        return refusal(404, "this job is not watched");
    };
    match (wanted, job.analysis(view.now)) {
        ("report", Some(analysis)) => told(analysis.as_ref(), Report::of, |report| Answer {
            status: 200,
            media_type: HTML,
            body: report.to_html(),
        }),
        ("report", None) => refusal(404, "no sample of this job has come yet"),
        ("", Some(analysis)) => told(analysis.as_ref(), Report::of_its_own_samples, |report| {
            json(&JobBody {
                html: report.to_fragment(),
            })
        }),
        ("", None) => json(&JobBody {
            html: page::without_samples(job),
        }),
        _ => refusal(404, "there is no such thing here"),
    }
}

/// The report of an analysis, or why there is none.
fn told<'job>(
    analysis: Result<&'job Analysis, &AnalysisError>,
    report: impl FnOnce(&'job Analysis, &FioOptions) -> Result<Report<'job>, AnalysisError>,
    as_answer: impl FnOnce(&Report<'job>) -> Answer,
) -> Answer {
    let report = analysis
        .map_err(ToString::to_string)
        .and_then(|analysis| report(analysis, &FioOptions::default()).map_err(|error| error.to_string()));
    match report {
        Ok(report) => as_answer(&report),
        Err(why) => refusal(500, &why),
    }
}

impl<'view> JobState<'view> {
    fn of(job: &'view Watched) -> Self {
        let last = job.samples().last().map_or(0, |sample| sample.sequence);
        Self {
            name: &job.name,
            state: format!("{last} {}", job.job.status),
        }
    }
}

fn refusal(status: u16, why: &str) -> Answer {
    Answer {
        status,
        media_type: TEXT,
        body: format!("{why}\n"),
    }
}

fn json(value: &impl Serialize) -> Answer {
    match serde_json::to_string(value) {
        Ok(body) => Answer {
            status: 200,
            media_type: JSON,
            body,
        },
        Err(error) => refusal(500, &error.to_string()),
    }
}
