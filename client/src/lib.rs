//! The workstation's side: from an ESXi host's spool to profiles, fio jobs and charts.

pub mod analysis;
pub mod fidelity;
pub mod fio;
pub mod replay;
