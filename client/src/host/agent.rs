//! The agent over HTTP.

use std::io::Read;

use serde::Serialize;
use serde::de::DeserializeOwned;
use ureq::http::Response;
use ureq::{Body, Error};
use vscsi_shared::identifier::Name;
use vscsi_shared::wire::v1::{
    Acknowledge, ApiError, CreateJob, CreateSchedule, ErrorCode, Health, Info, Inventory, JobList, JobView, Manifest,
    ScheduleList, ScheduleView, StopJob,
};

use super::{Host, HostError};
use crate::transport::{Method, Session, TransportError};

/// No answer but a bundle is larger; a manifest of a million samples is about 100 MB.
const ANSWER_LIMIT_BYTES: u64 = 256 * 1024 * 1024;

/// One connection to an agent.
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

    fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, HostError> {
        self.decode(self.session.send(Method::Get, path))
    }

    fn post<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Result<T, HostError> {
        self.decode(self.session.post_json(path, body))
    }

    fn delete(&self, path: &str) -> Result<(), HostError> {
        let mut answer = self.checked(self.session.send(Method::Delete, path))?;
        // The connection is only usable again once the answer has been read.
        self.text(&mut answer).map(drop)
    }

    fn decode<T: DeserializeOwned>(&self, answer: Result<Response<Body>, Error>) -> Result<T, HostError> {
        let mut answer = self.checked(answer)?;
        let text = self.text(&mut answer)?;
        serde_json::from_str(&text).map_err(|error| self.nonsense(error.to_string()))
    }

    fn text(&self, answer: &mut Response<Body>) -> Result<String, HostError> {
        answer
            .body_mut()
            .with_config()
            .limit(ANSWER_LIMIT_BYTES)
            .read_to_string()
            .map_err(|error| self.broken(error))
    }

    /// The answer when it is a success, and else the error it carries.
    fn checked(&self, answer: Result<Response<Body>, Error>) -> Result<Response<Body>, HostError> {
        let mut answer = answer.map_err(|error| self.broken(error))?;
        if answer.status().is_success() {
            return Ok(answer);
        }
        let status = answer.status();
        let text = self.text(&mut answer)?;
        let error = serde_json::from_str(&text).unwrap_or_else(|_| ApiError {
            code: ErrorCode::Unknown,
            message: format!("the agent answered {status}"),
            hint: None,
        });
        Err(HostError::Refused {
            host: self.host.clone(),
            error,
        })
    }

    fn broken(&self, error: Error) -> HostError {
        match (self.session.take_breakage(), error) {
            (Some(reason), _) => reason.into(),
            (None, Error::Timeout(_)) => TransportError::Silent {
                host: self.host.clone(),
                seconds: Session::ANSWER_TIMEOUT.as_secs(),
            }
            .into(),
            (None, Error::Io(error)) => TransportError::Lost {
                host: self.host.clone(),
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
        self.get("/v1/info")
    }

    fn health(&self) -> Result<Health, HostError> {
        self.get("/v1/health")
    }

    fn inventory(&self) -> Result<Inventory, HostError> {
        self.get("/v1/inventory")
    }

    fn create_job(&self, request: &CreateJob) -> Result<JobView, HostError> {
        self.post("/v1/jobs", request)
    }

    fn jobs(&self) -> Result<Vec<JobView>, HostError> {
        self.get::<JobList>("/v1/jobs").map(|list| list.jobs)
    }

    fn job(&self, name: &Name) -> Result<JobView, HostError> {
        self.get(&format!("/v1/jobs/{name}"))
    }

    fn stop_job(&self, name: &Name, cleanup: bool) -> Result<JobView, HostError> {
        self.post(&format!("/v1/jobs/{name}/stop"), &StopJob { cleanup })
    }

    fn clean_up_job(&self, name: &Name) -> Result<JobView, HostError> {
        self.decode(self.session.send(Method::Post, &format!("/v1/jobs/{name}/cleanup")))
    }

    fn delete_job(&self, name: &Name) -> Result<(), HostError> {
        self.delete(&format!("/v1/jobs/{name}"))
    }

    fn manifest(&self, name: &Name, after: Option<u32>) -> Result<Manifest, HostError> {
        self.get(&format!("/v1/jobs/{name}/samples{}", after_query(after)))
    }

    fn bundle(&self, name: &Name, after: Option<u32>, skip: u64) -> Result<Box<dyn Read + Send>, HostError> {
        let query = match (after, skip) {
            (after, 0) => after_query(after),
            (None, skip) => format!("?skip={skip}"),
            (Some(after), skip) => format!("?after={after}&skip={skip}"),
        };
        let answer = self.checked(
            self.session
                .send(Method::Get, &format!("/v1/jobs/{name}/bundle{query}")),
        )?;
        Ok(Box::new(answer.into_body().into_with_config().limit(u64::MAX).reader()))
    }

    fn acknowledge(&self, name: &Name, through: u32) -> Result<JobView, HostError> {
        self.post(&format!("/v1/jobs/{name}/ack"), &Acknowledge { through })
    }

    fn schedules(&self) -> Result<Vec<ScheduleView>, HostError> {
        self.get::<ScheduleList>("/v1/schedules").map(|list| list.schedules)
    }

    fn create_schedule(&self, request: &CreateSchedule) -> Result<ScheduleView, HostError> {
        self.post("/v1/schedules", request)
    }

    fn delete_schedule(&self, name: &Name) -> Result<(), HostError> {
        self.delete(&format!("/v1/schedules/{name}"))
    }

    fn log(&self, lines: u32) -> Result<String, HostError> {
        let mut answer = self.checked(self.session.send(Method::Get, &format!("/v1/log?lines={lines}")))?;
        self.text(&mut answer)
    }
}
