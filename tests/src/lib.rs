//! What the end-to-end tests share. The tests themselves are in `tests/tests`.

pub mod agent;
pub mod agent_host;
pub mod binaries;
#[expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::return_self_not_must_use,
    reason = "what supports tests fails as tests do"
)]
pub mod sshd;
