//! What a comparison comes to, whatever was judged in it.

use serde::{Deserialize, Serialize};

/// Kept, undecided or missed. The worst of several is the largest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Judgement {
    /// Every gate and every limit was kept, as far as there were some.
    #[default]
    Kept,
    /// None was missed, and of one it cannot be told: the ranges allow both, or there was too little to judge.
    Undecided,
    /// One was missed, or is about what was not measured.
    Missed,
}

impl Judgement {
    /// What several come to together: nothing is kept.
    pub(crate) fn of<T: Into<Self>>(each: impl IntoIterator<Item = T>) -> Self {
        each.into_iter().map(Into::into).max().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_that_is_missed_outweighs_one_undecided_and_that_one_all_that_are_kept() {
        use Judgement::{Kept, Missed, Undecided};
        assert_eq!(Judgement::of::<Judgement>([]), Kept);
        assert_eq!(Judgement::of([Kept, Kept]), Kept);
        assert_eq!(Judgement::of([Undecided, Kept]), Undecided);
        assert_eq!(Judgement::of([Undecided, Missed, Kept]), Missed);
    }
}
