//! What several tests share: a workstation, and jobs with known figures.

pub(crate) mod chart_job;
pub(crate) mod desk;
pub(crate) mod raw_job;
pub(crate) mod workloads;
