//! The first line that `vscsi-agent connect` prints, before it becomes a byte bridge.

use serde::{Deserialize, Serialize};

/// Versions of the HTTP API that a program speaks, both inclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiRange {
    /// Oldest version spoken.
    pub min: u32,
    /// Newest version spoken.
    pub max: u32,
}

impl ApiRange {
    /// What this build speaks.
    pub const SUPPORTED: Self = Self { min: 1, max: 1 };

    /// The newest version both sides speak; `None` when they have none in common.
    pub fn negotiate(self, other: Self) -> Option<u32> {
        let newest = self.max.min(other.max);
        (newest >= self.min.max(other.min)).then_some(newest)
    }
}

/// One line of JSON, ended by a line feed. Whatever follows on the stream is HTTP.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Greeting {
    /// Always `vscsi-agent`, so that a login banner is not taken for a greeting.
    pub program: String,
    /// Version of the running agent.
    pub version: String,
    /// API versions it speaks.
    pub api: ApiRange,
    /// Bearer token of this run of the agent. It is never logged.
    pub token: String,
    /// Port of the agent on the host's loopback, for `--tunnel forward`.
    pub port: u16,
}

impl Greeting {
    /// The value of `program`.
    pub const PROGRAM: &'static str = "vscsi-agent";

    /// The greeting in `line`; `None` when the line is something else, such as a login banner.
    pub fn from_line(line: &str) -> Option<Self> {
        let greeting: Self = serde_json::from_str(line.trim()).ok()?;
        (greeting.program == Self::PROGRAM).then_some(greeting)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_common_version_is_taken() {
        assert_eq!(
            ApiRange { min: 1, max: 3 }.negotiate(ApiRange { min: 2, max: 5 }),
            Some(3)
        );
    }

    #[test]
    fn ranges_that_do_not_meet_have_no_common_version() {
        assert_eq!(ApiRange { min: 1, max: 1 }.negotiate(ApiRange { min: 2, max: 2 }), None);
    }

    #[test]
    fn a_banner_is_not_a_greeting() {
        assert_eq!(
            Greeting::from_line("The time and date of this login have been sent to the system logs."),
            None
        );
        assert_eq!(Greeting::from_line("{\"program\":\"other\"}"), None);
    }
}
