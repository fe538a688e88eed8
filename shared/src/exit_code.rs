//! The documented exit codes of `vscsi-helper`, and of `vscsi-agent` where they apply.

/// Everything asked for was done.
pub const OK: u8 = 0;
/// It failed for a reason that has no code of its own.
pub const FAILED: u8 = 1;
/// The command line or the configuration is wrong, or asks for what no job may have.
pub const USAGE: u8 = 2;
/// It finished, with partial data.
pub const PARTIAL: u8 = 3;
/// A threshold, a fidelity gate or a comparison limit was not met.
pub const GATE_MISSED: u8 = 4;
/// The filter left no sample.
pub const NOTHING_LEFT: u8 = 5;
/// It cannot be told whether a gate or a limit was met: the ranges allow both, the run was too short, or there were too few
/// commands.
pub const UNDECIDED: u8 = 6;
/// The host could not be reached.
pub const UNREACHABLE: u8 = 10;
/// Authentication failed, or the host key was not accepted.
pub const AUTHENTICATION: u8 = 11;
/// `vscsiStats` is missing on the host, or running it or the agent is not permitted, or the agent is not the known one.
pub const VSCSISTATS_UNAVAILABLE: u8 = 12;
/// No such VM or disk.
pub const NO_SUCH_TARGET: u8 = 13;
/// Agent and client do not fit together.
pub const VERSION_MISMATCH: u8 = 14;
/// Ended by SIGHUP, after clean-up.
pub const HUNG_UP: u8 = 129;
/// Interrupted by SIGINT, after clean-up.
pub const INTERRUPTED: u8 = 130;
/// Ended by SIGTERM, after clean-up.
pub const TERMINATED: u8 = 143;
