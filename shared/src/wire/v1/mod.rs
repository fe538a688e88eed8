//! Version 1 of the API.
//!
//! | method and path | request | answer |
//! |---|---|---|
//! | `GET /v1/info` | | [`Info`] |
//! | `GET /v1/health` | | [`Health`] |
//! | `GET /v1/inventory` | | [`Inventory`] |
//! | `GET /v1/jobs` | | [`JobList`] |
//! | `POST /v1/jobs` | [`CreateJob`] | [`JobView`]; 201 when created, 200 when it was there already |
//! | `GET /v1/jobs/{name}` | | [`JobView`] |
//! | `POST /v1/jobs/{name}/stop` | [`StopJob`] | [`JobView`] |
//! | `POST /v1/jobs/{name}/cleanup` | | [`JobView`] |
//! | `DELETE /v1/jobs/{name}` | | 204 |
//! | `GET /v1/jobs/{name}/samples?after=N` | | [`Manifest`] |
//! | `GET /v1/jobs/{name}/samples/{sequence}` | `Range: bytes=K-` | the snapshot file |
//! | `GET /v1/jobs/{name}/bundle?after=N&skip=K` | | a stream of snapshot files, see [`BundleEntry`] |
//! | `POST /v1/jobs/{name}/ack` | [`Acknowledge`] | [`JobView`] |
//! | `GET /v1/schedules` | | [`ScheduleList`] |
//! | `POST /v1/schedules` | [`CreateSchedule`] | [`ScheduleView`] |
//! | `DELETE /v1/schedules/{name}` | | 204 |
//! | `GET /v1/log?lines=N` | | the last lines of the agent's log, plain text |
//!
//! Every request carries `Authorization: Bearer TOKEN`. Every error is an [`ApiError`].

mod error;
mod info;
mod inventory;
mod jobs;
mod samples;
mod schedules;

pub use error::{ApiError, ErrorCode};
pub use info::{ClockReading, Health, Info};
pub use inventory::{Disk, Inventory, Vm};
pub use jobs::{Acknowledge, CreateJob, DiskSelector, JobList, JobOptions, JobView, StopJob, VmSelector};
pub use samples::{BundleEntry, Manifest, ManifestEntry};
pub use schedules::{CreateSchedule, JobTemplate, ScheduleList, ScheduleView};
