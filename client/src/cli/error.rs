//! The one error type of commands, and how it is shown.

use std::error::Error;
use std::fmt;
use std::io;

use crate::failure::{Failure, is_about_the_place};
use crate::visible;

/// Why a command failed: any typed error of the client's libraries.
///
/// `?` turns every [`Failure`] into one, so that a new library needs nothing here.
pub struct CliError(Box<dyn Failure>);

impl<E: Failure> From<E> for CliError {
    fn from(error: E) -> Self {
        Self(Box::new(error))
    }
}

impl CliError {
    /// The documented exit code.
    pub fn exit_code(&self) -> u8 {
        self.0.exit_code()
    }

    /// What to do next.
    pub fn hint(&self) -> Option<String> {
        self.0.hint()
    }

    /// The commands with which it works by hand, on lines of their own.
    pub(super) fn by_hand(&self) -> Option<String> {
        self.0.by_hand()
    }

    /// The library's error when it is of type `E`.
    pub fn downcast_ref<E: Failure>(&self) -> Option<&E> {
        let error: &(dyn Error + 'static) = &*self.0;
        error.downcast_ref()
    }

    /// A file could not be written for want of room or rights.
    pub(crate) fn is_about_the_place(&self) -> bool {
        is_about_the_place(&*self.0)
    }

    /// Whoever read the standard output has gone away, as `head` does: no error for the user.
    pub(crate) fn is_broken_pipe(&self) -> bool {
        self.downcast_ref::<OutputError>()
            .is_some_and(|error| error.0.kind() == io::ErrorKind::BrokenPipe)
    }
}

impl CliError {
    /// The message of any error with every cause behind it, on one line: a host or a program may have worded them.
    pub fn describe(error: &dyn Error) -> String {
        let mut text = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            let reason = cause.to_string();
            // Some libraries put the cause into their own message.
            if !text.ends_with(&reason) {
                text.push_str(": ");
                text.push_str(&reason);
            }
            source = cause.source();
        }
        visible::one_line(&text).into_owned()
    }

    /// The message, and what to do about it.
    pub fn told(error: &impl Failure) -> String {
        Self::with_hint(&Self::describe(error), error.hint())
    }

    /// This one's message, and what to do about it.
    pub(crate) fn told_itself(&self) -> String {
        Self::with_hint(&self.to_string(), self.hint())
    }

    fn with_hint(message: &str, hint: Option<String>) -> String {
        let hint = hint.map_or_else(String::new, |hint| format!("; {hint}"));
        format!("{message}{hint}")
    }
}

/// The message with every cause behind it, on one line.
impl fmt::Display for CliError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&Self::describe(&*self.0))
    }
}

impl fmt::Debug for CliError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, formatter)
    }
}

/// The standard output cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write the output")]
pub struct OutputError(#[source] pub io::Error);

impl Failure for OutputError {
    fn exit_code(&self) -> u8 {
        vscsi_shared::exit_code::FAILED
    }

    fn hint(&self) -> Option<String> {
        Some("redirect the output to a place that can be written and has space".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::{FileError, UsageError};

    #[test]
    fn a_usage_error_ends_with_its_documented_code_and_keeps_its_hint() {
        let error = CliError::from(UsageError::new("no such profile `quik`", "did you mean `quick`?"));
        assert_eq!(
            (error.exit_code(), error.hint().as_deref()),
            (2, Some("did you mean `quick`?"))
        );
    }

    #[test]
    fn the_message_names_every_cause() {
        let cause = io::Error::other("disk on fire");
        let error = CliError::from(FileError::new("read", "job.json".as_ref())(cause));
        assert_eq!(error.to_string(), "cannot read `job.json`: disk on fire");
    }

    #[test]
    fn only_a_vanished_reader_of_the_output_counts_as_a_broken_pipe() {
        let gone = || io::Error::from(io::ErrorKind::BrokenPipe);
        assert!(CliError::from(OutputError(gone())).is_broken_pipe());
        assert!(!CliError::from(OutputError(io::Error::other("full"))).is_broken_pipe());
        assert!(!CliError::from(FileError::new("write", "x".as_ref())(gone())).is_broken_pipe());
    }
}
