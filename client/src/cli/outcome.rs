//! How a command that did not fail ended.

use vscsi_shared::exit_code;

use crate::analysis::Analysis;
use crate::compare::Judgement;

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Everything asked for was done.
    Done,
    /// It finished with partial data, and said so.
    Partial,
    /// A threshold, a fidelity gate or a comparison limit was not met, and the output says which.
    GateMissed,
    /// It cannot be told whether a gate or a limit was met, and the output says why and what to do.
    Undecided,
}

impl Outcome {
    /// What looking at an analysis is: partial where its job is.
    pub fn of(analysis: &Analysis) -> Self {
        if analysis.is_partial() {
            Self::Partial
        } else {
            Self::Done
        }
    }

    /// What judging jobs came to, of which some may be partial.
    pub fn judged(judgement: Judgement, partial: bool) -> Self {
        match judgement {
            Judgement::Missed => Self::GateMissed,
            Judgement::Undecided => Self::Undecided,
            Judgement::Kept if partial => Self::Partial,
            Judgement::Kept => Self::Done,
        }
    }

    /// The documented exit code.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Done => exit_code::OK,
            Self::Partial => exit_code::PARTIAL,
            Self::GateMissed => exit_code::GATE_MISSED,
            Self::Undecided => exit_code::UNDECIDED,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outcomes_have_their_documented_exit_codes() {
        let codes = [Outcome::Done, Outcome::Partial, Outcome::GateMissed, Outcome::Undecided];
        assert_eq!(codes.map(Outcome::exit_code), [0, 3, 4, 6]);
    }

    #[test]
    fn a_limit_that_is_missed_or_undecided_outweighs_data_that_is_partial() {
        let ended = |judgement| [true, false].map(|partial| Outcome::judged(judgement, partial));
        assert_eq!(ended(Judgement::Kept), [Outcome::Partial, Outcome::Done]);
        assert_eq!(ended(Judgement::Undecided), [Outcome::Undecided; 2]);
        assert_eq!(ended(Judgement::Missed), [Outcome::GateMissed; 2]);
    }
}
