//! Asking before something is gone.

use std::io::{BufRead as _, IsTerminal as _};

use super::Env;
use crate::failure::UsageError;

/// Refuses where nobody can be asked, with the option that makes asking unnecessary.
pub(super) fn needs_terminal(what: &str, hint: &str) -> Result<(), UsageError> {
    if std::io::stdin().is_terminal() {
        return Ok(());
    }
    let message = format!("{what} needs to be confirmed, and there is no terminal to ask on");
    Err(UsageError::new(message, hint))
}

/// Asks the user to type `word`, so that nothing is deleted by a reflex. Returns whether it was typed.
pub(super) fn typed(word: &str, question: &str, env: &Env) -> bool {
    env.note(question);
    let mut line = String::new();
    let read = std::io::stdin().lock().read_line(&mut line);
    read.is_ok() && line.trim() == word
}
