//! The line to the guard: which programs the agent has running, and whether it ends in order.
//!
//! A program that outlives a killed agent is more than litter: a `vscsiStats -s` still on its way would start a
//! collection after the guard has stopped it. So the guard ends such programs first.

use std::collections::BTreeSet;
use std::fmt;
use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};

/// The agent's end. Without a guard at the other end, words go nowhere.
#[derive(Clone, Default)]
pub struct GuardLine {
    inner: Arc<Mutex<Inner>>,
}

#[derive(Default)]
struct Inner {
    pipe: Option<Box<dyn Write + Send>>,
    running: BTreeSet<u32>,
}

impl fmt::Debug for GuardLine {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("GuardLine").finish_non_exhaustive()
    }
}

impl GuardLine {
    fn with<T>(&self, use_it: impl FnOnce(&mut Inner) -> T) -> T {
        use_it(&mut self.inner.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Connects a new guard and tells it what is running already.
    pub(crate) fn connect(&self, pipe: impl Write + Send + 'static) {
        self.with(|inner| {
            inner.pipe = Some(Box::new(pipe));
            for process in inner.running.clone() {
                inner.say(&format!("run {process}\n"));
            }
        });
    }

    /// Closes the line; with `in_order` the guard knows that there is nothing to do.
    pub(crate) fn hang_up(&self, in_order: bool) {
        self.with(|inner| {
            if in_order {
                inner.say("end\n");
            }
            inner.pipe = None;
        });
    }

    /// Says that the group of `process` is running until the result is dropped.
    pub(crate) fn watch(&self, process: u32) -> Watched {
        self.with(|inner| {
            inner.running.insert(process);
            inner.say(&format!("run {process}\n"));
        });
        Watched {
            line: self.clone(),
            process,
        }
    }
}

impl Inner {
    fn say(&mut self, words: &str) {
        if let Some(pipe) = &mut self.pipe {
            // A guard that has died is replaced soon, and is then told again.
            let _ = pipe.write_all(words.as_bytes());
        }
    }
}

/// A program that runs.
#[derive(Debug)]
pub(crate) struct Watched {
    line: GuardLine,
    process: u32,
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.line.with(|inner| {
            inner.running.remove(&self.process);
            inner.say(&format!("done {}\n", self.process));
        });
    }
}

/// What the guard has heard.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Heard {
    /// Programs that run.
    pub(crate) running: BTreeSet<u32>,
    /// The agent ends in order.
    pub(crate) in_order: bool,
}

impl Heard {
    /// Takes in one line.
    pub(crate) fn hear(&mut self, line: &str) {
        match line.trim().split_once(' ') {
            Some(("run", process)) => self.running.extend(process.parse::<u32>().ok()),
            Some(("done", process)) => {
                if let Ok(process) = process.parse() {
                    self.running.remove(&process);
                }
            }
            _ => self.in_order |= line == "end\n",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(lines: &[&str]) -> Heard {
        let mut heard = Heard::default();
        for line in lines {
            heard.hear(line);
        }
        heard
    }

    #[test]
    fn a_program_runs_until_it_is_done() {
        let heard = heard(&["run 7\n", "run 8\n", "done 7\n"]);
        assert_eq!(heard.running, BTreeSet::from([8]));
        assert!(!heard.in_order);
    }

    #[test]
    fn a_torn_last_line_is_no_end_in_order() {
        assert!(heard(&["end\n"]).in_order);
        assert!(!heard(&["end"]).in_order);
        assert!(!heard(&["en"]).in_order);
    }
}
