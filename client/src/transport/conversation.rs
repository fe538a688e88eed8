//! One login in which many questions are put to the host's shell, each after the answer to the one before.
//!
//! Each login of a hardened host is logged and slow, and what to ask next is often known only from the last answer: which
//! files a VM has stands in its configuration.

use std::hash::{BuildHasher as _, RandomState};
use std::process::Command;
use std::time::{Duration, Instant};

use super::child::{ChildLink, Explain};
use super::ssh::Ssh;
use super::{Link as _, TransportError};
use crate::number;

/// How long one answer may take; esxcli takes seconds on a busy host.
const ANSWER_TIMEOUT: Duration = Duration::from_mins(1);
/// What all answers together may have; the listings of a large host are far below.
const LIMIT_BYTES: usize = 32 * 1024 * 1024;

/// One login in which many questions are put to the host's shell.
pub(crate) struct Conversation {
    host: String,
    link: ChildLink,
    /// Stands on a line of its own behind each answer, and in no file of a host.
    marker: String,
    received: Vec<u8>,
    total_bytes: usize,
}

impl Conversation {
    /// Logs in.
    ///
    /// # Errors
    /// When the host is not reached.
    pub(crate) fn open(ssh: &Ssh) -> Result<Self, TransportError> {
        let (command, explain) = ssh.shell_command()?;
        Self::with(ssh.address.host.to_string(), command, explain)
    }

    fn with(host: String, command: Command, explain: Explain) -> Result<Self, TransportError> {
        // The standard library seeds each of these by chance.
        let random = || RandomState::new().hash_one(0_u8);
        let mut conversation = Self {
            host,
            link: ChildLink::spawn(command, explain)?,
            marker: format!("\n@@@ {:016x}{:016x}", random(), random()),
            received: Vec::new(),
            total_bytes: 0,
        };
        // What the login prints ends here.
        conversation.ask("true")?;
        Ok(conversation)
    }

    /// What a command line of the host's shell prints on its standard output, and its exit status.
    ///
    /// # Errors
    /// When the connection breaks, or the answer is too late or too long.
    pub(crate) fn ask(&mut self, line: &str) -> Result<(i32, Vec<u8>), TransportError> {
        let question = format!(
            "{{ {line}\n}} </dev/null 2>/dev/null; printf '\\n%s %s\\n' '{}' $?\n",
            self.marker.trim_start()
        );
        if self.link.send(question.as_bytes()).is_err() {
            return Err(self.link.post_mortem());
        }
        let deadline = Instant::now() + ANSWER_TIMEOUT;
        let begun = Instant::now();
        loop {
            if let Some(answer) = self.take_answer() {
                let (status, output) = &answer;
                let (took, size) = (begun.elapsed().as_millis(), number::bytes(output.len() as u64));
                log::debug!("asked `{}`: status {status} after {took} ms, {size}", line.trim());
                return Ok(answer);
            }
            let mut piece = [0; 16 * 1024];
            let left = deadline.saturating_duration_since(Instant::now());
            match self.link.receive(&mut piece, Some(left.max(Duration::from_millis(1)))) {
                Ok(0) => return Err(self.link.post_mortem()),
                Ok(length) => {
                    self.total_bytes += length;
                    self.received.extend_from_slice(piece.get(..length).unwrap_or_default());
                }
                Err(error) if error.kind() == std::io::ErrorKind::TimedOut => {
                    return Err(TransportError::Silent {
                        host: self.host.clone(),
                        seconds: ANSWER_TIMEOUT.as_secs(),
                    });
                }
                Err(_) => return Err(self.link.post_mortem()),
            }
            if self.total_bytes > LIMIT_BYTES {
                return Err(TransportError::TooMuch {
                    host: self.host.clone(),
                    limit_bytes: LIMIT_BYTES as u64,
                });
            }
        }
    }

    /// The answer, once its end is here. Nothing stands behind it, because only one question is under way.
    fn take_answer(&mut self) -> Option<(i32, Vec<u8>)> {
        let text = self.received.strip_suffix(b"\n")?;
        let last = text.iter().rposition(|byte| *byte == b'\n')?;
        let (answer, end) = text.split_at_checked(last)?;
        let status = end.strip_prefix(self.marker.as_bytes())?;
        let status = std::str::from_utf8(status).ok()?.trim().parse().ok()?;
        let answer = answer.to_vec();
        self.received.clear();
        Some((status, answer))
    }
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use super::*;

    fn with_a_shell(noise: &str) -> Conversation {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", "printf '%s' \"$0\"; exec /bin/sh", noise]);
        let explain: Explain = Box::new(|_, said| TransportError::Lost {
            host: "esx1".into(),
            reason: said.to_owned(),
        });
        Conversation::with("esx1".to_owned(), command, explain).unwrap()
    }

    #[test]
    fn answers_come_one_by_one_with_their_status_and_to_the_byte() {
        let mut shell = with_a_shell("Welcome");
        assert_eq!(shell.ask("printf 'a\\nb'").unwrap(), (0, b"a\nb".to_vec()));
        assert_eq!(shell.ask("echo c; false").unwrap(), (1, b"c\n".to_vec()));
        assert_eq!(shell.ask("cat").unwrap(), (0, Vec::new()));
        let (status, large) = shell.ask("seq 100000").unwrap();
        assert_eq!((status, large.len()), (0, 588_895));
    }

    #[test]
    fn a_shell_that_ends_is_an_error() {
        assert!(matches!(
            with_a_shell("").ask("exit 3"),
            Err(TransportError::Lost { .. })
        ));
    }

    #[test]
    fn an_answer_that_looks_like_an_end_is_none() {
        let mut shell = with_a_shell("");
        let text = b"@@@ 00000000000000000000000000000000 0\n".to_vec();
        let line = format!("echo '{}'", String::from_utf8_lossy(&text).trim_end());
        assert_eq!(shell.ask(&line).unwrap(), (0, text));
    }
}
