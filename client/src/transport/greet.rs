//! Reading the greeting line that separates whatever a login prints from HTTP.

use std::io;
use std::time::{Duration, Instant};

use vscsi_shared::wire::{ApiRange, Greeting};

use super::{Link, Opened, TransportError};
use crate::visible;

/// What a login may print before the greeting: banners are short, and something that never stops is no agent.
const NOISE_LIMIT_BYTES: usize = 64 * 1024;

/// Reads `link` up to the greeting of an agent that speaks our language.
///
/// It reads byte by byte, because what follows the line feed belongs to HTTP.
pub(super) fn greet(host: &str, mut link: Box<dyn Link>, timeout: Duration) -> Result<Opened, TransportError> {
    let deadline = Instant::now() + timeout;
    let mut text = Vec::new();
    let mut noise = 0;
    loop {
        let mut byte = [0];
        let left = deadline.saturating_duration_since(Instant::now());
        match link.receive(&mut byte, Some(left.max(Duration::from_millis(1)))) {
            Ok(0) => return Err(link.post_mortem()),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::TimedOut => {
                return Err(TransportError::Silent {
                    host: host.to_owned(),
                    seconds: timeout.as_secs(),
                });
            }
            Err(_) => return Err(link.post_mortem()),
        }
        if byte == [b'\n'] {
            if let Some(greeting) = greeting_in(&String::from_utf8_lossy(&text)) {
                log::debug!(
                    "{host}: agent {} speaks versions {} to {} of the protocol",
                    greeting.version,
                    greeting.api.min,
                    greeting.api.max
                );
                check_version(host, &greeting)?;
                return Ok(Opened { link, greeting });
            }
            text.clear();
        } else {
            text.extend_from_slice(&byte);
        }
        noise += 1;
        if noise > NOISE_LIMIT_BYTES {
            return Err(TransportError::NoGreeting {
                host: host.to_owned(),
                reason: format!("received more than {} KiB and no greeting", NOISE_LIMIT_BYTES / 1024),
            });
        }
    }
}

/// The greeting at the end of a line, every text of which is one line that commands nothing.
///
/// What a login prints need not end its line: the title of a terminal's window does not, and neither does a prompt.
pub(super) fn greeting_in(line: &str) -> Option<Greeting> {
    line.match_indices('{')
        .filter_map(|(at, _)| line.get(at..))
        .find_map(|rest| Greeting::from_line(&visible::json_of_lines(rest)))
}

fn check_version(host: &str, greeting: &Greeting) -> Result<(), TransportError> {
    match ApiRange::SUPPORTED.negotiate(greeting.api) {
        Some(_) => Ok(()),
        None => Err(TransportError::VersionMismatch {
            host: host.to_owned(),
            agent_version: greeting.version.clone(),
            agent: greeting.api,
            client: ApiRange::SUPPORTED,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Script(io::Cursor<Vec<u8>>);

    impl Link for Script {
        fn send(&mut self, _: &[u8]) -> io::Result<()> {
            Ok(())
        }

        fn receive(&mut self, buffer: &mut [u8], _: Option<Duration>) -> io::Result<usize> {
            io::Read::read(&mut self.0, buffer)
        }

        fn post_mortem(&mut self) -> TransportError {
            TransportError::Lost {
                host: "h".into(),
                reason: "end of script".into(),
            }
        }
    }

    fn greet_script(text: &str) -> Result<Opened, TransportError> {
        greet(
            "h",
            Box::new(Script(io::Cursor::new(text.into()))),
            Duration::from_secs(5),
        )
    }

    const GREETING: &str =
        r#"{"program":"vscsi-agent","version":"0.1.0","api":{"min":1,"max":1},"token":"t","port":4711}"#;

    #[test]
    fn banner_lines_before_the_greeting_are_skipped() {
        let opened = greet_script(&format!(
            "\nThe time and date of this login\r\n{{\"a\":1}}\n{GREETING}\n"
        ))
        .unwrap();
        assert_eq!(opened.greeting.port, 4711);
    }

    #[test]
    fn text_without_a_line_end_before_the_greeting_is_skipped() {
        for text in ["\u{1b}]0;root@esx1\u{7}", "Welcome ", "{\"a\": {", "Lab {7}: \u{1b}[0m"] {
            let opened = greet_script(&format!("{text}{GREETING}\n")).unwrap();
            assert_eq!(opened.greeting.port, 4711, "{text:?}");
        }
    }

    #[test]
    fn what_follows_the_greeting_is_left_in_the_stream() {
        let mut opened = greet_script(&format!("{GREETING}\nHTTP/1.1 200")).unwrap();
        let mut rest = [0; 64];
        let amount = opened.link.receive(&mut rest, None).unwrap();
        assert_eq!(&rest[..amount], b"HTTP/1.1 200");
    }

    #[test]
    fn endless_noise_is_given_up() {
        let error = greet_script(&"y\n".repeat(100_000)).unwrap_err();
        assert!(matches!(error, TransportError::NoGreeting { .. }), "{error}");
    }

    #[test]
    fn an_end_before_the_greeting_is_explained_by_the_link() {
        assert!(matches!(greet_script("banner\n"), Err(TransportError::Lost { .. })));
    }

    #[test]
    fn an_agent_without_a_common_version_is_refused() {
        let newer = GREETING.replace(r#""min":1,"max":1"#, r#""min":7,"max":9"#);
        let error = greet_script(&format!("{newer}\n")).unwrap_err();
        assert!(matches!(error, TransportError::VersionMismatch { .. }), "{error}");
    }
}
