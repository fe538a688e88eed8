//! The table of routes: from method, path and body to what is asked for.

use serde::de::DeserializeOwned;
use vscsi_shared::identifier::Name;
use vscsi_shared::wire::v1::{Acknowledge, CreateJob, CreateSchedule, ErrorCode, StopJob};

use crate::action::{Action, Refusal, refuse};

/// Lines of the log that a client gets unless it asks for another number.
const LOG_LINES: usize = 100;

/// What a request asks for.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Route {
    /// A change; the collector makes it.
    Act(Action),
    /// An answer that changes nothing.
    Read(Read),
}

/// What a request wants to know.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Read {
    Info,
    Health,
    Inventory,
    Jobs,
    Job(Name),
    /// Snapshots with a sequence of at least `from`.
    Manifest {
        job: Name,
        from: u32,
    },
    /// One snapshot, without its first `skip` bytes.
    Sample {
        job: Name,
        sequence: u32,
        skip: Option<u64>,
    },
    /// The files from `from` on, without the first `skip` bytes of the first.
    Bundle {
        job: Name,
        from: u32,
        skip: u64,
    },
    Schedules,
    Log {
        lines: usize,
    },
}

/// Finds the route of a request.
pub(super) fn route(method: &str, url: &str, range: Option<&str>, body: &[u8]) -> Result<Route, Refusal> {
    let (path, query) = url.split_once('?').unwrap_or((url, ""));
    let query = Query(query);
    let not_found = || refuse(ErrorCode::NotFound, format!("there is nothing at {}", shown(path)), "");
    let segments: Vec<&str> = path.strip_prefix("/v1/").ok_or_else(not_found)?.split('/').collect();
    let found = match (method, segments.as_slice()) {
        ("GET", ["info"]) => Route::Read(Read::Info),
        ("GET", ["health"]) => Route::Read(Read::Health),
        ("GET", ["inventory"]) => Route::Read(Read::Inventory),
        ("GET", ["jobs"]) => Route::Read(Read::Jobs),
        ("POST", ["jobs"]) => Route::Act(Action::Create(json::<CreateJob>(body)?)),
        ("GET", ["jobs", job]) => Route::Read(Read::Job(name(job)?)),
        ("DELETE", ["jobs", job]) => Route::Act(Action::Delete(name(job)?)),
        ("POST", ["jobs", job, "stop"]) => {
            let how = if body.is_empty() {
                StopJob::default()
            } else {
                json(body)?
            };
            Route::Act(Action::Stop(name(job)?, how))
        }
        ("POST", ["jobs", job, "cleanup"]) => Route::Act(Action::Cleanup(name(job)?)),
        ("POST", ["jobs", job, "ack"]) => Route::Act(Action::Acknowledge(name(job)?, json::<Acknowledge>(body)?)),
        ("GET", ["jobs", job, "samples"]) => Route::Read(Read::Manifest {
            job: name(job)?,
            from: query.first_sequence()?,
        }),
        ("GET", ["jobs", job, "samples", sequence]) => Route::Read(Read::Sample {
            job: name(job)?,
            sequence: number("sequence", sequence)?,
            skip: range.map(range_start).transpose()?,
        }),
        ("GET", ["jobs", job, "bundle"]) => Route::Read(Read::Bundle {
            job: name(job)?,
            from: query.first_sequence()?,
            skip: query.number("skip")?.unwrap_or(0),
        }),
        ("GET", ["schedules"]) => Route::Read(Read::Schedules),
        ("POST", ["schedules"]) => Route::Act(Action::CreateSchedule(json::<CreateSchedule>(body)?)),
        ("DELETE", ["schedules", schedule]) => Route::Act(Action::DeleteSchedule(name(schedule)?)),
        ("GET", ["log"]) => Route::Read(Read::Log {
            lines: query.number("lines")?.unwrap_or(LOG_LINES),
        }),
        (_, segments) if is_known(segments) => {
            let message = format!("{} does not support the method {}", shown(path), shown(method));
            return Err(refuse(ErrorCode::MethodNotAllowed, message, ""));
        }
        _ => return Err(not_found()),
    };
    Ok(found)
}

/// The path exists for another method.
fn is_known(segments: &[&str]) -> bool {
    matches!(
        segments,
        ["info" | "health" | "inventory" | "jobs" | "schedules" | "log"]
            | ["jobs" | "schedules", _]
            | ["jobs", _, "stop" | "cleanup" | "ack" | "samples" | "bundle"]
            | ["jobs", _, "samples", _]
    )
}

/// A text of the request as it may appear in an answer: short and without control characters.
fn shown(text: &str) -> String {
    text.chars().take(80).flat_map(char::escape_debug).collect()
}

fn bad(message: String) -> Refusal {
    refuse(ErrorCode::BadRequest, message, "")
}

fn name(segment: &str) -> Result<Name, Refusal> {
    Name::new(segment).map_err(|error| bad(error.to_string()))
}

fn number<T: std::str::FromStr>(what: &str, text: &str) -> Result<T, Refusal> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse()
        .ok()
        .filter(|_| plain)
        .ok_or_else(|| bad(format!("`{}` is not a {what}", shown(text))))
}

fn json<T: DeserializeOwned>(body: &[u8]) -> Result<T, Refusal> {
    let mut unknown = Vec::new();
    let mut reader = serde_json::Deserializer::from_slice(body);
    let value = serde_ignored::deserialize(&mut reader, |path| unknown.push(path.to_string()))
        .and_then(|value| reader.end().map(|()| value))
        .map_err(|error| bad(format!("the body cannot be read: {error}")))?;
    match unknown.first() {
        None => Ok(value),
        Some(key) => Err(bad(format!(
            "the body has a key that this version does not know: {}",
            shown(key)
        ))),
    }
}

/// `bytes=K-`, the one form of Range that is understood.
fn range_start(value: &str) -> Result<u64, Refusal> {
    let start = value.strip_prefix("bytes=").and_then(|range| range.strip_suffix('-'));
    number("Range of the form bytes=K-", start.unwrap_or(value))
}

struct Query<'url>(&'url str);

impl Query<'_> {
    fn number<T: std::str::FromStr>(&self, key: &'static str) -> Result<Option<T>, Refusal> {
        let pair = self
            .0
            .split('&')
            .filter_map(|pair| pair.split_once('='))
            .find(|(found, _)| *found == key);
        pair.map(|(_, value)| number(key, value)).transpose()
    }

    /// `after=N` means from N + 1 on; without it everything.
    fn first_sequence(&self) -> Result<u32, Refusal> {
        Ok(self.number::<u32>("after")?.map_or(0, |after| after.saturating_add(1)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(method: &str, url: &str, body: &[u8]) -> ErrorCode {
        route(method, url, None, body).unwrap_err().code
    }

    #[test]
    fn after_means_from_the_next_on() {
        let job = Name::new("a").unwrap();
        let all = Route::Read(Read::Manifest {
            job: job.clone(),
            from: 0,
        });
        assert_eq!(route("GET", "/v1/jobs/a/samples", None, b"").unwrap(), all);
        let later = Route::Read(Read::Manifest { job, from: 8 });
        assert_eq!(route("GET", "/v1/jobs/a/samples?after=7", None, b"").unwrap(), later);
    }

    #[test]
    fn a_range_skips_the_beginning_of_a_sample() {
        let expected = Route::Read(Read::Sample {
            job: Name::new("a").unwrap(),
            sequence: 3,
            skip: Some(100),
        });
        assert_eq!(
            route("GET", "/v1/jobs/a/samples/3", Some("bytes=100-"), b"").unwrap(),
            expected
        );
    }

    #[test]
    fn a_range_of_another_form_is_refused() {
        for range in ["bytes=0-5", "bytes=-5", "lines=3-", "bytes=+1-", "bytes=1-,2-"] {
            let refusal = route("GET", "/v1/jobs/a/samples/3", Some(range), b"").unwrap_err();
            assert_eq!(refusal.code, ErrorCode::BadRequest, "{range}");
        }
    }

    #[test]
    fn a_path_trick_in_a_name_is_refused() {
        for url in [
            "/v1/jobs/..",
            "/v1/jobs/%2e%2e",
            "/v1/jobs/.hidden/samples",
            "/v1/jobs/-x",
            "/v1/jobs/",
        ] {
            assert_eq!(code("GET", url, b""), ErrorCode::BadRequest, "{url}");
        }
        for url in [
            "/v1/jobs/../../etc/passwd",
            "/",
            "/v1",
            "/v2/info",
            "/v1/info/",
            "//v1/info",
        ] {
            assert_eq!(code("GET", url, b""), ErrorCode::NotFound, "{url}");
        }
    }

    #[test]
    fn a_known_path_with_another_method_says_so() {
        assert_eq!(code("PUT", "/v1/jobs", b""), ErrorCode::MethodNotAllowed);
        assert_eq!(code("DELETE", "/v1/info", b""), ErrorCode::MethodNotAllowed);
    }

    #[test]
    fn an_unknown_key_in_a_body_is_refused() {
        assert_eq!(
            code("POST", "/v1/jobs/a/stop", br#"{"clean":true}"#),
            ErrorCode::BadRequest
        );
    }

    #[test]
    fn stopping_without_a_body_cleans_up() {
        let expected = Route::Act(Action::Stop(Name::new("a").unwrap(), StopJob { cleanup: true }));
        assert_eq!(route("POST", "/v1/jobs/a/stop", None, b"").unwrap(), expected);
    }
}
