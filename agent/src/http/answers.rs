//! What is answered to requests that change nothing.

use std::io;
use std::sync::Arc;

use serde::Serialize;
use vscsi_shared::identifier::Name;
use vscsi_shared::wire::ApiRange;
use vscsi_shared::wire::v1::{
    ApiError, ClockReading, ErrorCode, Health, Info, JobList, Manifest, ManifestEntry, ScheduleList,
};

use super::bundle::Bundle;
use super::routes::Read;
use super::server::Context;
use crate::action::{Refusal, refuse};
use crate::collector::Equipment;
use crate::host::inventory;
use crate::spool::SpoolError;

/// An answer on its way out.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) content_type: &'static str,
    pub(super) body: Box<dyn io::Read + Send>,
    pub(super) length: u64,
    /// First byte and total length of a partial answer.
    pub(super) range: Option<(u64, u64)>,
}

impl Answer {
    pub(super) fn bytes(status: u16, content_type: &'static str, bytes: Vec<u8>) -> Self {
        Self {
            status,
            content_type,
            length: bytes.len() as u64,
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
        Read::Inventory => Answer::json(200, &inventory::inventory(&equipment.host, &context.host_root)),
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
        Read::Manifest { job, from } => Answer::json(200, &manifest(equipment, &job, from)?),
        Read::Sample { job, sequence, skip } => sample(equipment, &job, sequence, skip),
        Read::Bundle { job, from, skip } => {
            let entries = manifest(equipment, &job, from)?.samples;
            bundle(equipment, job, entries, skip)
        }
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

fn manifest(equipment: &Equipment, job: &Name, from: u32) -> Result<Manifest, Refusal> {
    if equipment.views.job(job, equipment.clock.as_ref()).is_none() {
        return Err(no_job(job));
    }
    Ok(Manifest {
        samples: equipment.spool.entries(job, from, usize::MAX),
        set_aside: equipment.spool.set_aside(job),
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

fn bundle(equipment: &Equipment, job: Name, entries: Vec<ManifestEntry>, skip: u64) -> Result<Answer, Refusal> {
    let length = Bundle::length(&entries, skip).map_err(|error| {
        refuse(
            ErrorCode::Internal,
            format!("the bundle could not be measured: {error}"),
            "",
        )
    })?;
    let body = Bundle::new(Arc::clone(&equipment.spool), job, entries, skip);
    Ok(Answer {
        status: 200,
        content_type: "application/vnd.vscsi-bundle",
        body: Box::new(body),
        length,
        range: None,
    })
}
