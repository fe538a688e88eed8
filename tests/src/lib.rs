//! What the end-to-end tests share. The tests themselves are in `tests/tests`.

pub mod agent_host;
pub mod binaries;
pub mod browser;
pub mod charts;
pub mod hostile;
pub mod keys;
pub mod layout;
pub mod processes;
pub mod sshd;
pub mod torture;
pub mod truth;
pub mod volume;
pub mod written_report;
