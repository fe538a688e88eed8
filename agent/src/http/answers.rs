//! What is answered to requests that change nothing.

use std::io;
use std::sync::{Arc, PoisonError};

use serde::Serialize;
use vscsi_shared::identifier::Name;
use vscsi_shared::wire::ApiRange;
use vscsi_shared::wire::v1::{ApiError, ClockReading, ErrorCode, Health, Info, JobList, ScheduleList};

use super::bundle::Bundle;
use super::context::Context;
use super::manifest::ManifestBody;
use super::routes::Read;
use crate::action::{Refusal, refuse};
use crate::collector::Equipment;
use crate::host::inventory;
use crate::spool::{Spool, SpoolError};

/// An answer on its way out.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) content_type: &'static str,
    pub(super) body: Box<dyn io::Read + Send>,
    /// Bytes of the body; `None` when that is not known before it is written.
    pub(super) length: Option<u64>,
    /// First byte and total length of a partial answer.
    pub(super) range: Option<(u64, u64)>,
}

impl Answer {
    pub(super) fn bytes(status: u16, content_type: &'static str, bytes: Vec<u8>) -> Self {
        Self {
            status,
            content_type,
            length: Some(bytes.len() as u64),
            body: Box::new(io::Cursor::new(bytes)),
            range: None,
        }
    }

    pub(super) fn json(status: u16, value: &impl Serialize) -> Result<Self, Refusal> {
        let bytes = serde_json::to_vec(value).map_err(|error| {
            refuse(
                ErrorCode::Internal,
                format!("the answer could not be written as JSON: {error}"),
                "",
            )
        })?;
        Ok(Self::bytes(status, "application/json", bytes))
    }

    pub(super) fn refusal(refusal: &ApiError) -> Self {
        let bytes = serde_json::to_vec(refusal).unwrap_or_default();
        Self::bytes(refusal.code.status(), "application/json", bytes)
    }
}

/// Answers from views, spool, log and host, without the collector.
pub(super) fn answer_read(context: &Context, read: Read) -> Result<Answer, Refusal> {
    let equipment = &context.equipment;
    let clock = equipment.clock.as_ref();
    match read {
        Read::Info => Answer::json(200, &info(context)),
        Read::Health => Answer::json(200, &health(equipment)),
        Read::Inventory => {
            let _one_at_a_time = context.inventory.lock().unwrap_or_else(PoisonError::into_inner);
            Answer::json(200, &inventory::inventory(&equipment.host, &context.host_root))
        }
        Read::Jobs => Answer::json(
            200,
            &JobList {
                jobs: equipment.views.jobs(clock),
            },
        ),
        Read::Job(job) => match equipment.views.job(&job, clock) {
            Some(view) => Answer::json(200, &view),
            None => Err(no_job(&job)),
        },
        Read::Manifest { job, from } => manifest(equipment, job, from),
        Read::Sample { job, sequence, skip } => sample(equipment, &job, sequence, skip),
        Read::Bundle { job, from, skip } => bundle(equipment, job, from, skip),
        Read::Schedules => Answer::json(
            200,
            &ScheduleList {
                schedules: equipment.views.schedules(),
            },
        ),
        Read::Log { lines } => {
            let tail = equipment
                .log
                .tail(lines)
                .map_err(|error| refuse(ErrorCode::Internal, format!("the log cannot be read: {error}"), ""))?;
            Ok(Answer::bytes(200, "text/plain; charset=utf-8", tail.into_bytes()))
        }
    }
}

fn no_job(job: &Name) -> Refusal {
    refuse(ErrorCode::NotFound, format!("there is no job {job} in the spool"), "")
}

fn info(context: &Context) -> Info {
    let equipment = &context.equipment;
    Info {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        api: ApiRange::SUPPORTED,
        capabilities: ["bundle", "schedules", "restart_mode"].map(str::to_owned).to_vec(),
        boot_id: equipment.boot.id.clone(),
        hostname: equipment.hostname.clone(),
        esxi_version: context.esxi_version.clone(),
        clock: ClockReading {
            wall: equipment.clock.wall(),
            monotonic_ms: equipment.clock.monotonic_ms(),
        },
    }
}

fn health(equipment: &Equipment) -> Health {
    let problems = equipment.views.problems();
    let jobs = equipment.views.jobs(equipment.clock.as_ref());
    let running = jobs.iter().filter(|view| !view.job.status.is_final()).count();
    Health {
        ok: problems.is_empty(),
        problems,
        running_jobs: u32::try_from(running).unwrap_or(u32::MAX),
        spool_bytes: equipment.spool.used_bytes(),
        spool_limit_bytes: equipment.spool.limit_bytes(),
    }
}

fn spool_of(equipment: &Equipment, job: &Name) -> Result<Arc<dyn Spool>, Refusal> {
    let is_there = equipment.views.job(job, equipment.clock.as_ref()).is_some();
    is_there
        .then(|| Arc::clone(&equipment.spool))
        .ok_or_else(|| no_job(job))
}

fn manifest(equipment: &Equipment, job: Name, from: u32) -> Result<Answer, Refusal> {
    let spool = spool_of(equipment, &job)?;
    Ok(Answer {
        status: 200,
        content_type: "application/json",
        body: Box::new(ManifestBody::new(spool, job, from)),
        length: None,
        range: None,
    })
}

fn refuse_read(error: &SpoolError) -> Refusal {
    match error {
        SpoolError::Missing(_) => refuse(ErrorCode::NotFound, error.to_string(), ""),
        _ => refuse(ErrorCode::Spool, error.to_string(), "ask for the manifest again"),
    }
}

fn sample(equipment: &Equipment, job: &Name, sequence: u32, skip: Option<u64>) -> Result<Answer, Refusal> {
    let bytes = equipment
        .spool
        .read_snapshot(job, sequence)
        .map_err(|error| refuse_read(&error))?;
    let Some(skip) = skip else {
        return Ok(Answer::bytes(200, "text/csv", bytes));
    };
    let total = bytes.len() as u64;
    let rest = usize::try_from(skip).ok().and_then(|skip| bytes.get(skip..));
    let rest = rest.filter(|rest| !rest.is_empty()).ok_or_else(|| {
        let message = format!("the snapshot has {total} bytes, so none to send from {skip} on");
        refuse(ErrorCode::BadRequest, message, "")
    })?;
    let mut answer = Answer::bytes(206, "text/csv", rest.to_vec());
    answer.range = Some((skip, total));
    Ok(answer)
}

fn bundle(equipment: &Equipment, job: Name, from: u32, skip: u64) -> Result<Answer, Refusal> {
    let spool = spool_of(equipment, &job)?;
    let bundle = Bundle::new(spool, job, from, skip).map_err(|error| {
        let message = format!("the bundle could not be measured: {error}");
        refuse(ErrorCode::Internal, message, "")
    })?;
    Ok(Answer {
        status: 200,
        content_type: "application/vnd.vscsi-bundle",
        length: Some(bundle.length()),
        body: Box::new(bundle),
        range: None,
    })
}
