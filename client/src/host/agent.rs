//! The agent over HTTP.

use std::io::{self, Read};

use serde::Serialize;
use serde::de::DeserializeOwned;
use ureq::http::Response;
use ureq::{Body, Error};
use vscsi_shared::identifier::Name;
use vscsi_shared::wire::v1::{
    Acknowledge, ApiError, CreateJob, CreateSchedule, ErrorCode, Health, Info, Inventory, JobList, JobView, Manifest,
    ScheduleList, ScheduleView, StopJob,
};

use super::{BundlePart, Host, HostError};
use crate::transport::{Method, Session, TransportError};
use crate::visible;

const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;

/// The largest body of each answer. An honest one is far below.
mod limit {
    use super::{KIB, MIB};

    /// Numbers and a few short texts; a refusal; a schedule.
    pub(super) const SHORT: u64 = 256 * KIB;
    /// A job's description is read from disk up to this size as well.
    pub(super) const JOB: u64 = crate::store::JOB_LIMIT_BYTES;
    /// A thousand VMs of four disks are about 1 MiB.
    pub(super) const INVENTORY: u64 = 4 * MIB;
    /// A thousand jobs are about 2 MB, and the manifest of 100 000 samples, the most that a job has, is 12 MB.
    pub(super) const LIST: u64 = 16 * MIB;
    /// The last lines of a log.
    pub(super) const LOG: u64 = MIB;
}

/// One connection to an agent.
///
/// This is the door through which everything comes that a host says. Behind it an answer is about what was asked, is no
/// larger than an honest one, and each of its texts is a line that commands no terminal.
#[derive(Debug)]
pub struct AgentHost {
    host: String,
    session: Session,
}

impl AgentHost {
    /// The agent at the other end of `session`.
    pub fn new(host: impl Into<String>, session: Session) -> Self {
        Self {
            host: host.into(),
            session,
        }
    }

    fn get<T: DeserializeOwned>(&self, path: &str, limit: u64) -> Result<T, HostError> {
        self.decode(self.session.send(Method::Get, path, limit), limit)
    }

    fn post<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize, limit: u64) -> Result<T, HostError> {
        self.decode(self.session.post_json(path, body, limit), limit)
    }

    fn delete(&self, path: &str) -> Result<(), HostError> {
        let mut answer = self.checked(self.session.send(Method::Delete, path, limit::SHORT))?;
        // The connection is only usable again once the answer has been read.
        self.text(&mut answer, limit::SHORT).map(drop)
    }

    fn decode<T: DeserializeOwned>(&self, answer: Result<Response<Body>, Error>, limit: u64) -> Result<T, HostError> {
        let mut answer = self.checked(answer)?;
        let text = self.text(&mut answer, limit)?;
        serde_json::from_str(&visible::json_of_lines(&text)).map_err(|error| self.nonsense(error.to_string()))
    }

    fn text(&self, answer: &mut Response<Body>, limit: u64) -> Result<String, HostError> {
        answer
            .body_mut()
            .with_config()
            .limit(limit)
            .read_to_string()
            .map_err(|error| self.broken(error, limit))
    }

    /// The view, when it is one of the job that was asked about.
    fn about(&self, name: &Name, view: JobView) -> Result<JobView, HostError> {
        if view.job.job_id == *name {
            Ok(view)
        } else {
            let told = view.job.job_id;
            Err(self.nonsense(format!("asked about job `{name}`, it told of job `{told}`")))
        }
    }

    /// The answer when it is a success, and else the error it carries.
    fn checked(&self, answer: Result<Response<Body>, Error>) -> Result<Response<Body>, HostError> {
        let mut answer = answer.map_err(|error| self.broken(error, limit::SHORT))?;
        if answer.status().is_success() {
            return Ok(answer);
        }
        let status = answer.status();
        let text = self.text(&mut answer, limit::SHORT)?;
        let error = serde_json::from_str(&visible::json_of_lines(&text)).unwrap_or_else(|_| ApiError {
            code: ErrorCode::Unknown,
            message: format!("the agent answered {status}"),
            hint: None,
        });
        Err(HostError::Refused {
            host: self.host.clone(),
            error,
        })
    }

    fn broken(&self, error: Error, limit_bytes: u64) -> HostError {
        let host = self.host.clone();
        match (self.session.take_breakage(), error) {
            (Some(reason), _) => reason.into(),
            (None, Error::BodyExceedsLimit(_)) => TransportError::TooMuch { host, limit_bytes }.into(),
            (None, Error::Io(error)) => TransportError::Lost {
                host,
                reason: error.to_string(),
            }
            .into(),
            (None, error) => self.nonsense(error.to_string()),
        }
    }

    fn nonsense(&self, reason: String) -> HostError {
        HostError::Nonsense {
            host: self.host.clone(),
            reason,
        }
    }
}

/// `?after=N`, or nothing.
fn after_query(after: Option<u32>) -> String {
    after.map_or_else(String::new, |after| format!("?after={after}"))
}

impl Host for AgentHost {
    fn info(&self) -> Result<Info, HostError> {
        self.get("/v1/info", limit::SHORT)
    }

    fn health(&self) -> Result<Health, HostError> {
        self.get("/v1/health", limit::SHORT)
    }

    fn inventory(&self) -> Result<Inventory, HostError> {
        self.get("/v1/inventory", limit::INVENTORY)
    }

    fn create_job(&self, request: &CreateJob) -> Result<JobView, HostError> {
        let view = self.about(&request.name, self.post("/v1/jobs", request, limit::JOB)?)?;
        if view.job.profile == request.profile {
            Ok(view)
        } else {
            Err(self.nonsense(format!("job `{}` has another profile than was asked for", request.name)))
        }
    }

    fn jobs(&self) -> Result<Vec<JobView>, HostError> {
        self.get::<JobList>("/v1/jobs", limit::LIST).map(|list| list.jobs)
    }

    fn job(&self, name: &Name) -> Result<JobView, HostError> {
        self.about(name, self.get(&format!("/v1/jobs/{name}"), limit::JOB)?)
    }

    fn stop_job(&self, name: &Name, cleanup: bool) -> Result<JobView, HostError> {
        let request = StopJob { cleanup };
        self.about(name, self.post(&format!("/v1/jobs/{name}/stop"), &request, limit::JOB)?)
    }

    fn clean_up_job(&self, name: &Name) -> Result<JobView, HostError> {
        let path = format!("/v1/jobs/{name}/cleanup");
        let answer = self.session.send(Method::Post, &path, limit::JOB);
        self.about(name, self.decode(answer, limit::JOB)?)
    }

    fn delete_job(&self, name: &Name) -> Result<(), HostError> {
        self.delete(&format!("/v1/jobs/{name}"))
    }

    fn manifest(&self, name: &Name) -> Result<Manifest, HostError> {
        self.get(&format!("/v1/jobs/{name}/samples"), limit::LIST)
    }

    fn bundle(&self, name: &Name, part: &BundlePart) -> Result<Box<dyn Read + Send>, HostError> {
        let query = match (part.after, part.skip) {
            (after, 0) => after_query(after),
            (None, skip) => format!("?skip={skip}"),
            (Some(after), skip) => format!("?after={after}&skip={skip}"),
        };
        let path = format!("/v1/jobs/{name}/bundle{query}");
        let answer = self.checked(self.session.stream(&path, part.limit_bytes))?;
        let body = answer.into_body();
        Ok(Box::new(ToItsEnd {
            left: body.content_length(),
            // The pace of the stream holds the limit.
            body: body.into_with_config().limit(u64::MAX).reader(),
        }))
    }

    fn acknowledge(&self, name: &Name, through: u32) -> Result<JobView, HostError> {
        let request = Acknowledge { through };
        self.about(name, self.post(&format!("/v1/jobs/{name}/ack"), &request, limit::JOB)?)
    }

    fn schedules(&self) -> Result<Vec<ScheduleView>, HostError> {
        self.get::<ScheduleList>("/v1/schedules", limit::INVENTORY)
            .map(|list| list.schedules)
    }

    fn create_schedule(&self, request: &CreateSchedule) -> Result<ScheduleView, HostError> {
        let view: ScheduleView = self.post("/v1/schedules", request, limit::SHORT)?;
        if view.schedule.name == request.name {
            Ok(view)
        } else {
            let (asked, told) = (&request.name, &view.schedule.name);
            Err(self.nonsense(format!("asked for schedule `{asked}`, it told of schedule `{told}`")))
        }
    }

    fn delete_schedule(&self, name: &Name) -> Result<(), HostError> {
        self.delete(&format!("/v1/schedules/{name}"))
    }

    fn log(&self, lines: u32) -> Result<String, HostError> {
        let path = format!("/v1/log?lines={lines}");
        let mut answer = self.checked(self.session.send(Method::Get, &path, limit::LOG))?;
        self.text(&mut answer, limit::LOG)
    }
}
/// A body that is read once more where it ends: only then does its connection serve the next question.
struct ToItsEnd<B> {
    body: B,
    /// What is to come, where that was told.
    left: Option<u64>,
}

impl<B: Read> Read for ToItsEnd<B> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let amount = self.body.read(buffer)?;
        if let Some(left) = self.left.as_mut().filter(|_| amount > 0) {
            *left = left.saturating_sub(amount as u64);
            if *left == 0 {
                // There is nothing more to wait for, and whoever reads has everything.
                let _ = self.body.read(&mut [0]);
            }
        }
        Ok(amount)
    }
}
