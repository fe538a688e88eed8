//! For how long the other side of the pipe has said nothing.

/// What may pass between two looks at the clock while this process runs, milliseconds: more was a suspended host.
const LONGEST_STEP_MS: u64 = 2000;

/// Counts time in which this process ran itself, so that a host that was suspended makes nobody late.
#[derive(Debug, Clone, Copy)]
pub(super) struct Silence {
    lasts_ms: u64,
    looked_ms: u64,
}

impl Silence {
    /// It begins now.
    pub(super) fn from(now_ms: u64) -> Self {
        Self {
            lasts_ms: 0,
            looked_ms: now_ms,
        }
    }

    /// Something was said.
    pub(super) fn is_broken(&mut self) {
        self.lasts_ms = 0;
    }

    /// How long it lasts by now, milliseconds.
    pub(super) fn lasts_ms(&mut self, now_ms: u64) -> u64 {
        let passed_ms = now_ms.saturating_sub(self.looked_ms).min(LONGEST_STEP_MS);
        self.looked_ms = now_ms;
        self.lasts_ms = self.lasts_ms.saturating_add(passed_ms);
        self.lasts_ms
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_suspended_host_adds_two_seconds_and_a_word_ends_it() {
        let mut silence = Silence::from(1000);
        assert_eq!(silence.lasts_ms(2500), 1500);
        assert_eq!(silence.lasts_ms(3_602_500), 3500);
        silence.is_broken();
        assert_eq!(silence.lasts_ms(3_603_000), 500);
    }
}
